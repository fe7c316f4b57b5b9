"""separable: one pass of 1-D sums along each axis, for kernels that are products of 1-D kernels.

What the planner must know of the kernel's values is part of the problem: see `core.structure`. The
cost is the sum of the taps along the axes, not their product; along an axis on which all taps are
equal, a few additions whatever their number. All passes over a tile follow one another while it is
in cache, and tiles are gathered with their boundary before the first. Only samples that repeat
others may wait until the pass that needs them: a pass along another axis then repeats its results.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import AbstractContextManager
from itertools import pairwise
from math import log2, prod

import numpy as np
from numpy.lib.stride_tricks import as_strided

from sigconv.core.blocks import BlockGrid, batch_cuts, cut, largest_step
from sigconv.core.boundary import ZERO
from sigconv.core.dtypes import Array, DType
from sigconv.core.gather import Tile
from sigconv.core.nonfinite import clean, is_finite
from sigconv.core.problem import Axis, Problem
from sigconv.core.structure import Product, products_of
from sigconv.engines import compiled
from sigconv.engines.base import Machine, NonFiniteSamples, dtype_key
from sigconv.engines.direct import extended, loop_for
from sigconv.engines.factors import (
    Weights,
    compiled_passes,
    compiled_sums,
    scratch_sizes,
    sliced_passes,
)
from sigconv.engines.nonfinite import stamp
from sigconv.engines.passes import (
    Extension,
    Line,
    by_edges,
    in_zeros,
    repeats_inside,
    route,
    row_route,
)
from sigconv.engines.plan import Cost, Plan
from sigconv.engines.scratch import Scratch, borrow_scratch

__all__ = ["SeparableEngine", "SeparableKernel"]

# Equal taps whose windows are summed: fewer take no longer as products.
_WINDOW = 10

# Work per block, in products, of which reading and writing an output counts as some more; and
# blocks that a plan has without need.
_LEAST_PRODUCTS, _PER_OUTPUT = 1 << 25, 8
_BLOCKS = 16

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
        return SeparableKernel(plan, kernel)


def _in_lanes(problem: Problem) -> Problem:
    """Return integers whose sums a floating dtype holds exactly in the narrowest such dtype."""
    if problem.bits is None or problem.bits.result > 53:
        return problem
    return problem.computed_in(np.dtype(np.float32 if problem.bits.result <= 24 else np.float64))


def _plan(problem: Problem, machine: Machine, loop: str) -> Plan:
    structure, itemsize = problem.structure, problem.dtypes.compute.itemsize
    assert structure is not None
    grid = _grid(problem, machine.cache_bytes // itemsize, loop)
    tables = {"numba": machine.multiply_add, "numpy": machine.slice_add}
    product = tables[loop].get(dtype_key(problem.dtypes.compute), 1e-8)
    # Reading and writing takes its time besides, in NumPy twice.
    move = itemsize * machine.copy * (1 if loop == "numba" else 2)
    levels = _levels(problem, grid)
    seconds = 0.0
    for i, (level, taps) in enumerate(zip(levels, problem.taps, strict=True)):
        each = move + taps * product
        if sums_windows(problem):
            # Three additions of rows to one another, and along rows one for each bit or two.
            each = move * (1 + log2(taps) / 4 if i == len(levels) - 1 else 1)
        seconds += level * each * structure.terms
    start = machine.call + len(grid) * machine.block
    dtype = problem.dtypes.compute
    load = compiled.load_seconds(dtype, machine, "passes") if loop == "numba" else 0.0
    cost = Cost(start + seconds, _scratch_bytes(problem, grid, loop), load)
    return Plan(problem, "separable", grid, cost, loop=loop)


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
    products = problem.structure.terms * sum(problem.taps) + _PER_OUTPUT * len(problem.axes)
    total = prod(problem.result_shape)
    wanted = max(_LEAST_PRODUCTS, total * products // _BLOCKS) // products // columns
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


class SeparableKernel:
    """The factors of a kernel, for tiles that lie in memory in any order."""

    def __init__(self, plan: Plan, kernel: Array) -> None:
        problem = plan.problem
        assert problem.structure is not None
        if plan.loop == "numba":
            compiled.load(problem.dtypes.compute, "passes")
        self.plan = plan
        self.kernel = kernel
        self.ndim = len(problem.axes)
        self.equal = sums_windows(problem)
        # Several products give inf - inf where the kernel gives inf.
        self.keeps_infinity = problem.structure.kind != "sum"
        # Axes that are continued between passes.
        pairs = zip(plan.grid.axes, problem.axes, strict=True)
        self.late = tuple(self.ndim > 1 and mine.edges != axis.edges for mine, axis in pairs)
        taps = kernel.reshape(problem.taps)
        self._products = products_of(taps, problem.structure, problem.dtypes.compute)
        self._weights: dict[tuple[int, ...], list[Weights]] = {}

    def workspace(self) -> AbstractContextManager[Scratch]:
        """Lend one worker's scratch."""
        return borrow_scratch()

    def apply(self, tile: Tile, out: Array, work: Scratch, *, watch: bool = False) -> None:
        """Write the outputs of one block."""
        if self._sum(tile, out, work) or is_finite(tile.data):
            return
        if watch:
            raise NonFiniteSamples
        if not self.keeps_infinity:
            self._sum(Tile(tile.block, clean(tile.data)), out, work)
            stamp(tile, self.kernel, out)

    def _sum(self, tile: Tile, out: Array, work: Scratch) -> bool:
        """Write the sums over a tile; tell whether they are sure to be finite."""
        dtype = self.plan.problem.dtypes.compute
        is_compiled = self.plan.loop == "numba"
        data = tile.data
        if self.ndim == 1 or not is_compiled:
            data = extended(tile, self.plan.problem.axes, dtype)
        if not data.size:
            out[...] = 0
            return True
        if is_compiled:
            return self._compiled(Tile(tile.block, _regular(data, dtype)), out, work)
        products = self._ordered(tuple(range(self.ndim)))
        out[...] = sum(sliced_passes(data, weights, equal=self.equal) for weights in products)
        return dtype.kind not in "fc"

    def _compiled(self, tile: Tile, out: Array, work: Scratch) -> bool:
        """Write the sums by passes along the axes in the order in which they lie in memory."""
        nbatch = out.ndim - self.ndim
        order = _memory_order(tile.data)
        x, y = tile.data.transpose(order), out.transpose(order)
        axes = tuple(axis - nbatch for axis in order if axis >= nbatch)
        positions = [order.index(axis + nbatch) for axis in axes]
        if not _has_rows(x, positions[-1]):
            x = np.ascontiguousarray(x)
        usable = y.dtype == x.dtype and _is_regular(y) and _has_rows(y, positions[-1])
        result = y if usable else np.empty(y.shape, x.dtype)
        lines = tuple(
            Line(position, self._extension(tile, axis), y.shape[position])
            for position, axis in zip(positions, axes, strict=True)
        )
        form = x.shape, _steps(x), _steps(result)
        products, flat = self._ordered(axes), (_flat(x), _flat(result))
        if self.ndim == 1:
            finite = compiled_sums(flat[0], products[0][0], flat[1], row_route(*form, *lines), work)
        else:
            way = route(*form, lines)
            finite = compiled_passes(flat[0], products, flat[1], way, work, equal=self.equal)
        if result is not y:
            y[...] = result
        return finite

    def _ordered(self, order: tuple[int, ...]) -> list[Weights]:
        """Return the weights of each product, for passes along the axes in the given order."""
        if order not in self._weights:
            dtype = self.plan.problem.dtypes.compute
            self._weights[order] = [_weights(product, order, dtype) for product in self._products]
        return self._weights[order]

    def _extension(self, tile: Tile, axis: int) -> Extension:
        """Return how the samples of a tile along one axis become all that its outputs take."""
        described, write = self.plan.problem.axes[axis], tile.block.write[axis]
        low, high = tile.block.support[axis]
        total = write[1] - write[0] + described.taps - 1
        if self.ndim == 1 or high - low == total:
            return in_zeros(0, total, total)
        if self.late[axis]:
            return by_edges(described, write, (low, high))
        return in_zeros(low - (write[0] - described.taps + 1), high - low, total)


