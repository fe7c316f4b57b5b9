"""Filters by weights and by averages, for `sigconv.compat.ndimage`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt
from numpy.lib.array_utils import normalize_axis_index

from sigconv import convolution, correlation
from sigconv.compat.passes import (
    as_image,
    check_fill,
    named_axes,
    output_for,
    per_axis,
    run_pass,
    store,
)
from sigconv.core.dtypes import Array

__all__ = [
    "convolve",
    "convolve1d",
    "correlate",
    "correlate1d",
    "uniform_filter",
    "uniform_filter1d",
]


def correlate(
    input: npt.ArrayLike,
    weights: npt.ArrayLike,
    output: Any = None,
    mode: str = "reflect",
    cval: complex = 0.0,
    origin: int | tuple[int, ...] = 0,
    *,
    axes: int | tuple[int, ...] | None = None,
) -> Array:
    """Correlate an image with weights as `scipy.ndimage.correlate` does.

    Parameters
    ----------
    input : array_like
        The image, of any number of dimensions.
    weights : array_like
        The weights, with one dimension per filtered axis.
    output : array or dtype, optional
        Where to write, or the dtype of the result; the dtype of the input by default.
    mode : str
        How the image continues: ``reflect``, ``mirror``, ``nearest``, ``wrap`` or ``constant``,
        or their ``grid-`` names.
    cval : number
        The value beyond the edges under ``constant``.
    origin : int or tuple of int
        How far the weights move from their centre K//2, per filtered axis.
    axes : int or tuple of int, optional
        The axes to filter; all by default.

    Returns
    -------
    ndarray
        The filtered image, new or `output`: computed in double precision and stored in the
        dtype of the output, in integers without the fractions.

    Raises
    ------
    ValueError
        An origin or axes that do not fit.
    RuntimeError
        A mode that does not exist, or weights, output or sequences of the wrong shape or dtype.

    Examples
    --------
    >>> correlate([1, 2, 3], [1, 10])
    array([11, 21, 32])
    """
    return _weighted(correlation.correlate, input, weights, output, mode, cval, origin, axes)


def convolve(
    input: npt.ArrayLike,
    weights: npt.ArrayLike,
    output: Any = None,
    mode: str = "reflect",
    cval: complex = 0.0,
    origin: int | tuple[int, ...] = 0,
    *,
    axes: int | tuple[int, ...] | None = None,
) -> Array:
    """Convolve an image with weights as `scipy.ndimage.convolve` does.

    Parameters, result and errors are those of `correlate`; the weights are flipped.

    Examples
    --------
    >>> convolve([1, 2, 3], [1, 10])
    array([12, 23, 33])
    """
    return _weighted(convolution.convolve, input, weights, output, mode, cval, origin, axes)


def correlate1d(
    input: npt.ArrayLike,
    weights: npt.ArrayLike,
    axis: int = -1,
    output: Any = None,
    mode: str = "reflect",
    cval: complex = 0.0,
    origin: int = 0,
) -> Array:
    """Correlate along one axis as `scipy.ndimage.correlate1d` does.

    The parameters are those of `correlate`, with one `axis` and one-dimensional weights.

    Examples
    --------
    >>> correlate1d([[1, 2, 3], [4, 5, 6]], [1, 10], mode="nearest")
    array([[11, 21, 32],
           [44, 54, 65]])
    """
    image = as_image(input)
    along = normalize_axis_index(axis, image.ndim)
    return _weighted(correlation.correlate, image, weights, output, mode, cval, origin, along)


def convolve1d(
    input: npt.ArrayLike,
    weights: npt.ArrayLike,
    axis: int = -1,
    output: Any = None,
    mode: str = "reflect",
    cval: complex = 0.0,
    origin: int = 0,
) -> Array:
    """Convolve along one axis as `scipy.ndimage.convolve1d` does.

    The parameters are those of `convolve`, with one `axis` and one-dimensional weights.

    Examples
    --------
    >>> convolve1d([[1, 2, 3], [4, 5, 6]], [1, 10], mode="nearest")
    array([[12, 23, 33],
           [45, 56, 66]])
    """
    image = as_image(input)
    along = normalize_axis_index(axis, image.ndim)
    return _weighted(convolution.convolve, image, weights, output, mode, cval, origin, along)


def _weighted(
    operation: Callable[..., Array],
    input: npt.ArrayLike,
    weights: npt.ArrayLike,
    output: Any,
    mode: Any,
    cval: complex,
    origin: Any,
    axes: Any,
) -> Array:
    image, taps = as_image(input), as_image(weights, "weights")
    check_fill(cval, image, taps)
    target = output_for(output, image, is_complex="c" in image.dtype.kind + taps.dtype.kind)
    named = named_axes(axes, image.ndim)
    if taps.ndim != len(named) or 0 in taps.shape:
        raise RuntimeError(
            f"weights have one dimension per filtered axis ({len(named)}), and are not empty; "
            f"got shape {taps.shape}."
        )
    origins = per_axis("origin", origin, len(named))
    if len(named) < image.ndim:
        # Weights meet the axes in array order, origins in the order in which they were named.
        origins = [origins[i] for i in np.argsort(named)]
    taps = taps.astype(np.complex128 if taps.dtype.kind == "c" else np.float64)
    if not named:
        store(image * (taps if operation is convolution.convolve else taps.conj()), target)
        return target
    run_pass(
        operation,
        image,
        taps,
        target,
        axes=tuple(sorted(named)),
        origins=origins,
        mode=mode,
        cval=cval,
    )
    return target


def uniform_filter1d(
    input: npt.ArrayLike,
    size: int,
    axis: int = -1,
    output: Any = None,
    mode: str = "reflect",
    cval: complex = 0.0,
    origin: int = 0,
) -> Array:
    """Average `size` samples along one axis as `scipy.ndimage.uniform_filter1d` does.

    The other parameters are those of `correlate1d`.

    Examples
    --------
    >>> uniform_filter1d([3, 6, 9, 30], 3)
    array([ 4,  6, 15, 23])
    """
    image = as_image(input)
    along = normalize_axis_index(axis, image.ndim)
    if size < 1:
        raise RuntimeError(f"size is at least 1; got {size!r}.")
    target = output_for(output, image, is_complex=image.dtype.kind == "c")
    check_fill(cval, image)
    # The sum of ones is exact on integers, and so is its quotient where it is a whole number.
    run_pass(
        correlation.correlate,
        image,
        np.ones(size),
        target,
        axes=(along,),
        origins=(origin,),
        mode=mode,
        cval=cval,
        divisor=size,
    )
    return target


def uniform_filter(
    input: npt.ArrayLike,
    size: int | tuple[int, ...] = 3,
    output: Any = None,
    mode: str | tuple[str, ...] = "reflect",
    cval: complex = 0.0,
    origin: int | tuple[int, ...] = 0,
    *,
    axes: int | tuple[int, ...] | None = None,
) -> Array:
    """Average boxes of samples, one axis after another, as `scipy.ndimage.uniform_filter` does.

    The parameters are those of `correlate`; `size`, `mode` and `origin` may have one entry per
    filtered axis.

    Examples
    --------
    >>> uniform_filter([[9.0, 0.0, 0.0]], (1, 3))
    array([[6., 3., 0.]])
    """
    image = source = as_image(input)
    target = output_for(output, image, is_complex=image.dtype.kind == "c")
    named = named_axes(axes, image.ndim)
    sizes = per_axis("size", size, len(named))
    origins = per_axis("origin", origin, len(named))
    modes = per_axis("mode", mode, len(named))
    for axis, width, shift, rule in zip(named, sizes, origins, modes, strict=True):
        if width > 1:
            uniform_filter1d(source, int(width), axis, target, rule, cval, shift)
            source = target
    if source is image:
        store(image, target)
    return target
