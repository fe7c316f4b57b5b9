"""A kernel as a spectrum, applied to blocks: what fft, overlap-save and overlap-add share.

A block of S samples, transformed with nfft >= max(q, S+K-1-p), holds outputs [p, q) of its
own convolution free of wrap-around. `fft` is one such block; overlap-save takes blocks whose
outputs are disjoint; overlap-add takes blocks whose samples are disjoint and adds.
"""

from __future__ import annotations

from contextlib import AbstractContextManager
from math import prod
from typing import Any

import numpy as np

from sigconv.core.dtypes import Array, DType
from sigconv.core.gather import Tile
from sigconv.core.index import trailing
from sigconv.core.nonfinite import clean, is_finite
from sigconv.engines.nonfinite import stamp
from sigconv.engines.plan import Plan
from sigconv.engines.windows import Windows
from sigconv.fft import Transform, TransformSpec, borrow_transform

__all__ = ["SpectralKernel", "kernel_spectra", "own_batch"]


class SpectralKernel:
    """The spectra of a floating kernel, for blocks of one FFT length.

    Non-finite samples and overflow show in the outputs, each of which depends on every bin:
    finite data need no scan. A block that shows either is computed again, with zeros in place
    of NaN and infinity and scaled by a power of two.
    """

    def __init__(self, plan: Plan, kernel: Array) -> None:
        self.plan = plan
        self.kernel = kernel
        dtype = plan.problem.dtypes.compute
        self.bad_taps = not is_finite(kernel)
        taps = (clean(kernel) if self.bad_taps else kernel).astype(dtype)
        # Taps beyond the square root of the range may overflow in the spectrum.
        exponent = _exponent(taps)
        self.exponent = exponent if exponent > np.finfo(dtype).maxexp // 2 else 0
        self.spectra = kernel_spectra(_scaled(taps, -self.exponent), plan.nfft, dtype)
        self.spec = TransformSpec(plan.group, plan.nfft, dtype, plan.effort)

    def workspace(self) -> AbstractContextManager[Transform]:
        """Lend one worker's transform, with room for a group of blocks."""
        return borrow_transform(self.spec)

    def apply(self, tile: Tile, out: Array, work: Transform) -> None:
        """Write the outputs of the block's windows, or add them where the grid is by input."""
        windows = Windows(self.plan, tile.block)
        exponent, bad_samples = 0, False
        if self.exponent or not self._filter(windows, tile, tile.data, work):
            bad_samples = not is_finite(tile.data)
            data = clean(tile.data) if bad_samples else tile.data
            data = data.astype(self.spec.dtype)
            exponent = _exponent(data)
            self._filter(windows, tile, _scaled(data, -exponent), work)
            exponent += self.exponent
        windows.store(_scaled(work.samples, exponent), out)
        if bad_samples or self.bad_taps:
            stamp(tile, self.kernel[own_batch(self.kernel.shape, tile.block.batch)], out)

    def _filter(self, windows: Windows, tile: Tile, data: Array, work: Transform) -> bool:
        """Convolve the windows of `data` in the scratch of `work`; tell whether all is finite."""
        windows.load(data, work.samples)
        work.forward()
        used = len(windows)
        spectrum = work.spectrum[:used].reshape(*windows.shape, *self.spec.bins)
        spectrum *= self.spectra[own_batch(self.spectra.shape, tile.block.batch)]
        work.inverse()
        # Of a real transform's bins, the first output has the real parts, the next both parts.
        first: tuple[Any, ...] = (slice(used), *(0,) * (len(self.spec.nfft) - 1), slice(2))
        return bool(np.isfinite(work.samples[first]).all())


def kernel_spectra(kernel: Array, nfft: tuple[int, ...], dtype: DType) -> Array:
    """Return the spectra, one per kernel of the batch, with 1/prod(nfft) folded in.

    Their shape is the kernel's batch, a 1 for the windows, and the bins.
    """
    shape = kernel.shape[: -len(nfft)]
    single = TransformSpec(1, nfft, dtype)
    spectra = np.empty((*shape, 1, *single.bins), single.spectrum_dtype)
    # The factor has the real dtype, so that it does not widen the spectrum.
    scale = np.zeros((), dtype).real.dtype.type(1) / prod(nfft)
    with borrow_transform(single) as work:
        for index in np.ndindex(*shape):
            work.samples[...] = 0
            taps = kernel[index]
            work.samples[0][trailing(slice(n) for n in taps.shape)] = taps
            work.forward()
            np.multiply(work.spectrum, scale, out=spectra[index])
    return spectra


def own_batch(shape: tuple[int, ...], batch: tuple[slice, ...]) -> tuple[slice, ...]:
    """Return the part of a batch that an operand of `shape` holds itself."""
    return tuple(
        slice(None) if n == 1 else s for n, s in zip(shape[: len(batch)], batch, strict=True)
    )


def _exponent(array: Array) -> int:
    """Return the smallest e for which all magnitudes lie below 2**e."""
    if array.dtype.kind == "c":
        return max(_exponent(array.real), _exponent(array.imag))
    largest = max(abs(array.max(initial=0)), abs(array.min(initial=0)))
    return int(np.frexp(largest)[1])


def _scaled(array: Array, exponent: int) -> Array:
    """Return `array` times 2**exponent, which rounds nothing but what becomes subnormal."""
    if not exponent:
        return array
    if array.dtype.kind == "c":
        flat = np.ascontiguousarray(array)
        real: Array = np.ldexp(flat.view(flat.real.dtype), exponent).view(flat.dtype)
        return real.reshape(array.shape)
    scaled: Array = np.ldexp(array, exponent)
    return scaled
