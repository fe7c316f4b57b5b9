"""Sums over windows of equal taps, by additions alone: what lies outside leaves no trace."""

from unittest import mock

import numpy as np
import pytest
from hypothesis import given
from scipy import ndimage

import sigconv as sc
from sigconv.engines import separable
from tests.engines.products import checked, products, spoiled

RNG = np.random.default_rng(5)


@given(case=products(constant=True))
def test_sums_over_windows_give_the_numbers_of_the_definition(case):
    with mock.patch.object(separable, "_WINDOW", 2):
        checked(case)


@given(case=spoiled(constant=True))
def test_nan_and_infinity_reach_the_windows_that_hold_them(case):
    with mock.patch.object(separable, "_WINDOW", 2):
        checked(case)


@pytest.mark.parametrize("shape", [(400,), (40, 50), (12, 20, 30)])
@pytest.mark.parametrize("taps", [3, 10, 11])
def test_boxes_are_those_of_ndimage(shape, taps):
    x = RNG.standard_normal(shape)
    h = np.full((taps,) * len(shape), taps ** -float(len(shape)))
    y = sc.convolve(x, h, "same", boundary="symmetric", method="separable")
    expected = ndimage.uniform_filter(x, taps)
    np.testing.assert_allclose(y, expected, atol=1e-14)


@pytest.mark.parametrize("shape", [(3000,), (60, 70), (20, 30, 40)])
def test_a_spike_leaves_windows_without_it_alone(shape):
    x = RNG.standard_normal(shape)
    h = np.full((11,) * len(shape), 0.5)
    quiet = sc.convolve(x, h, method="separable")
    at = tuple(n // 2 for n in shape)
    x[at] = 1e12
    y = sc.convolve(x, h, method="separable")
    reached = np.zeros(y.shape, bool)
    reached[tuple(slice(i, i + 11) for i in at)] = True
    np.testing.assert_array_equal(y[~reached], quiet[~reached])
    # A running sum would keep the rounding of 1e12 from then on.
    assert np.abs(y[reached] - 5e11).max() < 1e6


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_windows_that_hold_a_bad_sample_are_bad_and_no_others(bad):
    x = RNG.standard_normal((300, 400))
    x[100, 200] = bad
    h = np.full((15, 13), 0.5)
    y = sc.convolve(x, h, method="separable")
    expected = np.zeros(y.shape, bool)
    expected[100:115, 200:213] = True
    np.testing.assert_array_equal(~np.isfinite(y), expected)
    np.testing.assert_array_equal(y[expected], bad)


@pytest.mark.parametrize("boundary", ["zero", "wrap", "absent"])
def test_pieces_are_summed_over_windows_too(boundary):
    x, h = RNG.standard_normal((5000, 2)), np.full(300, 0.5)
    keywords = {"axis": 0, "boundary": boundary, "method": "separable"}
    pieces = sc.convolve_pieces(x, h, "same", piece=700, **keywords)
    assert pieces.plan.method == "separable"
    expected = sc.convolve(x, h, "same", axes=0, boundary=boundary, method="direct")
    np.testing.assert_allclose(np.concatenate(list(pieces)), expected, atol=1e-11)
