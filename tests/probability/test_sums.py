"""Long sums: relative accuracy by every way of summing, compared with 40 digits."""

from math import comb

import mpmath
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from sigconv.probability import PMF, direct, sums, tilting
from sigconv.probability.cumulants import Part
from sigconv.probability.masses import Masses
from tests.probability.drawn import log_of_sum

K = np.arange(600.0)
NEVER = -np.inf

SHAPES = {
    "normal": -((K - 300) ** 2) / 2 / 30**2,
    "skewed": -0.3 * K,
    "rising": 0.4 * K,
    "uniform": np.zeros(600),
    "two peaks, 1e-40 between": np.maximum(-abs(K - 100) * 0.8, -abs(K - 500) * 0.9).clip(-92),
    "two peaks": np.logaddexp(-((K - 100) ** 2) / 200, -((K - 500) ** 2) / 200),
    "heavy tail": -3 * np.log1p(K),
    "gaps": np.where(K % 7 == 0, -0.01 * K, NEVER),
    "pairs": np.where(K % 14 < 2, 0.01 * K, NEVER),
    "few values": np.array([0, NEVER, -690, NEVER, -3, -700.0]),
    "below float64": -10.0 * K,
    "jagged": np.random.default_rng(3).uniform(-700, 0, 600),
}


def masses(name: str) -> Masses:
    return Masses.from_logs(SHAPES[name])


def sampled(a: Masses, b: Masses) -> tuple[np.ndarray, np.ndarray]:
    """Some indices of a sum, and the logarithms there."""
    size = a.size + b.size - 1
    k = np.unique(np.r_[np.arange(3), np.linspace(0, size - 1, 25).astype(int), size - 2])
    return k, np.array([log_of_sum(a.logs.tolist(), b.logs.tolist(), int(i)) for i in k])


def assert_relative(logs: np.ndarray, expected: np.ndarray, rtol: float = 1e-11) -> None:
    """Probabilities agree, relative to each; impossible ones are impossible."""
    np.testing.assert_array_equal(np.isneginf(logs), np.isneginf(expected))
    possible = ~np.isneginf(expected)
    # A logarithm's own rounding is all that is added.
    slack = rtol + 4e-16 * np.abs(expected[possible])
    assert (np.abs(logs[possible] - expected[possible]) <= slack).all()


@pytest.mark.parametrize("first", SHAPES)
@pytest.mark.parametrize("second", ["normal", "uniform", "two peaks, 1e-40 between", "gaps"])
def test_sums_of_two_are_relatively_accurate_by_every_way(first, second, monkeypatch):
    a, b = masses(first), masses(second)
    k, expected = sampled(a, b)
    assert_relative(direct.log_sum(a.logs, b.logs)[k], expected)
    assert_relative(direct.log_entries(a.logs, b.logs, k), expected)
    assert_relative(direct.direct_sum(a, b).logs[k], expected)
    logs, certain = tilting.tilted_logs([Part(a, 1), Part(b, 1)])
    assert_relative(logs[k][certain[k]], expected[certain[k]], 3e-11)
    monkeypatch.setattr(sums, "_CHEAP", 0)
    total = sums.total(a, b)
    assert_relative(total.logs[k], expected, 3e-11)
    assert total.p.sum() == pytest.approx(1, abs=1e-14)
    assert (total.p >= 0).all()


@pytest.mark.parametrize("few", [0, 10**9])
@pytest.mark.parametrize("name", SHAPES)
def test_copies_are_the_same_by_transforms_and_by_direct_sums(name, few, monkeypatch):
    a = masses(name)
    monkeypatch.setattr(sums, "_CHEAP", np.inf)
    expected = sums.copies(a, 7)
    monkeypatch.setattr(sums, "_CHEAP", 0)
    monkeypatch.setattr(sums, "_FEW", few)
    found = sums.copies(a, 7)
    assert_relative(found.logs, expected.logs, 3e-11)
    np.testing.assert_allclose(found.p, expected.p, rtol=1e-10, atol=1e-300)


def test_what_no_tilt_makes_certain_is_summed_over_the_terms_that_reach_it(monkeypatch):
    a, b = masses("heavy tail").logs, masses("jagged").logs[:450]
    expected = direct.log_sum(a, b)
    for places in (np.r_[3:40, 1000:1040], np.r_[0:1049], np.r_[400:650], np.r_[1010:1049]):
        certain = np.ones(1049, bool)
        certain[places] = False
        for few in (0, 10**9):
            monkeypatch.setattr(sums, "_FEW", few)
            given_ = np.where(certain, expected, np.nan)
            assert_relative(sums._completed(given_, certain, a, b), expected)


