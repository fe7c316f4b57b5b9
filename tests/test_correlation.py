"""correlate and correlation_lags: SciPy's conventions, and centres."""

import numpy as np
import pytest
from scipy import ndimage, signal

import sigconv as sc
from sigconv.errors import ModeError, ShapeError

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
