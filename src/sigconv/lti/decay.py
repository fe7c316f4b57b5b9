"""What dies out: first-order decay, and populations whose members survive for a while."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from math import exp, isfinite, log
from numbers import Real
from typing import Any

import numpy as np

from sigconv.convolution import convolve
from sigconv.core.dtypes import Array, as_numeric
from sigconv.errors import OptionError, ShapeError
from sigconv.lti.node import Numbers
from sigconv.lti.system import System

__all__ = ["decay", "exponential", "population"]


def decay(
    *,
    rate: float | None = None,
    time_constant: float | None = None,
    half_life: float | None = None,
    fs: float = 1.0,
) -> System:
    """Return the system whose impulse response is exp(-rate t) at the times t = n / fs.

    Parameters
    ----------
    rate, time_constant, half_life : float
        One of them: the share that is lost per unit of time, 1 / rate, or log(2) / rate.
    fs : float
        Samples per unit of time.

    Returns
    -------
    System
        Of the first order: what a stock becomes that is added to by its input.

    See Also
    --------
    exponential : The same as a function of time.

    Examples
    --------
    >>> decay(half_life=2)([8, 0, 0, 0, 1]).round(2)
    array([8.  , 5.66, 4.  , 2.83, 3.  ])
    """
    if not (isinstance(fs, Real) and isfinite(fs) and fs > 0):
        raise OptionError(f"fs must be a positive number of samples per unit of time; got {fs!r}.")
    loss = _rate(rate, time_constant, half_life)
    return System(([1.0], [1.0, -exp(-loss / fs)]), fs=fs)


def exponential(
    *,
    rate: float | None = None,
    time_constant: float | None = None,
    half_life: float | None = None,
) -> Callable[[Any], Any]:
    """Return the function exp(-rate t) for t >= 0, and 0 before.

    Parameters
    ----------
    rate, time_constant, half_life : float
        One of them: the share that is lost per unit of time, 1 / rate, or log(2) / rate.

    Returns
    -------
    callable
        Of a time or an array of times, as `continuous_convolve` takes it.

    Examples
    --------
    >>> fresh = exponential(half_life=3)
    >>> fresh(np.array([-1.0, 0.0, 3.0]))
    array([0. , 1. , 0.5])
    """
    loss = _rate(rate, time_constant, half_life)

    def value(t: Any) -> Any:
        made = np.where(np.asarray(t) < 0, 0.0, np.exp(-loss * np.maximum(t, 0.0)))
        return made if made.ndim else float(made)

    return value


def population(births: Numbers, survival: Numbers) -> Array:
    """How many are there at each time: alive[n] = sum_k births[n-k] survival[k].

    Parameters
    ----------
    births : array_like
        How many begin at each time: births, buns baked, doses taken. Shape (n,), none negative.
    survival : array_like
        The share that is still there k steps later: between 0 and 1, never rising. What is not
        given is 0.

    Returns
    -------
    ndarray
        Shape (n,). ``cumsum(births) - population(...)`` is what is gone.

    Examples
    --------
    Of ten born at once, nine live for a second year and four for a third; then ten more are born:

    >>> population([10, 0, 0, 10], [1.0, 0.9, 0.4])
    array([10.,  9.,  4., 10.])
    """
    born, alive = as_numeric(births, "births"), as_numeric(survival, "survival")
    if born.ndim != 1 or alive.ndim != 1 or not alive.size:
        raise ShapeError(
            "births and survival are sequences, of which survival is not empty; got shapes "
            f"{born.shape} and {alive.shape}."
        )
    if not (born >= 0).all():
        raise OptionError(f"births must not be negative; got {born[~(born >= 0)][0]}.")
    if alive.dtype.kind in "bu":
        alive = alive.astype(np.int64)
    steps = alive[1:] - alive[:-1]
    if not ((alive >= 0) & (alive <= 1)).all() or (steps > 0).any():
        raise OptionError(
            "survival is the share that is still there: between 0 and 1, and never rising; got "
            f"{alive}."
        )
    return convolve(born, alive, "same", center=0)


def _rate(rate: float | None, time_constant: float | None, half_life: float | None) -> float:
    given = {"rate": rate, "time_constant": time_constant, "half_life": half_life}
    named = {name: value for name, value in given.items() if value is not None}
    if len(named) != 1:
        raise OptionError(
            "one of rate, time_constant and half_life says how fast it decays; got "
            f"{', '.join(named) or 'none'}."
        )
    ((name, value),) = named.items()
    if not (isinstance(value, Real | Decimal) and isfinite(value) and value > 0):
        raise OptionError(f"{name} must be a positive number; got {value!r}.")
    loss = (
        float(value) if name == "rate" else (log(2) if name == "half_life" else 1.0) / float(value)
    )
    if not isfinite(loss):
        raise OptionError(f"{name}={value!r} is too short for floats. Use another unit of time.")
    return loss
