"""The masses of sums of independent variables: direct where cheap, by tilting where not."""

from __future__ import annotations

import numpy as np

from sigconv.core.dtypes import Array
from sigconv.errors import BudgetError
from sigconv.probability.cumulants import Part
from sigconv.probability.direct import direct_sum, log_entries, log_sum
from sigconv.probability.exact import exact_power, exact_sum
from sigconv.probability.masses import Masses
from sigconv.probability.sparse import Points, power, product
from sigconv.probability.tilting import tilted_logs

__all__ = ["MAX_SIZE", "check_size", "copies", "total"]

MAX_SIZE = 1 << 26
"""The largest number of points: half a gigabyte of probabilities."""

# Products of a direct sum that take some milliseconds.
_CHEAP = 2e7

# Points for each value that occurs, from which on pairs of values are fewer than points.
_GAP = 64

# Entries that are summed one by one rather than all at once.
_FEW = 256


def total(first: Masses, second: Masses) -> Masses:
    """Return the masses of X + Y, independent."""
    check_size(first.size + second.size - 1)
    if first.is_exact and second.is_exact:
        return Masses(exact_sum(first.p, second.p))
    first, second = first.rounded(), second.rounded()
    if first.size * second.size <= _CHEAP:
        return direct_sum(first, second)
    if _is_sparse(first) and _is_sparse(second):
        points = product(Points.of(first), Points.of(second))
        if points is not None:
            return points.masses(first.size + second.size - 1)
    logs, certain = tilted_logs([Part(first, 1), Part(second, 1)])
    return Masses.from_logs(_completed(logs, certain, first.logs, second.logs))


def copies(masses: Masses, count: int) -> Masses:
    """Return the masses of the sum of `count` independent copies, at least one."""
    if count == 1 or masses.size == 1:
        return masses
    check_size(count * (masses.size - 1) + 1)
    every = int(np.gcd.reduce(np.flatnonzero(masses.occurs)))
    if every > 1:
        return copies(masses.thinned(every), count).spread(every)
    if masses.is_exact:
        return Masses(exact_power(masses.p, count))
    if (count * masses.size) ** 2 / 3 <= _CHEAP:
        return _squared(masses, count)
    if _is_sparse(masses):
        points = power(Points.of(masses), count)
        if points is not None:
            return points.masses(count * (masses.size - 1) + 1)
    logs, certain = tilted_logs([Part(masses, count)])
    if not certain.all():
        half = copies(masses, count // 2)
        rest = total(half, masses) if count % 2 else half
        logs = _completed(logs, certain, half.logs, rest.logs)
    return Masses.from_logs(logs)


def _is_sparse(masses: Masses) -> bool:
    return int(np.count_nonzero(masses.occurs)) * _GAP < masses.size


def check_size(size: int) -> None:
    """Raise BudgetError for more points than a PMF may have."""
    if size > MAX_SIZE:
        raise BudgetError(
            f"a PMF has at most 2**26 points; this one would have {size}. Use fewer copies, or "
            "steps that have a larger common divisor."
        )


def _squared(masses: Masses, count: int) -> Masses:
    found = masses
    for bit in f"{count:b}"[1:]:
        found = direct_sum(found, found)
        if bit == "1":
            found = direct_sum(found, masses)
    return found


def _completed(logs: Array, certain: Array, first: Array, second: Array) -> Array:
    """Fill in what no tilt made certain: sums of products of exponentials."""
    missing = np.flatnonzero(~certain)
    if missing.size <= _FEW:
        logs[missing] = log_entries(first, second, missing)
        return logs
    apart = np.flatnonzero(np.diff(missing) > logs.size // 16) + 1
    for run in np.split(missing, apart):
        # Only these terms reach the indices of the run.
        a, b = max(0, run[0] - second.size + 1), max(0, run[0] - first.size + 1)
        found = log_sum(first[a : run[-1] + 1], second[b : run[-1] + 1])
        logs[run] = found[run - (a + b)]
    return logs
