"""The numbers of systems: what coefficients may be, and their polynomials."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import numpy as np

from sigconv.convolution import convolve
from sigconv.core.dtypes import Array, as_numeric, check_objects
from sigconv.errors import IntegerOverflowError, NonFiniteError

__all__ = ["as_coefficients", "as_floats", "evaluate", "multiply", "padded_sum", "strip"]

_LARGEST = 2**63 - 1


def as_coefficients(values: Any, name: str) -> Array:
    """Return finite numbers as an array of its own: int64, float32 and wider, or Python's."""
    array = as_numeric(values, name)
    if array.dtype.kind == "O":
        finite = all(value.is_finite() for value in array.flat if isinstance(value, Decimal))
    else:
        finite = bool(np.isfinite(array).all())
    if not finite:
        raise NonFiniteError(f"{name} of a system must be finite; got {array}.")
    if array.dtype.kind in "biu":
        if array.size and int(array.max()) > _LARGEST:
            raise IntegerOverflowError(
                f"{name} must fit into int64; got {array.max()}. Pass floats, or Fractions."
            )
        array = array.astype(np.int64)
    wider = np.float32 if array.dtype == np.float16 else array.dtype
    own = np.array(array, wider)
    own.flags.writeable = False
    return own


def as_floats(values: Array) -> Array:
    """Return real or complex floating values of whatever numbers."""
    if values.dtype.kind in "fc":
        return values
    return values.astype(float)


def evaluate(coefficients: Array, w: Array) -> Array:
    """Return sum_n c[n] w^n by Horner's rule."""
    made = np.zeros(np.shape(w), np.result_type(coefficients, w))
    for value in coefficients[::-1]:
        made = made * w + value
    return made


def multiply(one: Array, other: Array) -> Array:
    """Return the product of polynomials."""
    if "O" in (one.dtype.kind, other.dtype.kind):
        one, other = one.astype(object), other.astype(object)
    return convolve(one, other)


def padded_sum(one: Array, other: Array, sign: int = 1) -> Array:
    """Return one + sign other, of arrays that both begin at index 0."""
    check_objects(one, other)
    shape = tuple(map(max, one.shape, other.shape))
    total = np.zeros(shape, np.result_type(one, other))
    if total.dtype.kind == "i" and _most(one) + _most(other) > _LARGEST:
        raise IntegerOverflowError(
            "the sum of these integers may exceed int64. Make the systems of floats, or Fractions."
        )
    total[tuple(map(slice, one.shape))] += one
    total[tuple(map(slice, other.shape))] += sign * other
    return total


def _most(values: Array) -> int:
    return max(abs(int(values.max(initial=0))), abs(int(values.min(initial=0))))


def strip(coefficients: Array) -> tuple[Array, int]:
    """Return coefficients without zeros at either end, and how many there were before them."""
    places = np.flatnonzero(coefficients)
    if not places.size:
        return coefficients[:1], 0
    return coefficients[places[0] : places[-1] + 1], int(places[0])
