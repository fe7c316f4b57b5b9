"""Maximum and average pooling."""

from __future__ import annotations

from typing import Any, Literal, NamedTuple, overload

import numpy as np
import numpy.typing as npt

from sigconv.core.dtypes import Array, DType, as_numeric, resolve_dtypes
from sigconv.core.problem import Axis
from sigconv.errors import DTypeError
from sigconv.layers.arguments import as_channels_first, named_shape
from sigconv.layers.passes import locate_maxima, reduce_windows
from sigconv.layers.windows import Windows, divisor_of, windows_of

__all__ = ["Pooled", "avg_pool", "max_pool", "mean_dtypes"]


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
    compute, dtype = mean_dtypes(samples.dtype)
    divisor = divisor_of(axes, sides, count_padding).astype(compute)
    values, pooled = _result(first, axes, dtype, layout)
    with np.errstate(all="ignore"):
        reduce_windows(np.add, first, axes, pooled, compute=compute, divisor=divisor)
    return values


def _result(x: Array, axes: tuple[Axis, ...], dtype: DType, layout: str) -> tuple[Array, Array]:
    """Return a new array in the layout, and its view (batch, channels, *outputs)."""
    shape = (*x.shape[:2], *(axis.length for axis in axes))
    values = np.empty(named_shape(shape, layout), dtype)
    return values, as_channels_first(values, layout)


def mean_dtypes(dtype: DType) -> tuple[DType, DType]:
    """Return the dtype that sums are made in, and that of their means."""
    if dtype.kind in "biu":
        return np.dtype(float), np.dtype(float)
    dtypes = resolve_dtypes(dtype, dtype)
    return dtypes.compute, dtypes.result
