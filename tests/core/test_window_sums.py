"""window_sums and window_moments: additions alone, so that nothing outside a window matters."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.lib.stride_tricks import sliding_window_view

from sigconv.core import window_sums as module
from sigconv.core.window_sums import masked_moments, window_moments, window_sums
from sigconv.errors import ShapeError

RNG = np.random.default_rng(1)


def naive_sums(array, taps):
    windows = sliding_window_view(array, taps, tuple(range(-len(taps), 0)))
    return windows.sum(axis=tuple(range(-len(taps), 0)))


def naive_deviations(array, taps):
    axes = tuple(range(-len(taps), 0))
    windows = sliding_window_view(array, taps, axes)
    return np.square(windows - windows.mean(axis=axes, keepdims=True)).sum(axis=axes)


@pytest.fixture(params=[module._CHUNK, 40], ids=["one chunk", "many chunks"], autouse=True)
def chunk(request, monkeypatch):
    monkeypatch.setattr(module, "_CHUNK", request.param)
    monkeypatch.setattr(module, "_RUN", min(request.param, 3))


@pytest.mark.parametrize("taps", range(1, 38))
def test_every_window_length_agrees_with_the_definition(taps):
    array = RNG.integers(-1000, 1000, 37)
    np.testing.assert_array_equal(window_sums(array, (taps,)), naive_sums(array, (taps,)))


@given(st.data())
def test_integers_are_exact_in_any_number_of_dimensions(data):
    shape = tuple(data.draw(st.lists(st.integers(1, 9), min_size=1, max_size=4)))
    ndim = data.draw(st.integers(1, len(shape)))
    taps = tuple(data.draw(st.integers(1, n)) for n in shape[len(shape) - ndim :])
    array = np.random.default_rng(0).integers(-99, 99, shape)
    order = data.draw(st.permutations(range(len(shape))))
    for view in (array, array.transpose(order).copy().transpose(np.argsort(order))):
        np.testing.assert_array_equal(window_sums(view, taps), naive_sums(array, taps))


def test_a_spike_leaves_windows_without_it_exact():
    array = RNG.integers(-99, 99, 200).astype(float)
    spiked = array.copy()
    spiked[77] = 1e12
    sums, untouched = window_sums(spiked, (9,)), np.r_[0:69, 78:192]
    np.testing.assert_array_equal(sums[untouched], naive_sums(array, (9,))[untouched])


@pytest.mark.parametrize("taps", [6, 7, 8])
def test_nan_and_infinity_reach_their_windows_only(taps):
    array = np.ones(40)
    array[[10, 25]] = np.nan, np.inf
    expected = naive_sums(array, (taps,))
    np.testing.assert_array_equal(window_sums(array, (taps,)), expected)
    assert np.isnan(expected).sum() == np.isinf(expected).sum() == taps


def test_equal_windows_have_equal_sums_bit_for_bit():
    pattern = RNG.standard_normal(13)
    sums = window_sums(np.tile(pattern, 9), (31,))
    np.testing.assert_array_equal(sums[13:26], sums[:13])
    assert np.unique(window_sums(np.full(500, 0.1), (77,))).size == 1


@pytest.mark.parametrize(
    ("dtype", "summed"),
    [("bool", "int64"), ("int8", "int64"), ("uint8", "uint64"), ("float16", "float32"),
     (">f4", "float32"), ("float64", "float64"), ("complex64", "complex64")],
)  # fmt: skip
def test_sums_are_as_wide_as_those_of_numpy(dtype, summed):
    sums = window_sums(np.full(300, 1).astype(dtype), (257,))
    assert sums.dtype == np.dtype(summed)
    np.testing.assert_array_equal(sums, 257)


def test_result_is_new_and_the_array_stays():
    array = np.arange(6.0).reshape(2, 3)
    for taps in ((), (1,), (1, 1), (2, 3)):
        sums, (totals, deviations) = window_sums(array, taps), window_moments(array, taps)
        for made in (sums, totals, deviations):
            assert not np.may_share_memory(made, array)
            made[...] = 7
    np.testing.assert_array_equal(array, np.arange(6.0).reshape(2, 3))


@pytest.mark.parametrize("shape", [(0, 5), (3, 0, 5)])
def test_an_empty_batch_has_no_windows(shape):
    assert window_sums(np.ones(shape), (2,)).shape == (*shape[:-1], 4)
    assert window_moments(np.ones(shape), (2,))[1].shape == (*shape[:-1], 4)


@pytest.mark.parametrize("taps", [(0,), (6,), (2, 6), (1, 1, 1), (-1,)])
def test_windows_that_do_not_fit_are_refused(taps):
    for sums in (window_sums, window_moments):
        with pytest.raises(ShapeError, match="1 to N samples"):
            sums(np.ones((4, 5)), taps)


@pytest.mark.parametrize("taps", [(1,), (5,), (8,), (3, 4), (7, 6), (2, 3, 5), (1, 4)])
@pytest.mark.parametrize("offset", [0.0, 1e8])
def test_moments_keep_their_digits_beside_an_offset(taps, offset):
    array = RNG.integers(-99, 99, (4, 9, 11)) / 128 + offset
    sums, deviations = window_moments(array, taps)
    np.testing.assert_allclose(sums, naive_sums(array, taps), rtol=1e-14, atol=1e-13)
    # The rounding of a mean of 1e8 is 1e-8 of what deviates.
    expected = naive_deviations(array - offset, taps)
    np.testing.assert_allclose(deviations, expected, rtol=1e-14 + offset * 1e-15, atol=1e-13)
    assert (deviations >= 0).all()


def test_a_spike_leaves_other_deviations_as_they_are():
    array = RNG.standard_normal((20, 21))
    spiked = array.copy()
    spiked[10, 10] = 1e12
    before, after = window_moments(array, (4, 5))[1], window_moments(spiked, (4, 5))[1]
    touched = np.zeros(before.shape, bool)
    touched[7:11, 6:11] = True
    np.testing.assert_array_equal(after[~touched], before[~touched])
    assert (after[touched] > 1e23).all()


def test_windows_of_one_value_deviate_by_nothing():
    for taps in (2, 8, 64):
        assert not window_moments(np.full(100, 0.1), (taps,))[1].any()
    # Where a window is no power of two, its mean is rounded.
    assert window_moments(np.full(100, 0.1), (77,))[1].max() < 1e-31


@given(
    st.integers(0, 2**32 - 1),
    st.lists(st.integers(1, 6), min_size=1, max_size=3),
    st.sampled_from([0.2, 0.7, 1.0]),
    st.sampled_from([0.0, 1e8]),
)
def test_masked_moments_are_those_of_the_samples_that_count(seed, taps, density, offset):
    rng = np.random.default_rng(seed)
    array = rng.integers(-99, 99, (2, *(k + 3 for k in taps))) / 128 + offset
    mask = rng.random(taps) < density
    mask.flat[rng.integers(mask.size)] = True
    axes = tuple(range(1, array.ndim))
    windows = sliding_window_view(array, taps, axes)[..., mask]
    sums, deviations = masked_moments(array, mask)
    np.testing.assert_allclose(sums, windows.sum(-1), rtol=1e-14, atol=1e-12)
    expected = np.square(windows - offset - (windows - offset).mean(-1, keepdims=True)).sum(-1)
    np.testing.assert_allclose(deviations, expected, rtol=1e-13 + 2e-15 * offset, atol=1e-12)
    assert (deviations >= 0).all()


def test_masked_moments_do_not_touch_what_is_left_out():
    array = np.array([1.0, np.nan, 3.0, np.inf, 5.0])
    sums, deviations = masked_moments(array, np.array([True, False, True, False, True]))
    np.testing.assert_array_equal((sums, deviations), [[9], [8]])


def test_masks_are_cut_into_few_boxes():
    disc = np.hypot(*np.mgrid[-9:10, -9:10]) < 9
    square = np.ones((7, 8, 9), bool)
    assert len(list(module._boxes(square))) == 1
    assert len(list(module._boxes(disc))) < 19
    for mask in (disc, square, RNG.random((5, 6)) < 0.5):
        covered = np.zeros(mask.shape, int)
        for box in module._boxes(mask):
            covered[tuple(slice(start, start + size) for start, size in box)] += 1
        np.testing.assert_array_equal(covered, mask)


def test_masks_that_mark_nothing_or_do_not_fit_are_refused():
    with pytest.raises(ShapeError, match="no sample"):
        masked_moments(np.ones(5), np.zeros(2, bool))
    with pytest.raises(ShapeError, match="1 to N samples"):
        masked_moments(np.ones(5), np.ones(6, bool))
