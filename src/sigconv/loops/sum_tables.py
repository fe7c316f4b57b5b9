"""Direct sums described for the compiled loop: tables of rows, of strips and of lines of taps.

All that depends on shapes, edges and the layout of memory is in these tables, which are made once
for a plan, or for blocks of one shape.

numba keeps what it compiled of `sums.py` while that file stays as it is: after a change to the
tables, or to the other modules that read them, touch it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import lru_cache
from itertools import pairwise
from math import prod
from typing import NamedTuple

import numpy as np

from sigconv.core.boundary import Segment, segments
from sigconv.core.dtypes import Array
from sigconv.core.index_maps import NO_SAMPLE, index_map
from sigconv.core.problem import Axis, Problem

__all__ = [
    "FILL",
    "NOTHING",
    "SERVED",
    "TOGETHER",
    "Access",
    "Layout",
    "Packed",
    "SumTables",
    "list_taps",
    "plain_layouts",
    "scratch_elements",
    "segments_served",
]

# Products that a piece has at least, of which an output counts as a few more, and the pieces for
# each worker: the last of them ends soon after the others.
_PIECE_PRODUCTS, _PER_OUTPUT, _PIECES = 1 << 18, 8, 8

# Channels side by side that are taken as rows of their own.
_FEW_CHANNELS = 64

# Elements that are copied for a piece, beside those of the rows that its neighbours copy too.
_MOST_COPIED = 1 << 19

# Elements that are loaded for a piece at a time: they stay in the second-level cache.
_MOST_LOADED = 1 << 17

# Bytes of the rows that a few rows of outputs read, which are near enough then to be read at full
# speed, and the outputs that are taken at a time at least.
_CACHED, _LEAST_TAKEN = 1 << 16, 256

TOGETHER = 4
"""Rows of outputs that the compiled loop takes at a time."""

NOTHING, FILL = -(1 << 62), 1 - (1 << 62)
"""What stands for a sample, or for a row, that adds nothing, and for one that is all constant."""

# A line of samples serves rows first..last of outputs: these pairs, as lines follow one another.
_SERVED = ((i, j) for i in range(TOGETHER) for j in range(i, TOGETHER))
SERVED = tuple(sorted(_SERVED, key=lambda rows: (sum(rows), rows)))
"""The segments of lines that serve the same of these rows; the loop counts those in each."""

# Outputs of a row that make a piece at least, where rows are cut.
_LEAST_COLUMNS = 1 << 12

# Rows are copied whole with their extension where each tap serves so few outputs of a row: the ends
# of a row take as long as some vectors of outputs for each of these.
_OUTPUTS_PER_TAP = 8

# Rows that are copied whole, unless no output meets a sample beyond their ends.
_SHORT = 256


class Layout(NamedTuple):
    """One axis in memory: a convolved or a batch axis, and the strides of samples and outputs."""

    axis: Axis
    stride: int
    result_stride: int


class Access(NamedTuple):
    """How the loop comes by elements, of `size` bytes: in place, or by scratch.

    Samples are loaded into scratch, and outputs stored from there, where they have another dtype in
    their arrays, or lie `apart` along rows.
    """

    size: int
    loads: bool = False
    stores: bool = False
    apart: bool = False

    def columns(self, taps: int) -> int:
        """Return how many outputs of a row are taken at a time: the rows they read stay near.

        `taps` are those across rows. Of samples that lie apart, each brings along others, for the
        rows beside: few enough are taken that these stay in the cache.
        """
        if self.apart:
            return _LEAST_TAKEN
        return max(_LEAST_TAKEN, _CACHED // (self.size * (taps + TOGETHER - 1)) // 64 * 64)


class SumTables(NamedTuple):
    """What the compiled loop is told of a sum, besides its arrays.

    Attributes
    ----------
    numbers : array
        Of the rows: outputs, taps, elements from one tap's sample to the next, from the beginning
        of a row of samples to the first tap of output 0, the outputs [low, high) that meet no
        sample beyond the ends, and the elements of the strip at the left. Then the elements of
        scratch before the strips, where sample 0 and output 0 lie, whether the lines are
        all rows of the kernel, how many weights may be zero, and how long each of the tables is;
        and how many outputs of a row are taken at a time.
    axes : array (n, 4)
        Of each axis but the rows, in C order: outputs, taps, elements from one output to the next,
        and where its map begins.
    ends : array (n, 4)
        The strips, as stretches: where they begin in the strip, how many elements they have, which
        element of the row comes first, or what stands for all, and the step to the next.
    lines : array (n, axes + 2)
        For each line, the index of its row of taps on each axis, the place of its first sample
        from output 0's and that of its first weight.
    pieces : array (n, 6)
        Ranges of outputs on the first and on the last of `axes`, and on the rows.
    served : array
        The segment of each row of samples that a few rows of outputs take.
    maps : array
        Where each row of the extension lies, in elements from row 0, or what stands for it.
    """

    numbers: Array
    axes: Array
    ends: Array
    lines: Array
    pieces: Array
    served: Array
    maps: Array

    @classmethod
    def of(cls, layouts: Sequence[Layout], access: Access, workers: int = 1) -> SumTables:
        """Describe axes in the order in which the loop takes them, the last along rows.

        The rows' strides are the same for samples and outputs: 1, or the number of channels where
        these lie side by side; rows that are loaded or stored are described as they lie in scratch.
        Strides count elements. Much work is cut into pieces for so many workers, which changes no
        bit.
        """
        *others, (row, step, _) = layouts
        axes = np.array([(1, 1, 0, 0)] * (not others) or [(0,) * 4] * len(others), np.int64)
        maps, start = [np.zeros(1, np.int64)], 1
        for j, (axis, stride, result_stride) in enumerate(others):
            index = index_map(axis).astype(np.int64)
            axes[j] = axis.length, axis.taps, result_stride, start
            beyond = np.where(index == NO_SAMPLE, NOTHING, FILL)
            maps.append(np.where(index < 0, beyond, index * stride))
            start += len(index)
        taps = tuple(layout.axis.taps for layout in layouts)
        low, high = _inside(row, prod(taps))
        ends = np.array(list(_ends(row, low, high, step)), np.int64).reshape(-1, 4)
        left = low + row.taps - 1 if low else 0
        pieces = _pieces(layouts, access, workers)
        served = segments_served(int(axes[-1, 1]))
        rest = axes, ends, list_taps(taps, step), pieces, served, np.concatenate(maps)
        ranges = [step * n for n in (row.start - row.taps + 1, low, high, left)]
        first = [row.length * step, row.taps, step, *ranges, _spare(layouts, access)]
        counts = *map(len, rest), _taken(layouts, access) - (row.taps - 1) * step
        numbers = np.array([*first, 0, 0, 1, prod(taps), *counts], np.int64)
        return cls(numbers, *rest)

    def packed(
        self,
        lines: Array | None = None,
        *,
        origins: tuple[int, int] = (0, 0),
        zeros: int | None = None,
    ) -> Packed:
        """Return all tables in one, with other lines if given.

        The first elements of the arrays lie at `origins`, and `zeros` weights may be zero.
        """
        lines = self.lines if lines is None else lines
        tables = self.axes, self.ends, lines, self.pieces, self.served, self.maps
        numbers = self.numbers.copy()
        numbers[8:11] = *origins, lines is self.lines
        numbers[11] = numbers[11] if zeros is None else zeros
        numbers[12:18] = list(map(len, tables))
        return Packed(numbers, np.concatenate([table.reshape(-1) for table in tables]))

    def integers(self, lines: Array | None = None) -> int:
        """Return how many integers of scratch the loop needs: see its `room_of`."""
        count, taps = len(self.axes), int(self.axes[-1, 1])
        lines = self.lines if lines is None else lines
        listed = 2 * max(len(lines), len(lines) // taps * (taps + TOGETHER - 1))
        rows = _most_rows(self.axes[:, :2], self.pieces)
        return 2 * rows + 5 * count + len(lines) + listed + len(SERVED)


class Packed(NamedTuple):
    """The tables as `sum_taps` takes them."""

    numbers: Array
    tables: Array

    @property
    def places(self) -> tuple[int, int]:
        """Where they lie."""
        return self.numbers.ctypes.data, self.tables.ctypes.data


def scratch_elements(layouts: Sequence[Layout], access: Access, pieces: Array) -> int:
    """Return how many elements of scratch a worker needs for the largest piece.

    They are for outputs that are stored; and for strips, or for a constant row and what is loaded.
    """
    *others, (row, step, _) = layouts
    low, high = _inside(row, prod(axis.taps for axis, _, _ in layouts))
    axes = [(axis.length, axis.taps) for axis, _, _ in others] or [(1, 1)]
    rows = _most_rows(np.array(axes), pieces)
    rules = {edge.rule for axis, _, _ in others for edge in axis.edges}
    taken = _taken(layouts, access)
    strips = rows * _width(row, low, high, step)
    loaded = rows * taken if access.loads else 0
    return _spare(layouts, access) + max(strips, loaded + taken * ("constant" in rules))


def _taken(layouts: Sequence[Layout], access: Access) -> int:
    """Return how many elements of a row are read at a time."""
    *others, (row, step, _) = layouts
    columns = access.columns(others[-1].axis.taps if others else 1)
    return min(columns, row.length * step) + (row.taps - 1) * step


def _most_rows(axes: Array, pieces: Array) -> int:
    """Return how many rows of samples the largest piece has; `axes` are outputs and taps."""
    lengths = np.broadcast_to(axes[:, 0], (len(pieces), len(axes))).copy()
    lengths[:, 0] = pieces[:, 1] - pieces[:, 0]
    lengths[:, -1] = pieces[:, 3] - pieces[:, 2]
    rows: Array = (lengths + axes[:, 1] - 1).prod(axis=1)
    return int(rows.max())


def _width(row: Axis, low: int, high: int, step: int) -> int:
    """Return the elements of the strips of one row."""
    spans = ((0, low), (high, row.length))
    return sum(stop - start + row.taps - 1 for start, stop in spans if start < stop) * step


def _spare(layouts: Sequence[Layout], access: Access) -> int:
    """Return the elements of a few rows of outputs that are not summed up in place.

    Those at both ends of a row are summed side by side.
    """
    row, step, _ = layouts[-1]
    low, high = _inside(row, prod(axis.taps for axis, _, _ in layouts))
    both = 0 < low < high < row.length
    joined = _width(row, low, high, step) if both else 0
    return TOGETHER * max(joined, _taken(layouts, access) if access.stores else 0)


def plain_layouts(problem: Problem) -> list[Layout]:
    """Return the axes of C-ordered arrays as they lie, the rows last."""
    convolved = {axis.axis: axis for axis in problem.axes}
    layouts = []
    for i, length in enumerate(problem.result_shape):
        axis = convolved.get(i, Axis(i, length, 1, 0, length))
        strides = prod(problem.signal_shape[i + 1 :]), prod(problem.result_shape[i + 1 :])
        layouts.append(Layout(axis, *strides))
    last = layouts[-1].axis
    # Few channels side by side: a row holds all of them.
    merged = last.is_pointwise and len(layouts) > 1 and last.length < _FEW_CHANNELS
    return layouts[:-1] if merged else layouts


@lru_cache(maxsize=64)
def segments_served(taps: int) -> Array:
    """Return the segment of each row of samples that a few rows of outputs take."""
    rows = ((max(0, s - taps + 1), min(s, TOGETHER - 1)) for s in range(taps + TOGETHER - 1))
    return np.array([SERVED.index(served) for served in rows], np.int64)


def _inside(row: Axis, taps: int) -> tuple[int, int]:
    """Return the outputs of a row that are read in place; the others are read from strips."""
    first = row.start - row.taps + 1
    low = min(max(0, -first), row.length)
    high = min(max(low, row.size - row.taps + 1 - first), row.length)
    if (low, high) != (0, row.length) and row.length < max(_SHORT, taps * _OUTPUTS_PER_TAP):
        return row.length, row.length
    return low, high


def _ends(row: Axis, low: int, high: int, step: int) -> Iterator[tuple[int, int, int, int]]:
    """Yield the stretches of the strips at both ends of a row."""
    first, reach, place = row.start - row.taps + 1, row.taps - 1, 0
    spans = ((0, low), (high, row.length))
    for start, stop in ((a, b + reach) for a, b in spans if a < b):
        for part in segments(row.edges, row.size, first + start, first + stop):
            for one in _runs(part, step):
                yield (place, *one)
                place += one[0]


def _runs(part: Segment, step: int) -> Iterator[tuple[int, int, int]]:
    """Yield the elements, the first of them in a row, and the step to the next, of a stretch."""
    count = part.stop - part.start
    if part.is_filled:
        yield count * step, NOTHING if part.edge.is_zero else FILL, 0
    elif step == 1 or part.step == 1:
        yield count * step, part.first * step, part.step
    else:
        # Channels stay in their order.
        for i in range(count):
            yield step, (part.first + part.step * i) * step, 1


def _pieces(layouts: Sequence[Layout], access: Access, workers: int) -> Array:
    """Return ranges of outputs on the first axis, on the last but the rows, and on the rows."""
    *others, (row, step, _) = layouts
    taps, columns = prod(axis.taps for axis, _, _ in layouts), row.length * step
    first, last = (others[0].axis.length, others[-1].axis.length) if others else (1, 1)
    outputs = prod(axis.length for axis, _, _ in others) * columns
    rows = prod(axis.length + axis.taps - 1 for axis, _, _ in others)
    copied = rows * _width(row, *_inside(row, taps), step)
    parts = _PIECES * workers if workers > 1 else 1
    wanted = min(parts, outputs * (taps + _PER_OUTPUT) // _PIECE_PRODUCTS)
    loaded = rows * _taken(layouts, access) if access.loads else 0
    wanted = max(wanted, copied // _MOST_COPIED, loaded // _MOST_LOADED)
    spans = [[(0, first)], [(0, last)], [(0, columns)]]
    if len(others) > 1:
        spans[0] = _cut(first, wanted)
        wanted = -(-wanted // len(spans[0]))
    if wanted > 1 and (last > 1 or columns < 2 * _LEAST_COLUMNS):
        # Rows of outputs are taken a few at a time.
        spans[1] = _cut(last, wanted, TOGETHER)
    elif wanted > 1:
        spans[2] = _cut(columns, min(wanted, columns // _LEAST_COLUMNS))
    return np.array([(*a, *b, *c) for a in spans[0] for b in spans[1] for c in spans[2]], np.int64)


def _cut(length: int, count: int, unit: int = 1) -> list[tuple[int, int]]:
    """Cut a range into `count` parts at most, whole units but for the last."""
    units = -(-length // unit)
    count = max(1, min(units, count))
    edges = [min(length, units * i // count * unit) for i in range(count + 1)]
    return list(pairwise(edges))


def list_taps(shape: tuple[int, ...], step: int, kept: Array | None = None) -> Array:
    """Return the lines of a reversed kernel of this shape: its rows, or each of the `kept` taps.

    `kept` are places in the flat kernel.
    """
    if len(shape) == 1:
        shape = (1, *shape)
    if kept is None:
        kept = np.arange(0, prod(shape), shape[-1])
        weights = kept
    else:
        weights = np.arange(len(kept))
    *rows, columns = np.unravel_index(kept, shape)
    return np.stack([*rows, columns * step, weights], axis=1).astype(np.int64)
