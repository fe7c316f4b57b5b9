"""What is left of what came: decay as a system, survival as a convolution."""

from fractions import Fraction

import numpy as np
import pytest

from sigconv.errors import OptionError, ShapeError
from sigconv.lti import decay, exponential, population


def test_half_of_a_stock_is_left_after_a_half_life():
    system = decay(half_life=3, fs=10)
    response = system.impulse_response(61)
    np.testing.assert_allclose(response[[0, 30, 60]], [1, 0.5, 0.25], rtol=1e-13)
    np.testing.assert_allclose(response, exponential(half_life=3)(np.arange(61) / 10), rtol=1e-13)


def test_rate_time_constant_and_half_life_are_one():
    for made in (decay(time_constant=4.0), decay(half_life=4 * np.log(2))):
        np.testing.assert_allclose(
            made.impulse_response(9), decay(rate=0.25).impulse_response(9), rtol=1e-14
        )


def test_steady_doses_pile_up_to_a_geometric_series():
    held = decay(half_life=1)(np.ones(60))
    assert np.isclose(held[-1], 2.0)


def test_exponential_is_nothing_before_its_time():
    assert exponential(rate=2.0)(-1e9) == 0.0
    assert exponential(rate=2.0)(0.5) == np.exp(-1)


def test_those_alive_are_those_born_who_survived():
    births, survival = [3, 1, 4, 1, 5], [Fraction(1), Fraction(1, 2), Fraction(1, 4)]
    alive = population(births, survival)
    expected = [
        sum(births[n - k] * survival[k] for k in range(3) if n >= k) for n in range(len(births))
    ]
    assert alive.tolist() == expected
    assert population([10.0], [1.0, 0.5]).shape == (1,)


def test_exponential_survival_is_first_order_decay():
    births = np.random.default_rng(0).random(50)
    survival = exponential(time_constant=7.0)(np.arange(50.0))
    np.testing.assert_allclose(
        population(births, survival), decay(time_constant=7.0)(births), rtol=1e-12
    )


@pytest.mark.parametrize(
    ("births", "survival", "error"),
    [
        ([-1], [1.0], OptionError),
        ([np.nan], [1.0], OptionError),
        ([1], [0.5, 0.6], OptionError),
        ([1], [1.1], OptionError),
        ([1], [np.nan], OptionError),
        ([1], [], ShapeError),
        ([[1]], [1.0], ShapeError),
    ],
)
def test_survival_is_a_share_that_never_rises(births, survival, error):
    with pytest.raises(error):
        population(births, survival)


def test_narrow_integers_are_numbers_too():
    assert population([1, 2], np.array([1, 0], np.uint8)).tolist() == [1, 2]
    assert population([True, True], [True, False]).tolist() == [1, 1]


@pytest.mark.parametrize(
    "named", [{}, {"rate": 1, "half_life": 1}, {"rate": -1}, {"rate": 0}, {"half_life": 1e-310}]
)
def test_one_positive_number_says_how_fast(named):
    with pytest.raises(OptionError, match=r"rate|short"):
        decay(**named)


def test_samples_per_unit_are_positive():
    with pytest.raises(OptionError, match="fs"):
        decay(rate=1, fs=0)
