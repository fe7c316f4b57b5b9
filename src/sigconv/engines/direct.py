"""direct: the sum as it stands, tap by tap over whole rows.

Takes every number of fixed width. Integers run in float32 or float64 where the sums are sure
to fit their 24 or 53 bits, which is faster and as exact. The cost is taps times outputs, so it
wins for small kernels. A compiled loop does the work where numba is installed and the work is
large enough to repay it; NumPy slices do it otherwise, and `np.convolve` for short 1-D signals.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager, nullcontext
from functools import cache
from importlib.util import find_spec
from itertools import product
from math import prod
from operator import itemgetter
from typing import Any

import numpy as np
from numpy.lib.stride_tricks import as_strided

from sigconv.core.blocks import BlockGrid, batch_cuts, cut
from sigconv.core.dtypes import Array, DType
from sigconv.core.gather import Tile
from sigconv.core.index import empty_ordered, leading, trailing
from sigconv.core.nonfinite import clean, is_finite
from sigconv.core.problem import Axis, Problem
from sigconv.engines.base import Machine, NonFiniteSamples, dtype_key
from sigconv.engines.nonfinite import stamp
from sigconv.engines.plan import Cost, Plan

__all__ = ["DirectEngine", "DirectKernel", "extended", "has_numba", "loop_for"]

_COMPILED = ("f4", "f8", "c8", "c16", "i8", "u8")

# Signals below this size are gathered whole; above, only the rim is.
_WHOLE_BYTES = 1 << 18

# Outputs per block: large enough for a call without the GIL to be worth a thread. Products per
# block: few enough for Ctrl-C to be heard within a fraction of a second.
_BLOCK_OUTPUTS = 1 << 18
_BLOCK_PRODUCTS = 1 << 30

# Signals side by side in memory that a block takes at most, and that make a row at least.
_COLUMNS = 512
_SHORT_ROW = 16


@cache
def has_numba() -> bool:
    """Tell whether numba is installed, without importing it."""
    return find_spec("numba") is not None


def loop_for(dtype: DType) -> str:
    """Return the inner loop for long work in `dtype`."""
    return "numba" if has_numba() and dtype_key(dtype) in _COMPILED else "numpy"


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
        start = machine.call + len(grid) * machine.block
        slices = len(grid) * prod(problem.taps) * machine.call / 20
        compiled = machine.multiply_add.get(key, 1e-8)
        loops = [(start + slices + products * machine.slice_add.get(key, 1e-8), "numpy", grid)]
        if loop_for(problem.dtypes.compute) == "numba":
            loops.append((start + machine.cold_loop + products * compiled, "numba", grid))
        if _suits_numpy(problem):
            whole = tuple((axis.start, axis.stop) for axis in problem.axes)
            one = BlockGrid(problem.axes, batch_cuts(problem, 1), whole)
            loops.append((machine.call / 2 + products * compiled, "np.convolve", one))
        nbytes = _extended_size(problem) * problem.dtypes.compute.itemsize
        for seconds, loop, blocks in sorted(loops, key=itemgetter(0)):
            yield Plan(problem, self.name, blocks, Cost(seconds, nbytes), loop=loop)

    def prepare(self, plan: Plan, kernel: Array) -> DirectKernel:
        """Clean and flatten the kernel."""
        return DirectKernel(plan, kernel)


def _in_lanes(problem: Problem) -> Problem:
    """Return integers whose sums a floating dtype holds exactly in the narrowest such dtype."""
    if problem.bits is None or problem.bits.result > 53:
        return problem
    return problem.computed_in(np.dtype(np.float32 if problem.bits.result <= 24 else np.float64))


def _suits_numpy(problem: Problem) -> bool:
    if len(problem.axes) != 1 or prod(problem.batch) > 1:
        return False
    axis = problem.axes[0]
    return axis.edges[0].is_zero and axis.edges[1].is_zero and axis.taps * axis.size <= 1 << 16


def _extended_size(problem: Problem) -> int:
    size = prod(axis.length + axis.taps - 1 for axis in problem.axes)
    return min(size * prod(problem.batch), 4 * _BLOCK_OUTPUTS)


def _grid(problem: Problem) -> BlockGrid:
    """Return blocks whose interior is a view of the source and whose rims are gathered."""
    outputs, products = prod(problem.lengths), prod(problem.taps)
    itemsize = problem.dtypes.compute.itemsize
    wanted = min(_BLOCK_OUTPUTS, max(1, _BLOCK_PRODUCTS // max(1, products)))
    small = outputs * itemsize <= _WHOLE_BYTES and outputs <= wanted
    if not problem.axes or small:
        cuts = tuple((axis.start, axis.stop) for axis in problem.axes)
        return BlockGrid(problem.axes, batch_cuts(problem, max(1, wanted // max(1, outputs))), cuts)
    columns = min(problem.result_shape[-1], _COLUMNS) if _is_batch_last(problem) else 1
    wanted = max(1, wanted // columns)
    rims = []
    for axis in problem.axes:
        # As many whole rows as are wanted; where one row is too many, it is cut in turn.
        outputs //= max(1, axis.length)
        step = max(1, wanted // max(1, outputs))
        rims.append(_rim_cuts(axis, min(step, axis.length)))
        wanted = max(1, wanted // min(step, max(1, axis.length)))
    return BlockGrid(problem.axes, batch_cuts(problem, columns), tuple(rims))


def _is_batch_last(problem: Problem) -> bool:
    """Tell whether neighbours in memory, as C orders them, belong to different batches."""
    return all(axis.axis != len(problem.result_shape) - 1 for axis in problem.axes)


def _rim_cuts(axis: Axis, step: int) -> tuple[int, ...]:
    """Return cuts that part the outputs whose taps all lie inside the signal from the rest."""
    low = min(max(axis.taps - 1, axis.start), axis.stop)
    high = max(min(axis.size, axis.stop), low)
    pairs = ((axis.start, low), (low, high), (high, axis.stop))
    edges = (edge for a, b in pairs if a < b for edge in cut(a, b, step))
    return tuple(sorted({axis.start, *edges, axis.stop}))


class DirectKernel:
    """The taps of a kernel, with the inner loop that the plan names."""

    def __init__(self, plan: Plan, kernel: Array) -> None:
        dtype = plan.problem.dtypes.compute
        self.plan = plan
        self.kernel = kernel
        self.ndim = len(plan.problem.axes)
        self.bad_taps = self.ndim > 0 and not is_finite(kernel)
        self.taps = (clean(kernel) if self.bad_taps else kernel).astype(dtype)

    def workspace(self) -> AbstractContextManager[None]:
        """Lend nothing: tiles and outputs are all there is."""
        return nullcontext()

    def apply(self, tile: Tile, out: Array, work: Any = None, *, watch: bool = False) -> None:
        """Write the outputs of one block."""
        del work
        dtype = self.plan.problem.dtypes.compute
        nbatch = out.ndim - self.ndim
        batch = tile.block.batch
        kernels = self.kernel.shape[:nbatch]
        own = [s if n > 1 else slice(0, 1) for n, s in zip(kernels, batch, strict=True)]
        data = extended(tile, self.plan.problem.axes, dtype)
        if self.bad_taps and not is_finite(data):
            data = clean(data)
        result = out if out.dtype == dtype else np.empty(out.shape, dtype)
        finite = True
        # Each kernel of the batch meets the part of the batch that it serves.
        for index in product(*(range(s.start, s.stop) for s in own)):
            part = tuple(
                slice(None) if n == 1 else slice(i - s.start, i - s.start + 1)
                for i, s, n in zip(index, batch, kernels, strict=True)
            )
            where = leading(part)
            finite &= self._apply_one(data[where], self.taps[index], result[where])
        # Every sample of a block reaches an output; finite ones may overflow.
        if watch and not finite and not is_finite(tile.data):
            raise NonFiniteSamples
        if result is not out:
            out[...] = result
        if self.bad_taps:
            stamp(tile, self.kernel[tuple(s for s in own)], out)

    def _apply_one(self, data: Array, taps: Array, out: Array) -> bool:
        """Write the outputs of one kernel; tell whether the loop saw that they are finite."""
        if self.plan.loop == "numba" and self.ndim:
            return _compiled_taps(data, taps, out)
        if self.ndim == 0:
            # Without an axis NumPy would take objects out of their arrays.
            np.multiply(data[..., None], taps, out=out[..., None])
        elif self.plan.loop == "np.convolve":
            flat = np.convolve(data.ravel(), taps, "valid")
            out[...] = flat.reshape(out.shape)
        else:
            _sliced_taps(data, taps, out)
        return False


def extended(tile: Tile, axes: tuple[Axis, ...], dtype: DType) -> Array:
    """Return the block's samples with the taps-1 before each output, zeros included."""
    wanted = [(w[0] - a.taps + 1, w[1]) for w, a in zip(tile.block.write, axes, strict=True)]
    support = tile.block.support
    if list(support) == wanted:
        return tile.data if tile.data.dtype == dtype else tile.data.astype(dtype)
    nbatch = tile.data.ndim - len(axes)
    shape = tile.data.shape[:nbatch] + tuple(b - a for a, b in wanted)
    data = empty_ordered(shape, dtype, tile.data)
    data[...] = 0
    box = tuple(slice(s[0] - w[0], s[1] - w[0]) for s, w in zip(support, wanted, strict=True))
    data[trailing(box)] = tile.data
    return data


