"""Resampling by polyphase sums is upfirdn, in every dtype, boundary and phase."""

from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from scipy.signal import upfirdn

import sigconv as sc
from sigconv.errors import BoundaryError, DTypeError, IntegerOverflowError, OptionError, ShapeError

RATES = st.integers(1, 7)
# SciPy's names for what continues a signal.
MODES: dict[str, Any] = {
    "zero": "constant",
    "edge": "edge",
    "reflect": "reflect",
    "symmetric": "symmetric",
    "wrap": "wrap",
}


def by_definition(x, h, up, down):
    """The convolution with a signal between whose samples there is nothing, every `down`-th sum."""
    count = -(-((len(x) - 1) * up + len(h)) // down)
    sums = []
    for m in range(count):
        met = [
            (h[down * m - up * j], x[j]) for j in range(len(x)) if 0 <= down * m - up * j < len(h)
        ]
        sums.append(sum(a * b for a, b in met))
    return sums


@given(
    size=st.integers(1, 40),
    taps=st.integers(1, 20),
    up=RATES,
    down=RATES,
    dtype=st.sampled_from(["f4", "f8", "c8", "c16"]),
    method=st.sampled_from(["auto", "gemm", "taps"]),
)
@example(size=3, taps=1, up=5, down=7, dtype="f8", method="auto")
@example(size=1, taps=9, up=2, down=3, dtype="f4", method="auto")
def test_it_is_upfirdn(size, taps, up, down, dtype, method):
    rng = np.random.default_rng(size * taps)
    x, h = (rng.standard_normal(n).astype(dtype) for n in (size, taps))
    if np.dtype(dtype).kind == "c":
        x, h = (x * (1 + 0.5j)).astype(dtype), (h * (0.3 - 1j)).astype(dtype)
    y = sc.resample_conv(x, h, up, down, method=method)
    expected = upfirdn(h, x, up, down)
    assert (y.shape, y.dtype) == (expected.shape, np.dtype(dtype))
    eps = np.finfo(dtype).eps
    np.testing.assert_allclose(y, expected, atol=30 * eps * np.abs(h).sum() * np.abs(x).max())


@given(
    boundary=st.sampled_from([*MODES]), size=st.integers(2, 30), taps=st.integers(1, 25), up=RATES
)
def test_every_boundary_is_that_of_upfirdn(boundary, size, taps, up):
    rng = np.random.default_rng(size)
    x, h = rng.standard_normal(size), rng.standard_normal(taps)
    y = sc.resample_conv(x, h, up, 2, boundary=boundary)
    np.testing.assert_allclose(y, upfirdn(h, x, up, 2, mode=MODES[boundary]), atol=1e-12)


@given(size=st.integers(1, 12), taps=st.integers(1, 12), up=RATES, down=RATES)
def test_whole_numbers_and_fractions_are_exact(size, taps, up, down):
    rng = np.random.default_rng(taps)
    x, h = rng.integers(-(2**30), 2**30, size), rng.integers(-(2**28), 2**28, taps)
    expected = by_definition(x.tolist(), h.tolist(), up, down)
    assert sc.resample_conv(x, h, up, down).tolist() == expected
    thirds = np.array([Fraction(int(n), 3) for n in x], object)
    assert sc.resample_conv(thirds, h, up, down).tolist() == by_definition(
        thirds.tolist(), h.tolist(), up, down
    )


@given(
    size=st.integers(1, 20), taps=st.integers(1, 20), up=RATES, down=RATES, at=st.integers(0, 99)
)
@example(size=9, taps=7, up=3, down=5, at=4)
def test_what_is_not_finite_reaches_the_outputs_of_its_sum_alone(size, taps, up, down, at):
    rng = np.random.default_rng(at)
    x, h = rng.standard_normal(size), rng.standard_normal(taps)
    x[at % size] = np.nan
    np.testing.assert_array_equal(
        np.isnan(sc.resample_conv(x, h, up, down)), np.isnan(by_definition(x, h, up, down))
    )
    x[at % size], h[at % taps] = 1, np.inf
    y, expected = sc.resample_conv(x, h, up, down), np.array(by_definition(x, h, up, down))
    np.testing.assert_array_equal(np.isfinite(y), np.isfinite(expected))


@given(
    x=st.lists(st.sampled_from([0.0, 1.0, -2.0, np.nan, np.inf]), min_size=1, max_size=6),
    h=st.lists(st.sampled_from([0.0, 1.0, 3.0, np.nan, -np.inf]), min_size=1, max_size=8),
    up=RATES,
    down=RATES,
    method=st.sampled_from(["auto", "gemm", "taps"]),
)
def test_nan_and_infinity_give_what_the_definition_does(x, h, up, down, method):
    with np.errstate(all="ignore"):
        expected = by_definition(np.array(x), np.array(h), up, down)
    np.testing.assert_array_equal(sc.resample_conv(x, h, up, down, method=method), expected)


def test_lines_of_any_axis_are_signals_of_their_own():
    x = np.random.default_rng(0).standard_normal((3, 50, 2))
    h = np.arange(1.0, 8)
    y = sc.resample_conv(x, h, 3, 2, axis=1)
    np.testing.assert_allclose(y, upfirdn(h, x, 3, 2, axis=1))
    np.testing.assert_allclose(y[1, :, 0], sc.resample_conv(x[1, :, 0], h, 3, 2))
    assert sc.resample_conv(x[::-1, ::2], h, axis=1).shape == (3, 31, 2)


def test_one_rate_is_the_full_convolution():
    x, h = np.arange(9.0), np.array([1.0, -2, 3])
    np.testing.assert_allclose(sc.resample_conv(x, h), sc.convolve(x, h))


def test_decimated_after_interpolation_is_the_signal():
    x = np.random.default_rng(1).standard_normal(40)
    h = np.array([0.5, 1, 0.5])
    between = sc.resample_conv(x, h, up=2)
    np.testing.assert_allclose(sc.resample_conv(between[1:], [1.0], down=2)[:40], x)


def test_audio_rates_have_many_phases():
    x, h = np.random.default_rng(2).standard_normal(2000), sc.kernels.lowpass(1.0, 961, fs=320.0)
    np.testing.assert_allclose(
        sc.resample_conv(x, h, 160, 147), upfirdn(h, x, 160, 147), atol=1e-12
    )


def test_a_list_of_taps_does_not_widen_the_signal():
    assert sc.resample_conv(np.ones(4, "f4"), [0.5, 0.5], 2).dtype == np.float32
    assert sc.resample_conv(np.ones(4, "f2"), np.ones(2, "f2"), 2).dtype == np.float16


def test_nothing_gives_nothing():
    assert sc.resample_conv(np.zeros((3, 0)), [1.0], 2).shape == (3, 0)
    assert sc.resample_conv(np.zeros((0, 5)), [1.0], 2).shape == (0, 9)


@pytest.mark.parametrize(
    ("error", "match", "call"),
    [
        (
            OptionError,
            "up must be a positive integer; got 0",
            lambda: sc.resample_conv([1], [1], 0),
        ),
        (OptionError, "down must be", lambda: sc.resample_conv([1], [1], 1, np.array(1.5).item())),
        (OptionError, "up must be", lambda: sc.resample_conv([1], [1], True)),
        (ShapeError, "kernel must be 1-D", lambda: sc.resample_conv([1], [[1]])),
        (ShapeError, "have a tap", lambda: sc.resample_conv([1.0], [])),
        (ShapeError, "axis must be one of", lambda: sc.resample_conv([1.0], [1.0], axis=1)),
        (BoundaryError, "absent", lambda: sc.resample_conv([1.0], [1.0], boundary="absent")),
        (ShapeError, "without samples", lambda: sc.resample_conv([], [1.0], boundary="wrap")),
        (DTypeError, "signal must hold numbers", lambda: sc.resample_conv(["a"], [1.0])),
        (
            IntegerOverflowError,
            "may reach",
            lambda: sc.resample_conv(np.array([2**62]), np.array([4]), 2),
        ),
    ],
)
def test_what_cannot_be_resampled_is_told(error, match, call):
    with pytest.raises(error, match=match):
        call()
