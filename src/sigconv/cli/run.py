"""Running a command line: errors become one line and an exit code."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import click

from sigconv.cli.commands import sigconv
from sigconv.cli.failures import Terminated, report_failure

__all__ = ["run"]


def run(arguments: list[str]) -> int:
    """Run the command line `arguments`, report what goes wrong, and return the exit code."""
    try:
        with _terminable():
            return _invoke(arguments)
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
