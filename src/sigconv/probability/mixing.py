"""Combinations other than sums: mixtures, and the larger and the smaller of two variables."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import reduce
from typing import Any

import numpy as np

from sigconv.errors import DTypeError, OptionError, ShapeError
from sigconv.probability.checks import Row, as_fractions, is_whole, nonnegative_row
from sigconv.probability.lattice import Lattice, Number, as_number, common
from sigconv.probability.masses import Masses
from sigconv.probability.pmf import PMF
from sigconv.probability.sums import check_size

__all__ = ["maximum", "minimum", "mixture"]


def mixture(pmfs: Iterable[PMF | Number], weights: Row) -> PMF:
    """One of several variables, drawn with probabilities in the proportion of weights.

    Parameters
    ----------
    pmfs : sequence of PMF
        The variables, or numbers for constants, whose values have a common lattice.
    weights : array_like
        One for each, not negative and not all 0. Where all PMFs are exact the result is, for
        weights that are int or Fraction.

    Returns
    -------
    PMF
        P(X = x) = sum_i w_i P(X_i = x) / sum_i w_i.

    Raises
    ------
    ShapeError
        No PMF, or not as many weights.

    Examples
    --------
    A die with four or with six sides, by the toss of a coin:

    >>> from sigconv.probability import dice
    >>> mixture([dice(1, 4, exact=True), dice(1, 6, exact=True)], [1, 1]).pmf(4)
    Fraction(5, 24)
    """
    w, variables = nonnegative_row(weights, "weights"), _variables(pmfs)
    if all(x.is_exact for x in variables) and is_whole(weights):
        w = as_fractions(weights)
    if w.size != len(variables):
        raise ShapeError(f"a mixture has a weight for each PMF; got {len(variables)} and {w.size}.")
    if not (w > 0).any():
        raise OptionError("weights must not all be 0; their sum is scaled to 1.")
    w = w / sum(w)
    chosen = [(x, share) for x, share in zip(variables, w, strict=True) if share]
    lattice, masses = _aligned([x for x, _ in chosen])
    shares = [share for _, share in chosen]
    if w.dtype.kind != "O":
        masses = [m.rounded() for m in masses]
    if any(m.has_tiny for m in masses):
        logs = [m.logs + np.log(share) for m, share in zip(masses, shares, strict=True)]
        mixed = reduce(np.logaddexp, logs)
        return PMF.from_log_weights(mixed, lattice.offset, lattice.step)
    p = reduce(np.add, (share * m.p for m, share in zip(masses, shares, strict=True)))
    return PMF.from_weights(p, lattice.offset, lattice.step)


def maximum(first: PMF | Number, second: PMF | Number) -> PMF:
    """The larger of two independent variables.

    Parameters
    ----------
    first, second : PMF
        X and Y, of which one may be a number, whose values have a common lattice.

    Returns
    -------
    PMF
        P(max = x) = P(X = x) P(Y <= x) + P(X < x) P(Y = x), a sum without cancellation.

    Examples
    --------
    Rolling with advantage, the better of two dice: 11 of 36 pairs have a six.

    >>> from sigconv.probability import dice
    >>> die = dice(1, 6, exact=True)
    >>> maximum(die, die).pmf(6)
    Fraction(11, 36)
    """
    lattice, (x, y) = _aligned(_variables([first, second]))
    if not (x.is_exact and y.is_exact):
        x, y = x.rounded(), y.rounded()
    if x.has_tiny or y.has_tiny:
        before = np.concatenate(([-np.inf], np.logaddexp.accumulate(x.logs)[:-1]))
        logs = np.logaddexp(x.logs + np.logaddexp.accumulate(y.logs), before + y.logs)
        return PMF.from_log_weights(logs, lattice.offset, lattice.step)
    less = np.concatenate((x.p[:1] * 0, x.p.cumsum()[:-1]))
    return PMF.from_weights(x.p * y.p.cumsum() + less * y.p, lattice.offset, lattice.step)


def minimum(first: PMF | Number, second: PMF | Number) -> PMF:
    """The smaller of two independent variables.

    Parameters
    ----------
    first, second : PMF
        X and Y, of which one may be a number, whose values have a common lattice.

    Returns
    -------
    PMF
        P(min = x) = P(X = x) P(Y >= x) + P(X > x) P(Y = x).

    Examples
    --------
    >>> from sigconv.probability import dice
    >>> die = dice(1, 6, exact=True)
    >>> minimum(die, die).pmf(6)
    Fraction(1, 36)
    """
    one, other = _variables([first, second])
    return -maximum(-one, -other)


def _variables(values: Iterable[Any]) -> list[PMF]:
    """Return variables, numbers as constants."""
    given = list(values)
    known = [value for value in given if isinstance(value, PMF)]
    if not known:
        raise DTypeError(f"at least one variable must be a PMF; got {given!r:.80}.")
    return [v if isinstance(v, PMF) else 0 * known[0] + as_number(v, "a constant") for v in given]


def _aligned(pmfs: Sequence[PMF]) -> tuple[Lattice, list[Masses]]:
    """Return the masses of several variables on one lattice."""
    all_masses = [x._masses for x in pmfs]
    first = min(x.offset for x in pmfs)
    before = [as_number(x.offset - first, "a distance") for x in pmfs]
    steps = [x.step for x in pmfs if x._masses.size > 1]
    step = common(*steps, *before)
    skipped = [round(distance / step) for distance in before]
    every = [round(x.step / step) if x._masses.size > 1 else 1 for x in pmfs]
    triples = list(zip(all_masses, every, skipped, strict=True))
    size = max(skip + e * (m.size - 1) for m, e, skip in triples) + 1
    check_size(size)
    return Lattice(first, step), [m.spread(e, skip, size) for m, e, skip in triples]
