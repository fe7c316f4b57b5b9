"""Running a command line: errors become one line and an exit code."""

from __future__ import annotations

import signal
import sys
import threading
import traceback
from collections.abc import Iterator
from contextlib import contextmanager

import click

from sigconv import errors
from sigconv.cli.commands import sigconv

__all__ = ["exit_code", "run"]

FAILED, USAGE, INPUT, EXISTS, INTERRUPTED, TERMINATED = 1, 2, 3, 4, 130, 143

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


def run(arguments: list[str]) -> int:
    """Run the command line `arguments`, report what goes wrong, and return the exit code."""
    try:
        with _terminable():
            return _invoke(arguments)
    except BaseException as error:
        if "--debug" in arguments:
            traceback.print_exc()
        if isinstance(error, SystemExit):
            raise
        print(f"sigconv: {_one_line(error)}", file=sys.stderr)
        return exit_code(error)


def _invoke(arguments: list[str]) -> int:
    if not arguments:
        arguments = ["--help"]
    try:
        # Not click's main(), which would print its own account of errors and interruptions.
        with sigconv.make_context("sigconv", list(arguments)) as context:
            sigconv.invoke(context)
    except click.exceptions.Exit as done:
        return done.exit_code
    return 0


@contextmanager
def _terminable() -> Iterator[None]:
    """Let SIGTERM and SIGHUP unwind the program, so that temporary files are removed."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def end(*_: object) -> None:
        raise Terminated

    numbers = [signal.SIGTERM, *([signal.SIGHUP] if hasattr(signal, "SIGHUP") else [])]
    before = {number: signal.signal(number, end) for number in numbers}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def exit_code(error: BaseException) -> int:
    """Return the exit code that tells a script what kind of error ended the command."""
    if isinstance(error, Terminated):
        return TERMINATED
    for kinds, code in _CODES:
        if isinstance(error, kinds):
            return code
    return FAILED


def _one_line(error: BaseException) -> str:
    if isinstance(error, KeyboardInterrupt | Terminated):
        return "interrupted; no output was written."
    if isinstance(error, click.UsageError):
        command = error.ctx.command_path if error.ctx else "sigconv"
        text = f"{error.format_message()} Try: {command} --help"
    elif isinstance(error, errors.SigconvError | click.ClickException):
        text = str(error)
    elif isinstance(error, MemoryError):
        text = f"not enough memory ({error}). Use a smaller input or kernel."
    elif isinstance(error, OSError):
        text = f"{error.strerror or error} ({error.filename}). Check the disk and the permissions."
    else:
        text = (
            f"unexpected {type(error).__name__}: {error}. This is a bug in sigconv; --debug "
            "shows where."
        )
    return " ".join(text.split())