@pytest.mark.parametrize("name", ["normal", "skewed", "rising", "uniform", "gaps", "pairs"])
def test_one_tilt_or_another_makes_every_value_certain(name):
    _, certain = tilting.tilted_logs([Part(masses(name), 20)])
    assert certain.all()


def test_direct_sums_are_the_plain_ones_where_float64_holds_them(monkeypatch):
    monkeypatch.setattr(direct, "log_sum", None)
    a = masses("normal")
    np.testing.assert_allclose(direct.direct_sum(a, a).p, np.convolve(a.p, a.p), rtol=1e-13)


@pytest.mark.parametrize(("n", "p"), [(10**6, 0.3), (10**5, 1e-3), (20_000, 0.25)])
def test_many_tosses_are_binomial(n, p):
    X = n @ PMF([1 - p, p])
    k = np.unique(np.r_[np.linspace(0, n, 30).astype(int), int(n * p) + np.arange(-90, 99, 17)])
    with mpmath.workdps(40):
        # The sum of 1 - p and p as they were rounded.
        yes, no = mpmath.mpf(p), mpmath.mpf(1 - p)
        yes, no = yes / (yes + no), no / (yes + no)
        ways = [mpmath.loggamma(n + 1) - mpmath.loggamma(i + 1) - mpmath.loggamma(n - i + 1)
                for i in map(int, k)]  # fmt: skip
        expected = [float(w + int(i) * mpmath.log(yes) + (n - int(i)) * mpmath.log(no))
                    for w, i in zip(ways, k, strict=True)]  # fmt: skip
    assert_relative(X.logpmf(k), np.array(expected), 1e-11 + 5e-16 * n)
    near = int(n * p) + np.arange(-9, 9)
    np.testing.assert_allclose(X.cdf(near), stats.binom.cdf(near, n, p), rtol=1e-9)
    assert X.probabilities.sum() == pytest.approx(1, abs=1e-13)


def test_probability_of_1e_300_stays_in_sums():
    X = 1000 @ PMF([1.0, 0, 1e-300])
    assert X.logpmf(2) == pytest.approx(np.log(1000) - 300 * np.log(10), rel=1e-15)
    assert X.logpmf(2000) == pytest.approx(-300_000 * np.log(10), rel=1e-15)
    assert X.logpmf(1001) == -np.inf
    assert X.pmf(2) == pytest.approx(1e-297, rel=1e-12)
    np.testing.assert_array_equal(X.support, np.arange(0, 2001, 2))


def test_sums_that_cannot_be_are_impossible_in_long_sums():
    X = 400 @ PMF.from_values({0: 0.5, 5: 0.25, 13: 0.25})
    possible = {0}
    for _ in range(400):
        possible |= {a + b for a in possible for b in (5, 13) if a + b <= 100}
    small = X.support[X.support <= 100]
    assert set(small.tolist()) == {a for a in possible if a <= 100}
    assert X.support[-1] == 5200
    np.testing.assert_array_equal(5200 - X.support[::-1][:5], [0, 8, 13, 16, 21])


@given(st.lists(st.floats(-800, 0), min_size=2, max_size=6), st.integers(2, 40))
def test_drawn_logarithms_sum_the_same_by_tilting(logs, n):
    part = Part(Masses.from_logs(np.array(logs)), n)
    found, certain = tilting.tilted_logs([part])
    expected = np.zeros(1)
    for _ in range(n):
        expected = direct.log_sum(expected, part.logs)
    assert_relative(found[certain], expected[certain], 5e-11)
    assert certain[0]
    assert certain[-1]


def test_few_values_far_apart_are_summed_pair_by_pair():
    prize = PMF.from_values({0: 0.5, 1: 0.25, 10**6: 0.25})
    won = 20 @ prize
    one_large_three_small = 20 * comb(19, 3) * 0.25**4 * 0.5**16
    assert won.pmf(10**6 + 3) == pytest.approx(one_large_three_small, rel=1e-12)
    assert won.pmf(20 * 10**6) == pytest.approx(0.25**20, rel=1e-12)
    assert won.support.size == sum(21 - large for large in range(21))
    other = won + 7 @ prize
    assert other.support.size == sum(28 - large for large in range(28))
    assert other.pmf(27 * 10**6) == pytest.approx(0.25**27, rel=1e-12)
    tiny = PMF.from_values({0: 1 - 1e-200, 10**5: 1e-200})
    assert (9 @ tiny).logpmf(9 * 10**5) == pytest.approx(9 * np.log(1e-200), rel=1e-14)
