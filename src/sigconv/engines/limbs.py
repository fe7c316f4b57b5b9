"""Integers through FFTs, exactly: digits small enough that every transform's error rounds away.

Samples and taps are split into digits of a few bits, balanced around zero. Products of digits
that stand for the same power of two add up as spectra and come back by one inverse transform,
whose results are closer than 1/2 to the integers that they are (`accuracy.choose_limbs` has
the bound). The integers are shifted and added modulo 2**64, which holds every result that
`check_integer_range` lets pass.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from math import prod
from typing import NamedTuple

import numpy as np

from sigconv.core.dtypes import Array
from sigconv.core.gather import Tile
from sigconv.engines.accuracy import choose_limbs
from sigconv.engines.plan import Plan
from sigconv.engines.spectral import kernel_spectra, own_batch
from sigconv.engines.windows import Windows
from sigconv.fft import Transform, TransformSpec, borrow_transform
from sigconv.loops.scratch import borrow_scratch

__all__ = ["LimbKernel"]

_FLOAT = np.dtype(np.float64)


class _Work(NamedTuple):
    transform: Transform
    spectra: Array
    integers: Array
    sums: Array


class LimbKernel:
    """The spectra of an integer kernel's digits, for blocks of one FFT length."""

    def __init__(self, plan: Plan, kernel: Array) -> None:
        self.plan = plan
        self.limbs = choose_limbs(plan.problem, plan.nfft)
        self.spec = TransformSpec(plan.group, plan.nfft, _FLOAT, plan.effort)
        digits = _digits(_modular(kernel), self.limbs.width, self.limbs.kernel)
        self.spectra = [kernel_spectra(digit, plan.nfft, _FLOAT) for digit in digits]

    @contextmanager
    def workspace(self) -> Iterator[_Work]:
        """Lend one worker's transform, the digits' spectra and the sums of a group of blocks."""
        count = self.limbs.signal if self.limbs.products > 1 else 0
        shape = (self.spec.count, *self.spec.nfft)
        halves = (count, self.spec.count, *self.spec.bins)
        sizes = [2 * prod(halves), prod(shape), prod(shape)]
        with borrow_transform(self.spec) as transform, borrow_scratch() as scratch:
            spectra, integers, sums = scratch.arrays(sizes, _FLOAT)
            yield _Work(
                transform,
                spectra.view(self.spec.spectrum_dtype).reshape(halves),
                integers.view(np.int64).reshape(shape),
                sums.view(np.int64).reshape(shape),
            )

    def apply(self, tile: Tile, out: Array, work: _Work, *, watch: bool = False) -> None:
        """Write the outputs of the block's windows, or add them where the grid is by input."""
        windows = Windows(self.plan, tile, out)
        kernels = [h[own_batch(h.shape, tile.block.batch)] for h in self.spectra]
        for first in windows.groups():
            self._filter(windows, first, kernels, work)
            windows.store(first, work.sums.view(self.plan.problem.dtypes.compute))

    def _filter(self, windows: Windows, first: int, kernels: list[Array], work: _Work) -> None:
        """Convolve a group of windows, exactly, into `work.sums`."""
        transform, shape = work.transform, windows.shape(first)
        if self.limbs.products == 1:
            windows.load(first, transform.samples)
            transform.forward()
            spectrum = self._shaped(shape, transform.spectrum)
            spectrum *= kernels[0]
            transform.inverse()
            _round(transform.samples, work.sums)
        else:
            windows.load(first, work.integers)
            self._split(work)
            self._combine(shape, kernels, work)

    def _split(self, work: _Work) -> None:
        """Fill `work.spectra` with the transforms of the samples' digits."""
        digits = _digits(work.integers, self.limbs.width, self.limbs.signal)
        for spectrum, digit in zip(work.spectra, digits, strict=True):
            work.transform.samples[...] = digit
            work.transform.forward()
            spectrum[...] = work.transform.spectrum

    def _combine(self, shape: tuple[int, ...], kernels: list[Array], work: _Work) -> None:
        """Add up the products of digits, one power of two after the other."""
        transform, sums = work.transform, work.sums
        sums[...] = 0
        for power in range(self.limbs.products):
            shift = power * self.limbs.width
            if shift >= 64:
                break
            total = self._shaped(shape, transform.spectrum)
            total[...] = 0
            for i, spectrum in enumerate(work.spectra):
                if 0 <= power - i < len(kernels):
                    total += self._shaped(shape, spectrum) * kernels[power - i]
            transform.inverse()
            _round(transform.samples, work.integers)
            sums += work.integers << shift

    def _shaped(self, shape: tuple[int, ...], spectrum: Array) -> Array:
        return spectrum[: prod(shape)].reshape(*shape, *self.spec.bins)


def _modular(array: Array) -> Array:
    """Return integers as int64, those of uint64 modulo 2**64."""
    return array.astype(np.int64)


def _digits(values: Array, width: int, count: int) -> Iterator[Array]:
    """Yield the digits of `values` in base 2**width, between -2**(width-1) and 2**(width-1)."""
    half = np.int64(1 << (width - 1)) if count > 1 else np.int64(0)
    for _ in range(count - 1):
        # A carry beyond 63 bits wraps: it changes the number by a multiple of 2**64.
        rest = (values + half) >> width
        yield values - (rest << width)
        values = rest
    yield values


def _round(samples: Array, out: Array) -> None:
    np.rint(samples, out=samples)
    out[...] = samples
