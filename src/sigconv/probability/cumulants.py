"""Exponential tilting: sums of independent variables seen where they are rare."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import inf, sqrt
from typing import NamedTuple

import numpy as np

from sigconv.core.dtypes import Array
from sigconv.probability.masses import Masses

__all__ = ["Part", "Tilt", "Weights", "inner", "tail_bound", "tilted_to"]

# exp of this is far from overflow; products with a probability above TINY are normal.
_MODERATE = 300.0

# Long masses are looked at in blocks; what is e^-80 of the rest is left out.
_BLOCK, _NOTHING = 2048, 80.0


class Part:
    """Identical independent variables in a sum: their masses and how many they are."""

    def __init__(self, masses: Masses, count: int) -> None:
        self.count, self.masses, self.logs = count, masses, masses.logs
        # Where many are added, the digits of each count.
        self._p = None if masses.has_tiny or masses.size > _BLOCK else masses.p
        self._points = np.arange(float(masses.size))
        # Of each block: its first and last point, and its largest logarithm.
        self._firsts = np.arange(0, masses.size, _BLOCK)
        self._lasts = np.minimum(self._firsts + _BLOCK, masses.size) - 1
        self._tops = np.maximum.reduceat(self.logs, self._firsts)

    def _region(self, theta: float) -> slice:
        """Return the points that have all of the tilted mass but e^-80 of it."""
        if self._firsts.size == 1:
            return slice(0, self.masses.size)
        left, right = theta * self._firsts, theta * self._lasts
        least = (self._tops + np.minimum(left, right)).max()
        kept = np.flatnonzero(self._tops + np.maximum(left, right) > least - _NOTHING)
        return slice(int(self._firsts[kept[0]]), int(self._lasts[kept[-1]]) + 1)

    def tilted(self, theta: float) -> Weights:
        """Return p_k e^(theta (k - peak)) / p_peak where it is not negligible, 1 at its peak."""
        region = self._region(theta)
        logs, points = self.logs[region], self._points[region]
        top = int((logs + theta * points).argmax())
        distances = points - points[top]
        exponents = theta * distances
        steep = logs - logs[top]
        steep += exponents
        # Numbers near the smallest are slow, and add nothing.
        steep[steep < -_NOTHING] = -inf
        peak, log_peak = int(points[top]), float(logs[top])
        if self._p is None:
            return Weights(np.exp(steep, out=steep), distances, peak, log_peak)
        # The exponents are exact, and better than their sums with logarithms.
        ratios = self._p[region] / self._p[region][top]
        near = (np.abs(exponents) < _MODERATE) & (steep > -inf)
        q = np.exp(np.where(near, exponents, steep))
        q[near] *= ratios[near]
        return Weights(q, distances, peak, log_peak)


class Weights(NamedTuple):
    """Tilted masses q of a part, at `distances` from the `peak`, where log p is `log_peak`."""

    q: Array
    distances: Array
    peak: int
    log_peak: float


@dataclass(frozen=True, slots=True)
class Tilt:
    """The sum S under p_k e^(theta k) / M(theta), with M(theta) = E e^(theta S).

    Attributes
    ----------
    theta : float
        The slope, of 24 bits: its products with indices are exact.
    weights : list of Weights
        Of every part: its probabilities under the tilt, which sum to 1.
    origin : int
        The sum of the parts' likeliest points.
    log_scale : float
        log of M(theta) e^(-theta origin).
    mean, variance : float
        Of S under the tilt; the mean is counted from `origin`.
    """

    theta: float
    weights: list[Weights]
    origin: int
    log_scale: float
    mean: float
    variance: float

    @classmethod
    def of(cls, parts: Sequence[Part], theta: float) -> Tilt:
        """Tilt a sum by about `theta`."""
        theta = float(np.float32(theta))
        weights = []
        origin, log_scale, mean, variance = 0, 0.0, 0.0, 0.0
        for part in parts:
            raw = part.tilted(theta)
            mass = float(raw.q.sum())
            np.divide(raw.q, mass, out=raw.q)
            weights.append(raw)
            moments = raw.q * raw.distances
            average = float(moments.sum())
            spread = inner(moments, raw.distances) - average * average
            origin += part.count * raw.peak
            log_scale += part.count * (raw.log_peak + float(np.log(mass)))
            mean += part.count * average
            variance += part.count * max(spread, 0.0)
        return cls(theta, weights, origin, log_scale, mean, variance)

    @property
    def deviation(self) -> float:
        """The standard deviation."""
        return sqrt(self.variance)

    @property
    def center(self) -> float:
        """The mean, counted from the least sum."""
        return self.origin + self.mean

    def cumulant(self, other: Tilt) -> float:
        """Return log E e^(s S), S counted from `origin`, under this tilt: s leads to `other`."""
        moved = other.theta * (self.origin - other.origin)
        return other.log_scale - self.log_scale - moved


def inner(x: Array, y: Array) -> float:
    """Return sum x y without BLAS, whose threads take longer than the sum."""
    return float(np.einsum("i,i", x, y))


def tilted_to(parts: Sequence[Part], target: Callable[[Tilt], float], near: Tilt) -> Tilt:
    """Return a tilt whose mean is `target` of it within a quarter of a standard deviation.

    The mean grows with theta, at the rate of the variance: Newton's method, within brackets.
    """
    low, high, tilt = -inf, inf, near
    for attempt in range(60):
        missing = target(tilt) - tilt.center
        if abs(missing) <= 0.25 * max(tilt.deviation, 1e-3):
            break
        if missing > 0:
            low = tilt.theta
        else:
            high = tilt.theta
        # The variance says nothing of the ends of longer steps.
        longest = min(4.0 / max(tilt.deviation, 1e-300), 16.0 * 2.0**attempt)
        step = missing / max(tilt.variance, 1e-300)
        theta = tilt.theta + min(max(step, -longest), longest)
        if not low < theta < high:
            theta = 0.5 * (low + high)
        if np.float32(theta) == tilt.theta:
            break
        tilt = Tilt.of(parts, theta)
    return tilt


def tail_bound(parts: Sequence[Part], tilt: Tilt, sign: int, log_mass: float) -> float:
    """Return w with P(sign (S - mean) > w) <= e^log_mass under the tilt, for sign 1 and -1.

    Chernoff: log P(S >= x) <= K(s) - s x for every s > 0. The best s has s K'(s) - K(s) =
    -log_mass, and any other gives a bound too.
    """
    wanted = -log_mass
    deviation = max(tilt.deviation, 1e-9)
    low, high = 0.0, inf
    s, best = min(sqrt(2 * wanted) / deviation, 40.0), inf
    for _ in range(12):
        there = Tilt.of(parts, tilt.theta + sign * s)
        s = sign * (there.theta - tilt.theta)
        if s <= 0:
            break
        rise = tilt.cumulant(there)
        best = min(best, (rise + wanted) / s - sign * tilt.mean)
        mean = sign * (there.center - tilt.origin)
        found = s * mean - rise
        if 0.8 * wanted < found < 1.3 * wanted:
            break
        if found > wanted:
            high = s
        else:
            low = s
        step = s + (wanted - found) / max(s * there.variance, 1e-12)
        s = step if low < step < high else (0.5 * (low + high) if high < inf else 2 * s)
    return best
