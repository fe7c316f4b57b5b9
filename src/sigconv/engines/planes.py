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
from sigconv.engines.nonfinite import stamp
from sigconv.engines.plan import Plan
from sigconv.engines.plane_costs import column_width
from sigconv.engines.spectral import ScaledTaps, SpectralKernel, one_by_one, own_batch
from sigconv.engines.workers import run_shared
from sigconv.fft import ColumnSpec, PlaneSpec, borrow_transform

__all__ = ["Layout", "PlaneKernel"]

# Arrays that a prepared kernel keeps at most: one for each thread that calls it at once.
_SPARE = 2

# Samples in the planes of one call.
_PLANE_SAMPLES = 1 << 15


class Layout(NamedTuple):
    """Where the samples lie in one transform of the whole, and which outputs are wanted."""

    sizes: tuple[int, ...]
    leads: tuple[int, ...]
    lengths: tuple[int, ...]

    @classmethod
    def of(cls, block: Block) -> Layout:
        """Return the layout of a block's samples and outputs."""
        pairs = list(zip(block.write, block.support, strict=True))
        return cls(
            tuple(s[1] - s[0] for _, s in pairs),
            tuple(w[0] - s[0] for w, s in pairs),
            tuple(w[1] - w[0] for w, _ in pairs),
        )

    @property
    def wanted(self) -> tuple[Range, ...]:
        """The wanted outputs on each axis, as places in the transform."""
        return tuple((a, a + n) for a, n in zip(self.leads, self.lengths, strict=True))


