"""Sums over taps along rows: arrays of any layout, described for the compiled loop.

A row lies along the axis on which samples are neighbours in memory, a batch axis or a convolved
one. The other axes only say where a row begins, so that a loop over flat memory serves all.
"""

from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple

import numpy as np
from numpy.lib.stride_tricks import as_strided

from sigconv.core.dtypes import Array, DType
from sigconv.core.gather import Placed
from sigconv.core.index import along, empty_ordered, trailing
from sigconv.core.problem import Axis
from sigconv.engines import compiled
from sigconv.engines.piece_sums import Way
from sigconv.loops.pieces import Access, Layout
from sigconv.loops.sum_tables import Packed, SumTables, list_taps

__all__ = [
    "SPARSE",
    "TapList",
    "compiled_sums",
    "flat",
    "is_readable",
    "row_axis",
    "sliced_sums",
    "sum_rows",
]

SPARSE = 0.4
"""The share of taps that are not zero, up to which the zeros are skipped.

Rows of outputs share no samples then.
"""

# Bytes between elements of which each brings along a line of the cache.
_LINE = 64

# Signals side by side in memory that make a row at least, and outputs that are worth loading one.
_SHORT_ROW, _SHORT_SUMS = 16, 64

# Sums and products of NumPy slices stay in the second-level cache: twice as fast.
_PIECE_BYTES = 1 << 17


class TapList(NamedTuple):
    """A kernel for the compiled loop: reversed, in C order, with the taps that are not skipped.

    `kept` are places in the flat kernel, or None for all.
    """

    flipped: Array
    kept: Array | None

    @classmethod
    def of(cls, taps: Array, *, sparse: bool = False) -> TapList:
        """List the taps, without those that are zero where `sparse`."""
        flipped = np.ascontiguousarray(taps[(slice(None, None, -1),) * taps.ndim])
        return cls(flipped, np.flatnonzero(flipped) if sparse and flipped.any() else None)


def row_axis(data: Array) -> int | None:
    """Return the axis along which samples are neighbours in memory, None if there is none."""
    if not _is_regular(data):
        return None
    return _neighbours(tuple(stride / data.itemsize for stride in data.strides), data.shape)


def _neighbours(steps: tuple[float, ...], lengths: tuple[int, ...]) -> int | None:
    """Return the axis along which a step is one element: the last one, or the first long one."""
    if steps[-1] == 1:
        return len(steps) - 1
    long = (i for i, n in enumerate(lengths) if steps[i] == 1 and n >= _SHORT_ROW)
    return next(long, None)


def compiled_sums(
    data: Array, taps: TapList, out: Array, shifts: tuple[int, ...], *, asks: bool = True
) -> bool:
    """Write out[p] = sum_k h[k] data[p + shift - k] over the samples that exist.

    `data` and `out` have batch axes first; on the last axes the kernel acts, with one shift each.
    Returned is whether all outputs are finite, as far as one `asks`.
    """
    nbatch = data.ndim - len(shifts)
    spans = zip(shifts, data.shape[nbatch:], taps.flipped.shape, out.shape[nbatch:], strict=True)
    axes = tuple(Axis(0, size, count, start, start + n) for start, size, count, n in spans)
    return sum_rows(Placed.of(data, axes), taps, out, asks=asks)


