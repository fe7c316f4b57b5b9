"""The fully connected layer, its losses, their derivatives, and how many parameters layers have."""

from fractions import Fraction

import mpmath
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sigconv.errors import DTypeError, IntegerOverflowError, OptionError, ShapeError
from sigconv.layers import (
    conv,
    conv_parameters,
    cross_entropy,
    cross_entropy_grad,
    dense,
    dense_grad,
    dense_parameters,
    sigmoid,
    squared_error,
    squared_error_grad,
)

SIZES = st.integers(1, 5)


def by_loops(x: np.ndarray, weight: np.ndarray, bias: np.ndarray) -> np.ndarray:
    y = np.zeros((len(x), len(weight)), object)
    for b, o in np.ndindex(y.shape):
        y[b, o] = bias[o] + sum(weight[o, i] * x[b, i] for i in range(x.shape[1]))
    return y


@given(SIZES, SIZES, SIZES, st.integers(0, 99))
def test_each_output_is_a_weighted_sum_of_all_inputs(batch, inputs, outputs, seed):
    rng = np.random.default_rng(seed)
    x, weight, bias = (
        rng.integers(-9, 10, shape) for shape in ((batch, inputs), (outputs, inputs), (outputs,))
    )
    expected = by_loops(x, weight, bias)
    for dtype in ("i1", "f4", "f8", "c8", "g", "O"):
        got = dense(x.astype(dtype), weight.astype(dtype), bias.astype(dtype))
        assert got.dtype == np.dtype("i8" if dtype == "i1" else dtype)
        np.testing.assert_array_equal(got, expected)
    np.testing.assert_array_equal(dense(x, weight), expected - bias)


def test_dense_is_a_convolution_with_a_kernel_as_large_as_the_image():
    rng = np.random.default_rng(0)
    x, weight, bias = (
        rng.standard_normal((3, 2, 4, 5)),
        rng.standard_normal((6, 2, 4, 5)),
        rng.standard_normal(6),
    )
    np.testing.assert_allclose(
        dense(x.reshape(3, -1), weight.reshape(6, -1), bias),
        conv(x, weight, bias)[:, :, 0, 0],
        rtol=1e-12,
    )


def test_integers_and_fractions_are_exact():
    big = 2**53 + 1
    assert dense([[big]], [[1]], [0]).item() == big
    assert dense(np.array([[Fraction(1, 3)]]), [[3]]).item() == 1
    with pytest.raises(IntegerOverflowError):
        dense([[2**62, 2**62]], [[1, 1]])
    with pytest.raises(IntegerOverflowError):
        dense_grad([[2**62], [2**62]], [[0], [0]], [[0]])


def test_lists_of_weights_do_not_widen_and_float16_is_computed_in_float32():
    x = np.ones((1, 4096), np.float16)
    y = dense(x, x)
    assert y.dtype == np.float16
    assert y.item() == 4096
    assert dense(x.astype(np.float32)[:, :1], [[0.5]], [0.25]).dtype == np.float32
    grad = dense_grad(np.ones((4096, 1), np.float16), x.T, np.ones((1, 1), np.float16))
    assert grad.bias.dtype == grad.weight.dtype == np.float16
    assert grad.bias.item() == grad.weight.item() == 4096


def test_nothing_warns_of_infinities():
    with np.errstate(all="raise"):
        assert np.isnan(dense([[np.inf, -np.inf]], [[1.0, 1.0]])).all()
        assert np.isnan(dense([[np.inf]], [[1.0]], [-np.inf])).all()


@given(SIZES, SIZES, SIZES, st.booleans(), st.integers(0, 99))
def test_gradients_are_adjoints(batch, inputs, outputs, is_complex, seed):
    rng = np.random.default_rng(seed)

    def drawn(*shape: int) -> np.ndarray:
        values = rng.standard_normal(shape)
        return values + 1j * rng.standard_normal(shape) if is_complex else values

    x, weight, bias = drawn(batch, inputs), drawn(outputs, inputs), drawn(outputs)
    grad = drawn(batch, outputs)
    back = dense_grad(grad, x, weight)
    assert [part.shape for part in back] == [x.shape, weight.shape, bias.shape]
    # <grad, dense(x)> is linear in each argument: the same by each adjoint.
    nothing = np.zeros_like(bias)
    product = np.vdot(dense(x, weight), grad)
    np.testing.assert_allclose(np.vdot(x, back.input), product, rtol=1e-9)
    np.testing.assert_allclose(np.vdot(weight, back.weight), product, rtol=1e-9)
    shifted = np.vdot(dense(x * 0, weight, bias), grad)
    np.testing.assert_allclose(np.vdot(bias, back.bias), shifted, rtol=1e-9)
    np.testing.assert_array_equal(dense(x, weight, nothing), dense(x, weight))


