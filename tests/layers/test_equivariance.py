"""The response of a layer moves with its input; what knows its place is refuted."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sigconv.errors import BoundaryError, DTypeError, OptionError, ShapeError
from sigconv.layers import (
    avg_pool,
    check_shift_equivariance,
    conv,
    conv_transpose,
    dense,
    max_pool,
    relu,
    shifted,
    softmax,
)

Layer = Callable[[Any], Any]
RNG = np.random.default_rng(5)
WEIGHT = RNG.standard_normal((3, 2, 3, 3))
SECOND = RNG.standard_normal((2, 3, 3, 3))
BIAS = RNG.standard_normal(3)
IMAGES = (2, 2, 24, 20)


def conv_layer(**options: Any) -> Layer:
    return lambda x: conv(x, WEIGHT, BIAS, **options)


def network(boundary: str) -> Layer:
    def f(x: np.ndarray) -> np.ndarray:
        hidden = relu(conv(x, WEIGHT, BIAS, padding=1, boundary=boundary))
        return conv(max_pool(hidden, 2), SECOND, padding=1, boundary=boundary)

    return f


def gained(x: np.ndarray) -> np.ndarray:
    return x * np.linspace(0.5, 1.5, x.shape[-1])


def dense_layer(x: np.ndarray) -> np.ndarray:
    rows = x.reshape(len(x), -1)
    weight = np.random.default_rng(1).standard_normal((rows.shape[1], rows.shape[1]))
    return dense(rows, weight).reshape(x.shape)


EQUIVARIANT: dict[str, tuple[Layer, int | tuple[int, int]]] = {
    "convolution": (conv_layer(padding=1), 1),
    "convolution without padding": (conv_layer(), 1),
    "true convolution": (conv_layer(padding="same", flip=True), 1),
    "stride": (conv_layer(padding=1, stride=2), 2),
    "strides": (conv_layer(padding=1, stride=(2, 1)), (2, 1)),
    "transposed": (lambda x: conv_transpose(x, SECOND, padding=1), 1),
    "maximum": (lambda x: max_pool(x, 3, stride=1, padding=1), 1),
    "pool": (lambda x: avg_pool(x, 2), 2),
    "network": (network("zero"), 2),
    "over channels": (lambda x: softmax(x, axis=1), 1),
    "constant": (np.ones_like, 1),
}

WRAPPED: dict[str, tuple[Layer, int]] = {
    "convolution": (conv_layer(padding=1, boundary="wrap"), 1),
    "wide": (conv_layer(padding=4, dilation=4, boundary="wrap"), 1),
    "stride": (conv_layer(padding=1, stride=2, boundary="wrap"), 2),
    "network": (network("wrap"), 2),
    "pool": (lambda x: avg_pool(x, 2), 2),
    "mean of the image": (lambda x: x - x.mean(axis=(2, 3), keepdims=True), 1),
}

KNOW_THEIR_PLACE: dict[str, Layer] = {
    "gain": gained,
    "gain of one sample": lambda x: x * (np.arange(x.shape[-1]) != x.shape[-1] // 2),
    "dense": dense_layer,
    "mirror": lambda x: x[..., ::-1],
    "turned": lambda x: x[..., ::-1, :],
    "sum so far": lambda x: np.cumsum(np.roll(x, x.shape[-1] // 2, -1), -1),
    "position as a feature": lambda x: x + np.arange(x.shape[-1]),
    "stride": lambda x: np.repeat(np.repeat(max_pool(x, 2), 2, 2), 2, 3),
    "gain of loud samples": lambda x: np.where(np.abs(x) > 50, gained(x), x),
    "gain of neighbours": lambda x: gained(x * np.roll(x, 1, -1)),
    "gain of one channel": lambda x: np.concatenate([x[:, :1], gained(x[:, 1:])], axis=1),
}


@pytest.mark.parametrize("name", EQUIVARIANT)
def test_responses_move_with_their_input_inside(name):
    layer, stride = EQUIVARIANT[name]
    check = check_shift_equivariance(layer, IMAGES, stride=stride)
    assert check, check


@pytest.mark.parametrize("name", WRAPPED)
def test_responses_move_round_with_their_input_exactly_everywhere(name):
    layer, stride = WRAPPED[name]
    check = check_shift_equivariance(layer, IMAGES, stride=stride, boundary="wrap")
    assert check, check


@pytest.mark.parametrize("boundary", ["zero", "wrap"])
@pytest.mark.parametrize("name", KNOW_THEIR_PLACE)
def test_what_knows_its_place_is_refuted_by_a_true_counterexample(name, boundary):
    f = KNOW_THEIR_PLACE[name]
    check = check_shift_equivariance(f, (2, 2, 16, 16), boundary=boundary)
    assert not check
    example = check.counterexample
    assert example is not None
    x, moved = example.inputs
    np.testing.assert_array_equal(shifted(x, example.shift, boundary="wrap"), moved)
    assert example.where is not None
    expected = shifted(f(x), example.response_shift, boundary="wrap")[example.where]
    assert abs(f(moved)[example.where] - expected) == pytest.approx(example.deviation)
    assert example.deviation > 0
    assert str(check).startswith("not shift-equivariant: f(x moved by (")


def test_a_layer_with_a_stride_moves_by_multiples_of_it_alone():
    layer = conv_layer(padding=1, stride=2)
    assert check_shift_equivariance(layer, IMAGES, stride=(2, 2))
    for wrong in (1, 3, (2, 1)):
        assert not check_shift_equivariance(layer, (2, 2, 24, 24), stride=wrong)


def test_the_simplest_counterexample_tells_both_shifts():
    check = check_shift_equivariance(conv_layer(padding=1, stride=2), (1, 2, 24, 24), stride=(2, 3))
    assert "f(x moved by (0, 3)) differs from f(x) moved by (0, 1)" in str(check)
    example = check_shift_equivariance(gained, (1, 1, 16, 16)).counterexample
    assert example is not None
    assert example.shift == example.response_shift == (0, 1)
    asked = ~np.isnan(example.expected[0, 0])
    np.testing.assert_array_equal(np.argwhere(asked).min(axis=0), [4, 5])
    np.testing.assert_array_equal(np.argwhere(asked).max(axis=0), [11, 11])


def test_inputs_fill_the_middle_quarter_and_stay_in_the_middle_half():
    seen = []

    def f(x: np.ndarray) -> np.ndarray:
        seen.append(x[0, 0] != 0)
        return x

    assert check_shift_equivariance(f, (1, 1, 64), trials=40)
    np.testing.assert_array_equal(np.flatnonzero(np.any(seen, axis=0)), np.arange(16, 48))
    assert max(map(np.count_nonzero, seen)) == 16


def test_what_the_edges_do_within_a_quarter_of_the_size_is_left_out():
    def edged(reach: int) -> Layer:
        return lambda x: x + (np.arange(32) < reach) - (np.arange(32) >= 32 - reach)

    assert check_shift_equivariance(edged(8), (1, 1, 32))
    assert not check_shift_equivariance(edged(9), (1, 1, 32))
    assert not check_shift_equivariance(edged(1), (1, 1, 32), boundary="wrap")


def test_zeros_at_the_edges_are_seen_under_wrap_alone():
    layer = conv_layer(padding=1)
    assert check_shift_equivariance(layer, IMAGES)
    assert not check_shift_equivariance(layer, IMAGES, boundary="wrap")


@pytest.mark.parametrize("space", [(40,), (16, 24), (16, 18, 16)])
@pytest.mark.parametrize("layout", ["channels_first", "channels_last"])
def test_any_number_of_axes_in_any_layout(space, layout):
    weight = np.random.default_rng(0).standard_normal((2, 3, *(3,) * len(space)))
    shape = (1, 3, *space) if layout == "channels_first" else (1, *space, 3)
    options: dict[str, Any] = {"padding": 1, "layout": layout}

    def layer(x: np.ndarray) -> np.ndarray:
        assert x.shape == shape
        return conv(x, weight, boundary="wrap", **options)

    assert check_shift_equivariance(layer, shape, boundary="wrap", layout=layout, trials=3)
    assert check_shift_equivariance(layer, shape, layout=layout, trials=3)
    axis = -1 if layout == "channels_first" else -2

    def uneven(x: np.ndarray) -> np.ndarray:
        gain = np.arange(x.shape[axis], dtype=float)
        weighted: np.ndarray = x * (gain if axis == -1 else gain[:, None])
        return weighted

    assert not check_shift_equivariance(uneven, shape, layout=layout)


@pytest.mark.parametrize("dtype", [np.float32, np.complex128, np.int64])
def test_inputs_have_the_dtype_that_was_asked_for(dtype):
    def layer(x: np.ndarray) -> np.ndarray:
        assert x.dtype == dtype
        return conv(x, [[[1, -2, 3]]], padding=1)

    assert check_shift_equivariance(layer, (1, 1, 32), dtype=dtype)


def test_chance_is_told_from_place():
    rng = np.random.default_rng(0)
    check = check_shift_equivariance(lambda x: x + rng.random(x.shape), (1, 1, 16))
    assert str(check).startswith("not repeatable")


@given(
    st.lists(st.integers(1, 5), min_size=1, max_size=3),
    st.data(),
    st.sampled_from(["channels_first", "channels_last"]),
)
def test_samples_move_to_where_the_shift_takes_them(space, data, layout):
    shift = [data.draw(st.integers(-6, 6)) for _ in space]
    shape = (2, *space, 3) if layout == "channels_last" else (2, 3, *space)
    x = np.arange(1, 1 + np.prod(shape)).reshape(shape)
    before = x.copy()
    first = 1 if layout == "channels_last" else 2
    zeros, wrapped = (shifted(x, shift, boundary=b, layout=layout) for b in ("zero", "wrap"))
    assert zeros.shape == wrapped.shape == shape
    assert zeros.dtype == x.dtype
    for index in np.ndindex(shape):
        source = list(index)
        for j, step in enumerate(shift):
            source[first + j] -= step
        inside = all(0 <= i < n for i, n in zip(source, shape, strict=True))
        assert zeros[index] == (x[tuple(source)] if inside else 0)
        assert wrapped[index] == x[tuple(i % n for i, n in zip(source, shape, strict=True))]
    np.testing.assert_array_equal(x, before)


def test_a_convolution_of_a_shifted_image_is_the_shifted_convolution():
    x = np.random.default_rng(2).standard_normal((1, 2, 12, 12))
    layer = conv_layer(padding=1, boundary="wrap")
    np.testing.assert_allclose(
        layer(shifted(x, (3, -5), boundary="wrap")),
        shifted(layer(x), (3, -5), boundary="wrap"),
        rtol=1e-12,
        atol=1e-12,
    )


@pytest.mark.parametrize(
    ("error", "match", "call"),
    [
        (ShapeError, "at least 16 samples", lambda f: check_shift_equivariance(f, (1, 1, 15))),
        (
            ShapeError,
            "8 times the stride of 3",
            lambda f: check_shift_equivariance(f, (1, 1, 23), stride=3),
        ),
        (
            ShapeError,
            "the stride must divide the size",
            lambda f: check_shift_equivariance(f, (1, 1, 25), stride=3, boundary="wrap"),
        ),
        (ShapeError, "3 to 5 axes", lambda f: check_shift_equivariance(f, (16, 16))),
        (ShapeError, "at least one sample", lambda f: check_shift_equivariance(f, (0, 1, 16))),
        (
            ShapeError,
            "axes of space",
            lambda f: check_shift_equivariance(lambda x: x.reshape(1, -1), (1, 1, 16)),
        ),
        (
            ShapeError,
            "at least 4 samples",
            lambda f: check_shift_equivariance(lambda x: x[..., :1], (1, 1, 16)),
        ),
        (
            ShapeError,
            "size / stride samples",
            lambda f: check_shift_equivariance(
                lambda x: max_pool(x, 2), (1, 1, 16), boundary="wrap"
            ),
        ),
        (
            BoundaryError,
            "'zero' or 'wrap'",
            lambda f: check_shift_equivariance(f, (1, 1, 16), boundary="edge"),
        ),
        (
            OptionError,
            "stride must be",
            lambda f: check_shift_equivariance(f, (1, 1, 16), stride=0),
        ),
        (OptionError, "trials", lambda f: check_shift_equivariance(f, (1, 1, 16), trials=0)),
        (
            DTypeError,
            "dtype must be",
            lambda f: check_shift_equivariance(f, (1, 1, 16), dtype="i1"),
        ),
        (BoundaryError, "'zero' or 'wrap'", lambda f: shifted([[[1]]], 1, boundary="reflect")),
        (OptionError, "shift must be integers;", lambda f: shifted([[[1]]], 0.5)),
        (ShapeError, "one entry per axis", lambda f: shifted([[[1]]], (1, 1))),
        (ShapeError, "3 to 5 axes", lambda f: shifted([1], 1)),
    ],
)
def test_what_cannot_be_checked_is_refused(error, match, call):
    with pytest.raises(error, match=match):
        call(lambda x: x)
