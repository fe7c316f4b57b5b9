"""The derivatives of the convolution layer, each as a vector-Jacobian product."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from sigconv import channels
from sigconv.core.dtypes import Array, DTypes, as_numeric, resolve_dtypes
from sigconv.core.integers import absolute_sum, check_integer_bound
from sigconv.core.problem import Shape
from sigconv.errors import ShapeError
from sigconv.layers.arguments import (
    as_channels_first,
    checked_shape,
    in_layout,
    named_shape,
    shape_channels_first,
    spatial_axes,
)
from sigconv.layers.form import Form, numbers_of

__all__ = ["conv_bias_grad", "conv_input_grad", "conv_weight_grad"]


def conv_input_grad(
    grad: npt.ArrayLike,
    weight: npt.ArrayLike,
    input_shape: Shape,
    *,
    stride: Any = 1,
    padding: Any = 0,
    boundary: Any = "zero",
    dilation: Any = 1,
    groups: int = 1,
    flip: bool = False,
    layout: str = "channels_first",
    method: str = "auto",
    workers: int | None = None,
) -> Array:
    """Return the derivative of sum(grad * conv(x, weight)) by x.

    Parameters
    ----------
    grad : array_like (batch, out, *outputs)
        The derivative of what is minimised by each output of `conv`.
    weight : array_like (out, in/groups, *kernel)
        The weights; complex ones are conjugated.
    input_shape : tuple of int
        The shape of x, in its layout.
    stride, padding, boundary, dilation, groups, flip, layout, method, workers
        As for `conv`.

    Returns
    -------
    ndarray of shape `input_shape`
        In the layout of `grad`.

    Raises
    ------
    ShapeError
        Where `grad` has not the shape that `conv` gives for these shapes.

    Notes
    -----
    It is the adjoint of `conv` as a function of x: sum(grad conj(conv(x))) = sum(this conj(x)).

    Examples
    --------
    y[0] = w0 x[0] + w1 x[1] and y[1] = w0 x[1] + w1 x[2], so that

    >>> conv_input_grad([[[1, 10]]], [[[2, 3]]], (1, 1, 3))
    array([[[ 2, 23, 30]]])
    """
    errors, taps = numbers_of(grad, "grad"), numbers_of(weight, "weight")
    form = Form(stride, padding, boundary, dilation, groups, flip, layout)
    dtypes = resolve_dtypes(errors.array.dtype, taps.array.dtype, weak=taps.weak)
    problem, first = _described(form, errors.array, input_shape, taps.array.shape, dtypes)
    channels.check_adjoint_sums(problem, first, taps.array)
    view = form.view(taps.array)
    result = channels.adjoint(problem, first, view, method=method, workers=workers)
    return in_layout(result, layout)


def conv_weight_grad(
    grad: npt.ArrayLike,
    x: npt.ArrayLike,
    weight_shape: Shape,
    *,
    stride: Any = 1,
    padding: Any = 0,
    boundary: Any = "zero",
    dilation: Any = 1,
    groups: int = 1,
    flip: bool = False,
    layout: str = "channels_first",
    method: str = "auto",
    workers: int | None = None,
) -> Array:
    """Return the derivative of sum(grad * conv(x, weight)) by the weights.

    Parameters
    ----------
    grad : array_like (batch, out, *outputs)
        The derivative of what is minimised by each output of `conv`.
    x : array_like (batch, in, *space)
        The input; complex samples are conjugated.
    weight_shape : tuple of int
        The shape (out, in/groups, *kernel) of the weights.
    stride, padding, boundary, dilation, groups, flip, layout, method, workers
        As for `conv`.

    Returns
    -------
    ndarray of shape `weight_shape`
        Sums over the batch and all outputs.

    Raises
    ------
    ShapeError
        Where `grad` has not the shape that `conv` gives for these shapes.

    Examples
    --------
    Of y[q] = w0 x[q] + w1 x[q+1], with dy[i]/dw[j] = x[i+j]:

    >>> conv_weight_grad([[[1, 10]]], [[[1, 2, 3]]], (1, 1, 2))
    array([[[21, 32]]])
    """
    errors, samples = as_numeric(grad, "grad"), as_numeric(x, "x")
    form = Form(stride, padding, boundary, dilation, groups, flip, layout)
    dtypes = resolve_dtypes(errors.dtype, samples.dtype)
    problem, first = _described(form, errors, samples.shape, weight_shape, dtypes)
    source = as_channels_first(samples, layout)
    # An output of each channel meets a sample of each other once: a sum over all outputs.
    channels.check_sums(source, np.moveaxis(first, 1, 0), dtypes)
    result = channels.weight_gradient(problem, source, first, method=method, workers=workers)
    return np.ascontiguousarray(form.view(result))


def conv_bias_grad(grad: npt.ArrayLike, *, layout: str = "channels_first") -> Array:
    """Return the derivative of sum(grad * conv(x, weight, bias)) by the bias.

    Parameters
    ----------
    grad : array_like (batch, out, *outputs)
        The derivative of what is minimised by each output of `conv`.
    layout : {"channels_first", "channels_last"}
        Where its channels are.

    Returns
    -------
    ndarray (out,)
        The sum of each channel.

    Raises
    ------
    IntegerOverflowError
        Where sums of integers may not fit 64 bits.

    Examples
    --------
    >>> conv_bias_grad([[[1, 2], [3, 4]]])
    array([3, 7])
    """
    first = as_channels_first(as_numeric(grad, "grad"), layout)
    spatial_axes(first.shape, "grad")
    dtypes = resolve_dtypes(first.dtype, first.dtype)
    if dtypes.is_integer:
        totals = (absolute_sum(first[:, o]) for o in range(first.shape[1]))
        check_integer_bound(max(totals, default=0), dtypes)
    # NumPy adds up what is not contiguous one by one, which float32 does not bear for long.
    sums = np.result_type(dtypes.compute, float) if dtypes.compute.kind in "fc" else dtypes.compute
    with np.errstate(all="ignore"):
        total: Array = first.sum(axis=(0, *range(2, first.ndim)), dtype=sums)
        return total.astype(dtypes.result, copy=False)


def _described(
    form: Form, grad: Array, input_shape: Any, weight_shape: Any, dtypes: DTypes
) -> tuple[channels.ChannelProblem, Array]:
    """Return the problem of the forward layer, and what came back for its result."""
    given = checked_shape(input_shape, "input_shape")
    weights = checked_shape(weight_shape, "weight_shape")
    problem = form.problem(shape_channels_first(given, form.layout), weights, dtypes)
    first = as_channels_first(grad, form.layout)
    if first.shape != problem.result_shape:
        raise ShapeError(
            "grad has the shape of the layer's result, "
            f"{named_shape(problem.result_shape, form.layout)} for an input of shape "
            f"{given} and weights of {weights}; got {grad.shape}. It is the first argument."
        )
    return problem, first
