"""Whether the roots of a denominator are inside the unit circle."""

from __future__ import annotations

from fractions import Fraction
from math import lcm
from typing import Any

import numpy as np

from sigconv.core.dtypes import Array

__all__ = ["is_stable"]

# The integers of the exact test double their length with each order.
_EXACT_ORDER = 12

# The coefficients of a stable polynomial are no larger than binomial ones.
_LARGEST = 2**1000


def is_stable(a: Array) -> bool:
    """Tell whether all roots z of sum_k a[k] z^-k are inside the unit circle.

    By the recursion of Schur and Cohn: the last coefficient is smaller than the first, and so on
    for the polynomial a[0] A - a[-1] A*, one order lower. It cancels next to the circle; floats
    are fractions, and up to order 12 it is exact.
    """
    if a.dtype.kind == "c":
        # The conjugate's roots have the same magnitudes, and the product is real.
        return _is_stable(_real_product(a))
    return _is_stable([_fraction(value) for value in a])


def _fraction(value: Any) -> Fraction:
    """Return what a number is exactly, of NumPy's wide floats too."""
    return Fraction(*value.as_integer_ratio())


def _real_product(a: Array) -> list[Fraction]:
    parts = [(_fraction(value.real), _fraction(value.imag)) for value in a]
    made = [Fraction(0)] * (2 * len(parts) - 1)
    for i, (re, im) in enumerate(parts):
        for k, (other_re, other_im) in enumerate(parts):
            made[i + k] += re * other_re + im * other_im
    return made


def _is_stable(a: list[Fraction]) -> bool:
    if sum(map(abs, a[1:])) < abs(a[0]):
        return True
    if len(a) - 1 > _EXACT_ORDER:
        if any(abs(value) > _LARGEST * abs(a[0]) for value in a):
            return False
        return _is_stable_by_floats(np.array([float(value / a[0]) for value in a]))
    scale = lcm(*(value.denominator for value in a))
    whole = [int(value * scale) for value in a]
    while len(whole) > 1:
        first, last = whole[0], whole[-1]
        if abs(last) >= abs(first):
            return False
        whole = [first * c - last * d for c, d in zip(whole[:-1], whole[:0:-1], strict=True)]
    return True


def _is_stable_by_floats(a: Array) -> bool:
    while a.size > 1:
        k = a[-1]
        if not abs(k) < 1:
            return False
        a = (a[:-1] - k * a[:0:-1]) / ((1 - k) * (1 + k))
    return True