@pytest.mark.parametrize(
    ("match", "call"),
    [
        ("x is \\(batch, in\\)", lambda: dense([1, 2], [[1, 2]])),
        ("x is \\(batch, in\\)", lambda: dense([[1, 2]], [[1, 2, 3]])),
        ("bias has one number", lambda: dense([[1, 2]], [[1, 2]], [1, 2])),
        ("bias has one number", lambda: dense([[1, 2]], [[1, 2]], 1)),
        ("grad has the shape", lambda: dense_grad([[1, 2]], [[1, 2]], [[1, 2]])),
        ("x is \\(batch, in\\)", lambda: dense_grad([[1]], [1, 2], [[1, 2]])),
    ],
)
def test_shapes_that_do_not_fit_are_refused(match, call):
    with pytest.raises(ShapeError, match=match):
        call()


def test_a_neuron_with_bias_minus_30_and_weights_20_is_a_logical_and():
    x = [[0, 0], [0, 1], [1, 0], [1, 1]]
    np.testing.assert_allclose(sigmoid(dense(x, [[20, 20]], [-30]))[:, 0], [0, 0, 0, 1], atol=5e-5)


@given(SIZES, SIZES, st.integers(0, 2**32 - 1))
def test_cross_entropy_is_minus_the_mean_logarithm_of_the_labels_shares(batch, classes, seed):
    rng = np.random.default_rng(seed)
    z = 20 * rng.standard_normal((batch, classes))
    labels = rng.integers(0, classes, batch)
    with mpmath.workdps(60):
        rows = [[mpmath.exp(mpmath.mpf(v)) for v in row] for row in z.tolist()]
        logs = [mpmath.log(row[k] / sum(row)) for row, k in zip(rows, labels, strict=True)]
        expected = float(-sum(logs) / batch)
    got = cross_entropy(z, labels)
    np.testing.assert_allclose(got, expected, rtol=1e-12, atol=1e-300)
    one_hot = np.eye(classes)[labels]
    assert cross_entropy(z, one_hot) == got
    np.testing.assert_array_equal(cross_entropy_grad(z, one_hot), cross_entropy_grad(z, labels))


def test_a_sure_and_right_answer_keeps_its_small_cost():
    np.testing.assert_allclose(cross_entropy([[50.0, 0.0]], [0]), np.exp(-50), rtol=1e-13)


def test_far_logits_cost_what_they_should_without_a_warning():
    with np.errstate(all="raise"):
        assert cross_entropy([[1e4, -1e4]], [0]) == 0
        assert cross_entropy([[1e4, -1e4]], [1]) == 2e4
        assert cross_entropy([[np.inf, 0.0]], [0]) == 0
        assert cross_entropy([[-np.inf, 0.0]], [0]) == np.inf
        assert cross_entropy([[-np.inf, 0.0]], [[0, 1]]) == 0
        assert np.isnan(cross_entropy([[np.nan, 0.0], [0.0, 0.0]], [1, 1]))
        np.testing.assert_array_equal(cross_entropy_grad([[1e4, -1e4]], [1]), [[1, -1]])


def test_probabilities_weigh_the_logarithms():
    z = np.log([[1.0, 3.0]])
    np.testing.assert_allclose(
        cross_entropy(z, [[0.5, 0.5]]), -(np.log(0.25) + np.log(0.75)) / 2, rtol=1e-14
    )


@given(SIZES, SIZES, st.booleans(), st.integers(0, 99))
def test_gradients_of_losses_are_finite_differences(batch, classes, soft, seed):
    rng = np.random.default_rng(seed)
    z = 3 * rng.standard_normal((batch, classes))
    labels = rng.random(z.shape) if soft else rng.integers(0, classes, batch)
    target = rng.standard_normal(z.shape)
    for loss, got in (
        (lambda z: cross_entropy(z, labels), cross_entropy_grad(z, labels)),
        (lambda z: squared_error(z, target), squared_error_grad(z, target)),
    ):
        for place in np.ndindex(z.shape):
            up, down = z.copy(), z.copy()
            up[place] += 1e-4
            down[place] -= 1e-4
            np.testing.assert_allclose(got[place], (loss(up) - loss(down)) / 2e-4, atol=1e-6)


def test_squared_error_is_a_mean_over_all_numbers():
    assert squared_error([[1, 2], [3, 4]], [[1, 2], [3, 0]]) == 4
    np.testing.assert_array_equal(
        squared_error_grad([[1, 2], [3, 4]], [[1, 2], [3, 0]]), [[0, 0], [0, 2]]
    )


