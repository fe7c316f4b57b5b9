"""fft and overlap-save along one axis by compiled loops, for the blocks of any arrays."""

from __future__ import annotations

from contextlib import AbstractContextManager
from math import prod
from typing import Any

import numpy as np

from sigconv.core.dtypes import Array, DType
from sigconv.core.gather import Tile
from sigconv.engines.plan import Plan
from sigconv.engines.rows import flat
from sigconv.engines.spectral import (
    ScaledTaps,
    SpectralKernel,
    one_by_one,
    own_batch,
)
from sigconv.engines.window_loops import Signals, window_loop

__all__ = ["NativeKernel", "in_rows", "is_in_rows"]


class NativeKernel:
    """The spectra of kernels, for windows of one length."""

    def __init__(self, plan: Plan, kernel: Array) -> None:
        self.plan = plan
        self.kernel = kernel
        self.scaled = ScaledTaps.of(plan, kernel)
        self.loop = window_loop(plan)
        self.dtype = self.loop.dtype
        self.batch = kernel.shape[:-1]
        taps = self.scaled.taps.reshape(-1, kernel.shape[-1])
        self.spectra = np.stack([self.loop.spectrum(row) for row in taps])
        self._plain: SpectralKernel | None = None

    def workspace(self) -> AbstractContextManager[Any]:
        """Lend what one worker needs."""
        return self.loop.workspace()

    def apply(self, tile: Tile, out: Array, work: Any, *, watch: bool = False) -> None:
        """Write the outputs of the block, or have them computed with all that NaN takes."""
        if self.scaled.factor is None or self.scaled.bad or not self._filter(tile, out, work):
            if self._plain is None:
                self._plain = SpectralKernel(self.plan, self.kernel)
            with self._plain.workspace() as plain:
                for one, target in one_by_one(tile, out):
                    self._plain.apply(one, target, plain, watch=watch)

    def _filter(self, tile: Tile, out: Array, work: Any) -> bool:
        """Convolve every signal of the block; tell whether all that came back is finite."""
        data = in_rows(tile.data, self.dtype, copy=True)
        result = in_rows(out, self.dtype, copy=False)
        x, begin = flat(data)
        y, place = flat(result)
        x.flags.writeable = False
        if out.ndim == 1:
            rows = np.array(((begin, place, 0),))
        else:
            rows = np.empty((prod(out.shape[:-1]), 3), np.int64)
            rows[:, 0] = begin + _places(data)
            rows[:, 1] = place + _places(result)
            rows[:, 2] = self._kernels(tile.block.batch, out.shape[:-1])
        signals = Signals(x, y, rows, self.loop.layout(tile.block))
        finite = self.loop.run(work, signals, self.spectra, self.scaled.factor)
        if finite and result is not out:
            out[...] = result
        return finite

    def _kernels(self, batch: tuple[slice, ...], shape: tuple[int, ...]) -> Array:
        """Return which kernel each signal of the block meets."""
        numbers = np.arange(len(self.spectra)).reshape(self.batch)
        return np.broadcast_to(numbers[own_batch(self.batch, batch)], shape).ravel()


def in_rows(array: Array, dtype: Any, *, copy: bool) -> Array:
    """Return the array, or one like it whose last axis is contiguous: a copy, or room for it."""
    if is_in_rows(array, dtype):
        return array
    return np.array(array, dtype, order="C") if copy else np.empty(array.shape, dtype)


def is_in_rows(array: Array, dtype: DType) -> bool:
    """Tell whether the last axis is contiguous, and the others are whole elements apart."""
    itemsize = array.itemsize
    plain = array.dtype == dtype and array.flags.aligned
    return plain and array.strides[-1] == itemsize and not any(s % itemsize for s in array.strides)


def _places(array: Array) -> Array:
    """Return where in memory each row begins, in elements from the first one."""
    places = np.zeros((), np.int64)
    for length, stride in zip(array.shape[:-1], array.strides[:-1], strict=True):
        places = places[..., None] + np.arange(length) * (stride // array.itemsize)
    return places.ravel()
