"""Sums of fair dice, from numbers or in the notation of players."""

from __future__ import annotations

import re
from fractions import Fraction

import numpy as np

from sigconv.errors import OptionError
from sigconv.probability.pmf import PMF
from sigconv.probability.sums import check_size

__all__ = ["dice", "parse_dice"]

_TERM = re.compile(r"\s*([+-])?\s*(?:([0-9]{0,9})[dD]([0-9]{1,9}|%)|([0-9]{1,15}))\s*", re.ASCII)


def dice(n: int, sides: int, *, exact: bool = False) -> PMF:
    """Sum of n fair dice with faces 1 to `sides`.

    Parameters
    ----------
    n : int
        How many; the sum of no dice is 0.
    sides : int
        At least 1.
    exact : bool
        Whether probabilities are Fractions.

    Returns
    -------
    PMF
        On n, n + 1, ..., n * sides.

    Raises
    ------
    OptionError
        A negative number of dice, or no sides.

    See Also
    --------
    parse_dice : Unlike dice and constants, as 2d6+1d8+3.

    Examples
    --------
    >>> dice(2, 6, exact=True).pmf(4)
    Fraction(1, 12)
    >>> round(dice(100, 6).pmf(100) * 6.0**100, 9)
    1.0
    """
    for name, value, least in (("n", n, 0), ("sides", sides, 1)):
        if not isinstance(value, int | np.integer) or isinstance(value, bool) or value < least:
            raise OptionError(f"{name} must be an integer of at least {least}; got {value!r}.")
    sides = int(sides)
    check_size(sides)
    if exact:
        return n @ PMF([Fraction(1, sides)] * sides, offset=1)
    return n @ PMF(np.full(sides, 1 / sides), offset=1)


def parse_dice(notation: str, *, exact: bool = False) -> PMF:
    """Sum of dice and constants in the notation of players.

    Parameters
    ----------
    notation : str
        Terms ``NdS``, N fair dice with faces 1 to S, and integers, with + and - between them. N is
        1 where it is not written; ``d%`` has 100 faces.
    exact : bool
        Whether probabilities are Fractions.

    Returns
    -------
    PMF

    Raises
    ------
    OptionError
        Anything else.

    Examples
    --------
    >>> parse_dice("2d6 + d8 - 3")
    PMF(0..17, mean 8.5, std 3.32916)
    """
    total: PMF = PMF([Fraction(1)]) if exact else PMF([1.0])
    place = 0
    while place < len(notation) or not place:
        term = _TERM.match(notation, place)
        if term is None or (place and not term[1]):
            raise OptionError(
                f"dice are written NdS, with + and - and numbers between them, as 2d6+1d8-3; got "
                f"{notation!r}, which has something else from character {place + 1} on."
            )
        sign, count, sides, number = term.groups()
        if number is not None:
            value: PMF | int = int(number)
        else:
            faces = 100 if sides == "%" else int(sides)
            value = dice(int(count or "1"), faces, exact=exact)
        total = total - value if sign == "-" else total + value
        place = term.end()
    return total
