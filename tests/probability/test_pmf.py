"""A PMF: what makes one, what it answers, and what it refuses."""

from fractions import Fraction
from math import inf, isnan

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from sigconv import errors
from sigconv.probability import PMF, dice
from tests.probability.drawn import as_mapping, exact_pmfs

HALF = Fraction(1, 2)


def test_zeros_at_the_ends_are_no_values():
    X = PMF([0, 0, 0.25, 0, 0.75, 0], offset=10, step=5)
    assert (X.offset, X.step) == (20, 5)
    np.testing.assert_array_equal(X.probabilities, [0.25, 0, 0.75])
    np.testing.assert_array_equal(X.values, [20, 25, 30])
    np.testing.assert_array_equal(X.support, [20, 30])


def test_what_sums_nearly_to_one_is_scaled_and_what_sums_to_one_is_kept():
    p = [0.1] * 10
    np.testing.assert_array_equal(PMF(p).probabilities, p)
    assert PMF([0.5, 0.5 + 1e-10]).probabilities.sum() == pytest.approx(1, abs=1e-15)


@pytest.mark.parametrize(
    ("arguments", "error", "said"),
    [
        (([0.5, 0.4],), errors.OptionError, "from_weights"),
        (([HALF, Fraction(1, 3)],), errors.OptionError, "5/6"),
        (([1.5, -0.5],), errors.OptionError, "negative"),
        (([np.nan, 1],), errors.NonFiniteError, "finite"),
        (([],), errors.ShapeError, "shape"),
        (([[1.0]],), errors.ShapeError, "shape"),
        (([1j],), errors.DTypeError, "real"),
        (([1.0], 0, 0), errors.OptionError, "positive"),
        (([1.0], 0, -1), errors.OptionError, "positive"),
        (([1.0], inf), errors.NonFiniteError, "offset"),
        (([1.0], "a"), errors.DTypeError, "offset"),
        (([1.0], True), errors.DTypeError, "offset"),
    ],
)
def test_refused_arguments_say_why(arguments, error, said):
    with pytest.raises(error, match=said):
        PMF(*arguments)


def test_arrays_cannot_be_changed():
    X = dice(2, 6)
    with pytest.raises(ValueError, match="read-only"):
        X.probabilities[0] = 1
    given_ = np.array([0.5, 0.5])
    X = PMF(given_)
    given_[0] = 7
    assert X.pmf(0) == 0.5


@given(exact_pmfs())
def test_exact_answers_are_sums_of_fractions(X):
    p = as_mapping(X)
    assert sum(p.values()) == 1
    assert X.mean == sum(x * q for x, q in p.items())
    assert X.variance == sum((x - X.mean) ** 2 * q for x, q in p.items())
    assert X.moment(3) == sum(x**3 * q for x, q in p.items())
    for x in [*X.values.tolist(), X.offset - X.step, X.offset + X.step / 3]:
        assert X.pmf(x) == p.get(x, 0)
        assert X.cdf(x) == sum(q for y, q in p.items() if y <= x)
        assert X.sf(x) == 1 - X.cdf(x)
        assert isinstance(X.cdf(x), Fraction)
        assert X.between(x, X.offset + X.step) == sum(
            q for y, q in p.items() if x <= y <= X.offset + X.step
        )


@given(exact_pmfs(), st.fractions(0, 1))
def test_quantile_is_the_least_value_with_that_much_below(X, q):
    x = X.ppf(q)
    if q == 0:
        assert x == X.offset - X.step
    else:
        assert X.cdf(x) >= q > X.cdf(x - X.step)


@given(exact_pmfs())
def test_rounded_pmf_answers_as_the_exact_one(X):
    rounded = PMF(X.probabilities.astype(float), X.offset, X.step)
    x = X.values
    for name in ("pmf", "cdf", "sf", "logpmf", "logcdf", "logsf"):
        np.testing.assert_allclose(
            getattr(rounded, name)(x).astype(float), getattr(X, name)(x).astype(float), atol=2e-15,
            rtol=1e-14,
        )  # fmt: skip
    for name in ("mean", "variance", "std", "skewness", "kurtosis"):
        of = float(getattr(X, name))
        assert getattr(rounded, name) == pytest.approx(of, abs=1e-11, nan_ok=True)


