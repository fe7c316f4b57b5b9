"""A transform plane by plane whose steps are compiled loops around FFTW.

What lies between the steps is ordered by groups of columns; see `loops.fft_planes`.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from math import prod
from typing import Any, NamedTuple

import numpy as np

from sigconv.core.blocks import Block
from sigconv.core.dtypes import Array
from sigconv.engines import compiled
from sigconv.engines.native import in_rows, is_in_rows
from sigconv.engines.plan import Plan
from sigconv.engines.planes import Layout, PlaneKernel, PlaneTransforms
from sigconv.engines.real_spectra import centre_of, real_spectrum
from sigconv.engines.rows import flat
from sigconv.fft import PlaneSpec, borrow_transform
from sigconv.loops.scratch import Scratch, borrow_scratch

__all__ = ["MOST_AT_ONCE", "NativePlaneKernel", "NativePlaneTransforms", "PlaneWork", "Planes"]

# Pieces that the workers share a step in, and the samples of one at least and at most.
_PIECES, _FEWEST_SAMPLES, _MOST_SAMPLES = 8, 1 << 17, 1 << 22


MOST_AT_ONCE = 1 << 23
"""Samples that one worker transforms in one call, which no Ctrl-C interrupts."""


class PlaneWork(NamedTuple):
    """A worker's transforms, and its memory for what lies between them."""

    planes: Any
    columns: Any
    between: Array


