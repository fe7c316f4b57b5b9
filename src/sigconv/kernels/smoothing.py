"""Smoothing kernels: positive weights that sum to 1."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import DTypeLike

from sigconv.errors import KernelError
from sigconv.kernels.checks import (
    COUNT,
    MAX_ELEMENTS,
    NOT_NEGATIVE,
    POSITIVE,
    Kernel,
    PerAxis,
    Sizes,
    axis_count,
    cast,
    element_type,
    limit_size,
    number,
    outer,
    per_axis,
    precision,
    shown,
)

#: exp(-x**2 / 2) underflows to 0 in float64 from x = 39 on: more sigmas would only add zeros.
MAX_TRUNCATE = 40.0


def gaussian(
    sigma: PerAxis,
    *,
    spacing: PerAxis = 1.0,
    ndim: int | None = None,
    truncate: float = 4.0,
    dtype: DTypeLike = float,
) -> Kernel:
    """Sampled Gaussian, cut at `truncate` standard deviations and scaled to sum to 1.

    Parameters
    ----------
    sigma : float or sequence of float
        Standard deviation, in the unit of `spacing`; one value, or one for each axis in array-axis
        order. 0 on an axis means no smoothing there: one sample of weight 1.
    spacing : float or sequence of float
        Distance between samples, for all axes or for each. With the default 1, `sigma` is in
        samples.
    ndim : int, optional
        Number of axes. Default: the length of `sigma` or `spacing`, else 1.
    truncate : float
        Radius in standard deviations, above 0 and at most 40.
    dtype : dtype
        Element type; weights are computed in float64 (longdouble for longdouble) and rounded.

    Returns
    -------
    ndarray
        Shape ``2*radius + 1`` on each axis, radius = int(truncate * sigma / spacing + 0.5).

    Raises
    ------
    KernelError
        A negative or non-finite sigma, a spacing that is not positive, lengths that disagree, or
        more than 2**26 elements.
    DTypeError
        A dtype that cannot hold the weights.

    Notes
    -----
    w[k] = exp(-k**2 / (2 s**2)) / sum, s = sigma / spacing, on each axis, and the product over
    axes. With ``truncate=4`` these are exactly the weights of `scipy.ndimage.gaussian_filter`. The
    kernel is symmetric, so convolution and correlation agree.

    Examples
    --------
    >>> import numpy as np
    >>> from sigconv.kernels import gaussian
    >>> gaussian(1.0, truncate=1.0).round(3)  # 1 / (1 + 2 exp(-1/2)) = 0.452 in the middle
    array([0.274, 0.452, 0.274])
    >>> gaussian(2.0, spacing=(2.0, 1.0, 1.0)).shape  # 2 mm on voxels of 2 x 1 x 1 mm
    (9, 17, 17)
    """
    kind = element_type(dtype)
    axes = axis_count(ndim, 1, sigma=sigma, spacing=spacing)
    widths = widths_in_samples(sigma, spacing, axes)
    radii = radii_in_samples(widths, truncate)
    real = precision(kind)
    weights = [gaussian_weights(s, r, real) for s, r in zip(widths, radii, strict=True)]
    return cast(outer(weights), kind)


def widths_in_samples(sigma: PerAxis, spacing: PerAxis, ndim: int) -> tuple[float, ...]:
    """Standard deviation on each axis in samples."""
    sigmas = per_axis("sigma", sigma, ndim, NOT_NEGATIVE)
    steps = per_axis("spacing", spacing, ndim, POSITIVE)
    return tuple(s / step for s, step in zip(sigmas, steps, strict=True))


def radii_in_samples(widths: tuple[float, ...], truncate: float) -> tuple[int, ...]:
    """Radius on each axis, int(truncate * sigma + 0.5) as in scipy.ndimage, within the limits."""
    reach = number("truncate", truncate, POSITIVE)
    if reach > MAX_TRUNCATE:
        raise KernelError(
            f"truncate must be at most {shown(MAX_TRUNCATE)} standard deviations; got "
            f"{shown(reach)}. Weights beyond are 0: use a smaller truncate."
        )
    # Compared before int(), which has no answer for an infinite ratio sigma / spacing.
    radii = tuple(int(min(reach * s + 0.5, MAX_ELEMENTS)) for s in widths)
    limit_size(tuple(2 * radius + 1 for radius in radii))
    return radii


def gaussian_weights(sigma: float, radius: int, dtype: np.dtype[np.floating]) -> Kernel:
    """Weights on -radius .. radius that sum to 1; sigma in samples."""
    if radius == 0:
        return np.ones(1, dtype)
    offsets = np.arange(-radius, radius + 1, dtype=dtype)
    # This order of operations is scipy.ndimage's, so that results are equal to the last bit.
    weights = np.exp(-0.5 / (sigma * sigma) * offsets**2)
    weights /= weights.sum()
    return weights


def box(size: Sizes, *, ndim: int | None = None, dtype: DTypeLike = float) -> Kernel:
    """Moving average over `size` samples: equal weights that sum to 1.

    Parameters
    ----------
    size : int or sequence of int
        Samples, for all axes or for each in array-axis order.
    ndim : int, optional
        Number of axes. Default: the length of `size`, else 1.
    dtype : dtype
        Element type, a floating one unless `size` is 1.

    Returns
    -------
    ndarray
        Shape `size`; every element is 1 / (number of elements).

    Raises
    ------
    KernelError
        A size that is not a whole number of at least 1, lengths that disagree, or more than 2**26
        elements.
    DTypeError
        A dtype that cannot hold the weights.

    Notes
    -----
    An even size has no middle sample: ``mode="same"`` (`center` = (size - 1) // 2) then averages
    over one sample more before the output sample than after it.

    Examples
    --------
    >>> from sigconv.kernels import box
    >>> box(4)
    array([0.25, 0.25, 0.25, 0.25])
    >>> box((1, 2))
    array([[0.5, 0.5]])
    """
    kind = element_type(dtype)
    shape = _shape(size, ndim)
    one = precision(kind).type(1)
    return cast(np.full(shape, one / math.prod(shape)), kind)


def delta(size: Sizes = 1, *, ndim: int | None = None, dtype: DTypeLike = float) -> Kernel:
    """Unit impulse: convolution with it in ``mode="same"`` returns the signal.

    Parameters
    ----------
    size : int or sequence of int
        Samples, for all axes or for each in array-axis order.
    ndim : int, optional
        Number of axes. Default: the length of `size`, else 1.
    dtype : dtype
        Element type; integers are fine.

    Returns
    -------
    ndarray
        Shape `size`; 1 at index (size - 1) // 2 of every axis, the default `center`, 0 elsewhere.

    Raises
    ------
    KernelError
        A size that is not a whole number of at least 1, lengths that disagree, or more than 2**26
        elements.
    DTypeError
        A dtype that is not a number type.

    Notes
    -----
    It is the neutral element of convolution, and what other kernels are added to: ``2 * delta(3) -
    box(3)`` sharpens.

    Examples
    --------
    >>> from sigconv.kernels import box, delta
    >>> delta(4, dtype=int)
    array([0, 1, 0, 0])
    >>> (2 * delta(3) - box(3)).round(3)
    array([-0.333,  1.667, -0.333])
    """
    kind = element_type(dtype)
    kernel = np.zeros(_shape(size, ndim), kind)
    kernel[tuple((samples - 1) // 2 for samples in kernel.shape)] = 1
    return kernel


def _shape(size: Sizes, ndim: int | None) -> tuple[int, ...]:
    sizes = per_axis("size", size, axis_count(ndim, 1, size=size), COUNT)
    shape = tuple(int(samples) for samples in sizes)
    limit_size(shape)
    return shape