def test_answers_follow_scipy():
    ours, theirs = PMF.from_scipy(stats.binom(40, 0.3)), stats.binom(40, 0.3)
    x = np.arange(-3, 45) + 0.0
    np.testing.assert_allclose(ours.pmf(x), theirs.pmf(x), rtol=1e-12)
    np.testing.assert_allclose(ours.cdf(x), theirs.cdf(x), rtol=1e-12)
    np.testing.assert_allclose(ours.sf(x), theirs.sf(x), rtol=1e-11, atol=1e-300)
    np.testing.assert_allclose(ours.cdf(x + 0.5), theirs.cdf(x + 0.5), rtol=1e-12)
    inside = x[(x >= 0) & (x < 40)]
    np.testing.assert_allclose(ours.logsf(inside), theirs.logsf(inside), rtol=1e-11, atol=1e-15)
    np.testing.assert_allclose(ours.logcdf(inside), theirs.logcdf(inside), rtol=1e-11, atol=1e-15)
    q = np.array([0, 0.001, 0.3, 0.5, 0.999, 1])
    np.testing.assert_array_equal(ours.ppf(q), theirs.ppf(q))
    mean, variance, skewness, kurtosis = theirs.stats("mvsk")
    assert ours.mean == pytest.approx(mean)
    assert ours.variance == pytest.approx(variance)
    assert ours.skewness == pytest.approx(skewness)
    assert ours.kurtosis == pytest.approx(kurtosis)
    assert ours.moment(3) == pytest.approx(theirs.moment(3))


def test_beyond_the_ends_and_off_the_lattice_there_is_nothing():
    X = PMF([0.5, 0.5], offset=1, step=2)
    x = np.array([[-inf, 0, 1], [2, 3, inf]])
    np.testing.assert_array_equal(X.pmf(x), [[0, 0, 0.5], [0, 0.5, 0]])
    np.testing.assert_array_equal(X.cdf(x), [[0, 0, 0.5], [0.5, 1, 1]])
    np.testing.assert_array_equal(X.sf(x), [[1, 1, 0.5], [0.5, 0, 0]])
    assert X.logpmf(2) == -inf
    assert X.logcdf(0) == -inf
    assert X.logsf(3) == -inf
    assert X.between(-inf, inf) == 1
    assert X.between(2, 2) == X.between(3, 1) == 0


def test_values_on_a_rounded_lattice_are_found_in_spite_of_rounding():
    X = PMF.from_weights(np.ones(11), offset=0.1, step=0.1)
    np.testing.assert_allclose(X.pmf([0.3, 0.7, 1.1, 0.1 + 0.2]), 1 / 11)
    np.testing.assert_allclose(X.cdf([0.3, 0.1 + 0.2]), 3 / 11)
    assert X.pmf(0.3 + 1e-9) == 0
    fine = PMF([0.5, 0.5], offset=1e6, step=1e-9)
    assert fine.pmf(1e6 + 1e-9) == 0.5
    assert fine.pmf(1e6 + 0.5e-9) == 0


def test_values_beyond_int64_are_exact():
    X = PMF([HALF, HALF], offset=2**80, step=2**70)
    assert X.values.tolist() == [2**80, 2**80 + 2**70]
    assert X.pmf(2**80 + 2**70) == HALF
    assert X.pmf(2**80 + 1) == 0


def test_quantiles_and_values_are_refused_where_they_are_none():
    X = dice(1, 6)
    for q in (-0.1, 1.1):
        with pytest.raises(errors.OptionError, match="0 to 1"):
            X.ppf(q)
    with pytest.raises(errors.NonFiniteError, match="NaN"):
        X.cdf([1, np.nan])
    with pytest.raises(errors.DTypeError, match="real"):
        X.pmf(1j)
    for order in (-1, 1.5, True):
        with pytest.raises(errors.OptionError, match="order"):
            X.moment(order)  # type: ignore[arg-type]


