"""overlap-save and overlap-add: many FFT blocks of a length that suits the cache.

Both take every number of fixed width, integers in limbs. Overlap-save reads taps-1 samples
more than a block writes, and blocks write disjointly: the cheaper one, and the one that threads
share.
Overlap-add reads disjoint blocks and adds their longer outputs; neighbours in the grid then
belong to different rounds, so that no two workers add to the same place.
"""

from __future__ import annotations

from collections.abc import Iterator
from math import ceil, prod
from typing import NamedTuple

from sigconv.core.blocks import BlockGrid, batch_cuts, cut, input_range, largest_step
from sigconv.core.dtypes import Array
from sigconv.core.problem import Problem
from sigconv.core.shapes import regular_length
from sigconv.engines import compiled
from sigconv.engines.base import Machine
from sigconv.engines.costs import (
    FEWEST_BLOCKS,
    LONG_BLOCK,
    SHORTEST_RUN,
    block_bytes,
    block_cost,
    group_size,
    native_cost,
    native_loops,
    native_run,
    part_bytes,
    part_cost,
    part_lengths,
    refusal_of_fft,
    start_cost,
    transform_cost,
)
from sigconv.engines.plan import Cost, Plan
from sigconv.engines.tile_costs import tile_bytes, tile_cost, tile_shapes
from sigconv.engines.transformed import TransformedKernel, by_wisdom, transformed

__all__ = ["OverlapEngine"]

Shape = tuple[int, ...]

# Blocks with more scratch than this gain nothing and cost memory.
_LARGEST_BLOCK = 32 << 20

# Blocks advance by about this many kernels.
_SCALES = (1.0, 1.5, 2.0, 3.0, 4.0, 6.0, 8.0, 12.0, 16.0, 32.0, 64.0, 128.0, 256.0)


class _Layout(NamedTuple):
    """The numbers of a plan, before its grid is made; the cheaper one sorts first."""

    seconds: float
    nfft: Shape
    hop: Shape
    run: int
    group: int
    batches: tuple[Shape, ...]
    loop: str = ""


