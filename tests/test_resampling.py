"""Convolution at another rate, against its definition and SciPy's."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sigconv import resample_conv

RATES = [(1, 1), (2, 1), (1, 3), (3, 2), (7, 4), (4, 6), (16, 5), (147, 160)]
METHODS = ("auto", "gemm", "taps")


def defined(x, h, up, down):
    """y[m] = sum_j h[down m - up j] x[j], over the taps and samples that there are."""
    count = -(-((len(x) - 1) * up + len(h)) // down)
    y = np.zeros(count)
    for m in range(count):
        for j in range(len(x)):
            if 0 <= down * m - up * j < len(h):
                y[m] += h[down * m - up * j] * x[j]
    return y


@pytest.mark.parametrize(("up", "down"), RATES)
@pytest.mark.parametrize("taps", [1, 2, 30])
def test_resampling_is_upfirdn(up, down, taps):
    from scipy.signal import upfirdn

    rng = np.random.default_rng(up + down)
    x, h = rng.standard_normal((2, 50)), rng.standard_normal(taps)
    np.testing.assert_allclose(resample_conv(x, h, up, down), upfirdn(h, x, up, down), atol=1e-12)
    turned = resample_conv(x.T, h, up, down, axis=0)
    np.testing.assert_allclose(turned.T, upfirdn(h, x, up, down), atol=1e-12)


@given(
    x=st.lists(st.sampled_from([0.0, 1.0, -2.0, np.nan, np.inf]), min_size=1, max_size=6),
    h=st.lists(st.sampled_from([0.0, 1.0, 3.0, np.nan, -np.inf]), min_size=1, max_size=8),
    up=st.integers(1, 6),
    down=st.integers(1, 6),
    method=st.sampled_from(METHODS),
)
def test_nan_and_infinity_reach_what_the_definition_gives(x, h, up, down, method):
    with np.errstate(all="ignore"):
        expected = defined(np.array(x), np.array(h), up, down)
    np.testing.assert_array_equal(resample_conv(x, h, up, down, method=method), expected)


def test_an_output_that_no_tap_meets_is_zero_beside_nan():
    found = resample_conv([np.nan, 1.0], [1.0], up=3)
    np.testing.assert_array_equal(found, [np.nan, 0, 0, 1])
    np.testing.assert_array_equal(resample_conv([5, 7], [2], up=4), [10, 0, 0, 0, 14])
