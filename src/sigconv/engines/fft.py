"""fft: one block, as long as the whole problem needs.

Takes every floating and complex dtype. The cost is two transforms of the whole extended
signal and one of the kernel, so it wins where kernel and signal are of similar size.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from math import prod

from sigconv.core.blocks import BlockGrid, batch_cuts, input_range, largest_step
from sigconv.core.dtypes import Array
from sigconv.core.problem import Axis, Problem
from sigconv.core.shapes import fast_length
from sigconv.engines.base import Machine
from sigconv.engines.plan import Cost, Plan
from sigconv.engines.spectral import SpectralKernel, block_cost, group_size, refusal_of_fft

__all__ = ["FftEngine"]


_LARGEST = 1 << 31


class FftEngine:
    """One FFT block over the whole signal."""

    name = "fft"
    blockwise = False

    def refusal(self, problem: Problem) -> str | None:
        """Say why `problem` cannot be computed this way, or return None."""
        if refusal := refusal_of_fft(problem):
            return refusal
        if prod(problem.lengths) > _LARGEST:
            return f"one block of {prod(problem.lengths)} results is too long"
        return None

    def candidates(self, problem: Problem, machine: Machine) -> Iterator[Plan]:
        """Yield the one plan there is."""
        nfft = tuple(_block_length(axis) for axis in problem.axes)
        itemsize = problem.dtypes.compute.itemsize
        count = prod(problem.batch)
        group = group_size(machine, nfft, itemsize, count)
        cuts = batch_cuts(problem, group)
        group = prod(largest_step(edges) for edges in cuts)
        grid = BlockGrid(
            problem.axes, cuts, tuple((axis.start, axis.stop) for axis in problem.axes)
        )
        one = block_cost(problem, machine, nfft)
        kernels = prod(problem.kernel_batch)
        seconds = machine.call + len(grid) * machine.block + one * (count + kernels / 2)
        nbytes = 2 * group * prod(nfft) * itemsize
        plan = Plan(problem, self.name, grid, Cost(seconds, nbytes), nfft, problem.lengths)
        yield replace(plan, group=group)

    def prepare(self, plan: Plan, kernel: Array) -> SpectralKernel:
        """Transform the kernel."""
        return SpectralKernel(plan, kernel)


def _block_length(axis: Axis) -> int:
    """Return the FFT length that keeps outputs [p, q) of S samples free of wrap-around."""
    start, stop = input_range(axis)
    p, q, samples = axis.start - start, axis.stop - start, stop - start
    return fast_length(max(q, samples + axis.taps - 1 - p))
