"""Worker threads: how many there may be, and sharing a list of work among them."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterator, Sequence
from functools import cache
from types import TracebackType
from typing import TYPE_CHECKING, TypeVar

from sigconv.errors import OptionError
from sigconv.fft import Abandoned, abandonable

if TYPE_CHECKING:
    from concurrent.futures import Future, ThreadPoolExecutor

__all__ = ["available_workers", "resolve_workers", "run_shared", "set_workers"]

T = TypeVar("T")

# Seconds in which every worker but one in a long transform comes to the end of its block.
_GRACE = 1.0


class _State:
    def __init__(self, default: int | None = None) -> None:
        self.default = default
        self.pool: ThreadPoolExecutor | None = None
        self.size = 0
        self.lock = threading.Lock()

    def executor(self, size: int) -> ThreadPoolExecutor:
        from concurrent.futures import ThreadPoolExecutor

        with self.lock:
            if self.pool is None or self.size < size:
                self.pool = ThreadPoolExecutor(size, thread_name_prefix="sigconv")
                self.size = size
            return self.pool


_state = _State()


def available_workers() -> int:
    """Return the number of processors that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


class set_workers:  # noqa: N801
    """Set the default number of workers, for good or within a ``with`` statement.

    Parameters
    ----------
    workers : int or None
        A positive number, -1 for every processor, or None for the default: the processors
        that this process may use, or the environment variable ``SIGCONV_WORKERS``.

    Examples
    --------
    >>> with set_workers(1):
    ...     resolve_workers(None)
    1
    """

    def __init__(self, workers: int | None) -> None:
        if workers is not None:
            _checked(workers, "workers")
        self._before = _state.default
        _state.default = workers

    def __enter__(self) -> set_workers:
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        _state.default = self._before


def resolve_workers(workers: int | None) -> int:
    """Return the number of workers that a call with ``workers=workers`` may use."""
    if workers is None:
        workers = _state.default
    if workers is None:
        text = os.environ.get("SIGCONV_WORKERS")
        if not text:
            return available_workers()
        try:
            workers = int(text)
        except ValueError:
            raise OptionError(f"SIGCONV_WORKERS must be an integer; got {text!r}.") from None
        _checked(workers, "SIGCONV_WORKERS")
    _checked(workers, "workers")
    return available_workers() if workers == -1 else int(workers)


def _checked(workers: int, name: str) -> None:
    whole = hasattr(workers, "__index__") and not isinstance(workers, bool)
    if not whole or workers < -1 or workers == 0:
        raise OptionError(
            f"{name} must be a positive integer, -1 for every processor, or None; got {workers!r}."
        )


def run_shared(work: Callable[[Iterator[T]], None], items: Sequence[T], workers: int) -> None:
    """Let `workers` calls of `work`, one of them here, take items from one shared iterator."""
    workers = min(workers, len(items))
    if workers <= 1:
        work(iter(items))
        return
    shared = _Shared(items)
    processor, caller = _processor(), threading.get_ident()

    def share() -> None:
        try:
            if threading.get_ident() != caller:
                _step_aside(processor)
            with abandonable(shared.is_stopped):
                work(shared)
        except BaseException:
            # The others stop at their next item.
            shared.stop()
            raise

    others = _submit(share, workers - 1)
    try:
        try:
            share()
        finally:
            # A share that no thread has begun is not waited for: it may never begin, where this
            # very thread belongs to the pool.
            begun = [other for other in others if not other.cancel()]
        _wait(begun)
    except BaseException as error:
        shared.stop()
        # After Ctrl-C a thread in a long transform is left behind; it writes nothing any more.
        _wait(begun, None if isinstance(error, Exception) else _GRACE)
        raise
    for failure in (other.exception() for other in begun):
        if failure is not None and not isinstance(failure, Abandoned):
            raise failure


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


def _wait(futures: list[Future[None]], timeout: float | None = None) -> None:
    from concurrent.futures import wait

    wait(futures, timeout)


def _submit(share: Callable[[], None], count: int) -> list[Future[None]]:
    try:
        executor = _state.executor(count)
        return [executor.submit(share) for _ in range(count)]
    except RuntimeError:
        # At the exit of the interpreter no more threads start; this one does all the work.
        return []


class _Shared(Iterator[T]):
    """An iterator that several threads draw from."""

    def __init__(self, items: Sequence[T]) -> None:
        self._items = iter(items)
        self._lock = threading.Lock()
        self._stopped = False

    def __next__(self) -> T:
        with self._lock:
            return next(self._items)

    def stop(self) -> None:
        with self._lock:
            self._items = iter(())
            self._stopped = True

    def is_stopped(self) -> bool:
        return self._stopped


def _renew_after_fork() -> None:
    global _state
    _state = _State(_state.default)


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_renew_after_fork)
