"""Random variables that tests draw, and what they are compared with."""

from collections.abc import Sequence
from fractions import Fraction
from math import comb
from typing import Any

import mpmath
import numpy as np
from hypothesis import strategies as st

from sigconv.probability import PMF

WEIGHTS = st.lists(st.integers(0, 20), min_size=1, max_size=9).filter(any)
RATIONALS = st.fractions(-5, 5, max_denominator=6)


@st.composite
def exact_pmfs(draw: st.DrawFn) -> PMF:
    """A PMF of Fractions with a rational offset and step."""
    step = draw(RATIONALS.filter(lambda f: f > 0))
    return PMF.from_weights(draw(WEIGHTS), draw(RATIONALS), step, exact=True)


def as_mapping(X: PMF) -> dict[Any, Any]:
    """The values of positive probability, and those."""
    return {x: p for x, p in zip(X.values.tolist(), X.probabilities, strict=True) if p}


def added(X: PMF, Y: PMF) -> dict[Any, Any]:
    """The sum of two independent variables, pair by pair."""
    found: dict[Any, Any] = {}
    for x, p in as_mapping(X).items():
        for y, q in as_mapping(Y).items():
            found[x + y] = found.get(x + y, 0) + p * q
    return found


def log_of_sum(a: Sequence[Any], b: Sequence[Any], k: int) -> float:
    """log sum_j exp(a[j] + b[k-j]) with 40 digits."""
    with mpmath.workdps(40):
        low, high = max(0, k - len(b) + 1), min(len(a), k + 1)
        terms = [mpmath.exp(mpmath.mpf(a[j]) + mpmath.mpf(b[k - j])) for j in range(low, high)]
        total = mpmath.fsum(terms)
        return float(mpmath.log(total)) if total else -np.inf


def ways(count: int, sides: int, total: int) -> int:
    """The number of ways in which dice sum to `total`, by inclusion and exclusion."""
    above = total - count
    return sum(
        (-1) ** j * comb(count, j) * comb(above - j * sides + count - 1, count - 1)
        for j in range(min(count, above // sides) + 1)
    )


def log_ratio(numerator: int, denominator: Any) -> float:
    """log(numerator / denominator) of long integers, correctly rounded."""
    with mpmath.workdps(40):
        return float(mpmath.log(mpmath.mpf(numerator)) - mpmath.log(mpmath.mpf(denominator)))


def as_float(f: Fraction) -> float:
    return f.numerator / f.denominator
