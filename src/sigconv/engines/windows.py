"""A block's share of the transforms: which samples each one reads and which outputs it gives.

The windows of a block follow one another along the first convolved axis; the batch axes of
the block add more transforms beside them. Neighbours that are alike share one strided copy.
"""

from __future__ import annotations

from itertools import groupby, pairwise
from math import prod
from typing import Any, NamedTuple

import numpy as np
from numpy.lib.stride_tricks import as_strided

from sigconv.core.blocks import Block, Range, cut
from sigconv.core.dtypes import Array
from sigconv.core.index import along
from sigconv.engines.plan import Plan

__all__ = ["Windows"]


class _Window(NamedTuple):
    """One transform's share of a block on the first convolved axis."""

    write: Range
    support: Range

    def sizes(self) -> tuple[int, int, int]:
        """Return what tells two windows apart, other than where they lie."""
        (start, stop), (low, high) = self
        return stop - start, high - low, start - low


class Windows:
    """The windows of one block of a plan, each one transform of shape `plan.nfft`."""

    def __init__(self, plan: Plan, block: Block) -> None:
        self.nfft = plan.nfft
        self.block = block
        self.by_input = plan.grid.by_input
        hop, tail = plan.hop[0], plan.problem.taps[0] - 1
        write, support = block.write[0], block.support[0]
        if self.by_input:
            pieces = pairwise(cut(*support, hop))
            items = [_Window(_clip(a, b + tail, write), (a, b)) for a, b in pieces]
        else:
            pieces = pairwise(cut(*write, hop))
            items = [_Window((a, b), _clip(a - tail, b, support)) for a, b in pieces]
        self._items = items
        self.shape = (*(s.stop - s.start for s in block.batch), len(items))

    def __len__(self) -> int:
        return prod(self.shape)

    def load(self, data: Array, scratch: Array) -> None:
        """Copy each window's samples into its transform, and zeros around them."""
        nbatch = len(self.shape) - 1
        scratch[len(self) :] = 0
        target = scratch[: len(self)].reshape(*self.shape, *self.nfft)
        rest = data.shape[nbatch + 1 :]
        box = tuple(slice(n) for n in rest)
        origin = self._items[0].support[0]
        index = 0
        for run in _runs(self._items):
            start, stop = run[0].support
            part = target[along(nbatch, slice(index, index + len(run)))]
            if (stop - start, *rest) != self.nfft:
                part[...] = 0
            starts = [window.support[0] - origin for window in run]
            view = _stacked(data, nbatch, starts, stop - start)
            part[along(nbatch + 1, slice(stop - start), *box)] = view
            index += len(run)

    def store(self, scratch: Array, out: Array, factor: Any = None) -> None:
        """Write each transform's outputs times `factor`, or add them where blocks are by input."""
        nbatch = len(self.shape) - 1
        samples = scratch[: len(self)].reshape(*self.shape, *self.nfft)
        origin = self._items[0].write[0]
        rest = tuple(
            slice(write[0] - support[0], write[1] - support[0])
            for write, support in zip(self.block.write[1:], self.block.support[1:], strict=True)
        )
        index = 0
        # Outputs by input overlap, and are added one window at a time.
        runs = [[window] for window in self._items] if self.by_input else _runs(self._items)
        for run in runs:
            (start, stop), support = run[0]
            span = slice(start - support[0], stop - support[0])
            result = samples[along(nbatch, slice(index, index + len(run)), span, *rest)]
            starts = [window.write[0] - origin for window in run]
            target = _stacked(out, nbatch, starts, stop - start)
            if self.by_input:
                target += result if factor is None else result * factor
            elif factor is None:
                target[...] = result
            else:
                np.multiply(result, factor, out=target, casting="unsafe")
            index += len(run)


def _runs(windows: list[_Window]) -> list[list[_Window]]:
    """Return runs of neighbours that are alike: one strided copy serves each."""
    return [list(run) for _, run in groupby(windows, _Window.sizes)]


def _stacked(array: Array, axis: int, starts: list[int], length: int) -> Array:
    """Return a view with a new axis before `axis`: pieces of `length` from evenly spaced starts."""
    step = starts[1] - starts[0] if len(starts) > 1 else 0
    part = array[along(axis, slice(starts[0], starts[-1] + length))]
    shape, strides = part.shape, part.strides
    return as_strided(
        part,
        (*shape[:axis], len(starts), length, *shape[axis + 1 :]),
        (*strides[:axis], step * strides[axis], *strides[axis:]),
    )


def _clip(start: int, stop: int, bounds: Range) -> Range:
    return max(start, bounds[0]), min(stop, bounds[1])
