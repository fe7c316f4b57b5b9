"""Numbers from callers, and errors that are both sigconv's and SciPy's.

A ported program catches the types that SciPy raises: each error here is one of them as well.
"""

from __future__ import annotations

import operator
from typing import Any

import numpy as np

from sigconv.core.dtypes import Array, as_numeric
from sigconv.errors import DTypeError, KernelError, ShapeError, SigconvError

__all__ = [
    "ArgumentError",
    "AxisError",
    "MagnitudeError",
    "as_integer",
    "as_numbers",
    "as_real",
]


class ArgumentError(SigconvError, RuntimeError):
    """Arguments of a filter that do not fit: `scipy.ndimage` raises RuntimeError."""


class AxisError(ShapeError, np.exceptions.AxisError):
    """An axis that the input does not have (a ValueError and an IndexError)."""


class MagnitudeError(KernelError, ZeroDivisionError, OverflowError):
    """A zero to divide by, or a number that double precision does not hold."""


def as_numbers(value: Any, name: str) -> Array:
    """Return `value` as an array of numbers; a mask that hides nothing is left out.

    Raises
    ------
    DTypeError
        What is no array of numbers, and masked arrays with hidden samples, which would count.

    Examples
    --------
    >>> as_numbers(np.ma.array([1, 2], mask=[False, False]), "input")
    array([1, 2])
    """
    if isinstance(value, np.ma.MaskedArray) and not np.ma.getmaskarray(value).any():
        value = value.data
    return as_numeric(value, name)


def as_integer(value: Any, name: str) -> int:
    """Return `value` as an int, or raise DTypeError (a TypeError).

    Examples
    --------
    >>> as_integer(np.int8(3), "axis")
    3
    """
    try:
        return operator.index(value)
    except TypeError:
        raise DTypeError(f"{name} must be an integer; got {value!r}.") from None


def as_real(value: Any, name: str) -> float:
    """Return `value` as a float, or raise DTypeError (a TypeError).

    Examples
    --------
    >>> as_real(np.float32(0.5), "sigma")
    0.5
    """
    # float() would read text, and arrays of one element.
    is_number = isinstance(value, float | int) or (
        not isinstance(value, str | bytes) and np.ndim(value) == 0 and not np.iscomplexobj(value)
    )
    try:
        if is_number:
            return float(value)
    except TypeError:
        pass
    except OverflowError:
        raise MagnitudeError(f"{name} must fit double precision; got more than 1e308.") from None
    raise DTypeError(f"{name} must be a real number; got {value!r}.")