def _sliced_taps(data: Array, taps: Array, out: Array) -> None:
    """Add one shifted, weighted slice per tap."""
    lengths = out.shape[out.ndim - taps.ndim :]
    out[...] = 0
    part = empty_ordered(out.shape, out.dtype, out)
    for index in np.ndindex(*taps.shape):
        # Output i of the block uses sample i + (K-1) - k of the extended block for tap k.
        box = tuple(
            slice(k - 1 - i, k - 1 - i + n)
            for i, k, n in zip(index, taps.shape, lengths, strict=True)
        )
        np.multiply(data[trailing(box)], taps[index], out=part)
        out += part


def _compiled_taps(data: Array, taps: Array, out: Array) -> bool:
    from sigconv.engines._loops import add_taps

    data, taps, out = _rows_last(data, taps, out)
    data = _unit_stride(data)
    result = out if _is_unit_stride(out) else np.empty(out.shape, out.dtype)
    x, origin_in = _flat(data)
    y, origin_out = _flat(result)
    rows = np.stack(
        [
            origin_in + _row_starts(data, out.shape[:-1]),
            origin_out + _row_starts(result, out.shape[:-1]),
        ]
    )
    strides = np.array(data.strides[data.ndim - taps.ndim :]) // data.itemsize
    flipped = taps[(slice(None, None, -1),) * taps.ndim]
    offsets = np.tensordot(strides, np.indices(taps.shape).reshape(taps.ndim, -1), 1)
    x.flags.writeable = False
    probe = add_taps(x, rows, offsets, flipped.ravel(), y, out.shape[-1])
    if result is not out:
        out[...] = result
    return bool(probe == 0)


