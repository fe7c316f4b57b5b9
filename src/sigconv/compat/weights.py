"""Filters by weights, for `sigconv.compat.ndimage`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt

from sigconv import convolution, correlation
from sigconv.compat.arguments import (
    as_axis,
    as_image,
    check_output,
    edge_for,
    named_axes,
    output_for,
    per_axis,
)
from sigconv.compat.inputs import ArgumentError, as_integer, as_numbers
from sigconv.compat.passes import run_pass, store
from sigconv.core.dtypes import Array

__all__ = ["convolve", "convolve1d", "correlate", "correlate1d"]


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
    along, shift = as_axis(axis, image.ndim), as_integer(origin, "origin")
    return _weighted(correlation.correlate, image, weights, output, mode, cval, shift, along)


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
    along, shift = as_axis(axis, image.ndim), as_integer(origin, "origin")
    return _weighted(convolution.convolve, image, weights, output, mode, cval, shift, along)


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
    image, taps = as_image(input), as_numbers(weights, "weights")
    edge = edge_for(mode, cval, image, taps.dtype)
    target = output_for(output, image, is_complex="c" in image.dtype.kind + taps.dtype.kind)
    named = named_axes(axes, image.ndim)
    if taps.ndim != len(named) or 0 in taps.shape:
        raise ArgumentError(
            f"weights have one dimension per filtered axis ({len(named)}), and are not empty; "
            f"got shape {taps.shape}."
        )
    origins = per_axis("origin", origin, len(named))
    if len(named) < image.ndim:
        # Weights meet the axes in array order, origins in the order in which they were named.
        origins = [origins[i] for i in np.argsort(named)]
    taps = taps.astype(np.complex128 if taps.dtype.kind == "c" else np.float64)
    if not named:
        check_output(target, is_complex="c" in image.dtype.kind + taps.dtype.kind)
        store(image * (taps if operation is convolution.convolve else taps.conj()), target)
        return target
    along = tuple(sorted(named))
    run_pass(operation, image, taps, target, axes=along, origins=origins, edge=edge)
    return target
