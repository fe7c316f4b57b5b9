"""fft: one block, as long as the whole problem needs.

Takes every number of fixed width, integers in limbs. The cost is two transforms of the whole
extended signal and one of the kernel, so it wins where kernel and signal are of similar size.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from math import prod

from sigconv.core.blocks import BlockGrid, Range, batch_cuts, input_range, largest_step
from sigconv.core.dtypes import Array
from sigconv.core.problem import Axis, Problem
from sigconv.core.shapes import fast_length
from sigconv.engines import compiled
from sigconv.engines.base import Machine
from sigconv.engines.costs import (
    block_bytes,
    block_cost,
    group_size,
    is_in_cache,
    native_cost,
    native_loops,
    native_run,
    refusal_of_fft,
    start_cost,
)
from sigconv.engines.plan import Cost, Plan
from sigconv.engines.plane_costs import (
    cheapest_lengths,
    has_whole_lines,
    native_plane_cost,
    plane_cost,
)
from sigconv.engines.transformed import TransformedKernel, transformed
from sigconv.fft import LONG_BYTES

__all__ = ["FftEngine"]


Shape = tuple[int, ...]

_LARGEST = 1 << 31


class FftEngine:
    """One FFT block over the whole signal."""

    name = "fft"
    blockwise = False

    def refusal(self, problem: Problem) -> str | None:
        """Say why `problem` cannot be computed this way, or return None."""
        if refusal := refusal_of_fft(problem):
            return refusal
        samples = prod(fast_length(_needed(axis)) for axis in problem.axes)
        if samples > _LARGEST:
            return f"one block of {samples} samples is too long"
        return None

    def candidates(self, problem: Problem, machine: Machine) -> Iterator[Plan]:
        """Yield one transform of the whole and, of two axes and more, one plane by plane."""
        plans = [self._at_once(problem, machine)]
        if len(problem.axes) == 1 and native_loops(problem):
            native = self._native(problem, machine)
            # A longer transform runs where Ctrl-C is heard meanwhile.
            plans += [native] if native.cost.nbytes < LONG_BYTES else []
        floating = problem.dtypes.compute.kind in "fc" and problem.rtol is None
        if len(problem.axes) > 1 and floating:
            plans += self._by_planes(problem, machine)
        yield from sorted(plans, key=lambda plan: plan.cost.first)

    def _at_once(self, problem: Problem, machine: Machine) -> Plan:
        nfft = _lengths(problem, machine)
        one = block_cost(problem, machine, nfft)
        count = prod(problem.batch)
        nbytes = block_bytes(problem, nfft)
        group = group_size(machine, nbytes, count)
        cuts = batch_cuts(problem, group)
        group = prod(largest_step(edges) for edges in cuts)
        grid = BlockGrid(problem.axes, cuts, _whole(problem))
        seconds = start_cost(problem, machine, len(grid))
        seconds += one * (count + prod(problem.kernel_batch) / 2)
        cost = Cost(seconds, group * nbytes)
        return Plan(problem, self.name, grid, cost, nfft, problem.lengths, group)

    def _native(self, problem: Problem, machine: Machine) -> Plan:
        (axis,) = problem.axes
        needed = _needed(axis)
        lengths = {fast_length(needed), *(n for n in machine.fft_samples if n >= needed)}
        one, nfft = min((native_cost(problem, machine, (n,), "numba"), (n,)) for n in lengths)
        _, cuts = native_run(problem, 1, one)
        grid = BlockGrid(problem.axes, cuts, _whole(problem))
        seconds = start_cost(problem, machine, len(grid), "numba")
        seconds += one * (prod(problem.batch) + prod(problem.kernel_batch) / 2)
        load = compiled.load_seconds(problem.dtypes.compute, machine, "windows")
        cost = Cost(seconds, block_bytes(problem, nfft, "numba"), load)
        return Plan(problem, self.name, grid, cost, nfft, problem.lengths, loop="numba")

    def _by_planes(self, problem: Problem, machine: Machine) -> Iterator[Plan]:
        dtype = problem.dtypes.compute
        nfft = cheapest_lengths([_needed(axis) for axis in problem.axes], dtype, machine)
        grid = BlockGrid(problem.axes, batch_cuts(problem, 1), _whole(problem))
        cost = plane_cost(problem, machine, nfft)
        plan = Plan(problem, self.name, grid, cost, nfft, problem.lengths, loop="planes")
        yield plan
        short = 4 * prod(nfft[1:]) * dtype.itemsize < LONG_BYTES
        if native_loops(problem) and short and has_whole_lines(nfft, dtype):
            load = compiled.load_seconds(dtype, machine, "planes")
            cost = native_plane_cost(problem, machine, nfft)._replace(load=load)
            yield replace(plan, cost=cost, loop="compiled planes")

    def prepare(self, plan: Plan, kernel: Array) -> TransformedKernel:
        """Transform the kernel."""
        return transformed(plan, kernel)


def _lengths(problem: Problem, machine: Machine) -> Shape:
    """Return the FFT lengths of one transform of all axes."""
    needed = [_needed(axis) for axis in problem.axes]
    lengths = tuple(fast_length(n) for n in needed)
    if not is_in_cache(problem, machine, lengths):
        return lengths
    return cheapest_lengths(needed, problem.dtypes.compute, machine)


def _whole(problem: Problem) -> tuple[Range, ...]:
    return tuple((axis.start, axis.stop) for axis in problem.axes)


def _needed(axis: Axis) -> int:
    """Return the FFT length from which outputs [p, q) of S samples are free of wrap-around."""
    start, stop = input_range(axis)
    p, q, samples = axis.start - start, axis.stop - start, stop - start
    return max(q, samples + axis.taps - 1 - p)
