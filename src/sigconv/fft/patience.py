"""Transforms that take seconds, and Ctrl-C meanwhile.

A transform cannot be stopped, and Python hears Ctrl-C in its main thread alone. There a long
transform runs in a thread of its own, which is left to itself when the wait for it is interrupted.
In other threads it runs as it is, and whoever shares the work with an interrupted thread then
goes no further.

A daemon thread that comes back from C++ while the interpreter ends takes the process down with it:
the exit waits for such transforms.
"""

from __future__ import annotations

import atexit
import os
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from time import sleep

__all__ = ["LONG_BYTES", "Abandoned", "abandonable", "run_patiently"]

LONG_BYTES = 32 << 20
"""Scratch from which a transform may keep Ctrl-C waiting; it takes many times a thread's start."""

_HEARD = 0.5


_LOOK = 0.01

# One for each transform in C++ that is at work.
_awaited: set[object] = set()

if hasattr(os, "register_at_fork"):
    # Of a parent's threads a child has none.
    os.register_at_fork(after_in_child=_awaited.clear)


@atexit.register
def _await() -> None:
    while _awaited:
        sleep(_LOOK)


class _Thread(threading.local):
    is_stopped: Callable[[], bool] | None = None


_thread = _Thread()


class Abandoned(BaseException):
    """Ends the share of a worker whose results nobody waits for any more."""


@contextmanager
def abandonable(is_stopped: Callable[[], bool]) -> Iterator[None]:
    """Let long transforms of this thread end in `Abandoned` once `is_stopped` returns True."""
    before = _thread.is_stopped
    _thread.is_stopped = is_stopped
    try:
        yield
    finally:
        _thread.is_stopped = before


def run_patiently(
    transform: Callable[[], None], nbytes: int, *, awaited_at_exit: bool = False
) -> None:
    """Run a transform on scratch of `nbytes`; one in C++ is to be awaited at exit."""
    if nbytes < LONG_BYTES:
        transform()
        return
    if awaited_at_exit:
        transform = partial(_run_awaited, transform)
    if threading.current_thread() is threading.main_thread():
        _run_beside(transform)
    else:
        transform()
        if _thread.is_stopped is not None and _thread.is_stopped():
            raise Abandoned


def _run_awaited(transform: Callable[[], None]) -> None:
    me = object()
    _awaited.add(me)
    try:
        transform()
    finally:
        _awaited.discard(me)


def _run_beside(transform: Callable[[], None]) -> None:
    done = threading.Event()
    errors: list[BaseException] = []

    def run() -> None:
        try:
            transform()
        except BaseException as error:  # noqa: BLE001 - raised again by the thread that waits
            errors.append(error)
        finally:
            done.set()

    try:
        threading.Thread(target=run, name="sigconv transform", daemon=True).start()
    except RuntimeError:
        # At the exit of the interpreter no more threads start.
        run()
    # A wait without end hears no Ctrl-C on Windows.
    while not done.wait(_HEARD):
        pass
    for error in errors:
        raise error
