"""Sums of variables with few values far apart: pair by pair of values, not point by point."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from sigconv.core.dtypes import Array
from sigconv.probability.masses import Masses

__all__ = ["Points", "power", "product"]

# Pairs of values, some twenty bytes each, that are formed at a time.
_PAIRS = 1 << 22


class Points(NamedTuple):
    """The indices of the values that occur, rising, and the logarithms of their probabilities."""

    places: Array
    logs: Array

    @classmethod
    def of(cls, masses: Masses) -> Points:
        """Return the values of masses that occur."""
        places = np.flatnonzero(masses.occurs)
        return cls(places, masses.logs[places])

    def masses(self, size: int) -> Masses:
        """Return them among `size` points."""
        logs = np.full(size, -np.inf)
        logs[self.places] = self.logs
        return Masses.from_logs(logs)


def product(first: Points, second: Points) -> Points | None:
    """Return the values of the sum of two variables, None where there are too many pairs."""
    if first.places.size * second.places.size > _PAIRS:
        return None
    places = np.add.outer(first.places, second.places).ravel()
    logs = np.add.outer(first.logs, second.logs).ravel()
    order = np.argsort(places, kind="stable")
    places, logs = places[order], logs[order]
    starts = np.flatnonzero(np.diff(places, prepend=-1))
    # Each sum beside its largest term: nothing underflows that counts.
    tops = np.maximum.reduceat(logs, starts)
    counts = np.diff(starts, append=places.size)
    sums = np.add.reduceat(np.exp(logs - np.repeat(tops, counts)), starts)
    return Points(places[starts], tops + np.log(sums))


def power(once: Points, count: int) -> Points | None:
    """Return the values of the sum of copies, by squaring; None where there are too many pairs."""
    found: Points | None = once
    for bit in f"{count:b}"[1:]:
        found = found and product(found, found)
        if bit == "1":
            found = found and product(found, once)
    return found
