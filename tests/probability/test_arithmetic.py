"""Sums, copies, multiples, shifts and mixtures of random variables."""

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

import sigconv
from sigconv import errors
from sigconv.probability import PMF, dice, maximum, minimum, mixture
from tests.probability.drawn import RATIONALS, added, as_mapping, exact_pmfs

COPIES = st.integers(0, 7)


def rounded(X: PMF) -> PMF:
    return PMF(X.probabilities.astype(float), float(X.offset), float(X.step))


def assert_same(X: PMF, expected: PMF) -> None:
    """The probabilities of a rounded PMF are those of an exact one, relative to each."""
    x = expected.support
    np.testing.assert_allclose(X.pmf(x.astype(float)), expected.pmf(x).astype(float), rtol=1e-13)
    assert X.probabilities.sum() == pytest.approx(1, abs=1e-14)
    assert X.support.size == x.size


@given(exact_pmfs(), exact_pmfs())
@example(PMF([Fraction(1)]), PMF([Fraction(1)], step=2))
def test_sum_of_independent_variables_is_that_of_all_pairs(X, Y):
    assert as_mapping(X + Y) == added(X, Y)
    assert X + Y == Y + X
    assert (X + Y).mean == X.mean + Y.mean
    assert (X + Y).variance == X.variance + Y.variance
    assert (X - Y).mean == X.mean - Y.mean
    assert (X - Y).variance == X.variance + Y.variance


@given(exact_pmfs(), exact_pmfs(), exact_pmfs())
def test_sums_associate(X, Y, Z):
    assert (X + Y) + Z == X + (Y + Z)


@given(exact_pmfs(), COPIES, COPIES)
def test_copies_add(X, m, n):
    assert m @ X + n @ X == (m + n) @ X
    assert (n @ X).mean == n * X.mean
    assert (n @ X).variance == n * X.variance
    assert m @ (n @ X) == (m * n) @ X
    assert as_mapping(2 @ X) == added(X, X)


@given(exact_pmfs(), RATIONALS, RATIONALS)
def test_multiples_and_shifts_move_the_values(X, a, b):
    Y = a * X + b
    expected: dict[Fraction, Fraction] = {}
    for x, p in as_mapping(X).items():
        expected[a * x + b] = expected.get(a * x + b, 0) + p
    assert as_mapping(Y) == expected
    assert b - X == -X + b
    assert X - b == X + -b
    if a:
        assert Y.step == abs(a) * X.step
        assert (X * a) / a == X


@given(exact_pmfs(), exact_pmfs(), COPIES)
def test_rounded_variables_add_as_exact_ones(X, Y, n):
    common = Y * (X.step / Y.step)
    assert_same(rounded(X) + rounded(common), X + common)
    assert_same(n @ rounded(X), n @ X)
    assert_same(rounded(X) * -3, X * -3)


@given(exact_pmfs(), exact_pmfs())
def test_larger_and_smaller_of_two_are_those_of_all_pairs(X, Y):
    for combine, choose in ((maximum, max), (minimum, min)):
        expected: dict[Fraction, Fraction] = {}
        for x, p in as_mapping(X).items():
            for y, q in as_mapping(Y).items():
                expected[choose(x, y)] = expected.get(choose(x, y), 0) + p * q
        assert as_mapping(combine(X, Y)) == expected
        assert combine(X, Y) == combine(Y, X)


@given(exact_pmfs(), exact_pmfs(), st.integers(0, 5), st.integers(1, 5))
def test_mixture_weighs_probabilities(X, Y, v, w):
    mixed = as_mapping(mixture([X, Y], [v, w]))
    p, q = as_mapping(X), as_mapping(Y)
    every = p.keys() | q.keys()
    expected = {x: (v * p.get(x, 0) + w * q.get(x, 0)) / Fraction(v + w) for x in every}
    assert mixed == {x: r for x, r in expected.items() if r}


def test_combinations_round_where_one_of_two_is_rounded():
    X, Y = dice(1, 4, exact=True), dice(1, 6)
    for combined in (X + Y, maximum(X, Y), minimum(Y, X), mixture([X, Y], [1, 1])):
        assert combined.probabilities.dtype == float
    assert not mixture([X, X], [0.5, 0.5]).is_exact
    np.testing.assert_allclose(maximum(X, Y).pmf([1, 4, 6]), [1 / 24, 7 / 24, 1 / 6])


