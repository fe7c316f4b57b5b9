"""The pieces of direct sums: which outputs are taken together, and the scratch that it takes."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise, product
from math import prod
from typing import NamedTuple

import numpy as np

from sigconv.core.dtypes import Array
from sigconv.core.problem import Axis

__all__ = ["TOGETHER", "Access", "Layout", "Pieces", "Transfer", "inside", "most_rows"]

TOGETHER = 4
"""Rows of outputs that the compiled loop takes at a time."""

# Products that a piece has at least, of which an output counts as a few more, and the pieces for
# each worker: the last of them ends soon after the others.
_PIECE_PRODUCTS, _PER_OUTPUT, _PIECES = 1 << 18, 8, 8

# Elements that are copied for a piece, beside those of the rows that its neighbours copy too.
_MOST_COPIED = 1 << 19

# Elements that are loaded at a time, which stay in the second-level cache, and the outputs of a row
# that they serve at least.
_MOST_LOADED, _LEAST_LOADED = 1 << 17, 128

# How many times as many rows are loaded where an axis is halved: more is worth it only for workers
# that would have nothing to do.
_MOST_AGAIN = 1.5

# Bytes of the rows that a few rows of outputs read, which are near enough then to be read at full
# speed, and the outputs that are taken at a time at least.
_CACHED, _LEAST_TAKEN = 1 << 16, 256

# Outputs of a row that make a piece at least, where rows are cut.
_LEAST_COLUMNS = 1 << 12

# Rows are copied whole with their extension where each tap serves so few outputs of a row: the ends
# of a row take as long as some vectors of outputs for each of these.
_OUTPUTS_PER_TAP = 8

# Rows that are copied whole, unless no output meets a sample beyond their ends.
_SHORT = 256

Spans = list[tuple[int, int]]


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


class Transfer(NamedTuple):
    """How samples come from their array, and outputs go to theirs.

    For each, what copies elements, 0 where they are read and written in place; the bytes of an
    element in the array; and from an element of a row to the next, in elements.
    """

    load: int
    load_size: int
    load_step: int
    store: int
    store_size: int
    store_step: int


class Pieces(NamedTuple):
    """What is summed up at a time.

    Attributes
    ----------
    table : array (n, 2 * axes + 2)
        Ranges of outputs: on each axis but the rows, and on the rows.
    rows : int
        Rows of samples of the largest piece.
    columns : int
        Outputs of a row that are taken at a time: the rows that they read stay near.
    spare : int
        Elements of a few rows of outputs that are not summed up in place.
    elements : int
        Elements of scratch that a worker needs: for these outputs; and for strips, or for a
        constant row and what is loaded.
    """

    table: Array
    rows: int
    columns: int
    spare: int
    elements: int

    @classmethod
    def of(cls, layouts: Sequence[Layout], access: Access, workers: int = 1) -> Pieces:
        """Cut the outputs of axes, the last along rows, for so many workers."""
        *others, (row, step, _) = layouts
        taps = prod(layout.axis.taps for layout in layouts)
        across = [layout.axis for layout in others] or [Axis(0, 1, 1, 0, 1)]
        low, high = inside(row, taps)
        width, reach = _width(row, low, high, step), (row.taps - 1) * step
        work = _Work(across, row.length * step, taps, width, reach)
        spans = _loaded_spans(work, workers) if access.loads else _placed_spans(work, workers)
        table = np.array([sum(box, ()) for box in product(*spans)], np.int64)
        rows = most_rows([axis.taps for axis in across], table)
        columns = min(_near(access, across[-1].taps), work.columns)
        if access.loads:
            columns = min(columns, max(_LEAST_LOADED, _MOST_LOADED // rows - reach))
        joined = width if 0 < low < high < row.length else 0
        taken = columns + reach
        spare = TOGETHER * max(joined, taken if access.stores else 0)
        fills = any(edge.rule == "constant" for axis in across for edge in axis.edges)
        loaded = (rows * access.loads + fills) * taken
        return cls(table, rows, columns, spare, spare + max(rows * width, loaded))


class _Work(NamedTuple):
    """The axes across rows, a row's outputs, all taps, and what of a row is copied or reached."""

    across: list[Axis]
    columns: int
    taps: int
    width: int
    reach: int

    def wanted(self, workers: int) -> int:
        """Return how many pieces give all workers enough to do."""
        parts = _PIECES * workers if workers > 1 else 1
        outputs = prod(axis.length for axis in self.across) * self.columns
        return min(parts, outputs * (self.taps + _PER_OUTPUT) // _PIECE_PRODUCTS)


def _placed_spans(work: _Work, workers: int) -> list[Spans]:
    """Return the ranges of each axis, and of rows, whose samples are read where they lie."""
    rows = prod(axis.length + axis.taps - 1 for axis in work.across)
    wanted = max(work.wanted(workers), rows * work.width // _MOST_COPIED)
    spans = [[(0, axis.length)] for axis in work.across]
    if len(spans) > 1:
        spans[0] = _cut(work.across[0].length, wanted)
        wanted = -(-wanted // len(spans[0]))
    last, whole = work.across[-1].length, [(0, work.columns)]
    if wanted > 1 and (last > 1 or work.columns < 2 * _LEAST_COLUMNS):
        # Rows of outputs are taken a few at a time.
        spans[-1] = _cut(last, wanted, TOGETHER)
    elif wanted > 1:
        whole = _cut_columns(work, wanted)
    return [*spans, whole]


def _loaded_spans(work: _Work, workers: int) -> list[Spans]:
    """Return the ranges whose samples are loaded: few rows, and few of them more than once."""
    wanted, least = work.wanted(workers), min(work.columns, _LEAST_LOADED)
    most = _MOST_LOADED // max(1, least + work.reach)
    if work.width:
        most = min(most, _MOST_COPIED // work.width)
    across, units = work.across, [1] * (len(work.across) - 1) + [TOGETHER]
    spans = [[(0, axis.length)] for axis in across]
    while prod(map(len, spans)) < wanted or prod(map(_longest, across, spans)) > most:
        finer = [
            _cut(axis.length, 2 * len(span), unit)
            for axis, span, unit in zip(across, spans, units, strict=True)
        ]
        again = {
            j: _loaded(across[j], finer[j]) / _loaded(across[j], spans[j])
            for j in range(len(spans))
            if len(finer[j]) > len(spans[j])
        }
        if not again:
            break
        best = min(again, key=again.__getitem__)
        if again[best] > _MOST_AGAIN and prod(map(len, spans)) >= min(wanted, 2 * workers):
            break
        spans[best] = finer[best]
    left = -(-wanted // prod(map(len, spans)))
    return [*spans, _cut_columns(work, left) if left > 1 else [(0, work.columns)]]


def _longest(axis: Axis, spans: Spans) -> int:
    """Return the rows of samples of the longest range."""
    return max(stop - start for start, stop in spans) + axis.taps - 1


def _loaded(axis: Axis, spans: Spans) -> int:
    """Return the rows of samples of all ranges."""
    return max(1, sum(stop - start + axis.taps - 1 for start, stop in spans))


def _cut_columns(work: _Work, wanted: int) -> Spans:
    return _cut(work.columns, min(wanted, work.columns // _LEAST_COLUMNS))


def _cut(length: int, count: int, unit: int = 1) -> Spans:
    """Cut a range into `count` parts at most, whole units but for the last."""
    units = -(-length // unit)
    count = max(1, min(units, count))
    edges = [min(length, units * i // count * unit) for i in range(count + 1)]
    return list(pairwise(edges))


def _near(access: Access, taps: int) -> int:
    """Return the outputs of a row whose samples stay near, in rows for so many taps across them.

    Of samples that lie apart, each brings along others, for the rows beside: few enough are taken
    that these stay in the cache.
    """
    if access.apart:
        return _LEAST_TAKEN
    return max(_LEAST_TAKEN, _CACHED // (access.size * (taps + TOGETHER - 1)) // 64 * 64)


def inside(row: Axis, taps: int) -> tuple[int, int]:
    """Return the outputs of a row that are read in place; the others are read from strips."""
    first = row.start - row.taps + 1
    low = min(max(0, -first), row.length)
    high = min(max(low, row.size - row.taps + 1 - first), row.length)
    if (low, high) != (0, row.length) and row.length < max(_SHORT, taps * _OUTPUTS_PER_TAP):
        return row.length, row.length
    return low, high


def _width(row: Axis, low: int, high: int, step: int) -> int:
    """Return the elements of the strips of one row."""
    spans = ((0, low), (high, row.length))
    return sum(stop - start + row.taps - 1 for start, stop in spans if start < stop) * step


def most_rows(taps: Sequence[int], table: Array) -> int:
    """Return how many rows of samples the largest piece has, with so many taps on each axis."""
    lengths = table[:, 1:-2:2] - table[:, :-2:2] + np.array(taps) - 1
    return int(lengths.prod(axis=1).max())
