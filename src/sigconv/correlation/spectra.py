"""Cross-spectra of two real signals, weighted, and the correlations that they transform to."""

from __future__ import annotations

from math import log2, prod, sqrt
from typing import NamedTuple

import numpy as np

from sigconv.core.dtypes import Array
from sigconv.core.window_sums import window_sums
from sigconv.fft import TransformSpec, borrow_transform

__all__ = ["Spectra"]

# Relative to the root mean square: an offset that tilts a correlation by a millionth.
_NOTHING = 1e-3


class Spectra(NamedTuple):
    """The spectra of two signals about their level, and the magnitudes that are mere rounding."""

    signal: Array
    reference: Array
    floors: tuple[float, float]
    spec: TransformSpec

    @classmethod
    def of(cls, signal: Array, reference: Array, nfft: tuple[int, ...] | None = None) -> Spectra:
        """Transform both; scales and levels do not matter and are not kept.

        What repeats has its mean for a level. What is padded to `nfft` has its median: about
        its mean, a pulse on a quiet ground would stand in a hollow that ends with the signal.
        A median that is next to nothing stays, as whitening would hear the steps at the ends.
        """
        dtype = np.result_type(signal, reference, np.float64)
        spec = TransformSpec(1, nfft or signal.shape, dtype)
        padded = nfft is not None
        (x, x_floor), (r, r_floor) = (_transformed(a, spec, padded) for a in (signal, reference))
        return cls(x, r, (x_floor, r_floor), spec)

    def weighted(self, weighting: str | None) -> Array:
        """Return the cross-spectrum, divided as `weighting` says."""
        if weighting == "phat":
            return self.whitened()
        cross = self.signal * np.conj(self.reference)
        if weighting == "scot":
            smooth = [np.sqrt(_smoothed(np.abs(s) ** 2)) for s in (self.signal, self.reference)]
            kept = self._audible(*smooth)
            cross = np.where(kept, cross, 0) / np.where(kept, smooth[0] * smooth[1], 1)
        return cross

    def whitened(self) -> Array:
        """Return the phases of the cross-spectrum, scaled so that agreement sums to 1."""
        magnitudes = np.abs(self.signal), np.abs(self.reference)
        kept = self._audible(*magnitudes)
        count = (self._multiplicity() * kept).sum()
        scale = prod(self.spec.nfft) / max(count, 1)
        cross = np.where(kept, self.signal * np.conj(self.reference), 0)
        phases: Array = cross / np.where(kept, magnitudes[0] * magnitudes[1], 1) * scale
        return phases

    def surface(self, cross: Array) -> Array:
        """Return the circular correlation whose spectrum is `cross`."""
        with borrow_transform(self.spec) as work:
            work.spectrum[0] = cross
            work.inverse()
            samples: Array = work.samples[0] / prod(self.spec.nfft)
        return samples

    def _audible(self, first: Array, second: Array) -> Array:
        """Tell where both magnitudes are more than rounding; that of a mean of 0 never is."""
        kept: Array = (first > self.floors[0]) & (second > self.floors[1])
        return kept

    def _multiplicity(self) -> Array:
        """Return how many bins of the whole spectrum each stored bin of the last axis is."""
        last = self.spec.nfft[-1]
        counts = np.full(last // 2 + 1, 2)
        counts[0] = 1
        if last % 2 == 0:
            counts[-1] = 1
        return counts


def _ground(samples: Array) -> float:
    """Return the median, 0 where it is next to nothing beside the root mean square."""
    median = float(np.median(samples))
    return median if median**2 > _NOTHING**2 * float(np.square(samples).mean()) else 0.0


def _transformed(array: Array, spec: TransformSpec, padded: bool) -> tuple[Array, float]:
    """Return the spectrum of `array` about its level, and the magnitude that is mere rounding."""
    own = float(np.finfo(array.dtype if array.dtype.kind == "f" else spec.dtype).eps)
    samples = array.astype(spec.dtype)
    largest = float(np.abs(samples).max())
    samples = np.ldexp(samples, -np.frexp(largest)[1])
    level = _ground(samples) if padded else float(samples.mean())
    samples -= level
    if not padded:
        # The mean was rounded.
        samples -= samples.mean()
    energy = float(np.square(samples).sum())
    if energy <= samples.size * (own * level) ** 2:
        samples[...] = energy = 0
    with borrow_transform(spec) as work:
        work.samples[...] = 0
        work.samples[0][tuple(slice(n) for n in samples.shape)] = samples
        work.forward()
        spectrum = work.spectrum[0].copy()
    rounding = 4 * own * max(1.0, log2(prod(spec.nfft))) * sqrt(energy)
    return spectrum, rounding + own * abs(level) * sqrt(samples.size)


def _smoothed(power: Array) -> Array:
    """Return the mean over about the root of twice as many neighbouring frequencies."""
    reach = min(round(sqrt(2 * power.size) / 2), power.size - 1)
    # Spectra of real signals are even about their first and last frequency.
    padded = np.pad(power, reach, mode="reflect")
    means: Array = window_sums(padded, (2 * reach + 1,)) / (2 * reach + 1)
    return means
