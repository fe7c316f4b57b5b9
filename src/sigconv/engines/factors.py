"""The 1-D factors of a kernel as passes: over whole arrays in NumPy, or by compiled loops."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache, partial
from math import prod
from typing import NamedTuple

import numpy as np

from sigconv.core.dtypes import Array, DType
from sigconv.core.index import along
from sigconv.core.window_sums import window_sums
from sigconv.engines.passes import Line, Route, RowRoute, in_zeros, route, row_route
from sigconv.engines.workers import run_counted
from sigconv.loops.pieces import TOGETHER
from sigconv.loops.scratch import Scratch
from sigconv.loops.sum_tables import segments_served

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

# Elements that sums over windows take, as in `loops.passes`.
_PIECE = 4096
_CHUNK = 2048

# Products of a part, after which another worker may take the next; an output counts as some more.
_PART_PRODUCTS, _PER_OUTPUT = 1 << 21, 16

# Scratch for planes, and for rows that are extended: bytes, or so many of them at least.
_PLANES, _PLANE_BYTES = 4, 1 << 19
_ROWS, _ROW_BYTES = 16, 1 << 17
_FEW_ROWS, _FEW_BYTES = 4, 1 << 14


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
    works: Sequence[Scratch],
    *,
    equal: bool,
    asks: bool,
) -> bool:
    """Write the sums over the flat `x` into `y`; tell, if one asks, whether all are finite.

    There is one worker for each of `works`, and not more than there are parts.
    """
    from sigconv.loops.passes import sum_passes

    taps = tuple(factor.size for factor in products[0])
    served = segments_served(taps[0]), segments_served(taps[-2])
    shares = _shares(way, taps, equal=equal)
    parts = len(way.heads) * shares[0]
    rooms = [_room(work, way, taps, y.dtype, equal=equal) for work in works[:parts]]
    x, told = _read_only(x), False
    for i, weights in enumerate(products):
        first = () if len(weights) == 3 else (_NO_WEIGHTS.astype(y.dtype),)
        flags, counter = (i > 0, equal, asks), np.zeros(3, np.int64)
        ends = (*first, *weights), y, way.ends, way.places, way.form, flags
        runs = [
            partial(
                sum_passes,
                *(x, way.heads, way.pieces, room.planes, way.rows, room.strip, way.pads),
                *(room.spare, *ends, room.tools, served, shares, counter),
            )
            for room in rooms
        ]
        if len(runs) == 1:
            runs[0]()
        else:
            run_counted(runs, counter, parts)
        told = told or bool(counter[2])
    return not told


class _Room(NamedTuple):
    """A worker's scratch: planes and rows, each to write, to read and where they begin."""

    planes: tuple[Array, Array, Array]
    strip: tuple[Array, Array, Array]
    spare: Array
    tools: Array


def _room(work: Scratch, way: Route, taps: tuple[int, ...], dtype: DType, *, equal: bool) -> _Room:
    sizes = scratch_sizes(way.lengths, way.counts, taps, dtype, equal=equal)
    planes, strip, spare = work.arrays(list(sizes), dtype)
    starts = (
        np.arange(array.size // max(1, length)) * length
        for array, length in zip((planes, strip), way.lengths, strict=False)
    )
    lead, rows = starts
    tools = _tools(dtype, max(taps))
    return _Room((planes, _read_only(planes), lead), (strip, _read_only(strip), rows), spare, tools)


def _shares(way: Route, taps: tuple[int, ...], *, equal: bool) -> tuple[int, int]:
    """Return in how many parts the planes, or rows, of each line are taken, and the size of one.

    Where windows are summed, their bits depend on it, so the number of workers has no say.
    """
    count = way.counts[0] if len(taps) == 3 else way.counts[1]
    # Whole blocks of windows, or of rows that are taken together.
    unit = taps[0] if equal else TOGETHER
    outputs = prod(way.ends.shape) * prod(way.places.shape) * int(way.form[5])
    work = outputs * (sum(taps) + _PER_OUTPUT)
    parts = max(1, min(-(-count // unit), work // _PART_PRODUCTS // len(way.heads)))
    step = -(-count // (parts * unit)) * unit
    return -(-count // step), step


def compiled_sums(
    x: Array, y: Array, weights: Array, way: RowRoute, work: Scratch, *, asks: bool
) -> bool:
    """Write the sums of equal `weights` along rows of `x` into `y`, as `compiled_passes` does."""
    from sigconv.loops.passes import sum_along

    sizes = scratch_sizes((0, 0, way.step), (0, 0), (weights.size,), y.dtype, equal=True)
    spare = work.arrays(list(sizes), y.dtype)[-1]
    flags = False, True, asks
    form = way.starts, weights, y, way.places, spare, way.form
    probe = sum_along(_read_only(x), *form, flags, _tools(y.dtype, 1))
    return bool(probe == 0)


def _tools(dtype: DType, taps: int) -> Array:
    """Return what the loops call, with room for the lines of a few rows."""
    from sigconv.loops.passes import FIRST
    from sigconv.loops.vectors import writers

    tools = np.empty(FIRST + 2 * (taps + TOGETHER), np.int64)
    tools[:2] = writers(dtype)[:2]
    return tools


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
    # Sums over windows of rows share more of them.
    rows = (_ROWS, _ROW_BYTES) if equal else (_FEW_ROWS, _FEW_BYTES)
    room = ((_PLANES, _PLANE_BYTES), rows)
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
    compiled_passes(x, y, [(taps, taps)], way, [work], equal=False, asks=False)
    one = row_route((4, 4), (4, 1), (3, 1), lines[1])
    compiled_sums(x, y, taps, one, work, asks=False)


def _read_only(array: Array) -> Array:
    # One signature for samples and scratch.
    view = array.view()
    view.flags.writeable = False
    return view
