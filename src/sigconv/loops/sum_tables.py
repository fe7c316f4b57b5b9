"""Direct sums described for the compiled loop: tables of rows, of strips and of lines of taps.

All that depends on shapes, edges and the layout of memory is in these tables, which are made once
for a plan, or for blocks of one shape.

numba keeps what it compiled of `sums.py` while that file stays as it is: after a change to the
tables, or to the other modules that read them, touch it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import lru_cache
from math import prod
from typing import NamedTuple

import numpy as np

from sigconv.core.boundary import Segment, segments
from sigconv.core.dtypes import Array
from sigconv.core.index_maps import NO_SAMPLE, index_map
from sigconv.core.problem import Axis, Problem
from sigconv.loops.pieces import TOGETHER, Access, Layout, Pieces, inside, most_rows

__all__ = [
    "FILL",
    "NOTHING",
    "SERVED",
    "Packed",
    "SumTables",
    "list_taps",
    "plain_layouts",
    "segments_served",
]

# Channels side by side that are taken as rows of their own.
_FEW_CHANNELS = 64

NOTHING, FILL = -(1 << 62), 1 - (1 << 62)
"""What stands for a sample, or for a row, that adds nothing, and for one that is all constant."""

# A line of samples serves rows first..last of outputs: these pairs, as lines follow one another.
_SERVED = ((i, j) for i in range(TOGETHER) for j in range(i, TOGETHER))
SERVED = tuple(sorted(_SERVED, key=lambda rows: (sum(rows), rows)))
"""The segments of lines that serve the same of these rows; the loop counts those in each."""


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
    pieces : array (n, 2 * axes + 2)
        Ranges of outputs on each of `axes`, and on the rows.
    served : array
        The segment of each row of samples that a few rows of outputs take.
    maps : array
        Where each row of the extension lies, in elements from row 0, or what stands for it.
    elements : int
        How many elements of scratch a worker needs.
    """

    numbers: Array
    axes: Array
    ends: Array
    lines: Array
    pieces: Array
    served: Array
    maps: Array
    elements: int

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
        low, high = inside(row, prod(taps))
        ends = np.array(list(_ends(row, low, high, step)), np.int64).reshape(-1, 4)
        left = low + row.taps - 1 if low else 0
        pieces = Pieces.of(layouts, access, workers)
        served = segments_served(int(axes[-1, 1]))
        rest = axes, ends, list_taps(taps, step), pieces.table, served, np.concatenate(maps)
        ranges = [step * n for n in (row.start - row.taps + 1, low, high, left)]
        first = [row.length * step, row.taps, step, *ranges, pieces.spare]
        counts = *map(len, rest), pieces.columns
        numbers = np.array([*first, 0, 0, 1, prod(taps), *counts], np.int64)
        return cls(numbers, *rest, pieces.elements)

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
        rows = most_rows(self.axes[:, 1].tolist(), self.pieces)
        return 2 * rows + 5 * count + len(lines) + listed + len(SERVED)


class Packed(NamedTuple):
    """The tables as `sum_taps` takes them."""

    numbers: Array
    tables: Array

    @property
    def places(self) -> tuple[int, int]:
        """Where they lie."""
        return self.numbers.ctypes.data, self.tables.ctypes.data


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