class OverlapEngine:
    """Blocks of FFT length nfft, advancing by nfft - taps + 1."""

    blockwise = True

    def __init__(self, name: str, *, by_input: bool) -> None:
        self.name = name
        self.by_input = by_input

    def refusal(self, problem: Problem) -> str | None:
        """Say why `problem` cannot be computed this way, or return None."""
        if self.by_input and problem.rtol is not None:
            return "rtol is kept for blocks that give whole outputs, and these are added up"
        return refusal_of_fft(problem)

    def candidates(self, problem: Problem, machine: Machine) -> Iterator[Plan]:
        """Yield one plan per block length worth considering, the cheapest first."""
        lengths = {self._block_shape(problem, scale) for scale in _SCALES}
        if len(problem.axes) == 1:
            lengths = _with_measured(lengths, machine.fft_samples)
        short = {nfft for nfft in lengths if block_bytes(problem, nfft) <= _LARGEST_BLOCK}
        layouts = [self._layout(problem, machine, nfft) for nfft in short or {min(lengths)}]
        loops = () if self.by_input else native_loops(problem)
        if len(problem.axes) == 1:
            for loop in loops:
                # Beyond the cache, complex transforms of both are no faster than two real ones.
                most = machine.cache_bytes if loop == "pairs" else _LARGEST_BLOCK
                near = [nfft for nfft in short if 2 * block_bytes(problem, nfft) <= most]
                layouts += [self._native_layout(problem, machine, nfft, loop) for nfft in near]
            if loops:
                layouts += self._part_layouts(problem, machine)
        elif loops:
            layouts += self._tile_layouts(problem, machine)

        def first(layout: _Layout) -> float:
            if not layout.loop:
                return layout.seconds
            loop = layout.loop if layout.loop == "parts" else kind
            return layout.seconds + compiled.load_seconds(problem.dtypes.compute, machine, loop)

        kind = "windows" if len(problem.axes) == 1 else "planes"

        # Grids of long signals are long: each is made only when it is asked for.
        for layout in sorted(layouts, key=lambda one: (first(one), one)):
            yield by_wisdom(self._plan(problem, layout, first(layout) - layout.seconds), machine)

    def prepare(self, plan: Plan, kernel: Array) -> TransformedKernel:
        """Transform the kernel."""
        return transformed(plan, kernel)

    def _ranges(self, problem: Problem) -> tuple[tuple[int, int], ...]:
        if self.by_input:
            return tuple(input_range(axis) for axis in problem.axes)
        return tuple((axis.start, axis.stop) for axis in problem.axes)

    def _block_shape(self, problem: Problem, scale: float) -> Shape:
        """Return FFT lengths that advance by about `scale` kernels, and at least 32 samples."""
        ranges = self._ranges(problem)
        smallest = 1024 if len(ranges) == 1 else 16
        nfft = []
        for axis, (start, stop) in zip(problem.axes, ranges, strict=True):
            # Overlap-add's rounds need a block at least as long as the tail of the one before.
            hop = max(int(scale * axis.taps), smallest if scale == 1 else 1)
            nfft.append(regular_length(min(hop, stop - start) + axis.taps - 1))
        return tuple(nfft)

    def _layout(self, problem: Problem, machine: Machine, nfft: Shape) -> _Layout:
        """Choose windows per call for one FFT length, and say what they cost."""
        hop = tuple(n - axis.taps + 1 for n, axis in zip(nfft, problem.axes, strict=True))
        ranges = self._ranges(problem)
        counts = [ceil((b - a) / h) for (a, b), h in zip(ranges, hop, strict=True)]
        nbytes = block_bytes(problem, nfft)
        limit = group_size(machine, nbytes, prod(counts) * prod(problem.batch))
        # Under rtol each transform answers for its own samples.
        count = min(counts[0], limit) if problem.rtol is None else 1
        batches = batch_cuts(problem, limit // count)
        group = count * prod(largest_step(edges) for edges in batches)
        one = block_cost(problem, machine, nfft, group)
        # A block is several calls long, so that what it costs beside them does not count.
        shared = prod(counts) * prod(len(c) - 1 for c in batches) // (FEWEST_BLOCKS * count)
        calls = min(ceil(LONG_BLOCK / (one * group)), shared, ceil(counts[0] / count))
        run = count * max(1, calls if problem.rtol is None else 1)
        blocks = ceil(counts[0] / run) * prod(counts[1:]) * prod(len(c) - 1 for c in batches)
        if self.by_input:
            one += 3 * prod(nfft) * problem.dtypes.compute.itemsize * machine.copy
        seconds = machine.call + blocks * machine.block
        transforms = blocks * ceil(run / count) * group
        seconds += one * (transforms + prod(problem.kernel_batch) / 2)
        return _Layout(seconds, nfft, hop, run, group, batches)

    def _native_layout(self, problem: Problem, machine: Machine, nfft: Shape, loop: str) -> _Layout:
        """Choose windows per block for a compiled loop, which takes one after the other."""
        (axis,) = problem.axes
        hop = nfft[0] - axis.taps + 1
        count, one = ceil(axis.length / hop), native_cost(problem, machine, nfft, loop)
        run, batches = native_run(problem, count, one)
        blocks = ceil(count / run) * prod(len(cuts) - 1 for cuts in batches)
        seconds = start_cost(problem, machine, blocks, loop)
        seconds += one * (count * prod(problem.batch) + prod(problem.kernel_batch) / 2)
        return _Layout(seconds, nfft, (hop,), run, 1, batches, loop)

    def _part_layouts(self, problem: Problem, machine: Machine) -> Iterator[_Layout]:
        """Yield layouts of windows for a kernel in parts, where one window leaves the cache."""
        (axis,) = problem.axes
        if block_bytes(problem, (2 * axis.taps,)) <= machine.cache_bytes:
            return
        for nfft in part_lengths(machine, axis.taps):
            hop, one = nfft // 2, part_cost(problem, machine, nfft)
            parts, count = ceil(axis.taps / hop), ceil(axis.length / hop)
            # Each block begins with windows that give no outputs: beyond two they are long.
            most = max(count // (SHORTEST_RUN * parts) // 2 * 2, 2 if count > 2 * parts else 1)
            run = max(native_run(problem, count, one)[0], ceil(count / most))
            blocks = ceil(count / run) * prod(problem.batch)
            seconds = machine.call + blocks * machine.block
            inward = transform_cost(machine, (nfft,), problem.dtypes.compute, 1)
            seconds += one * count * prod(problem.batch) + (blocks * parts) * inward
            seconds += prod(problem.kernel_batch) * parts * inward
            yield _Layout(seconds, (nfft,), (hop,), run, 1, batch_cuts(problem, 1), "parts")

    def _tile_layouts(self, problem: Problem, machine: Machine) -> Iterator[_Layout]:
        """Yield layouts of tiles for a compiled loop, which takes one after the other."""
        for nfft in tile_shapes(problem, machine):
            if tile_bytes(problem, nfft) > _LARGEST_BLOCK:
                continue
            hop = tuple(n - axis.taps + 1 for n, axis in zip(nfft, problem.axes, strict=True))
            counts = [ceil(a.length / h) for a, h in zip(problem.axes, hop, strict=True)]
            one, columns = tile_cost(problem, machine, nfft), prod(counts[1:]) * prod(problem.batch)
            # A block is a run of tiles: as many as make it long, and an even number of blocks.
            pieces = ceil(counts[0] / max(1, int(LONG_BLOCK / one)))
            if columns == 1 and counts[0] > 1:
                pieces = min(counts[0], max(pieces + pieces % 2, FEWEST_BLOCKS))
            run = ceil(counts[0] / pieces)
            blocks = ceil(counts[0] / run) * columns
            # An odd number of long blocks is not shared out evenly.
            tiles = counts[0] * columns + (run if blocks % 2 else 0)
            seconds = machine.call + blocks * machine.block
            seconds += one * (tiles + prod(problem.kernel_batch) / 2)
            yield _Layout(seconds, nfft, hop, run, 1, batch_cuts(problem, 1), "numba")

    def _plan(self, problem: Problem, layout: _Layout, load: float) -> Plan:
        seconds, nfft, hop, run, group, batches, loop = layout
        steps = (run * hop[0], *hop[1:])
        ranges = self._ranges(problem)
        cuts = tuple(cut(a, b, step) for (a, b), step in zip(ranges, steps, strict=True))
        grid = BlockGrid(problem.axes, batches, cuts, by_input=self.by_input)
        if loop and len(nfft) > 1:
            nbytes = tile_bytes(problem, nfft)
        elif loop == "parts":
            nbytes = part_bytes(problem, nfft[0])
        else:
            nbytes = group * block_bytes(problem, nfft, loop)
        cost = Cost(seconds, nbytes, load)
        return Plan(problem, self.name, grid, cost, nfft, hop, group, loop=loop)


def _with_measured(lengths: set[Shape], known: tuple[int, ...]) -> set[Shape]:
    """Return all `known` lengths between those given, and those given that lie outside of them."""
    low, high = min(lengths), max(lengths)
    between = {(n,) for n in known if low < (n,) < high}
    return {low, high, *between, *(n for n in lengths if not (known[0],) <= n <= (known[-1],))}
