"""Sums of exact variables: products of integer polynomials by one product of long integers."""

from __future__ import annotations

from fractions import Fraction
from math import lcm

import numpy as np

from sigconv.core.dtypes import Array
from sigconv.errors import BudgetError

__all__ = ["exact_power", "exact_sum"]

# Python multiplies integers of this length in half a minute.
_MAX_BYTES = 1 << 23


def exact_sum(first: Array, second: Array) -> Array:
    """Return the convolution of two arrays of nonnegative Fractions."""
    (a, below), (b, above) = _integers(first), _integers(second)
    size = first.size + second.size - 1
    width = _width(sum(a) * sum(b), size)
    product = _packed(a, width) * _packed(b, width)
    return _fractions(product, width, size, below * above)


def exact_power(p: Array, count: int) -> Array:
    """Return the convolution of `count` copies of an array of nonnegative Fractions."""
    weights, below = _integers(p)
    size = count * (p.size - 1) + 1
    width = _width(sum(weights) ** count, size)
    product = _packed(weights, width) ** count
    return _fractions(product, width, size, below**count)


def _integers(p: Array) -> tuple[list[int], int]:
    """Return integer weights and what they are divided by."""
    below = lcm(*(f.denominator for f in p))
    return [f.numerator * (below // f.denominator) for f in p], below


# Kronecker's substitution: the polynomial sum a_k x^k at x = 256^width, which is larger than every
# coefficient of the product, so that those are read off its digits.
def _width(largest: int, size: int) -> int:
    width = largest.bit_length() // 8 + 1
    if width * size > _MAX_BYTES:
        raise BudgetError(
            f"exact probabilities may take 8 MiB; these would take {width * size} bytes. Use "
            "float64, which has small relative errors in the tails too."
        )
    return width


def _packed(weights: list[int], width: int) -> int:
    return int.from_bytes(b"".join(w.to_bytes(width, "little") for w in weights), "little")


def _fractions(product: int, width: int, size: int, below: int) -> Array:
    digits = product.to_bytes(width * size, "little")
    found = np.empty(size, object)
    for k in range(size):
        found[k] = Fraction(int.from_bytes(digits[k * width : (k + 1) * width], "little"), below)
    return found
