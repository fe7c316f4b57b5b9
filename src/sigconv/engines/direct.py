"""direct: the sum as it stands, tap by tap over whole rows.

Takes every number of fixed width. Integers run in float32 or float64 where the sums are sure
to fit their 24 or 53 bits, which is faster and as exact. The cost is taps times outputs, so it
wins for small kernels. A compiled loop does the work where numba is installed and the work is
large enough to repay it; NumPy slices do it otherwise, and `np.convolve` for short 1-D signals.
"""

from __future__ import annotations

from collections.abc import Iterator
from math import prod

import numpy as np

from sigconv.core.blocks import BlockGrid, batch_cuts, cut
from sigconv.core.dtypes import Array
from sigconv.core.problem import Problem
from sigconv.engines import compiled
from sigconv.engines.base import Machine, dtype_key
from sigconv.engines.compiled import loop_for
from sigconv.engines.direct_kernel import DirectKernel
from sigconv.engines.in_place import suits_in_place
from sigconv.engines.numpy_convolve import numpy_seconds, suits_numpy
from sigconv.engines.plan import Cost, Plan
from sigconv.engines.small import fits_one_step, step_seconds
from sigconv.engines.sum_costs import loop_seconds
from sigconv.loops.pieces import Access
from sigconv.loops.sum_tables import SumTables, plain_layouts

__all__ = ["DirectEngine"]

# Work per block, in products: a call without the GIL that is worth a thread, and few enough for
# Ctrl-C to be heard within a fraction of a second. An output counts as a few products more.
_LEAST_PRODUCTS, _LONG_BLOCK, _MOST_PRODUCTS = 1 << 23, 1 << 25, 1 << 30
_PER_OUTPUT = 8

# Few blocks of long calls, since what a block costs in Python is paid by one thread at a time; many
# where each is long. And the outputs that a block has at most.
_FEW_BLOCKS, _MANY_BLOCKS = 4, 64
_BLOCK_OUTPUTS = 1 << 20

# Seconds of `np.convolve`, which one worker takes, that another engine's workers would halve.
_LONG = 3e-4

# Signals side by side in memory that a block takes at most.
_COLUMNS = 512


class DirectEngine:
    """The sum of shifted, weighted rows."""

    name = "direct"
    blockwise = True

    def refusal(self, problem: Problem) -> str | None:
        """Say why `problem` cannot be computed this way, or return None."""
        if problem.dtypes.compute.kind == "O":
            return "Python objects take the exact engine"
        return None

    def candidates(self, problem: Problem, machine: Machine) -> Iterator[Plan]:
        """Yield one plan per inner loop that suits the dtype, the cheapest first."""
        problem = _in_lanes(problem)
        grid = _grid(problem)
        products = prod(problem.result_shape) * prod(problem.taps)
        key = dtype_key(problem.dtypes.compute)
        nbytes = _extended_size(problem) * problem.dtypes.compute.itemsize
        blocks = machine.call + len(grid) * machine.block
        slices = len(grid) * prod(problem.taps) * machine.call / 20
        sliced = blocks + slices + products * machine.slice_add.get(key, 1e-8)
        if fits_one_step(problem, grid):
            sliced = step_seconds(problem, machine)
        loops = [(Cost(sliced, nbytes), "numpy", grid)]
        if loop_for(problem.dtypes.compute) == "numba" and problem.axes:
            load = compiled.load_seconds(problem.dtypes.compute, machine)
            in_place = suits_in_place(problem)
            start = machine.call / 4 if in_place else blocks
            summed = start + loop_seconds(problem, machine)
            held = _scratch_bytes(problem) if in_place else nbytes
            loops.append((Cost(summed, held, load), "numba", grid))
        if suits_numpy(problem):
            whole = tuple((axis.start, axis.stop) for axis in problem.axes)
            one = BlockGrid(problem.axes, batch_cuts(problem, 1), whole)
            loops.append((Cost(numpy_seconds(problem, machine), nbytes), "np.convolve", one))
        for cost, loop, cuts in sorted(loops, key=_first_seconds):
            yield Plan(problem, self.name, cuts, cost, loop=loop)

    def prepare(self, plan: Plan, kernel: Array) -> DirectKernel:
        """Clean and flatten the kernel."""
        return DirectKernel(plan, kernel)


def _in_lanes(problem: Problem) -> Problem:
    """Return integers whose sums a floating dtype holds exactly in the narrowest such dtype."""
    if problem.bits is None or problem.bits.result > 53:
        return problem
    return problem.computed_in(np.dtype(np.float32 if problem.bits.result <= 24 else np.float64))


def _first_seconds(loop: tuple[Cost, str, BlockGrid]) -> float:
    cost, name, _ = loop
    # Others are shared by workers, of which two are the least that there may be.
    return 2 * cost.first if name == "np.convolve" and cost.first >= _LONG else cost.first


def _scratch_bytes(problem: Problem) -> int:
    """Return the scratch of a worker that reads and writes all in place: the most it may take."""
    layouts, size = plain_layouts(problem), problem.dtypes.compute.itemsize
    access = Access(size, loads=True, stores=problem.dtypes.result != problem.dtypes.compute)
    tables = SumTables.of(layouts, access)
    return 8 * tables.integers() + size * tables.elements


def _extended_size(problem: Problem) -> int:
    size = prod(axis.length + axis.taps - 1 for axis in problem.axes)
    return min(size * prod(problem.batch), 4 * _BLOCK_OUTPUTS)


def _grid(problem: Problem) -> BlockGrid:
    """Return a few blocks of whole rows, or of whole signals where these are short."""
    lengths = problem.lengths
    products = prod(problem.taps) + _PER_OUTPUT
    total = prod(problem.result_shape)
    work = total * products
    long = max(_LONG_BLOCK, work // _MANY_BLOCKS)
    block = min(max(_LEAST_PRODUCTS, min(work // _FEW_BLOCKS, long)), _MOST_PRODUCTS)
    wanted = max(1, min(block // products, _BLOCK_OUTPUTS))
    columns = min(problem.result_shape[-1], _COLUMNS) if _is_batch_last(problem) else 1
    outputs, wanted = prod(lengths), max(1, wanted // max(1, columns))
    if outputs <= wanted:
        whole = tuple((axis.start, axis.stop) for axis in problem.axes)
        count = columns * (wanted // max(1, outputs))
        return BlockGrid(problem.axes, batch_cuts(problem, count), whole)
    cuts = []
    for axis in problem.axes:
        # As many whole rows as are wanted, in pieces of equal length; where one row is too many,
        # it is cut in turn.
        outputs //= axis.length
        pieces = round(axis.length / min(max(1, wanted // outputs), axis.length))
        # An even number is shared out evenly among two workers.
        pieces += pieces % 2 if pieces > 1 else 0
        step = -(-axis.length // pieces)
        cuts.append(cut(axis.start, axis.stop, step))
        wanted = max(1, wanted // step)
    return BlockGrid(problem.axes, batch_cuts(problem, columns), tuple(cuts))


def _is_batch_last(problem: Problem) -> bool:
    """Tell whether neighbours in memory, as C orders them, belong to different batches."""
    last = len(problem.result_shape) - 1
    return bool(problem.axes) and all(axis.axis != last for axis in problem.axes)
