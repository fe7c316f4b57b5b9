"""What direct sums are predicted to take in the compiled loop."""

from __future__ import annotations

from math import prod

from sigconv.core.problem import Axis, Problem
from sigconv.engines.base import Machine, dtype_key
from sigconv.loops.pieces import TOGETHER
from sigconv.loops.sum_tables import plain_layouts

__all__ = ["ALONE", "loop_seconds", "row_seconds"]

ALONE = 1.4
"""Products of rows that share no samples cost so much more: each needs a load of its own."""

# A row of samples that is found, and may be copied; a few rows of outputs; and a line of samples
# for these: in products of float32.
_PER_ROW, _PER_FEW, _PER_LINE = 1500.0, 3000.0, 180.0

# Bytes of a vector, of which outputs fill whole ones.
_VECTOR = 64


def loop_seconds(problem: Problem, machine: Machine) -> float:
    """Return the seconds of the loop on one worker, beside those of a call."""
    if problem.is_trivial:
        return 0.0
    *layouts, (row, step, _) = plain_layouts(problem)
    others = [layout.axis for layout in layouts]
    last = others[-1] if others else Axis(0, 1, 1, 0, 1)
    shares = last.taps > 1 and last.length >= TOGETHER
    few = TOGETHER if shares else 1
    rows = prod(axis.length for axis in others)
    # Rows of samples that do not exist are left out.
    met = prod(_met(axis) for axis in others)
    products = met * row_seconds(row, step, problem, machine) * (1.0 if shares else ALONE)
    groups = rows / few
    lines = met / few * (last.taps + few - 1) / last.taps
    found = prod(axis.length + axis.taps - 1 for axis in others)
    unit = machine.multiply_add.get("f4", 1e-10)
    seconds = products + unit * (found * _PER_ROW + groups * _PER_FEW + lines * _PER_LINE)
    nbytes = (prod(problem.signal_shape) + prod(problem.result_shape)) * _itemsize(problem)
    return seconds + (nbytes * machine.copy if nbytes > machine.cache_bytes else 0.0)


def row_seconds(row: Axis, step: int, problem: Problem, machine: Machine) -> float:
    """Return the seconds to sum a row of the kernel for a row of outputs, of `step` channels."""
    product = machine.multiply_add.get(dtype_key(problem.dtypes.compute), 1e-8)
    lanes = max(1, _VECTOR // _itemsize(problem))
    return -(-row.length * step // lanes) * lanes * row.taps * product


def _met(axis: Axis) -> int:
    """Return how many pairs of an output and a tap meet a sample, or what stands for one."""
    before, after = (edge.is_zero for edge in axis.edges)
    total = axis.length * axis.taps
    if before:
        total -= _missed(axis.taps - 1 - axis.start, axis.length, axis.taps)
    if after:
        total -= _missed(axis.stop - axis.size, axis.length, axis.taps)
    return max(total, 0)


def _missed(most: int, length: int, taps: int) -> int:
    """Return the pairs beyond one side, of which the outermost output has `most` at most taps."""
    outer = max(0, min(most, taps))
    count = min(max(most, 0), length)
    beyond = max(0, most - taps)
    full = min(beyond, length)
    rest = min(count - full, outer)
    return full * taps + rest * outer - rest * (rest - 1) // 2


def _itemsize(problem: Problem) -> int:
    return int(problem.dtypes.compute.itemsize)
