"""What is asked of a distribution on a lattice: probabilities, quantiles, moments, draws."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from functools import cached_property
from math import nan, sqrt
from typing import Any

import numpy as np
import numpy.typing as npt

from sigconv.core.dtypes import Array, as_numeric
from sigconv.errors import DTypeError, NonFiniteError, OptionError
from sigconv.probability.lattice import Lattice, Number, as_number, is_rational
from sigconv.probability.masses import TINY, Masses

__all__ = ["Distribution"]

Values = npt.ArrayLike | Fraction


class Distribution:
    """Masses on a lattice, and what is asked of them; `PMF` makes and combines them."""

    def __init__(self, masses: Masses, lattice: Lattice) -> None:
        self._masses, self._lattice = masses, lattice

    @property
    def probabilities(self) -> Array:
        """Probabilities of offset + step k, k = 0, 1, ...: float64, or Fractions."""
        return self._masses.p

    @property
    def offset(self) -> Number:
        """The least value."""
        return self._lattice.value(0)

    @property
    def step(self) -> Number:
        """The distance of neighbouring values."""
        return as_number(self._lattice.step, "step")

    @property
    def is_exact(self) -> bool:
        """Whether the probabilities are Fractions."""
        return self._masses.is_exact

    @property
    def values(self) -> Array:
        """The values offset + step k, those of probability 0 among them."""
        return self._lattice.at(np.arange(self._masses.size))

    @property
    def support(self) -> Array:
        """The values of positive probability, in increasing order."""
        return self._lattice.at(np.flatnonzero(self._masses.occurs))

    def pmf(self, x: Values) -> Any:
        """P(X = x), for every x.

        Parameters
        ----------
        x : array_like
            Values, of any shape; those off the lattice have probability 0.

        Returns
        -------
        float, Fraction or ndarray
            As all of `pmf`, `cdf` and `sf`: Fractions where the PMF is exact.
        """
        return _taken(self._masses.p, *self._points(x))

    def logpmf(self, x: Values) -> Any:
        """Logarithm of P(X = x), also of what is too small for float64; -inf where that is 0."""
        return _taken(self._masses.logs, *self._points(x), -np.inf)

    def cdf(self, x: Values) -> Any:
        """P(X <= x), summed from the least value."""
        return self._table(x, lambda: self._below)

    def sf(self, x: Values) -> Any:
        """P(X > x), summed from the largest value: small ones keep their relative accuracy."""
        return self._table(x, lambda: self._above)

    def logcdf(self, x: Values) -> Any:
        """Logarithm of P(X <= x), also where P(X <= x) is too small for float64."""
        return self._table(x, lambda: self._log_below)

    def logsf(self, x: Values) -> Any:
        """Logarithm of P(X > x), also where P(X > x) is too small for float64."""
        return self._table(x, lambda: self._log_above)

    def between(self, low: Number, high: Number) -> Any:
        """P(low <= X <= high), without cancellation.

        Parameters
        ----------
        low, high : number
            The bounds, included; -inf and inf are none.
        """
        p = self._masses.p[self._slice(low, high)]
        if self.is_exact:
            return sum(p, Fraction(0))
        return 1.0 if p.size == self._masses.size else min(float(p.sum()), 1.0)

    def logbetween(self, low: Number, high: Number) -> float:
        """Logarithm of P(low <= X <= high), also of what is too small for float64."""
        logs = self._masses.logs[self._slice(low, high)]
        if logs.size == self._masses.size:
            return 0.0
        return min(float(np.logaddexp.reduce(logs, initial=-np.inf)), 0.0)

    def ppf(self, q: Values) -> Any:
        """Quantiles: the least x with P(X <= x) >= q, for every q.

        Parameters
        ----------
        q : array_like
            Probabilities from 0 to 1, of any shape.

        Returns
        -------
        number or ndarray
            Values; for q = 0 the one before the least, as in SciPy. Of an exact PMF they are those
            of q as it is: 0.1 is a little more than Fraction(1, 10).

        Raises
        ------
        OptionError
            A q outside 0..1.
        """
        wanted = _real(q, "q")
        if not np.all((wanted >= 0) & (wanted <= 1)):
            raise OptionError(f"q must hold probabilities from 0 to 1; got {q!r}.")
        table = self._below[1:]
        k = np.asarray(np.searchsorted(table, wanted, side="left"))
        # Rounded sums reach 1 too early.
        k = np.where(wanted == 0, -1, np.where(wanted == 1, table.size - 1, k))
        return self._plain(self._lattice.at(k))

    def rvs(self, size: int | tuple[int, ...] | None = None, rng: Any = None) -> Any:
        """Independent draws of X.

        Parameters
        ----------
        size : int or tuple of int, optional
            The shape; a single value by default.
        rng : Generator or int, optional
            The generator, or the seed of one.

        Returns
        -------
        number or ndarray
        """
        uniform = np.asarray(np.random.default_rng(rng).random(size))
        table = self._below[1:].astype(float)
        last = int(np.flatnonzero(self._masses.occurs)[-1])
        k = np.minimum(np.searchsorted(table, uniform, side="right"), last)
        return self._plain(self._lattice.at(np.asarray(k)))

    @cached_property
    def mean(self) -> Any:
        """E X."""
        return self._number(self.offset + self.step * self._center)

    @cached_property
    def variance(self) -> Any:
        """E (X - E X)^2."""
        return self._number(self.step**2 * self._central(2))

    @property
    def std(self) -> float:
        """The standard deviation, the square root of the variance."""
        return sqrt(self.variance)

    @property
    def skewness(self) -> float:
        """E (X - E X)^3 / std^3; NaN for a constant."""
        spread = float(self._central(2))
        return float(self._central(3)) / spread**1.5 if spread else nan

    @property
    def kurtosis(self) -> Any:
        """E (X - E X)^4 / std^4 - 3, the excess over a normal distribution; NaN for a constant."""
        spread = self._central(2)
        return self._central(4) / spread**2 - 3 if spread else nan

    def moment(self, order: int) -> Any:
        """E X^order, about 0.

        Parameters
        ----------
        order : int
            0, 1, 2, ...
        """
        if not isinstance(order, int | np.integer) or isinstance(order, bool) or order < 0:
            raise OptionError(f"order must be an integer of at least 0; got {order!r}.")
        if order == 0:
            return self._number(1)
        values = self.values
        if self.is_exact and is_rational(self.offset, self.step):
            return sum(
                (
                    p * x ** int(order)
                    for p, x in zip(self.probabilities, values.tolist(), strict=True)
                ),
                Fraction(0),
            )
        return float(self.probabilities.astype(float) @ values.astype(float) ** int(order))

    @cached_property
    def _center(self) -> Any:
        """The mean, in steps from the offset."""
        return self._expected(np.arange(self._masses.size))

    def _central(self, order: int) -> Any:
        points = np.arange(self._masses.size)
        return self._expected(
            (points.astype(object if self.is_exact else float) - self._center) ** order
        )

    def _expected(self, of: Array) -> Any:
        found = self.probabilities @ of
        return found if self.is_exact else float(found)

    def _number(self, value: Any) -> Any:
        return Fraction(value) if self.is_exact and is_rational(value) else float(value)

    def _points(self, x: Values) -> tuple[Array, Array]:
        """Return the indices of values, and which of them are on the lattice and within it."""
        k, on = self._lattice.places(_real(x, "x"))
        inside = on & (k >= 0) & (k < self._masses.size)
        return np.where(inside, k, 0).astype(np.int64), inside

    def _table(self, x: Values, table: Callable[[], Array]) -> Any:
        """Return entries of a table that has one more entry, the first, for x below all."""
        k, _ = self._lattice.places(_real(x, "x"))
        found = table()[np.clip(k, -1, self._masses.size - 1).astype(np.int64) + 1]
        return found if np.ndim(found) else _scalar(found)

    def _slice(self, low: Number, high: Number) -> slice:
        """Return the indices of the values from `low` to `high`."""
        k, on = self._lattice.places(np.array([_real(low, "low")[()], _real(high, "high")[()]]))
        first, last = k[0] + (not on[0]), k[1]
        start, stop = np.clip((first, last + 1), 0, self._masses.size).astype(int)
        return slice(start, max(start, stop))

    def _plain(self, found: Array) -> Any:
        return found if found.ndim else as_number(found.item(), "a value")

    @cached_property
    def _below(self) -> Array:
        found = np.concatenate(([_zero(self._masses)], self._masses.p)).cumsum()
        return found if self.is_exact else _ending(found)

    @cached_property
    def _above(self) -> Array:
        found = np.concatenate((self._masses.p, [_zero(self._masses)]))[::-1].cumsum()
        return (found if self.is_exact else _ending(found))[::-1]

    @cached_property
    def _log_below(self) -> Array:
        logs = np.concatenate(([-np.inf], self._masses.logs))
        return _log_sums(logs, self._below.astype(float), self._above.astype(float))

    @cached_property
    def _log_above(self) -> Array:
        logs = np.concatenate((self._masses.logs, [-np.inf]))[::-1]
        above, below = (t.astype(float)[::-1] for t in (self._above, self._below))
        return _log_sums(logs, above, below)[::-1]


def _real(x: Values, name: str) -> Array:
    """Return real numbers that are not NaN."""
    array = np.asarray(x, object) if isinstance(x, Fraction) else as_numeric(x, name)
    if array.dtype.kind == "c":
        raise DTypeError(f"{name} must be real; got dtype {array.dtype}.")
    if array.dtype.kind == "f" and np.isnan(array).any():
        raise NonFiniteError(f"{name} must not be NaN; got {x!r}.")
    return array


def _zero(masses: Masses) -> Any:
    return Fraction(0) if masses.is_exact else 0.0


def _ending(sums: Array) -> Array:
    """Return sums of probabilities that end at 1 and nowhere exceed it."""
    np.minimum(sums, 1.0, out=sums)
    sums[-1] = 1.0
    return sums


def _taken(table: Array, k: Array, inside: Array, other: Any = 0) -> Any:
    """Return entries of a table, and `other` for values that are not in it."""
    other = Fraction(other) if table.dtype.kind == "O" else other
    found = np.where(inside, table[k], other)
    return found if found.ndim else _scalar(found[()])


def _scalar(value: Any) -> Any:
    return value.item() if isinstance(value, np.generic) else value


def _log_sums(logs: Array, sums: Array, rest: Array) -> Array:
    """Return logarithms of `sums` of exp(logs): near 1 from the `rest`, near 0 from logarithms."""
    with np.errstate(divide="ignore"):
        found = np.where(sums > 0.5, np.log1p(-np.minimum(rest, 0.5)) + 0.0, np.log(sums))
    small = int(np.searchsorted(sums, TINY))
    if small:
        found[:small] = np.logaddexp.accumulate(logs[:small])
    return found
