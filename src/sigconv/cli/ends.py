"""What INPUT and OUT name: files, or the pipes of this process."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from sigconv.files import Pipe

__all__ = ["END", "incoming", "is_pipe", "outgoing"]


# Only some versions of click have it generic.
class _End(click.ParamType):  # type: ignore[type-arg]
    name = "end"

    def convert(self, value: Any, param: Any, ctx: Any) -> Path:
        # A path forgets that it began with a dot.
        is_dash = str(value) != "-" and str(Path(value)) == "-"
        return Path.cwd() / "-" if is_dash else Path(value)


END = _End()
"""An input or an output as it is written on the command line."""


def is_pipe(path: Path) -> bool:
    """Tell whether a path is written ``-``; a file of that name is written ``./-``."""
    return str(path) == "-"


def incoming(path: Path) -> Path | Pipe:
    """Return the file to read, or stdin."""
    from sigconv.files import Pipe

    if not is_pipe(path):
        return path
    if sys.stdin is None:
        raise click.UsageError("stdin is closed. Pipe audio into it, or name a file.")
    if sys.stdin.isatty():
        raise click.UsageError("stdin is a terminal. Pipe audio into it, or name a file.")
    return Pipe(sys.stdin.buffer, "stdin")


def outgoing(path: Path) -> Path | Pipe:
    """Return the file to write, or stdout."""
    from sigconv.files import Pipe

    if not is_pipe(path):
        return path
    if sys.stdout is None:
        raise click.UsageError("stdout is closed. Pipe it on, or name a file: -o OUT.")
    if sys.stdout.isatty():
        raise click.UsageError(
            "audio is not written to a terminal. Pipe it on, or name a file: -o OUT."
        )
    # Without a buffer, nothing waits to be written when one is interrupted.
    sys.stdout.flush()
    return Pipe(getattr(sys.stdout.buffer, "raw", sys.stdout.buffer), "stdout")
