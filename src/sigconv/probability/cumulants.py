"""Exponential tilting: sums of independent variables seen where they are rare."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import inf, sqrt

import numpy as np

from sigconv.core.dtypes import Array
from sigconv.probability.masses import Masses

__all__ = ["Part", "Tilt", "tail_bound", "tilted_to"]

# exp of this is far from overflow; products with a probability above TINY are normal.
_MODERATE = 300.0


class Part:
    """Identical independent variables in a sum: their masses and how many they are."""

    def __init__(self, masses: Masses, count: int) -> None:
        self.count, self.masses = count, masses
        self.logs, self.points = masses.logs, np.arange(masses.size)
        self._p = None if masses.has_tiny else masses.p

    def tilted(self, theta: float) -> tuple[Array, int, float]:
        """Return q, r and m: p_k e^(theta (k-r)) = q_k e^m, where the largest q is q_r = 1."""
        steep = self.logs + theta * self.points
        peak = int(steep.argmax())
        exponents = theta * (self.points - peak)
        if self._p is None:
            return np.exp(self.logs - self.logs[peak] + exponents), peak, float(self.logs[peak])
        # The exponents are exact, and better than their sums with logarithms.
        near = np.abs(exponents) < _MODERATE
        if near.all():
            q = np.exp(exponents) * (self._p / self._p[peak])
        else:
            q = np.exp(np.where(near, exponents, steep - steep[peak]))
            q[near] *= self._p[near] / self._p[peak]
        return q, peak, float(self.logs[peak])


@dataclass(frozen=True, slots=True)
class Tilt:
    """The sum S under p_k e^(theta k) / M(theta), with M(theta) = E e^(theta S).

    Attributes
    ----------
    theta : float
        The slope, of 24 bits: its products with indices are exact.
    weights : list of ndarray
        Of every part: its probabilities under the tilt, which sum to 1.
    origin : int
        The sum of the parts' likeliest points.
    log_scale : float
        log of M(theta) e^(-theta origin).
    mean, variance : float
        Of S under the tilt; the mean is counted from `origin`.
    """

    theta: float
    weights: list[Array]
    peaks: list[int]
    origin: int
    log_scale: float
    mean: float
    variance: float

    @classmethod
    def of(cls, parts: Sequence[Part], theta: float) -> Tilt:
        """Tilt a sum by about `theta`."""
        theta = float(np.float32(theta))
        weights, peaks = [], []
        origin, log_scale, mean, variance = 0, 0.0, 0.0, 0.0
        for part in parts:
            q, peak, log_peak = part.tilted(theta)
            mass = float(q.sum())
            q /= mass
            weights.append(q)
            peaks.append(peak)
            distance = part.points - peak
            average = float(q @ distance)
            spread = float(q @ (distance * distance)) - average * average
            origin += part.count * peak
            log_scale += part.count * (log_peak + float(np.log(mass)))
            mean += part.count * average
            variance += part.count * max(spread, 0.0)
        return cls(theta, weights, peaks, origin, log_scale, mean, variance)

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
