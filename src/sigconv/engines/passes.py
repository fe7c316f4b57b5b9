"""Where the passes over a tile read and write.

A tile's dimensions are taken in the order in which they lie in memory. Each pass sums along one of
them: first from plane to plane where three are convolved, then from row to row, then along rows.
What lies beyond an edge is named by the planes and rows that it repeats, and is not copied; only a
row is extended, in scratch.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from math import prod
from typing import NamedTuple

import numpy as np

from sigconv.core.blocks import Range
from sigconv.core.boundary import segments
from sigconv.core.dtypes import Array
from sigconv.core.problem import Axis

__all__ = [
    "Extension",
    "Line",
    "Route",
    "RowRoute",
    "by_edges",
    "in_zeros",
    "packed",
    "repeats_inside",
    "route",
    "row_route",
]


# Elements between planes in scratch: a power of two apart, they would share lines of the cache.
_APART = 272


@dataclass(frozen=True, slots=True, eq=False)
class Extension:
    """How a tile's `size` samples along one axis are continued to `total`.

    They begin at position `before`; the positions `targets` repeat the samples `sources`, or are
    zero where that is -1.
    """

    before: int
    size: int
    total: int
    targets: Array
    sources: Array

    def index(self) -> Array:
        """Return the sample at each position, -1 for zero."""
        index = np.empty(self.total, np.intp)
        index[self.before : self.before + self.size] = np.arange(self.size)
        index[self.targets] = self.sources
        return index


@lru_cache(maxsize=1024)
def in_zeros(before: int, size: int, total: int) -> Extension:
    """Return how `size` samples stand among zeros."""
    targets = np.concatenate([np.arange(before), np.arange(before + size, total)])
    return Extension(before, size, total, targets, np.full(targets.shape, -1))


@lru_cache(maxsize=1024)
def by_edges(axis: Axis, write: Range, support: Range) -> Extension:
    """Return how the edges continue the samples `support` to all that outputs `write` take."""
    first, stop = write[0] - axis.taps + 1, write[1]
    low, high = support
    index = np.full(stop - first, -1)
    for part in segments(axis.edges, axis.size, first, stop):
        if not part.is_filled:
            samples = part.first - low + part.step * np.arange(part.stop - part.start)
            index[part.start - first : part.stop - first] = samples
    positions = np.arange(first, stop)
    beyond = np.flatnonzero((positions < low) | (positions >= high))
    return Extension(low - first, high - low, stop - first, beyond, index[beyond])


def repeats_inside(axis: Axis, write: Range, support: Range) -> bool:
    """Tell whether all that outputs `write` take is zero, or repeats samples of `support`."""
    parts = segments(axis.edges, axis.size, write[0] - axis.taps + 1, write[1])
    return all(
        part.edge.is_zero
        if part.is_filled
        else support[0] <= part.source[0] and part.source[1] <= support[1]
        for part in parts
    )


class Line(NamedTuple):
    """A dimension that passes run along: its place among a tile's, and its results."""

    position: int
    extension: Extension
    length: int


class Route(NamedTuple):
    """How passes go over a tile of two or three convolved axes: see `loops.passes.sum_passes`.

    `form` lists, in elements: the length of a piece of a plane, and of a plane; of a row of
    samples, of a row in scratch with what continues it, and how far into that the samples begin;
    of a row of results; and the distance of neighbours along a row.
    """

    heads: Array
    ends: Array
    pieces: Array
    rows: Array
    places: Array
    pads: Array
    form: Array
    lengths: tuple[int, int, int]
    """The lengths of a plane and of a row in scratch, and of a step along a row."""
    counts: tuple[int, int]
    """How many planes and rows of results there are."""


class RowRoute(NamedTuple):
    """How a pass goes along the rows of a tile of one convolved axis.

    See `loops.passes.sum_along`.
    """

    starts: Array
    places: Array
    form: Array
    step: int


