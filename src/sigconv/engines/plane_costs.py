"""What a transform plane by plane is predicted to cost, and the lengths of its axes."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence
from math import log2, prod

import numpy as np

from sigconv.core.blocks import input_range
from sigconv.core.dtypes import DType
from sigconv.core.problem import Problem
from sigconv.engines.base import Machine, dtype_key
from sigconv.engines.plan import Cost
from sigconv.fft import padded

__all__ = [
    "bins_of",
    "cheapest_length",
    "cheapest_lengths",
    "column_width",
    "has_whole_lines",
    "keys_of",
    "native_plane_cost",
    "plane_cost",
    "rate_of",
    "whole_transform_cost",
]

# The bytes of a row of columns that are transformed at once: an odd number of the cache's lines.
_ROW_BYTES = 960

# What lies between the steps is written and read in pieces of a row, which takes so many times as
# long as copying it: where it is many times as large as the second-level cache, and elsewhere.
_FAR, _NEAR, _MANY = 6, 2, 16

# The bytes that columns take at most.
_COLUMN_BYTES = 1 << 20

# How few columns are transformed one by one, and the log2 of an axis of middle length.
_NARROW, _MIDDLE = 4, 7.0

# Half the multiples of eighths between powers of two, which FFTs take well.
_EIGHTHS = (8, 9, 10, 12, 14, 15)

# Other dtypes, which FFTW does not transform, take so many times as long.
_OTHERS = 10


def cheapest_length(size: int, dtype: DType, machine: Machine, ndim: int, *, is_last: bool) -> int:
    """Return the length of at least `size`, of one of `ndim` axes, that makes the least work.

    A longer axis makes more of the transforms along the others.
    """
    lengths = machine.axis_lengths
    able = [n for n in lengths if size <= n <= 2 * size]
    if not able or size > lengths[-1]:
        power = 1 << max(size - 1, 0).bit_length() >> 1 or 1
        eighths = [power * 2, *(power * eighths // 8 for eighths in _EIGHTHS)]
        able = [n for n in eighths if n >= size]
    middle = bisect_left(lengths, 1 << int(_MIDDLE))
    key, half = keys_of(dtype)
    # A real axis has twice as many samples as columns across it.
    columns = machine.fft_columns[half][min(middle, len(lengths) - 1)] * _MIDDLE * (ndim - 1)
    if is_last:
        rows = machine.fft_rows[key]
        share = 0.5 if dtype.kind == "f" else 1.0
        return min(
            able, key=lambda n: n * (log2(n or 1) * rate_of(machine, rows, n) + share * columns)
        )
    own = machine.fft_columns[half]
    return min(able, key=lambda n: n * (log2(n or 1) * rate_of(machine, own, n) + columns))


def cheapest_lengths(sizes: Sequence[int], dtype: DType, machine: Machine) -> tuple[int, ...]:
    """Return the lengths of all axes, of at least `sizes`."""
    ndim = len(sizes)
    return tuple(
        cheapest_length(n, dtype, machine, ndim, is_last=axis == ndim - 1)
        for axis, n in enumerate(sizes)
    )


def column_width(nfft: int, columns: int, dtype: DType) -> int:
    """Return how many of so many columns are transformed at once: as many as stay in the cache."""
    line = padded(1, dtype)
    most = max(1, _COLUMN_BYTES // (nfft * dtype.itemsize))
    if most < line:
        return most
    return padded(min(columns, _ROW_BYTES // dtype.itemsize, most - line), dtype)


def has_whole_lines(nfft: tuple[int, ...], dtype: DType) -> bool:
    """Tell whether columns fill lines of the cache, so that all begin alike in memory."""
    half = np.result_type(dtype, np.complex64)
    return column_width(nfft[0], bins_of(nfft, dtype), half) % padded(1, half) == 0


def whole_transform_cost(machine: Machine, nfft: tuple[int, ...], dtype: DType) -> float:
    """Return the seconds of one transform of several axes that stays in the cache."""
    key, half = keys_of(dtype)
    columns = sum(log2(n or 1) * rate_of(machine, machine.fft_columns[half], n) for n in nfft[:-1])
    rows = log2(nfft[-1] or 1) * rate_of(machine, machine.fft_rows[key], nfft[-1])
    return prod(nfft) * rows + nfft[0] * bins_of(nfft, dtype) * columns


def plane_cost(problem: Problem, machine: Machine, nfft: tuple[int, ...]) -> Cost:
    """Return what a transform plane by plane costs, for every array of the batch."""
    dtype = problem.dtypes.compute
    cost = native_plane_cost(problem, machine, nfft)
    half = np.result_type(dtype, np.complex64)
    bins = bins_of(nfft, dtype)
    groups = -(-bins // column_width(nfft[0], bins, half))
    calls = 6 * machine.block + (groups + prod(nfft) / (1 << 14)) * machine.call
    sizes = [b - a for a, b in map(input_range, problem.axes)]
    rows = max(sizes[0], problem.lengths[0]) + problem.taps[0] * prod(problem.kernel_batch)
    # Columns of samples, of the kernel, and what lies between scipy.fft's passes.
    nbytes = (rows * bins + 3 * nfft[0] * column_width(nfft[0], bins, half)) * half.itemsize
    return Cost(cost.seconds + prod(problem.batch) * calls, nbytes)


def native_plane_cost(problem: Problem, machine: Machine, nfft: tuple[int, ...]) -> Cost:
    """Return what the same costs in compiled loops, which lose no time between transforms."""
    dtype = problem.dtypes.compute
    key, half_key = keys_of(dtype)
    scalar = 1 if key == dtype_key(dtype) else _OTHERS
    half = np.result_type(dtype, np.complex64)
    sizes = [b - a for a, b in map(input_range, problem.axes)]
    rates = machine.fft_columns[half_key]
    last = nfft[-1] * log2(nfft[-1] or 1) * rate_of(machine, machine.fft_rows[key], nfft[-1])
    bins = bins_of(nfft, dtype)
    across = sum(log2(n or 1) * rate_of(machine, rates, n) for n in nfft[1:-1]) * bins
    planes = 0.0
    for lengths in (sizes, problem.lengths, problem.taps):
        planes += lengths[0] * (prod(lengths[1:-1]) * last + across)
    width = column_width(nfft[0], bins, half)
    columns = -(-bins // width) * width
    along = nfft[0] * log2(nfft[0] or 1) * rate_of(machine, rates, nfft[0])
    each = nfft[0] * half.itemsize * (machine.multiply / 8 + 2 * machine.copy)
    one = scalar * (planes + columns * (3 * along + each))
    between = nfft[0] * columns * half.itemsize
    times = _FAR if between > _MANY * machine.cache_bytes else _NEAR
    samples = (prod(sizes) + prod(problem.lengths)) * dtype.itemsize
    one += times * (2 * between + samples) * machine.copy
    start = machine.call + (0.5 if problem.is_lone else 4) * machine.block
    seconds = start + prod(problem.batch) * one
    rows = nfft[0] + problem.taps[0] * prod(problem.kernel_batch)
    return Cost(seconds, (rows * columns + 2 * nfft[0] * width) * half.itemsize)


def bins_of(nfft: tuple[int, ...], dtype: DType) -> int:
    """Return the number of columns along the first axis."""
    return prod(nfft[1:-1]) * (nfft[-1] // 2 + 1 if dtype.kind == "f" else nfft[-1])


def keys_of(dtype: DType) -> tuple[str, str]:
    """Return the keys of samples and of their spectra in a machine's tables."""
    if dtype_key(dtype) in ("f4", "c8"):
        return dtype_key(dtype), "c8"
    return "c16" if dtype.kind == "c" else "f8", "c16"


def rate_of(machine: Machine, rates: tuple[float, ...], n: int) -> float:
    """Return the measured rate of a length, or that of the next longer one."""
    return rates[min(bisect_left(machine.axis_lengths, n), len(rates) - 1)]
