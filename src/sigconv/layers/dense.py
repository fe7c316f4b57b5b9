"""The fully connected layer and its gradient."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from sigconv.channels import check_sums
from sigconv.core.dtypes import Array, DTypes, as_numeric, resolve_dtypes
from sigconv.errors import ShapeError
from sigconv.layers.form import numbers_of

__all__ = ["DenseGrad", "dense", "dense_grad"]


class DenseGrad(NamedTuple):
    """The derivatives of what is minimised by the arguments of `dense`, each of its shape."""

    input: Array
    weight: Array
    bias: Array


def dense(x: npt.ArrayLike, weight: npt.ArrayLike, bias: npt.ArrayLike | None = None) -> Array:
    """Return the fully connected layer: each output is a weighted sum of all inputs, plus a bias.

    y[b, o] = bias[o] + sum over i of weight[o, i] x[b, i]

    Parameters
    ----------
    x : array_like (batch, in)
        For images, x.reshape(len(x), -1).
    weight : array_like (out, in)
        A weight for each pair of an output and an input.
    bias : array_like (out,), optional
        What is added to each output.

    Returns
    -------
    ndarray (batch, out)
        Of the dtype that `conv` gives.

    Raises
    ------
    ShapeError
        Where the shapes do not fit.
    IntegerOverflowError
        Where sums of integers may not fit 64 bits.

    See Also
    --------
    dense_grad : The derivatives.
    dense_parameters : How many weights that takes.

    Notes
    -----
    The definition is that of torch.nn.functional.linear.

    Examples
    --------
    >>> dense([[1, 2]], [[3, 4], [5, 6]], bias=[100, 200])
    array([[111, 217]])
    """
    samples, weights = numbers_of(x, "x"), numbers_of(weight, "weight")
    _check_matrices(samples.array, weights.array)
    dtypes = resolve_dtypes(samples.array.dtype, weights.array.dtype, weak=weights.weak)
    if bias is None:
        return _product(samples.array, weights.array.T, dtypes)
    added, weak = numbers_of(bias, "bias")
    if added.shape != weights.array.shape[:1]:
        raise ShapeError(
            f"bias has one number for each output ({len(weights.array)}); got the shape "
            f"{added.shape}."
        )
    dtypes = resolve_dtypes(dtypes.result, added.dtype, weak=weak)
    return _product(samples.array, weights.array.T, dtypes, added)


def dense_grad(grad: npt.ArrayLike, x: npt.ArrayLike, weight: npt.ArrayLike) -> DenseGrad:
    """Return the derivatives of sum(grad * dense(x, weight, bias)) by x, weight and bias.

    Parameters
    ----------
    grad : array_like (batch, out)
        The derivative of what is minimised by each output of `dense`.
    x : array_like (batch, in)
        The input; complex numbers are conjugated.
    weight : array_like (out, in)
        The weights; complex numbers are conjugated.

    Returns
    -------
    DenseGrad
        ``input`` (batch, in), ``weight`` (out, in), the sum over the batch, and ``bias`` (out,).

    Raises
    ------
    ShapeError, IntegerOverflowError
        As for `dense`.

    Examples
    --------
    >>> dense_grad([[1, 10]], [[1, 2]], [[3, 4], [5, 6]])
    DenseGrad(input=array([[53, 64]]), weight=array([[ 1,  2], [10, 20]]), bias=array([ 1, 10]))
    """
    errors, samples = as_numeric(grad, "grad"), as_numeric(x, "x")
    weights, weak = numbers_of(weight, "weight")
    _check_matrices(samples, weights)
    if errors.shape != (len(samples), len(weights)):
        raise ShapeError(
            f"grad has the shape of the layer's result, {(len(samples), len(weights))}; got "
            f"{errors.shape}."
        )
    back = resolve_dtypes(errors.dtype, weights.dtype, weak=weak)
    own = resolve_dtypes(errors.dtype, errors.dtype)
    return DenseGrad(
        _product(errors, weights.conj(), back),
        _product(errors.T, samples.conj(), resolve_dtypes(errors.dtype, samples.dtype)),
        _product(np.ones((1, len(errors)), bool), errors, own)[0],
    )


def _check_matrices(x: Array, weight: Array) -> None:
    if x.ndim != 2 or weight.ndim != 2 or x.shape[1] != weight.shape[1]:
        raise ShapeError(
            f"x is (batch, in) and weight is (out, in), with one `in`; got shapes {x.shape} and "
            f"{weight.shape}. Images become rows by x.reshape(len(x), -1)."
        )


def _product(a: Array, b: Array, dtypes: DTypes, bias: Array | None = None) -> Array:
    """Return a @ b + bias in given dtypes."""
    check_sums(a, b.T, dtypes, bias)
    with np.errstate(all="ignore"):
        product: Array = a.astype(dtypes.compute, copy=False) @ b.astype(dtypes.compute, copy=False)
        if bias is not None:
            product += bias.astype(dtypes.compute, copy=False)
        return product.astype(dtypes.result, copy=False)
