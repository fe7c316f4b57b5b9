"""Options that several commands share."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar

import click

from sigconv.core.boundary import ALIASES, RULES
from sigconv.core.shapes import MODES
from sigconv.planning import METHODS

__all__ = [
    "METHODS",
    "Options",
    "convolution_options",
    "debug_option",
    "parse_shape",
    "workers_option",
]

Command = TypeVar("Command", bound=Callable[..., Any])

DTYPES = ("float32", "float64", "complex64", "complex128", "int64")


@dataclass(frozen=True, slots=True)
class Options:
    """How to convolve, as given on the command line."""

    mode: str | None
    boundary: str
    method: str
    dtype: str | None
    workers: int | None = None

    def keywords(self) -> dict[str, Any]:
        """Return those that decide the result or the plan, as keywords of `sigconv.files`."""
        return {
            "mode": self.mode,
            "boundary": self.boundary,
            "method": self.method,
            "dtype": self.dtype,
        }


def debug_option(command: Command) -> Command:
    """Add ``--debug``, which `sigconv.cli.run` looks for."""
    option = click.option(
        "--debug", is_flag=True, expose_value=False, help="Show the traceback of an error."
    )
    return option(command)


def convolution_options(command: Callable[..., None]) -> Callable[..., None]:
    """Add the options of one convolution, which arrive as one `Options`."""

    def gathered(
        mode: str | None,
        boundary: str,
        method: str,
        dtype: str | None,
        workers: int | None = None,
        **others: Any,
    ) -> None:
        command(options=Options(mode, boundary, method, dtype, workers), **others)

    # The name, the help and the options that click has gathered on the command so far.
    vars(gathered).update(vars(command))
    gathered.__doc__ = command.__doc__
    gathered.__name__ = command.__name__
    for option in reversed(_CONVOLUTION):
        option(gathered)
    return gathered


_CONVOLUTION = (
    click.option(
        "--mode",
        type=click.Choice(MODES),
        help="Size of the output.  [default: full for audio, same for everything else]",
    ),
    click.option(
        "--boundary",
        type=click.Choice((*RULES, *ALIASES)),
        default="zero",
        show_default=True,
        metavar="RULE",
        help=f"How the input continues beyond its edges: {', '.join(RULES)}, "
        f"or as in ndimage {', '.join(ALIASES)}.",
    ),
    click.option(
        "--method",
        type=click.Choice(METHODS),
        default="auto",
        show_default=True,
        help="The engine; it changes the speed, not the result.",
    ),
    click.option(
        "--dtype",
        type=click.Choice(DTYPES),
        help="Compute in this type and write it; audio keeps the input's sample format, in PCM "
        "for instance.  [default: the input's precision; float32 for integers]",
    ),
)


workers_option = click.option(
    "--workers",
    type=click.IntRange(min=-1),
    metavar="N",
    help="Threads at most; -1 for all processors.  [default: those this process may use]",
)


def parse_shape(text: str) -> tuple[int, ...] | None:
    """Return the shape that a text such as ``256x256x33`` spells, or None where it spells none.

    >>> parse_shape("256x256x33"), parse_shape("1000"), parse_shape("brain.nii")
    ((256, 256, 33), (1000,), None)
    """
    if re.fullmatch(r"[0-9]{1,15}(x[0-9]{1,15})*", text):
        return tuple(int(part) for part in text.split("x"))
    return None
