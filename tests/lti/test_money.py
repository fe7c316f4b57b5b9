"""Balances are convolutions of deposits with growth, beside numpy_financial."""

from decimal import Decimal
from fractions import Fraction

import numpy as np
import numpy_financial
import pytest
from hypothesis import given
from hypothesis import strategies as st

import sigconv as sc
from sigconv.errors import DTypeError, NonFiniteError, OptionError, ShapeError
from sigconv.lti import compound_interest, growth, rate_per_part


def test_100_for_five_years_at_5_percent():
    assert np.isclose(compound_interest([100], 0.05, periods=5)[-1], 127.62815625, rtol=1e-14)
    assert compound_interest([100], Decimal("0.05"), periods=5)[-1] == Decimal("127.62815625")
    assert compound_interest([100], Fraction(5, 100), periods=5)[-1] == Fraction("127.62815625")


def test_100_at_the_start_of_each_year():
    assert np.isclose(compound_interest([100] * 6, 0.05)[5], 680.19128125, rtol=1e-14)
    exact = compound_interest([100] * 6, Fraction(1, 20))
    assert exact[5] == Fraction("680.19128125")


def test_balances_are_the_convolution_with_the_powers_of_growth():
    deposits = np.random.default_rng(0).standard_normal(30)
    powers = 1.03 ** np.arange(30)
    np.testing.assert_allclose(
        compound_interest(deposits, 0.03), sc.convolve(deposits, powers)[:30], atol=1e-12
    )
    np.testing.assert_allclose(growth(0.03)(deposits), compound_interest(deposits, 0.03))


@given(
    # Next to 0 numpy_financial loses digits.
    st.one_of(st.floats(-0.5, -1e-3), st.floats(1e-3, 0.5)),
    st.integers(1, 40),
    st.floats(-1e4, 1e4),
    st.floats(-1e4, 1e4),
    st.sampled_from(["start", "end"]),
)
def test_future_value_of_equal_deposits(rate, count, deposit, present, when):
    signal = [deposit] * count
    balances = compound_interest(signal, rate, periods=count, when=when)
    balances = balances + compound_interest([present], rate, periods=count)
    other = numpy_financial.fv(
        rate, count, -deposit, -present, when="begin" if when == "start" else "end"
    )
    scale = (abs(deposit) * count + abs(present)) * max(1, 1 + rate) ** count
    assert abs(balances[-1] - other) <= 1e-6 * max(scale, 1e-300)


def test_without_interest_deposits_add_up():
    np.testing.assert_array_equal(compound_interest([3.0, -1.0, 5.0], 0.0), [3, 2, 7])


def test_deposits_at_the_end_come_one_period_later():
    start = compound_interest([5.0, 7.0], 0.1, periods=4)
    end = compound_interest([5.0, 7.0], 0.1, periods=4, when="end")
    assert end[0] == 0
    np.testing.assert_array_equal(end[1:], start[:-1])
    assert compound_interest([5.0, 7.0], 0.1).shape == (2,)
    assert compound_interest([5.0, 7.0], 0.1, when="end").shape == (3,)


def test_deposits_after_the_last_period_do_not_count():
    np.testing.assert_allclose(compound_interest([1.0, 1.0, 1.0], 0.5, periods=1), [1, 2.5])
    np.testing.assert_allclose(compound_interest([1.0] * 3, 0.5, periods=1, when="end"), [0, 1])


def test_rates_may_differ_from_period_to_period():
    balances = compound_interest([100, 0, -10], [0.1, 0.2, 0.0], periods=3)
    np.testing.assert_allclose(balances, [100, 110, 122, 122])
    same = compound_interest([1.0, 2.0, 3.0], [0.07] * 2)
    np.testing.assert_allclose(same, compound_interest([1.0, 2.0, 3.0], 0.07), rtol=1e-15)
    exact = compound_interest([100], [Fraction(1, 10), Fraction(1, 5)], periods=2)
    assert exact.tolist() == [100, 110, 132]