def _rows_last(data: Array, taps: Array, out: Array) -> tuple[Array, Array, Array]:
    """Return the arrays with the axis last along which samples are neighbours in memory.

    If that is a batch axis, rows are taken across it, by taps that have one entry there.
    """
    if data.strides[-1] == data.itemsize:
        return data, taps, out
    nbatch = data.ndim - taps.ndim
    for axis, (length, stride) in enumerate(zip(data.shape, data.strides, strict=True)):
        if stride == data.itemsize and length >= _SHORT_ROW:
            moved = taps[..., None] if axis < nbatch else np.moveaxis(taps, axis - nbatch, -1)
            return np.moveaxis(data, axis, -1), moved, np.moveaxis(out, axis, -1)
    return data, taps, out


def _is_unit_stride(array: Array) -> bool:
    aligned = all(stride % array.itemsize == 0 for stride in array.strides)
    return aligned and array.strides[-1] == array.itemsize and array.flags.aligned


def _unit_stride(array: Array) -> Array:
    return array if _is_unit_stride(array) else np.array(array, order="C")


def _flat(array: Array) -> tuple[Array, int]:
    """Return the memory that `array` spans as one dimension, and where element 0 lies in it."""
    steps = [(n - 1) * s // array.itemsize for n, s in zip(array.shape, array.strides, strict=True)]
    low, high = sum(min(s, 0) for s in steps), sum(max(s, 0) for s in steps)
    corner = tuple(n - 1 if s < 0 else 0 for n, s in zip(array.shape, array.strides, strict=True))
    start = array[tuple(slice(c, c + 1) for c in corner)]
    return as_strided(start, (high - low + 1,), (array.itemsize,)), -low


def _row_starts(array: Array, shape: tuple[int, ...]) -> Array:
    strides = [s // array.itemsize for s in array.strides[:-1]]
    starts = np.zeros(shape, np.intp)
    for axis, (n, stride) in enumerate(zip(shape, strides, strict=True)):
        starts += (np.arange(n) * stride).reshape((-1,) + (1,) * (len(shape) - axis - 1))
    return starts.ravel()
