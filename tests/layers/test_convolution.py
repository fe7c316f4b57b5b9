"""The convolution layer is the sum of its definition, by every method."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.lib.stride_tricks import sliding_window_view

import sigconv
from sigconv.layers import conv, conv_output_shape
from tests.layers.cases import (
    DISGUISES,
    DTYPES,
    PRESENT,
    RULES,
    assert_near,
    disguised,
    each,
    layers,
    naive_conv,
    numbers,
    result_dtype,
)

SEEDS = st.integers(0, 999)
MIXED = [dtype for dtype in DTYPES if dtype != "O"]
FLOATS = st.sampled_from(("f4", "f8", "c8", "c16"))
RNG = np.random.default_rng(25)


@given(
    layer=layers(),
    seed=SEEDS,
    dtype=st.sampled_from(DTYPES),
    disguises=st.tuples(st.sampled_from(DISGUISES), st.sampled_from(DISGUISES)),
    biased=st.booleans(),
)
def test_every_layer_is_the_sum_of_its_definition(layer, seed, dtype, disguises, biased):
    x, weight = numbers(seed, layer.x_shape, dtype), numbers(seed + 1, layer.weight_shape, dtype)
    given = [x, weight, *([numbers(seed + 2, (layer.outputs,), dtype)] if biased else [])]
    expected = naive_conv(layer, *given)
    source, taps = disguised(layer.arranged(x), disguises[0]), disguised(weight, disguises[1])
    for _, y in each(conv, source, taps, *given[2:], **layer.keywords):
        assert_near(layer.first(y), expected, lambda *sizes: naive_conv(layer, *sizes), *given)
    assert (source == layer.arranged(x)).all()
    assert (taps == weight).all()


@given(layer=layers(), seed=SEEDS, dtypes=st.tuples(*[st.sampled_from(MIXED)] * 3))
def test_dtypes_that_meet_give_the_dtype_that_numpy_promotes_them_to(layer, seed, dtypes):
    shapes = layer.x_shape, layer.weight_shape, (layer.outputs,)
    given = [numbers(seed, shape, dtype) for shape, dtype in zip(shapes, dtypes, strict=True)]
    expected = naive_conv(layer, *given)
    for _, y in each(conv, layer.arranged(given[0]), *given[1:], **layer.keywords):
        assert_near(layer.first(y), expected, lambda *sizes: naive_conv(layer, *sizes), *given)


@given(layer=layers())
def test_the_shape_of_the_result_is_the_formula_of_torch(layer):
    axes = zip(layer.sizes, layer.sides, layer.dilations, layer.taps, layer.strides, strict=True)
    lengths = [(n + sum(p) - d * (k - 1) - 1) // s + 1 for n, p, d, k, s in axes]
    expected = layer.shaped((layer.batch, layer.outputs, *lengths))
    keywords = layer.keywords.copy()
    del keywords["boundary"], keywords["flip"]
    shape = conv_output_shape(layer.shaped(layer.x_shape), layer.weight_shape, **keywords)
    assert shape == expected
    assert all(type(n) is int for n in shape)
    x = np.zeros(layer.shaped(layer.x_shape), "f4")
    for _, y in each(conv, x, np.zeros(layer.weight_shape, "f4"), **layer.keywords):
        assert y.shape == expected


@pytest.mark.parametrize("method", PRESENT)
def test_every_method_takes_a_plain_layer_of_images(method):
    x, weight = numbers(1, (2, 3, 9, 20), "f4"), numbers(2, (4, 3, 3, 3), "f4")
    found = conv(x, weight, method=method)
    windows = sliding_window_view(x.astype("f8"), (3, 3), axis=(2, 3))
    expected = np.einsum("bipqkl,oikl->bopq", windows, weight)
    np.testing.assert_allclose(found, expected, rtol=0, atol=2e-5)


# Beyond one vector of lanes, with a rest, and beyond one block of channels.
WIDE = [
    ((2, 9, 150), (7, 9, 5)),
    ((1, 1, 300), (1, 1, 33)),
    ((1, 5, 11, 150), (9, 5, 3, 3)),
    ((2, 8, 17, 33), (16, 8, 1, 1)),
    ((1, 3, 40, 65), (5, 3, 7, 7)),
    ((1, 17, 9, 31), (33, 17, 3, 3)),
    ((1, 2, 40, 47), (3, 2, 15, 16)),
    ((1, 4, 7, 9, 37), (9, 4, 3, 3, 3)),
    ((1, 2, 10, 10, 20), (2, 2, 7, 7, 7)),
]
WIDER = {"f4": "f8", "f8": "f8", "c8": "c16", "i8": "i8"}


@pytest.mark.parametrize("dtype", ["f4", "f8", "c8", "i8"])
@pytest.mark.parametrize(("stride", "dilation", "padding"), [(1, 1, 2), (2, 1, 3), (3, 2, 7)])
@pytest.mark.parametrize(("x_shape", "weight_shape"), WIDE)
def test_wide_layers_are_products_of_windows_and_weights(
    x_shape, weight_shape, stride, dilation, padding, dtype
):
    x, weight = numbers(1, x_shape, dtype), numbers(2, weight_shape, dtype)
    bias = numbers(3, weight_shape[:1], dtype)
    ndim = x.ndim - 2
    space = tuple(range(2, x.ndim))
    padded = np.pad(x.astype(WIDER[dtype]), [(0, 0)] * 2 + [(padding, padding)] * ndim)
    reach = [dilation * (k - 1) + 1 for k in weight_shape[2:]]
    windows = sliding_window_view(padded, reach, axis=space)
    each_one = (slice(None, None, stride),) * ndim + (slice(None, None, dilation),) * ndim
    met = windows[(slice(None), slice(None), *each_one)]
    contracted = ((1, *range(x.ndim, x.ndim + ndim)), (1, *space))
    expected = np.moveaxis(np.tensordot(met, weight, contracted), -1, 1)
    expected = expected + bias.reshape(-1, *(1,) * ndim)
    norms = np.linalg.norm(x.astype("c16")) * np.linalg.norm(weight.astype("c16"))
    atol = 0 if dtype == "i8" else 4 * np.finfo(dtype).eps * norms
    options = {"stride": stride, "dilation": dilation, "padding": padding}
    for _, y in each(conv, x, weight, bias, **options):
        assert y.dtype == result_dtype(x, weight)
        np.testing.assert_allclose(y, expected, rtol=0, atol=atol)


@pytest.mark.parametrize("boundary", RULES)
@pytest.mark.parametrize("ndim", [1, 2, 3])
def test_one_channel_is_the_full_correlation_of_sigconv(ndim, boundary):
    shape, taps = (13, 9, 8)[:ndim], (5, 4, 3)[:ndim]
    x, kernel = RNG.standard_normal(shape), RNG.standard_normal(taps)
    options: dict[str, Any] = {"padding": [k - 1 for k in taps], "boundary": boundary}
    correlated = sigconv.correlate(x, kernel, boundary=boundary)
    convolved = sigconv.convolve(x, kernel, boundary=boundary)
    for flip, expected in ((False, correlated), (True, convolved)):
        for _, y in each(conv, x[None, None], kernel[None, None], flip=flip, **options):
            np.testing.assert_allclose(y[0, 0], expected, rtol=0, atol=1e-12)


def test_weights_are_not_conjugated_where_correlations_are():
    x, kernel = numbers(1, (20,), "c16"), numbers(2, (4,), "c16")
    expected = sigconv.correlate(x, kernel.conj(), mode="valid")
    for _, y in each(conv, x[None, None], kernel[None, None]):
        np.testing.assert_allclose(y[0, 0], expected, rtol=0, atol=1e-13)


@pytest.mark.parametrize("per_channel", [1, 3])
def test_depthwise_layers_correlate_each_channel_alone(per_channel):
    x = RNG.standard_normal((2, 7, 12, 70))
    weight = RNG.standard_normal((7 * per_channel, 1, 3, 5))
    for _, y in each(conv, x, weight, groups=7):
        for o, kernel in enumerate(weight[:, 0]):
            expected = [sigconv.correlate(one[o // per_channel], kernel, "valid") for one in x]
            np.testing.assert_allclose(y[:, o], expected, rtol=0, atol=1e-12)


def test_groups_are_layers_side_by_side():
    x, weight = RNG.standard_normal((2, 6, 9, 33)), RNG.standard_normal((12, 2, 3, 3))
    options: dict[str, Any] = {"stride": 2, "padding": 1, "boundary": "reflect"}
    for method, y in each(conv, x, weight, groups=3, **options):
        parts = zip(np.split(x, 3, axis=1), np.split(weight, 3), strict=True)
        alone = [conv(a, w, method=method, **options) for a, w in parts]
        np.testing.assert_allclose(y, np.concatenate(alone, axis=1), rtol=0, atol=1e-12)


@given(layer=layers(), seed=SEEDS, dtype=FLOATS)
def test_layers_are_linear_in_samples_and_in_weights(layer, seed, dtype):
    x, other = (layer.arranged(numbers(seed + i, layer.x_shape, dtype)) for i in (0, 1))
    weight, more = (numbers(seed + i, layer.weight_shape, dtype) for i in (2, 3))
    scale = np.linalg.norm(x) + 2 * np.linalg.norm(other)
    scale *= np.linalg.norm(weight) + 2 * np.linalg.norm(more)
    atol = 20 * np.finfo(dtype).eps * (scale + 1)
    two = np.dtype(dtype).type(2)
    for method, y in each(conv, x + two * other, weight, **layer.keywords):
        parts = [conv(a, weight, method=method, **layer.keywords) for a in (x, other)]
        np.testing.assert_allclose(y, parts[0] + two * parts[1], rtol=0, atol=atol)
    for method, y in each(conv, x, weight + two * more, **layer.keywords):
        parts = [conv(x, w, method=method, **layer.keywords) for w in (weight, more)]
        np.testing.assert_allclose(y, parts[0] + two * parts[1], rtol=0, atol=atol)


@given(layer=layers(), seed=SEEDS, dtype=st.sampled_from(("f4", "f8", "i8", "c8", "f2")))
def test_results_do_not_depend_on_workers(layer, seed, dtype):
    x = layer.arranged(numbers(seed, layer.x_shape, dtype))
    weight = numbers(seed + 1, layer.weight_shape, dtype)
    for method, y in each(conv, x, weight, workers=1, **layer.keywords):
        again = conv(x, weight, workers=2, method=method, **layer.keywords)
        assert again.tobytes() == y.tobytes()


@pytest.mark.parametrize("dtype", ["f4", "f8", "i8", "c8"])
@pytest.mark.parametrize(("x_shape", "weight_shape"), WIDE)
def test_wide_results_do_not_depend_on_workers(x_shape, weight_shape, dtype):
    x, weight = numbers(1, x_shape, dtype), numbers(2, weight_shape, dtype)
    for method, y in each(conv, x, weight, workers=1, padding=1):
        assert conv(x, weight, workers=2, padding=1, method=method).tobytes() == y.tobytes()


def test_a_layer_is_the_matrix_of_its_windows_times_its_weights():
    x = np.arange(9).reshape(1, 1, 3, 3)
    weight = np.array([[[[0, 1], [2, 3]]], [[[1, 0], [0, -1]]]])
    columns = np.array([[0, 1, 3, 4], [1, 2, 4, 5], [3, 4, 6, 7], [4, 5, 7, 8]])
    expected = (weight.reshape(2, 4) @ columns).reshape(1, 2, 2, 2)
    for _, y in each(conv, x, weight):
        assert y.tolist() == expected.tolist()


def test_each_output_of_two_channels_by_hand():
    x = [[[1, 2, 3], [10, 20, 30]]]
    weight = [[[1, -1], [0, 2]], [[0, 0], [1, 1]]]
    expected = [[[1 - 2 + 40, 2 - 3 + 60], [10 + 20, 20 + 30]]]
    for _, y in each(conv, x, weight):
        assert y.tolist() == expected
    for _, y in each(conv, x, weight, bias=[1000, -1000]):
        assert y.tolist() == [[[1039, 1059], [-970, -950]]]
    for _, y in each(conv, x, weight, flip=True):
        assert y.tolist() == [[[2 - 1 + 20, 3 - 2 + 40], [30, 50]]]


def test_same_padding_puts_the_odd_sample_after():
    for _, y in each(conv, [[[1, 10, 100]]], [[[1, 2]]], padding="same"):
        assert y.tolist() == [[[21, 210, 100]]]
    for _, y in each(conv, [[[1, 10, 100]]], [[[1, 2]]], padding="same", stride=2):
        assert y.tolist() == [[[21, 100]]]
    for _, y in each(conv, [[[1, 10, 100]]], [[[1, 2]]], padding="same", dilation=3):
        assert y.tolist() == [[[200, 1, 10]]]


def test_a_list_of_weights_keeps_the_precision_of_the_samples():
    x = np.ones((1, 1, 4), "f4")
    for _, y in each(conv, x, [[[0.5, 0.25]]], [0.125]):
        assert y.dtype == np.float32
        assert y.tolist() == [[[0.875] * 3]]
