"""correlate and correlation_lags: SciPy's conventions, and centres."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import ndimage, signal

import sigconv as sc
from sigconv.errors import DTypeError, ModeError, OptionError, ShapeError

RNG = np.random.default_rng(1)
SIZES = [(1, 1), (5, 3), (5, 4), (3, 5), (4, 4), (2, 9), (9, 2)]


def complex_normal(*shape):
    return RNG.standard_normal(shape) + 1j * RNG.standard_normal(shape)


@pytest.mark.parametrize("mode", ["full", "same", "valid"])
@pytest.mark.parametrize(("n", "k"), SIZES)
def test_order_and_conjugation_agree_with_scipy(mode, n, k):
    x, t = complex_normal(n), complex_normal(k)
    z = sc.correlate(x, t, mode)
    expected = signal.correlate(x, t, mode, method="direct")
    np.testing.assert_allclose(z, expected, atol=1e-13)


@pytest.mark.parametrize("mode", ["full", "same", "valid"])
@pytest.mark.parametrize(("n", "k"), SIZES)
def test_lags_agree_with_scipy(mode, n, k):
    expected = signal.correlation_lags(n, k, mode)
    if mode == "same" and n % 2 and not k % 2:
        # SciPy's lags are one off from what its own correlate returns here.
        expected = expected - 1
    np.testing.assert_array_equal(sc.correlation_lags(n, k, mode), expected)


@pytest.mark.parametrize("mode", ["full", "same", "valid"])
@pytest.mark.parametrize(("n", "k"), SIZES)
def test_each_lag_is_the_sum_that_it_names(mode, n, k):
    x, t = complex_normal(n), complex_normal(k)
    for lag, value in zip(sc.correlation_lags(n, k, mode), sc.correlate(x, t, mode), strict=True):
        expected = sum(x[i + lag] * t[i].conj() for i in range(k) if 0 <= i + lag < n)
        np.testing.assert_allclose(value, expected, atol=1e-12)


@pytest.mark.parametrize("center", range(4))
def test_center_moves_the_lags(center):
    x, t = RNG.standard_normal(9), RNG.standard_normal(4)
    full = dict(zip(sc.correlation_lags(9, 4), sc.correlate(x, t), strict=True))
    lags = sc.correlation_lags(9, 4, "same", center=center)
    z = sc.correlate(x, t, "same", center=center)
    np.testing.assert_array_equal(lags, np.arange(9) - center)
    np.testing.assert_allclose(z, [full[lag] for lag in lags], atol=1e-13)


@pytest.mark.parametrize("shape", [(3, 3), (4, 2), (2, 5)])
def test_same_with_symmetric_boundary_is_ndimage_correlate(shape):
    x, t = RNG.standard_normal((9, 8)), RNG.standard_normal(shape)
    z = sc.correlate(x, t, "same", boundary="symmetric")
    np.testing.assert_allclose(z, ndimage.correlate(x, t), atol=1e-13)


def test_worked_examples_of_windows():
    nine = np.arange(9).reshape(3, 3)
    np.testing.assert_array_equal(
        sc.correlate(nine, [[0, 1], [2, 3]], "valid"), [[19, 25], [37, 43]]
    )
    np.testing.assert_array_equal(
        sc.correlate(nine + 1, [[1, 2], [3, 4]], "valid"), [[37, 47], [67, 77]]
    )


def test_a_delay_shows_as_a_positive_lag():
    pulse = RNG.standard_normal(50)
    late = np.concatenate([np.zeros(17), pulse])
    lags = sc.correlation_lags(late.size, pulse.size)
    assert lags[np.argmax(sc.correlate(late, pulse))] == 17


def test_zero_sizes_have_no_lags():
    assert sc.correlation_lags(0, 3).size == 0
    assert sc.correlation_lags(3, 0, "same").size == 0


def test_bad_sizes_and_centres_are_refused():
    with pytest.raises(ShapeError, match="non-negative"):
        sc.correlation_lags(-1, 2)
    with pytest.raises(ShapeError, match="mode='same'"):
        sc.correlation_lags(4, 2, center=1)
    with pytest.raises(ShapeError, match="between 0 and 1"):
        sc.correlation_lags(4, 2, "same", center=2)
    with pytest.raises(ModeError, match="full"):
        sc.correlation_lags(4, 2, "all")


@given(st.data())
def test_max_lag_keeps_the_lags_that_it_names(data):
    n, k = data.draw(st.integers(1, 30)), data.draw(st.integers(1, 30))
    mode = data.draw(st.sampled_from(["full", "same", "valid"]))
    largest = data.draw(st.integers(0, 40))
    method = data.draw(st.sampled_from(["auto", "direct", "fft", "overlap-save"]))
    x, t = RNG.standard_normal(n), RNG.standard_normal(k)
    lags = sc.correlation_lags(n, k, mode)
    kept = np.abs(lags) <= largest
    found = sc.correlation_lags(n, k, mode, max_lag=largest)
    np.testing.assert_array_equal(found, lags[kept])
    z = sc.correlate(x, t, mode, max_lag=largest, method=method)
    np.testing.assert_allclose(z, sc.correlate(x, t, mode, method="direct")[kept], atol=1e-12)


def test_max_lag_is_one_number_or_one_per_axis():
    x, t = RNG.standard_normal((9, 8)), RNG.standard_normal((4, 5))
    whole = sc.correlate(x, t)
    rows, columns = sc.correlation_lags(9, 4), sc.correlation_lags(8, 5)
    z = sc.correlate(x, t, max_lag=(1, None))
    np.testing.assert_allclose(z, whole[np.abs(rows) <= 1], atol=1e-13)
    z = sc.correlate(x, t, max_lag=2)
    np.testing.assert_allclose(z, whole[np.abs(rows) <= 2][:, np.abs(columns) <= 2], atol=1e-13)
    assert sc.plan(x, t, operation="correlate").problem.result_shape == (12, 12)
    cases: list[tuple[Any, str]] = [(-1, "negative"), ((1, 2, 3), "one entry"), (1.5, "integers")]
    for wrong, message in cases:
        with pytest.raises(ShapeError, match=message):
            sc.correlate(x, t, max_lag=wrong)
    for size in (-1, cases[2][0]):
        with pytest.raises(ShapeError, match="at least 0"):
            sc.correlation_lags(4, 2, max_lag=size)


def test_a_few_lags_cost_no_full_correlation():
    plan = sc.plan((10**6,), (10**6,), operation="correlate")
    x = np.ones(10**6, np.float32)
    near = sc.correlate(x, x, max_lag=2)
    np.testing.assert_allclose(near, 10**6 - np.abs(np.arange(-2, 3)), rtol=1e-5)
    assert plan.problem.result_shape == (2 * 10**6 - 1,)


@pytest.mark.parametrize("mode", ["full", "same", "valid"])
@pytest.mark.parametrize("boundary", ["zero", "edge", [("zero", "wrap")]])
@pytest.mark.parametrize(("n", "k"), SIZES)
def test_scalings_divide_by_the_products(n, k, boundary, mode):
    x, t = complex_normal(n), complex_normal(k)
    plain = sc.correlate(x, t, mode, boundary=boundary)
    # Ones continued by ones where the signal continues, and by zeros where it ends.
    counts = sc.correlate(np.ones(n), np.ones(k), mode, boundary=boundary)
    for scaling, divisor in [
        ("none", 1),
        ("biased", min(n, k)),
        ("unbiased", counts),
        ("coefficient", np.linalg.norm(x) * np.linalg.norm(t)),
    ]:
        z = sc.correlate(x, t, mode, boundary=boundary, scaling=scaling)
        np.testing.assert_allclose(z, plain / divisor, atol=1e-13, err_msg=scaling)


def test_scalings_work_along_axes_with_batches():
    x, t = RNG.standard_normal((3, 20)), RNG.standard_normal((3, 6))
    z = sc.correlate(x, t, axes=1, scaling="coefficient")
    for row in range(3):
        expected = sc.correlate(x[row], t[row], scaling="coefficient")
        np.testing.assert_allclose(z[row], expected, atol=1e-13)
    z = sc.correlate(x, t[0], axes=1, scaling="unbiased", max_lag=4)
    expected = sc.correlate(x[2], t[0], scaling="unbiased", max_lag=4)
    np.testing.assert_allclose(z[2], expected, atol=1e-13)


@pytest.mark.parametrize("dtype", ["int8", "uint16", "bool", "float16", "float32"])
def test_scaled_correlation_of_a_signal_with_itself_is_one_at_lag_zero(dtype):
    x = np.array([1, 0, 1, 1, 0, 1], dtype)
    z = sc.correlate(x, x, scaling="coefficient")
    assert z.dtype == (dtype if "float" in dtype else "float64")
    assert abs(z[5] - 1) < 4 * np.finfo(z.dtype).eps
    assert (z[:5] < 1).all()
    out = np.empty_like(z)
    assert sc.correlate(x, x, scaling="coefficient", out=out) is out
    np.testing.assert_array_equal(out, z)


def test_the_coefficient_of_silence_is_zero():
    np.testing.assert_array_equal(sc.correlate([0.0, 0], [1.0, 2], scaling="coefficient"), 0)


def test_scalings_that_do_not_exist_or_fit_are_errors():
    x = np.ones(4, int)
    with pytest.raises(OptionError, match=r"none, biased, unbiased, coefficient; got 'coeff'"):
        sc.correlate(x, x, scaling="coeff")
    with pytest.raises(DTypeError, match="holds no fractions"):
        sc.correlate(x, x, scaling="biased", dtype=int)
    with pytest.raises(OptionError, match="boundary='absent'"):
        sc.correlate(x, x, scaling="unbiased", boundary="absent")
