"""Threads that wait to be called for a share of some work.

A helper is woken for each task, and begins some ten microseconds later. So nobody waits for one who
has not begun: whoever calls does all the work in that case.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import cache
from queue import SimpleQueue

__all__ = ["Offer", "Pool", "Team", "call_helpers"]

Task = Callable[[], object]


class Pool:
    """Threads that live to be called again."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self._tasks: SimpleQueue[tuple[Task, int]] = SimpleQueue()
        self._size = 0

    def call(self, tasks: Sequence[Task], threads: int = 1) -> bool:
        """Let a thread run each of `tasks` as soon as it is free; tell whether there are threads.

        There are as many as tasks, and at least so many `threads`.
        """
        wanted = max(len(tasks), threads)
        if self._size < wanted and not self._grow(wanted):
            return False
        processor = _processor()
        for task in tasks:
            self._tasks.put((task, processor))
        return True

    def _grow(self, size: int) -> bool:
        """Start threads; tell whether there are any."""
        with self.lock:
            while self._size < size:
                try:
                    threading.Thread(
                        target=_serve, args=(self._tasks,), name="sigconv", daemon=True
                    ).start()
                except RuntimeError:
                    # At the exit of the interpreter no more threads start.
                    break
                self._size += 1
        return self._size > 0


_pool = Pool()


def call_helpers(tasks: Sequence[Task]) -> None:
    """Let a thread for each of `tasks` run it as soon as it is free."""
    _pool.call(tasks)


def _serve(tasks: SimpleQueue[tuple[Task, int]]) -> None:
    while True:
        task, processor = tasks.get()
        # What a helper does not do is done by the caller; and it lives to be called again.
        with suppress(BaseException):
            with suppress(OSError):
                _step_aside(processor)
            task()
        # Nothing is kept alive while there is nothing to do.
        del task


class Offer:
    """A task that is taken back: helpers who come later find nothing, and keep nothing alive."""

    def __init__(self, task: Task) -> None:
        self._task: Task | None = task

    def __call__(self) -> None:
        """Run the task, unless it is taken back."""
        task = self._task
        if task is not None:
            task()

    def withdraw(self) -> None:
        """Forget the task."""
        self._task = None


class Team:
    """Those who run `share` at once: the caller, and helpers who begin before the caller ends."""

    def __init__(self, share: Callable[[], None]) -> None:
        self._share = share
        self._lock = threading.Lock()
        self._left = threading.Lock()
        self._left.acquire()
        self._inside = 0
        self._closed = False
        self.errors: list[BaseException] = []

    def help(self) -> None:
        """Run the share as a helper."""
        with self._lock:
            if self._closed:
                return
            self._inside += 1
        try:
            self._share()
        except BaseException as error:  # noqa: BLE001 - raised again by the caller
            self.errors.append(error)
        finally:
            with self._lock:
                self._inside -= 1
                if self._closed and not self._inside:
                    self._left.release()

    def wait(self, seconds: float = -1.0) -> None:
        """Let nobody else begin, and wait for helpers who have; without end by default."""
        with self._lock:
            self._closed = True
            alone = not self._inside
        if not alone:
            self._left.acquire(timeout=seconds)


def _processor() -> int:
    """Return the processor that this thread runs on, -1 where the system does not tell."""
    which = _sched_getcpu()
    return which() if which else -1


@cache
def _sched_getcpu() -> Callable[[], int] | None:
    if not hasattr(os, "sched_setaffinity"):
        return None
    from ctypes import CDLL

    return getattr(CDLL(None), "sched_getcpu", None)


def _step_aside(processor: int) -> None:
    """Move this thread to another processor than the caller's, which it stays free to leave.

    Linux wakes a thread where it ran last, also if that is where its waker is busy and another
    processor is idle. Two threads once on one processor would share it for call after call.
    """
    if processor < 0 or _processor() != processor:
        return
    allowed = os.sched_getaffinity(0)
    if others := allowed - {processor}:
        os.sched_setaffinity(0, others)
        os.sched_setaffinity(0, allowed)


def _renew_after_fork() -> None:
    global _pool
    _pool = Pool()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_renew_after_fork)
