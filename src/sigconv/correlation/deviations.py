"""The deviations of a signal's windows from their means, for normalized_correlation."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise
from math import ceil, prod, sqrt
from typing import NamedTuple

import numpy as np

from sigconv.core.blocks import cut
from sigconv.core.dtypes import Array, DType
from sigconv.core.index import along, trailing
from sigconv.core.problem import Options
from sigconv.core.window_sums import masked_moments, window_moments, window_sums
from sigconv.dispatch import compute
from sigconv.engines.accuracy import fft_error
from sigconv.engines.workers import run_shared

TOLERANCE = 1e-6
"""The largest error, as predicted for FFTs, that stays in a coefficient."""

# Windows per band: enough to be worth a thread, few enough to keep scratch small.
_FEWEST, _MOST = 1 << 16, 1 << 20

# Samples that the median of a signal is taken from.
_PROBES = 1024

# The share of a sum of squares that must remain for its digits to be good to 1e-10.
_KEPT = 1e-4

# Fourth powers of numbers with binary exponents up to this are normal numbers, their sums too.
_EXPONENTS = 150


class WindowCall(NamedTuple):
    """What the steps of one call share: a window covers the last `ndim` axes."""

    ndim: int
    dtype: DType
    workers: int

    @property
    def axes(self) -> tuple[int, ...]:
        """The axes of a window."""
        return tuple(range(-self.ndim, 0))

    def batch(self, array: Array) -> tuple[int, ...]:
        """Return the lengths of the other axes."""
        return array.shape[: array.ndim - self.ndim]

    def sizes(self, array: Array) -> tuple[int, ...]:
        """Return the lengths of the axes of a window."""
        return array.shape[array.ndim - self.ndim :]

    def total(self, array: Array) -> Array:
        """Return the sum over the axes of a window, kept with length 1."""
        sums: Array = array.sum(axis=self.axes, keepdims=True)
        return sums

    def norm(self, array: Array) -> Array:
        """Return the Euclidean norm over the axes of a window, kept with length 1."""
        norms: Array = np.sqrt(self.total(np.square(array)))
        return norms

    def correlate(
        self, signal: Array, template: Array, *, method: str = "auto", rtol: float | None = None
    ) -> Array:
        """Correlate every window that lies inside the signal with the template."""
        options = Options("valid", self.axes or None, correlate=True, dtype=self.dtype, rtol=rtol)
        return compute(signal, template, options, method=method, workers=self.workers)

    def fft_error(self, samples: Array) -> Array:
        """Return a bound on the error of their correlation by FFT with a template of norm 1."""
        bound: Array = fft_error(self.dtype, self.sizes(samples)) * self.norm(samples)
        return bound


class Levelled(NamedTuple):
    """The extended signal less its median, at a scale whose fourth powers are normal numbers."""

    samples: Array
    offset: Array
    bad: Array | None
    own_eps: float

    @classmethod
    def of(cls, call: WindowCall, signal: Array, extended: Array, own_eps: float) -> Levelled:
        """Level the extended signal, zeros in place of what is not finite."""
        offset = _median(call, signal)
        bad = None
        with np.errstate(all="ignore"):
            # Without dimensions it would be a scalar.
            samples = np.asarray(np.subtract(extended, offset, dtype=call.dtype))
            largest = largest_of(call, samples)
            if not np.isfinite(largest).all():
                bad = ~np.isfinite(extended)
                # Differences of numbers near the largest one do not fit.
                over = (~np.isfinite(samples) & ~bad).any(axis=call.axes, keepdims=True)
                offset = np.ldexp(offset, -2 * over)
                samples = np.asarray(np.ldexp(extended, -2 * over) - offset)
                samples[bad] = 0
                largest = largest_of(call, samples)
        exponent = np.frexp(largest)[1]
        if (np.abs(exponent) > _EXPONENTS).any():
            samples, offset = np.ldexp(samples, -exponent), np.ldexp(offset, -exponent)
        return cls(samples, offset, bad, own_eps)

    def flat(self, mean: Array) -> Array:
        """Return the root mean square up to which windows of these means count as constant."""
        rounding = 4 * float(np.finfo(mean.dtype).eps) * np.abs(mean)
        level: Array = self.own_eps * np.abs(mean + self.offset) + rounding
        return level


def largest_of(call: WindowCall, samples: Array) -> Array:
    """Return the largest magnitude over the axes of a window, kept with length 1."""
    highest = samples.max(axis=call.axes, keepdims=True)
    largest: Array = np.maximum(highest, -samples.min(axis=call.axes, keepdims=True))
    return largest


def centred(call: WindowCall, samples: Array, counted: Array) -> tuple[Array, Array]:
    """Return the samples that count less their mean, zeros elsewhere, and the mean."""
    count = call.total(counted)
    mean = call.total(np.where(counted, samples, 0)) / count
    apart = np.where(counted, samples - mean, 0)
    # The mean was rounded.
    apart -= np.where(counted, call.total(apart) / count, 0)
    return apart, mean


def _median(call: WindowCall, signal: Array) -> Array:
    """Return the median of evenly spaced samples that are finite, 0 if none of them is."""
    each = ceil(_PROBES ** (1 / max(call.ndim, 1)))
    probe = tuple(slice(None, None, -(-n // each)) for n in call.sizes(signal))
    values = signal[trailing(probe)].astype(call.dtype)
    values = values.reshape((*call.batch(signal), -1))
    # NaN is sorted behind the numbers.
    values = np.sort(np.where(np.isfinite(values), values, np.nan), axis=-1)
    count = np.isfinite(values).sum(axis=-1, keepdims=True)
    middle = np.take_along_axis(values, np.maximum(count - 1, 0) // 2, axis=-1)
    median: Array = np.where(count > 0, middle, 0).astype(call.dtype)
    return median.reshape(call.batch(signal) + (1,) * call.ndim)


def deviations_of(call: WindowCall, windows: Levelled, taps: tuple[int, ...]) -> Array:
    """Return the norm of each window less its mean, 0 for constant ones, band by band."""
    samples, first = windows.samples, windows.samples.ndim - call.ndim
    lengths = tuple(n - k + 1 for n, k in zip(call.sizes(samples), taps, strict=True))
    deviations = np.empty((*call.batch(samples), *lengths), call.dtype)
    if not call.ndim:
        deviations[...] = 0
        return deviations
    count = prod(taps)

    def share(bands: Iterator[tuple[int, int]]) -> None:
        for start, stop in bands:
            part = samples[along(first, slice(start, stop + taps[0] - 1))]
            sums, squares = _moments(part, taps)
            sums /= count
            spread = np.sqrt(squares / count, out=squares)
            spread[spread <= windows.flat(sums)] = 0
            np.multiply(spread, sqrt(count), out=deviations[along(first, slice(start, stop))])

    row = deviations.size // lengths[0]
    step = (
        min(_MOST // row, -(-lengths[0] // call.workers))
        if deviations.size > _FEWEST
        else lengths[0]
    )
    run_shared(share, list(pairwise(cut(0, lengths[0], max(step, taps[0])))), call.workers)
    return deviations


def _moments(part: Array, taps: tuple[int, ...]) -> tuple[Array, Array]:
    """Return the sums of windows, and the sums of squared deviations from their means.

    sum x^2 - (sum x)^2 / n takes half the time of merging moments, and serves where little cancels.
    """
    sums, total = window_sums(part, taps), window_sums(np.square(part), taps)
    squares = total - np.square(sums) / prod(taps)
    if (squares < _KEPT * total).any():
        return window_moments(part, taps)
    return sums, squares


def masked_deviations_of(call: WindowCall, windows: Levelled, counted: Array, box: Array) -> Array:
    """Return the norms over the samples that count; `box` has those over whole windows."""
    samples, weights = windows.samples, counted.astype(call.dtype)
    squares, count = np.square(samples), call.total(weights)
    mean = call.correlate(samples, weights) / count
    spread = call.correlate(squares, weights) - count * np.square(mean)
    # sum x^2 - (sum x)^2 / n takes over the errors of both sums, and what they cancel is lost.
    error = call.fft_error(squares) + 2 * np.abs(mean) * call.fft_error(samples)
    lost = ~(spread * TOLERANCE >= error * np.sqrt(count)) & (box > 0)
    norms: Array = np.sqrt(np.maximum(spread, 0), out=spread)
    norms[(box == 0) | (norms <= np.sqrt(count) * windows.flat(mean))] = 0
    # Every template of a batch has its own mask; batch axes of length 1 serve them all.
    sizes = call.batch(counted)
    for index in np.ndindex(sizes):
        one = tuple(
            slice(i, i + 1) if n > 1 else slice(None) for i, n in zip(index, sizes, strict=True)
        )
        own = tuple(
            s if n > 1 else slice(None) for s, n in zip(one, call.batch(samples), strict=True)
        )
        part = windows._replace(samples=samples[own], offset=windows.offset[own])
        _recover(call, part, counted[index], norms[one], lost[one])
    return norms


def _recover(call: WindowCall, windows: Levelled, mask: Array, norms: Array, lost: Array) -> None:
    """Write the norms of the windows whose digits were lost, from moments that keep them."""
    first, count = norms.ndim - call.ndim, float(mask.sum())
    rows = np.flatnonzero(lost.any(axis=tuple(i for i in range(lost.ndim) if i != first)))
    if not rows.size:
        return

    def share(bands: Iterator[tuple[int, int]]) -> None:
        for start, stop in bands:
            band = along(first, slice(start, stop))
            if not lost[band].any():
                continue
            part = windows.samples[along(first, slice(start, stop + mask.shape[0] - 1))]
            sums, squares = masked_moments(part, mask)
            sums /= count
            spread = np.sqrt(squares / count, out=squares)
            spread[spread <= windows.flat(sums)] = 0
            np.copyto(norms[band], spread * sqrt(count), where=lost[band])

    start, stop = int(rows[0]), int(rows[-1]) + 1
    step = max(_FEWEST // (norms.size // norms.shape[first]), mask.shape[0])
    run_shared(share, list(pairwise(cut(start, stop, step))), call.workers)