def route(
    shape: tuple[int, ...],
    reads: tuple[int, ...],
    writes: tuple[int, ...],
    lines: tuple[Line, ...],
) -> Route:
    """Return the passes over a tile, its dimensions in the order in which they lie in memory.

    `reads` and `writes` are the distances of neighbours in the samples and in the results. Rows
    of both lie along the last line and the dimensions behind it, without gaps.
    """
    *lead, across, last = lines
    step = prod(shape[last.position + 1 :])
    total, origin = last.extension.total * step, last.extension.before * step
    results, samples = last.length * step, shape[last.position] * step
    outer = (lead[0] if lead else across).position
    heads = _offsets(shape[:outer], reads[:outer])[:, None]
    ends = _offsets(shape[:outer], writes[:outer])[:, None]
    pieces, piece, plane = np.zeros((2, 1), np.intp), 0, 0
    if lead:
        heads = _continued(heads, lead[0], reads[outer])
        ends = ends + np.arange(lead[0].length) * writes[outer]
        inner = packed(shape[outer + 1 :])
        pieces, piece = _pieces(shape[outer + 1 :], reads[outer + 1 :], inner)
        plane = prod(shape[outer + 1 :]) + _APART
        reads = (*reads[: outer + 1], *inner)
    # Dimensions beside those of the last two passes.
    beside = [i for i in range(outer, last.position) if i not in {line.position for line in lines}]
    sizes = [shape[i] for i in beside]
    rows = _offsets(sizes, [reads[i] for i in beside])[:, None]
    places = _offsets(sizes, [writes[i] for i in beside])[:, None]
    rows = _continued(rows, across, reads[across.position])
    places = places + np.arange(across.length) * writes[across.position]
    form = np.array([piece, plane, samples, total, origin, results, step])
    pads = _pads(last.extension, step)
    counts = ends.shape[1], places.shape[1]
    return Route(heads, ends, pieces, rows, places, pads, form, (plane, total, step), counts)


def row_route(
    shape: tuple[int, ...], reads: tuple[int, ...], writes: tuple[int, ...], line: Line
) -> RowRoute:
    """Return the pass along the rows of a tile that holds all the samples it takes."""
    outer = line.position
    step = prod(shape[outer + 1 :])
    starts = _offsets(shape[:outer], reads[:outer])
    places = _offsets(shape[:outer], writes[:outer])
    form = np.array([line.length * step, step])
    return RowRoute(starts, places, form, step)


def _continued(heads: Array, line: Line, distance: int) -> Array:
    """Return where the rows along a line begin, -1 for those that are zero."""
    index = line.extension.index()
    return np.where(index < 0, -1, heads + index * distance)


def _pieces(shape: Sequence[int], reads: Sequence[int], writes: Sequence[int]) -> tuple[Array, int]:
    """Return where the longest runs of a plane begin in both arrays, and their length."""
    dims = [dim for dim in zip(shape, reads, writes, strict=True) if dim[0] != 1]
    length = 1
    while dims and dims[-1][1:] == (length, length):
        length *= dims.pop()[0]
    sizes = [n for n, _, _ in dims]
    both = (_offsets(sizes, [dim[i] for dim in dims]) for i in (1, 2))
    return np.stack(list(both)), length


def _pads(extension: Extension, step: int) -> Array:
    """Return the elements of a row to fill, and those to fill them with, in groups of `step`."""
    sources = np.where(extension.sources < 0, -1, extension.sources + extension.before)
    each = np.arange(step)
    filled = np.where(sources[:, None] < 0, -1, sources[:, None] * step + each)
    return np.stack([(extension.targets[:, None] * step + each).ravel(), filled.ravel()])


def packed(shape: Sequence[int]) -> tuple[int, ...]:
    """Return the distances of neighbours in an array without gaps."""
    return tuple(prod(shape[i + 1 :]) for i in range(len(shape)))


def _offsets(shape: Sequence[int], strides: Sequence[int]) -> Array:
    """Return the distance of every element of an array from its first."""
    offsets = np.zeros(1, np.intp)
    for n, stride in zip(shape, strides, strict=True):
        offsets = (offsets[:, None] + np.arange(n) * stride).ravel()
    return offsets
