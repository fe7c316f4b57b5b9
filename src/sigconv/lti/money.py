"""Deposits and withdrawals as a signal, growth as an impulse response."""

from __future__ import annotations

from decimal import Decimal, DecimalException
from fractions import Fraction
from math import exp, expm1, inf, isfinite, log1p
from numbers import Real
from typing import Any

import numpy as np

from sigconv.core.dtypes import Array, as_numeric
from sigconv.errors import DTypeError, NonFiniteError, OptionError, ShapeError
from sigconv.lti.node import Numbers
from sigconv.lti.system import System

__all__ = ["compound_interest", "growth", "rate_per_part"]


def growth(rate: Any, *, compounding: int | str = 1) -> System:
    """Return the system whose impulse response is what becomes of 1: (1 + rate)^n.

    Parameters
    ----------
    rate : number
        The interest on 1 in one period: 0.05 for 5 %. Fractions and Decimals stay exact.
    compounding : int or "continuous"
        How often in a period interest is added, a part of `rate` each time: the factor of a period
        is (1 + rate/m)^m, or exp(rate).

    Examples
    --------
    >>> growth(0.05).impulse_response(3)
    array([1.    , 1.05  , 1.1025])
    """
    factor = _factor(_single(rate), compounding)
    return System(([1], [1, -factor]))


