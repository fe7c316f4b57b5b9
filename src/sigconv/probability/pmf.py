"""Random variables on a lattice: sums, copies, multiples and shifts of them."""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction
from math import fsum, ulp
from typing import Any, Self

import numpy as np
import numpy.typing as npt

from sigconv.errors import DTypeError, NonFiniteError, OptionError, ShapeError
from sigconv.probability.checks import Row, as_fractions, nonnegative_row, row, trimmed
from sigconv.probability.distribution import Distribution
from sigconv.probability.lattice import Lattice, Number, as_number, common, is_rational, spanning
from sigconv.probability.masses import Masses
from sigconv.probability.sums import check_size, copies, total

__all__ = ["PMF"]

_REMEDY = "PMF.from_weights(weights) scales weights to sum to 1."

# How far from 1 a sum of rounded probabilities may be.
_SLACK = 1e-9


class PMF(Distribution):
    """Distribution of a random variable X on the values offset + step k, k = 0, 1, ...

    Parameters
    ----------
    probabilities : array_like
        P(X = offset + step k): computed in float64, or exactly where they are Fractions. They are
        not negative and sum to 1: Fractions exactly, others within 1e-9.
    offset : int, float or Fraction
        The value of the first probability.
    step : int, float or Fraction
        The distance of values, positive.

    Raises
    ------
    OptionError
        Probabilities that are negative or do not sum to 1, or a step that is not positive.
    ShapeError
        Probabilities that are not a non-empty row.
    NonFiniteError
        NaN or infinity.

    See Also
    --------
    dice : The sum of fair dice.
    mixture, maximum, minimum : Other combinations.

    Notes
    -----
    ``X + Y`` and ``X - Y`` are sums of independent variables, convolutions of their probabilities;
    ``n @ X`` is the sum of n independent copies, while ``n * X`` is n times one value. ``X + c``,
    ``X * c`` and ``X / c`` shift and scale by a number. An object never changes.

    Rounded probabilities have small *relative* errors however small they are, also those below the
    smallest float64, of which `logpmf` tells: sums of products have no cancellation, and where
    transforms take their place each value is computed under an exponential tilt that makes it
    likely (Dembo and Zeitouni, Large Deviations Techniques and Applications, 2.2).

    Examples
    --------
    Two dice: P(4) = f(1) g(3) + f(2) g(2) + f(3) g(1) = 3/36.

    >>> from fractions import Fraction
    >>> die = PMF([Fraction(1, 6)] * 6, offset=1)
    >>> (die + die).pmf(4), (2 @ die).pmf(4), (2 * die).pmf(4)
    (Fraction(1, 12), Fraction(1, 12), Fraction(1, 6))
    >>> die + die
    PMF(2..12, mean 7, std 2.41523, exact)
    """

    # Arrays and NumPy's numbers leave arithmetic to the methods below.
    __array_ufunc__ = None

    def __init__(self, probabilities: Row, offset: Number = 0, step: Number = 1) -> None:
        p = nonnegative_row(probabilities, "probabilities")
        if p.dtype.kind == "O":
            found: Any = sum(p)
            matches = found == 1
        else:
            found = fsum(p)
            matches = abs(found - 1) <= _SLACK
        if not matches:
            raise OptionError(f"probabilities must sum to 1; got a sum of {found}. {_REMEDY}")
        first, p = trimmed(p, p > 0)
        lattice = _lattice(offset, step)
        masses = Masses(p) if p.dtype.kind == "O" else Masses.from_floats(p)
        super().__init__(masses, lattice.moved(lattice.step * first))

    @classmethod
    def from_weights(
        cls,
        weights: Row,
        offset: Number = 0,
        step: Number = 1,
        *,
        exact: bool = False,
    ) -> Self:
        """Distribution with probabilities in the proportion of weights.

        Parameters
        ----------
        weights : array_like
            Not negative, and not all 0.
        offset, step : int, float or Fraction
            As of `PMF`.
        exact : bool
            Whether integer weights make Fractions; weights that are Fractions do.

        Examples
        --------
        >>> PMF.from_weights([1, 2, 1], exact=True).probabilities.tolist()
        [Fraction(1, 4), Fraction(1, 2), Fraction(1, 4)]
        """
        if exact:
            weights = as_fractions(weights)
        w = nonnegative_row(weights, "weights")
        if not (w > 0).any():
            raise OptionError("weights must not all be 0; their sum is scaled to 1.")
        if w.dtype.kind == "O":
            whole = sum(w, Fraction(0))
            return cls(np.array([x / whole for x in w], object), offset, step)
        w = w / w.max()
        return cls(w / w.sum(), offset, step)

    @classmethod
    def from_log_weights(cls, logs: npt.ArrayLike, offset: Number = 0, step: Number = 1) -> Self:
        """Distribution with probabilities in the proportion of exp(logs), however small.

        Parameters
        ----------
        logs : array_like
            Natural logarithms; -inf where nothing can be.
        offset, step : int, float or Fraction
            As of `PMF`.

        Examples
        --------
        >>> float(PMF.from_log_weights([0.0, -2000.0]).logpmf(1))
        -2000.0
        """
        array = row(logs, "logs").astype(float)
        if np.isnan(array).any() or (array == np.inf).any() or not (array > -np.inf).any():
            raise NonFiniteError(
                f"logs must be finite, or -inf for the impossible, but not all; got {logs!r}."
            )
        lattice = _lattice(offset, step)
        first, array = trimmed(array, array > -np.inf)
        return cls._of(Masses.from_logs(array), lattice.moved(lattice.step * first))

    @classmethod
    def from_values(cls, probabilities: Mapping[Any, Any]) -> Self:
        """Distribution given as a mapping {value: probability}.

        Parameters
        ----------
        probabilities : mapping
            Its values sum to 1. Its keys lie on a lattice; int and Fraction always do.

        Examples
        --------
        >>> X = PMF.from_values({1: 0.5, 5: 0.25, 7: 0.25})
        >>> X.offset, X.step, X.probabilities
        (1, 2, array([0.5 , 0.  , 0.25, 0.25]))
        """
        pairs = sorted((as_number(x, "a value"), p) for x, p in probabilities.items())
        if not pairs:
            raise ShapeError("probabilities must not be empty; got no value.")
        lattice = spanning([x for x, _ in pairs])
        places = [round((x - lattice.offset) / lattice.step) for x, _ in pairs]
        check_size(places[-1] + 1)
        given = nonnegative_row([p for _, p in pairs], "probabilities")
        p = (
            np.full(places[-1] + 1, Fraction(0))
            if given.dtype.kind == "O"
            else np.zeros(places[-1] + 1)
        )
        p[places] = given
        return cls(p, lattice.offset, lattice.step)

    @classmethod
    def from_scipy(cls, distribution: Any, *, tail: float = 1e-18) -> Self:
        """Distribution of a discrete one of `scipy.stats`.

        Parameters
        ----------
        distribution : rv_discrete or frozen distribution
            Such as ``scipy.stats.poisson(3)``, or ``rv_discrete(values=(xk, pk))``.
        tail : float
            The probability that is cut off on a side that has no end, between 0 and 0.01.

        Examples
        --------
        >>> from scipy import stats
        >>> PMF.from_scipy(stats.binom(2, 0.5)).probabilities.round(12)
        array([0.25, 0.5 , 0.25])
        """
        from sigconv.probability.conversion import logs_of, values_of

        listed = values_of(distribution)
        if listed is not None:
            return cls.from_values(listed)
        logs, first = logs_of(distribution, tail)
        return cls.from_log_weights(logs, first)

    def to_scipy(self) -> Any:
        """Return the `scipy.stats.rv_discrete` of the same values and probabilities.

        Examples
        --------
        >>> float(PMF([0.5, 0.5]).to_scipy().mean())
        0.5
        """
        from sigconv.probability.conversion import distribution_of

        return distribution_of(self.values, self.probabilities)

    @classmethod
    def _of(cls, masses: Masses, lattice: Lattice) -> Self:
        found = cls.__new__(cls)
        Distribution.__init__(found, masses, lattice)
        return found

    def __add__(self, other: Any) -> PMF:
        if isinstance(other, PMF):
            return self._plus(other)
        if not _is_number(other):
            return NotImplemented
        return self._of(self._masses, self._lattice.moved(as_number(other, "a shift")))

    __radd__ = __add__

    def __sub__(self, other: Any) -> PMF:
        if isinstance(other, PMF):
            return self + -other
        # Unsigned integers of NumPy have no negatives.
        return self + -as_number(other, "a shift") if _is_number(other) else NotImplemented

    def __rsub__(self, other: Any) -> PMF:
        return -self + other if _is_number(other) else NotImplemented

    def __neg__(self) -> PMF:
        return self * -1

    def __mul__(self, other: Any) -> PMF:
        if not _is_number(other):
            return NotImplemented
        factor = as_number(other, "a factor")
        if not factor:
            return self._of(_certain(self._masses), Lattice(0, self.step))
        masses = self._masses if factor > 0 else self._masses.mirrored()
        return self._of(masses, self._lattice.scaled(factor, masses.size))

    __rmul__ = __mul__

    def __truediv__(self, other: Any) -> PMF:
        if not _is_number(other):
            return NotImplemented
        divisor = as_number(other, "a divisor")
        if not divisor:
            raise OptionError("a divisor must not be 0.")
        return self * (1 / divisor if isinstance(divisor, float) else Fraction(1, divisor))

    def __rmatmul__(self, count: Any) -> PMF:
        if not isinstance(count, int | np.integer) or isinstance(count, bool):
            raise DTypeError(
                f"n @ X is the sum of n independent copies of X, n an integer; got {count!r}. "
                "c * X scales X."
            )
        if count < 0:
            raise OptionError(f"n @ X takes n >= 0 copies; got {count}. -(n @ X) mirrors the sum.")
        if count == 0:
            return self * 0
        first = as_number(int(count) * self.offset, "a value")
        return self._of(copies(self._masses, int(count)), Lattice(first, self.step))

    def _plus(self, other: PMF) -> PMF:
        """Return the sum of two independent variables."""
        if other._masses.size == 1:
            return self._of(self._masses, self._lattice.moved(other.offset))
        if self._masses.size == 1:
            return self._of(other._masses, other._lattice.moved(self.offset))
        step = common(self.step, other.step)
        factors = [round(x.step / step) for x in (self, other)]
        check_size(
            sum(f * (x._masses.size - 1) for f, x in zip(factors, (self, other), strict=True))
        )
        first, second = (x._masses.spread(f) for f, x in zip(factors, (self, other), strict=True))
        offset = as_number(self.offset + other.offset, "a value")
        return self._of(total(first, second), Lattice(offset, step))

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, PMF):
            return NotImplemented
        mine, theirs = self._masses, other._masses
        return (
            self.offset == other.offset
            and (self.step == other.step or mine.size == 1)
            and np.array_equal(mine.p, theirs.p)
            and (mine.is_exact or theirs.is_exact or np.array_equal(mine.logs, theirs.logs))
        )

    def __hash__(self) -> int:
        return hash((self.offset, self._masses.size, float(self._masses.p[0])))

    def __repr__(self) -> str:
        last = self._lattice.value(self._masses.size - 1)
        step = "" if self.step == 1 or self._masses.size == 1 else f" step {_short(self.step)}"
        span = f"{_short(self.offset)}..{_short(last)}{step}"
        exact = ", exact" if self.is_exact and self._masses.size > 1 else ""
        return f"PMF({span}, mean {float(self.mean):g}, std {self.std:g}{exact})"


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float | Fraction | np.number) and not isinstance(value, bool)


def _short(number: Number) -> str:
    return f"{number:g}" if isinstance(number, float) else str(number)


def _certain(like: Masses) -> Masses:
    return Masses(np.array([Fraction(1)], object) if like.is_exact else np.ones(1))


def _lattice(offset: Any, step: Any) -> Lattice:
    lattice = Lattice(as_number(offset, "offset"), as_number(step, "step"))
    if lattice.step <= 0:
        raise OptionError(f"step must be positive; got {step!r}. -X mirrors a variable.")
    if not is_rational(lattice.offset, lattice.step) and ulp(lattice.offset) > lattice.step / 4:
        raise OptionError(
            f"a step of {step!r} is lost beside the offset {offset!r} in float64. Write both as "
            "int or Fraction, or shift the variable."
        )
    return lattice
