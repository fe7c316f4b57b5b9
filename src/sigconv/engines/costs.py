"""What a block of FFTs is predicted to cost, and which problems take one."""

from __future__ import annotations

from bisect import bisect_left
from functools import cache
from math import ceil, inf, log2, prod

import numpy as np

from sigconv.core.blocks import batch_cuts
from sigconv.core.dtypes import DType
from sigconv.core.problem import Problem
from sigconv.core.shapes import odd_factors
from sigconv.engines.accuracy import LONGEST_EXACT, choose_limbs
from sigconv.engines.base import Machine, dtype_key
from sigconv.engines.compiled import loop_for
from sigconv.engines.plane_costs import whole_transform_cost
from sigconv.fft import is_native

__all__ = [
    "FEWEST_BLOCKS",
    "LONG_BLOCK",
    "SHORTEST_RUN",
    "SPILLED",
    "block_bytes",
    "block_cost",
    "group_size",
    "is_in_cache",
    "native_cost",
    "native_loops",
    "native_run",
    "part_bytes",
    "part_cost",
    "part_lengths",
    "refusal_of_fft",
    "start_cost",
    "transform_cost",
]

_PAIR = np.dtype(np.complex64)

LONG_BLOCK, FEWEST_BLOCKS = 2e-3, 4
"""Seconds of work that a block has where there are blocks enough, and how many are enough."""

SHORTEST_RUN = 8
"""How many times as long as the kernel blocks by parts of it are, where there are more than two."""

# Samples come from memory, and outputs go there, at less than half the speed of the cache.
_FAR = 5


# How much longer transforms of pairs take where what they use does not fit the cache: as measured.
SPILLED = 1.25

# The length of an axis whose transforms cost as much to call as to compute.
_SHORT_AXIS = 40


def refusal_of_fft(problem: Problem) -> str | None:
    """Say why an FFT cannot compute `problem`, or return None."""
    if problem.dtypes.compute.kind == "O":
        return "Python objects have no transform"
    if problem.is_trivial:
        return "there is nothing to transform"
    if problem.dtypes.is_integer and prod(problem.taps) > LONGEST_EXACT // 4:
        return f"{prod(problem.taps)} taps are too many for integers to round right"
    return None


def block_cost(
    problem: Problem,
    machine: Machine,
    nfft: tuple[int, ...],
    group: int = 1,
) -> float:
    """Return the seconds to load, transform, multiply, transform back and store one block.

    `group` blocks go to the FFT library in one call.
    """
    nbytes = 2 * prod(nfft) * problem.dtypes.compute.itemsize
    multiply = nbytes / 16 * machine.multiply
    move = nbytes * machine.copy
    if problem.dtypes.is_integer:
        one = transform_cost(machine, nfft, np.dtype(np.float64))
        limbs = choose_limbs(problem, nfft)
        # Digits are cut off on the way in; sums are rounded, shifted and added on the way out.
        inward = limbs.signal * (one + 2 * move)
        outward = limbs.products * (one + 2 * move)
        return inward + outward + limbs.signal * limbs.kernel * multiply
    dtype = problem.dtypes.compute
    if group == 1 and is_in_cache(problem, machine, nfft):
        one = whole_transform_cost(machine, nfft, dtype)
    else:
        one = transform_cost(machine, nfft, dtype, group)
    return 2 * one + multiply + _FAR * move


def is_in_cache(problem: Problem, machine: Machine, nfft: tuple[int, ...]) -> bool:
    """Tell whether one transform of several axes by FFTW stays in the cache.

    It takes as long as its rows and columns, then.
    """
    fits = 2 * prod(nfft) * problem.dtypes.compute.itemsize <= machine.cache_bytes
    return fits and len(nfft) > 1 and problem.dtypes.compute.char in "fdFD"


def start_cost(problem: Problem, machine: Machine, blocks: int, loop: str = "") -> float:
    """Return the seconds beside the work of so many blocks, or of one step."""
    if blocks == 1 and loop and problem.is_lone:
        # A step in compiled loops: what is done in Python beside them.
        return machine.call + machine.block / 2
    return machine.call + blocks * machine.block


def native_loops(problem: Problem) -> tuple[str, ...]:
    """Return the compiled loops that can run a problem's transforms."""
    dtype = problem.dtypes.compute
    if len(problem.axes) > 3 or problem.rtol is not None or dtype.char not in "fdFD":
        return ()
    if loop_for(dtype) != "numba" or not is_native(dtype):
        return ()
    # FFTW's real transforms of float64 are as fast as half a complex one.
    pairs = len(problem.axes) == 1 and dtype.char == "f" and is_native(_PAIR)
    return ("numba", "pairs") if pairs else ("numba",)


def native_cost(problem: Problem, machine: Machine, nfft: tuple[int, ...], loop: str) -> float:
    """Return the seconds of one window in a compiled loop, which stays in the cache."""
    dtype = problem.dtypes.compute
    move = 2 * prod(nfft) * dtype.itemsize * machine.copy
    multiply = 2 * prod(nfft) * dtype.itemsize / 16 * machine.multiply
    if loop == "pairs":
        # Each is half a complex transform.
        one = transform_cost(machine, nfft, _PAIR, 1)
        spills = block_bytes(problem, nfft, loop) > machine.cache_bytes
        return one * (SPILLED if spills else 1.0) + multiply + 2 * move
    return 2 * transform_cost(machine, nfft, dtype, 1) + multiply + move


