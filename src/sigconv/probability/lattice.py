"""Values on a lattice, offset + step k: steps that two have in common, and places of values."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from itertools import pairwise
from math import gcd, isfinite, lcm
from typing import Any

import numpy as np

from sigconv.core.dtypes import Array
from sigconv.errors import DTypeError, NonFiniteError, OptionError

__all__ = ["Lattice", "Number", "as_number", "common", "is_rational", "spanning"]

Number = int | float | Fraction

# Beyond all indices.
_FAR = 2**62

# Two floats are equal here where they differ by some roundings.
_ROUNDINGS = 16 * float(np.finfo(float).eps)


def as_number(value: Any, name: str) -> Number:
    """Return `value` as a finite int, Fraction or float, or say that it is none."""
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, bool) or not isinstance(value, int | float | Fraction):
        raise DTypeError(f"{name} must be an int, a float or a Fraction; got {value!r}.")
    if isinstance(value, float) and not isfinite(value):
        raise NonFiniteError(f"{name} must be finite; got {value}.")
    if isinstance(value, Fraction) and value.denominator == 1:
        return int(value)
    return value


def is_rational(*numbers: Any) -> bool:
    """Tell whether all are exact: int or Fraction."""
    return not any(isinstance(number, float) for number in numbers)


@dataclass(frozen=True, slots=True)
class Lattice:
    """The values offset + step k for k = 0, 1, ..., with step > 0."""

    # int, float or Fraction, whose products have no common type.
    offset: Any = 0
    step: Any = 1

    @property
    def is_integer(self) -> bool:
        """Whether all values are integers."""
        return isinstance(self.offset, int) and isinstance(self.step, int)

    def value(self, k: int) -> Number:
        """Return one value."""
        return as_number(self.offset + self.step * k, "a value")

    def at(self, k: Array) -> Array:
        """Return values: int64, float64, or objects where neither is exact."""
        largest = int(np.abs(k).max(initial=0))
        if self.is_integer and abs(self.offset) + self.step * largest < 2**62:
            return np.asarray(k * self.step + self.offset)
        if is_rational(self.offset, self.step):
            found = np.empty(k.size, object)
            found[:] = [self.value(int(place)) for place in k.flat]
            return found.reshape(k.shape)
        return k * float(self.step) + float(self.offset)

    def places(self, x: Array) -> tuple[Array, Array]:
        """Return floor((x - offset) / step) as floats, and where x is on the lattice."""
        if x.dtype.kind in "biu" and self.is_integer and not _is_large(x, self):
            # Narrow and unsigned integers would wrap.
            distance = x.astype(np.int64) - self.offset
            k = distance // self.step
            return k.astype(float), np.asarray(k * self.step == distance, bool)
        if x.dtype.kind in "biuO" and is_rational(self.offset, self.step, *x.ravel().tolist()):
            values = x.ravel().tolist()
            pairs = [divmod(Fraction(value) - self.offset, self.step) for value in values]
            k = np.array([float(min(max(whole, -_FAR), _FAR)) for whole, _ in pairs])
            on = np.array([not rest for _, rest in pairs], bool)
            return k.reshape(x.shape), on.reshape(x.shape)
        return self._rounded_places(x.astype(float))

    def _rounded_places(self, x: Array) -> tuple[Array, Array]:
        offset, step = float(self.offset), float(self.step)
        with np.errstate(invalid="ignore", over="ignore"):
            nearest = np.rint((x - offset) / step)
            slack = _ROUNDINGS * np.maximum(np.abs(x), max(abs(offset), step))
            on = np.abs(nearest * step + offset - x) <= np.minimum(slack, 0.25 * step)
            on &= np.isfinite(x)
            return np.where(on, nearest, np.floor((x - offset) / step)), on

    def moved(self, by: Any) -> Lattice:
        """Return the lattice of x + by."""
        return Lattice(as_number(self.offset + by, "a shifted value"), self.step)

    def scaled(self, by: Any, size: int) -> Lattice:
        """Return the lattice of by * x, for `size` values x; mirrored where `by` is negative."""
        first = self.offset if by > 0 else self.value(size - 1)
        step = as_number(abs(by) * self.step, "a scaled step")
        if not step:
            raise OptionError(f"a step times {by!r} is too small for float64. Scale by less.")
        return Lattice(as_number(by * first, "a scaled value"), step)


def _is_large(x: Array, lattice: Lattice) -> bool:
    largest = max(int(x.max()), -int(x.min())) if x.size else 0
    return max(largest, abs(int(lattice.offset)), int(lattice.step)) >= _FAR


def common(*numbers: Number) -> Number:
    """Return the largest step of which all numbers are multiples, 1 where all are 0.

    >>> common(4, 6), common(Fraction(1, 2), Fraction(1, 3)), common(0.5, 1.5)
    (2, Fraction(1, 6), 0.5)
    """
    steps: list[Any] = [abs(number) for number in numbers if number]
    if not steps:
        return 1
    if is_rational(*steps):
        return as_number(_rational_gcd(*steps), "step")
    least: Number = min(steps)
    if all(_is_multiple(step, least) for step in steps):
        return least
    raise OptionError(
        "rounded steps and distances of values must be multiples of one of them; got "
        f"{', '.join(map(repr, steps))}. Write steps and offsets as int or Fraction, which have a "
        "common divisor."
    )


def spanning(values: list[Number]) -> Lattice:
    """Return the coarsest lattice that begins at the first of increasing values and has them."""
    gaps = [b - a for a, b in pairwise(values)]
    if not gaps:
        return Lattice(values[0], 1)
    if is_rational(*values):
        return Lattice(values[0], as_number(_rational_gcd(*gaps), "step"))
    step = min(gaps)
    distances = [value - values[0] for value in values]
    if step <= 0 or not all(_is_multiple(distance, step) for distance in distances):
        raise OptionError(
            f"values must lie on a lattice offset + step k; the smallest gap, {step!r}, does not "
            "divide the others. Write the values as int or Fraction."
        )
    # The longest distance has the step's best digits.
    return Lattice(values[0], distances[-1] / round(distances[-1] / step))


def _rational_gcd(*numbers: Any) -> Fraction:
    """Return the largest number of which all are multiples."""
    fractions = [Fraction(number) for number in numbers]
    below = lcm(*(f.denominator for f in fractions))
    return Fraction(gcd(*(int(f * below) for f in fractions)), below)


def _is_multiple(number: Number, step: Number) -> bool:
    ratio = float(number) / float(step)
    return abs(ratio - round(ratio)) <= _ROUNDINGS * max(abs(ratio), 1.0)
