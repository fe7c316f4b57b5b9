"""fft and overlap-save along one axis by a compiled loop around FFTW, for blocks and for one step.

A window is loaded, transformed, multiplied, transformed back and stored before the next one, all
in scratch that stays in the cache. Of real signals two neighbouring windows may share one complex
transform: a real kernel leaves the two apart, as real and imaginary parts. Yet rounding errors are
relative to both together, so windows go in pairs only where neither is much louder than the other.
"""

from __future__ import annotations

from contextlib import AbstractContextManager
from math import prod
from typing import Any, NamedTuple

import numpy as np

from sigconv.core.blocks import Block
from sigconv.core.dtypes import Array, DType
from sigconv.core.gather import Tile
from sigconv.engines import compiled
from sigconv.engines.accuracy import LOUDER
from sigconv.engines.plan import Plan
from sigconv.engines.rows import flat
from sigconv.engines.spectral import (
    ScaledTaps,
    SpectralKernel,
    one_by_one,
    own_batch,
)
from sigconv.fft import TransformSpec, borrow_transform

__all__ = ["NativeKernel", "Signals", "WindowLoop", "in_rows", "is_in_rows", "spectrum_of"]


class _Layout(NamedTuple):
    """What the loop knows of a block's windows."""

    hop: int
    lead: int
    origin: int
    size: int
    length: int

    @classmethod
    def of(cls, plan: Plan, block: Block) -> _Layout:
        (start, stop), (low, high) = block.write[0], block.support[0]
        size, length = high - low, stop - start
        if plan.method == "fft":
            return cls(length, start - low, 0, size, length)
        tail = plan.problem.taps[0] - 1
        return cls(plan.hop[0], tail, start - tail - low, size, length)


class Signals(NamedTuple):
    """The memory of samples and results, and where signals lie in it.

    `rows` are where the samples of each and its results begin, and which kernel it meets; `layout`
    is that of their windows.
    """

    x: Array
    y: Array
    rows: Array
    layout: Array


class WindowLoop:
    """The compiled loop for windows of one length, alone or in pairs."""

    def __init__(self, plan: Plan) -> None:
        self._plan = plan
        self.dtype = plan.problem.dtypes.compute
        self._in_pairs = plan.loop == "pairs"
        dtype = np.result_type(self.dtype, np.complex64) if self._in_pairs else self.dtype
        self.spec = TransformSpec(plan.group, plan.nfft, dtype, plan.effort, is_native=True)

    def layout(self, block: Block) -> Array:
        """Return what the loop is told of a block's windows."""
        return np.array(_Layout.of(self._plan, block))

    def run(self, work: Any, signals: Signals, spectra: Array, factor: Any) -> bool:
        """Convolve signals, and tell whether all that came back is finite."""
        from sigconv.loops.fft_windows import filter_pairs, filter_windows

        arguments = work.calls, *signals, spectra
        samples, spectrum = work.samples[0], work.spectrum[0]
        if self._in_pairs:
            parts = samples.view(self.dtype)
            return bool(filter_pairs(*arguments, parts, spectrum, factor, LOUDER))
        return bool(filter_windows(*arguments, samples, spectrum, factor))


def spectrum_of(taps: Array, work: Any) -> Array:
    """Return the spectrum of finite taps, with 1/nfft folded in."""
    samples = work.samples[0]
    samples[: taps.size] = taps
    samples[taps.size :] = 0
    work.forward()
    # The factor has the real dtype, so that it does not widen the spectrum.
    spectrum: Array = work.spectrum[0] * (taps.dtype.type(1).real / samples.size)
    return spectrum


class NativeKernel:
    """The spectra of kernels, for windows of one length."""

    def __init__(self, plan: Plan, kernel: Array) -> None:
        self.plan = plan
        self.kernel = kernel
        self.scaled = ScaledTaps.of(plan, kernel)
        self.loop = WindowLoop(plan)
        self.dtype = self.loop.dtype
        self.batch = kernel.shape[:-1]
        taps = self.scaled.taps.reshape(-1, kernel.shape[-1])
        with borrow_transform(self.loop.spec) as work:
            self.spectra = np.stack([spectrum_of(row, work) for row in taps])
        self._plain: SpectralKernel | None = None
        compiled.load(self.dtype, "windows")

    def workspace(self) -> AbstractContextManager[Any]:
        """Lend one worker's transform."""
        return borrow_transform(self.loop.spec)

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
