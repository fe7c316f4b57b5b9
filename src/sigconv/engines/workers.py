"""Worker threads: how many there may be, and sharing a list of work among them."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterator, Sequence
from functools import cache
from time import sleep
from types import ModuleType, TracebackType
from typing import TypeVar

from sigconv.core.dtypes import Array
from sigconv.engines.crew import Offer, Team, call_helpers
from sigconv.errors import OptionError
from sigconv.fft import Abandoned, abandonable

__all__ = ["available_workers", "resolve_workers", "run_counted", "run_shared", "set_workers"]

T = TypeVar("T")

# Seconds in which every worker but one in a long transform comes to the end of its block.
_GRACE = 1.0

# Between looks at whether all is done, once looking without a pause has not helped.
_NAP = 5e-5


class _State:
    default: int | None = None


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

    def share() -> None:
        try:
            with abandonable(shared.is_stopped):
                work(shared)
        except BaseException:
            # The others stop at their next item.
            shared.stop()
            raise

    team = Team(share)
    try:
        call_helpers([team.help] * (workers - 1))
        share()
        team.wait()
    except BaseException as error:
        shared.stop()
        # After Ctrl-C a thread in a long transform is left behind; it writes nothing any more.
        team.wait(-1.0 if isinstance(error, Exception) else _GRACE)
        raise
    for failure in team.errors:
        if not isinstance(failure, Abandoned):
            raise failure


def run_counted(
    runs: Sequence[Callable[[], object]],
    counter: Array,
    pieces: int,
) -> None:
    """Let each of `runs`, the first of them here, take `pieces` from a compiled loop's counter.

    `counter` counts those that are taken and, as its second element, those that are done. Only
    that these are done is waited for, not the helpers: each run keeps alive what it reads.
    """
    counts, begin = _counts(), int(counter[0])
    offers, ended = [Offer(run) for run in runs[1:]], False
    try:
        try:
            call_helpers(offers)
            runs[0]()
            while not counts.are_done(counter, pieces):
                sleep(_NAP)
            ended = True
        finally:
            # Nobody writes after an interrupted call either.
            if not ended:
                counts.halt(counter, begin, pieces)
    finally:
        # A second Ctrl-C may have come before that.
        if not ended:
            counts.halt(counter, begin, pieces)
        for offer in offers:
            offer.withdraw()


@cache
def _counts() -> ModuleType:
    """Return the compiled counts: only who has compiled loops needs them."""
    from sigconv.loops import counting

    return counting


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
