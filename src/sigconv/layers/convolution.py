"""The convolution layer, and the transposed one."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from sigconv import channels
from sigconv.core.dtypes import Array, DTypes, as_dtype, resolve_dtypes
from sigconv.core.problem import Shape
from sigconv.errors import OptionError, ShapeError
from sigconv.layers.arguments import (
    as_channels_first,
    checked_shape,
    in_layout,
    named_shape,
    shape_channels_first,
)
from sigconv.layers.form import Form, Numbers, numbers_of

__all__ = ["conv", "conv_output_shape", "conv_plan", "conv_transpose"]


def conv(
    x: npt.ArrayLike,
    weight: npt.ArrayLike,
    bias: npt.ArrayLike | None = None,
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
    """Return the correlation over channels and space that neural networks call convolution.

    y[b, o, q] = bias[o] + sum over i, k of weight[o, i, k] x[b, i, stride*q + dilation*k - padding]

    for the input channels i of the group that output channel o belongs to, and all taps k, on each
    of 1 to 3 axes of space.

    Parameters
    ----------
    x : array_like (batch, in, *space)
        A batch of signals, images or volumes; with ``layout="channels_last"`` (batch, *space, in).
    weight : array_like (out, in/groups, *kernel)
        One kernel for each pair of channels, whatever the layout.
    bias : array_like (out,), optional
        What is added to each output channel.
    stride : int or sequence of int
        The step from one output to the next, in samples; for all axes of space, or for each.
    padding : int, sequence, "same" or "valid"
        Samples before and after each axis: a number, or an entry for each axis that is a number or
        a pair (before, after). ``"valid"`` is 0; ``"same"`` pads by the kernel's reach
        dilation (kernel - 1), the odd one after, and gives each `stride`-th of as many outputs as
        there are samples.
    boundary : str or sequence
        What the padding consists of: ``"zero"``, ``"edge"``, ``"reflect"``, ``"symmetric"`` or
        ``"wrap"``, for all axes, or for each as a name or a pair (before, after).
    dilation : int or sequence of int
        The step from one tap to the next, in samples.
    groups : int
        Parts of the channels that do not meet. With as many as there are input channels the layer
        is depthwise.
    flip : bool
        Whether kernels are flipped on all axes of space: a true convolution.
    layout : {"channels_first", "channels_last"}
        Where the channels of `x` and of the result are.
    method : {"auto", "direct", "gemm", "fft", "taps"}
        The engine; "auto" takes the one that is expected to be fastest.
    workers : int, optional
        Threads; by default the processors that this process may use.

    Returns
    -------
    ndarray (batch, out, *outputs)
        In the layout of `x`, with channels last as a view of memory with channels first; of the
        dtype that `convolve` gives: floats as NumPy promotes them, integers exactly in 64 bits. On
        each axis there are
        floor((n + before + after - dilation (kernel - 1) - 1) / stride) + 1 outputs.

    Raises
    ------
    ShapeError
        Where shapes, channels and groups do not fit, or a kernel reaches over more samples than
        there are.
    BoundaryError, OptionError
        For keywords with values that do not exist.
    MethodError
        For a method that does not exist, or that does not serve this layer.
    IntegerOverflowError
        Where sums of integers may not fit 64 bits.

    See Also
    --------
    conv_transpose : The adjoint.
    conv_input_grad, conv_weight_grad, conv_bias_grad : The derivatives.

    Notes
    -----
    The definition is that of torch.nn.functional.conv1d, conv2d and conv3d. Samples outside add
    nothing under ``boundary="zero"``, not even 0 times NaN.

    Examples
    --------
    >>> x = np.arange(9).reshape(1, 1, 3, 3)
    >>> conv(x, [[[[0, 1], [2, 3]]]])[0, 0]
    array([[19, 25],
           [37, 43]])
    >>> conv(x, [[[[0, 1], [2, 3]]]], bias=[100], stride=2, padding=1)[0, 0]
    array([[100, 108],
           [121, 143]])
    """
    samples, taps = numbers_of(x, "x"), numbers_of(weight, "weight")
    shift = None if bias is None else numbers_of(bias, "bias")
    form = Form(stride, padding, boundary, dilation, groups, flip, layout)
    first = as_channels_first(samples.array, layout)
    dtypes = _dtypes(samples, taps, shift)
    problem = form.problem(first.shape, taps.array.shape, dtypes)
    added = _checked_bias(shift, problem.outputs)
    channels.check_sums(first, taps.array, dtypes, added)
    result = channels.forward(
        problem, first, form.view(taps.array), added, method=method, workers=workers
    )
    return in_layout(result, layout)


def conv_output_shape(
    x_shape: Shape,
    weight_shape: Shape,
    *,
    stride: Any = 1,
    padding: Any = 0,
    boundary: Any = "zero",
    dilation: Any = 1,
    groups: int = 1,
    flip: bool = False,
    layout: str = "channels_first",
) -> Shape:
    """Return the shape of the result of `conv`.

    Parameters
    ----------
    x_shape, weight_shape : tuple of int
        Those of the arguments of `conv`.
    stride, padding, boundary, dilation, groups, flip, layout
        As for `conv`, of which `boundary` and `flip` do not change the shape.

    Returns
    -------
    tuple of int
        (batch, out, *outputs), in the layout of `x_shape`.

    Raises
    ------
    ShapeError, BoundaryError, OptionError
        As for `conv`.

    Examples
    --------
    A 5 x 5 kernel on 14 x 14 pixels; two filters of 3 x 3 on 5 x 5 pixels of 3 channels:

    >>> conv_output_shape((1, 1, 14, 14), (1, 1, 5, 5))
    (1, 1, 10, 10)
    >>> conv_output_shape((1, 3, 5, 5), (2, 3, 3, 3), padding=1, stride=2)
    (1, 2, 3, 3)
    """
    form = Form(stride, padding, boundary, dilation, groups, flip, layout)
    first = shape_channels_first(checked_shape(x_shape, "x_shape"), layout)
    problem = form.problem(first, checked_shape(weight_shape, "weight_shape"), _SOME)
    return named_shape(problem.result_shape, layout)


def conv_plan(
    x_shape: Shape,
    weight_shape: Shape,
    *,
    of: str = "result",
    dtype: npt.DTypeLike = np.float32,
    stride: Any = 1,
    padding: Any = 0,
    boundary: Any = "zero",
    dilation: Any = 1,
    groups: int = 1,
    flip: bool = False,
    layout: str = "channels_first",
) -> channels.ChannelPlan:
    """Return which engine a layer takes, and why: what each would take, or why it does not serve.

    Parameters
    ----------
    x_shape, weight_shape : tuple of int
        Those of the arguments of `conv`.
    of : {"result", "weight_grad"}
        Whether `conv` is planned, or `conv_weight_grad`.
    dtype : dtype
        That of samples and weights.
    stride, padding, boundary, dilation, groups, flip, layout
        As for `conv`.

    Returns
    -------
    ChannelPlan
        With `method`, the predicted `seconds` and the `refusals` of the engines; ``print`` shows a
        table.

    Raises
    ------
    ShapeError, BoundaryError, OptionError
        As for `conv`, and for an `of` that does not exist.

    Examples
    --------
    >>> plan = conv_plan((8, 16, 128, 128), (32, 16, 3, 3), stride=2)
    >>> plan.refusals["fft"]
    'an FFT would make all the outputs that the stride leaves out'
    >>> plan.products == 8 * 32 * 63 * 63 * 16 * 9
    True
    """
    if of not in ("result", "weight_grad"):
        raise OptionError(f"of must be 'result' or 'weight_grad'; got {of!r}.")
    form = Form(stride, padding, boundary, dilation, groups, flip, layout)
    first = shape_channels_first(checked_shape(x_shape, "x_shape"), layout)
    given = as_dtype(dtype)
    dtypes = resolve_dtypes(given, given)
    problem = form.problem(first, checked_shape(weight_shape, "weight_shape"), dtypes)
    return channels.plan_of(problem, of_weights=of == "weight_grad")


def conv_transpose(
    x: npt.ArrayLike,
    weight: npt.ArrayLike,
    bias: npt.ArrayLike | None = None,
    *,
    stride: Any = 1,
    padding: Any = 0,
    output_padding: Any = 0,
    boundary: Any = "zero",
    dilation: Any = 1,
    groups: int = 1,
    flip: bool = False,
    layout: str = "channels_first",
    method: str = "auto",
    workers: int | None = None,
) -> Array:
    """Return the adjoint of `conv` with the same weights: each sample spreads a weighted kernel.

    Parameters
    ----------
    x : array_like (batch, out, *space)
        As many channels as the results of `conv` with these weights have.
    weight : array_like (out, in/groups, *kernel)
        As for `conv`. Complex weights are conjugated.
    bias : array_like (in,), optional
        What is added to each channel of the result.
    output_padding : int or sequence of int
        By how many samples the result is longer than it need be, less than `stride`: `conv` with a
        stride gives the same number of outputs for several sizes.
    stride, padding, boundary, dilation, groups, flip, layout, method, workers
        As for `conv`, whose adjoint this is. Under a boundary that repeats samples, what falls
        outside is added to the sample that is repeated there.

    Returns
    -------
    ndarray (batch, in, *sizes)
        In the layout of `x`; (n - 1) stride + dilation (kernel - 1) + 1 - before - after +
        output_padding samples on each axis.

    Raises
    ------
    ShapeError, OptionError, BoundaryError, IntegerOverflowError
        As for `conv`.

    Notes
    -----
    This is zero insertion and convolution: torch.nn.functional.conv_transpose1d, 2d and 3d. No
    product with an inserted zero is made.

    Examples
    --------
    Each sample puts down the kernel 1, 2, 3, with a step of 2:

    >>> conv_transpose([[[1, 0, 10]]], [[[1, 2, 3]]], stride=2)
    array([[[ 1,  2,  3,  0, 10, 20, 30]]])
    """
    samples, taps = numbers_of(x, "x"), numbers_of(weight, "weight")
    shift = None if bias is None else numbers_of(bias, "bias")
    form = Form(stride, padding, boundary, dilation, groups, flip, layout)
    first = as_channels_first(samples.array, layout)
    shape = form.transposed_shape(first.shape, taps.array.shape, output_padding)
    dtypes = _dtypes(samples, taps, shift)
    problem = form.problem(shape, taps.array.shape, dtypes)
    added = _checked_bias(shift, problem.inputs)
    channels.check_adjoint_sums(problem, first, taps.array, added)
    view = form.view(taps.array)
    result = channels.adjoint(problem, first, view, added, method=method, workers=workers)
    return in_layout(result, layout)


_SOME = DTypes(np.dtype(float), np.dtype(float))


def _dtypes(samples: Numbers, taps: Numbers, bias: Numbers | None) -> DTypes:
    dtypes = resolve_dtypes(samples.array.dtype, taps.array.dtype, weak=taps.weak)
    if bias is None:
        return dtypes
    return resolve_dtypes(dtypes.result, bias.array.dtype, weak=bias.weak)


def _checked_bias(bias: Numbers | None, count: int) -> Array | None:
    if bias is None:
        return None
    if bias.array.shape != (count,):
        raise ShapeError(
            f"bias has one number for each channel of the result ({count}); got the shape "
            f"{bias.array.shape}."
        )
    return bias.array