def test_combinations_keep_probabilities_that_float64_cannot_hold():
    X = PMF.from_log_weights([0, -1000.0])
    assert maximum(X, X).logpmf(1) == pytest.approx(np.log(2) - 1000, rel=1e-14)
    assert minimum(X, X).logpmf(1) == pytest.approx(-2000, rel=1e-14)
    assert mixture([X, X + 1], [1, 3]).logpmf(2) == pytest.approx(np.log(0.75) - 1000, rel=1e-14)


def test_lattices_meet_in_their_common_divisor():
    X = PMF([0.5, 0.5], step=4) + PMF([0.5, 0.5], offset=1, step=6)
    assert (X.offset, X.step) == (1, 2)
    np.testing.assert_array_equal(X.support, [1, 5, 7, 11])
    Y = PMF([0.5, 0.5], step=0.1) + PMF([0.5, 0.5], offset=0.05, step=0.3)
    np.testing.assert_allclose(Y.support, [0.05, 0.15, 0.35, 0.45])
    Z = mixture([PMF([0.5, 0.5]), PMF([0.5, 0.5], offset=0.5)], [1, 1])
    np.testing.assert_allclose(Z.support, [0, 0.5, 1, 1.5])


def test_lattices_that_do_not_meet_are_refused():
    X, Y = PMF([0.5, 0.5], step=1.0), PMF([0.5, 0.5], step=np.sqrt(2))
    for combine in (lambda: X + Y, lambda: maximum(X, X + 0.3), lambda: mixture([X, Y], [1, 1])):
        with pytest.raises(errors.OptionError, match="Fraction"):
            combine()


def test_constant_moves_a_variable_on_any_lattice():
    X = PMF([0.5, 0.5], step=0.5)
    assert X + PMF([1.0], offset=1 / 3) == X + 1 / 3 == PMF([1.0], offset=1 / 3) + X
    assert PMF([1.0]) == 0 @ X
    assert PMF([1.0]) == 0 * X


def test_numbers_of_numpy_combine_as_pythons():
    X = dice(1, 6, exact=True)
    assert np.int64(3) @ X == 3 @ X
    assert np.int64(3) * X == 3 * X == X * np.int32(3)
    assert np.float64(0.5) + X == 0.5 + X
    assert isinstance((np.int64(3) * X).offset, int)


def test_what_makes_no_variable_is_refused():
    X = dice(1, 6)
    for wrong in (lambda: 2.5 @ X, lambda: True @ X, lambda: X + "a", lambda: X * X, lambda: X / X):
        with pytest.raises(TypeError):
            wrong()
    with pytest.raises(errors.OptionError, match="mirrors"):
        -1 @ X
    with pytest.raises(errors.OptionError, match="0"):
        X / 0
    with pytest.raises(errors.NonFiniteError):
        X + np.inf
    with pytest.raises(errors.BudgetError, match="copies"):
        10**8 @ X
    with pytest.raises(errors.BudgetError, match="float64"):
        dice(1000, 1000, exact=True)
    with pytest.raises(errors.BudgetError, match="divisor"):
        X + PMF([0.5, 0.5], step=Fraction(1, 10**9))
    with pytest.raises(errors.ShapeError, match="weight"):
        mixture([X], [1, 2])
    with pytest.raises(errors.OptionError, match="all be 0"):
        mixture([X], [0])
    with pytest.raises(errors.ShapeError):
        mixture([], [])


@given(st.lists(st.integers(0, 10**30), min_size=1, max_size=8).filter(any), COPIES)
def test_exact_copies_are_sigconvs_exact_convolution(weights, n):
    X = PMF.from_weights(weights, exact=True)
    expected = np.array([Fraction(1)], object)
    for _ in range(n):
        expected = sigconv.convolve(expected, X.probabilities, method="exact")
    np.testing.assert_array_equal((n @ X).probabilities, expected)


def test_numbers_are_constants_among_variables():
    die = dice(1, 6, exact=True)
    assert maximum(die, 3).pmf(3) == Fraction(1, 2)
    assert minimum(3, die).pmf(3) == Fraction(2, 3)
    assert mixture((x for x in (die, 9)), [1, 1]).pmf(9) == Fraction(1, 2)
    with pytest.raises(errors.DTypeError, match="PMF"):
        maximum(1, 2)
