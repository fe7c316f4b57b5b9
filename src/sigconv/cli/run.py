"""Running a command line: errors become one line and an exit code."""

from __future__ import annotations

import os
import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import click

from sigconv.cli.commands import sigconv
from sigconv.cli.failures import PIPE, Terminated, report_failure

__all__ = ["run"]


def run(arguments: list[str]) -> int:
    """Run the command line `arguments`, report what goes wrong, and return the exit code."""
    try:
        with _terminable():
            code = _invoke(arguments)
            sys.stdout.flush()
            return code
    except BrokenPipeError:
        # Whoever reads has enough. What is left must not fail again when the interpreter ends.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return PIPE
    except BaseException as error:
        if isinstance(error, SystemExit):
            raise
        return report_failure(error, debug="--debug" in arguments)


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
