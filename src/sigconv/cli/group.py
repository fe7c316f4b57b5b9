"""The command that holds all others."""

from __future__ import annotations

import click

from sigconv.cli.options import debug_option

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
    130 interrupted, 141 nobody reads, 143 terminated.
    """
