"""Maximum and average pooling, and their gradients."""

from __future__ import annotations

from typing import Any, Literal, NamedTuple, overload

import numpy as np
import numpy.typing as npt

from sigconv.core.dtypes import Array, DType, as_numeric, resolve_dtypes
from sigconv.core.integers import absolute_sum, check_integer_bound
from sigconv.core.problem import Axis, Shape
from sigconv.errors import DTypeError, OptionError, ShapeError
from sigconv.layers.arguments import (
    as_channels_first,
    checked_shape,
    named_shape,
    shape_channels_first,
    spatial_axes,
)
from sigconv.layers.passes import (
    locate_maxima,
    reduce_windows,
    scatter_to_places,
    spread_windows,
)
from sigconv.layers.windows import Windows, divisor_of, windows_of

__all__ = ["Pooled", "avg_pool", "avg_pool_grad", "max_pool", "max_pool_grad"]


class Pooled(NamedTuple):
    """The largest sample of each window, and where it is, counted through the axes of space."""

    values: Array
    indices: Array


@overload
def max_pool(
    x: npt.ArrayLike,
    size: Any,
    *,
    stride: Any = None,
    padding: Any = 0,
    dilation: Any = 1,
    ceil_mode: bool = False,
    return_indices: Literal[False] = False,
    layout: str = "channels_first",
) -> Array: ...


@overload
def max_pool(
    x: npt.ArrayLike,
    size: Any,
    *,
    stride: Any = None,
    padding: Any = 0,
    dilation: Any = 1,
    ceil_mode: bool = False,
    return_indices: Literal[True],
    layout: str = "channels_first",
) -> Pooled: ...


def max_pool(
    x: npt.ArrayLike,
    size: Any,
    *,
    stride: Any = None,
    padding: Any = 0,
    dilation: Any = 1,
    ceil_mode: bool = False,
    return_indices: bool = False,
    layout: str = "channels_first",
) -> Array | Pooled:
    """Return the largest sample of each window, channel by channel.

    y[b, c, q] = max over k of x[b, c, stride*q + dilation*k - padding], of samples that exist, on
    each of 1 to 3 axes of space.

    Parameters
    ----------
    x : array_like (batch, channels, *space)
        Real numbers; with ``layout="channels_last"`` (batch, *space, channels).
    size : int or sequence of int
        Samples of a window, for all axes of space, or for each.
    stride : int or sequence of int, optional
        The step from one window to the next; by default `size`, so that windows do not overlap.
    padding : int, sequence, "same" or "valid"
        How far windows reach over the edges, at most half of what a window spans: a number, or an
        entry for each axis that is a number or a pair (before, after).
    dilation : int or sequence of int
        The step from one sample of a window to the next.
    ceil_mode : bool
        Whether a window that the end of the signal cuts off counts; it starts on a sample, or on
        the padding before the first.
    return_indices : bool
        Whether to return the places of the maxima too.
    layout : {"channels_first", "channels_last"}
        Where the channels of `x` and of the result are.

    Returns
    -------
    ndarray (batch, channels, *outputs)
        In the layout and of the dtype of `x`. On each axis there are floor((n + before + after -
        dilation (size - 1) - 1) / stride) + 1 windows, rounded up with `ceil_mode`.
    Pooled
        With `return_indices`: these ``values``, and ``indices`` (int64) of their shape: the place
        of the maximum in C order on the axes of space.

    Raises
    ------
    ShapeError
        Where a window meets no sample.
    OptionError
        For keywords with values that do not exist, and too much padding.
    DTypeError
        For complex numbers, which have no order.

    See Also
    --------
    max_pool_grad : The derivative.

    Notes
    -----
    The definition is that of torch.nn.functional.max_pool1d, max_pool2d and max_pool3d. A window
    with a NaN gives NaN. Of equal samples the first is the maximum, of several NaN the last.

    Examples
    --------
    >>> x = np.array([[[[1, 2, 5, 6], [3, 4, 8, 7]]]])
    >>> max_pool(x, 2)
    array([[[[4, 8]]]])
    >>> max_pool(x, 2, return_indices=True).indices
    array([[[[5, 6]]]])
    """
    samples = as_numeric(x, "x")
    if samples.dtype.kind == "c":
        raise DTypeError(
            f"x must be real: complex numbers have no order; got {samples.dtype}. Pool abs(x), or "
            "x.real and x.imag."
        )
    first = as_channels_first(samples, layout)
    axes, _ = windows_of(Windows(size, stride, padding, dilation, ceil_mode), first.shape)
    dtype = samples.dtype.newbyteorder("=")
    values, pooled = _result(first, axes, dtype, layout)
    if not return_indices:
        reduce_windows(np.maximum, first, axes, pooled, compute=dtype)
        return values
    indices, places = _result(first, axes, np.dtype(np.int64), layout)
    locate_maxima(first, axes, pooled, places)
    return Pooled(values, indices)


