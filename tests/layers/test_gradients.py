"""The gradients of the layer are its derivatives, by their definition and as adjoints."""

from itertools import product

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sigconv.layers import conv, conv_bias_grad, conv_input_grad, conv_transpose, conv_weight_grad
from tests.layers.cases import (
    DISGUISES,
    DTYPES,
    LAYOUTS,
    PRESENT,
    assert_near,
    disguised,
    each,
    layers,
    naive_input_grad,
    naive_weight_grad,
    numbers,
)

SEEDS = st.integers(0, 999)
PAIRS = st.tuples(st.sampled_from(DISGUISES), st.sampled_from(DISGUISES))


@given(layer=layers(), seed=SEEDS, dtype=st.sampled_from(DTYPES), disguises=PAIRS)
def test_every_input_gradient_is_the_sum_of_its_definition(layer, seed, dtype, disguises):
    grad, weight = numbers(seed, layer.y_shape, dtype), numbers(seed + 1, layer.weight_shape, dtype)
    expected = naive_input_grad(layer, grad, weight)
    errors, taps = disguised(layer.arranged(grad), disguises[0]), disguised(weight, disguises[1])
    shape = layer.shaped(layer.x_shape)
    for _, found in each(conv_input_grad, errors, taps, shape, **layer.keywords):
        assert found.shape == shape
        terms = lambda *sizes: naive_input_grad(layer, *sizes)  # noqa: E731
        assert_near(layer.first(found), expected, terms, grad, weight)
    assert (errors == layer.arranged(grad)).all()
    assert (taps == weight).all()


@given(layer=layers(), seed=SEEDS, dtype=st.sampled_from(DTYPES), disguises=PAIRS)
def test_every_weight_gradient_is_the_sum_of_its_definition(layer, seed, dtype, disguises):
    grad, x = numbers(seed, layer.y_shape, dtype), numbers(seed + 1, layer.x_shape, dtype)
    expected = naive_weight_grad(layer, grad, x)
    errors, source = (
        disguised(layer.arranged(array), how)
        for array, how in zip((grad, x), disguises, strict=True)
    )
    shape = layer.weight_shape
    for _, found in each(conv_weight_grad, errors, source, shape, **layer.keywords):
        terms = lambda *sizes: naive_weight_grad(layer, *sizes)  # noqa: E731
        assert_near(found, expected, terms, grad, x)
    assert (errors == layer.arranged(grad)).all()
    assert (source == layer.arranged(x)).all()


@given(layer=layers(), seed=SEEDS, dtype=st.sampled_from(("f4", "f8", "c8", "c16")))
def test_gradients_are_the_adjoints_of_the_layer(layer, seed, dtype):
    """<y, conv(x; w)> = <input_grad(y), x> = <weight_grad(y), w>, conjugated on the right."""
    x, weight, grad = (
        numbers(seed + i, shape, dtype)
        for i, shape in enumerate((layer.x_shape, layer.weight_shape, layer.y_shape))
    )
    x, grad = layer.arranged(x), layer.arranged(grad)
    norms = np.linalg.norm(x) * np.linalg.norm(weight) * np.linalg.norm(grad)
    atol = 16 * np.finfo(dtype).eps * norms
    for method, y in each(conv, x, weight, **layer.keywords):
        expected = dot(grad, y)
        for _, found in each_of(method, conv_input_grad, grad, weight, x.shape, **layer.keywords):
            assert abs(dot(found, x) - expected) <= atol
        for _, found in each_of(method, conv_weight_grad, grad, x, weight.shape, **layer.keywords):
            assert abs(dot(found, weight) - expected) <= atol


def dot(a, b):
    return np.vdot(b.astype("c16"), a.astype("c16"))


def each_of(method, function, *arguments, **options):
    return (pair for pair in each(function, *arguments, **options) if pair[0] == method)


@given(layer=layers(), seed=SEEDS)
def test_whole_numbers_have_equal_products_with_what_comes_back(layer, seed):
    x, weight, grad = (
        numbers(seed + i, shape, "i8").astype(object)
        for i, shape in enumerate((layer.x_shape, layer.weight_shape, layer.y_shape))
    )
    x, grad = layer.arranged(x), layer.arranged(grad)
    expected = (grad * conv(x, weight, **layer.keywords)).sum()
    assert (conv_input_grad(grad, weight, x.shape, **layer.keywords) * x).sum() == expected
    assert (conv_weight_grad(grad, x, weight.shape, **layer.keywords) * weight).sum() == expected


