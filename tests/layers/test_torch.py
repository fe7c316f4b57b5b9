"""The layer, the transposed one and their gradients are those of torch, where it is installed."""

from typing import Any

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from sigconv.layers import (
    conv,
    conv_bias_grad,
    conv_input_grad,
    conv_output_shape,
    conv_transpose,
    conv_weight_grad,
)
from tests.layers.cases import each, layers, numbers

torch: Any = pytest.importorskip("torch")

SEEDS = st.integers(0, 999)
DTYPES = st.sampled_from(("f4", "f8", "c8", "c16"))
NAMES = {"reflect": "reflect", "wrap": "circular", "edge": "replicate"}


def of_torch(name, ndim):
    return getattr(torch.nn.functional, f"{name}{ndim}d")


def options_of(layer):
    return {"stride": layer.strides, "dilation": layer.dilations, "groups": layer.groups}


def padded(layer, x):
    """Return the samples with zeros on each side, the last axis first as torch has it."""
    widths = [side for pair in reversed(layer.sides) for side in pair]
    return torch.nn.functional.pad(x, widths)


def tensors(*arrays):
    return [torch.from_numpy(array.copy()).requires_grad_() for array in arrays]


def flipped(layer, weight):
    """Return the weights as torch, which does not flip them, takes them."""
    return np.flip(weight, tuple(range(2, weight.ndim))).copy() if layer.flip else weight


def near(found, expected, dtype, *factors):
    norms = np.prod([np.linalg.norm(factor) for factor in factors])
    atol = 16 * np.finfo(dtype).eps * (norms + 1)
    np.testing.assert_allclose(found, expected.detach().numpy(), rtol=0, atol=atol)


@given(layer=layers(rules=("zero",)), seed=SEEDS, dtype=DTYPES)
def test_the_layer_and_its_gradients_are_those_of_torch(layer, seed, dtype):
    shapes = layer.x_shape, layer.weight_shape, (layer.outputs,), layer.y_shape
    x, weight, bias, grad = (numbers(seed + i, shape, dtype) for i, shape in enumerate(shapes))
    a, b, c = tensors(x, flipped(layer, weight), bias)
    expected = of_torch("conv", len(layer.sizes))(padded(layer, a), b, c, **options_of(layer))
    expected.backward(torch.from_numpy(grad))
    source, errors, options = layer.arranged(x), layer.arranged(grad), layer.keywords
    for _, y in each(conv, source, weight, bias, **options):
        near(layer.first(y), expected, dtype, x, weight)
    for _, found in each(conv_input_grad, errors, weight, source.shape, **options):
        near(layer.first(found), a.grad, dtype, grad, weight)
    for _, found in each(conv_weight_grad, errors, source, weight.shape, **options):
        near(flipped(layer, found), b.grad, dtype, grad, x)
    near(conv_bias_grad(errors, layout=options["layout"]), c.grad, dtype, grad)


@pytest.mark.filterwarnings("ignore:TF32")
@given(layer=layers(rules=("zero",)), seed=SEEDS, dtype=st.sampled_from(("f4", "f8")))
def test_the_transposed_layer_is_that_of_torch(layer, seed, dtype):
    """Torch pads both sides alike."""
    assume(all(before == after for before, after in layer.sides))
    extra = tuple((seed + i) % stride for i, stride in enumerate(layer.strides))
    padding = tuple(before for before, _ in layer.sides)
    axes = zip(layer.y_shape[2:], layer.strides, layer.dilations, layer.taps, padding, strict=True)
    sizes = [(n - 1) * s + d * (k - 1) + 1 - 2 * p for n, s, d, k, p in axes]
    # torch refuses results without samples.
    assume(all(size + more > 0 for size, more in zip(sizes, extra, strict=True)))
    shapes = layer.y_shape, layer.weight_shape, (layer.inputs,)
    x, weight, bias = (numbers(seed + i, shape, dtype) for i, shape in enumerate(shapes))
    ready = (torch.from_numpy(a.copy()) for a in (x, flipped(layer, weight), bias))
    transposed = of_torch("conv_transpose", len(layer.sizes))
    # One of its engines cannot describe some layouts; the others give the same.
    with torch.backends.mkldnn.flags(enabled=False):
        expected = transposed(*ready, padding=padding, output_padding=extra, **options_of(layer))
    source, options = layer.arranged(x), layer.keywords
    for _, y in each(conv_transpose, source, weight, bias, output_padding=extra, **options):
        near(layer.first(y), expected, dtype, x, weight)


@given(
    size=st.integers(1, 200),
    taps=st.integers(1, 9),
    stride=st.integers(1, 9),
    dilation=st.integers(1, 9),
    padding=st.integers(0, 20),
)
def test_sizes_are_those_of_torch(size, taps, stride, dilation, padding):
    options: dict[str, Any] = {"stride": stride, "dilation": dilation, "padding": padding}
    shapes = (1, 1, size), (1, 1, taps)
    if size + 2 * padding < dilation * (taps - 1) + 1:
        for refused in (
            lambda: conv_output_shape(*shapes, **options),
            lambda: of_torch("conv", 1)(*map(torch.ones, shapes), **options),
        ):
            with pytest.raises((ValueError, RuntimeError)):
                refused()
        return
    expected = of_torch("conv", 1)(*map(torch.ones, shapes), **options)
    assert conv_output_shape(*shapes, **options) == tuple(expected.shape)


@pytest.mark.filterwarnings("ignore:Using padding='same'")
@pytest.mark.parametrize("taps", [1, 2, 3, 4, 5])
@pytest.mark.parametrize("dilation", [1, 2, 3])
def test_same_padding_is_that_of_torch(taps, dilation):
    x, weight = numbers(1, (1, 2, 12, 9), "f8"), numbers(2, (3, 2, taps, 2), "f8")
    options = {"padding": "same", "dilation": dilation}
    expected = of_torch("conv", 2)(torch.from_numpy(x), torch.from_numpy(weight), **options)
    for _, y in each(conv, x, weight, **options):
        near(y, expected, "f8", x, weight)


@pytest.mark.parametrize("boundary", list(NAMES))
@pytest.mark.parametrize("ndim", [1, 2, 3])
def test_boundaries_are_the_padding_modes_of_torch(ndim, boundary):
    """And the gradient of what is repeated comes back to the sample that is repeated."""
    x = numbers(1, (2, 3, 7, 6, 5)[: 2 + ndim], "f8")
    weight = numbers(2, (4, 3, 3, 4, 2)[: 2 + ndim], "f8")
    sides = [(1, 2), (3, 0), (2, 2)][:ndim]
    widths = [side for pair in reversed(sides) for side in pair]
    a, b = tensors(x, weight)
    extended = torch.nn.functional.pad(a, widths, mode=NAMES[boundary])
    expected = of_torch("conv", ndim)(extended, b, stride=2)
    grad = numbers(3, tuple(expected.shape), "f8")
    expected.backward(torch.from_numpy(grad))
    options: dict[str, Any] = {"padding": sides, "boundary": boundary, "stride": 2}
    for _, y in each(conv, x, weight, **options):
        near(y, expected, "f8", x, weight)
    for _, found in each(conv_input_grad, grad, weight, x.shape, **options):
        near(found, a.grad, "f8", grad, weight)
    for _, found in each(conv_weight_grad, grad, x, weight.shape, **options):
        near(found, b.grad, "f8", grad, x)
