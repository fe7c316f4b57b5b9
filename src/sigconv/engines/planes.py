"""One FFT over two axes and more, in pieces that stay in the cache, shared by all workers.

First the planes of the array are transformed, each on its own: all axes but the first. Then, a few
columns at a time, the first axis: forward, times the kernel's spectrum, and back. Then the planes
come back. What lies between is one array of half spectra; zero planes, zero rows and outputs that
nobody wants are left out of it. The kernel's own planes are few, and its columns are made where
they are needed, unless it is prepared for many signals.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, nullcontext
from math import prod
from typing import Any, NamedTuple

import numpy as np

from sigconv.core.blocks import Block, Range, cut
from sigconv.core.dtypes import Array
from sigconv.core.gather import Tile
from sigconv.core.index import fill_around
from sigconv.core.nonfinite import clean, is_finite
from sigconv.engines.base import NonFiniteSamples
from sigconv.engines.costs import column_width
from sigconv.engines.nonfinite import stamp
from sigconv.engines.plan import Plan
from sigconv.engines.spectral import ScaledTaps, SpectralKernel, own_batch
from sigconv.engines.workers import run_shared
from sigconv.fft import ColumnSpec, PlaneSpec, borrow_transform

__all__ = ["PlaneKernel"]

# Arrays that a prepared kernel keeps at most: one for each thread that calls it at once.
_SPARE = 2

# Samples in the planes of one call.
_PLANE_SAMPLES = 1 << 15


class _Layout(NamedTuple):
    """Where the samples lie in one transform of the whole, and which outputs are wanted."""

    sizes: tuple[int, ...]
    leads: tuple[int, ...]
    lengths: tuple[int, ...]

    @classmethod
    def of(cls, block: Block) -> _Layout:
        pairs = list(zip(block.write, block.support, strict=True))
        return cls(
            tuple(s[1] - s[0] for _, s in pairs),
            tuple(w[0] - s[0] for w, s in pairs),
            tuple(w[1] - w[0] for w, _ in pairs),
        )

    @property
    def wanted(self) -> tuple[Range, ...]:
        return tuple((a, a + n) for a, n in zip(self.leads, self.lengths, strict=True))


class PlaneKernel:
    """The spectra of a kernel's planes, and of all its columns where many signals are to come."""

    def __init__(self, plan: Plan, kernel: Array) -> None:
        self.plan = plan
        self.kernel = kernel
        self.dtype = plan.problem.dtypes.compute
        self.scaled = ScaledTaps.of(plan, kernel)
        batch = kernel.shape[: kernel.ndim - len(plan.nfft)]
        taps = kernel.shape[len(batch) :]
        spec = PlaneSpec(1, plan.nfft[1:], taps[1:-1], None, self.dtype)
        self.columns = prod(spec.bins)
        self.complex = spec.spectrum_dtype
        self.width = column_width(plan.nfft[0], self.columns, self.complex.itemsize)
        scale = np.zeros((), self.dtype).real.dtype.type(1) / prod(plan.nfft)
        planes = np.empty((*batch, taps[0], *spec.bins), self.complex)
        with borrow_transform(spec) as work:
            for index in np.ndindex(*batch, taps[0]):
                work.samples[..., taps[-1] :] = 0
                work.samples[..., : taps[-1]] = self.scaled.taps[index]
                work.forward()
                np.multiply(work.spectrum[0], scale, out=planes[index])
        self.spectra = planes.reshape(*batch, taps[0], self.columns)
        self.is_whole = plan.effort == "measure"
        # What lies between the steps, kept for the next signal. A deque's ends are atomic.
        self.spare: deque[Array] = deque(maxlen=_SPARE)
        if self.is_whole:
            self.spectra = self._whole_columns(self.spectra)

    def workspace(self) -> AbstractContextManager[None]:
        """Lend nothing: each step borrows the scratch that it needs."""
        return nullcontext()

    def apply(self, tile: Tile, out: Array, work: Any, *, watch: bool = False) -> None:
        """Write the outputs of one block with `work` workers."""
        layout = _Layout.of(tile.block)
        spectra = self.spectra[own_batch(self.spectra.shape, tile.block.batch)]
        spectra = np.broadcast_to(
            spectra, (*out.shape[: out.ndim - len(layout.sizes)], *spectra.shape[-2:])
        )
        bad = self.scaled.bad
        for index in np.ndindex(*spectra.shape[:-2]):
            data = tile.data[index]
            if self._convolve(data, spectra[index], out[index], layout, work):
                continue
            bad_samples = not is_finite(data)
            if watch and bad_samples:
                raise NonFiniteSamples
            bad = bad or bad_samples
            data = clean(data) if bad_samples else data
            if not self._convolve(data, spectra[index], out[index], layout, work):
                self._convolve_scaled(tile.block, index, data, out)
        if bad:
            stamp(tile, self.kernel[own_batch(self.kernel.shape, tile.block.batch)], out)

    def _convolve(
        self, data: Array, spectra: Array, out: Array, layout: _Layout, workers: int
    ) -> bool:
        """Convolve one array; tell whether the results are finite."""
        factor = self.scaled.factor
        if factor is None:
            return False
        try:
            between = self.spare.pop()
        except IndexError:
            shape = max(layout.sizes[0], layout.lengths[0]), self.columns
            between = np.empty(shape, self.complex)
        count = max(1, _PLANE_SAMPLES // prod(self.plan.nfft[1:]))
        sizes, wanted = layout.sizes[1:], layout.wanted[1:]
        spec = PlaneSpec(
            count, self.plan.nfft[1:], sizes[:-1], wanted[:-1], self.dtype, self.plan.effort
        )
        box = tuple(slice(0, n) for n in sizes)
        last = slice(*wanted[-1])
        finite: list[bool] = []

        def forward(work: Any, start: int, stop: int) -> None:
            fill_around(work.samples[: stop - start], (box[-1],), data[start:stop])
            work.forward()
            part = between[start:stop].reshape(stop - start, *spec.bins)
            part[...] = work.spectrum[: stop - start]

        def inverse(work: Any, start: int, stop: int) -> None:
            part = between[start:stop].reshape(stop - start, *spec.bins)
            work.spectrum[: stop - start] = part
            work.inverse()
            results = work.results[: stop - start]
            np.multiply(results[..., last], factor, out=out[start:stop], casting="unsafe")
            # Of a real transform's bins, the first output has the real parts, the next both.
            finite.append(bool(np.isfinite(results[..., :2]).all()))

        _share(spec, forward, layout.sizes[0], count, workers)
        self._filter_columns(between, spectra, layout, workers)
        _share(spec, inverse, layout.lengths[0], count, workers)
        if self.is_whole:
            self.spare.append(between)
        return all(finite)

    def _filter_columns(
        self, between: Array, spectra: Array, layout: _Layout, workers: int
    ) -> None:
        """Convolve along the first axis, a few columns at a time."""
        size, (low, high) = layout.sizes[0], layout.wanted[0]
        spec = ColumnSpec(self.plan.nfft[0], self.width, self.complex, self.plan.effort)

        def one(work: Any, start: int, stop: int) -> None:
            width = stop - start
            kernel = spectra[:, start:stop]
            if not self.is_whole:
                _load(work.columns, kernel)
                work.forward()
                kernel = work.columns[:, :width].copy()
            _load(work.columns, between[:size, start:stop])
            work.forward()
            work.columns[:, :width] *= kernel
            work.inverse()
            between[: high - low, start:stop] = work.columns[low:high, :width]

        _share(spec, one, self.columns, self.width, workers)

    def _whole_columns(self, planes: Array) -> Array:
        """Return the kernel's spectra at all frequencies of the first axis too."""
        taps = planes.shape[-2]
        whole = np.empty((*planes.shape[:-2], self.plan.nfft[0], self.columns), self.complex)
        spec = ColumnSpec(self.plan.nfft[0], self.width, self.complex)
        with borrow_transform(spec) as work:
            for index in np.ndindex(*planes.shape[:-2]):
                for start in range(0, self.columns, self.width):
                    part = slice(start, min(start + self.width, self.columns))
                    _load(work.columns, planes[index][:taps, part])
                    work.forward()
                    whole[index][:, part] = work.columns[:, : part.stop - start]
        return whole

    def _convolve_scaled(
        self, block: Block, index: tuple[int, ...], data: Array, out: Array
    ) -> None:
        """Convolve one array of the batch, of numbers near overflow, at a scale of its own."""
        where = tuple(slice(i, i + 1) for i in index)
        batch = tuple(
            slice(s.start + i, s.start + i + 1) for s, i in zip(block.batch, index, strict=True)
        )
        own = self.kernel[own_batch(self.kernel.shape, batch)]
        tile = Tile(
            Block((slice(0, 1),) * len(index), block.write, block.support),
            data[(None,) * len(index)],
        )
        spectral = SpectralKernel(self.plan, clean(own) if self.scaled.bad else own)
        with spectral.workspace() as work:
            spectral.apply(tile, out[where], work)


def _load(columns: Array, data: Array) -> None:
    """Copy `data` into the first rows and columns, and zeros below them."""
    columns[: len(data), : data.shape[1]] = data
    columns[len(data) :] = 0


def _share(
    spec: Any, step: Callable[[Any, int, int], None], length: int, count: int, workers: int
) -> None:
    """Let workers take pieces of `count` out of `length`, each with scratch of its own."""

    def share(items: Iterator[int]) -> None:
        with np.errstate(all="ignore"), borrow_transform(spec) as work:
            for start in items:
                step(work, start, min(start + count, length))

    run_shared(share, cut(0, length, count)[:-1], workers)
