"""Deposits and withdrawals as a signal, growth as an impulse response."""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction
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
    factor = _factor(as_numeric(rate, "rate"), compounding)
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
    if isinstance(parts, bool) or not isinstance(parts, int | np.integer) or parts < 1:
        raise OptionError(f"parts must be a whole number, 1 or more; got {parts!r}.")
    value = as_numeric(rate, "rate")
    if compounding == "continuous":
        return _factor(np.asarray(value.item() / parts), compounding) - 1
    factor, times = _factor(value, compounding), int(compounding)
    if times % parts == 0:
        part = value.item() / times
        return part if times == parts else (1 + part) ** (times // parts) - 1
    if isinstance(factor, Fraction):
        raise DTypeError(
            f"the root of {factor} is no fraction. Pass a float or a Decimal, or "
            f"compounding={parts}."
        )
    return factor ** (1 / type(factor)(parts)) - 1


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
        How long it is left to grow; until the last deposit by default.
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

    Exactly:

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
    signal[late : late + paid.size] = paid[: count + 1 - late]
    if rates.ndim == 0:
        balances: Array = growth(rates.item(), compounding=compounding)(signal)
        return balances
    return _varying(
        signal, [_factor(rates[n : n + 1].reshape(()), compounding) for n in range(count)]
    )


def _varying(signal: Array, factors: list[Any]) -> Array:
    balances = signal.copy()
    for n, factor in enumerate(factors):
        balances[n + 1] += factor * balances[n]
    return balances


def _periods(size: int, late: int, periods: Any) -> int:
    if periods is None:
        return max(0, size - 1 + late)
    if isinstance(periods, bool) or not isinstance(periods, int | np.integer) or periods < 0:
        raise OptionError(f"periods must be a whole number, 0 or more; got {periods!r}.")
    return int(periods)


def _alike(paid: Array, rates: Array) -> tuple[Array, Array]:
    """Return both as floats, or both as exact numbers."""
    kinds = {type(value) for value in (*paid.ravel(), *rates.ravel()) if not _is_whole(value)}
    is_float = any(issubclass(kind, float | np.floating) for kind in kinds)
    if len(kinds - {Fraction, Decimal}) < len(kinds) and (is_float or len(kinds) > 1):
        raise DTypeError(
            "deposits and rates are all floats, all Fractions or all Decimals; got "
            f"{', '.join(sorted(kind.__name__ for kind in kinds))}. Convert one of them."
        )
    if kinds & {Fraction, Decimal}:
        return paid.astype(object), rates.astype(object)
    for name, values in (("deposits", paid), ("rate", rates)):
        if values.dtype.kind not in "biuf":
            raise DTypeError(f"{name} must be real numbers; got {values.dtype}.")
        if values.dtype.kind == "f" and not np.isfinite(values).all():
            raise NonFiniteError(f"{name} must be finite; got {values}.")
    return paid.astype(float), rates.astype(float)


def _is_whole(value: Any) -> bool:
    return isinstance(value, int | np.integer | np.bool_)


def _factor(rate: Array, compounding: int | str) -> Any:
    """Return what 1 becomes in one period."""
    value = rate.item()
    if not value >= -1:
        raise OptionError(f"a rate must be at least -1, the loss of all; got {value}.")
    if compounding == "continuous":
        if isinstance(value, Fraction):
            raise DTypeError(
                f"exp({value}) is no fraction. Pass a float or a Decimal to compound continuously."
            )
        return value.exp() if isinstance(value, Decimal) else np.exp(value)
    if (
        isinstance(compounding, bool)
        or not isinstance(compounding, int | np.integer)
        or compounding < 1
    ):
        raise OptionError(
            "compounding is how often in a period interest is added, 1 or more, or 'continuous'; "
            f"got {compounding!r}."
        )
    times = int(compounding)
    return (1 + value / times) ** times if times > 1 else 1 + value