def avg_pool(
    x: npt.ArrayLike,
    size: Any,
    *,
    stride: Any = None,
    padding: Any = 0,
    ceil_mode: bool = False,
    count_padding: bool = True,
    layout: str = "channels_first",
) -> Array:
    """Return the mean of each window, channel by channel.

    Parameters
    ----------
    x : array_like (batch, channels, *space)
        With ``layout="channels_last"`` (batch, *space, channels).
    size, stride, padding, ceil_mode, layout
        As for `max_pool`.
    count_padding : bool
        Whether the padding counts as samples that are 0, or the mean is that of the samples that
        exist. What `ceil_mode` lets windows reach beyond the padding never counts.

    Returns
    -------
    ndarray (batch, channels, *outputs)
        In the layout of `x`, with as many windows as `max_pool` has; of the dtype of `x` where it
        is floating or complex, float64 for integers. float16 is summed in float32.

    Raises
    ------
    ShapeError, OptionError
        As for `max_pool`.

    See Also
    --------
    avg_pool_grad : The derivative.

    Notes
    -----
    The definition is that of torch.nn.functional.avg_pool1d, avg_pool2d and avg_pool3d, where
    `count_padding` is called count_include_pad.

    Examples
    --------
    >>> avg_pool([[[1, 2, 3, 6]]], 2)
    array([[[1.5, 4.5]]])
    >>> avg_pool([[[1, 2, 3, 6]]], 2, padding=1)
    array([[[0.5, 2.5, 3. ]]])
    >>> avg_pool([[[1, 2, 3, 6]]], 2, padding=1, count_padding=False)
    array([[[1. , 2.5, 6. ]]])
    """
    samples = as_numeric(x, "x")
    first = as_channels_first(samples, layout)
    axes, sides = windows_of(Windows(size, stride, padding, 1, ceil_mode), first.shape)
    compute, dtype = _mean_dtypes(samples.dtype)
    divisor = divisor_of(axes, sides, count_padding).astype(compute)
    values, pooled = _result(first, axes, dtype, layout)
    with np.errstate(all="ignore"):
        reduce_windows(np.add, first, axes, pooled, compute=compute, divisor=divisor)
    return values


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
    compute, dtype = _mean_dtypes(errors.dtype)
    divisor = divisor_of(axes, sides, count_padding).astype(compute)
    sums = np.zeros(tuple(input_shape), compute)
    with np.errstate(all="ignore"):
        spread_windows(first, axes, as_channels_first(sums, layout), divisor)
        return sums.astype(dtype, copy=False)


def _result(x: Array, axes: tuple[Axis, ...], dtype: DType, layout: str) -> tuple[Array, Array]:
    """Return a new array in the layout, and its view (batch, channels, *outputs)."""
    shape = (*x.shape[:2], *(axis.length for axis in axes))
    values = np.empty(named_shape(shape, layout), dtype)
    return values, as_channels_first(values, layout)


def _mean_dtypes(dtype: DType) -> tuple[DType, DType]:
    """Return the dtype that sums are made in, and that of their means."""
    if dtype.kind in "biu":
        return np.dtype(float), np.dtype(float)
    dtypes = resolve_dtypes(dtype, dtype)
    return dtypes.compute, dtypes.result


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
