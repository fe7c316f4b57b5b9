"""The masses of long sums by transforms of tilted masses, where each is certain to 3e-11.

A transform's rounding errors are relative to the largest probability. Under the tilt
p_k e^(theta k) / M(theta) the sum's probabilities are those without it, times
e^(theta k) / M(theta): theta makes any region the likely one, and only what lies well above the
errors is taken from each transform.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial, reduce
from math import ceil, exp, floor, log, sqrt

import numpy as np
import scipy.fft

from sigconv.convolution import convolve
from sigconv.core.dtypes import Array
from sigconv.core.shapes import fast_length
from sigconv.probability.cumulants import Part, Tilt, inner, tail_bound, tilted_to

__all__ = ["tilted_logs"]

_EPS = float(np.finfo(float).eps)

# The relative error that is aimed at, where rounding of the factors alone does not exceed it.
_RTOL = 3e-11

# Standard deviations of white noise that no value exceeds.
_SAFE = 8.0


def tilted_logs(parts: Sequence[Part]) -> tuple[Array, Array]:
    """Return the logarithms of the masses of a sum, and which of them are certain.

    Parameters
    ----------
    parts : sequence of Part
        The terms, independent.

    Returns
    -------
    logs : ndarray of float64
        -inf for sums that cannot be.
    certain : ndarray of bool
        Where the relative error of exp(logs) is below 3e-11, or below some roundings per term.
    """
    size = sum(part.count * (part.masses.size - 1) for part in parts) + 1
    logs, certain = np.full(size, -np.inf), ~_possible(parts)
    for end in (0, -1):
        logs[end] = sum(part.count * part.logs[end] for part in parts)
        certain[end] = True
    _Sweep(parts, logs, certain).run()
    return logs, certain


def _possible(parts: Sequence[Part]) -> Array:
    """Return which sums have a positive probability."""
    if all(part.masses.occurs.all() for part in parts):
        return np.ones(sum(part.count * (part.masses.size - 1) for part in parts) + 1, bool)
    return reduce(_met, (_repeated(part) for part in parts)) > 0


def _repeated(part: Part) -> Array:
    """Return 1 for each possible sum of a part, else 0."""
    found = once = part.masses.occurs.astype(float)
    for bit in f"{part.count:b}"[1:]:
        found = _met(found, found)
        if bit == "1":
            found = _met(found, once)
    return found


def _met(first: Array, second: Array) -> Array:
    """Return 1 for each sum of indices of ones, else 0: whole numbers that an FFT cannot miss."""
    return (convolve(first, second) > 0.5).astype(float)


class _Sweep:
    """A walk over the sums from the least to the largest, a tilt at a time."""

    def __init__(self, parts: Sequence[Part], logs: Array, certain: Array) -> None:
        self._parts, self._logs, self._certain = parts, logs, certain
        # Powers multiply the rounding errors of a spectrum.
        self._noise = _EPS * (sum(part.count for part in parts) + 4 * log(logs.size))
        self._rtol = max(_RTOL, 128 * self._noise)
        # Within so many deviations a normal density is above the noise.
        self._reach = 0.95 * sqrt(2 * log(self._rtol / self._noise))

    def run(self) -> None:
        """Fill in what is certain under some tilt."""
        tilt, skip, top = Tilt.of(self._parts, 0.0), 1, self._logs.size - 1
        k = self._next(0)
        while k < top:
            for ahead in (self._reach, 0.0):
                target = partial(_ahead, k, top, ahead)
                tilt = tilted_to(self._parts, target, tilt)
                self._take(tilt)
                if self._certain[k]:
                    break
            # Between likely regions no tilt may help: look there less and less often.
            skip = 1 if self._certain[k] else 4 * skip
            k = self._next(k + skip - 1)

    def _next(self, k: int) -> int:
        """Return the first sum from `k` on that is not certain; the largest one if all are."""
        rest = self._certain[k:]
        if rest.size == 0 or rest.all():
            return int(self._logs.size) - 1
        return k + int(rest.argmin())

    def _take(self, tilt: Tilt) -> None:
        """Compute the sum's masses under a tilt, and keep what is certain."""
        # What is left out of the circle is small beside the noise, some noise / deviation.
        outside = log(0.2 * self._noise / (1 + tilt.deviation))
        first, last, size = self._window(tilt, outside)
        spectrum, error = self._spectrum(tilt, size)
        places = np.arange(first, last + 1)
        values = scipy.fft.irfft(spectrum, n=size).take(places - tilt.origin, mode="wrap")
        good = values > (error + 2 * exp(outside)) / self._rtol
        good &= ~self._certain[first : last + 1]
        places = places[good]
        moved = tilt.log_scale - tilt.theta * (places - tilt.origin)
        self._logs[places] = np.log(values[good]) + moved
        self._certain[places] = True

    def _window(self, tilt: Tilt, outside: float) -> tuple[int, int, int]:
        """Return a range of sums and the circular length that keeps others out of it."""
        top = int(self._logs.size) - 1
        above = tail_bound(self._parts, tilt, 1, outside)
        below = tail_bound(self._parts, tilt, -1, outside)
        high = min(top, ceil(min(tilt.center + max(above, 0.0), top)))
        low = max(0, floor(max(tilt.center - max(below, 0.0), 0)))
        reach = self._reach * tilt.deviation + 1
        wanted = max(high - tilt.center, tilt.center - low) + reach
        size = fast_length(min(ceil(wanted) + 1, high - low + 1))
        # x is hit by x + size and x - size, which must lie outside low..high.
        return max(low, high - size + 1), min(high, low + size - 1), size

    def _spectrum(self, tilt: Tilt, size: int) -> tuple[Array, float]:
        """Return the sum's spectrum on a circle, and the error of its inverse."""
        spectra = []
        for part, (q, distances, _, _) in zip(self._parts, tilt.weights, strict=True):
            circle = np.zeros(-(-q.size // size) * size)
            circle[: q.size] = q
            circle = np.roll(circle.reshape(-1, size).sum(0), int(distances[0]))
            spectra.append((scipy.fft.rfft(circle), part.count, inner(q, q)))
        total = reduce(np.multiply, (_power(z, count) for z, count, _ in spectra))
        return total, self._error(total, spectra, size)

    def _error(self, total: Array, spectra: list[tuple[Array, int, float]], size: int) -> float:
        """Return how far values of the circle may be from the truth.

        A product's errors are relative to it and independent, bin by bin. Those of a transform are
        a noise of eps times its root mean square, which the other factors filter.
        """
        magnitude = np.abs(total)
        largest = (2 * float(magnitude.sum()) - float(magnitude[0])) / size
        # Squares of the others would underflow, which is slow.
        seen = np.flatnonzero(magnitude > 1e-100)
        magnitude = magnitude[seen]
        energy = white = inner(magnitude, magnitude)
        for z, count, square in spectra:
            others = magnitude / np.abs(z[seen])
            white += count * count * square * inner(others, others)
        products = self._noise * min(largest, _SAFE * sqrt(2 * energy) / size)
        return products + _SAFE * _EPS * sqrt(log(2 * size) * 2 * white) / size


def _ahead(k: int, top: int, deviations: float, tilt: Tilt) -> float:
    """Return the sum so many deviations above `k`, but no end."""
    return min(k + deviations * tilt.deviation, 0.5 * (k + top))


def _power(z: Array, count: int) -> Array:
    """Return z**count by squaring."""
    found = z
    for bit in f"{count:b}"[1:]:
        found = found * found
        if bit == "1":
            found = found * z
    return found
