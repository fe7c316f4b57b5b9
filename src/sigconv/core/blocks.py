"""Blocks: the pieces into which a convolution is cut."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from math import prod
from typing import NamedTuple

import numpy as np

from sigconv.core.dtypes import Array
from sigconv.core.problem import Axis, Problem

__all__ = [
    "Block",
    "BlockGrid",
    "batch_cuts",
    "boxes_around",
    "cut",
    "input_range",
    "largest_step",
]

Range = tuple[int, int]


class Block(NamedTuple):
    """One piece of work: outputs `write` from extended samples `support`.

    Ranges are in the positions of the full convolution, one per convolved axis. Samples
    outside `support` are zero for this block and are never materialised.
    """

    batch: tuple[slice, ...]
    write: tuple[Range, ...]
    support: tuple[Range, ...]


def cut(start: int, stop: int, step: int) -> tuple[int, ...]:
    """Return the edges that cut [start, stop) into pieces of `step`, the last one shorter.

    >>> cut(2, 9, 3)
    (2, 5, 8, 9)
    """
    return (*range(start, stop, step), stop)


@dataclass(frozen=True, slots=True)
class BlockGrid:
    """The product of cuts over the batch axes and the convolved axes.

    By output, cuts split the outputs and blocks write disjointly; `by_input`, cuts split the
    extended samples and the outputs of neighbours overlap, to be added.
    """

    axes: tuple[Axis, ...]
    batch_cuts: tuple[tuple[int, ...], ...]
    cuts: tuple[tuple[int, ...], ...]
    by_input: bool = False

    @property
    def shape(self) -> tuple[int, ...]:
        """The number of blocks along each batch axis and each convolved axis."""
        return tuple(len(edges) - 1 for edges in (*self.batch_cuts, *self.cuts))

    def __len__(self) -> int:
        return prod(self.shape)

    def __iter__(self) -> Iterator[Block]:
        return (self[index] for index in range(len(self)))

    def __getitem__(self, index: int) -> Block:
        if not 0 <= index < len(self):
            raise IndexError(f"block {index} of {len(self)}")
        return self.at(self.unravel(index))

    def unravel(self, index: int) -> tuple[int, ...]:
        """Return the position in the grid of block number `index`."""
        position = []
        for length in reversed(self.shape):
            index, remainder = divmod(index, length)
            position.append(remainder)
        return tuple(reversed(position))

    def at(self, position: tuple[int, ...]) -> Block:
        """Return the block at a grid position."""
        nbatch = len(self.batch_cuts)
        batch = tuple(
            slice(edges[i], edges[i + 1])
            for edges, i in zip(self.batch_cuts, position[:nbatch], strict=True)
        )
        ranges = tuple(
            (edges[i], edges[i + 1]) for edges, i in zip(self.cuts, position[nbatch:], strict=True)
        )
        if self.by_input:
            write = tuple(a.reach(*r) for a, r in zip(self.axes, ranges, strict=True))
            return Block(batch, write, ranges)
        support = tuple(a.support(*r) for a, r in zip(self.axes, ranges, strict=True))
        return Block(batch, ranges, support)


def input_range(axis: Axis) -> Range:
    """Return the extended samples that any wanted output of `axis` depends on."""
    return axis.support(axis.start, axis.stop)


def batch_cuts(problem: Problem, count: int) -> tuple[tuple[int, ...], ...]:
    """Return cuts of the batch axes into pieces of at most `count` elements, last axis first."""
    cuts = []
    for length in reversed(problem.batch):
        step = max(1, min(length, count))
        cuts.append(cut(0, length, step))
        count = count // length if step == length else 1
    return tuple(reversed(cuts))


def largest_step(edges: tuple[int, ...]) -> int:
    """Return the length of the longest piece between `edges`."""
    return max((b - a for a, b in pairwise(edges)), default=0)


def boxes_around(marks: Array, origins: tuple[int, ...]) -> list[tuple[Range, ...]]:
    """Return boxes that hold all marks: one for each run of marked rows of the first axis.

    Element 0 of each axis lies at the position that `origins` names.
    """
    rows = np.flatnonzero(marks.any(axis=tuple(range(1, marks.ndim))))
    boxes = []
    for run in np.split(rows, np.flatnonzero(np.diff(rows) > 1) + 1):
        if run.size:
            first = int(run[0])
            marked = np.nonzero(marks[first : int(run[-1]) + 1])
            starts = (origins[0] + first, *origins[1:])
            boxes.append(
                tuple(
                    (start + int(index.min()), start + int(index.max()) + 1)
                    for start, index in zip(starts, marked, strict=True)
                )
            )
    return boxes