def test_interest_may_be_added_often_or_always():
    assert np.isclose(compound_interest([1.0], 0.12, periods=1, compounding=12)[1], 1.01**12)
    assert np.isclose(
        compound_interest([1.0], 0.12, periods=1, compounding="continuous")[1], np.exp(0.12)
    )
    assert compound_interest([1], Decimal("0.12"), periods=1, compounding=12)[1] == (
        Decimal("1.01") ** 12
    )
    assert compound_interest([1], Decimal(0), periods=1, compounding="continuous")[1] == 1


@pytest.mark.parametrize("kind", [Fraction, Decimal])
def test_integers_beside_exact_numbers_become_exact(kind):
    balances = compound_interest([kind(1), 2], 1, compounding=2)
    assert balances.tolist() == [1, kind(1) * 9 / 4 + 2]
    assert {type(value) for value in compound_interest([1, 2], [kind(1), 0], periods=2)} == {kind}
    assert compound_interest([kind(1)], 0, periods=1).tolist() == [1, 1]


def test_small_rates_keep_their_digits():
    for kind in (1, "continuous"):
        assert rate_per_part(1e-12, 12, compounding=kind) == pytest.approx(1e-12 / 12, rel=1e-11)
    assert rate_per_part(-1.0, 12) == -1


def test_nothing_paid_in_is_nothing_of_the_same_kind():
    balances = compound_interest([], Fraction(1, 20), periods=2)
    assert {type(value) for value in balances} == {Fraction}
    assert not balances.any()


def test_deposits_of_any_size():
    np.testing.assert_allclose(compound_interest([2**70], 0.5, periods=1), [2.0**70, 1.5 * 2**70])


def test_one_rate_is_one_number():
    for call in (growth, lambda rate: rate_per_part(rate, 12)):
        with pytest.raises(ShapeError, match="one number"):
            call([0.1, 0.2])
        with pytest.raises(DTypeError, match="real"):
            call(1j)
        with pytest.raises(NonFiniteError, match="finite"):
            call(np.inf)
    assert rate_per_part(Decimal("0.12"), 12, compounding=12) == Decimal("0.01")


def test_a_long_time_keeps_small_balances_exact():
    balances = compound_interest([1.0], 0.05, periods=2000)
    np.testing.assert_allclose(balances, 1.05 ** np.arange(2001), rtol=1e-12)


@pytest.mark.parametrize(
    ("error", "arguments", "keywords", "says"),
    [
        (OptionError, ([1], 0.1), {"when": "middle"}, "'start' or 'end'"),
        (OptionError, ([1], -2), {}, "at least -1"),
        (OptionError, ([1], 0.1), {"periods": -1}, "whole number"),
        (OptionError, ([1], 0.1), {"periods": 1.5}, "whole number"),
        (OptionError, ([1], 0.1), {"compounding": 0}, "1 or more"),
        (OptionError, ([1], 0.1), {"compounding": "daily"}, "how often"),
        (ShapeError, ([[1]], 0.1), {}, "sequence"),
        (ShapeError, ([1], [0.1]), {"periods": 2}, "2 periods"),
        (DTypeError, ([0.5], Fraction(1, 2)), {}, "float64"),
        (DTypeError, ([Decimal(1)], Fraction(1, 2)), {}, "Decimal, Fraction"),
        (DTypeError, ([1], Fraction(1, 2)), {"compounding": "continuous"}, "no fraction"),
        (DTypeError, ([1j], 0.5), {}, "real"),
        (NonFiniteError, ([np.nan], 0.5), {}, "finite"),
        (NonFiniteError, ([Decimal("inf")], Decimal(1)), {}, "finite"),
        (NonFiniteError, ([1], Decimal("nan")), {}, "finite"),
        (OptionError, ([1.0], 1e200), {"compounding": 2}, "beyond all numbers"),
        (OptionError, ([1.0], 1000), {"compounding": "continuous"}, "beyond all numbers"),
    ],
)
def test_what_makes_no_account(error, arguments, keywords, says):
    with pytest.raises(error, match=says):
        compound_interest(*arguments, **keywords)
