"""What went wrong, as one line and an exit code."""

from __future__ import annotations

import sys
import traceback
from contextlib import suppress

import click

from sigconv import errors

__all__ = ["PIPE", "Terminated", "exit_code", "one_line", "report_failure"]

FAILED, USAGE, INPUT, EXISTS, INTERRUPTED, PIPE, TERMINATED = 1, 2, 3, 4, 130, 141, 143

_CODES: tuple[tuple[type[BaseException] | tuple[type[BaseException], ...], int], ...] = (
    (errors.OutputExistsError, EXISTS),
    (errors.SourceError, INPUT),
    (
        (
            click.UsageError,
            errors.BoundaryError,
            errors.DTypeError,
            errors.KernelError,
            errors.MethodError,
            errors.ModeError,
            errors.OptionError,
            errors.ShapeError,
        ),
        USAGE,
    ),
    (KeyboardInterrupt, INTERRUPTED),
)


class Terminated(BaseException):
    """The process was asked to end; like an interruption it passes every ``except Exception``."""


def report_failure(error: BaseException, *, debug: bool) -> int:
    """Print what went wrong, in one line unless `debug`, and return the exit code."""
    # The code tells what went wrong, also where nobody can be told.
    with suppress(OSError):
        if debug:
            traceback.print_exception(error)
        print(f"sigconv: {one_line(error)}", file=sys.stderr, flush=True)
    return exit_code(error)


def exit_code(error: BaseException) -> int:
    """Return the exit code that tells a script what kind of error ended the command."""
    if isinstance(error, Terminated):
        return TERMINATED
    for kinds, code in _CODES:
        if isinstance(error, kinds):
            return code
    return FAILED


def one_line(error: BaseException) -> str:
    """Return the rule, the values and the remedy of an error in one line."""
    if isinstance(error, KeyboardInterrupt | Terminated):
        notes = getattr(error, "__notes__", ())
        return f"interrupted; {notes[0] if notes else 'no output was written'}."
    if isinstance(error, click.UsageError):
        command = error.ctx.command_path if error.ctx else "sigconv"
        text = f"{error.format_message()} Try: {command} --help"
    elif isinstance(error, errors.SigconvError | click.ClickException):
        text = str(error)
    elif isinstance(error, MemoryError):
        text = f"not enough memory ({error}). Use a smaller input or kernel."
    elif isinstance(error, OSError):
        where = "" if error.filename is None else f" ({error.filename})"
        text = f"{error.strerror or error}{where}. Check the disk and the permissions."
    else:
        text = (
            f"unexpected {type(error).__name__}: {error}. This is a bug in sigconv; --debug "
            "shows where."
        )
    return " ".join(text.split())
