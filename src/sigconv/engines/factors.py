"""The 1-D factors of a kernel as passes: over whole arrays in NumPy, or by compiled loops."""

from __future__ import annotations

from functools import lru_cache

import numpy as np

from sigconv.core.dtypes import Array, DType
from sigconv.core.index import along
from sigconv.core.window_sums import window_sums
from sigconv.engines.passes import Line, Route, RowRoute, in_zeros, route, row_route
from sigconv.engines.scratch import Scratch

__all__ = [
    "Weights",
    "compiled_passes",
    "compiled_sums",
    "scratch_sizes",
    "sliced_passes",
    "try_passes",
]

Weights = tuple[Array, ...]
"""The taps along each axis, the last one first, in the order of the passes."""

# Elements that sums over windows take, as in `_passes`.
_PIECE = 4096
_CHUNK = 2048

# Scratch for planes, and for rows that are extended: bytes, or so many of them at least.
_PLANES, _PLANE_BYTES = 4, 1 << 19
_ROWS, _ROW_BYTES = 16, 1 << 17


_NO_WEIGHTS = np.empty(0)


def sliced_passes(data: Array, weights: Weights, *, equal: bool) -> Array:
    """Return the sums along the last axes of an array that holds all the samples they take."""
    for axis, taps in enumerate(weights, start=data.ndim - len(weights)):
        if equal:
            data = window_sums(data * taps[0], (taps.size, *(1,) * (data.ndim - 1 - axis)))
            continue
        length = data.shape[axis] - taps.size + 1
        total = taps[0] * data[along(axis, slice(0, length))]
        for k in range(1, taps.size):
            total += taps[k] * data[along(axis, slice(k, k + length))]
        data = total
    return data


def compiled_passes(
    x: Array,
    y: Array,
    products: list[Weights],
    way: Route,
    work: Scratch,
    *,
    equal: bool,
    asks: bool,
) -> bool:
    """Write the sums over the flat `x` into `y`; tell, if one asks, whether all are finite."""
    from sigconv.engines._passes import sum_passes

    taps = tuple(factor.size for factor in products[0])
    sizes = scratch_sizes(way.lengths, way.counts, taps, y.dtype, equal=equal)
    planes, strip, spare = work.arrays(list(sizes), y.dtype)
    scratch = (planes, _read_only(planes)), (strip, _read_only(strip))
    probe = 0.0
    for i, weights in enumerate(products):
        first = () if len(weights) == 3 else (_NO_WEIGHTS.astype(y.dtype),)
        probe += sum_passes(
            _read_only(x),
            way.heads,
            way.pieces,
            scratch[0],
            way.rows,
            scratch[1],
            way.pads,
            spare,
            (*first, *weights),
            y,
            way.ends,
            way.places,
            way.form,
            (i > 0, equal, asks),
        )
    return bool(probe == 0)


def compiled_sums(
    x: Array, y: Array, weights: Array, way: RowRoute, work: Scratch, *, asks: bool
) -> bool:
    """Write the sums of equal `weights` along rows of `x` into `y`, as `compiled_passes` does."""
    from sigconv.engines._passes import sum_along

    sizes = scratch_sizes((0, 0, way.step), (0, 0), (weights.size,), y.dtype, equal=True)
    spare = work.arrays(list(sizes), y.dtype)[-1]
    probe = sum_along(
        _read_only(x), way.starts, weights, y, way.places, spare, way.form, (False, True, asks)
    )
    return bool(probe == 0)


@lru_cache(maxsize=256)
def scratch_sizes(
    lengths: tuple[int, int, int],
    counts: tuple[int, int],
    taps: tuple[int, ...],
    dtype: DType,
    *,
    equal: bool,
) -> tuple[int, ...]:
    """Return the elements of scratch for planes, for rows and for sums over windows.

    `lengths` are those of a plane, of a row and of a step along a row, and `counts` how many planes
    and rows there are. Sums over windows go in blocks of as many rows as a window has.
    """
    several = []
    room = ((_PLANES, _PLANE_BYTES), (_ROWS, _ROW_BYTES))
    for length, count, (least, nbytes) in zip(lengths, counts, room, strict=False):
        several.append(min(count, max(least, nbytes // max(1, length * dtype.itemsize) // 4 * 4)))
    if equal:
        blocks = zip(several, counts, (0, 0, *taps)[-3:], strict=False)
        several = [max(n, min(k, count)) for n, count, k in blocks]
    reach = taps[-1] * lengths[2]
    spare = max(_PIECE, 2 * (max(_CHUNK, 3 * reach) + reach)) if equal else _PIECE
    return (*(n * length for n, length in zip(several, lengths, strict=False)), spare)


def try_passes(dtype: DType) -> None:
    """Run the compiled loops once."""
    x, y, taps, work = np.zeros(16, dtype), np.zeros(12, dtype), np.ones(2, dtype), Scratch()
    lines = Line(0, in_zeros(0, 4, 4), 3), Line(1, in_zeros(0, 4, 4), 3)
    way = route((4, 4), (4, 1), (3, 1), lines)
    compiled_passes(x, y, [(taps, taps)], way, work, equal=False, asks=False)
    one = row_route((4, 4), (4, 1), (3, 1), lines[1])
    compiled_sums(x, y, taps, one, work, asks=False)


def _read_only(array: Array) -> Array:
    # One signature for samples and scratch.
    view = array.view()
    view.flags.writeable = False
    return view
