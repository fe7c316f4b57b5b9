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
    _open_standard_files()
    try:
        with _terminable():
            code = _invoke(arguments)
            if sys.stdout is not None:
                sys.stdout.flush()
            return code
    except BrokenPipeError:
        # Whoever reads has enough.
        _drop_output()
        return PIPE
    except BaseException as error:
        if isinstance(error, SystemExit):
            raise
        try:
            if sys.stdout is not None:
                sys.stdout.flush()
        except OSError:
            _drop_output()
        return report_failure(error, debug="--debug" in arguments)


def _open_standard_files() -> None:
    """Open what is closed of stdin, stdout and stderr: the next file would take its number."""
    for number in range(3):
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, os.O_RDWR)
    if sys.stderr is None:
        # It stays open as long as the process, as any stderr does.
        sys.stderr = open(os.devnull, "w", encoding="utf-8")  # noqa: PTH123, SIM115 - a device; see above


def _drop_output() -> None:
    """Let what is left for stdout vanish: it must not fail again when the interpreter ends."""
    if sys.stdout is not None:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


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