def part_lengths(machine: Machine, taps: int) -> list[int]:
    """Return the FFT lengths worth considering for a kernel in parts."""
    longest = machine.cache_bytes // 16
    return [n for n in machine.fft_samples if n % 2 == 0 and n < taps and n <= longest]


def part_cost(problem: Problem, machine: Machine, nfft: int) -> float:
    """Return the seconds of one window where the kernel has parts of half its length."""
    dtype = problem.dtypes.compute
    nbytes = 2 * nfft * dtype.itemsize
    parts = ceil(2 * problem.taps[0] / nfft)
    move = nbytes * machine.copy
    met = parts * nbytes / 16 * machine.multiply
    # The spectra of all parts, and of as many windows, are read for each window.
    if parts * nbytes > machine.cache_bytes:
        met += parts * nbytes * machine.copy
    return 2 * transform_cost(machine, (nfft,), dtype, 1) + met + move


def part_bytes(problem: Problem, nfft: int) -> int:
    """Return the scratch of a worker for a kernel in parts: a window, and the spectra it meets."""
    parts = ceil(2 * problem.taps[0] / nfft)
    return (2 + parts) * nfft * problem.dtypes.compute.itemsize


def native_run(
    problem: Problem, count: int, seconds: float
) -> tuple[int, tuple[tuple[int, ...], ...]]:
    """Return how many of a signal's `count` windows a block has, and the cuts of the batch.

    Blocks are long, so that what Python does beside them does not count, and an even number.
    """
    total = count * prod(problem.batch)
    wanted = max(1, ceil(total * seconds / LONG_BLOCK))
    if wanted < FEWEST_BLOCKS:
        wanted = FEWEST_BLOCKS if total * seconds > LONG_BLOCK / 4 else 1
    block = ceil(total / wanted)
    if block >= count:
        return count, batch_cuts(problem, block // count)
    pieces = ceil(count / block)
    return ceil(count / (pieces + pieces % 2)), batch_cuts(problem, 1)


def block_bytes(problem: Problem, nfft: tuple[int, ...], loop: str = "") -> int:
    """Return the scratch of one block: samples, spectrum, and what integers need beside them."""
    # Pairs have complex samples, two real windows beside them, and zeros.
    arrays = 7.0 if loop == "pairs" else 2.0
    if problem.dtypes.is_integer:
        limbs = choose_limbs(problem, nfft)
        arrays += 2 + (limbs.signal if limbs.signal * limbs.kernel > 1 else 0)
    return int(arrays * prod(nfft) * problem.dtypes.compute.itemsize)


def group_size(machine: Machine, nbytes: int, windows: int) -> int:
    """Return how many windows one call transforms: as many as stay in cache, in a few calls."""
    in_cache = machine.cache_bytes // max(1, nbytes)
    shared = -(-windows // 4)
    return max(1, min(in_cache, shared, 64))


def transform_cost(machine: Machine, nfft: tuple[int, ...], dtype: DType, count: int = 0) -> float:
    """Return the seconds of one transform, one of `count` that make a call."""
    key = dtype_key(dtype)
    scalar = 1
    if key not in machine.fft:
        key, scalar = "f8", 10
    if len(nfft) == 1:
        rate = machine.wisdom.get((key, *nfft, count)) or _rate(machine, key, *nfft)
    else:
        rate = machine.fft_nd[key] * (1 + _SHORT_AXIS / min(nfft)) * _odd_penalty(nfft)
        rate *= _spilling(2 * prod(nfft) * dtype.itemsize / machine.cache_bytes)
        if any(n >= 256 and n & (n - 1) == 0 for n in nfft):
            # Rows a power of two apart share the same few lines of the cache.
            rate *= 2
    samples = prod(nfft)
    return scalar * rate * samples * max(1.0, log2(samples))


def _spilling(times: float) -> float:
    """Return how much longer several axes take where they need `times` the cache: as measured."""
    tiers = (1, 1.0), (4, 1.25), (64, 2.0), (inf, 3.0)
    return next(factor for most, factor in tiers if times <= most)


def _rate(machine: Machine, key: str, nfft: int) -> float:
    """Return the measured rate of a length, or what those of the powers of two around it tell."""
    samples, rates = machine.fft_samples, machine.fft[key]
    at = bisect_left(samples, nfft)
    if at < len(samples) and samples[at] == nfft:
        return rates[at]
    places, exponents = _powers(samples)
    between = np.interp(log2(nfft), exponents, [rates[i] for i in places])
    return float(between) * _odd_penalty((nfft,))


@cache
def _powers(samples: tuple[int, ...]) -> tuple[list[int], list[float]]:
    """Return which of `samples` are powers of two, and of which exponent."""
    places = [i for i, n in enumerate(samples) if n & (n - 1) == 0]
    return places, [log2(samples[i]) for i in places]


def _odd_penalty(nfft: tuple[int, ...]) -> float:
    """Return how much longer odd factors take: their passes do less work per load and store."""
    return 1 + 0.08 * sum(odd_factors(n) for n in nfft) / len(nfft)