OPTIONS = [
    {},
    {"stride": 2, "padding": 1},
    {"stride": (2, 3), "padding": [(2, 1), (0, 4)], "dilation": (1, 2)},
    {"padding": 3, "boundary": "reflect", "flip": True},
    {"padding": "same", "boundary": [("edge", "zero"), "wrap"], "dilation": 2},
    {"padding": 9, "stride": 4, "boundary": "symmetric", "layout": "channels_last"},
    {"groups": 2, "padding": 1, "stride": 3},
]


@pytest.mark.parametrize("options", OPTIONS, ids=str)
def test_gradients_are_central_differences(options):
    """Of half the sum of squares, whose central differences have no error but of rounding."""
    rng = np.random.default_rng(3)
    x, weight = rng.standard_normal((2, 4, 7, 6)), rng.standard_normal((4, 4, 2, 3))
    weight = weight[:, : 4 // options.get("groups", 1)]
    if options.get("layout") == "channels_last":
        x = np.moveaxis(x, 1, -1)
    bias = rng.standard_normal(4)
    given = [x, weight, bias]

    def loss():
        return (conv(*given, **options) ** 2).sum() / 2

    grad = conv(*given, **options)
    found = [
        dict(each(conv_input_grad, grad, weight, x.shape, **options)),
        dict(each(conv_weight_grad, grad, x, weight.shape, **options)),
        {"auto": conv_bias_grad(grad, layout=options.get("layout", "channels_first"))},
    ]
    for array, slopes in zip(given, found, strict=True):
        for place in rng.integers(0, array.shape, (6, array.ndim)):
            at, step = tuple(place), 0.5
            kept = array[at]
            array[at] = kept + step
            above = loss()
            array[at] = kept - step
            below = loss()
            array[at] = kept
            for slope in slopes.values():
                assert abs((above - below) / (2 * step) - slope[at]) < 1e-9 * abs(slope).max()


@pytest.mark.parametrize("method", PRESENT)
def test_every_method_gives_the_gradients_of_a_plain_layer_of_images(method):
    x, weight = numbers(1, (2, 3, 9, 20), "f4"), numbers(2, (4, 3, 3, 3), "f4")
    grad = numbers(3, (2, 4, 7, 18), "f4")
    slow = [a.astype(object) for a in (np.round(a * 64).astype(int) for a in (x, weight, grad))]
    whole = [a.astype("f4") for a in slow]
    found = conv_input_grad(whole[2], whole[1], x.shape, method=method)
    expected = conv_input_grad(slow[2], slow[1], x.shape)
    np.testing.assert_allclose(found, expected.astype(float), rtol=0, atol=0.3)
    found = conv_weight_grad(whole[2], whole[0], weight.shape, method=method)
    expected = conv_weight_grad(slow[2], slow[0], weight.shape)
    np.testing.assert_allclose(found, expected.astype(float), rtol=0, atol=0.3)
    found = conv_transpose(whole[2], whole[1], method=method)
    np.testing.assert_allclose(found, conv_transpose(slow[2], slow[1]).astype(float), atol=0.3)


WIDE = [
    ((2, 9, 150), (7, 9, 5)),
    ((1, 5, 11, 150), (9, 5, 3, 3)),
    ((1, 17, 9, 31), (33, 17, 3, 3)),
    ((1, 3, 30, 65), (5, 3, 7, 7)),
    ((1, 4, 7, 9, 37), (9, 4, 3, 3, 3)),
]


@pytest.mark.parametrize("stride", [1, 2, 3])
@pytest.mark.parametrize(("x_shape", "weight_shape"), WIDE)
@pytest.mark.parametrize("dtype", ["f4", "f8", "c8"])
def test_gradients_of_wide_layers_are_those_of_exact_sums(x_shape, weight_shape, stride, dtype):
    """Small integers, whose sums integers and floats hold alike, but for transforms' rounding."""
    x, weight = (numbers(i, shape, "i1") // 8 for i, shape in enumerate((x_shape, weight_shape)))
    options = {"stride": stride, "padding": 1}
    grad = numbers(2, conv(x, weight, **options).shape, "i1") // 8
    floats = [a.astype(dtype) for a in (x, weight, grad)]
    terms = conv_input_grad(grad, weight, x_shape, **options)
    for _, found in each(conv_input_grad, floats[2], floats[1], x_shape, **options):
        np.testing.assert_allclose(found, terms, rtol=0, atol=rounding(dtype, grad, weight))
    terms = conv_weight_grad(grad, x, weight_shape, **options)
    for _, found in each(conv_weight_grad, floats[2], floats[0], weight_shape, **options):
        np.testing.assert_allclose(found, terms, rtol=0, atol=rounding(dtype, grad, x))


def rounding(dtype, *arrays):
    return 2 * np.finfo(dtype).eps * np.prod([np.linalg.norm(a.astype(float)) for a in arrays])


@given(layer=layers(), seed=SEEDS, dtype=st.sampled_from(("f4", "f8", "i8", "c8")))
def test_gradients_do_not_depend_on_workers(layer, seed, dtype):
    x, weight, grad = (
        numbers(seed + i, shape, dtype)
        for i, shape in enumerate((layer.x_shape, layer.weight_shape, layer.y_shape))
    )
    x, grad = layer.arranged(x), layer.arranged(grad)
    asked = (
        (conv_input_grad, (grad, weight, x.shape)),
        (conv_weight_grad, (grad, x, weight.shape)),
    )
    for function, arguments in asked:
        for method, found in each(function, *arguments, workers=1, **layer.keywords):
            again = function(*arguments, workers=2, method=method, **layer.keywords)
            assert again.tobytes() == found.tobytes()


@given(
    shape=st.lists(st.integers(1, 5), min_size=3, max_size=5),
    seed=SEEDS,
    dtype=st.sampled_from(DTYPES),
    layout=st.sampled_from(LAYOUTS),
    disguise=st.sampled_from(DISGUISES),
)
def test_the_gradient_of_the_bias_is_the_sum_of_each_channel(shape, seed, dtype, layout, disguise):
    grad = numbers(seed, tuple(shape), dtype)
    given = disguised(np.moveaxis(grad, 1, -1) if layout == "channels_last" else grad, disguise)
    found = conv_bias_grad(given, layout=layout)
    assert found.shape == (shape[1],)
    wide = grad.astype("O" if grad.dtype.kind in "biuO" else "G")
    expected = [wide[:, c].sum() for c in range(shape[1])]
    if grad.dtype.kind in "biuO":
        assert found.tolist() == expected
    else:
        eps = np.finfo(grad.dtype).eps
        np.testing.assert_allclose(found, expected, rtol=0, atol=4 * eps * np.abs(wide).sum())


@pytest.mark.parametrize(("dtype", "shape"), [("f4", (1, 500, 500, 3)), ("c8", (40_000, 2, 3))])
def test_many_errors_are_summed_up_without_losing_digits(dtype, shape):
    grad = np.full(shape, 0.1, dtype)
    for layout, count in {"channels_last": shape[-1], "channels_first": shape[1]}.items():
        each = grad.astype(np.result_type(dtype, float))[(0,) * grad.ndim] * grad.size / count
        np.testing.assert_allclose(conv_bias_grad(grad, layout=layout), each, rtol=1e-6)


def test_derivatives_of_a_layer_of_two_taps_by_hand():
    """y[0] = a x[0] + b x[1] and y[1] = a x[1] + b x[2]."""
    for _, found in each(conv_input_grad, [[[1, 10]]], [[[2, 3]]], (1, 1, 3)):
        assert found.tolist() == [[[2, 3 + 20, 30]]]
    for _, found in each(conv_weight_grad, [[[1, 10]]], [[[5, 7, 11]]], (1, 1, 2)):
        assert found.tolist() == [[[5 + 70, 7 + 110]]]


def test_each_output_changes_with_each_weight_as_the_sample_that_they_meet():
    """dO[i]/dK[j] = I[i + j - p], row 29 of the examples."""
    samples, padding = np.array([3, 5, 7, 11]), 1
    for i, j in product(range(4), range(3)):
        grad = np.zeros((1, 1, 4), int)
        grad[0, 0, i] = 1
        met = samples[i + j - padding] if 0 <= i + j - padding < 4 else 0
        options = {"padding": padding}
        for _, found in each(conv_weight_grad, grad, samples[None, None], (1, 1, 3), **options):
            assert found[0, 0, j] == met
