"""A kernel as a spectrum, applied to blocks: what fft, overlap-save and overlap-add share.

A block of S samples, transformed with nfft >= max(q, S+K-1-p), holds outputs [p, q) of its
own convolution free of wrap-around. `fft` is one such block; overlap-save takes blocks whose
outputs are disjoint; overlap-add takes blocks whose samples are disjoint and adds.
"""

from __future__ import annotations

from contextlib import AbstractContextManager
from itertools import groupby, pairwise
from math import log2, prod
from typing import NamedTuple

import numpy as np
from numpy.lib.stride_tricks import as_strided

from sigconv.core.blocks import Range, cut
from sigconv.core.dtypes import Array, DType
from sigconv.core.gather import Tile
from sigconv.core.index import along, trailing
from sigconv.core.nonfinite import clean, is_finite
from sigconv.core.problem import Problem
from sigconv.core.shapes import odd_factors
from sigconv.engines.base import Machine, dtype_key
from sigconv.engines.nonfinite import stamp
from sigconv.engines.plan import Plan
from sigconv.fft import Transform, TransformSpec, borrow_transform

__all__ = ["SpectralKernel", "block_cost", "refusal_of_fft"]


def refusal_of_fft(problem: Problem) -> str | None:
    """Say why an FFT cannot compute `problem`, or return None."""
    if problem.dtypes.is_exact:
        return "integers are exact, and an FFT rounds"
    if problem.is_trivial:
        return "there is nothing to transform"
    return None


def block_cost(problem: Problem, machine: Machine, nfft: tuple[int, ...]) -> float:
    """Return the seconds to load, transform, multiply, transform back and store one block."""
    nbytes = 2 * prod(nfft) * problem.dtypes.compute.itemsize
    transforms = 2 * _transform_cost(machine, nfft, problem.dtypes.compute)
    return transforms + nbytes / 16 * machine.multiply + 2 * nbytes * machine.copy


def _transform_cost(machine: Machine, nfft: tuple[int, ...], dtype: DType) -> float:
    key = dtype_key(dtype)
    known = key in machine.fft_nd
    samples = prod(nfft)
    if len(nfft) == 1:
        rates = machine.fft[key if known else "f8"]
        rate = float(np.interp(log2(samples), [log2(n) for n in machine.fft_samples], rates))
    else:
        rate = machine.fft_nd[key if known else "f8"] * (1 + _SHORT_AXIS / min(nfft))
        if any(n >= 256 and n & (n - 1) == 0 for n in nfft):
            # Rows a power of two apart share the same few lines of the cache.
            rate *= 2
    # Passes of odd radix do less work per load and store.
    odd = sum(odd_factors(n) for n in nfft) / len(nfft)
    scalar = 1 if known else 10
    return scalar * (1 + 0.08 * odd) * rate * samples * max(1.0, log2(samples))


# The length of an axis whose transforms cost as much to call as to compute.
_SHORT_AXIS = 40


class Window(NamedTuple):
    """One transform's share of a block on the first convolved axis."""

    write: Range
    support: Range

    def sizes(self) -> tuple[int, int, int]:
        """Return what tells two windows apart, other than where they lie."""
        (start, stop), (low, high) = self
        return stop - start, high - low, start - low


