"""A transform plane by plane whose steps are compiled loops around FFTW."""

from __future__ import annotations

from math import prod
from typing import Any

import numpy as np

from sigconv.core.blocks import Range
from sigconv.core.dtypes import Array, DType
from sigconv.engines import compiled
from sigconv.engines.native import in_rows
from sigconv.engines.plan import Plan
from sigconv.engines.planes import PlaneKernel
from sigconv.engines.rows import flat
from sigconv.engines.scratch import borrow_scratch
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

    def _piece(self, length: int, count: int, beside: int) -> int:
        """Return how many planes or columns of `length` a worker takes at once."""
        most = min(-(-length // _PIECES), max(1, _PIECE_SAMPLES // beside))
        return max(1, -(-most // count)) * count

    def _forward(self, work: Any, data: Array, between: Array) -> None:
        """Transform planes into rows of `between`."""
        from sigconv.engines._fftw_planes import forward_planes

        rows = in_rows(data, self.dtype, copy=True)
        x, begin = flat(rows)
        x.flags.writeable = False
        planes, height, length = _sizes(rows)
        box = np.array((0, planes, height, length))
        place = _place(rows, begin)
        forward_planes(work.calls, x, place, box, *_by_rows(work, work.samples), between)

    def _filter(self, work: Any, kernel: Array, between: Array, size: int, wanted: Range) -> None:
        """Convolve columns of `between`, of which `size` rows hold samples."""
        from sigconv.engines._fftw_planes import filter_columns

        with borrow_scratch() as scratch:
            nbytes = 0 if self.is_whole else work.columns.size
            beside = scratch.arrays([nbytes], self.complex)[0].reshape(-1, work.columns.shape[1])
            box = np.array((0, between.shape[1], size, *wanted))
            filter_columns(work.calls, between, box, kernel, work.columns, beside)

    def _whole_columns(self, planes: Array) -> Array:
        """Return the kernel's spectra at all frequencies of the first axis too."""
        from sigconv.engines._fftw_planes import transform_columns

        batch = planes.shape[:-2]
        whole = np.empty((*batch, self.plan.nfft[0], self.columns), self.complex)
        with borrow_transform(self.column_spec) as work:
            for index in np.ndindex(*batch):
                transform_columns(work.calls, planes[index], work.columns, whole[index])
        return whole

    def _inverse(self, work: Any, between: Array, out: Array, lead: int, factor: Any) -> bool:
        """Transform rows of `between` back into planes; tell whether these are finite."""
        from sigconv.engines._fftw_planes import inverse_planes

        result = in_rows(out, self.dtype, copy=False)
        y, begin = flat(result)
        box = np.array((0, *_sizes(result), lead))
        results, spectra = _by_rows(work, work.results)
        finite = inverse_planes(
            work.calls, between, spectra, results, y, _place(result, begin), box, factor
        )
        if finite and result is not out:
            out[...] = result
        return bool(finite)


def try_planes(dtype: DType) -> None:
    """Run the loops once on samples of `dtype`."""
    from sigconv.engines._fftw_planes import (
        filter_columns,
        forward_planes,
        inverse_planes,
        transform_columns,
    )

    planes = PlaneSpec(1, (4, 4), (1,), ((0, 1),), dtype, is_native=True)
    columns = ColumnSpec(4, 4, planes.spectrum_dtype, is_native=True)
    x, between = np.zeros(4, dtype), np.zeros((1, prod(planes.bins)), planes.spectrum_dtype)
    x.flags.writeable = False
    one, place = np.ones((), dtype).real[()], np.zeros(3, np.int64)
    with borrow_transform(planes) as work:
        samples, spectra = _by_rows(work, work.samples)
        forward_planes(work.calls, x, place, np.array((0, 1, 1, 4)), samples, spectra, between)
        results, box = _by_rows(work, work.results)[0], np.array((0, 1, 1, 4, 0))
        y = np.empty(4, dtype)
        inverse_planes(work.calls, between, spectra, results, y, place, box, one)
    with borrow_transform(columns) as work:
        beside = np.empty_like(work.columns)
        box = np.array((0, 4, 1, 0, 1))
        filter_columns(work.calls, between, box, between, work.columns, beside)
        transform_columns(
            work.calls, between, work.columns, np.empty((4, between.shape[1]), between.dtype)
        )


def _by_rows(work: Any, samples: Array) -> tuple[Array, Array]:
    """Return samples and spectra as planes of rows, of which there is one where planes are rows."""
    whole = work.whole
    count, last, lanes = len(whole), samples.shape[-1], whole.shape[-1]
    return samples.reshape(count, -1, last), whole.reshape(count, -1, lanes)


def _sizes(array: Array) -> tuple[int, int, int]:
    """Return the number of planes, rows in a plane, and samples in a row."""
    return len(array), array.shape[1] if array.ndim > 2 else 1, array.shape[-1]


def _place(array: Array, begin: int) -> Array:
    """Return where the first plane begins, and how far the next plane and row are."""
    strides = [stride // array.itemsize for stride in array.strides[:-1]]
    return np.array((begin, *strides, 0)[:3])
