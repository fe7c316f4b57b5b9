"""The commands on files that convolve none; other modules have the others."""

from __future__ import annotations

import json
from pathlib import Path

import click

from sigconv.cli import convolving, dice, interest
from sigconv.cli.group import sigconv
from sigconv.cli.options import Options, debug_option, plan_options
from sigconv.cli.values import DURATION, RATE, SPACING, parse_shape

__all__ = ["convolving", "dice", "interest", "sigconv"]


@sigconv.command("plan")
@click.argument("source", metavar="SHAPE|FILE")
@click.option(
    "-k", "--kernel", required=True, metavar="SHAPE|KERNEL", help="What to convolve with."
)
@plan_options
@debug_option
def plan_command(source: str, kernel: str, options: Options) -> None:
    """Show how a convolution would be computed, and what each engine would cost.

    A SHAPE is written like 256x256x64; a FILE that has such a name is written ./256x256x64.
    """
    from sigconv.files import plan_file, plan_shape

    shape, taps = parse_shape(source), parse_shape(kernel)
    if shape is None:
        plan = plan_file(source, kernel if taps is None else taps, options.settings())
    else:
        plan = plan_shape(shape, kernel if taps is None else taps, options.settings())
    click.echo(str(plan))


@sigconv.command("info")
@click.argument("file", metavar="FILE", type=click.Path(path_type=Path))
@debug_option
def info_command(file: Path) -> None:
    """Show what FILE holds and how it would be convolved."""
    from sigconv.cli.report import describe_file
    from sigconv.files import describe

    click.echo(describe_file(describe(file)))


@sigconv.command("kernel")
@click.argument("spec", metavar="SPEC")
@click.option(
    "-o",
    "--output",
    metavar="FILE",
    type=click.Path(path_type=Path),
    help="Write the taps to .npy, .tif or audio.",
)
@click.option("--ndim", type=click.IntRange(1, 8), metavar="N", help="The number of axes.")
@click.option("--rate", type=RATE, metavar="RATE", help="Samples per second, as 48kHz.")
@click.option("--spacing", type=SPACING, metavar="STEP", help="Distance of samples, as 3x1x1mm.")
@click.option("--force", is_flag=True, help="Replace FILE if it exists.")
@click.option("--json", "as_json", is_flag=True, help="Print all as JSON, the taps too.")
@debug_option
def kernel_command(
    spec: str,
    *,
    output: Path | None,
    ndim: int | None,
    rate: float | None,
    spacing: tuple[float, ...] | None,
    force: bool,
    as_json: bool,
) -> None:
    """Show the kernel that SPEC makes, such as gaussian:sigma=2 or lowpass:1kHz,101.

    Units need --rate or --spacing. The taps of a small kernel are printed as the JSON array that
    -k takes.
    """
    from sigconv import kernels
    from sigconv.cli import report
    from sigconv.files import save_kernel

    one_step = spacing[0] if spacing is not None and len(spacing) == 1 else spacing
    taps = kernels.parse(spec, spacing=one_step, fs=rate, ndim=ndim)
    if output is not None:
        save_kernel(taps, output, rate=rate, force=force)
    facts = report.kernel_facts(spec, taps, output)
    if as_json:
        click.echo(json.dumps(facts | {"taps": taps.tolist()}))
        return
    click.echo(report.describe_kernel(facts))
    if taps.size <= report.FEW_TAPS:
        click.echo(json.dumps(taps.tolist()))


@sigconv.command("delay")
@click.argument("signal", metavar="SIGNAL", type=click.Path(path_type=Path))
@click.argument("reference", metavar="REFERENCE", type=click.Path(path_type=Path))
@click.option(
    "--max-delay",
    type=DURATION,
    metavar="TIME",
    help="The longest delay to look at, either way, as 20ms.",
)
@click.option(
    "--weighting",
    type=click.Choice(("phat", "scot")),
    help="What the spectrum is divided by: phat for rooms with echoes.",
)
@click.option("--rate", type=RATE, metavar="RATE", help="Samples per second of .npy files.")
@click.option("--json", "as_json", is_flag=True, help="Print the result as JSON.")
@debug_option
def delay_command(
    signal: Path,
    reference: Path,
    max_delay: float | None,
    weighting: str | None,
    rate: float | None,
    as_json: bool,
) -> None:
    """Show by how much time the recording SIGNAL lags the recording REFERENCE.

    Channels are averaged. A confidence near 1 means that another delay fits as well.
    """
    from sigconv.cli import report
    from sigconv.files import delay_of_files

    found = delay_of_files(signal, reference, max_delay=max_delay, weighting=weighting, rate=rate)
    facts = report.delay_facts(found)
    click.echo(json.dumps(facts) if as_json else report.describe_delay(found))


@sigconv.command("calibrate")
@click.option("--show", is_flag=True, help="Show the speeds in force and where they come from.")
@click.option("--clear", is_flag=True, help="Remove what was measured on this computer.")
@debug_option
def calibrate_command(show: bool, clear: bool) -> None:
    """Measure this computer, so that plans suit it.

    Takes about a minute, in which the computer should have nothing else to do. What is found lies
    in the user's cache directory, and serves this processor with this FFT library.
    """
    from sigconv.cli import calibration

    if show and clear:
        raise click.UsageError("--show and --clear exclude each other.")
    if show:
        calibration.show()
    elif clear:
        calibration.clear()
    else:
        calibration.measure()


@sigconv.command("demo")
@click.option(
    "--output",
    default="demo-output",
    show_default=True,
    metavar="DIR",
    type=click.Path(path_type=Path, file_okay=False),
    help="Where to write files and pictures.",
)
@debug_option
def demo_command(output: Path) -> None:
    """Filter a real recording and smooth a real MRI volume, with pictures."""
    from sigconv.cli.demo import run_demo

    run_demo(output)
