"""What INPUT and OUT name: files, or the pipes of this process."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from sigconv.files import Pipe

__all__ = ["incoming", "is_pipe", "outgoing"]


def is_pipe(path: Path) -> bool:
    """Tell whether a path is written ``-``; a file of that name is written ``./-``."""
    return str(path) == "-"


def incoming(path: Path) -> Path | Pipe:
    """Return the file to read, or stdin."""
    from sigconv.files import Pipe

    if not is_pipe(path):
        return path
    if sys.stdin.isatty():
        raise click.UsageError("stdin is a terminal. Pipe audio into it, or name a file.")
    return Pipe(sys.stdin.buffer, "stdin")


def outgoing(path: Path) -> Path | Pipe:
    """Return the file to write, or stdout."""
    from sigconv.files import Pipe

    if not is_pipe(path):
        return path
    if sys.stdout.isatty():
        raise click.UsageError(
            "audio is not written to a terminal. Pipe it on, or name a file: -o OUT."
        )
    return Pipe(sys.stdout.buffer, "stdout")
