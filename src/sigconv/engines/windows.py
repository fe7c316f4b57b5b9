"""A block's share of the transforms: which samples each one reads and which outputs it gives.

The windows of a block follow one another along the first convolved axis; the batch axes of
the block add more transforms beside them. Windows that are alike share one strided view, from
which a call of the FFT library takes as many as it transforms.
"""

from __future__ import annotations

from itertools import pairwise
from math import prod
from typing import Any, NamedTuple

import numpy as np
from numpy.lib.stride_tricks import as_strided

from sigconv.core.blocks import Block, Range
from sigconv.core.dtypes import Array
from sigconv.core.gather import Tile
from sigconv.core.index import along, fill_around
from sigconv.engines.plan import Plan

__all__ = ["Windows"]


class _Run(NamedTuple):
    """Windows `first` to `last` of a block, `hop` apart, all with the same share of it.

    Window `first` reads samples from `low` on, `size` of them, and gives outputs from `start` on,
    `length` of them; of its transform these begin at `lead`.
    """

    first: int
    last: int
    low: int
    size: int
    start: int
    length: int
    lead: int


class Windows:
    """The windows of one block of a plan, each one transform of shape `plan.nfft`."""

    def __init__(self, plan: Plan, tile: Tile, out: Array) -> None:
        self.nfft = plan.nfft
        self.by_input = plan.grid.by_input
        block = tile.block
        self.batch = tuple(s.stop - s.start for s in block.batch)
        runs = list(_runs(block, plan.hop[0], plan.problem.taps[0] - 1, by_input=self.by_input))
        self.count = runs[-1].last
        # How many windows one call transforms.
        self.step = max(1, plan.group // max(1, prod(self.batch)))
        nbatch, hop = len(self.batch), plan.hop[0]
        data = tile.data
        self._rest = tuple(slice(0, n) for n in data.shape[nbatch + 1 :])
        self._spans = tuple(
            slice(write[0] - support[0], write[1] - support[0])
            for write, support in zip(block.write[1:], block.support[1:], strict=True)
        )
        self._runs = [
            (
                run,
                _stacked(data, nbatch, (run.low, hop, run.last - run.first), run.size),
                _stacked(out, nbatch, (run.start, hop, run.last - run.first), run.length),
            )
            for run in runs
        ]

    def groups(self) -> range:
        """Return the first window of every call of the FFT library."""
        return range(0, self.count, self.step)

    def shape(self, first: int) -> tuple[int, ...]:
        """Return the shape of the call's transforms: the batch, and the windows."""
        return (*self.batch, min(self.step, self.count - first))

    def load(self, first: int, scratch: Array) -> None:
        """Copy the samples of windows from `first` on into their transforms, zeros around them."""
        target = self._target(first, scratch)
        scratch[prod(self.shape(first)) :] = 0
        nbatch = len(self.batch)
        for run, view, _, part, where in self._parts(first):
            box = (slice(0, run.size), *self._rest)
            fill_around(target[along(nbatch, part)], box, view[along(nbatch, where)])

    def store(self, first: int, scratch: Array, factor: Any = None) -> None:
        """Write the transforms' outputs times `factor`, or add them where blocks are by input."""
        samples = self._target(first, scratch)
        nbatch = len(self.batch)
        for run, _, view, part, where in self._parts(first):
            span = slice(run.lead, run.lead + run.length)
            result = samples[along(nbatch, part, span, *self._spans)]
            target = view[along(nbatch, where)]
            if self.by_input:
                # They overlap, and are added one window at a time.
                for i in range(result.shape[nbatch]):
                    one = result[along(nbatch, i)]
                    target[along(nbatch, i)] += one if factor is None else one * factor
            elif factor is None:
                target[...] = result
            else:
                np.multiply(result, factor, out=target, casting="unsafe")

    def _target(self, first: int, scratch: Array) -> Array:
        shape = self.shape(first)
        return scratch[: prod(shape)].reshape(*shape, *self.nfft)

    def _parts(self, first: int) -> list[tuple[_Run, Array, Array, slice, slice]]:
        """Return each run's share of a call: where it lies in the call, and in the run."""
        last = first + self.shape(first)[-1]
        parts = []
        for run, source, target in self._runs:
            low, high = max(first, run.first), min(last, run.last)
            if low < high:
                part, where = (slice(low - at, high - at) for at in (first, run.first))
                parts.append((run, source, target, part, where))
        return parts


def _runs(block: Block, hop: int, tail: int, *, by_input: bool) -> list[_Run]:
    """Return the windows of a block as runs of neighbours that are alike."""
    write, support = block.write[0], block.support[0]
    begin, end = support if by_input else write
    count = -(-(end - begin) // hop)
    # The windows from `inner` to `outer` are whole; others are cut by the ends of the signal or
    # of the wanted outputs.
    reach = write[0] - begin if by_input else support[0] + tail - begin
    room = min(write[1] - tail, end) if by_input else min(support[1], end)
    inner = min(max(0, -(-reach // hop)), count)
    outer = min(max(inner, (room - begin) // hop), count)
    runs = []
    cuts = [*range(inner), *((inner,) if inner < outer else ()), *range(outer, count), count]
    for first, last in pairwise(cuts):
        a = begin + first * hop
        b = min(a + hop, end)
        wrote = _clip(a, b + tail, write) if by_input else (a, b)
        read = (a, b) if by_input else _clip(a - tail, b, support)
        runs.append(
            _Run(
                first,
                last,
                read[0] - support[0],
                read[1] - read[0],
                wrote[0] - write[0],
                wrote[1] - wrote[0],
                wrote[0] - read[0],
            )
        )
    return runs


def _stacked(array: Array, axis: int, places: tuple[int, int, int], length: int) -> Array:
    """Return a view with a new axis before `axis`: pieces of `length`, start, step and number."""
    start, step, count = places
    part = array[along(axis, slice(start, start + step * (count - 1) + length))]
    shape, strides = part.shape, part.strides
    return as_strided(
        part,
        (*shape[:axis], count, length, *shape[axis + 1 :]),
        (*strides[:axis], step * strides[axis], *strides[axis:]),
    )


def _clip(start: int, stop: int, bounds: Range) -> Range:
    return max(start, bounds[0]), min(stop, bounds[1])