def sum_rows(
    samples: Placed,
    taps: TapList,
    out: Array,
    *,
    fill: Array | None = None,
    asks: bool = True,
) -> bool:
    """Write the outputs that the axes of samples want.

    Batch axes come first. `fill` is the constant of the edges, of one element. Returned is whether
    all outputs are finite, as far as one `asks`.
    """
    from sigconv.loops.sums import Worker, sum_at, sum_taps

    flipped, kept = taps
    data, axes, steps = samples
    dtype, nbatch = flipped.dtype, data.ndim - len(axes)
    along = _rows_of(steps, out, sparse=kept is not None)
    order = _order_of(steps, nbatch, along)
    result, way = out, _way(data, out, along, dtype)
    if way is None:
        result = _placed_as(np.empty([out.shape[i] for i in order], dtype), order)
        way = _way(data, result, along, dtype)
    if way is None:
        data = _placed_as(np.array(data.transpose(order), dtype, order="C"), order)
        way = _way(data, result, along, dtype)
        assert way is not None
    taken = [i - nbatch for i in order if i >= nbatch]
    if taken != sorted(taken):
        flipped = flipped.transpose(taken)
        kept = None if kept is None else np.flatnonzero(flipped)
    weights = flipped.reshape(-1) if kept is None else flipped.reshape(-1)[kept]
    every = *(Axis(0, n, 1, 0, n) for n in out.shape[:nbatch]), *axes
    strides = [tuple(s // array.itemsize for s in array.strides) for array in (data, result)]
    tables, packed = _described(every, *strides, order, way.access)
    lines = None
    if kept is not None:
        lines = list_taps(tuple(every[i].taps for i in order), 1, kept)
        packed = tables.packed(lines)
    pieces, fill = (0, len(tables.pieces)), weights[:1] if fill is None else fill
    room = tables.integers(lines), tables.elements
    worker = Worker(room, fill, packed.places, pieces, way.transfer)
    if way.moves:
        told = sum_at(data.ctypes.data, result.ctypes.data, weights, worker.told, asks)
    else:
        # One signature for all: samples that may not be written to.
        x, y = _first(data), _first(result)
        x.flags.writeable = False
        told = sum_taps(x, y, weights, worker.told, asks)
    if result is not out:
        out[...] = result
    return not told


def _order_of(steps: tuple[float, ...], nbatch: int, along: int) -> tuple[int, ...]:
    """Return the order in which axes are taken: rows follow one another as they lie in memory.

    A few rows of outputs share samples, so that a convolved axis comes last before the rows.
    """
    others = [i for i in range(len(steps)) if i != along]
    keys = {i: (i >= nbatch, steps[i] != 0, -abs(steps[i])) for i in others}
    return (*sorted(others, key=keys.__getitem__), along)


def _way(data: Array, out: Array, along: int, dtype: DType) -> Way | None:
    """Return how sums of `dtype` along an axis are taken over `data` and written to `out`."""
    if not (_is_regular(data) and _is_regular(out)):
        return None
    both = (data, out)
    steps = [a.strides[along] // a.itemsize if a.shape[along] > 1 else 1 for a in both]
    far = any(abs(array.strides[along]) >= _LINE for array in both)
    return Way.of((data.dtype, dtype, out.dtype), (steps[0], steps[1]), far=far)


def _placed_as(array: Array, order: tuple[int, ...]) -> Array:
    """Return an array whose axes were put into this order as it was before."""
    return array.transpose(tuple(np.argsort(order)))


def _first(array: Array) -> Array:
    """Return the first element, from which the loop finds the others."""
    return array[(slice(1),) * array.ndim].reshape(-1)


def _rows_of(steps: tuple[float, ...], out: Array, *, sparse: bool) -> int:
    """Return the axis of rows: that of samples, and of sums where these lie otherwise.

    Samples of sparse kernels, which few outputs share, are rather read in place, and so are those
    whose sums have short rows.
    """
    own, sums = _neighbours(steps, out.shape), row_axis(out)
    if own is not None and _has_rows(out, own):
        return own
    short = sums is None or out.shape[sums] < _SHORT_SUMS
    if own is not None and (sparse or short) and out.shape[own] >= _SHORT_ROW:
        return own
    return out.ndim - 1 if sums is None else sums


def is_readable(data: Array, dtype: DType) -> bool:
    """Tell whether sums of `dtype` can be taken over an array, or a part of it, where it lies."""
    in_place = data.dtype == dtype and row_axis(data) is not None
    return _is_regular(data) and (in_place or compiled.mover(data.dtype, dtype) is not None)


def _is_regular(array: Array) -> bool:
    """Tell whether an array is aligned, and its elements are whole ones of each other."""
    return array.flags.aligned and not any(stride % array.itemsize for stride in array.strides)


@lru_cache(maxsize=256)
def _described(
    axes: tuple[Axis, ...],
    strides: tuple[int, ...],
    results: tuple[int, ...],
    order: tuple[int, ...],
    access: Access,
) -> tuple[SumTables, Packed]:
    """Return the tables of one block, and all of them in one."""
    *layouts, row = (Layout(axes[i], strides[i], results[i]) for i in order)
    layouts.append(row._replace(stride=1, result_stride=1))
    tables = SumTables.of(layouts, access)
    return tables, tables.packed()


def sliced_sums(data: Array, taps: Array, out: Array) -> None:
    """Add one shifted, weighted slice per tap; `data` has taps-1 samples before each output."""
    axis = int(np.argmax(out.shape))
    length, nbatch = out.shape[axis], out.ndim - taps.ndim
    reach = taps.shape[axis - nbatch] - 1 if axis >= nbatch else 0
    step = max(1, length * _PIECE_BYTES // (out.size * out.itemsize))
    for start in range(0, length, step):
        piece = out[along(axis, slice(start, start + step))]
        samples = data[along(axis, slice(start, start + step + reach))]
        _sum_slices(samples, taps, piece)


def _sum_slices(data: Array, taps: Array, out: Array) -> None:
    lengths = out.shape[out.ndim - taps.ndim :]
    out[...] = 0
    part = empty_ordered(out.shape, out.dtype, out)
    for index in np.ndindex(*taps.shape):
        # Output i of the block uses sample i + (K-1) - k of the extended block for tap k.
        box = tuple(
            slice(k - 1 - i, k - 1 - i + n)
            for i, k, n in zip(index, taps.shape, lengths, strict=True)
        )
        np.multiply(data[trailing(box)], taps[index], out=part)
        out += part


def _has_rows(array: Array, along: int) -> bool:
    return _is_regular(array) and array.strides[along] == array.itemsize


def flat(array: Array) -> tuple[Array, int]:
    """Return the memory that `array` spans as one dimension, and where element 0 lies in it."""
    if array.flags.c_contiguous:
        return array.reshape(-1), 0
    steps = [(n - 1) * s // array.itemsize for n, s in zip(array.shape, array.strides, strict=True)]
    low, high = sum(min(s, 0) for s in steps), sum(max(s, 0) for s in steps)
    corner = tuple(n - 1 if s < 0 else 0 for n, s in zip(array.shape, array.strides, strict=True))
    start = array[tuple(slice(c, c + 1) for c in corner)]
    return as_strided(start, (high - low + 1,), (array.itemsize,)), -low
