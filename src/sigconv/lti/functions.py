"""Functions of one real number as a search and a quadrature need them: no call fails."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from sigconv.core.dtypes import Array
from sigconv.errors import DTypeError

__all__ = ["Function"]

#: Scalar calls that a call with an array is compared with.
_CHECKS = 16


class Function:
    """A callable of one float; inf where it overflows, NaN where it is undefined.

    Parameters
    ----------
    call : callable
        Returns a real or complex number.
    name : str
        What messages call it.
    """

    __slots__ = ("call", "complaint", "is_complex", "name")

    def __init__(self, call: Callable[[Any], Any], name: str) -> None:
        self.call = call
        self.name = name
        #: The last exception that a call raised.
        self.complaint: Exception | None = None
        #: Whether a value was complex.
        self.is_complex = False

    def at(self, point: float) -> complex:
        """Return the value at a point as a float, or as a complex where it is complex."""
        try:
            value = self.call(point)
        except OverflowError:
            return float("inf")
        except (ArithmeticError, ValueError) as error:
            self.complaint = error
            return float("nan")
        return value if type(value) is float else self._number(value, point)

    def _number(self, value: Any, point: float) -> complex:
        if isinstance(value, np.ndarray | np.generic) and value.size == 1:
            value = value.item()
        if isinstance(value, complex):
            self.is_complex = True
            return value
        try:
            if not isinstance(value, str | bytes):
                return float(value)
        except OverflowError:
            return float("inf")
        except (TypeError, ValueError):
            pass
        raise DTypeError(
            f"{self.name} must return a number for a float; got {value!r:.80} for {point!r}."
        )

    def on(self, points: Array) -> Array:
        """Return the values on an array of points, in one call where that gives the same."""
        values = self._at_once(points) if points.size > _CHECKS else None
        if values is None:
            values = np.array([self.at(point) for point in points.tolist()])
        return values

    def _at_once(self, points: Array) -> Array | None:
        try:
            values = self.call(points.copy())
        except Exception:  # noqa: BLE001 - a function of floats may fail on an array in any way
            return None
        if not isinstance(values, np.ndarray) or values.shape != points.shape:
            return None
        if values.dtype.kind not in "biufc":
            return None
        some = np.linspace(0, points.size - 1, _CHECKS).astype(int)
        alone = np.array([self.at(point) for point in points[some].tolist()])
        # Zeros are zeros either way: the support depends on them.
        agree = np.allclose(values[some], alone, rtol=1e-9, atol=0, equal_nan=True)
        return values.astype(np.result_type(values, float)) if agree else None
