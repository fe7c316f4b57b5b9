"""Rows of probabilities, weights and logarithms, checked."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from fractions import Fraction

import numpy as np
import numpy.typing as npt

from sigconv.core.dtypes import Array, as_numeric
from sigconv.errors import DTypeError, NonFiniteError, OptionError, ShapeError
from sigconv.probability.sums import check_size

__all__ = ["Row", "as_fractions", "is_whole", "nonnegative_row", "row", "trimmed"]

Row = npt.ArrayLike | Sequence[Fraction]


def row(values: Row, name: str) -> Array:
    """Return values as a row of real numbers."""
    if isinstance(values, Mapping):
        raise DTypeError(f"{name} are a row of numbers. Use PMF.from_values for a dictionary.")
    array = as_numeric(values, name)
    if array.ndim != 1 or not array.size:
        raise ShapeError(f"{name} must be a row of at least one number; got shape {array.shape}.")
    check_size(array.size)
    if array.dtype.kind == "c":
        raise DTypeError(f"{name} must be real; got dtype {array.dtype}.")
    return array


def nonnegative_row(values: Row, name: str) -> Array:
    """Return a row of finite numbers >= 0: float64, or Fractions where they are given so."""
    array = row(values, name)
    if array.dtype.kind == "O":
        array = as_fractions(array)
    else:
        array = array.astype(float)
        if not np.isfinite(array).all():
            raise NonFiniteError(f"{name} must be finite; got {values!r}.")
    if (array < 0).any():
        raise OptionError(f"{name} must not be negative; got {min(array)}.")
    return array


def is_whole(values: Row) -> bool:
    """Tell whether all are exact: int or Fraction."""
    array = as_numeric(values, "weights")
    kinds = (int, Fraction, np.integer)
    return array.dtype.kind in "biu" or (
        array.dtype.kind == "O" and all(isinstance(x, kinds) for x in array.flat)
    )


def as_fractions(values: Row) -> Array:
    """Return integers and Fractions as Fractions, or say that there are others."""
    array = as_numeric(values, "weights")
    if not is_whole(array):
        raise DTypeError(
            f"exact probabilities are int or Fraction; got {values!r}. Convert them: Fraction(x) "
            "is the value of a float x, Fraction('0.1') a tenth."
        )
    found = np.empty(array.size, object)
    found[:] = [Fraction(x) for x in array.tolist()]
    return found.reshape(array.shape)


def trimmed(array: Array, inside: Array) -> tuple[int, Array]:
    """Return an array without its ends that are not `inside`, and how many came before."""
    places = np.flatnonzero(inside)
    first = int(places[0])
    return first, array[first : places[-1] + 1].copy()
