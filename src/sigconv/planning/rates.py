"""Measuring transforms, in the groups and shapes in which the engines use them.

Every figure is the best of a few tries: whatever else the computer does only adds to a time.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from math import inf, log2
from statistics import median
from time import perf_counter
from typing import Any

import numpy as np

from sigconv.engines import Machine
from sigconv.engines.base import dtype_key
from sigconv.engines.costs import group_size, transform_cost
from sigconv.engines.plane_costs import column_width
from sigconv.fft import ColumnSpec, TransformSpec, current_backend, is_native
from sigconv.fft.backend import make_transform

__all__ = [
    "AXIS_LENGTHS",
    "DTYPES",
    "LENGTHS",
    "Progress",
    "best_seconds",
    "measure_columns",
    "measure_rows",
    "measure_spec",
    "measure_transforms",
    "measure_transforms_nd",
    "silent",
]

Progress = Callable[[str], None]
"""Is told what is measured next."""


def silent(what: str) -> None:
    """Tell nobody."""
    del what


DTYPES = ("f4", "f8", "c8", "c16")

LENGTHS = (*sorted(f << e for e in range(8, 20) for f in (4, 5, 6)), 1 << 22)
"""Powers of two from 1024 on, and 5/4 and 3/2 of them, which FFTs take nearly as well."""

AXIS_LENGTHS = (
    *(
        4,
        6,
        8,
        10,
        12,
        14,
        16,
        18,
        20,
        24,
        28,
        30,
        32,
        36,
        40,
        48,
        56,
        60,
        64,
        72,
        80,
        96,
        112,
        120,
    ),
    *(128, 144, 160, 192, 224, 240, 256, 288, 320, 384, 448, 480, 512, 576, 640, 768, 896, 960),
    *(1024, 1152, 1280, 1536, 1792, 1920, 2048, 2304, 2560, 3072, 3584, 4096),
)
"""Lengths of one axis of several."""

# Blocks of 2-D and 3-D overlap methods, and samples of the rows that are transformed at once.
_BLOCKS = ((96, 96), (160, 160), (192, 192), (48, 48, 48), (80, 80, 80))
_ROWS = 1 << 14


def best_seconds(call: Callable[[], Any], seconds: float) -> float:
    """Return the shortest time of a call, tried again and again for so many seconds.

    A long call is made once, others three times at least.
    """
    best, spent, tries = inf, 0.0, 0
    while True:
        begun = perf_counter()
        call()
        took = perf_counter() - begun
        best, spent, tries = min(best, took), spent + took, tries + 1
        if spent > seconds and (tries >= 3 or took > 10 * seconds):
            return best


def measure_transforms(
    machine: Machine, seconds: float, progress: Progress
) -> dict[str, tuple[float, ...]]:
    """Return the rates of transforms along one axis, by dtype and for each of `LENGTHS`."""
    rates = {}
    for key in DTYPES:
        dtype = np.dtype(key)
        progress(f"transforms along one axis, {dtype}")
        rates[key] = tuple(
            measure_spec(TransformSpec(_group(machine, n, dtype.itemsize), (n,), dtype), seconds)
            for n in LENGTHS
        )
    return rates


def measure_spec(spec: TransformSpec, seconds: float) -> float:
    """Return the rate of one transform along one axis, the mean of both directions."""
    (n,) = spec.nfft
    return _measure(spec, seconds) / (spec.count * n * log2(n))


def measure_transforms_nd(machine: Machine, seconds: float, progress: Progress) -> dict[str, float]:
    """Return the rates of blocks of two and three axes, as the cost model counts them."""
    progress("transforms along two and three axes")
    unit = replace(machine, fft_nd=dict.fromkeys(DTYPES, 1.0))
    rates = {}
    for key in DTYPES:
        dtype = np.dtype(key)
        found = []
        for nfft in _BLOCKS:
            count = _group(machine, int(np.prod(nfft)), dtype.itemsize)
            one = _measure(TransformSpec(count, nfft, dtype), seconds) / count
            found.append(one / transform_cost(unit, nfft, dtype))
        rates[key] = median(found)
    return rates


def measure_columns(seconds: float, progress: Progress) -> dict[str, tuple[float, ...]]:
    """Return the rates of columns in place, by dtype and for each of `AXIS_LENGTHS`."""
    progress("transforms of columns")
    rates = {}
    for dtype in (np.dtype("c8"), np.dtype("c16")):
        found = []
        for n in AXIS_LENGTHS:
            width = column_width(n, n * n, dtype)
            spec = ColumnSpec(n, width, dtype, is_native=is_native(dtype))
            found.append(_measure(spec, seconds) / (n * width * log2(n)))
        rates[dtype_key(dtype)] = tuple(found)
    return rates


def measure_rows(seconds: float, progress: Progress) -> dict[str, tuple[float, ...]]:
    """Return the rates of rows of arrays, by dtype and for each of `AXIS_LENGTHS`."""
    progress("transforms of rows")
    rates = {}
    for key in DTYPES:
        specs = [TransformSpec(max(1, _ROWS // n), (n,), np.dtype(key)) for n in AXIS_LENGTHS]
        rates[key] = tuple(measure_spec(spec, seconds) for spec in specs)
    return rates


def _group(machine: Machine, samples: int, itemsize: int) -> int:
    """Return how many transforms the engines make at once for a long signal."""
    return group_size(machine, 2 * samples * itemsize, 1 << 20)


def _measure(spec: Any, seconds: float) -> float:
    """Return the seconds of a call, the mean of both directions."""
    work = make_transform(spec, current_backend())
    arrays = (work.columns,) if isinstance(spec, ColumnSpec) else (work.samples, work.spectrum)
    for array in arrays:
        # Zeros stay zeros, however often they are transformed.
        array[...] = 0
    return (best_seconds(work.forward, seconds) + best_seconds(work.inverse, seconds)) / 2
