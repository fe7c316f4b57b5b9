"""Timing calls in turns, so that a machine whose speed drifts drifts for all of them."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from math import ceil
from statistics import median
from time import perf_counter
from typing import Any, NamedTuple

import numpy as np

from benchmarks.work import Array, Call

__all__ = ["Entry", "Patience", "Ratio", "Times", "compare", "ratio", "time_in_turns"]

_TOLERANCES = {"f4": 1e-4, "c8": 1e-4, "f8": 1e-9, "i8": 0.0}

HOPELESS = 10.0
"""A call this many times slower than the fastest of its row is timed once."""


@dataclass(frozen=True, slots=True)
class Patience:
    """How long a call is timed: rounds, and seconds in all of them together, at least."""

    rounds: int = 5
    seconds: float = 0.3


@dataclass(frozen=True, slots=True)
class Entry:
    """A call under its name, and the setting (of threads) that it runs in."""

    name: str
    call: Call
    threads: int = 1
    using: Callable[[int], AbstractContextManager[Any]] = nullcontext


class Times(NamedTuple):
    """Seconds per call, one figure for each round."""

    name: str
    threads: int
    seconds: tuple[float, ...]

    @property
    def median(self) -> float:
        return median(self.seconds)


class Ratio(NamedTuple):
    """A peer's time over sigconv's: the median over the rounds, and the extremes."""

    median: float
    low: float
    high: float


def ratio(own: Times, peer: Times) -> Ratio:
    """Divide round by round; a peer that was timed once, by sigconv's median."""
    if len(peer.seconds) == len(own.seconds):
        each = [b / a for a, b in zip(own.seconds, peer.seconds, strict=True)]
    else:
        each = [b / own.median for b in peer.seconds]
    return Ratio(median(each), min(each), max(each))


def compare(entries: Sequence[Entry], title: str) -> None:
    """Raise AssertionError unless every call gives what the first one gives.

    Integers are exact. FFT results err in proportion to the norms, so a difference is measured by
    the largest result.
    """
    expected = _run(entries[0])
    scale = float(np.abs(expected).max())
    tolerance = _TOLERANCES[expected.dtype.str[1:]]
    for entry in entries[1:]:
        result = _run(entry)
        if result.shape != expected.shape:
            raise AssertionError(f"{title}: {entry.name} gives the shape {result.shape}")
        error = float(np.abs(result - expected).max())
        if not error <= tolerance * scale:
            raise AssertionError(f"{title}: {entry.name} differs by {error / scale:.1e}")


def time_in_turns(entries: Sequence[Entry], patience: Patience) -> list[Times]:
    """Time every call in every round; the calls take turns at going first.

    A short call is repeated within its turn, after one that is not timed; a call far slower
    than the fastest is timed once only.
    """
    first = [_seconds(entry, 1) for entry in entries]
    fastest = min(first)
    turns = deque(
        i for i, once in enumerate(first) if once < HOPELESS * fastest or once < patience.seconds
    )
    slice_ = patience.seconds / patience.rounds
    repeats = [_repeats(entry, once, slice_) for entry, once in zip(entries, first, strict=True)]
    seconds: list[list[float]] = [[] for _ in entries]
    for _ in range(patience.rounds):
        for i in turns:
            seconds[i].append(_seconds(entries[i], repeats[i]))
        turns.rotate(1)
    return [
        Times(entry.name, entry.threads, tuple(each) or (once,))
        for entry, each, once in zip(entries, seconds, first, strict=True)
    ]


def _repeats(entry: Entry, once: float, least: float) -> int:
    """Return how many calls take `least` seconds, where one took about `once`."""
    count, spent = 1, once
    while spent < least / 4:
        # One step at most tenfold: the first calls are slow.
        count *= max(2, min(10, int(least / spent)))
        spent = count * _seconds(entry, count)
    return ceil(count * least / spent)


def _seconds(entry: Entry, repeats: int) -> float:
    """Return the mean time of `repeats` calls."""
    call = entry.call
    with entry.using(entry.threads):
        if repeats > 1:
            # The peers before this one have filled the caches with their own.
            call()
        begun = perf_counter()
        for _ in range(repeats):
            call()
        return (perf_counter() - begun) / repeats


def _run(entry: Entry) -> Array:
    with entry.using(entry.threads):
        return np.asarray(entry.call())
