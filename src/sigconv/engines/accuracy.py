"""How far a result may lie from the exact sum: the bounds that plans print and keep.

Every bound is a factor e of |error| <= e ||x|| ||h||, with the Euclidean norms of the kernel
and of the samples that the block holds. For a product of transforms of length 2^m it follows
from the analysis of floating-point multiplication by Brent, Percival and Zimmermann, "Error
bounds on complex floating-point multiplication", Math. Comp. 76 (2007), section 5: with unit
roundoff u = eps/2 and twiddle factors good to u/sqrt(2),

    (1 + u)^3m (1 + u sqrt 5)^(3m+1) (1 + u/sqrt 2)^3m - 1  =  (5.92 m + 1.12) eps + O(eps^2),

and one more rounding for the factor 1/n in the kernel's spectrum; 8 m eps covers it for m >= 1.
Lengths with factors 3, 5 and 7 do not exceed it in any measurement.
"""

from __future__ import annotations

from collections.abc import Iterator
from math import log2, prod, sqrt
from typing import NamedTuple

import numpy as np

from sigconv.core.dtypes import DType
from sigconv.core.problem import Problem

__all__ = [
    "FFT_CONSTANT",
    "Limbs",
    "choose_limbs",
    "direct_error",
    "fft_error",
    "precisions",
]

FFT_CONSTANT = 8.0
"""The constant c of |error| <= c eps log2(n) ||x_block|| ||h||, for FFT blocks of n samples."""

_WIDER = {"e": "fdg", "f": "dg", "d": "g", "F": "DG", "D": "G"}

# Digits of five bits serve every size that an FFT block may have.
_NARROWEST = 4


def fft_error(dtype: DType, nfft: tuple[int, ...]) -> float:
    """Return the bound's factor for a product of transforms of shape `nfft`."""
    return FFT_CONSTANT * float(np.finfo(dtype).eps) * max(1.0, log2(prod(nfft)))


def direct_error(dtype: DType, taps: int) -> float:
    """Return the bound's factor for a sum of `taps` products, complex ones included."""
    # Products err by u sqrt 5 at most and sums by (K-1) u, relative to sum |h| |x|.
    return (taps + 1) * float(np.finfo(dtype).eps)


def precisions(problem: Problem) -> Iterator[Problem]:
    """Yield the problem in the dtype that it asks for, then in wider ones if `rtol` is given."""
    yield problem
    if problem.rtol is not None:
        for char in _WIDER.get(problem.dtypes.compute.char, ""):
            yield problem.computed_in(np.dtype(char))


class Limbs(NamedTuple):
    """Integers as digits of `width` bits, balanced around zero: how many for each input."""

    width: int
    signal: int
    kernel: int

    @property
    def products(self) -> int:
        """The number of powers of 2**width that products of digits have."""
        return self.signal + self.kernel - 1


def choose_limbs(problem: Problem, nfft: tuple[int, ...]) -> Limbs:
    """Return the fewest limbs with which float64 transforms give every integer exactly.

    With digits up to D_x and D_h, S samples and K taps, p pairs of digits of one power add up
    to at most p (e + eps) sqrt(S) D_x sqrt(K) D_h of error, e the factor of `fft_error` and eps
    for adding their spectra; below 1/2, the nearest integer is the exact sum.
    """
    assert problem.bits is not None
    samples, taps = problem.bits.signal, problem.bits.kernel
    eps = float(np.finfo(np.float64).eps)
    unit = (fft_error(np.dtype(np.float64), nfft) + eps) * sqrt(prod(nfft) * prod(problem.taps))
    for width in range(max(samples, taps, _NARROWEST) + 1, _NARROWEST, -1):
        limbs = Limbs(width, -(-(samples + 1) // width), -(-(taps + 1) // width))
        digits = _digit(samples, width, limbs.signal) * _digit(taps, width, limbs.kernel)
        if min(limbs.signal, limbs.kernel) * unit * digits < 0.5:
            break
    return limbs


def _digit(bits: int, width: int, count: int) -> float:
    """Return the largest magnitude of a digit: the last one takes what is left."""
    return 2.0**bits if count == 1 else 2.0 ** (width - 1) + 1
