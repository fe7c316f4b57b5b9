"""A transform plane by plane whose steps are compiled loops around FFTW.

What lies between the steps is ordered by groups of columns; see `_fftw_planes`.
"""

from __future__ import annotations

from math import prod
from typing import Any

import numpy as np

from sigconv.core.blocks import Range
from sigconv.core.dtypes import Array, DType
from sigconv.engines import compiled
from sigconv.engines.native import in_rows
from sigconv.engines.plan import Plan
from sigconv.engines.planes import Layout, PlaneKernel
from sigconv.engines.rows import flat
from sigconv.engines.scratch import aligned
from sigconv.fft import ColumnSpec, PlaneSpec, borrow_transform

__all__ = ["NativePlaneKernel", "try_planes"]

# Pieces that the workers share a step in, and the samples of one at most.
_PIECES, _PIECE_SAMPLES = 8, 1 << 22


class NativePlaneKernel(PlaneKernel):
    """The spectra of a kernel's planes, for compiled loops."""

    is_native = True

    def __init__(self, plan: Plan, kernel: Array) -> None:
        compiled.load(plan.problem.dtypes.compute, "planes")
        super().__init__(plan, kernel)

    def _between(self, batch: tuple[int, ...], size: int) -> Array:
        """Return room for the spectra of planes, by groups of columns."""
        width = self.column_spec.width
        groups = -(-self.columns // width)
        room = aligned((*batch, groups, size, width), self.complex)
        if unused := groups * width - self.columns:
            room[..., -1, :, width - unused :] = 0
        return room

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

    def _forward(
        self,
        work: Any,
        data: Array,
        between: Array,
        part: range,
        zeros: tuple[int, int, int] = (0, 0, 0),
    ) -> None:
        """Transform a part of the planes of `data` into `between`.

        Before them come so many planes, rows and samples of zeros.
        """
        from sigconv.engines._fftw_planes import forward_planes

        planes = in_rows(data[part.start : part.stop], self.dtype, copy=True)
        x, begin = flat(planes)
        x.flags.writeable = False
        samples, spectra, _ = work.by_rows
        bins = work.spectrum.shape[-1]
        box = np.array((zeros[0] + part.start, *_sizes(planes), *zeros[1:], bins))
        forward_planes(work.calls, x, _place(planes, begin), box, samples, spectra, between)

    def _filter(
        self, work: Any, kernel: Array, between: Array, layout: Layout, part: range
    ) -> None:
        """Convolve a part of the groups of `between`."""
        self._filter_between(work, kernel, between, (0, layout.sizes[0]), part)

    def _filter_between(
        self, work: Any, kernel: Array, between: Array, filled: Range, part: range
    ) -> None:
        """Convolve a part of the groups, whose `filled` planes hold samples."""
        from sigconv.engines._fftw_planes import filter_groups

        box = np.array((part.start, part.stop, *filled, self.is_whole))
        filter_groups(work.calls, between, box, kernel, work.columns)

    def _inverse(self, work: Any, between: Array, out: Array, layout: Layout, part: range) -> bool:
        """Transform a part of the planes of `between` back; tell whether these are finite."""
        from sigconv.engines._fftw_planes import inverse_planes

        planes = out[part.start : part.stop]
        result = in_rows(planes, self.dtype, copy=False)
        y, begin = flat(result)
        first = layout.leads[0] + part.start
        box = np.array((first, *_sizes(result), layout.leads[-1], work.spectrum.shape[-1]))
        _, spectra, results = work.by_rows
        place, factor = _place(result, begin), self.scaled.factor
        finite = inverse_planes(work.calls, between, spectra, results, y, place, box, factor)
        if finite and result is not planes:
            planes[...] = result
        return bool(finite)

    def _whole_columns(self, planes: Array) -> Array:
        """Return the kernel's spectra at all frequencies of the first axis too."""
        from sigconv.engines._fftw_planes import transform_kernel

        batch = planes.shape[:-3]
        whole = self._between(batch, self.plan.nfft[0])
        with borrow_transform(self.column_spec) as work:
            for index in np.ndindex(*batch):
                transform_kernel(work.calls, planes[index], work.columns, whole[index])
        return whole


def try_planes(dtype: DType) -> None:
    """Run the loops once on samples of `dtype`."""
    from sigconv.engines import _fftw_planes as loops

    planes = PlaneSpec(1, (4, 4), (1,), ((0, 1),), dtype, is_native=True)
    half = planes.spectrum_dtype
    columns = ColumnSpec(4, 64 // half.itemsize, half, is_native=True)
    bins = planes.bins[-1]
    x, y, between = np.zeros(4, dtype), np.empty(4, dtype), aligned((4, 4, columns.width), half)
    x.flags.writeable = False
    between[...] = 0
    one, place = np.ones((), dtype).real[()], np.zeros(3, np.int64)
    with borrow_transform(planes) as work:
        samples, spectra, results = work.by_rows
        box = np.array((0, 1, 1, 4, 0, 0, bins))
        loops.forward_planes(work.calls, x, place, box, samples, spectra, between)
        box = np.array((0, 1, 1, 4, 0, bins))
        loops.inverse_planes(work.calls, between, spectra, results, y, place, box, one)
    with borrow_transform(columns) as work:
        loops.transform_kernel(work.calls, between[:, :1].copy(), work.columns, between)
        loops.filter_groups(work.calls, between, np.array((0, 1, 0, 1, 1)), between, work.columns)


def _pieces(total: int, step: int, samples: int) -> list[range]:
    """Cut `total` into pieces of whole steps, each of so many samples."""
    most = min(-(-total // _PIECES), max(1, _PIECE_SAMPLES // samples))
    size = -(-most // step) * step
    return [range(a, min(a + size, total)) for a in range(0, total, size)]


def _sizes(array: Array) -> tuple[int, int, int]:
    """Return the number of planes, rows in a plane, and samples in a row."""
    return len(array), array.shape[1] if array.ndim > 2 else 1, array.shape[-1]


def _place(array: Array, begin: int) -> Array:
    """Return where the first plane begins, and how far the next plane and row are."""
    strides = [stride // array.itemsize for stride in array.strides[:-1]]
    return np.array((begin, *strides, 0)[:3])
