"""Sums over taps along rows: arrays of any layout, described for the compiled loop.

A row lies along the axis on which samples are neighbours in memory, a batch axis or a convolved
one. The other axes only say where a row begins, so that a loop over flat memory serves all.
"""

from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple

import numpy as np
from numpy.lib.stride_tricks import as_strided

from sigconv.core.dtypes import Array
from sigconv.core.index import along, empty_ordered, trailing
from sigconv.core.problem import Axis
from sigconv.loops.sum_tables import Layout, SumTables, list_taps, scratch_elements

__all__ = [
    "SPARSE",
    "TapList",
    "compiled_sums",
    "flat",
    "row_axis",
    "sliced_sums",
]

SPARSE = 0.4
"""The share of taps that are not zero, up to which the zeros are skipped.

Rows of outputs share no samples then.
"""

# Signals side by side in memory that make a row at least.
_SHORT_ROW = 16

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
    if not data.flags.aligned or any(stride % data.itemsize for stride in data.strides):
        return None
    if data.strides[-1] == data.itemsize:
        return data.ndim - 1
    for axis, (length, stride) in enumerate(zip(data.shape, data.strides, strict=True)):
        if stride == data.itemsize and length >= _SHORT_ROW:
            return axis
    return None


def _with_rows(out: Array, along: int, data: Array) -> Array:
    """Return room for results whose axis `along` is contiguous, in the order of `data` if it is."""
    made = empty_ordered(out.shape, out.dtype, data)
    if _has_rows(made, along):
        return made
    # Among axes of equal strides, which an axis of one sample has, the order is not told.
    shape = *out.shape[:along], *out.shape[along + 1 :], out.shape[along]
    return np.moveaxis(np.empty(shape, out.dtype), -1, along)


def compiled_sums(
    data: Array, taps: TapList, out: Array, shifts: tuple[int, ...], *, asks: bool = True
) -> bool:
    """Write out[p] = sum_k h[k] data[p + shift - k] over the samples that exist.

    `data` and `out` have batch axes first; on the last axes the kernel acts, with one shift each.
    Returned is whether all outputs are finite, as far as one `asks`.
    """
    from sigconv.loops.sums import Worker, sum_taps

    along = row_axis(data)
    if along is None:
        data, along = np.array(data, order="C"), data.ndim - 1
    result = out if _has_rows(out, along) else _with_rows(out, along, data)
    nbatch = data.ndim - len(shifts)
    flipped, kept = taps
    if along >= nbatch and along != data.ndim - 1:
        # Rows of the kernel lie along those of the samples.
        flipped = np.moveaxis(flipped, along - nbatch, -1)
        kept = None if kept is None else np.flatnonzero(flipped)
    weights = flipped.reshape(-1) if kept is None else flipped.reshape(-1)[kept]
    axes = [Axis(i, n, 1, 0, n) for i, n in enumerate(out.shape[:nbatch])]
    for i, (shift, count) in enumerate(zip(shifts, taps.flipped.shape, strict=True), nbatch):
        axes.append(Axis(i, data.shape[i], count, shift, shift + out.shape[i]))
    x, first = flat(data)
    y, place = flat(result)
    strides = [tuple(s // data.itemsize for s in array.strides) for array in (data, result)]
    layouts, tables = _described(tuple(axes), *strides, along)
    lines = None
    if kept is not None:
        counts = [axis.taps for axis in axes]
        counts.append(counts.pop(along))
        lines = list_taps(tuple(counts), 1, kept)
    packed = tables.packed(lines, origins=(first, place))
    # One signature for all: samples that may not be written to.
    x.flags.writeable = False
    room = tables.integers(lines), scratch_elements(layouts, data.itemsize, tables.pieces)
    pieces = 0, len(tables.pieces)
    worker = Worker(room, weights[:1], packed.places, pieces)
    told = sum_taps(x, y, weights, worker.told, asks)
    if result is not out:
        out[...] = result
    return not told


@lru_cache(maxsize=256)
def _described(
    axes: tuple[Axis, ...], strides: tuple[int, ...], results: tuple[int, ...], along: int
) -> tuple[list[Layout], SumTables]:
    """Return how the axes of one block lie, and its tables."""
    layouts = [Layout(*one) for one in zip(axes, strides, results, strict=True)]
    layouts.append(layouts.pop(along))
    return layouts, SumTables.of(layouts)


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
    itemsize = array.itemsize
    aligned = array.flags.aligned and not any(stride % itemsize for stride in array.strides)
    return aligned and array.strides[along] == itemsize


def flat(array: Array) -> tuple[Array, int]:
    """Return the memory that `array` spans as one dimension, and where element 0 lies in it."""
    if array.flags.c_contiguous:
        return array.reshape(-1), 0
    steps = [(n - 1) * s // array.itemsize for n, s in zip(array.shape, array.strides, strict=True)]
    low, high = sum(min(s, 0) for s in steps), sum(max(s, 0) for s in steps)
    corner = tuple(n - 1 if s < 0 else 0 for n, s in zip(array.shape, array.strides, strict=True))
    start = array[tuple(slice(c, c + 1) for c in corner)]
    return as_strided(start, (high - low + 1,), (array.itemsize,)), -low
