"""Convolution integrals of samples: rules that are exact where they should be, and their order."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from numpy.testing import assert_allclose, assert_array_equal
from scipy import integrate

from sigconv.errors import DTypeError, OptionError, ShapeError
from sigconv.lti.continuous import continuous_convolve
from sigconv.lti.sampled import sampled_convolve

RULES = ["rectangle", "trapezoid", "simpson"]

SAMPLES = st.integers(1, 24).flatmap(lambda n: arrays(float, n, elements=st.floats(-10, 10)))


def simpson_weights(m):
    """Simpson's rule, with three intervals of the 3/8 rule first or last, and the mean of both."""
    if m < 2:
        return np.full(m + 1, m / 2)
    weights = np.zeros(m + 1)
    stop = m - 3 if m % 2 else m
    for i in range(0, stop, 2):
        weights[i : i + 3] += np.array([1, 4, 1]) / 3
    if m % 2:
        weights[m - 3 :] += np.array([1, 3, 3, 1]) * 3 / 8
    return (weights + weights[::-1]) / 2


def weights_of(rule, m):
    if rule == "rectangle":
        return np.ones(m + 1)
    if rule == "simpson":
        return simpson_weights(m)
    weights = np.ones(m + 1)
    weights[0] -= 0.5
    weights[-1] -= 0.5
    return weights


def naive(f, g, dt, rule):
    result = []
    for n in range(f.size + g.size - 1):
        k = np.arange(max(0, n - g.size + 1), min(n, f.size - 1) + 1)
        result.append(dt * (weights_of(rule, k.size - 1) * f[k] * g[n - k]).sum())
    return np.array(result)


@pytest.mark.parametrize("rule", RULES)
@given(f=SAMPLES, g=SAMPLES)
def test_the_rule_is_that_of_a_loop_over_the_products(rule, f, g):
    assert_allclose(
        sampled_convolve(f, g, 0.25, rule=rule), naive(f, g, 0.25, rule), rtol=0, atol=1e-11
    )


@pytest.mark.parametrize("rule", RULES)
@given(f=SAMPLES, g=SAMPLES)
def test_f_and_g_can_be_exchanged(rule, f, g):
    assert_allclose(
        sampled_convolve(f, g, 1.0, rule=rule),
        sampled_convolve(g, f, 1.0, rule=rule),
        rtol=0,
        atol=1e-10,
    )


def test_the_rules_are_scipys_where_those_agree():
    x, h = np.random.default_rng(1).normal(size=(2, 31))
    lines = sampled_convolve(x, h, 0.5)
    parabolas = sampled_convolve(x, h, 0.5, rule="simpson")
    for n in range(31):
        product = x[: n + 1] * h[n::-1]
        assert_allclose(lines[n], integrate.trapezoid(product, dx=0.5), atol=1e-13)
        if n % 2 == 0:
            assert_allclose(parabolas[n], integrate.simpson(product, dx=0.5), atol=1e-13)


