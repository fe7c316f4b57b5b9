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

from sigconv.core.blocks import Block, Range
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

__all__ = ["Layout", "PlaneKernel", "PlaneTransforms"]

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


class PlaneTransforms:
    """The transforms of a plan, which all its kernels share."""

    is_native = False
    is_whole = False

    def __init__(self, plan: Plan) -> None:
        self.plan = plan
        self.dtype = plan.problem.dtypes.compute
        taps = plan.problem.taps
        self.kernel_spec = spec = self._plane_spec(taps[0], taps[1:-1], None)
        self.columns = prod(spec.bins)
        self.complex = spec.spectrum_dtype
        width = column_width(plan.nfft[0], self.columns, self.complex)
        effort = plan.effort
        self.column_spec = ColumnSpec(plan.nfft[0], width, self.complex, effort, self.is_native)
        self.is_whole = self.is_whole or plan.effort == "measure"
        # What lies between the steps, kept for the next signal. A deque's ends are atomic.
        self.spare: deque[Array] = deque(maxlen=_SPARE)

    def spec_of(self, layout: Layout) -> PlaneSpec:
        """Return the transform of a few planes of samples, and back."""
        planes = max(layout.sizes[0], layout.lengths[0])
        return self._plane_spec(planes, layout.sizes[1:-1], layout.wanted[1:-1])

    def _plane_spec(
        self, planes: int, filled: tuple[int, ...], kept: tuple[Range, ...] | None
    ) -> PlaneSpec:
        """Return the transform of a few of `planes` with samples in their `filled` first rows."""
        nfft = self.plan.nfft[1:]
        calls = -(-planes * prod(nfft) // _PLANE_SAMPLES)
        count = max(1, -(-planes // calls))
        return PlaneSpec(count, nfft, filled, kept, self.dtype, self.plan.effort, self.is_native)


class PlaneKernel(PlaneTransforms):
    """The spectra of a kernel's planes, and of all its columns where many signals are to come."""

    def __init__(self, plan: Plan, kernel: Array) -> None:
        super().__init__(plan)
        self.kernel = kernel
        self.scaled = ScaledTaps.of(plan, kernel)
        self.spectra = self.spectra_of(self.scaled.taps)

    def spectra_of(self, taps: Array) -> Array:
        """Return the planes of finite taps transformed, each with the factor 1/prod(nfft)."""
        spec = self.kernel_spec
        batch, size = taps.shape[: taps.ndim - len(self.plan.nfft)], self.plan.problem.taps[0]
        spectra = self._between(batch, size)
        with borrow_transform(spec) as work:
            for index in np.ndindex(*batch):
                for start in range(0, size, spec.count):
                    part = range(start, min(start + spec.count, size))
                    self._forward(work, taps[index], spectra[index], part)
        spectra *= np.zeros((), self.dtype).real.dtype.type(1) / prod(self.plan.nfft)
        return self._whole_columns(spectra) if self.is_whole else spectra

    def _between(self, batch: tuple[int, ...], size: int) -> Array:
        """Return room for the spectra of planes."""
        return np.empty((*batch, size, self.columns), self.complex)

    def _layout(self, block: Block) -> Layout:
        """Return where the samples and outputs of a block lie in the transform."""
        return Layout.of(block)

    def workspace(self) -> AbstractContextManager[Any]:
        """Lend nothing: each step borrows the scratch that it needs."""
        return nullcontext()

    def apply(self, tile: Tile, out: Array, work: Any, *, watch: bool = False) -> None:
        """Write the outputs of one block with `work` workers."""
        layout = self._layout(tile.block)
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
                self._convolve_scaled(Tile(one.block, data[(None,) * len(first)]), target)
        if bad:
            stamp(tile, self.kernel[own_batch(self.kernel.shape, tile.block.batch)], out)

    def _convolve(
        self, data: Array, spectra: Array, out: Array, layout: Layout, workers: Any
    ) -> bool:
        """Convolve one array; tell whether the results are finite."""
        if self.scaled.factor is None:
            return False
        try:
            between = self.spare.pop()
        except IndexError:
            between = self._between((), self._height(layout))
        spec = self.spec_of(layout)
        finite: list[bool] = []

        def forward(work: Any, part: range) -> None:
            self._forward(work, data, between, part)

        def across(work: Any, part: range) -> None:
            self._filter(work, spectra, between, layout, part)

        def inverse(work: Any, part: range) -> None:
            finite.append(self._inverse(work, between, out, layout, part))

        pieces = self._pieces(layout, spec)
        for step, used, places in zip(
            (forward, across, inverse), (spec, self.column_spec, spec), pieces, strict=True
        ):
            _share(used, step, places, workers)
        if self.is_whole:
            self.spare.append(between)
        return all(finite)

    def _height(self, layout: Layout) -> int:
        """Return how many planes lie between the steps."""
        return max(layout.sizes[0], layout.lengths[0])

    def _pieces(self, layout: Layout, spec: PlaneSpec) -> tuple[list[range], ...]:
        """Return what a worker takes at once, for each step: planes, columns, and planes again."""
        width = self.column_spec.width
        return (
            _cut(layout.sizes[0], spec.count),
            _cut(self.columns, width),
            _cut(layout.lengths[0], spec.count),
        )

    def _forward(self, work: Any, data: Array, between: Array, part: range) -> None:
        """Transform a part of the planes of `data` into `between`."""
        planes = data[part.start : part.stop]
        count, length = planes.shape[0], planes.shape[-1]
        fill_around(work.samples[:count], (slice(0, length),), planes)
        work.forward()
        spectrum = work.spectrum[:count]
        between[part.start : part.stop].reshape(spectrum.shape)[...] = spectrum

    def _filter(
        self, work: Any, kernel: Array, between: Array, layout: Layout, part: range
    ) -> None:
        """Convolve a part of the columns of `between`."""
        size, (low, high) = layout.sizes[0], layout.wanted[0]
        columns = between[:, part.start : part.stop]
        width, spectra = len(part), kernel[:, part.start : part.stop]
        if not self.is_whole:
            _load(work.columns, spectra)
            work.forward()
            spectra = work.columns[:, :width].copy()
        _load(work.columns, columns[:size])
        work.forward()
        work.columns[:, :width] *= spectra
        work.inverse()
        columns[: high - low] = work.columns[low:high, :width]

    def _inverse(self, work: Any, between: Array, out: Array, layout: Layout, part: range) -> bool:
        """Transform a part of the planes of `between` back; tell whether these are finite."""
        planes = out[part.start : part.stop]
        spectrum = work.spectrum[: len(planes)]
        spectrum[...] = between[part.start : part.stop].reshape(spectrum.shape)
        work.inverse()
        results = work.results[: len(planes)]
        wanted = results[..., slice(*layout.wanted[-1])]
        np.multiply(wanted, self.scaled.factor, out=planes, casting="unsafe")
        # Of a real transform's bins, the first output has the real parts, the next both parts.
        return bool(np.isfinite(results[..., :2]).all())

    def _whole_columns(self, planes: Array) -> Array:
        """Return the kernel's spectra at all frequencies of the first axis too."""
        whole = self._between(planes.shape[:-2], self.plan.nfft[0])
        with borrow_transform(self.column_spec) as work:
            for index in np.ndindex(*planes.shape[:-2]):
                for part in _cut(self.columns, self.column_spec.width):
                    place = slice(part.start, part.stop)
                    _load(work.columns, planes[index][:, place])
                    work.forward()
                    whole[index][:, place] = work.columns[:, : len(part)]
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


def _cut(length: int, step: int) -> list[range]:
    """Return pieces of `step`, the last one shorter."""
    return [range(a, min(a + step, length)) for a in range(0, length, step)]


def _share(
    spec: Any, step: Callable[[Any, range], None], pieces: list[range], workers: Any
) -> None:
    """Let workers take pieces, each with scratch of its own."""

    def share(items: Iterator[range]) -> None:
        with np.errstate(all="ignore"), borrow_transform(spec) as work:
            for part in items:
                step(work, part)

    run_shared(share, pieces, workers)
