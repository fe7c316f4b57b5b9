"""Layers without samples, numbers that are not finite, and integers that would not fit."""

import warnings

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sigconv.errors import IntegerOverflowError
from sigconv.layers import conv, conv_bias_grad, conv_input_grad, conv_transpose, conv_weight_grad
from tests.layers.cases import (
    each,
    layers,
    naive_conv,
    naive_input_grad,
    naive_weight_grad,
    numbers,
)

SEEDS = st.integers(0, 999)
BAD = (np.nan, np.inf, -np.inf)


# --------------------------------------------------------------------- not finite


def spoilt(seed, shape, dtype):
    """Normal deviates of which a few are not finite, or none."""
    array = numbers(seed, shape, dtype)
    rng = np.random.default_rng(seed)
    for _ in range(rng.integers(0, 4)):
        array[tuple(rng.integers(0, shape))] = BAD[rng.integers(3)]
    return array


def assert_same_kinds(found, expected):
    assert (np.isfinite(found) == np.isfinite(expected)).all()
    if found.dtype.kind == "f":
        assert (np.isnan(found) == np.isnan(expected)).all()
        unbounded = np.isinf(expected)
        assert (found[unbounded] == expected[unbounded]).all()


@given(layer=layers(), seed=SEEDS, dtype=st.sampled_from(("f4", "f8", "c8")))
def test_what_is_not_finite_reaches_the_results_of_the_direct_sum(layer, seed, dtype):
    x, weight, grad = (
        spoilt(seed + i, shape, dtype)
        for i, shape in enumerate((layer.x_shape, layer.weight_shape, layer.y_shape))
    )
    source, errors, options = layer.arranged(x), layer.arranged(grad), layer.keywords
    expected = naive_conv(layer, x, weight)
    for _, y in each(conv, source, weight, **options):
        assert_same_kinds(layer.first(y), expected)
    expected = naive_input_grad(layer, grad, weight)
    for _, found in each(conv_input_grad, errors, weight, source.shape, **options):
        assert_same_kinds(layer.first(found), expected)
    expected = naive_weight_grad(layer, grad, x)
    for _, found in each(conv_weight_grad, errors, source, weight.shape, **options):
        assert_same_kinds(found, expected)


@pytest.mark.parametrize("bad", BAD)
def test_a_weight_that_is_not_finite_meets_no_zeros_outside(bad):
    x, weight = np.ones((1, 1, 40), "f4"), np.array([[[bad, 1, 1]]], "f4")
    for _, y in each(conv, x, weight, padding=1):
        assert y[0, 0, 0] == 2
        np.testing.assert_array_equal(y[0, 0, 1:], np.float32(bad))
    for _, y in each(conv, x, weight, padding=1, boundary="edge"):
        np.testing.assert_array_equal(y[0, 0], np.float32(bad))
    for _, y in each(conv, 0 * x, weight, padding=1):
        assert y[0, 0, 0] == 0
        assert np.isnan(y[0, 0, 1:]).all()


def test_a_sample_that_is_not_finite_meets_zero_taps():
    x = np.ones((1, 2, 9, 40))
    x[0, 0, 4, 20] = np.inf
    weight = np.zeros((3, 2, 3, 3))
    for _, y in each(conv, x, weight, padding=1):
        assert np.isnan(y[:, :, 3:6, 19:22]).all()
        assert np.isnan(y).sum() == 3 * 9


def test_what_lies_between_the_outputs_of_a_stride_is_not_met():
    x = np.ones((1, 1, 60))
    x[..., 2::3] = np.nan
    for _, y in each(conv, x, np.ones((1, 1, 2)), stride=3):
        np.testing.assert_allclose(y, 2)
    grad = np.ones((1, 1, 20))
    for _, found in each(conv_input_grad, grad, np.full((1, 1, 2), np.inf), x.shape, stride=3):
        assert found[0, 0].tolist() == [np.inf, np.inf, 0] * 20


def test_no_warning_tells_of_what_the_numbers_say():
    huge, half = np.full((1, 1, 9), 3e38, "f4"), np.full((1, 1, 9), 300, "f2")
    mixed = np.array([[[np.inf, -np.inf, np.nan] * 3]])
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for x in (huge, half, mixed):
            shift = x[0, 0, :1]
            for _, y in each(conv, x, x, shift, padding=8, boundary="edge"):
                assert not np.isfinite(y).any()
            for _, y in each(conv_transpose, x, x, shift, padding=8, boundary="edge"):
                assert not np.isfinite(y).any()
            for _, y in each(conv_input_grad, x, x, x.shape, padding=4, boundary="edge"):
                assert not np.isfinite(y[0, 0, [0, -1]]).any()
            for _, y in each(conv_weight_grad, x, x, x.shape, padding=4, boundary="edge"):
                assert not np.isfinite(y).all()
            assert conv_bias_grad(np.concatenate([x] * 30)).shape == (1,)
        for _, y in each(conv, huge, [[[1e300]]]):
            assert (y == np.inf).all()