class Planes(NamedTuple):
    """Where planes lie in memory, in elements, and the number of planes, rows and samples."""

    begin: int
    plane: int
    row: int
    sizes: tuple[int, int, int]

    @classmethod
    def of(cls, array: Array, begin: int) -> Planes:
        """Return those of an array whose first element is at `begin`."""
        plane, *rest = (stride // array.itemsize for stride in array.strides[:-1])
        return cls(begin, plane, rest[0] if rest else 0, _sizes(array))

    def place(self, number: int) -> tuple[int, int, int]:
        """Return where a plane begins, and how far the next plane and row are."""
        return self.begin + number * self.plane, self.plane, self.row


class NativePlaneTransforms(PlaneTransforms):
    """The transforms of a plan by compiled loops, which all its kernels share."""

    is_native = True
    centre: tuple[int, ...] | None = None
    """The tap about which a kernel is symmetric, if its spectrum is kept as real."""

    @property
    def _form(self) -> int:
        """What the kernel's spectrum is: of planes alone, or whole, or whole and real."""
        return int(self.is_whole) + (self.centre is not None)

    def room(self, size: int, scratch: Scratch, batch: tuple[int, ...] = ()) -> Array:
        """Return room in `scratch` for the spectra of so many planes, by groups of columns."""
        width = self.column_spec.width
        groups = -(-self.columns // width)
        room = scratch.array((*batch, groups, size, width), self.complex)
        if unused := groups * width - self.columns:
            room[..., -1, :, width - unused :] = 0
        return room

    @contextmanager
    def lend(self, spec: PlaneSpec) -> Iterator[PlaneWork]:
        """Lend one worker's transforms and memory."""
        with (
            borrow_transform(spec) as planes,
            borrow_transform(self.column_spec) as columns,
            borrow_scratch() as scratch,
        ):
            if self.plan.effort != "measure":
                yield PlaneWork(planes, columns, self.room(self.plan.nfft[0], scratch))
                return
            # Prepared for many signals, a kernel has memory of its own, of any size.
            try:
                between = self.spare.pop()
            except IndexError:
                between = self.room(self.plan.nfft[0], Scratch())
            yield PlaneWork(planes, columns, between)
            self.spare.append(between)

    def tiles(
        self, source: Planes, target: Planes, layout: Layout, firsts: tuple[int, ...]
    ) -> Array:
        """Return what the loop is told of tiles, whose wanted outputs begin at `firsts`."""
        height, hop = self.plan.nfft[0], self.plan.hop[0]
        bins = self.kernel_spec.bins[-1]
        groups = -(-self.columns // self.column_spec.width)
        zeros = [first - lead for first, lead in zip(firsts, layout.leads, strict=True)]
        above = zeros[1] if len(zeros) > 2 else 0
        tiles = []
        for start in range(0, target.sizes[0], hop):
            low = max(0, start - zeros[0])
            high = min(start - zeros[0] + height, source.sizes[0])
            filled, count = low - start + zeros[0], min(hop, target.sizes[0] - start)
            tiles.append(
                (
                    *source.place(low),
                    *(filled, high - low, *source.sizes[1:], above, zeros[-1], bins),
                    *(0, groups, filled, filled + high - low, self._form),
                    *target.place(start),
                    *(firsts[0], count, *target.sizes[1:], firsts[-1], bins),
                )
            )
        return np.array(tiles)

    def run_tiles(
        self, x: Array, y: Array, tiles: Array, spectra: Array, factor: Any, work: PlaneWork
    ) -> bool:
        """Convolve tiles of the memory `x` into `y`; tell whether the results are finite."""
        from sigconv.loops.fft_planes import filter_tiles

        planes, columns, between = work
        scratch = *planes.by_rows, between, columns.columns
        arguments: Any = planes.calls, columns.calls, x, y, tiles, *scratch, spectra, factor
        return bool(filter_tiles(*arguments))


class NativePlaneKernel(NativePlaneTransforms, PlaneKernel):
    """The spectra of a kernel's planes, for compiled loops."""

    def __init__(self, plan: Plan, kernel: Array) -> None:
        compiled.load(plan.problem.dtypes.compute, "planes")
        self.centre = self._centre_of(plan, kernel)
        super().__init__(plan, kernel)

    def _centre_of(self, plan: Plan, kernel: Array) -> tuple[int, ...] | None:
        """Return the tap about which a kernel is symmetric, if its spectrum is kept as real."""
        first = plan.grid.at((0,) * len(plan.grid.shape))
        return centre_of(plan, kernel, Layout.of(first).leads)

    def _layout(self, block: Block) -> Layout:
        layout = Layout.of(block)
        if self.centre is None:
            return layout
        # About its centre the kernel lies on both sides of 0, and outputs that much earlier.
        leads = (lead - c for lead, c in zip(layout.leads, self.centre, strict=True))
        return layout._replace(leads=tuple(leads))

    def _between(self, batch: tuple[int, ...], size: int) -> Array:
        return self.room(size, Scratch(), batch)

    def _height(self, layout: Layout) -> int:
        """Return how many planes lie between the steps: groups are transformed in place."""
        del layout
        return self.plan.nfft[0]

    def _pieces(self, layout: Layout, spec: PlaneSpec) -> tuple[list[range], ...]:
        """Return what a worker takes at once, for each step: planes, groups, and planes again."""
        plane = prod(spec.nfft)
        width = self.column_spec.width
        groups = -(-self.columns // width)
        return (
            _pieces(layout.sizes[0], spec.count, plane),
            _pieces(groups, 1, self.plan.nfft[0] * width),
            _pieces(layout.lengths[0], spec.count, plane),
        )

    def _convolve(
        self, data: Array, spectra: Array, out: Array, layout: Layout, workers: Any
    ) -> bool:
        """Convolve one array; tell whether the results are finite."""
        # A copy of pieces takes less memory than one of the whole.
        plain = is_in_rows(data, self.dtype) and is_in_rows(out, self.dtype)
        if workers > 1 or not plain or prod(self.plan.nfft) > MOST_AT_ONCE:
            return super()._convolve(data, spectra, out, layout, workers)
        with self.lend(self.spec_of(layout)) as work:
            return self._convolve_alone(data, spectra, out, layout, layout.leads, work)

    def _convolve_alone(
        self,
        data: Array,
        spectra: Array,
        out: Array,
        layout: Layout,
        firsts: tuple[int, ...],
        work: PlaneWork,
    ) -> bool:
        """Convolve one array by one worker, in one tile or more along the first axis.

        In a tile's transform the wanted outputs begin at `firsts`.
        """
        if self.scaled.factor is None:
            return False
        planes, result = in_rows(data, self.dtype, copy=True), in_rows(out, self.dtype, copy=False)
        x, begin = flat(planes)
        x.flags.writeable = False
        y, place = flat(result)
        source, target = Planes.of(planes, begin), Planes.of(result, place)
        tiles = self.tiles(source, target, layout, firsts)
        finite = self.run_tiles(x, y, tiles, spectra, self.scaled.factor, work)
        if finite and result is not out:
            out[...] = result
        return finite

    def _forward(self, work: Any, data: Array, between: Array, part: range) -> None:
        """Transform a part of the planes of `data` into `between`."""
        from sigconv.loops.fft_planes import forward_planes

        planes = in_rows(data[part.start : part.stop], self.dtype, copy=True)
        x, begin = flat(planes)
        x.flags.writeable = False
        samples, spectra, _ = work.by_rows
        bins = work.spectrum.shape[-1]
        box, place = np.array((part.start, *_sizes(planes), 0, 0, bins)), Planes.of(planes, begin)
        forward_planes(work.calls, x, np.array(place.place(0)), box, samples, spectra, between)

    def _filter(
        self, work: Any, kernel: Array, between: Array, layout: Layout, part: range
    ) -> None:
        """Convolve a part of the groups of `between`."""
        from sigconv.loops.fft_planes import filter_groups

        box = np.array((part.start, part.stop, 0, layout.sizes[0], self._form))
        filter_groups(work.calls, between, box, kernel, work.columns)

    def _inverse(self, work: Any, between: Array, out: Array, layout: Layout, part: range) -> bool:
        """Transform a part of the planes of `between` back; tell whether these are finite."""
        from sigconv.loops.fft_planes import inverse_planes

        planes = out[part.start : part.stop]
        result = in_rows(planes, self.dtype, copy=False)
        y, begin = flat(result)
        first = layout.leads[0] + part.start
        box = np.array((first, *_sizes(result), layout.leads[-1], work.spectrum.shape[-1]))
        _, spectra, results = work.by_rows
        place, factor = np.array(Planes.of(result, begin).place(0)), self.scaled.factor
        finite = inverse_planes(work.calls, between, spectra, results, y, place, box, factor)
        if finite and result is not planes:
            planes[...] = result
        return bool(finite)

    def _whole_columns(self, planes: Array) -> Array:
        """Return the kernel's spectra at all frequencies of the first axis too."""
        from sigconv.loops.fft_planes import transform_kernel

        batch = planes.shape[:-3]
        whole = self._between(batch, self.plan.nfft[0])
        with borrow_transform(self.column_spec) as work:
            for index in np.ndindex(*batch):
                transform_kernel(work.calls, planes[index], work.columns, whole[index])
        if self.centre is None:
            return whole
        width = self.column_spec.width
        return real_spectrum(whole, self.plan.nfft, (self.columns, width), self.centre)


def _pieces(total: int, step: int, samples: int) -> list[range]:
    """Cut `total` into pieces of whole steps, each of so many samples."""
    least, most = -(-_FEWEST_SAMPLES // samples), max(1, _MOST_SAMPLES // samples)
    size = min(max(-(-total // _PIECES), least), most)
    size = -(-size // step) * step
    return [range(a, min(a + size, total)) for a in range(0, total, size)]


def _sizes(array: Array) -> tuple[int, int, int]:
    """Return the number of planes, rows in a plane, and samples in a row."""
    return len(array), array.shape[1] if array.ndim > 2 else 1, array.shape[-1]
