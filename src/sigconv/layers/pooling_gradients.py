"""The derivatives of pooling: the maximum routes the error, the mean spreads it evenly."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from sigconv.core.dtypes import Array, as_numeric, resolve_dtypes
from sigconv.core.integers import absolute_sum, check_integer_bound
from sigconv.core.problem import Shape
from sigconv.errors import DTypeError, OptionError, ShapeError
from sigconv.layers.arguments import (
    as_channels_first,
    checked_shape,
    named_shape,
    shape_channels_first,
    spatial_axes,
)
from sigconv.layers.passes import scatter_to_places, spread_windows
from sigconv.layers.pooling import mean_dtypes
from sigconv.layers.windows import Windows, divisor_of, windows_of

__all__ = ["avg_pool_grad", "max_pool_grad"]


def max_pool_grad(
    grad: npt.ArrayLike,
    indices: npt.ArrayLike,
    input_shape: Shape,
    *,
    layout: str = "channels_first",
) -> Array:
    """Return the derivative of sum(grad * max_pool(x, ...)) by x.

    The error of each window goes to the sample that was its maximum; where windows that overlap
    have the same maximum, errors add up.

    Parameters
    ----------
    grad : array_like (batch, channels, *outputs)
        The derivative of what is minimised by each output of `max_pool`.
    indices : array_like of int, of the shape of `grad`
        Those that `max_pool` gives with ``return_indices=True``.
    input_shape : tuple of int
        The shape of x, in its layout.
    layout : {"channels_first", "channels_last"}
        As for `max_pool`.

    Returns
    -------
    ndarray of shape `input_shape`
        In the layout of `grad`; of its dtype, with integers in 64 bits.

    Raises
    ------
    ShapeError
        Where shapes do not belong to each other.
    DTypeError, OptionError
        Indices that are not integers, or lie outside `input_shape`.
    IntegerOverflowError
        Where sums of integers may not fit 64 bits.

    Notes
    -----
    At ties, where the maximum has no derivative, this is the one by the first of the equal samples.

    Examples
    --------
    >>> from sigconv.layers import max_pool
    >>> x = np.array([[[1, 5, 2, 4]]])
    >>> y, indices = max_pool(x, 3, stride=1, return_indices=True)
    >>> max_pool_grad([[[10, 1]]], indices, x.shape)
    array([[[ 0, 11,  0,  0]]])
    """
    errors, found = as_numeric(grad, "grad"), as_numeric(indices, "indices")
    first, shape = _described(errors, input_shape, layout)
    if found.shape != errors.shape:
        raise ShapeError(
            f"indices has the shape of grad, {errors.shape}; got {found.shape}. Take those that "
            "max_pool returns with return_indices=True."
        )
    _check_places(found, int(np.prod(shape[2:])))
    dtypes = resolve_dtypes(errors.dtype, errors.dtype)
    if dtypes.is_integer:
        check_integer_bound(absolute_sum(errors), dtypes)
    sums = np.zeros(tuple(input_shape), dtypes.compute)
    with np.errstate(all="ignore"):
        scatter_to_places(first, as_channels_first(found, layout), sums, layout)
        return sums.astype(dtypes.result, copy=False)


def avg_pool_grad(
    grad: npt.ArrayLike,
    input_shape: Shape,
    size: Any,
    *,
    stride: Any = None,
    padding: Any = 0,
    ceil_mode: bool = False,
    count_padding: bool = True,
    layout: str = "channels_first",
) -> Array:
    """Return the derivative of sum(grad * avg_pool(x, ...)) by x.

    The error of each window is spread evenly over its samples.

    Parameters
    ----------
    grad : array_like (batch, channels, *outputs)
        The derivative of what is minimised by each output of `avg_pool`.
    input_shape : tuple of int
        The shape of x, in its layout.
    size, stride, padding, ceil_mode, count_padding, layout
        As for `avg_pool`.

    Returns
    -------
    ndarray of shape `input_shape`
        In the layout of `grad`; of its dtype where that is floating or complex, float64 for
        integers.

    Raises
    ------
    ShapeError
        Where `grad` has not the shape that `avg_pool` gives for this input.
    OptionError
        As for `avg_pool`.

    Examples
    --------
    >>> avg_pool_grad([[[4, 8]]], (1, 1, 4), 2)
    array([[[2., 2., 4., 4.]]])
    """
    errors = as_numeric(grad, "grad")
    first, shape = _described(errors, input_shape, layout)
    axes, sides = windows_of(Windows(size, stride, padding, 1, ceil_mode), shape)
    expected = (*shape[:2], *(axis.length for axis in axes))
    if first.shape != expected:
        raise ShapeError(
            f"grad has the shape of the pooled signal, {named_shape(expected, layout)} for an "
            f"input of shape {tuple(input_shape)}; got {errors.shape}."
        )
    compute, dtype = mean_dtypes(errors.dtype)
    divisor = divisor_of(axes, sides, count_padding).astype(compute)
    sums = np.zeros(tuple(input_shape), compute)
    with np.errstate(all="ignore"):
        spread_windows(first, axes, as_channels_first(sums, layout), divisor)
        return sums.astype(dtype, copy=False)


def _described(grad: Array, input_shape: Shape, layout: str) -> tuple[Array, Shape]:
    """Return the errors and the input's shape, both as (batch, channels, *space)."""
    first = as_channels_first(grad, layout)
    spatial_axes(first.shape, "grad")
    given = checked_shape(input_shape, "input_shape")
    shape = shape_channels_first(given, layout)
    if len(shape) != first.ndim or shape[:2] != first.shape[:2]:
        raise ShapeError(
            "input_shape has the axes, the batch and the channels of grad; got "
            f"{given} and grad of shape {grad.shape} ({layout})."
        )
    return first, shape


def _check_places(indices: Array, count: int) -> None:
    if indices.dtype.kind not in "iu":
        raise DTypeError(f"indices must be integers, as max_pool gives them; got {indices.dtype}.")
    if indices.size and not 0 <= indices.min() <= indices.max() < count:
        raise OptionError(
            f"indices lie from 0 to {count - 1} in an input of this shape; got "
            f"{indices.min()} to {indices.max()}."
        )
