"""The speeds that limit every convolution on a machine."""

from __future__ import annotations

import json
import subprocess
import sys
from math import log2
from typing import NamedTuple

from sigconv.core.units import format_bytes

__all__ = ["FFT_LENGTH", "Rates", "fft_operations", "measure_rates"]

FFT_LENGTH = 8192
"""Transforms of this length, and a few of them together, stay in a core's cache."""


class Rates(NamedTuple):
    """What all threads together do in a second.

    Operations by dtype; bytes read and written by how many there are, as pairs of bytes and rate.
    """

    threads: int
    multiply_add: dict[str, float]
    fft: dict[str, float]
    copy: tuple[tuple[int, float], ...]

    def traffic(self, nbytes: int) -> float:
        """Return the bytes a second where so many are read and written."""
        fitting = [rate for size, rate in self.copy if size <= nbytes]
        return fitting[-1] if fitting else self.copy[0][1]

    def __str__(self) -> str:
        multiply_add, fft = (
            " and ".join(f"{rate / 1e9:.0f} ({dtype})" for dtype, rate in rates.items())
            for rates in (self.multiply_add, self.fft)
        )
        copy = ", ".join(f"{rate / 1e9:.0f} ({format_bytes(size)})" for size, rate in self.copy)
        return (
            f"{self.threads} threads together: {multiply_add} GFLOP/s of multiply-adds, "
            f"{fft} GFLOP/s in FFTs of {FFT_LENGTH}, {copy} GB/s read and written in copying"
        )


def fft_operations(samples: float) -> float:
    """Operations of one real transform by the usual count, 2.5 n log2(n)."""
    return 2.5 * samples * log2(samples) if samples > 1 else 0.0


def measure_rates(threads: int) -> Rates:
    """Measure the rates, in a process of their own.

    FFTW keeps what it learns while it times its algorithms: here sigconv would find it.
    """
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.speeds", str(threads)],
        check=True,
        capture_output=True,
        text=True,
    )
    found = json.loads(done.stdout)
    return Rates(**{**found, "copy": tuple(map(tuple, found["copy"]))})
