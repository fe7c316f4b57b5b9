"""Dice: numbers that can be checked by hand, and the notation of players."""

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sigconv import errors
from sigconv.probability import PMF, dice, parse_dice
from tests.probability.drawn import log_ratio, ways


def test_sum_of_two_dice_is_four_in_three_of_36_ways():
    f = dice(1, 6, exact=True)
    by_hand = f.pmf(1) * f.pmf(3) + f.pmf(2) * f.pmf(2) + f.pmf(3) * f.pmf(1)
    assert (f + f).pmf(4) == by_hand == Fraction(3, 36)
    assert dice(2, 6).pmf(4) == pytest.approx(3 / 36, rel=1e-15)


def test_hundred_dice_sum_to_hundred_once_in_six_to_the_hundred():
    assert dice(100, 6).pmf(100) == pytest.approx(6.0**-100, rel=1e-13)
    assert dice(100, 6, exact=True).pmf(100) == Fraction(1, 6**100)


@given(st.integers(1, 12), st.integers(1, 12))
def test_dice_are_counted_by_inclusion_and_exclusion(n, sides):
    exact, rounded = dice(n, sides, exact=True), dice(n, sides)
    expected = [Fraction(ways(n, sides, k), sides**n) for k in range(n, n * sides + 1)]
    assert exact.probabilities.tolist() == expected
    np.testing.assert_allclose(rounded.probabilities, [float(p) for p in expected], rtol=1e-13)


def test_thousand_dice_of_thousand_sides_are_accurate_everywhere():
    X = dice(1000, 1000)
    assert X.probabilities.sum() == pytest.approx(1, abs=1e-13)
    assert X.mean == pytest.approx(500_500, rel=1e-13)
    assert X.variance == pytest.approx(1000 * (1000**2 - 1) / 12, rel=1e-11)
    # The ends, ten deviations either way, the middle, and between.
    total = np.array([1000, 1001, 1007, 2000, 30_000, 300_000, 409_213, 500_000, 591_787, 999_990,
                      1_000_000])  # fmt: skip
    expected = [log_ratio(ways(1000, 1000, int(k)), 1000**1000) for k in total]
    np.testing.assert_allclose(X.logpmf(total), expected, rtol=0, atol=2e-11)
    assert X.logcdf(1000) == pytest.approx(-1000 * np.log(1000), abs=1e-11)
    assert X.logsf(999_999) == pytest.approx(-1000 * np.log(1000), abs=1e-11)
    assert X.logsf(1000) == 0
    assert (X.probabilities >= 0).all()


@pytest.mark.parametrize(
    ("notation", "expected"),
    [
        ("4d6", 4 @ dice(1, 6, exact=True)),
        ("d8", dice(1, 8, exact=True)),
        ("D%", dice(1, 100, exact=True)),
        ("2d6+1d8+3", dice(2, 6, exact=True) + dice(1, 8, exact=True) + 3),
        (" 4d6 - 2 ", dice(4, 6, exact=True) - 2),
        ("-d4+10-2d3", 10 - dice(1, 4, exact=True) - dice(2, 3, exact=True)),
        ("7", PMF([Fraction(1)], 7)),
        ("0d6", PMF([Fraction(1)])),
    ],
)
def test_notation_is_a_sum_of_dice_and_numbers(notation, expected):
    assert parse_dice(notation, exact=True) == expected
    assert not parse_dice(notation).is_exact


@pytest.mark.parametrize(
    "notation", ["", " ", "d", "4e6", "4d6d", "2d6 3", "2d6+", "++3", "1.5", "٤d6"]
)
def test_other_notation_is_refused(notation):
    with pytest.raises(errors.OptionError, match="2d6"):
        parse_dice(notation)


def test_dice_without_sides_and_negative_numbers_of_dice_are_refused():
    for n, sides in ((-1, 6), (1, 0), (1.5, 6), (1, True), ("1", 6)):
        with pytest.raises(errors.OptionError, match="at least"):
            dice(n, sides)  # type: ignore[arg-type]
    with pytest.raises(errors.OptionError, match="at least 1"):
        parse_dice("3d0")
    with pytest.raises(errors.BudgetError):
        dice(1, 10**9)


def test_long_variables_sum_as_their_dice_do():
    X, Y = dice(500, 1000), dice(1000, 1000)
    np.testing.assert_allclose((X + X).logpmf(Y.values), Y.logpmf(Y.values), rtol=0, atol=3e-11)
