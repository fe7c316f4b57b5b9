"""Discrete distributions of scipy.stats, there and back."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable
from typing import Any

import numpy as np

from sigconv.core.dtypes import Array
from sigconv.errors import BudgetError, DTypeError, OptionError
from sigconv.probability.masses import TINY
from sigconv.probability.sums import MAX_SIZE, check_size

__all__ = ["distribution_of", "logs_of", "values_of"]


def values_of(distribution: Any) -> dict[float, float] | None:
    """Return {value: probability} of a distribution that lists them, else None."""
    from scipy.stats import rv_discrete

    listed: Any = getattr(distribution, "dist", distribution)
    if not isinstance(listed, rv_discrete):
        raise DTypeError(
            "from_scipy takes a discrete distribution of scipy.stats with its parameters, such as "
            f"poisson(3); got {type(distribution).__name__}."
        )
    values, probabilities = (getattr(listed, name, None) for name in ("xk", "pk"))
    if values is None or probabilities is None:
        return None
    shift = distribution.support()[0] - values[0]
    return dict(zip((values + shift).tolist(), probabilities.tolist(), strict=True))


def logs_of(distribution: Any, tail: float) -> tuple[Array, int]:
    """Return log P(X = k) of a distribution on integers, and the first k."""
    if not 0 < tail <= 0.01:
        raise OptionError(f"tail must lie between 0 and 0.01; got {tail!r}.")
    try:
        first, last = distribution.support()
    except TypeError as error:
        raise OptionError(
            f"the distribution lacks parameters ({error}). Freeze it: poisson(3)."
        ) from None
    middle = int(distribution.ppf(0.5))
    if not np.isfinite(first):
        first = middle - _steps(lambda n: distribution.cdf(middle - n - 1) <= tail)
    if not np.isfinite(last):
        last = middle + _steps(lambda n: distribution.sf(middle + n) <= tail)
    check_size(int(last) - int(first) + 1)
    k = np.arange(int(first), int(last) + 1)
    with np.errstate(all="ignore"):
        p, logs = distribution.pmf(k), distribution.logpmf(k)
        return np.where(p > TINY, np.log(p), logs), int(first)


def _steps(is_enough: Callable[[int], bool]) -> int:
    """Return the least number of steps that is enough, or say that they are too many."""
    high = 1
    # SciPy's own quantiles are 1 - q, which is 1 for small q.
    while not is_enough(high):
        high *= 2
        if high > MAX_SIZE:
            raise BudgetError(
                f"more than {MAX_SIZE} values lie outside the tail that is left out. Leave out a "
                "larger one: tail=1e-9."
            )
    return bisect_left(range(high + 1), True, key=is_enough)


def distribution_of(values: Array, probabilities: Array) -> Any:
    """Return the scipy.stats.rv_discrete that lists values and probabilities."""
    from scipy.stats import rv_discrete

    return rv_discrete(values=(values.astype(float), probabilities.astype(float)))