class SpectralKernel:
    """The spectra of a kernel, for blocks of one FFT length."""

    def __init__(self, plan: Plan, kernel: Array) -> None:
        self.plan = plan
        self.kernel = kernel
        self.bad_taps = not is_finite(kernel)
        self.spec = TransformSpec(plan.group, plan.nfft, plan.problem.dtypes.compute, plan.effort)
        self.spectra = self._transform_kernel()

    @property
    def _ndim(self) -> int:
        return len(self.plan.nfft)

    def _transform_kernel(self) -> Array:
        """Return the spectra, one per kernel of the batch, with 1/prod(nfft) folded in."""
        kernel = clean(self.kernel) if self.bad_taps else self.kernel
        shape = kernel.shape[: -self._ndim]
        single = TransformSpec(1, self.plan.nfft, self.spec.dtype)
        spectra = np.empty((*shape, 1, *single.bins), single.spectrum_dtype)
        with borrow_transform(single) as work:
            for index in np.ndindex(*shape):
                work.samples[...] = 0
                taps = kernel[index]
                work.samples[0][trailing(slice(n) for n in taps.shape)] = taps
                work.forward()
                # The factor has the real dtype, so that it does not widen the spectrum.
                scale = self.plan.problem.dtypes.real.type(1) / prod(self.plan.nfft)
                np.multiply(work.spectrum, scale, out=spectra[index])
        return spectra

    def workspace(self) -> AbstractContextManager[Transform]:
        """Lend one worker's transform, with room for a group of blocks."""
        return borrow_transform(self.spec)

    def apply(self, tile: Tile, out: Array, work: Transform) -> None:
        """Write the outputs of the block's windows, or add them where the grid is by input."""
        nbatch = out.ndim - self._ndim
        windows = self._windows(tile)
        shape = (*out.shape[:nbatch], len(windows))
        used = prod(shape)
        self._load(tile.data, windows, work, shape)
        work.samples[used:] = 0
        work.forward()
        # The DC bin is not finite whenever a sample is: finite data need no scan.
        dc = work.spectrum[:used].reshape(used, -1)[:, 0]
        bad_samples = not np.isfinite(dc).all()
        if bad_samples:
            self._load(clean(tile.data), windows, work, shape)
            work.forward()
        spectrum = work.spectrum[:used].reshape(*shape, *self.spec.bins)
        spectrum *= self._spectra_of(tile)
        work.inverse()
        samples = work.samples[:used].reshape(*shape, *self.plan.nfft)
        self._store(samples, windows, tile, out)
        if bad_samples or self.bad_taps:
            stamp(tile, self._kernel_of(tile), out)

    def _kernel_of(self, tile: Tile) -> Array:
        return self.kernel[_own_batch(self.kernel.shape, tile.block.batch)]

    def _spectra_of(self, tile: Tile) -> Array:
        return self.spectra[_own_batch(self.spectra.shape, tile.block.batch)]

    def _windows(self, tile: Tile) -> list[Window]:
        """Return the windows of the block, which follow one another on the first axis."""
        hop, tail = self.plan.hop[0], self.kernel.shape[-self._ndim] - 1
        write, support = tile.block.write[0], tile.block.support[0]
        if self.plan.grid.by_input:
            pieces = pairwise(cut(*support, hop))
            return [Window(_clip(a, b + tail, write), (a, b)) for a, b in pieces]
        pieces = pairwise(cut(*write, hop))
        return [Window((a, b), _clip(a - tail, b, support)) for a, b in pieces]

    def _load(
        self, data: Array, windows: list[Window], work: Transform, shape: tuple[int, ...]
    ) -> None:
        nbatch = len(shape) - 1
        scratch = work.samples[: prod(shape)].reshape(*shape, *self.plan.nfft)
        rest = data.shape[nbatch + 1 :]
        box = tuple(slice(n) for n in rest)
        origin = windows[0].support[0]
        index = 0
        for run in _runs(windows):
            start, stop = run[0].support
            target = scratch[along(nbatch, slice(index, index + len(run)))]
            if (stop - start, *rest) != self.plan.nfft:
                target[...] = 0
            starts = [window.support[0] - origin for window in run]
            view = _stacked(data, nbatch, starts, stop - start)
            target[along(nbatch + 1, slice(stop - start), *box)] = view
            index += len(run)

    def _store(self, samples: Array, windows: list[Window], tile: Tile, out: Array) -> None:
        nbatch = out.ndim - self._ndim
        origin = windows[0].write[0]
        rest = tuple(
            slice(write[0] - support[0], write[1] - support[0])
            for write, support in zip(tile.block.write[1:], tile.block.support[1:], strict=True)
        )
        index = 0
        by_input = self.plan.grid.by_input
        # Outputs by input overlap, and are added one window at a time.
        for run in [[window] for window in windows] if by_input else _runs(windows):
            (start, stop), support = run[0]
            span = slice(start - support[0], stop - support[0])
            result = samples[along(nbatch, slice(index, index + len(run)), span, *rest)]
            starts = [window.write[0] - origin for window in run]
            target = _stacked(out, nbatch, starts, stop - start)
            if by_input:
                target += result
            else:
                target[...] = result
            index += len(run)


def _runs(windows: list[Window]) -> list[list[Window]]:
    """Return runs of neighbours that are alike: one strided copy serves each."""
    return [list(run) for _, run in groupby(windows, Window.sizes)]


def _stacked(array: Array, axis: int, starts: list[int], length: int) -> Array:
    """Return a view with a new axis before `axis`: pieces of `length` from evenly spaced starts."""
    step = starts[1] - starts[0] if len(starts) > 1 else 0
    part = array[along(axis, slice(starts[0], starts[-1] + length))]
    shape, strides = part.shape, part.strides
    return as_strided(
        part,
        (*shape[:axis], len(starts), length, *shape[axis + 1 :]),
        (*strides[:axis], step * strides[axis], *strides[axis:]),
    )


def _clip(start: int, stop: int, bounds: Range) -> Range:
    return max(start, bounds[0]), min(stop, bounds[1])


def _own_batch(shape: tuple[int, ...], batch: tuple[slice, ...]) -> tuple[slice, ...]:
    """Return the part of a batch that an operand of `shape` holds itself."""
    return tuple(
        slice(None) if n == 1 else s for n, s in zip(shape[: len(batch)], batch, strict=True)
    )


def group_size(machine: Machine, nfft: tuple[int, ...], itemsize: int, windows: int) -> int:
    """Return how many windows one call transforms: as many as stay in cache, in a few calls."""
    in_cache = machine.cache_bytes // max(1, 2 * prod(nfft) * itemsize)
    shared = -(-windows // 4)
    return max(1, min(in_cache, shared, 64))
