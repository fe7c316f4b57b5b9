"""Activation functions and their derivatives, without overflow or cancellation at any argument."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from sigconv.core.dtypes import Array
from sigconv.errors import ShapeError
from sigconv.layers.arguments import is_whole
from sigconv.layers.reals import as_reals, check_same_shape, in_dtype

__all__ = [
    "below_largest",
    "relu",
    "relu_grad",
    "sigmoid",
    "sigmoid_grad",
    "softmax",
    "softmax_grad",
    "tanh",
    "tanh_grad",
]


def relu(x: npt.ArrayLike) -> Array:
    """Return max(x, 0), the rectified linear unit, of each number.

    Parameters
    ----------
    x : array_like
        Real numbers of any shape.

    Returns
    -------
    ndarray
        Of the shape and the dtype of `x`; float64 for integers. NaN stays NaN.

    Raises
    ------
    DTypeError
        For complex numbers and Python objects.

    Examples
    --------
    >>> relu([-2.0, 0.0, 3.0])
    array([0., 0., 3.])
    """
    (z,), dtype = as_reals(x=x)
    return in_dtype(np.maximum(z, 0), dtype)


def relu_grad(grad: npt.ArrayLike, x: npt.ArrayLike) -> Array:
    """Return the derivative of sum(grad * relu(x)) by x: the error where x is positive, else 0.

    Parameters
    ----------
    grad : array_like
        The derivative of what is minimised by each number of `relu`.
    x : array_like, of the shape of `grad`
        The argument of `relu`.

    Returns
    -------
    ndarray
        Of the shape of `x`, of the dtype to which both promote; float64 for integers.

    Raises
    ------
    ShapeError
        Where the shapes differ.
    DTypeError
        As for `relu`.

    Notes
    -----
    At 0, where there is no derivative, it is 0; at NaN it is NaN.

    Examples
    --------
    >>> relu_grad([10, 10, 10], [-1.0, 0.0, 1.0])
    array([ 0.,  0., 10.])
    """
    (errors, z), dtype = as_reals(grad=grad, x=x)
    check_same_shape(grad=errors, x=z)
    passed = np.where(z > 0, errors, 0)
    return in_dtype(np.where(np.isnan(z), z, passed), dtype)


def sigmoid(x: npt.ArrayLike) -> Array:
    """Return the logistic function 1 / (1 + exp(-x)) of each number.

    Parameters
    ----------
    x : array_like
        Real numbers of any shape.

    Returns
    -------
    ndarray
        As from `relu`. Tails keep their relative precision: sigmoid(-100) is exp(-100).

    Raises
    ------
    DTypeError
        As for `relu`.

    Examples
    --------
    A neuron with the bias -30 and the weights 20, 20 is a logical AND:

    >>> sigmoid([-30, -10, -10, 10]).round(4)
    array([0., 0., 0., 1.])
    """
    (z,), dtype = as_reals(x=x)
    with np.errstate(all="ignore"):
        decay = np.exp(-np.abs(z))
        values = np.where(z < 0, decay, 1) / (1 + decay)
    return in_dtype(values, dtype)


def sigmoid_grad(grad: npt.ArrayLike, x: npt.ArrayLike) -> Array:
    """Return the derivative of sum(grad * sigmoid(x)) by x: grad s (1 - s) for s = sigmoid(x).

    Parameters
    ----------
    grad, x : array_like
        As for `relu_grad`.

    Returns
    -------
    ndarray
        As from `relu_grad`.

    Raises
    ------
    ShapeError, DTypeError
        As for `relu_grad`.

    Examples
    --------
    >>> sigmoid_grad([4.0, 1.0], [0.0, 1e4])
    array([1., 0.])
    """
    (errors, z), dtype = as_reals(grad=grad, x=x)
    check_same_shape(grad=errors, x=z)
    with np.errstate(all="ignore"):
        return in_dtype(errors * _bell(z), dtype)


def tanh(x: npt.ArrayLike) -> Array:
    """Return the hyperbolic tangent of each number.

    Parameters
    ----------
    x : array_like
        Real numbers of any shape.

    Returns
    -------
    ndarray
        As from `relu`.

    Raises
    ------
    DTypeError
        As for `relu`.

    Examples
    --------
    >>> tanh([-np.inf, 0.0, 1e4])
    array([-1.,  0.,  1.])
    """
    (z,), dtype = as_reals(x=x)
    with np.errstate(all="ignore"):
        return in_dtype(np.tanh(z), dtype)


def tanh_grad(grad: npt.ArrayLike, x: npt.ArrayLike) -> Array:
    """Return the derivative of sum(grad * tanh(x)) by x: grad (1 - tanh(x)^2).

    Parameters
    ----------
    grad, x : array_like
        As for `relu_grad`.

    Returns
    -------
    ndarray
        As from `relu_grad`.

    Raises
    ------
    ShapeError, DTypeError
        As for `relu_grad`.

    Examples
    --------
    >>> tanh_grad([2.0, 1.0], [0.0, 1e4])
    array([2., 0.])
    """
    (errors, z), dtype = as_reals(grad=grad, x=x)
    check_same_shape(grad=errors, x=z)
    with np.errstate(all="ignore"):
        # tanh(x) = 2 sigmoid(2 x) - 1.
        return in_dtype(errors * (4 * _bell(2 * z)), dtype)


def softmax(x: npt.ArrayLike, *, axis: int = -1) -> Array:
    """Return exp(x) over the sum of exp(x) along an axis: shares that add up to 1.

    Parameters
    ----------
    x : array_like
        Real numbers.
    axis : int
        The axis along which the shares add up.

    Returns
    -------
    ndarray
        As from `relu`.

    Raises
    ------
    ShapeError
        Where there is no such axis, or nothing on it.
    DTypeError
        As for `relu`.

    Notes
    -----
    The largest number is subtracted first, so that nothing overflows. Equal infinities share as
    equal numbers do: of infinity and any finite number the shares are 1 and 0, of two times minus
    infinity they are 1/2.

    Examples
    --------
    >>> softmax([[0, np.log(3)], [1e4, -1e4]])
    array([[0.25, 0.75],
           [1.  , 0.  ]])
    """
    (z,), dtype = as_reals(x=x)
    return in_dtype(_shares(z, axis), dtype)


def softmax_grad(grad: npt.ArrayLike, x: npt.ArrayLike, *, axis: int = -1) -> Array:
    """Return the derivative of sum(grad * softmax(x)) by x.

    Parameters
    ----------
    grad, x : array_like
        As for `relu_grad`.
    axis : int
        As for `softmax`.

    Returns
    -------
    ndarray
        As from `relu_grad`: s (grad - sum of s grad along the axis), for s = softmax(x).

    Raises
    ------
    ShapeError, DTypeError
        As for `relu_grad` and `softmax`.

    Examples
    --------
    With the shares 1/4 and 3/4, d s0/dx0 = 1/4 * 3/4 = -d s0/dx1:

    >>> softmax_grad([1, 0], [0, np.log(3)])
    array([ 0.1875, -0.1875])
    """
    (errors, z), dtype = as_reals(grad=grad, x=x)
    check_same_shape(grad=errors, x=z)
    shares = _shares(z, axis)
    with np.errstate(all="ignore"):
        common = (shares * errors).sum(axis=axis, keepdims=True)
        return in_dtype(shares * (errors - common), dtype)


def below_largest(z: Array, axis: int) -> Array:
    """Return z minus the largest number along the axis, and 0 where the two are equal."""
    if not is_whole(axis) or not -z.ndim <= axis < z.ndim:
        raise ShapeError(f"axis must be one of the {z.ndim} of x of shape {z.shape}; got {axis!r}.")
    if not z.shape[axis]:
        raise ShapeError(f"axis {axis} of x must have numbers on it; got the shape {z.shape}.")
    largest = z.max(axis=axis, keepdims=True)
    # Infinity minus infinity would be NaN.
    below: Array = np.subtract(z, largest, out=np.zeros_like(z), where=z != largest)
    return below


def _shares(z: Array, axis: int) -> Array:
    with np.errstate(all="ignore"):
        weights = np.exp(below_largest(z, axis))
        shares: Array = weights / weights.sum(axis=axis, keepdims=True)
        return shares


def _bell(z: Array) -> Array:
    """Return the derivative of the logistic function, exp(-|z|) / (1 + exp(-|z|))^2."""
    decay = np.exp(-np.abs(z))
    bell: Array = decay / (1 + decay) ** 2
    return bell
