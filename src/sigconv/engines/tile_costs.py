"""The shapes of tiles that are worth considering, and what one of them is predicted to cost."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product
from math import ceil, log2, prod

from sigconv.core.dtypes import DType
from sigconv.core.problem import Axis, Problem
from sigconv.engines.base import Machine
from sigconv.engines.plane_costs import column_width, keys_of, rate_of

__all__ = ["tile_bytes", "tile_cost", "tile_shapes"]

# Tiles along an axis at most, and how many lengths of an axis are considered.
_MOST_TILES, _CHOICES = 64, 4

# What lies between the steps is copied in pieces of a row, which takes so many times as long as
# copying it: within the second-level cache, and beyond.
_NEAR, _FAR = 1.5, 2.0


def tile_shapes(problem: Problem, machine: Machine) -> Iterator[tuple[int, ...]]:
    """Yield FFT lengths for tiles: for each axis those that make the least work by themselves."""
    last = len(problem.axes) - 1
    choices = [
        _lengths(axis, problem.dtypes.compute, machine, is_last=i == last)
        for i, axis in enumerate(problem.axes)
    ]
    yield from product(*choices)


def _lengths(axis: Axis, dtype: DType, machine: Machine, *, is_last: bool) -> list[int]:
    tail = axis.taps - 1
    ranked: dict[int, float] = {}
    key, half = keys_of(dtype)
    rates = machine.fft_rows[key] if is_last else machine.fft_columns[half]
    for n in machine.axis_lengths:
        hop = n - tail
        count = ceil(axis.length / hop) if hop > 0 else _MOST_TILES + 1
        if count > _MOST_TILES:
            continue
        # What other axes cost is that of an axis of middle length.
        ranked[n] = count * n * (log2(n) * rate_of(machine, rates, n) + 7 * min(rates))
        if count == 1:
            break
    return sorted(ranked, key=ranked.__getitem__)[:_CHOICES]


def tile_cost(problem: Problem, machine: Machine, nfft: tuple[int, ...]) -> float:
    """Return the seconds of one tile."""
    dtype = problem.dtypes.compute
    key, half = keys_of(dtype)
    samples, bins = prod(nfft), _bins(nfft, dtype)
    work = samples * log2(nfft[-1]) * rate_of(machine, machine.fft_rows[key], nfft[-1])
    for n in nfft[:-1]:
        work += bins * log2(n) * rate_of(machine, machine.fft_columns[half], n)
    nbytes = tile_bytes(problem, nfft)
    times = _NEAR if nbytes <= machine.cache_bytes else _FAR
    multiply = bins * machine.multiply * (2 if half == "c16" else 1)
    moved = 4 * _half_bytes(nfft, dtype) * times + 4 * samples * dtype.itemsize
    return 2 * work + multiply + moved * machine.copy


def tile_bytes(problem: Problem, nfft: tuple[int, ...]) -> int:
    """Return the scratch of one tile: samples, half spectra, a plane and columns."""
    dtype = problem.dtypes.compute
    half = _half_bytes(nfft, dtype)
    columns = 2 * nfft[0] * column_width(nfft[0], 1 << 20, dtype) * dtype.itemsize
    return prod(nfft) * dtype.itemsize + half + 2 * half // nfft[0] + columns


def _bins(nfft: tuple[int, ...], dtype: DType) -> int:
    return prod(nfft[:-1]) * (nfft[-1] // 2 + 1 if dtype.kind == "f" else nfft[-1])


def _half_bytes(nfft: tuple[int, ...], dtype: DType) -> int:
    return _bins(nfft, dtype) * dtype.itemsize * (2 if dtype.kind == "f" else 1)
