"""Scaling of taps by a power of two in compiled loops, as `engines.spectral.ScaledTaps` says."""

from __future__ import annotations

import math
from typing import Any

import numba
import numpy as np

__all__ = ["UNSOUND", "energy_of", "scale_taps", "tap_exponent"]

UNSOUND = -(1 << 20)
"""The exponent of taps whose squares may overflow or underflow, or that are not finite."""


# Regrouping the sum lets it vectorise.
@numba.njit(nogil=True, cache=True, fastmath={"reassoc", "contract"})
def energy_of(x: Any) -> Any:
    """Return the sum of squares, in float64 where squares of float32 would overflow."""
    total = 0.0
    for i in range(x.size):
        total += np.float64(x[i].real) ** 2 + np.float64(x[i].imag) ** 2
    return total


@numba.njit(nogil=True, cache=True)
def tap_exponent(taps: Any, limits: Any) -> Any:
    """Return the exponent of taps, or UNSOUND.

    `limits` are what the exponent of the norm is raised by, the least and the most energy, and
    1/nfft in the dtype of samples.
    """
    room, least, most, _ = limits
    energy = energy_of(taps)
    if not least < energy < most:
        return UNSOUND
    return math.frexp(math.sqrt(energy))[1] + room


@numba.njit(nogil=True, cache=True)
def scale_taps(spectrum: Any, exponent: int, limits: Any) -> Any:
    """Multiply a flat spectrum by 2**-exponent/nfft; return 2**exponent in the dtype of samples."""
    powers = np.full(2, limits[3])
    powers[0] = math.ldexp(1.0, -exponent)
    powers[1] = math.ldexp(1.0, exponent)
    factor = limits[3] * powers[0]
    for i in range(spectrum.size):
        spectrum[i] *= factor
    return powers[1]