def rate_per_part(rate: Any, parts: int, *, compounding: int | str = 1) -> Any:
    """Return the interest on 1 in a part of a period that comes to the same in the whole.

    Parameters
    ----------
    rate : number
        The interest on 1 in a period, a year for example.
    parts : int
        Parts of a period, 12 months for example.
    compounding : int or "continuous"
        As for `growth`.

    Returns
    -------
    number
        ((1 + rate/m)^m)^(1/parts) - 1: rate/m itself where interest is added in each part.

    Examples
    --------
    >>> rate_per_part(0.12, 12, compounding=12), round(rate_per_part(0.12, 12), 6)
    (0.01, 0.009489)
    """
    count, value = _whole("parts", parts, 1), _single(rate)
    if compounding == "continuous":
        _factor(value, compounding)
        return (
            expm1(value / count)
            if isinstance(value, float)
            else _factor(value / count, compounding) - 1
        )
    factor, times = _factor(value, compounding), int(compounding)
    if times % count == 0:
        part = value / times
        return part if times == count else (1 + part) ** (times // count) - 1
    if isinstance(factor, Fraction):
        raise DTypeError(
            f"the root of {factor} is no fraction. Pass a float or a Decimal, or "
            f"compounding={count}."
        )
    if isinstance(value, float) and value > -1:
        # 1 + rate would lose the digits of small rates.
        return expm1(times * log1p(value / times) / count)
    return factor ** (1 / type(factor)(count)) - 1


def compound_interest(
    deposits: Numbers,
    rate: Any,
    *,
    periods: int | None = None,
    when: str = "start",
    compounding: int | str = 1,
) -> Array:
    """Balances of an account at the times 0, 1, ..., `periods`, in periods.

    Parameters
    ----------
    deposits : array_like
        What is paid in at the start of each period, number k at time k; withdrawals are negative.
        int, float, Fraction or Decimal.
    rate : number or array_like
        The interest on 1 in one period, 0.05 for 5 %; or a rate for each period, from that between
        the times 0 and 1 on. At least -1.
    periods : int, optional
        How long it is left to grow; until the last deposit by default. Deposits and rates that
        come later do not count.
    when : {"start", "end"}
        Whether deposits are made at the start or at the end of their periods: number k at time k,
        or at time k+1.
    compounding : int or "continuous"
        How often in a period interest is added, a part of `rate` each time: the factor of a period
        is (1 + rate/m)^m, or exp(rate).

    Returns
    -------
    ndarray
        `periods` + 1 balances; that of a time includes a deposit made then. Floats, or Fractions
        or Decimals (in the precision of the decimal context) if deposits or rate are such numbers.

    Raises
    ------
    ShapeError, OptionError, DTypeError, NonFiniteError
        Too few rates, a rate below -1, or numbers that do not go together.

    See Also
    --------
    growth : The system behind it.
    sigconv.lti.continuous_convolve : Deposits that flow without a pause.

    Notes
    -----
    With one rate this is an LTI system: balance[n] = sum_k deposits[k] g^(n-k), the convolution of
    the deposits with the powers of the growth factor g. With a rate for each period it is linear,
    and time-varying: no impulse response serves all deposits, and the recursion
    balance[n+1] = g[n] balance[n] + deposits[n+1] takes its place. `numpy_financial.fv` gives the
    last balance, of equal deposits, with the sign of what is owed.

    Examples
    --------
    100 for five years at 5 %, and 100 at the start of each of the years 0 to 5:

    >>> float(compound_interest([100], 0.05, periods=5)[-1].round(8))
    127.62815625
    >>> float(compound_interest([100] * 6, 0.05)[-1].round(8))
    680.19128125

    Exactly (``[round(b, 2) for b in balances]`` rounds Decimals and Fractions):

    >>> compound_interest([100], Fraction(1, 20), periods=2)[-1]
    Fraction(441, 4)
    """
    if when not in ("start", "end"):
        raise OptionError(f"when must be 'start' or 'end'; got {when!r}.")
    paid, rates = as_numeric(deposits, "deposits"), as_numeric(rate, "rate")
    if paid.ndim != 1 or rates.ndim > 1:
        raise ShapeError(
            "deposits are a sequence, and the rate is a number or a sequence; got shapes "
            f"{paid.shape} and {rates.shape}."
        )
    late = int(when == "end")
    count = _periods(paid.size, late, periods)
    paid, rates = _alike(paid, rates)
    if rates.ndim and rates.size < count:
        raise ShapeError(f"each of {count} periods needs its rate; got {rates.size}. Pass more.")
    signal = np.zeros(count + 1, paid.dtype)
    if paid.dtype.kind == "O":
        signal[:] = type(rates.flat[0])(0) if rates.size else 0
    signal[late : late + paid.size] = paid[: count + 1 - late]
    if rates.ndim == 0:
        balances: Array = growth(rates.item(), compounding=compounding)(signal)
        return balances
    return _varying(signal, [_factor(one, compounding) for one in rates[:count].tolist()])


def _varying(signal: Array, factors: list[Any]) -> Array:
    balances = signal.copy()
    with np.errstate(over="ignore", invalid="ignore"):
        for n, factor in enumerate(factors):
            balances[n + 1] += factor * balances[n]
    return balances


def _periods(size: int, late: int, periods: Any) -> int:
    if periods is None:
        return max(0, size - 1 + late)
    return _whole("periods", periods, 0)


def _whole(name: str, value: Any, least: int) -> int:
    if isinstance(value, bool) or not isinstance(value, int | np.integer) or value < least:
        raise OptionError(f"{name} must be a whole number, {least} or more; got {value!r}.")
    return int(value)


def _alike(paid: Array, rates: Array) -> tuple[Array, Array]:
    """Return both as floats, or both as exact numbers of one kind."""
    kinds = {type(value) for value in (*paid.ravel(), *rates.ravel()) if not _is_whole(value)}
    if not all(issubclass(kind, float | np.floating | Fraction | Decimal) for kind in kinds):
        names = ", ".join(sorted(kind.__name__ for kind in kinds))
        raise DTypeError(f"deposits and rates must be real numbers; got {names}.")
    exact = kinds & {Fraction, Decimal}
    if exact and len(kinds) > 1:
        raise DTypeError(
            "deposits and rates are all floats, all Fractions or all Decimals; got "
            f"{', '.join(sorted(kind.__name__ for kind in kinds))}. Convert one of them."
        )
    one = exact.pop() if exact else float
    made = []
    for name, values in (("deposits", paid), ("rate", rates)):
        numbers = [one(value) for value in values.ravel().tolist()]
        if not all(map(_is_finite, numbers)):
            raise NonFiniteError(f"{name} must be finite; got {values}.")
        same = np.array(numbers, float if one is float else object)
        made.append(same.reshape(values.shape))
    return made[0], made[1]


def _is_whole(value: Any) -> bool:
    return isinstance(value, int | np.integer | np.bool_)


def _is_finite(value: Any) -> bool:
    """Tell it of numbers that are beyond floats too."""
    if isinstance(value, Decimal):
        return value.is_finite()
    return not isinstance(value, float) or isfinite(value)


def _single(rate: Any) -> Any:
    """Return one finite real number."""
    array = as_numeric(rate, "rate")
    if array.ndim:
        raise ShapeError(f"the rate is one number; got shape {array.shape}.")
    value = array.item()
    if not isinstance(value, Real | Decimal):
        raise DTypeError(f"the rate must be a real number; got {value!r}.")
    if not _is_finite(value):
        raise NonFiniteError(f"the rate must be finite; got {value}.")
    return value


def _factor(value: Any, compounding: int | str) -> Any:
    """Return what 1 becomes in one period at a rate."""
    if not value >= -1:
        raise OptionError(f"a rate must be at least -1, the loss of all; got {value}.")
    try:
        factor = _grown(value, compounding)
    except (OverflowError, DecimalException):
        factor = inf
    if not _is_finite(factor):
        raise OptionError(f"at a rate of {value} a balance grows beyond all numbers. Lower it.")
    return factor


def _grown(value: Any, compounding: int | str) -> Any:
    if compounding == "continuous":
        if isinstance(value, Fraction):
            raise DTypeError(
                f"exp({value}) is no fraction. Pass a float or a Decimal to compound continuously."
            )
        return value.exp() if isinstance(value, Decimal) else exp(value)
    if isinstance(compounding, str):
        raise OptionError(
            "compounding is how often in a period interest is added, or 'continuous'; got "
            f"{compounding!r}."
        )
    times = _whole("compounding", compounding, 1)
    return (1 + value / times) ** times if times > 1 else 1 + value