class PlaneKernel:
    """The spectra of a kernel's planes, and of all its columns where many signals are to come."""

    is_native = False
    is_whole = False

    def __init__(self, plan: Plan, kernel: Array) -> None:
        self.plan = plan
        self.kernel = kernel
        self.dtype = plan.problem.dtypes.compute
        self.scaled = ScaledTaps.of(plan, kernel)
        batch = kernel.shape[: kernel.ndim - len(plan.nfft)]
        taps = kernel.shape[len(batch) :]
        spec = self._plane_spec(taps[1:-1], None)
        self.columns = prod(spec.bins)
        self.complex = spec.spectrum_dtype
        width = column_width(plan.nfft[0], self.columns, self.complex)
        effort = plan.effort
        self.column_spec = ColumnSpec(plan.nfft[0], width, self.complex, effort, self.is_native)
        scale = np.zeros((), self.dtype).real.dtype.type(1) / prod(plan.nfft)
        self.spectra = np.empty((*batch, taps[0], self.columns), self.complex)
        with borrow_transform(spec) as work:
            for index in np.ndindex(*batch):
                for start in range(0, taps[0], spec.count):
                    part = slice(start, min(start + spec.count, taps[0]))
                    planes = self.scaled.taps[index][part]
                    self._forward(work, planes, self.spectra[index][part])
        self.spectra *= scale
        self.is_whole = self.is_whole or plan.effort == "measure"
        # What lies between the steps, kept for the next signal. A deque's ends are atomic.
        self.spare: deque[Array] = deque(maxlen=_SPARE)
        if self.is_whole:
            self.spectra = self._whole_columns(self.spectra)

    def workspace(self) -> AbstractContextManager[Any]:
        """Lend nothing: each step borrows the scratch that it needs."""
        return nullcontext()

    def apply(self, tile: Tile, out: Array, work: Any, *, watch: bool = False) -> None:
        """Write the outputs of one block with `work` workers."""
        layout = Layout.of(tile.block)
        first = (0,) * len(tile.block.batch)
        bad = self.scaled.bad
        for one, target in one_by_one(tile, out):
            spectra = self.spectra[own_batch(self.spectra.shape, one.block.batch)][first]
            data, result = one.data[first], target[first]
            if self._convolve(data, spectra, result, layout, work):
                continue
            bad_samples = not is_finite(data)
            if watch and bad_samples:
                raise NonFiniteSamples
            bad = bad or bad_samples
            data = clean(data) if bad_samples else data
            if not self._convolve(data, spectra, result, layout, work):
                self._convolve_scaled(one._replace(data=data[(None,) * len(first)]), target)
        if bad:
            stamp(tile, self.kernel[own_batch(self.kernel.shape, tile.block.batch)], out)

    def _plane_spec(self, filled: tuple[int, ...], kept: tuple[Range, ...] | None) -> PlaneSpec:
        """Return the transform of a few planes with samples in their `filled` first rows."""
        nfft = self.plan.nfft[1:]
        count = max(1, _PLANE_SAMPLES // prod(nfft))
        return PlaneSpec(count, nfft, filled, kept, self.dtype, self.plan.effort, self.is_native)

    def _convolve(
        self, data: Array, spectra: Array, out: Array, layout: Layout, workers: int
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
        spec = self._plane_spec(layout.sizes[1:-1], layout.wanted[1:-1])
        (size, length), columns = (layout.sizes[0], layout.lengths[0]), self.column_spec
        finite: list[bool] = []

        def forward(work: Any, start: int, stop: int) -> None:
            self._forward(work, data[start:stop], between[start:stop])

        def across(work: Any, start: int, stop: int) -> None:
            part = slice(start, stop)
            self._filter(work, spectra[:, part], between[:, part], size, layout.wanted[0])

        def inverse(work: Any, start: int, stop: int) -> None:
            lead = layout.leads[-1]
            done = self._inverse(work, between[start:stop], out[start:stop], lead, factor)
            finite.append(done)

        for step, each, total, count in (
            (forward, spec, size, spec.count),
            (across, columns, self.columns, columns.width),
            (inverse, spec, length, spec.count),
        ):
            beside = prod(spec.nfft) if each is spec else columns.nfft
            _share(each, step, total, self._piece(total, count, beside), workers)
        if self.is_whole:
            self.spare.append(between)
        return all(finite)

    def _piece(self, length: int, count: int, beside: int) -> int:
        """Return how many planes or columns of `length` a worker takes at once.

        A call transforms `count`, each of so many samples `beside`.
        """
        del length, beside
        return count

    def _forward(self, work: Any, data: Array, between: Array) -> None:
        """Transform planes into rows of `between`."""
        count, length = data.shape[0], data.shape[-1]
        fill_around(work.samples[:count], (slice(0, length),), data)
        work.forward()
        between.reshape(work.spectrum[:count].shape)[...] = work.spectrum[:count]

    def _filter(self, work: Any, kernel: Array, between: Array, size: int, wanted: Range) -> None:
        """Convolve columns of `between`, of which `size` rows hold samples."""
        width, (low, high) = between.shape[1], wanted
        if not self.is_whole:
            _load(work.columns, kernel)
            work.forward()
            kernel = work.columns[:, :width].copy()
        _load(work.columns, between[:size])
        work.forward()
        work.columns[:, :width] *= kernel
        work.inverse()
        between[: high - low] = work.columns[low:high, :width]

    def _inverse(self, work: Any, between: Array, out: Array, lead: int, factor: Any) -> bool:
        """Transform rows of `between` back into planes; tell whether these are finite."""
        count, length = out.shape[0], out.shape[-1]
        spectrum = work.spectrum[:count]
        spectrum[...] = between.reshape(spectrum.shape)
        work.inverse()
        results = work.results[:count]
        part = results[..., lead : lead + length]
        np.multiply(part, factor, out=out, casting="unsafe")
        # Of a real transform's bins, the first output has the real parts, the next both parts.
        return bool(np.isfinite(results[..., :2]).all())

    def _whole_columns(self, planes: Array) -> Array:
        """Return the kernel's spectra at all frequencies of the first axis too."""
        whole = np.empty((*planes.shape[:-2], self.plan.nfft[0], self.columns), self.complex)
        with borrow_transform(self.column_spec) as work:
            for index in np.ndindex(*planes.shape[:-2]):
                for start in range(0, self.columns, self.column_spec.width):
                    part = slice(start, min(start + self.column_spec.width, self.columns))
                    _load(work.columns, planes[index][:, part])
                    work.forward()
                    whole[index][:, part] = work.columns[:, : part.stop - start]
        return whole

    def _convolve_scaled(self, tile: Tile, out: Array) -> None:
        """Convolve one array of the batch, of numbers near overflow, at a scale of its own."""
        own = self.kernel[own_batch(self.kernel.shape, tile.block.batch)]
        spectral = SpectralKernel(self.plan, clean(own) if self.scaled.bad else own)
        with spectral.workspace() as work:
            spectral.apply(tile, out, work)


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
