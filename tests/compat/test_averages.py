"""Averages of `sigconv.compat.ndimage`: boxes of any size, exact integers, NaN where it belongs."""

import itertools
from typing import Any

import numpy as np
import pytest
import scipy.ndimage

from sigconv.compat import ndimage

PEER: Any = scipy.ndimage

RULES = ["reflect", "mirror", "nearest", "wrap", "constant"]
SIZES = [1, 2, 5, 6, 7, 12, 13, 100]


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("dtype", ["uint8", "int16", "int64", "float32", "float64", "complex128"])
def test_boxes_beyond_the_image_average_what_continues_it(size: int, dtype: str) -> None:
    image = np.random.default_rng(size).integers(0, 100, (6, 5)).astype(dtype)
    for axis, mode, origin in itertools.product((0, 1), RULES, (0, -(size // 2))):
        arguments = (size, axis, None, mode, 7.5, origin)
        theirs = PEER.uniform_filter1d(image, *arguments)
        ours = ndimage.uniform_filter1d(image, *arguments)
        assert ours.dtype == theirs.dtype
        np.testing.assert_allclose(ours, theirs, rtol=1e-6)


@pytest.mark.parametrize("output", [None, "uint8", "int32", "float32", "float64"])
def test_boxes_of_an_image_in_parts_are_scipys(output) -> None:
    image = np.random.default_rng(1).integers(0, 256, (700, 450)).astype(np.uint8)
    for size in (3, 40, (1, 9), (900, 2)):
        theirs = PEER.uniform_filter(image, size, output)
        ours = ndimage.uniform_filter(image, size, output)
        assert ours.dtype == theirs.dtype
        np.testing.assert_allclose(ours, theirs, rtol=1e-6)


def test_output_may_overlap_the_image_in_part() -> None:
    memory = np.random.default_rng(2).standard_normal((701, 450))
    expected = ndimage.uniform_filter1d(memory[:-1].copy(), 5, 0)
    ndimage.uniform_filter1d(memory[:-1], 5, 0, memory[1:])
    np.testing.assert_array_equal(memory[1:], expected)


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_what_is_not_finite_stays_in_the_windows_that_hold_it(bad: float) -> None:
    line = np.ones(30)
    line[10] = bad
    result = ndimage.uniform_filter1d(line, 5)
    np.testing.assert_array_equal(np.flatnonzero(~np.isfinite(result)), np.arange(8, 13))
    # SciPy's running sum keeps it to the end of the line.
    theirs = PEER.uniform_filter1d(line, 5)
    assert np.isnan(theirs[13:]).all()
    np.testing.assert_array_equal(result[:8], theirs[:8])
    image = np.ones((9, 9))
    image[4, 4] = bad
    held = ~np.isfinite(ndimage.uniform_filter(image, 3))
    assert held[3:6, 3:6].all()
    assert np.count_nonzero(held) == 9


def test_a_fill_that_is_not_finite_stays_near_the_edges() -> None:
    result = ndimage.uniform_filter1d(np.ones(9), 3, mode="constant", cval=np.nan)
    np.testing.assert_array_equal(np.flatnonzero(np.isnan(result)), [0, 8])
    whole = ndimage.uniform_filter1d(np.full(9, 4), 3, mode="constant", cval=np.nan)
    np.testing.assert_array_equal(whole[1:-1], 4)


def test_sums_of_large_integers_are_whole() -> None:
    image = np.full(3000, 2**31 - 1, np.int32)
    np.testing.assert_array_equal(ndimage.uniform_filter1d(image, 1001), image)
    image = np.full(3000, 65535, np.uint16)
    np.testing.assert_array_equal(ndimage.uniform_filter1d(image, 1001), image)


def test_a_loud_sample_leaves_no_trace_behind_it() -> None:
    line = np.ones(100)
    line[20] = 1e17
    assert (ndimage.uniform_filter1d(line, 3)[22:] == 1).all()
    assert (PEER.uniform_filter1d(line, 3)[22:] != 1).any()