@pytest.mark.parametrize(
    ("rule", "powers"),
    [
        ("trapezoid", (0, 1)),
        ("trapezoid", (1, 0)),
        ("simpson", (1, 1)),
        ("simpson", (2, 1)),
        ("simpson", (0, 3)),
    ],
)
def test_products_of_the_stated_degree_are_exact(rule, powers):
    a, b = powers
    t = np.arange(40) * 0.125
    result = sampled_convolve(t**a, t**b, 0.125, rule=rule)[:40]
    beta = np.prod(np.arange(1, a + 1.0)) * np.prod(np.arange(1, b + 1.0))
    exact = beta * t ** (a + b + 1) / np.prod(np.arange(1, a + b + 2.0))
    first = 2 if rule == "simpson" else 0
    assert_allclose(result[first:], exact[first:], rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize(("rule", "order"), [("rectangle", 1), ("trapezoid", 2), ("simpson", 4)])
@pytest.mark.parametrize("parity", [0, 1])
def test_halving_the_step_divides_the_error_by_2_4_or_16(rule, order, parity):
    wrong = []
    for count in (40 + parity, 80 + 2 * parity, 160 + 4 * parity):
        t = np.linspace(0, 2, count + 1)
        value = continuous_convolve(np.exp(-t), np.cos(3 * t), t, rule=rule).value
        exact = (np.cos(3 * t) + 3 * np.sin(3 * t) - np.exp(-t)) / 10
        wrong.append(np.abs(value - exact)[count // 2 :].max())
    ratios = np.array(wrong[:-1]) / wrong[1:]
    assert (np.abs(np.log2(ratios) - order) < 0.35).all()


@pytest.mark.parametrize("rule", RULES)
@pytest.mark.parametrize("count", [3, 4, 40, 41])
def test_the_estimated_error_covers_the_true_one_of_smooth_functions(rule, count):
    t = np.linspace(0, 2, count)
    value, error = continuous_convolve(np.exp(-t), np.exp(-2 * t), t, rule=rule)
    exact = np.exp(-t) - np.exp(-2 * t)
    wrong = np.abs(value - exact)
    covered = wrong <= error + 1e-15
    assert covered[:-1].all()
    # The last time of an even number of samples has a neighbour on one side only.
    assert wrong[-1] <= 2 * error[-1]
    # From eight intervals on, when half of them are no longer trapezoids.
    assert (error[8:] <= 60 * wrong[8:]).all()


def test_two_samples_have_no_estimate():
    value, error = continuous_convolve([1.0, 1.0], [2.0, 2.0], [0.0, 0.5])
    assert_array_equal(value, [0, 1])
    assert np.isnan(error).all()
    assert_array_equal(continuous_convolve([1.0], [2.0], [0.0]).value, [0])


def test_records_may_end_with_a_jump():
    result = sampled_convolve(np.ones(5), np.ones(3), 0.5, rule="simpson")
    assert_allclose(result, [0, 0.5, 1, 1, 1, 0.5, 0], atol=1e-15)


def test_complex_and_single_precision_samples_keep_their_kind():
    single = sampled_convolve(np.ones(4, np.float32), np.ones(4, np.float32), 1.0, rule="simpson")
    assert single.dtype == np.float32
    mixed = sampled_convolve([1, 1, 1], [1j, 1j, 1j], 1)
    assert_allclose(mixed, [0, 1j, 2j, 1j, 0], atol=1e-15)
    assert sampled_convolve([True, False], np.array([1, 2], np.uint8), 1.0).dtype == float


@pytest.mark.parametrize("rule", RULES)
def test_nan_reaches_the_outputs_that_it_is_part_of_and_no_others(rule):
    f = np.ones(10)
    f[4] = np.nan
    result = sampled_convolve(f, np.ones(5), 1.0, rule=rule)
    assert_array_equal(np.isnan(result), (np.arange(14) >= 4) & (np.arange(14) < 9))


def test_arguments_that_do_not_fit_are_refused():
    t = np.arange(4.0)
    with pytest.raises(OptionError, match="rule must be 'rectangle', 'trapezoid' or 'simpson'"):
        continuous_convolve(t, t, t, rule="midpoint")
    with pytest.raises(OptionError, match="belong to functions"):
        continuous_convolve(t, t, t, supports=((0, 3), (0, 3)))
    with pytest.raises(OptionError, match="0, dt, 2 dt"):
        continuous_convolve(t, t, t + 1)
    with pytest.raises(OptionError, match="0, dt, 2 dt"):
        continuous_convolve(t, t, t**2)
    with pytest.raises(OptionError, match="0, dt, 2 dt"):
        continuous_convolve(t, t, -t)
    with pytest.raises(ShapeError, match=r"one time each.*sampled_convolve"):
        continuous_convolve(t, t[:3], t)
    with pytest.raises(ShapeError, match="f must be one-dimensional"):
        sampled_convolve([[1.0]], t, 1.0)
    with pytest.raises(ShapeError, match="at least one sample"):
        sampled_convolve(t, [], 1.0)
    with pytest.raises(DTypeError, match="g must hold floating numbers"):
        sampled_convolve(t, np.array([10**30], object), 1.0)
    steps: list[Any] = [0, -1.0, np.inf, "1"]
    for dt in steps:
        with pytest.raises(OptionError, match="dt must be a positive number"):
            sampled_convolve(t, t, dt)
