"""The transposed layer is the adjoint of the layer, with the sizes and channels turned round."""

from itertools import product

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sigconv.layers import conv, conv_input_grad, conv_output_shape, conv_transpose
from tests.layers.cases import (
    DISGUISES,
    DTYPES,
    assert_near,
    disguised,
    each,
    layers,
    naive_input_grad,
    numbers,
)

SEEDS = st.integers(0, 999)


def left_over(layer):
    """How many samples of each axis come after the last that an output meets."""
    axes = zip(layer.sizes, layer.sides, layer.dilations, layer.taps, layer.strides, strict=True)
    return tuple((n + sum(p) - d * (k - 1) - 1) % s for n, p, d, k, s in axes)


@given(
    layer=layers(),
    seed=SEEDS,
    dtype=st.sampled_from(DTYPES),
    disguise=st.sampled_from(DISGUISES),
    biased=st.booleans(),
)
def test_every_transposed_layer_is_the_sum_of_its_definition(layer, seed, dtype, disguise, biased):
    x, weight = numbers(seed, layer.y_shape, dtype), numbers(seed + 1, layer.weight_shape, dtype)
    given = [x, weight, *([numbers(seed + 2, (layer.inputs,), dtype)] if biased else [])]

    def naive(x, weight, bias=None):
        spread = naive_input_grad(layer, x, weight)
        return spread if bias is None else spread + bias.reshape(-1, *(1,) * len(layer.sizes))

    exact = [a.astype("O" if a.dtype.kind in "biuO" else "G") for a in given]
    expected = naive(*exact)
    expected = expected if expected.dtype == object or x.dtype.kind == "c" else expected.real
    source = disguised(layer.arranged(x), disguise)
    extra = left_over(layer)
    for _, y in each(conv_transpose, source, *given[1:], output_padding=extra, **layer.keywords):
        assert_near(layer.first(y), expected, naive, *given)
    assert (source == layer.arranged(x)).all()


@given(layer=layers(), seed=SEEDS)
def test_a_transposed_layer_is_the_gradient_of_the_layer(layer, seed):
    grad, weight = numbers(seed, layer.y_shape, "f8"), numbers(seed, layer.weight_shape, "f8")
    grad, extra = layer.arranged(grad), left_over(layer)
    shape = layer.shaped(layer.x_shape)
    for method, y in each(conv_transpose, grad, weight, output_padding=extra, **layer.keywords):
        expected = conv_input_grad(grad, weight, shape, method=method, **layer.keywords)
        np.testing.assert_array_equal(y, expected)


@given(
    n=st.integers(1, 9),
    k=st.integers(1, 4),
    stride=st.integers(1, 5),
    dilation=st.integers(1, 3),
    sides=st.tuples(st.integers(0, 3), st.integers(0, 3)),
    data=st.data(),
)
def test_output_padding_tells_apart_the_sizes_that_the_stride_rounds_to_one(
    n, k, stride, dilation, sides, data
):
    extra = data.draw(st.integers(0, stride - 1))
    size = (n - 1) * stride + dilation * (k - 1) + 1 - sum(sides) + extra
    options = {"stride": stride, "dilation": dilation, "padding": [sides]}
    if size < 0:
        with pytest.raises(ValueError, match="leaves nothing"):
            conv_transpose(np.ones((1, 1, n)), np.ones((1, 1, k)), output_padding=extra, **options)
        return
    y = conv_transpose(np.ones((1, 1, n)), np.ones((1, 1, k)), output_padding=extra, **options)
    assert y.shape == (1, 1, size)
    assert conv_output_shape(y.shape, (1, 1, k), **options) == (1, 1, n)


@pytest.mark.parametrize(("stride", "padding", "extra"), list(product((1, 2, 3), (0, 1), (0, 1))))
def test_it_is_zero_insertion_and_a_full_convolution(stride, padding, extra):
    if extra >= stride:
        extra = 0
    rng = np.random.default_rng(27)
    x, weight = rng.integers(-9, 9, (2, 3, 5, 6)), rng.integers(-9, 9, (3, 4, 3, 2))
    spread = np.zeros((2, 3, 4 * stride + 1 + extra, 5 * stride + 1 + extra), int)
    spread[:, :, : 4 * stride + 1 : stride, : 5 * stride + 1 : stride] = x
    around = [(2 - padding, 2 - padding), (1 - padding, 1 - padding)]
    expected = conv(spread, weight.swapaxes(0, 1), padding=around, flip=True)
    options = {"stride": stride, "padding": padding, "output_padding": extra}
    for _, y in each(conv_transpose, x, weight, **options):
        np.testing.assert_array_equal(y, expected)


def test_each_sample_puts_down_the_kernel():
    for _, y in each(conv_transpose, [[[1, 0, 10]]], [[[1, 2, 3]]], stride=2):
        assert y.tolist() == [[[1, 2, 3, 0, 10, 20, 30]]]
    for _, y in each(conv_transpose, [[[1, 0, 10]]], [[[1, 2, 3]]], stride=2, flip=True):
        assert y.tolist() == [[[3, 2, 1, 0, 30, 20, 10]]]
    for _, y in each(conv_transpose, [[[1, 10]]], [[[1, 2]]], [100], stride=3, output_padding=1):
        assert y.tolist() == [[[101, 102, 100, 110, 120, 100]]]


def test_what_falls_outside_is_added_to_the_sample_that_is_repeated_there():
    for _, y in each(conv_transpose, [[[1, 10, 100]]], [[[1, 2, 3]]], padding=1, boundary="edge"):
        # Positions -1..3 get 1, 12, 123, 230, 300.
        assert y.tolist() == [[[1 + 12, 123, 230 + 300]]]
    for _, y in each(conv_transpose, [[[1, 10, 100]]], [[[1, 2, 3]]], padding=1, boundary="wrap"):
        assert y.tolist() == [[[12 + 300, 123, 230 + 1]]]


def test_complex_weights_are_conjugated():
    for _, y in each(conv_transpose, [[[1 + 2j]]], [[[3 + 4j]]]):
        assert y.tolist() == [[[(1 + 2j) * (3 - 4j)]]]


@given(layer=layers(), seed=SEEDS, dtype=st.sampled_from(("f4", "f8", "i8", "c8")))
def test_results_do_not_depend_on_workers(layer, seed, dtype):
    x = layer.arranged(numbers(seed, layer.y_shape, dtype))
    weight = numbers(seed, layer.weight_shape, dtype)
    options = {"output_padding": left_over(layer), **layer.keywords}
    for method, y in each(conv_transpose, x, weight, workers=1, **options):
        again = conv_transpose(x, weight, workers=2, method=method, **options)
        assert again.tobytes() == y.tobytes()
