"""Sums over taps along rows: arrays of any layout, described for the compiled loop.

A row lies along the axis on which samples are neighbours in memory, a batch axis or a convolved
one. The other axes only say where a row begins, so that a loop over flat memory serves all.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.lib.stride_tricks import as_strided

from sigconv.core.dtypes import Array
from sigconv.core.index import along, empty_ordered, trailing

__all__ = [
    "SPARSE",
    "TapList",
    "compiled_sums",
    "flat",
    "is_worth_copying",
    "row_axis",
    "sliced_sums",
]

# Outputs near the end of a row cost this many times those inside, per tap; to copy a row with its
# extension costs as much as this many taps.
_RIM, _COPY = 24.0, 12.0

SPARSE = 0.75
"""The share of taps that are not zero, up to which the zeros are skipped."""

# Signals side by side in memory that make a row at least.
_SHORT_ROW = 16

# Sums and products of NumPy slices stay in the second-level cache: twice as fast.
_PIECE_BYTES = 1 << 17


class TapList(NamedTuple):
    """Taps as a list: the shape of the kernel, the index of each tap, and its weight."""

    shape: tuple[int, ...]
    places: Array
    weights: Array

    @classmethod
    def of(cls, taps: Array, *, sparse: bool = False) -> TapList:
        """List the taps, without those that are zero where `sparse`."""
        # Reversed, so that offsets into the samples increase.
        flipped = taps[(slice(None, None, -1),) * taps.ndim]
        kept: Any = np.indices(taps.shape).reshape(taps.ndim, -1)
        if sparse and flipped.any():
            kept = np.nonzero(flipped)
        reverse = [k - 1 - axis for k, axis in zip(taps.shape, kept, strict=True)]
        index = np.ascontiguousarray(np.stack(reverse, axis=-1), np.int64)
        weights = flipped[tuple(kept)]
        return cls(taps.shape, index, np.ascontiguousarray(weights))


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


def is_worth_copying(inside: int, length: int, taps: int) -> bool:
    """Tell whether rows with so many of their outputs `inside` are worth a copy.

    The others meet samples that do not exist, for which the loop has to look.
    """
    return (1 - max(0, inside) / length) * _RIM * taps > _COPY


def compiled_sums(
    data: Array, taps: TapList, out: Array, shifts: tuple[int, ...], *, asks: bool = True
) -> bool:
    """Write out[p] = sum_k h[k] data[p + shift - k] over the samples that exist.

    `data` and `out` have batch axes first; on the last axes the kernel acts, with one shift each.
    Returned is whether all outputs are finite, as far as one `asks`.
    """
    from sigconv.engines._loops import sum_taps

    along = row_axis(data)
    if along is None:
        data, along = np.array(data, order="C"), data.ndim - 1
    result = out if _has_rows(out, along) else empty_ordered(out.shape, out.dtype, data)
    nbatch = data.ndim - len(shifts)
    itemsize = data.itemsize
    axes = np.empty((data.ndim, 6), np.int64)
    axes[:, 0], axes[:, 1] = out.shape, data.shape
    axes[:, 2], axes[:, 3] = (0,) * nbatch + shifts, (1,) * nbatch + taps.shape
    axes[:, 4] = [stride // itemsize for stride in data.strides]
    axes[:, 5] = [stride // itemsize for stride in result.strides]
    index = taps.places
    if nbatch:
        index = np.zeros((len(taps.places), data.ndim), np.int64)
        index[:, nbatch:] = taps.places
    if along != data.ndim - 1:
        order = [*(i for i in range(data.ndim) if i != along), along]
        axes, index = axes[order], index[:, order].copy()
    x, first = flat(data)
    y, place = flat(result)
    origins = np.array((first, place, asks))
    # One signature for all: samples that may not be written to.
    x.flags.writeable = False
    probe = sum_taps(x, y, origins, axes, index, taps.weights)
    if result is not out:
        out[...] = result
    return bool(probe == 0)


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