def test_constant_has_no_shape():
    X = PMF([1.0], offset=3)
    assert (X.mean, X.variance, X.std) == (3, 0, 0)
    assert isnan(X.skewness)
    assert isnan(X.kurtosis)


def test_draws_have_the_distribution_and_repeat_with_a_seed():
    X = PMF([0.2, 0, 0.5, 0.3], offset=-1, step=3)
    drawn = X.rvs((300, 100), rng=7)
    np.testing.assert_array_equal(drawn, X.rvs((300, 100), rng=7))
    values, counts = np.unique(drawn, return_counts=True)
    np.testing.assert_array_equal(values, X.support)
    np.testing.assert_allclose(counts / drawn.size, [0.2, 0.5, 0.3], atol=0.012)
    assert X.rvs(rng=1) in X.support.tolist()


def test_small_tails_keep_their_digits():
    X = PMF.from_log_weights(-20.0 * np.arange(100))
    k = np.arange(90)
    np.testing.assert_allclose(X.logsf(k), -20.0 * (k + 1), rtol=1e-13)
    np.testing.assert_allclose(X.sf(k[:30]), np.exp(-20.0 * (k[:30] + 1)), rtol=1e-12)
    np.testing.assert_allclose((-X).logcdf(-k[1:]), -20.0 * k[1:], rtol=1e-13)
    np.testing.assert_allclose(X.logcdf(k), np.log1p(-np.exp(-20.0 * (k + 1))), rtol=1e-12)
    assert X.logbetween(90, 95) == pytest.approx(-1800, rel=1e-13)


def test_weights_of_any_size_make_a_pmf():
    np.testing.assert_allclose(PMF.from_weights([1e308, 1e308]).probabilities, 0.5)
    np.testing.assert_allclose(PMF.from_weights([5e-324, 5e-324]).probabilities, 0.5)
    with pytest.raises(errors.OptionError, match="all be 0"):
        PMF.from_weights([0, 0])
    with pytest.raises(errors.NonFiniteError, match="-inf"):
        PMF.from_log_weights([-inf, -inf])
    with pytest.raises(errors.DTypeError, match="Fraction"):
        PMF.from_weights([0.5, 0.5], exact=True)


@given(exact_pmfs())
def test_mapping_makes_the_same_variable(X):
    assert as_mapping(PMF.from_values(as_mapping(X))) == as_mapping(X)


def test_mapping_of_floats_lies_on_a_lattice_or_is_refused():
    X = PMF.from_values({0.1: 0.25, 0.3: 0.5, 0.7: 0.25})
    assert X.step == pytest.approx(0.2)
    np.testing.assert_allclose(X.pmf([0.1, 0.3, 0.7]), [0.25, 0.5, 0.25])
    with pytest.raises(errors.OptionError, match="lattice"):
        PMF.from_values({0: 0.5, 1.0: 0.25, 2.5: 0.25})
    with pytest.raises(errors.ShapeError, match="empty"):
        PMF.from_values({})


def test_scipy_there_and_back():
    X = PMF.from_values({1: 0.5, 2: 0.25, 7: 0.25})
    np.testing.assert_allclose(PMF.from_scipy(X.to_scipy()).pmf([1, 2, 7]), [0.5, 0.25, 0.25])
    shifted = PMF.from_scipy(stats.rv_discrete(values=([1, 2], [0.4, 0.6]))(loc=5))
    np.testing.assert_allclose(shifted.pmf([6, 7]), [0.4, 0.6])


