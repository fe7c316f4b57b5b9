"""What a block of FFTs is predicted to cost, and which problems take one."""

from __future__ import annotations

from math import log2, prod

import numpy as np

from sigconv.core.dtypes import DType
from sigconv.core.problem import Problem
from sigconv.core.shapes import odd_factors
from sigconv.engines.accuracy import LONGEST_EXACT, choose_limbs
from sigconv.engines.base import Machine, dtype_key

__all__ = ["block_bytes", "block_cost", "group_size", "refusal_of_fft"]

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


def block_cost(problem: Problem, machine: Machine, nfft: tuple[int, ...]) -> float:
    """Return the seconds to load, transform, multiply, transform back and store one block."""
    nbytes = 2 * prod(nfft) * problem.dtypes.compute.itemsize
    multiply = nbytes / 16 * machine.multiply
    move = nbytes * machine.copy
    if problem.dtypes.is_integer:
        one = _transform_cost(machine, nfft, np.dtype(np.float64))
        limbs = choose_limbs(problem, nfft)
        # Digits are cut off on the way in; sums are rounded, shifted and added on the way out.
        inward = limbs.signal * (one + 2 * move)
        outward = limbs.products * (one + 2 * move)
        return inward + outward + limbs.signal * limbs.kernel * multiply
    transforms = 2 * _transform_cost(machine, nfft, problem.dtypes.compute)
    return transforms + multiply + 2 * move


def block_bytes(problem: Problem, nfft: tuple[int, ...]) -> int:
    """Return the scratch of one block: samples, spectrum, and what integers need beside them."""
    arrays = 2.0
    if problem.dtypes.is_integer:
        limbs = choose_limbs(problem, nfft)
        arrays += 2 + (limbs.signal if limbs.signal * limbs.kernel > 1 else 0)
    return int(arrays * prod(nfft) * problem.dtypes.compute.itemsize)


def group_size(machine: Machine, nbytes: int, windows: int) -> int:
    """Return how many windows one call transforms: as many as stay in cache, in a few calls."""
    in_cache = machine.cache_bytes // max(1, nbytes)
    shared = -(-windows // 4)
    return max(1, min(in_cache, shared, 64))


def _transform_cost(machine: Machine, nfft: tuple[int, ...], dtype: DType) -> float:
    key = dtype_key(dtype)
    known = key in machine.fft_nd
    samples = prod(nfft)
    if len(nfft) == 1:
        rates = machine.fft[key if known else "f8"]
        rate = float(np.interp(log2(samples), [log2(n) for n in machine.fft_samples], rates))
    else:
        rate = machine.fft_nd[key if known else "f8"] * (1 + _SHORT_AXIS / min(nfft))
        if any(n >= 256 and n & (n - 1) == 0 for n in nfft):
            # Rows a power of two apart share the same few lines of the cache.
            rate *= 2
    # Passes of odd radix do less work per load and store.
    odd = sum(odd_factors(n) for n in nfft) / len(nfft)
    scalar = 1 if known else 10
    return scalar * (1 + 0.08 * odd) * rate * samples * max(1.0, log2(samples))