def test_gradients_of_losses_keep_floats():
    z = np.zeros((2, 3), np.float32)
    assert cross_entropy_grad(z, np.array([0, 1])).dtype == np.float32
    assert cross_entropy_grad(z, np.ones((2, 3))).dtype == np.float32
    assert cross_entropy_grad([[1, 2]], [0]).dtype == np.float64
    assert squared_error_grad(z, z.tolist()).dtype == np.float32
    assert squared_error_grad(z.astype(np.float16), z.astype(np.float16)).dtype == np.float16
    assert isinstance(squared_error(z, z), float)
    assert isinstance(cross_entropy(z, [0, 1]), float)


@pytest.mark.parametrize(
    ("error", "match", "call"),
    [
        (OptionError, "labels lie from 0 to 1", lambda: cross_entropy([[1, 2]], [2])),
        (OptionError, "got -1 to -1", lambda: cross_entropy_grad([[1, 2]], [-1])),
        (DTypeError, "must be integers", lambda: cross_entropy([[1, 2]], [0.0])),
        (DTypeError, "real numbers", lambda: cross_entropy([[1j, 2]], [0])),
        (ShapeError, "labels are a class for each", lambda: cross_entropy([[1, 2]], [0, 1])),
        (ShapeError, "labels are a class for each", lambda: cross_entropy([[1, 2]], 0)),
        (ShapeError, "logits have the shape", lambda: cross_entropy([1, 2], [0, 1])),
        (ShapeError, "logits have the shape", lambda: cross_entropy(np.ones((0, 2)), [])),
        (ShapeError, "target has the shape", lambda: squared_error([[1], [2]], [1, 2])),
        (ShapeError, "at least one number", lambda: squared_error([], [])),
        (DTypeError, "real numbers", lambda: squared_error([1j], [1])),
    ],
)
def test_what_has_no_loss_is_refused(error, match, call):
    with pytest.raises(error, match=match):
        call()


def test_parameters_are_those_of_the_weights():
    assert conv_parameters(6, 9, (3, 4), groups=3) == np.zeros((9, 6 // 3, 3, 4)).size + 9
    assert conv_parameters(6, 9, 5, bias=False) == 6 * 9 * 5
    assert dense_parameters(7, 5) == np.zeros((5, 7)).size + 5
    assert dense_parameters(36_000_000, 100, bias=False) == 3_600_000_000
    assert dense_parameters(*np.array([2**30, 2**10], "i4"), bias=False) == 2**40


@pytest.mark.parametrize(
    ("error", "call"),
    [
        (OptionError, lambda: dense_parameters(0, 1)),
        (OptionError, lambda: dense_parameters(1, np.array(2.0).item())),
        (OptionError, lambda: dense_parameters(1, True)),
        (OptionError, lambda: conv_parameters(1, 1, 3, groups=0)),
        (ShapeError, lambda: conv_parameters(3, 2, 3, groups=2)),
        (ShapeError, lambda: conv_parameters(2, 3, 3, groups=2)),
        (ShapeError, lambda: conv_parameters(1, 1, (3, 0))),
        (ShapeError, lambda: conv_parameters(1, 1, ())),
    ],
)
def test_what_is_no_count_is_refused(error, call):
    with pytest.raises(error):
        call()


def test_layers_and_losses_are_torchs(torch):
    rng = np.random.default_rng(0)
    x, weight, bias = rng.standard_normal((4, 3)), rng.standard_normal((5, 3)), rng.random(5)
    labels = rng.integers(0, 5, 4)
    leaves = [torch.tensor(value, requires_grad=True) for value in (x, weight, bias)]
    y = torch.nn.functional.linear(*leaves)
    loss = torch.nn.functional.cross_entropy(y, torch.tensor(labels))
    loss.backward()
    own = dense(x, weight, bias)
    np.testing.assert_allclose(own, y.detach().numpy(), rtol=1e-12)
    np.testing.assert_allclose(cross_entropy(own, labels), loss.item(), rtol=1e-12)
    back = dense_grad(cross_entropy_grad(own, labels), x, weight)
    for got, leaf in zip(back, leaves, strict=True):
        np.testing.assert_allclose(got, leaf.grad.numpy(), rtol=1e-10, atol=1e-15)
    shares = rng.dirichlet(np.ones(5), 4)
    peer = torch.nn.functional.cross_entropy(y, torch.tensor(shares))
    np.testing.assert_allclose(cross_entropy(own, shares), peer.item(), rtol=1e-12)
    error = torch.nn.functional.mse_loss(y, torch.tensor(shares))
    np.testing.assert_allclose(squared_error(own, shares), error.item(), rtol=1e-12)
