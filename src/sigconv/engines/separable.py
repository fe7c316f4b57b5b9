"""separable: one pass of 1-D sums along each axis, for kernels that are products of 1-D kernels.

What the planner must know of the kernel's values is part of the problem: see `core.structure`. The
cost is the sum of the taps along the axes, not their product; along an axis on which all taps are
equal, a few additions whatever their number. All passes over a tile follow one another while it is
in cache, and tiles are gathered with their boundary before the first. Only samples that repeat
others may wait until the pass that needs them: a pass along another axis then repeats its results.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import pairwise
from math import log2, prod

import numpy as np

from sigconv.core.blocks import BlockGrid, batch_cuts, cut, largest_step
from sigconv.core.boundary import ZERO
from sigconv.core.dtypes import Array
from sigconv.core.problem import Axis, Problem
from sigconv.engines import compiled
from sigconv.engines.base import Machine, dtype_key
from sigconv.engines.compiled import loop_for
from sigconv.engines.factored import SeparableKernel
from sigconv.engines.factors import scratch_sizes
from sigconv.engines.passes import repeats_inside
from sigconv.engines.plan import Cost, Plan
from sigconv.engines.sum_costs import ALONE

__all__ = ["SeparableEngine", "sums_windows"]

# Equal taps whose windows are summed: fewer take no longer as products.
_WINDOW = 10

# Work per block, in products, of which reading and writing an output counts as some more, and how
# many blocks there are without need: as in `direct`.
_LEAST_PRODUCTS, _LONG_BLOCK, _MOST_PRODUCTS = 1 << 23, 1 << 25, 1 << 30
_PER_OUTPUT = 8
_FEW_BLOCKS, _MANY_BLOCKS = 4, 64

# Signals side by side in memory that a block takes at most, and samples that a piece of an axis has
# at least.
_COLUMNS = 512
_LEAST_STEP = 32


class SeparableEngine:
    """Passes of 1-D sums, one axis after the other."""

    name = "separable"
    blockwise = True

    def refusal(self, problem: Problem) -> str | None:
        """Say why `problem` cannot be computed this way, or return None."""
        if problem.dtypes.compute.kind == "O":
            return "Python objects take the exact engine"
        if problem.is_trivial:
            return "each result is a single product"
        if prod(problem.kernel_batch) > 1:
            return "the kernels of a batch would each have factors of their own"
        if problem.structure is None:
            return "the kernel's values have not been looked at"
        if not problem.structure.kind:
            many = len(problem.axes) > 1
            return f"the kernel is {'not a product of 1-D kernels' if many else 'not constant'}"
        return None

    def candidates(self, problem: Problem, machine: Machine) -> Iterator[Plan]:
        """Yield one plan per inner loop that suits the dtype, the cheapest first."""
        problem = _in_lanes(problem)
        plans = [_plan(problem, machine, "numpy")]
        if loop_for(problem.dtypes.compute) == "numba" and len(problem.axes) <= 3:
            plans.append(_plan(problem, machine, "numba"))
        yield from sorted(plans, key=lambda plan: plan.cost.first)

    def prepare(self, plan: Plan, kernel: Array) -> SeparableKernel:
        """Take the kernel apart."""
        return SeparableKernel(plan, kernel, equal=sums_windows(plan.problem))


def _in_lanes(problem: Problem) -> Problem:
    """Return integers whose sums a floating dtype holds exactly in the narrowest such dtype."""
    if problem.bits is None or problem.bits.result > 53:
        return problem
    return problem.computed_in(np.dtype(np.float32 if problem.bits.result <= 24 else np.float64))


def _plan(problem: Problem, machine: Machine, loop: str) -> Plan:
    structure, itemsize = problem.structure, problem.dtypes.compute.itemsize
    assert structure is not None
    grid = _grid(problem, machine.cache_bytes // itemsize, loop)
    dtype = problem.dtypes.real if structure.real else problem.dtypes.compute
    tables = {"numba": machine.multiply_add, "numpy": machine.slice_add}
    product = tables[loop].get(dtype_key(dtype), 1e-8)
    if structure.real:
        product *= 2
    move = 2 * itemsize * machine.copy
    levels = _levels(problem, grid)
    seconds = 0.0
    for i, (level, taps) in enumerate(zip(levels, problem.taps, strict=True)):
        along = i == len(levels) - 1
        each = move + taps * product * (ALONE if along and loop == "numba" else 1.0)
        if sums_windows(problem):
            each = move * _window_moves(taps, loop, along=along)
        seconds += level * each * structure.terms
    # To take the kernel apart is as long as a call.
    start = 2 * machine.call + len(grid) * machine.block
    load = compiled.load_seconds(dtype, machine, "passes") if loop == "numba" else 0.0
    cost = Cost(start + seconds, _scratch_bytes(problem, grid, loop), load)
    return Plan(problem, "separable", grid, cost, loop=loop)


def _window_moves(taps: int, loop: str, *, along: bool) -> float:
    """Return what a sum over a window takes, in copies of a sample, as measured in 2026-11."""
    if loop == "numpy":
        return 3 * log2(taps)
    # Three additions across rows; along them one for each bit and for each bit that is set.
    return 1.3 + (log2(taps) / 4 if along else 0.0)


def _scratch_bytes(problem: Problem, grid: BlockGrid, loop: str) -> int:
    """Return the scratch of a worker: rows and planes, or whole blocks in NumPy."""
    pairs = zip(problem.axes, grid.cuts, strict=True)
    reads = [largest_step(cuts) + axis.taps - 1 for axis, cuts in pairs]
    batch = prod(largest_step(cuts) for cuts in grid.batch_cuts)
    dtype = problem.dtypes.compute
    if loop == "numpy":
        return 3 * batch * prod(reads) * dtype.itemsize
    lead = reads[-2:] if len(reads) == 3 else [0]
    lengths = prod(lead), reads[-1], 1
    planes, rows = [0, 0, *map(largest_step, grid.cuts)][-3:-1]
    sizes = scratch_sizes(lengths, (planes, rows), problem.taps, dtype, equal=sums_windows(problem))
    return sum(sizes) * dtype.itemsize


def sums_windows(problem: Problem) -> bool:
    """Tell whether the passes add up windows of equal taps, without products."""
    constant = problem.structure is not None and problem.structure.kind == "constant"
    return constant and (len(problem.axes) == 1 or max(problem.taps) >= _WINDOW)


def _levels(problem: Problem, grid: BlockGrid) -> list[float]:
    """Return the elements that the pass along each axis writes, over all blocks."""
    lengths = [float(axis.length) for axis in problem.axes]
    reads = [
        # What is not cut is read as it is; each further piece reads the taps before it again.
        min(axis.size, axis.length + axis.taps - 1) + (len(cuts) - 2) * (axis.taps - 1)
        for axis, cuts in zip(problem.axes, grid.cuts, strict=True)
    ]
    batch = prod(problem.batch)
    return [batch * prod(lengths[: i + 1]) * prod(reads[i + 1 :]) for i in range(len(lengths))]


def _grid(problem: Problem, cache: int, loop: str) -> BlockGrid:
    """Return blocks of whole rows, and of whole planes where four of them stay in `cache`.

    What only repeats samples of the block beyond an edge is not gathered: the grid says that it is
    zero. A constant, which no pass may add late, is gathered as ever.
    """
    assert problem.structure is not None
    columns = min(problem.result_shape[-1], _COLUMNS) if _is_batch_last(problem) else 1
    # Additions over a window are as good as `_WINDOW` products.
    each = [_WINDOW if sums_windows(problem) else taps for taps in problem.taps]
    products = problem.structure.terms * sum(each) + _PER_OUTPUT * len(problem.axes)
    work = prod(problem.result_shape) * products
    block = min(work // _FEW_BLOCKS, max(_LONG_BLOCK, work // _MANY_BLOCKS))
    block = min(max(_LEAST_PRODUCTS, block), _MOST_PRODUCTS)
    wanted = block // products // columns
    steps, room = list(problem.lengths), max(1, cache // (4 * columns))
    for i in reversed(range(1, len(steps))):
        # A plane of samples, or a row; shorter pieces would read the taps before them too often.
        axis = problem.axes[i]
        size = room if axis.size <= room else room - axis.taps + 1
        steps[i] = _even(steps[i], max(size, _LEAST_STEP, 2 * axis.taps))
        room = max(1, room // min(axis.size, steps[i] + axis.taps - 1))
    steps[0] = _even(steps[0], max(1, wanted // prod(steps[1:])))
    cuts = tuple(
        cut(axis.start, axis.stop, step) for axis, step in zip(problem.axes, steps, strict=True)
    )
    is_whole = steps == list(problem.lengths)
    count = columns * max(1, wanted // prod(steps)) if is_whole else columns
    axes: Iterable[Axis] = problem.axes
    if loop == "numba" and len(steps) > 1 and problem.structure.kind != "sum":
        whole = tuple((axis.start, axis.stop) for axis in problem.axes)
        plain = tuple(map(_without_edges, problem.axes, whole))
        if work <= _MOST_PRODUCTS and not any(e.rule == "constant" for a in plain for e in a.edges):
            # Workers share what is read in place.
            return BlockGrid(plain, batch_cuts(problem, prod(problem.batch)), whole)
        axes = map(_without_edges, problem.axes, cuts)
    return BlockGrid(tuple(axes), batch_cuts(problem, count), cuts)


def _even(length: int, room: int) -> int:
    """Return the step that cuts `length` into equal pieces of about `room`.

    Two workers share them evenly, and rows go in fours.
    """
    if length <= room:
        return length
    pieces = 2 * -(-length // (2 * room))
    return min(length, -(-length // (4 * pieces)) * 4)


def _without_edges(axis: Axis, cuts: tuple[int, ...]) -> Axis:
    """Return the axis with zeros beyond its edges, if all blocks hold what they repeat there."""
    plain = axis._replace(edges=(ZERO, ZERO))
    blocks = ((write, plain.support(*write)) for write in pairwise(cuts))
    return plain if all(repeats_inside(axis, *block) for block in blocks) else axis


def _is_batch_last(problem: Problem) -> bool:
    """Tell whether neighbours in memory, as C orders them, belong to different batches."""
    return all(axis.axis != len(problem.result_shape) - 1 for axis in problem.axes)
