"""The commands and their options."""

from __future__ import annotations

from pathlib import Path

import click

from sigconv.cli.options import (
    Options,
    convolution_options,
    debug_option,
    parse_shape,
    workers_option,
)

__all__ = ["sigconv"]

SETTINGS = {"help_option_names": ["-h", "--help"], "max_content_width": 100}


def _show_version(context: click.Context, _: click.Parameter, wanted: bool) -> None:
    if wanted and not context.resilient_parsing:
        from sigconv import __version__

        click.echo(f"sigconv {__version__}")
        context.exit()


@click.group(context_settings=SETTINGS)
@click.option(
    "--version",
    is_flag=True,
    is_eager=True,
    expose_value=False,
    callback=_show_version,
    help="Show the version and exit.",
)
@debug_option
def sigconv() -> None:
    """Convolve recordings, arrays, volumes and images.

    A KERNEL is a file, a JSON array such as "[1, 2, 1]", or a specification such as
    gaussian:sigma=2mm, box:5x5x3 or lowpass:cutoff=1kHz,taps=501. Units come from the input:
    its sample rate, or a volume's voxel size.

    Exit codes: 0 done, 1 failed, 2 usage, 3 input missing or corrupt, 4 output exists,
    130 interrupted.
    """


@sigconv.command("convolve")
@click.argument("source", metavar="INPUT", type=click.Path(path_type=Path))
@click.option("-k", "--kernel", required=True, metavar="KERNEL", help="What to convolve with.")
@click.option(
    "-o",
    "--output",
    required=True,
    metavar="OUT",
    type=click.Path(path_type=Path),
    help="The file to write; its suffix names the format.",
)
@convolution_options
@workers_option
@click.option("--force", is_flag=True, help="Replace OUT if it exists.")
@click.option("-q", "--quiet", is_flag=True, help="Say nothing but errors and warnings.")
@debug_option
def convolve_command(
    source: Path, kernel: str, output: Path, options: Options, force: bool, quiet: bool
) -> None:
    """Convolve INPUT with KERNEL and write OUT.

    Audio (.wav .flac .ogg .aiff .caf .au .rf64) is convolved along time in constant memory, and
    keeps its encoding; .npy arrays along every axis; .nii volumes (x, y, z) and .tif images
    (z, y, x) along space, with their headers kept. OUT is renamed into place when it is whole.
    """
    from sigconv.cli import report
    from sigconv.cli.progress import reporting
    from sigconv.files import convolve_file

    with reporting(source.name, quiet=quiet) as progress:
        record = convolve_file(
            source,
            kernel,
            output,
            workers=options.workers,
            force=force,
            progress=progress,
            **options.keywords(),
        )
    for note in record.source.notes:
        click.echo(f"sigconv: warning: {source}: {note}", err=True)
    if record.clipped:
        click.echo(report.clip_warning(record), err=True)
    if not quiet:
        click.echo(report.summarise(record))


@sigconv.command("plan")
@click.argument("source", metavar="SHAPE|FILE")
@click.option(
    "-k", "--kernel", required=True, metavar="SHAPE|KERNEL", help="What to convolve with."
)
@convolution_options
@debug_option
def plan_command(source: str, kernel: str, options: Options) -> None:
    """Show how a convolution would be computed, and what each engine would cost.

    A SHAPE is written like 256x256x64; a FILE that has such a name is written ./256x256x64.
    """
    from sigconv.files import plan_file, plan_shape

    shape, taps = parse_shape(source), parse_shape(kernel)
    if shape is None:
        plan = plan_file(source, kernel if taps is None else taps, **options.keywords())
    else:
        plan = plan_shape(shape, kernel if taps is None else taps, **options.keywords())
    click.echo(str(plan))


@sigconv.command("info")
@click.argument("file", metavar="FILE", type=click.Path(path_type=Path))
@debug_option
def info_command(file: Path) -> None:
    """Show what FILE holds and how it would be convolved."""
    from sigconv.cli.report import describe_file
    from sigconv.files import describe

    click.echo(describe_file(describe(file)))


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
