"""How far a result may lie from the exact sum: the bounds that plans print and keep.

Every bound is a factor e of |error| <= e ||x|| ||h||, with the Euclidean norms of the kernel
and of the samples that the block holds. It leaves out underflow, as it leaves out overflow.

For transforms of length n = 2^a 3^b 5^c 7^d, let u = eps/2. A complex product errs by u sqrt 5
(Brent, Percival and Zimmermann, "Error bounds on complex floating-point multiplication", Math.
Comp. 76, 2007), a root of unity by u: together 3.24 u. A pass of radix r makes r sums of r such
products, and one more product each. In the Euclidean norm it errs by (sqrt(r) (r + 2.24) + 3.24)
u, which for 2, 3, 5 and 7 is less than 10 u log2(r); each output by (r + 5.48) u times the sum
of magnitudes behind it, less than 7.5 u log2(r). So the spectra X and H err by 10 u log2(n) in
norm, and the inverse adds 7.5 u log2(n) sum |X_k H_k| / n <= 7.5 u log2(n) ||x|| ||h||. With the
product of the spectra and the factor 1/n that is (27.5 log2(n) + 4.3) u, below 15 eps log2(n)
for n >= 4. A real transform is one of half the length and one pass more.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache
from math import log2, prod, sqrt
from typing import NamedTuple

import numpy as np

from sigconv.core.dtypes import DType
from sigconv.core.problem import Problem
from sigconv.core.structure import Structure
from sigconv.errors import MethodError

__all__ = [
    "FFT_CONSTANT",
    "LONGEST_EXACT",
    "LOUDER",
    "Limbs",
    "choose_limbs",
    "direct_error",
    "fft_error",
    "keeps_rtol",
    "precisions",
    "separable_error",
    "tap_by_tap",
]

FFT_CONSTANT = 15.0
"""The constant c of |error| <= c eps log2(n) ||x_block|| ||h||, for FFT blocks of n samples."""

_WIDER = {"e": "fdg", "f": "dg", "d": "g", "F": "DG", "D": "G"}

LOUDER = 16.0
"""How much more energy one block may have than another that shares its transform."""

LONGEST_EXACT = 1 << 31
"""Samples of a block for which digits of four bits are small enough, whatever the integers."""

_NARROWEST = 3


def fft_error(dtype: DType, nfft: tuple[int, ...]) -> float:
    """Return the bound's factor for a product of transforms of shape `nfft`."""
    return FFT_CONSTANT * float(np.finfo(dtype).eps) * max(2.0, log2(prod(nfft)))


def direct_error(dtype: DType, taps: int) -> float:
    """Return the bound's factor for a sum of `taps` products, complex ones included."""
    # Products err by u sqrt 5 at most and sums by (K-1) u, relative to sum |h| |x|.
    return (taps + 1) * float(np.finfo(dtype).eps)


def separable_error(dtype: DType, taps: tuple[int, ...], structure: Structure) -> float:
    """Return the bound's factor for passes along each axis, summed over the products of a kernel.

    Rounded factors of K taps and their sums err by (K+2) eps at most, relative to the magnitudes
    that meet. Several products are orthogonal, so that their norms add up to sqrt(r) ||h||.
    """
    steps = sum(k + 2 for k in taps) + structure.terms - 1
    return sqrt(structure.terms) * steps * float(np.finfo(dtype).eps) + structure.error


def precisions(problem: Problem) -> Iterator[Problem]:
    """Yield the problem in the dtype that it asks for, then in wider ones if `rtol` is given."""
    yield problem
    if problem.rtol is not None:
        for char in _WIDER.get(problem.dtypes.compute.char, ""):
            yield problem.computed_in(np.dtype(char))


def keeps_rtol(problem: Problem, error: float) -> bool:
    """Tell whether an engine's error, and rounding to the dtype of the result, fit in `rtol`."""
    if problem.rtol is None:
        return True
    compute, result = problem.dtypes
    rounding = float(np.finfo(result).eps) / 2 if compute != result else 0.0
    return error + rounding <= problem.rtol


def tap_by_tap(problem: Problem) -> Problem | None:
    """Return the problem in the narrowest dtype in which a direct sum keeps `rtol`, if any."""
    taps = prod(problem.taps)
    able = (p for p in precisions(problem) if keeps_rtol(p, direct_error(p.dtypes.compute, taps)))
    return next(able, None)


class Limbs(NamedTuple):
    """Integers as digits of `width` bits, balanced around zero: how many for each input."""

    width: int
    signal: int
    kernel: int

    @property
    def products(self) -> int:
        """The number of powers of 2**width that products of digits have."""
        return self.signal + self.kernel - 1

    @property
    def transforms(self) -> int:
        """The number of transforms per block, forward and back."""
        return self.signal + self.products


def choose_limbs(problem: Problem, nfft: tuple[int, ...]) -> Limbs:
    """Return the fewest limbs with which float64 transforms give every integer exactly.

    With digits up to D_x and D_h, S samples and K taps, p pairs of digits of one power add up
    to at most p (e + p u) sqrt(S) D_x sqrt(K) D_h of error, e the factor of `fft_error` and p u
    for adding their spectra; below 1/2, the nearest integer is the exact sum.
    """
    assert problem.bits is not None
    size, taps = prod(nfft), prod(problem.taps)
    if size > LONGEST_EXACT:
        raise MethodError(
            f"integers are exact through an FFT up to {LONGEST_EXACT} samples a block; got {nfft}. "
            "Use method='direct', or dtype=float."
        )
    return _fewest_limbs(problem.bits.signal, problem.bits.kernel, size, taps)


@lru_cache(maxsize=4096)
def _fewest_limbs(sample_bits: int, tap_bits: int, size: int, taps: int) -> Limbs:
    error, roundoff = fft_error(np.dtype(np.float64), (size,)), 2.0**-53
    able = []
    for width in range(max(sample_bits, tap_bits, _NARROWEST) + 1, _NARROWEST, -1):
        split = -(-(sample_bits + 1) // width), -(-(tap_bits + 1) // width)
        # One of the two may stay whole, however wide it is.
        for limbs in (Limbs(width, 1, split[1]), Limbs(width, split[0], 1), Limbs(width, *split)):
            x, h = _digit(sample_bits, width, limbs.signal), _digit(tap_bits, width, limbs.kernel)
            pairs = min(limbs.signal, limbs.kernel)
            if pairs * (error + pairs * roundoff) * sqrt(size * taps) * x * h < 0.5:
                able.append(limbs)
    return min(able, key=lambda limbs: limbs.transforms)


def _digit(bits: int, width: int, count: int) -> float:
    """Return the largest magnitude of a digit: the last one takes what is left."""
    return 2.0**bits if count == 1 else 2.0 ** (width - 1) + 1