def test_no_helper_warns_either():
    x, weight = np.full((4, 2, 64, 64), 300, "f2"), np.full((2, 2, 9, 9), 300, "f2")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for _, y in each(conv, x, weight, x[0, 0, 0, :2], workers=2):
            assert (y == np.inf).all()
            for _, found in each(conv_input_grad, y, weight, x.shape, workers=2):
                assert not np.isfinite(found).any()
        grad = x[..., 8:, 8:]
        for _, found in each(conv_weight_grad, grad, x, weight.shape, workers=2):
            assert (found == np.inf).all()


# ------------------------------------------------------------------------- float16


def test_a_bias_is_added_before_float16_is_rounded():
    x, weight = np.array([[[2048, 1]]], "f2"), np.array([[[1, 1]]], "f2")
    for _, y in each(conv, x, weight, np.array([1], "f2")):
        assert y.dtype == np.float16
        assert y.tolist() == [[[2050]]]
    # 200^2 is beyond the dtype, but not with the bias.
    x, weight = np.full((1, 1, 3), 200, "f2"), np.full((1, 1, 2), 200, "f2")
    for _, y in each(conv, x, weight, np.array([-60000], "f2")):
        assert y.tolist() == [[[20000, 20000]]]
    for _, y in each(conv_transpose, x, weight, np.array([-60000], "f2")):
        assert y.tolist() == [[[-20000, 20000, 20000, -20000]]]


def test_many_float16_are_counted_in_float32():
    ones = np.ones((5000, 3, 1), "f2")
    assert conv_bias_grad(ones).tolist() == [5000] * 3
    assert conv_bias_grad(ones).dtype == np.float16
    for _, found in each(conv_weight_grad, ones[:, :1], ones[:, :1], (1, 1, 1)):
        assert found.tolist() == [[[5000]]]


# ------------------------------------------------------------------------ integers


@pytest.mark.parametrize(
    ("function", "arguments", "options"),
    [
        (conv, (np.full((1, 1, 2), 2**62), [[[1, 1]]]), {}),
        (conv, (np.full((1, 2, 1), 2**62), [[[1], [1]]]), {}),
        (conv, (np.full((1, 1, 1), 2**62), [[[1]]], [2**62]), {}),
        (conv, (np.full((1, 1, 1), 2**63, "u8"), np.full((1, 1, 1), 2, "u1")), {}),
        (conv, (np.full((1, 1, 1), 2**63, "u8"), [[[1]]]), {}),
        (conv, (np.ones((1, 1, 0), int), [[[1]]], np.array([2**63], "u8")), {"padding": 1}),
        (conv_transpose, (np.full((1, 1, 2), 2**62), [[[1, 1]]]), {}),
        (conv_transpose, (np.full((1, 2, 1), 2**62), [[[1]], [[1]]]), {}),
        (conv_transpose, (np.full((1, 1, 1), 2**62), [[[1]]], [2**62]), {}),
        (conv_transpose, (np.full((1, 1, 3), 2**62), [[[1]]]), {"padding": 1, "boundary": "edge"}),
        (conv_input_grad, (np.full((1, 1, 1), 2**62), [[[2]]], (1, 1, 1)), {}),
        (
            conv_input_grad,
            (np.full((1, 1, 11), 2**62), [[[1]]], (1, 1, 1)),
            {"padding": 5, "boundary": "reflect"},
        ),
        (conv_weight_grad, (np.full((1, 1, 2), 2**62), [[[1, 1]]], (1, 1, 1)), {}),
        (conv_weight_grad, (np.full((2, 1, 1), 2**62), [[[1]], [[1]]], (1, 1, 1)), {}),
        (conv_bias_grad, (np.full((2, 1, 1), 2**62),), {}),
        (conv_bias_grad, (np.full((2, 1, 1), 2**63, "u8"),), {}),
    ],
)
def test_integers_that_may_not_fit_are_refused_with_a_remedy(function, arguments, options):
    with pytest.raises(IntegerOverflowError, match=r"largest \d+.*astype\(float\).*object"):
        function(*arguments, **options)