def _weights(product: Product, order: tuple[int, ...], dtype: DType) -> Weights:
    factors = product.ordered(order, dtype)
    return tuple(np.ascontiguousarray(factor[::-1]) for factor in factors)


def _regular(data: Array, dtype: DType) -> Array:
    """Return samples in `dtype` that loops over flat memory can take."""
    if data.dtype == dtype and _is_regular(data):
        return data
    return np.array(data, dtype, order="C")


def _is_regular(array: Array) -> bool:
    strides = array.strides
    return (
        array.flags.aligned
        and all(stride >= 0 and stride % array.itemsize == 0 for stride in strides)
        and any(stride == array.itemsize for stride in strides)
    )


def _memory_order(array: Array) -> list[int]:
    """Return the axes from the slowest in memory to the fastest; those of length 1 come first."""
    keys = [
        -stride if n > 1 and stride else -np.inf
        for n, stride in zip(array.shape, array.strides, strict=True)
    ]
    return sorted(range(array.ndim), key=keys.__getitem__)


def _has_rows(array: Array, axis: int) -> bool:
    """Tell whether the elements of `axis` and of all that follow lie side by side."""
    expected = array.itemsize
    for n, stride in zip(reversed(array.shape[axis:]), reversed(array.strides[axis:]), strict=True):
        if n > 1 and stride != expected:
            return False
        expected *= n
    return True


def _steps(array: Array) -> tuple[int, ...]:
    return tuple(stride // array.itemsize for stride in array.strides)


def _flat(array: Array) -> Array:
    """Return the memory that an array with no negative strides spans, as one dimension."""
    if array.flags.c_contiguous:
        return array.reshape(-1)
    size = 1 + sum((n - 1) * s for n, s in zip(array.shape, _steps(array), strict=True))
    return as_strided(array[(slice(0, 1),) * array.ndim], (size,), (array.itemsize,))
