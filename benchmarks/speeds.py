"""Measure the speeds that limit a convolution: ``python -m benchmarks.speeds THREADS`` as JSON.

Every thread does the same on arrays of its own, and the fastest of a few tries counts.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from time import perf_counter
from typing import Any

import numba
import numpy as np
import pyfftw

from benchmarks.rates import FFT_LENGTH, Rates, fft_operations

_TRIES = 25

# Multiply-adds: polynomials of this degree at so many points.
_DEGREE, _POINTS, _POINTS_REPEATS = 32, 4096, 2000

# Transforms, there and back, of as many rows as have these bytes.
_FFT_BYTES, _FFT_REPEATS = 256 << 10, 200

# Bytes copied by all threads together: in the caches of the cores, in a shared one, in memory.
_COPY_BYTES = (512 << 10, 8 << 20, 64 << 20)

Work = tuple[float, Callable[[], Any]]
"""How much a call does (operations or bytes), and the call."""


def measure(threads: int) -> Rates:
    """Measure everything, a few seconds long."""
    dtypes = ("float32", "float64")
    with ThreadPoolExecutor(threads) as pool:

        def rate(make: Callable[[], Work]) -> float:
            """Return what all threads together do in a second."""
            amounts, calls = zip(*(make() for _ in range(threads)), strict=True)

            def seconds() -> float:
                begun = perf_counter()
                for running in [pool.submit(call) for call in calls]:
                    running.result()
                return perf_counter() - begun

            return float(sum(amounts) / min(seconds() for _ in range(_TRIES)))

        multiply_add = {dtype: rate(partial(_polynomials, dtype)) for dtype in dtypes}
        fft = {dtype: rate(partial(_transforms, dtype)) for dtype in dtypes}
        copy = tuple((2 * size, rate(partial(_copies, size // threads))) for size in _COPY_BYTES)
    return Rates(threads, multiply_add, fft, copy)


def _polynomials(dtype: str) -> Work:
    x = np.full(_POINTS, 0.5, dtype)
    y, c = np.empty_like(x), x.dtype.type(0.1)
    _horner(x, y, c, 1)
    return 2.0 * _DEGREE * _POINTS * _POINTS_REPEATS, partial(_horner, x, y, c, _POINTS_REPEATS)


@numba.njit(nogil=True, fastmath={"contract"})
def _horner(x: Any, y: Any, c: Any, repeats: int) -> None:
    """Do nothing but multiply-adds, in four chains that do not wait for each other."""
    quarter = x.size // 4
    for _ in range(repeats):
        for i in range(quarter):
            j, k, m = i + quarter, i + 2 * quarter, i + 3 * quarter
            p, q, r, s = x[i], x[j], x[k], x[m]
            for _ in range(_DEGREE):
                p = p * x[i] + c
                q = q * x[j] + c
                r = r * x[k] + c
                s = s * x[m] + c
            y[i], y[j], y[k], y[m] = p, q, r, s


def _transforms(dtype: str) -> Work:
    count = _FFT_BYTES // (FFT_LENGTH * np.dtype(dtype).itemsize)
    spectrum = np.result_type(dtype, np.complex64).name
    rows = pyfftw.zeros_aligned((count, FFT_LENGTH), dtype)
    bins = pyfftw.zeros_aligned((count, FFT_LENGTH // 2 + 1), spectrum)
    forward, inverse = (
        pyfftw.FFTW(source, target, direction=direction, flags=["FFTW_MEASURE"])
        for source, target, direction in (
            (rows, bins, "FFTW_FORWARD"),
            (bins, rows, "FFTW_BACKWARD"),
        )
    )
    # Planning has written to the arrays.
    rows[:] = 0.0

    def call() -> None:
        for _ in range(_FFT_REPEATS):
            forward.execute()
            inverse.execute()

    return 2 * count * _FFT_REPEATS * fft_operations(FFT_LENGTH), call


def _copies(nbytes: int) -> Work:
    source = np.ones(nbytes, np.uint8)
    target = np.ones_like(source)
    repeats = max(_COPY_BYTES) // nbytes

    def call() -> None:
        for _ in range(repeats):
            np.copyto(target, source)

    return 2.0 * nbytes * repeats, call


if __name__ == "__main__":
    print(json.dumps(measure(int(sys.argv[1]))._asdict()))
