"""Sums of products without subtraction: every entry is relatively accurate, however small."""

from __future__ import annotations

import numpy as np

from sigconv.convolution import convolve
from sigconv.core.dtypes import Array
from sigconv.probability.masses import TINY, Masses

__all__ = ["direct_sum", "log_entries", "log_sum"]

# Natural logarithms within one level: products of two levels are above 1e-261.
_BAND = 300.0

# Seconds of a call of convolve, of a product in it, and of a product between logarithms.
_CALL, _PRODUCT, _LOG_PRODUCT = 2e-5, 2e-10, 1e-8


def direct_sum(first: Masses, second: Masses) -> Masses:
    """Return the masses of the sum of two independent variables."""
    if not (first.has_tiny or second.has_tiny):
        least = np.multiply(*(m.p.min(where=m.p > 0, initial=1.0) for m in (first, second)))
        if least > TINY:
            return Masses.from_floats(convolve(first.p, second.p, method="direct"))
    return Masses.from_logs(log_sum(first.logs, second.logs))


def log_sum(a: Array, b: Array) -> Array:
    """Return log sum_j exp(a[j] + b[k-j]) for every k."""
    first, second = _levels(a), _levels(b)
    products = a.size * b.size
    by_levels = len(first) * len(second) * _CALL + products * _PRODUCT
    if by_levels > products * _LOG_PRODUCT:
        return log_entries(a, b, np.arange(a.size + b.size - 1))
    total = np.full(a.size + b.size - 1, -np.inf)
    for i, top, p in first:
        for j, other, q in second:
            part = total[i + j : i + j + p.size + q.size - 1]
            with np.errstate(divide="ignore"):
                logs = np.log(convolve(p, q, method="direct"))
            np.logaddexp(part, logs + (top + other), out=part)
    return total


def _levels(logs: Array) -> list[tuple[int, float, Array]]:
    """Split exp(logs) by size: (first index, log of the largest, entries divided by that)."""
    inside = np.flatnonzero(logs > -np.inf)
    level = ((logs.max() - logs[inside]) // _BAND).astype(np.int64)
    found = []
    for number in np.unique(level):
        places = inside[level == number]
        start, largest = int(places[0]), float(logs[places].max())
        entries = np.zeros(places[-1] + 1 - start)
        entries[places - start] = np.exp(logs[places] - largest)
        found.append((start, largest, entries))
    return found


def log_entries(a: Array, b: Array, wanted: Array) -> Array:
    """Return log sum_j exp(a[j] + b[k-j]) for the `wanted` k."""
    if a.size > b.size:
        a, b = b, a
    reverse = b[::-1]
    found = np.full(wanted.size, -np.inf)
    for place, k in enumerate(wanted):
        start, stop = max(0, k - b.size + 1), min(a.size, k + 1)
        shift = b.size - 1 - k
        terms = a[start:stop] + reverse[start + shift : stop + shift]
        top = terms.max()
        if top > -np.inf:
            found[place] = top + np.log(np.exp(terms - top).sum())
    return found
