"""Running a prepared kernel over the blocks of a grid, on one worker or several."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import product
from typing import Any

import numpy as np

from sigconv.core.blocks import Block, BlockGrid
from sigconv.core.dtypes import Array
from sigconv.core.gather import Source, gather
from sigconv.core.index import leading
from sigconv.engines.base import Prepared
from sigconv.engines.workers import run_shared

__all__ = ["execute"]


def execute(
    prepared: Prepared,
    source: Source,
    out: Array,
    *,
    grid: BlockGrid,
    workers: int = 1,
    watch: bool = False,
) -> None:
    """Compute every block of `grid` from `source` into `out`, both in canonical layout.

    Which worker takes which block changes nothing in the result: blocks written by output are
    disjoint, and blocks added by input meet in a fixed order of rounds. With `watch`, the first
    block with a sample that is not finite ends it all by NonFiniteSamples.
    """
    dtype = prepared.plan.problem.dtypes.compute
    # Sums are added up in the compute dtype, and start from zero.
    sums = out
    if grid.by_input:
        sums = out if out.dtype == dtype else np.empty(out.shape, dtype)
        sums[...] = 0

    def compute(positions: Iterable[tuple[int, ...]], work: Any) -> None:
        for position in positions:
            block = grid.at(position)
            tile = gather(source, grid.axes, block, dtype)
            prepared.apply(tile, sums[leading(_target(grid, block))], work, watch=watch)

    def share(positions: Iterator[tuple[int, ...]]) -> None:
        with np.errstate(all="ignore"), prepared.workspace() as work:
            compute(positions, work)

    for positions in _rounds(grid):
        if prepared.plan.shares_blocks:
            with np.errstate(all="ignore"):
                compute(positions, workers)
        else:
            run_shared(share, positions, workers)
    if sums is not out:
        with np.errstate(all="ignore"):
            out[...] = sums


def _target(grid: BlockGrid, block: Block) -> tuple[slice, ...]:
    spans = tuple(
        slice(start - axis.start, stop - axis.start)
        for axis, (start, stop) in zip(grid.axes, block.write, strict=True)
    )
    return (*block.batch, *spans)


def _rounds(grid: BlockGrid) -> Iterator[list[tuple[int, ...]]]:
    """Yield lists of grid positions whose blocks write to disjoint places."""
    ranges = [range(n) for n in grid.shape]
    if not grid.by_input:
        yield list(product(*ranges))
        return
    nbatch = len(grid.batch_cuts)
    # The output of a block reaches into its next neighbour, never into the one after that.
    for parity in product((0, 1), repeat=len(grid.cuts)):
        every_other = [r[p::2] for r, p in zip(ranges[nbatch:], parity, strict=True)]
        positions = list(product(*ranges[:nbatch], *every_other))
        if positions:
            yield positions
