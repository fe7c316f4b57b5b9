"""Activations keep their precision and their NaN at any argument; derivatives are derivatives."""

from typing import Any

import mpmath
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sigconv.errors import DTypeError, ShapeError
from sigconv.layers import (
    relu,
    relu_grad,
    sigmoid,
    sigmoid_grad,
    softmax,
    softmax_grad,
    tanh,
    tanh_grad,
)

PAIRS = [(relu, relu_grad), (sigmoid, sigmoid_grad), (tanh, tanh_grad), (softmax, softmax_grad)]
FUNCTIONS = [function for function, _ in PAIRS]
FAR = np.array([-np.inf, -1e4, -50.0, 0.0, 50.0, 1e4, np.inf])


def exact(name: str, x: float) -> Any:
    """A function or a derivative, in 400 digits."""
    with mpmath.workdps(400):
        z = mpmath.mpf(x)
        e = mpmath.exp(z)
        return {
            "sigmoid": lambda: e / (1 + e),
            "sigmoid_grad": lambda: e / (1 + e) ** 2,
            "tanh": lambda: mpmath.tanh(z),
            "tanh_grad": lambda: 1 / mpmath.cosh(z) ** 2,
        }[name]()


@pytest.mark.parametrize(
    ("name", "function"),
    [
        ("sigmoid", sigmoid),
        ("sigmoid_grad", lambda x: sigmoid_grad(1.0, x)),
        ("tanh", tanh),
        ("tanh_grad", lambda x: tanh_grad(1.0, x)),
    ],
)
@given(x=st.floats(-300, 300) | st.floats(-1, 1))
def test_no_digits_are_lost_at_any_argument(name, function, x):
    expected = exact(name, x)
    got = mpmath.mpf(float(function(x)))
    # The rounding of the argument's own double, 2 |x|, is not the function's.
    assert abs(got - expected) <= (8 + 2 * abs(x)) * 2.0**-53 * abs(expected) + 1e-300


def test_far_arguments_reach_the_limits_without_a_warning():
    one = np.ones(FAR.shape)
    tail = np.exp(-50.0)
    with np.errstate(all="raise"):
        np.testing.assert_array_equal(relu(FAR), [0, 0, 0, 0, 50, 1e4, np.inf])
        np.testing.assert_array_equal(relu_grad(one, FAR), [0, 0, 0, 0, 1, 1, 1])
        np.testing.assert_allclose(sigmoid(FAR), [0, 0, tail, 0.5, 1, 1, 1], rtol=1e-15)
        np.testing.assert_allclose(
            sigmoid_grad(one, FAR), [0, 0, tail, 0.25, tail, 0, 0], rtol=1e-15
        )
        np.testing.assert_array_equal(tanh(FAR), [-1, -1, -1, 0, 1, 1, 1])
        np.testing.assert_allclose(
            tanh_grad(one, FAR), [0, 0, 4 * tail**2, 1, 4 * tail**2, 0, 0], rtol=1e-14
        )
        np.testing.assert_array_equal(softmax(FAR), [0, 0, 0, 0, 0, 0, 1])
        np.testing.assert_array_equal(softmax([-1e4, 1e4, 1e4 - 800]), [0, 1, 0])
        np.testing.assert_array_equal(softmax_grad(one, FAR), np.zeros(7))


def test_equal_infinities_share_as_equal_numbers_do():
    with np.errstate(all="raise"):
        np.testing.assert_array_equal(softmax([np.inf, np.inf, 0]), [0.5, 0.5, 0])
        np.testing.assert_array_equal(softmax([-np.inf, -np.inf]), [0.5, 0.5])


@pytest.mark.parametrize(("function", "grad"), PAIRS)
def test_nan_stays_where_it_is(function, grad):
    x = np.array([[np.nan, 1.0], [2.0, 3.0]])
    with np.errstate(all="raise"):
        reached = np.isnan(function(x))
        back = np.isnan(grad(np.ones(x.shape), x))
    row = [True, function is softmax]
    np.testing.assert_array_equal(reached, [row, [False, False]])
    np.testing.assert_array_equal(back, [row, [False, False]])


@pytest.mark.parametrize(("function", "grad"), PAIRS)
@pytest.mark.parametrize(
    ("dtype", "result"),
    [
        ("?", "f8"),
        ("i1", "f8"),
        ("u8", "f8"),
        ("f2", "f2"),
        ("f4", "f4"),
        (">f4", "f4"),
        ("f8", "f8"),
        ("g", "g"),
    ],
)
def test_floats_keep_their_dtype_and_integers_become_float64(function, grad, dtype, result):
    x = np.array([[0, 1], [1, 0]]).astype(dtype)
    expected = np.dtype(result)
    assert function(x).dtype == expected
    assert grad(x, x).dtype == expected
    np.testing.assert_allclose(
        function(x), function(x.astype("g")), rtol=2 * float(np.finfo(expected).eps)
    )