def test_endless_distributions_are_cut_in_their_tails():
    X = PMF.from_scipy(stats.poisson(3))
    k = np.arange(20)
    np.testing.assert_allclose(X.logpmf(k), stats.poisson(3).logpmf(k), rtol=1e-12)
    assert PMF.from_scipy(stats.poisson(3), tail=1e-3).values[-1] == stats.poisson(3).isf(1e-3)
    two_sided = PMF.from_scipy(stats.dlaplace(0.8))
    assert two_sided.mean == pytest.approx(0, abs=1e-12)


def test_scipy_distributions_that_make_no_pmf_are_refused():
    with pytest.raises(errors.DTypeError, match="discrete"):
        PMF.from_scipy(stats.norm())
    with pytest.raises(errors.OptionError, match="Freeze"):
        PMF.from_scipy(stats.poisson)
    with pytest.raises(errors.OptionError, match="tail"):
        PMF.from_scipy(stats.poisson(3), tail=0.5)


def test_equal_variables_are_equal():
    X = dice(2, 6, exact=True)
    assert dice(1, 6, exact=True) + dice(1, 6, exact=True) == X
    assert len({X, dice(2, 6, exact=True)}) == 1
    assert X not in (X + 1, 2 * X, dice(2, 7, exact=True), 4)
    assert PMF([1.0], step=2) == PMF([1.0], step=3)
    deep = [PMF.from_log_weights([0, -2000.0, -a, -3000.0]) for a in (1000, 1001)]
    assert deep[0] != deep[1]


def test_repr_is_one_short_line():
    assert repr(PMF([0.5, 0.5], 1.5, Fraction(1, 3))) == (
        "PMF(1.5..1.83333 step 1/3, mean 1.66667, std 0.166667)"
    )
    assert repr(PMF([1.0], 4)) == "PMF(4..4, mean 4, std 0)"


@pytest.mark.parametrize("kind", ["i1", "u1", "u2", "i4", "u8", "i8"])
def test_integers_of_every_width_are_the_same_values(kind):
    values = np.array([0, 1, 5, 6, 7, 100], kind)
    for variable in (
        dice(1, 6),
        dice(1, 6) + 100,
        dice(1, 6) - 3,
        1000 * dice(1, 6),
        100 @ dice(1, 6),
    ):
        for name in ("pmf", "logpmf", "cdf", "sf", "logcdf", "logsf"):
            wanted = getattr(variable, name)([float(value) for value in values])
            np.testing.assert_array_equal(getattr(variable, name)(values), wanted)
            assert getattr(variable, name)(values[0]) == wanted[0]
    assert dice(1, 6).between(values.dtype.type(0), values.dtype.type(2)) == pytest.approx(1 / 3)


def test_unsigned_shifts():
    die = dice(1, 6)
    for kind in (np.uint8, np.uint64, np.int8):
        assert die - kind(1) == die - 1
    assert die - np.int8(-128) == die + 128


def test_values_beyond_all_integers():
    die = dice(1, 6)
    assert die.pmf(2**62) == die.pmf(10**400) == die.sf(2**64) == die.cdf(-(10**400)) == 0
    assert die.cdf(10**400) == 1
    assert (die + 2**62).pmf(2**62 + 1) == pytest.approx(1 / 6)
    assert (die + 2**62).cdf(np.uint64(2**63)) == 1


def test_certainty_is_exactly_1():
    for variable in (dice(1, 6), dice(3, 7), dice(2, 6, exact=True)):
        assert variable.between(-np.inf, np.inf) == variable.moment(0) == 1
        assert variable.logbetween(-np.inf, np.inf) == 0


def test_a_step_that_is_lost_beside_the_offset_is_refused():
    with pytest.raises(errors.OptionError, match="lost"):
        PMF([0.5, 0.5], offset=1e17, step=1.0)


def test_too_long_tails_are_refused():
    with pytest.raises(errors.BudgetError, match="tail"):
        PMF.from_scipy(stats.geom(1e-9))


def test_a_dictionary_is_for_from_values():
    with pytest.raises(errors.DTypeError, match="from_values"):
        PMF({1: 0.5, 2: 0.5})  # type: ignore[arg-type]