def test_integers_that_just_fit_are_exact():
    most = 2**63 - 1
    assert conv(np.full((1, 1, 1), most), [[[1]]]).tolist() == [[[most]]]
    assert conv(np.full((1, 1, 1), most - 5), [[[1]]], [5]).tolist() == [[[most]]]
    assert conv_transpose(np.full((1, 1, 1), most - 5), [[[1]]], [5]).tolist() == [[[most]]]
    largest = np.full((1, 1, 1), 2**64 - 1, "u8")
    assert conv(largest, np.ones((1, 1, 1), "u1")).tolist() == [[[2**64 - 1]]]
    assert conv_bias_grad(largest).tolist() == [2**64 - 1]


def test_integers_of_other_groups_do_not_count():
    grad, weight = np.full((1, 4, 3), 2**61), np.ones((4, 1, 1), int)
    assert (conv_input_grad(grad, weight, (1, 4, 3), groups=4) == 2**61).all()
    assert (conv_transpose(grad, weight, groups=4) == 2**61).all()
    assert (conv(grad, weight, groups=4) == 2**61).all()


def test_python_integers_have_no_bounds():
    x = np.array([[[10**30, 1]]], object)
    for _, y in each(conv, x, [[[10**20, 3]]], [7]):
        assert y.tolist() == [[[10**50 + 10]]]


@pytest.mark.parametrize("dtype", ["u8", "i8"])
def test_an_unsigned_bias_meets_signed_sums(dtype):
    x, weight = np.array([[[-1, 2]]]), np.array([[[3]]])
    assert conv(x, weight, np.array([5], dtype)).tolist() == [[[2, 11]]]
    assert conv_transpose(x, weight, np.array([5], dtype)).tolist() == [[[2, 11]]]


# --------------------------------------------------------------- nothing to add up


@pytest.mark.parametrize("dtype", ["f4", "i8", "O"])
@pytest.mark.parametrize("boundary", ["zero", "reflect"])
@pytest.mark.parametrize("groups", [1, 2])
@pytest.mark.parametrize(
    ("batch", "inputs", "outputs"), [(0, 2, 4), (2, 0, 4), (2, 2, 0), (0, 0, 0)]
)
def test_layers_without_samples_or_channels_are_empty_or_zero(
    batch, inputs, outputs, groups, boundary, dtype
):
    x = np.ones((batch, inputs, 5, 4), dtype)
    weight = np.ones((outputs, inputs // groups, 3, 2), dtype)
    options = {"groups": groups, "boundary": boundary, "padding": 1}
    grad = np.ones((batch, outputs, 5, 5), dtype)
    for _, y in each(conv, x, weight, **options):
        assert y.shape == grad.shape
        assert (y == 0).all()
    for _, y in each(conv, x, weight, np.arange(outputs).astype(dtype), **options):
        assert (y == np.arange(outputs).reshape(-1, 1, 1)).all()
    for _, found in each(conv_input_grad, grad, weight, x.shape, **options):
        assert found.shape == x.shape
        assert (found == 0).all()
    for _, y in each(conv_transpose, grad, weight, **options):
        assert y.shape == x.shape
    for _, found in each(conv_weight_grad, grad, x, weight.shape, **options):
        assert found.shape == weight.shape
        assert (found == 0).all()
    assert conv_bias_grad(grad).tolist() == [batch * 25] * outputs


def test_an_axis_without_samples_is_its_padding():
    x, weight = np.ones((2, 3, 0)), np.ones((4, 3, 2))
    for _, y in each(conv, x, weight, [1, 2, 3, 4], padding=2):
        assert y.tolist() == [[[1] * 3, [2] * 3, [3] * 3, [4] * 3]] * 2
    for _, found in each(conv_input_grad, np.ones((2, 4, 3)), weight, x.shape, padding=2):
        assert found.shape == x.shape
    for _, found in each(conv_weight_grad, np.ones((2, 4, 3)), x, weight.shape, padding=2):
        assert found.tolist() == np.zeros((4, 3, 2)).tolist()


def test_outputs_far_outside_are_the_bias():
    x, weight = np.ones((1, 1, 3), "f4"), np.ones((1, 1, 2), "f4")
    for _, y in each(conv, x, weight, [7], padding=18, stride=9):
        assert y.tolist() == [[[7, 7, 9, 7, 7]]]


def test_strides_beyond_the_signal_cost_nothing():
    x, weight, step = np.ones((1, 1, 3)), np.ones((1, 1, 2)), 10**12
    for _, y in each(conv, x, weight, stride=step):
        assert y.tolist() == [[[2]]]
    for _, found in each(conv_input_grad, np.ones((1, 1, 1)), weight, (1, 1, 3), stride=step):
        assert found.tolist() == [[[1, 1, 0]]]
    for _, found in each(conv_weight_grad, np.ones((1, 1, 1)), x, (1, 1, 2), stride=step):
        assert found.tolist() == [[[1, 1]]]
