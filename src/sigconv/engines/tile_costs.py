"""The shapes of tiles that are worth considering, and what one of them is predicted to cost."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product
from math import ceil, log2, prod

import numpy as np

from sigconv.core.dtypes import DType
from sigconv.core.problem import Axis, Problem
from sigconv.engines.base import Machine
from sigconv.engines.plane_costs import bins_of, column_width, keys_of, rate_of

__all__ = ["tile_bytes", "tile_cost", "tile_shapes"]

# Tiles along an axis at most, and how many lengths of an axis are considered.
_MOST_TILES, _CHOICES = 64, 4

# Samples and spectra of the planes that are transformed at once.
_PLANES_BYTES = 1 << 18

# What lies between the steps is copied in pieces of a row, and samples are too.
_PIECES, _SAMPLES = 4.8, 3.0


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
    samples, bins = prod(nfft), nfft[0] * bins_of(nfft, dtype)
    work = samples * log2(nfft[-1]) * rate_of(machine, machine.fft_rows[key], nfft[-1])
    for n in nfft[:-1]:
        work += bins * log2(n) * rate_of(machine, machine.fft_columns[half], n)
    multiply = bins * machine.multiply * (2 if half == "c16" else 1)
    moved = _PIECES * _half_bytes(nfft, dtype) + _SAMPLES * samples * dtype.itemsize
    return 2 * work + multiply + moved * machine.copy


def tile_bytes(problem: Problem, nfft: tuple[int, ...]) -> int:
    """Return the scratch of one tile: samples, half spectra, a plane and columns."""
    dtype = problem.dtypes.compute
    half = _half_bytes(nfft, dtype)
    spectrum = np.result_type(dtype, np.complex64)
    columns = nfft[0] * column_width(nfft[0], 1 << 20, spectrum) * spectrum.itemsize
    # Groups of columns are filled up; a few planes are transformed at once, and back.
    return half * 5 // 4 + columns + 3 * max(half // nfft[0], _PLANES_BYTES)


def _half_bytes(nfft: tuple[int, ...], dtype: DType) -> int:
    return nfft[0] * bins_of(nfft, dtype) * dtype.itemsize * (2 if dtype.kind == "f" else 1)