def test_lists_do_not_widen_floats():
    x = np.ones(2, np.float32)
    assert relu_grad([0.5, 2], x).dtype == np.float32
    assert relu_grad(x, [0.5, 2]).dtype == np.float32
    assert relu_grad(x, np.ones(2)).dtype == np.float64
    np.testing.assert_array_equal(relu_grad([1e300, 0.0], x), [np.inf, 0])


def test_float16_is_computed_in_float32():
    x = np.linspace(-8, 8, 33).astype(np.float16)
    exactly = sigmoid(x.astype(float)).astype(np.float16)
    np.testing.assert_array_equal(sigmoid(x), exactly)
    # 4096 equal shares: their sum would stay at 2048 in float16.
    shares = softmax(np.zeros((4096, 2), np.float16), axis=0)
    np.testing.assert_array_equal(shares, 1 / 4096)


@pytest.mark.parametrize(("function", "grad"), PAIRS)
@given(seed=st.integers(0, 2**32 - 1), scale=st.sampled_from([0.1, 1.0, 5.0]))
def test_gradients_are_finite_differences(function, grad, seed, scale):
    rng = np.random.default_rng(seed)
    x = scale * rng.standard_normal((3, 4))
    x[np.abs(x) < 1e-3] = 0.5
    errors = rng.standard_normal(x.shape)
    got = grad(errors, x)
    step = 1e-4
    for place in np.ndindex(x.shape):
        up, down = x.copy(), x.copy()
        up[place] += step
        down[place] -= step
        numeric = np.sum(errors * (function(up) - function(down))) / (2 * step)
        np.testing.assert_allclose(got[place], numeric, rtol=1e-6, atol=1e-7)


def test_relu_has_the_derivative_0_at_0():
    np.testing.assert_array_equal(relu_grad([3.0, 3.0], [0.0, -0.0]), [0, 0])


@given(
    st.integers(0, 2**32 - 1),
    st.lists(st.integers(1, 4), min_size=1, max_size=3),
    st.integers(-3, 2),
)
def test_shares_add_up_to_1_along_their_axis_and_know_no_offset(seed, shape, axis):
    axis = axis % len(shape)
    z = 10 * np.random.default_rng(seed).standard_normal(shape)
    shares = softmax(z, axis=axis)
    np.testing.assert_allclose(shares.sum(axis=axis), 1, rtol=1e-14)
    np.testing.assert_allclose(softmax(z + 1024.0, axis=axis), shares, rtol=1e-11)
    np.testing.assert_allclose(softmax(z, axis=axis - len(shape)), shares, rtol=0)
    moved = np.moveaxis(softmax(np.moveaxis(z, axis, 0), axis=0), 0, axis)
    np.testing.assert_allclose(moved, shares, rtol=1e-14)
    errors = np.random.default_rng(seed + 1).standard_normal(shape)
    # An offset of all logits changes nothing: the derivatives add up to 0.
    np.testing.assert_allclose(softmax_grad(errors, z, axis=axis).sum(axis=axis), 0, atol=1e-14)


def test_inputs_are_not_written_to():
    x = np.array([[-1.0, 2.0]])
    x.flags.writeable = False
    for function, grad in PAIRS:
        function(x)
        grad(x, x)
        assert not np.shares_memory(function(x), x)
        assert not np.shares_memory(grad(x, x), x)


@pytest.mark.parametrize("function", FUNCTIONS)
def test_complex_numbers_are_refused(function):
    with pytest.raises(DTypeError, match="real numbers"):
        function(np.array([1j]))


@pytest.mark.parametrize(
    ("match", "call"),
    [
        ("grad has the shape of x", lambda x: relu_grad(x[:1], x)),
        ("grad has the shape of x", lambda x: sigmoid_grad(1.0, x)),
        ("grad has the shape of x", lambda x: tanh_grad(x.T, x)),
        ("grad has the shape of x", lambda x: softmax_grad(x[0], x)),
        ("axis must be one of the 2", lambda x: softmax(x, axis=2)),
        ("axis must be one of the 2", lambda x: softmax(x, axis=np.array(1.5).item())),
        ("axis must be one of the 2", lambda x: softmax(x, axis=True)),
        ("axis must be one of the 2", lambda x: softmax(x, axis=np.array(1.0).item())),
        ("axis must be one of the 0", lambda x: softmax(x[0, 0])),
        ("must have numbers on it", lambda x: softmax(x[:, :0])),
    ],
)
def test_shapes_that_do_not_fit_are_refused(match, call):
    with pytest.raises(ShapeError, match=match):
        call(np.ones((2, 3)))


@pytest.mark.parametrize(("function", "grad"), PAIRS)
def test_activations_are_torchs(torch, function, grad):
    x = np.linspace(-20, 20, 42).reshape(6, 7)
    errors = np.cos(np.arange(42.0)).reshape(6, 7)
    peer = torch.tensor(x, requires_grad=True)
    options: dict[str, Any] = {"dim": -1} if function is softmax else {}
    y = getattr(torch, function.__name__)(peer, **options)
    y.backward(torch.tensor(errors))
    np.testing.assert_allclose(function(x), y.detach().numpy(), rtol=1e-13)
    np.testing.assert_allclose(grad(errors, x), peer.grad.numpy(), rtol=1e-7, atol=1e-16)
