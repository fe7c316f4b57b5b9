"""How the taps of a stream are shared out: summed directly, or as spectra of blocks.

A latency of L samples is L taps of zero before the kernel's own. The first taps may be summed
directly, for chunks of any length. The others are cut into stages: parts as long as a block,
whose spectra meet those of blocks of samples (a frequency-domain delay line). The block that
ends at sample e is heard from sample e - block + first on, where `first` is the first tap of
its stage. So a stage has that much time for its work, and one whose `first` is at least a block
delays nothing; after Gardner, "Efficient convolution without input-output delay", 1995.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache
from math import ceil
from typing import NamedTuple

import numpy as np

from sigconv.core.dtypes import DType
from sigconv.core.shapes import regular_length
from sigconv.engines.base import Machine, dtype_key
from sigconv.engines.costs import SPILLED, transform_cost

__all__ = ["Costs", "Layout", "Size", "Stage", "Windows", "choose_layout", "direct_rate"]

# Seconds of Python that a stage costs a call, and each run of its transforms.
_CALL = 1.5e-6
_RUN = 8e-6

# What takes longer is worth being shared by two.
_LONG = 1e-4

_SHORTEST, _LONGEST = 32, 1 << 17

# The parts of a chunk that the blocks of a prompt stage may be.
_SHARES = 8


class Stage(NamedTuple):
    """Parts of a kernel, each of `part` taps, from tap `first` on, latency counted.

    Blocks of samples are `block` long, and transformed with what precedes them in `nfft`.
    """

    first: int
    parts: int
    part: int
    block: int
    nfft: int

    @property
    def is_prompt(self) -> bool:
        """Whether outputs are wanted before their block is complete."""
        return self.first < self.block

    @property
    def slack(self) -> int:
        """Samples from when work on a block may begin to its first output."""
        return min(max(self.first - self.block, 0), self.block)

    def due(self, stop: int) -> int:
        """Return how many blocks, counted from block 0, have outputs before time `stop`."""
        return -((self.first - stop) // self.block)

    @property
    def reach(self) -> int:
        """The samples before an output that the stage may read."""
        return self.first + (self.parts + 1) * self.block + self.nfft


class Windows(NamedTuple):
    """Overlap-save over each chunk: windows of `nfft` samples with `hop` outputs each.

    `loop` is ``pairs`` where two of them share a complex transform.
    """

    nfft: int
    hop: int
    loop: str

    def dtype(self, dtype: DType) -> DType:
        """Return the dtype of transforms of samples."""
        return np.result_type(dtype, np.complex64) if self.loop == "pairs" else dtype


class Layout(NamedTuple):
    """Taps [latency, head) are summed directly or in windows, the others in stages."""

    latency: int
    taps: int
    head: int
    stages: tuple[Stage, ...]
    seconds: float
    windows: Windows | None = None

    @property
    def reach(self) -> int:
        """The samples before an output that any part of the layout may read."""
        nfft = self.windows.nfft if self.windows else 0
        own = self.latency + max(self.taps, nfft)
        return max([own, *(stage.reach for stage in self.stages)])

    @property
    def method(self) -> str:
        """What the field calls it."""
        if self.stages:
            return "partitioned"
        return "overlap-save" if self.windows else "direct"

    @property
    def first_taps(self) -> int:
        """How many taps are not in stages."""
        return max(0, self.head - self.latency)


class Size(NamedTuple):
    """What a stream convolves: kernels of so many taps, and how many of what.

    `loops` are the compiled loops over windows of a signal, none where sums of several inputs or
    NumPy's steps are needed.
    """

    taps: int
    latency: int
    inputs: int
    outputs: int
    pairs: int
    dtype: DType
    loops: tuple[str, ...] = ()


@lru_cache(maxsize=64)
def choose_layout(size: Size, chunk: int, machine: Machine, multiply_add: float) -> Layout:
    """Return the cheapest layout for chunks of so many samples.

    `multiply_add` are the seconds per direct tap and output.
    """
    costs = Costs(size, chunk, machine, multiply_add)
    return min(_candidates(costs), key=lambda layout: layout.seconds)


def _candidates(costs: Costs) -> Iterator[Layout]:
    size, end = costs.size, costs.size.latency + costs.size.taps
    yield costs.priced(end, ())
    for block in _powers(_SHORTEST, min(_LONGEST, end)):
        # What comes later than a block needs no direct sum.
        first = max(block, size.latency)
        if first < end:
            yield from _continued(costs, first if size.latency < block else 0, (), first, block)
    if size.latency < costs.chunk:
        for block in _prompt_blocks(costs.chunk, size.taps):
            yield from _continued(costs, 0, (), size.latency, block)
    for windows in costs.windows(size.taps):
        yield costs.priced(end, (), windows)
    for block in _powers(costs.chunk // 16, min(_LONGEST, size.taps - 1)):
        # As for a direct sum, and a stage of one length behind it.
        if size.latency < block:
            for windows in costs.windows(block - size.latency):
                yield costs.priced(block, (_stage(block, end, block),), windows)


def _continued(
    costs: Costs, head: int, stages: tuple[Stage, ...], first: int, block: int
) -> Iterator[Layout]:
    """Yield layouts whose next stage begins at tap `first` with blocks of `block`."""
    end = costs.size.latency + costs.size.taps
    yield costs.priced(head, (*stages, _stage(first, end, block)))
    if len(stages) == 2:
        return
    for longer in _powers(block * 2, min(_LONGEST, end)):
        # Twice its block later, a stage has a whole block of time for its work.
        parts = ceil((2 * longer - first) / block)
        after = first + parts * block
        if parts > 0 and after < end:
            stage = Stage(first, parts, block, block, _length(2 * block - 1))
            yield from _continued(costs, head, (*stages, stage), after, longer)


def _stage(first: int, end: int, block: int) -> Stage:
    """Return a stage for all taps from `first` on."""
    taps = end - first
    if taps <= 2 * block:
        return Stage(first, 1, taps, block, _length(block + taps - 1))
    return Stage(first, ceil(taps / block), block, block, _length(2 * block - 1))


def _length(least: int) -> int:
    """Return an even length that FFTs take well."""
    return 2 * regular_length(-(-least // 2))


def _powers(least: int, most: int) -> Iterator[int]:
    block = 1 << max(0, (least - 1).bit_length())
    while block <= most:
        yield block
        block *= 2


def _prompt_blocks(chunk: int, taps: int) -> Iterator[int]:
    """Yield blocks of which a chunk is a whole number, and powers of two below."""
    for share in range(1, _SHARES + 1):
        block = -(-chunk // share)
        if _SHORTEST <= block <= max(_LONGEST, 4 * taps):
            yield block
    for block in _powers(max(_SHORTEST, chunk // 64), chunk // _SHARES):
        yield block


class Costs:
    """The seconds per sample of a layout."""

    def __init__(self, size: Size, chunk: int, machine: Machine, multiply_add: float) -> None:
        self.size = size
        self.chunk = chunk
        self.multiply_add = multiply_add
        self.machine = machine
        self._blocks: dict[tuple[int, int], float] = {}

    def priced(
        self, head: int, stages: tuple[Stage, ...], windows: Windows | None = None
    ) -> Layout:
        """Return a layout with its price."""
        size = self.size
        first = max(0, head - size.latency) * size.pairs * self.multiply_add
        if windows is not None:
            first = size.pairs * self._window(windows) / self.chunk + _RUN / self.chunk
        calls = _CALL * (len(stages) + (first > 0)) / self.chunk
        seconds = first + calls + sum(self._stage(stage) for stage in stages)
        return Layout(size.latency, size.taps, head, stages, seconds, windows)

    def windows(self, taps: int) -> Iterator[Windows]:
        """Yield windows for so many taps."""
        for nfft in self.machine.fft_samples:
            most = nfft - taps + 1
            if most >= taps // 4 and nfft <= 4 * max(self.chunk, taps):
                count = ceil(self.chunk / most)
                # Pairs leave none alone.
                for loop in self.size.loops:
                    even = count + count % 2 if loop == "pairs" else count
                    yield Windows(nfft, ceil(self.chunk / even), loop)

    def _window(self, windows: Windows) -> float:
        """Return the seconds for the windows of a chunk."""
        machine, dtype, nfft = self.machine, self.size.dtype, windows.nfft
        nbytes = 2 * nfft * dtype.itemsize
        one = nbytes / 16 * machine.multiply + nbytes * machine.copy
        if windows.loop == "pairs":
            spills = 7 * nfft * dtype.itemsize > machine.cache_bytes
            pair = transform_cost(machine, (nfft,), np.dtype(np.complex64), 1)
            one += pair * (SPILLED if spills else 1) + nbytes * machine.copy
        else:
            one += 2 * transform_cost(machine, (nfft,), dtype, 1)
        count = ceil(self.chunk / windows.hop)
        if windows.loop == "pairs":
            count, one = ceil(count / 2), 2 * one
        # An odd number of long ones is not shared out evenly.
        return one * (count + (count % 2 if one > _LONG else 0))

    def _stage(self, stage: Stage) -> float:
        one = self._block(stage.nfft, stage.parts)
        count = self.chunk // stage.block
        if count % 2 and one > _LONG:
            one *= (count + 1) / count
        runs = min(1 / self.chunk, 1 / stage.block)
        seconds = one / stage.block + _RUN * runs
        if stage.is_prompt and self.chunk % stage.block:
            # A chunk that ends within a block has it transformed twice.
            seconds += one / self.chunk + _RUN * runs
        return seconds

    def _block(self, nfft: int, parts: int) -> float:
        key = nfft, parts
        known = self._blocks.get(key)
        if known is None:
            size, machine = self.size, self.machine
            transforms = (size.inputs + size.outputs) * transform_cost(machine, (nfft,), size.dtype)
            bins = nfft // 2 + 1 if size.dtype.kind == "f" else nfft
            width = size.dtype.itemsize / (4 if size.dtype.kind == "f" else 8)
            products = size.pairs * parts * bins * machine.multiply * width
            spectra = 2 * bins * parts * size.dtype.itemsize
            if spectra * size.pairs > machine.cache_bytes:
                products += size.pairs * spectra * machine.copy
            # Samples and outputs are written once more, for blocks that do not end with a chunk.
            moved = 4 * nfft * size.dtype.itemsize * machine.copy
            known = self._blocks[key] = transforms + products + moved
        return known


def direct_rate(machine: Machine, dtype: DType, *, is_compiled: bool) -> float:
    """Return the seconds per tap and output of the sum over first taps."""
    rates = machine.multiply_add if is_compiled else machine.slice_add
    return rates[dtype_key(dtype)]
