"""Gaussian filters and derivatives of images, for `sigconv.compat.ndimage`."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from numbers import Integral
from typing import Any

import numpy as np
import numpy.typing as npt
from numpy.polynomial.hermite_e import hermeval

from sigconv.compat.arguments import as_axis, as_image, named_axes, output_for, per_axis
from sigconv.compat.inputs import MagnitudeError, as_integer, as_real
from sigconv.compat.passes import copy_unfiltered
from sigconv.compat.weights import convolve1d, correlate1d
from sigconv.core.dtypes import Array
from sigconv.errors import KernelError

__all__ = [
    "gaussian_filter",
    "gaussian_filter1d",
    "gaussian_laplace",
    "laplace",
    "prewitt",
    "sobel",
]


def gaussian_filter1d(
    input: npt.ArrayLike,
    sigma: float,
    axis: int = -1,
    order: int = 0,
    output: Any = None,
    mode: str = "reflect",
    cval: complex = 0.0,
    truncate: float = 4.0,
    *,
    radius: int | None = None,
) -> Array:
    """Smooth or differentiate along one axis as `scipy.ndimage.gaussian_filter1d` does.

    Parameters
    ----------
    input : array_like
        The image.
    sigma : float
        The standard deviation, in samples.
    axis : int
        The axis to filter.
    order : int
        0 for the Gaussian, n for its n-th derivative.
    truncate : float
        The radius of the kernel, in standard deviations.
    radius : int, optional
        The radius of the kernel in samples, instead of `truncate`.
    output, mode, cval
        As in `sigconv.compat.ndimage.correlate`.

    Returns
    -------
    ndarray
        The filtered image, new or `output`.

    Raises
    ------
    KernelError
        A radius or an order that is negative, or a sigma of 0 (a ValueError).

    Examples
    --------
    A Gaussian has no weight left beyond radius 0, and a constant stays constant:

    >>> gaussian_filter1d([1.0, 5.0, 2.0], 1, radius=0)
    array([1., 5., 2.])
    >>> gaussian_filter1d([7, 7, 7], 2)
    array([7, 7, 7])
    """
    deviation = as_real(sigma, "sigma")
    reach = _radius(deviation, as_real(truncate, "truncate")) if radius is None else radius
    if not isinstance(reach, Integral) or reach < 0:
        raise KernelError(
            f"radius must be a non-negative integer; got {reach!r} (sigma={sigma!r})."
        )
    weights = _gaussian_derivative(deviation, as_integer(order, "order"), int(reach))
    return convolve1d(input, weights, axis, output, mode, cval)


def gaussian_filter(
    input: npt.ArrayLike,
    sigma: float | Sequence[float],
    order: int | Sequence[int] = 0,
    output: Any = None,
    mode: str | Sequence[str] = "reflect",
    cval: complex = 0.0,
    truncate: float = 4.0,
    *,
    radius: int | Sequence[int] | None = None,
    axes: int | tuple[int, ...] | None = None,
) -> Array:
    """Smooth or differentiate, one axis after another, as `scipy.ndimage.gaussian_filter` does.

    The parameters are those of `gaussian_filter1d`; `sigma`, `order`, `mode` and `radius` may
    have one entry per filtered axis, which `axes` names. An axis with a sigma of 0 is left alone.

    Examples
    --------
    >>> gaussian_filter([[1.0, 5.0, 2.0]], (1, 0))
    array([[1., 5., 2.]])
    """
    image = source = as_image(input)
    target = output_for(output, image)
    named = named_axes(axes, image.ndim)
    names = ("sigma", "order", "mode", "radius")
    values = (sigma, order, mode, radius)
    entries = [per_axis(*pair, len(named)) for pair in zip(names, values, strict=True)]
    for axis, width, n, rule, reach in zip(named, *entries, strict=True):
        if as_real(width, "sigma") > 1e-15:
            gaussian_filter1d(source, width, axis, n, target, rule, cval, truncate, radius=reach)
            source = target
    if source is image:
        copy_unfiltered(image, target)
    return target


def sobel(
    input: npt.ArrayLike,
    axis: int = -1,
    output: Any = None,
    mode: str | Sequence[str] = "reflect",
    cval: complex = 0.0,
) -> Array:
    """Differences along one axis, smoothed by 1, 2, 1 along the others, as `scipy.ndimage.sobel`.

    The parameters are those of `sigconv.compat.ndimage.correlate1d`; `mode` may have one entry per
    axis.

    Examples
    --------
    >>> sobel([[0, 1, 3]])
    array([[ 4, 12,  8]])
    """
    return _gradient(input, axis, output, mode, cval, (1, 2, 1))


def prewitt(
    input: npt.ArrayLike,
    axis: int = -1,
    output: Any = None,
    mode: str | Sequence[str] = "reflect",
    cval: complex = 0.0,
) -> Array:
    """Differences along one axis, smoothed by 1, 1, 1 along the others, as `scipy.ndimage.prewitt`.

    The parameters are those of `sobel`.

    Examples
    --------
    >>> prewitt([[0, 1, 3]])
    array([[3, 9, 6]])
    """
    return _gradient(input, axis, output, mode, cval, (1, 1, 1))


def laplace(
    input: npt.ArrayLike,
    output: Any = None,
    mode: str | Sequence[str] = "reflect",
    cval: complex = 0.0,
    *,
    axes: int | tuple[int, ...] | None = None,
) -> Array:
    """Return the sum of second differences over the axes, as `scipy.ndimage.laplace` does.

    The parameters are those of `sigconv.compat.ndimage.correlate`; `mode` may have one entry per
    filtered axis.

    Examples
    --------
    >>> laplace([0, 1, 4, 9])
    array([ 1,  2,  2, -5])
    """

    def second(image: Array, axis: int, output: Any, mode: Any) -> Array:
        return correlate1d(image, [1, -2, 1], axis, output, mode, cval)

    return _summed(second, input, output, mode, axes)


def gaussian_laplace(
    input: npt.ArrayLike,
    sigma: float | Sequence[float],
    output: Any = None,
    mode: str | Sequence[str] = "reflect",
    cval: complex = 0.0,
    *,
    axes: int | tuple[int, ...] | None = None,
    **kwargs: Any,
) -> Array:
    """Return the sum of Gaussian second derivatives, as `scipy.ndimage.gaussian_laplace` does.

    `sigma` and `mode` may have one entry per filtered axis; the mode of an axis serves all passes
    of its derivative. `kwargs` (``truncate``, ``radius``) go to `gaussian_filter`.

    Examples
    --------
    The taps (x^2 - 1) g(x) are 0 at -1 and 1, and -1 / (1 + 2 exp(-1/2)) = -0.45 at 0:

    >>> gaussian_laplace([1.0, 2.0], 1, radius=1).round(2)
    array([-0.45, -0.9 ])
    """
    image = as_image(input)
    named = named_axes(axes, image.ndim)
    widths: list[Any] = [0] * image.ndim
    # As in SciPy, all axes meet their sigmas in array order, and some in the order named.
    order = named if len(named) < image.ndim else range(image.ndim)
    for axis, width in zip(order, per_axis("sigma", sigma, len(named)), strict=True):
        widths[axis] = width

    def second(image: Array, axis: int, output: Any, mode: Any) -> Array:
        orders = [2 if i == axis else 0 for i in range(image.ndim)]
        return gaussian_filter(image, widths, orders, output, mode, cval, **kwargs)

    return _summed(second, image, output, mode, axes)


def _radius(sigma: float, truncate: float) -> int:
    """Return how many samples a Gaussian reaches that is cut at so many standard deviations."""
    reach = truncate * sigma + 0.5
    if np.isnan(reach):
        raise KernelError(f"sigma and truncate must be numbers; got {sigma} and {truncate}.")
    if np.isinf(reach):
        raise MagnitudeError(f"sigma and truncate must be finite; got {sigma} and {truncate}.")
    return int(reach)


def _gaussian_derivative(sigma: float, order: int, radius: int) -> npt.NDArray[np.float64]:
    """Return the taps of a Gaussian of sum 1, times the polynomial of its n-th derivative.

    The n-th derivative is (-1)^n He_n(x/s) / s^n times the Gaussian, He_n the probabilists'
    Hermite polynomials.
    """
    if order < 0:
        raise KernelError(f"order must be a non-negative integer; got {order!r}.")
    if not sigma:
        raise MagnitudeError("sigma must not be 0; got 0. gaussian_filter leaves such axes alone.")
    x = np.arange(-radius, radius + 1)
    bell = np.exp(x**2 * (-0.5 / sigma**2))
    taps: npt.NDArray[np.float64] = bell / bell.sum()
    if order:
        taps *= hermeval(x / sigma, [0] * order + [1]) * (-1 / sigma) ** order
    return taps


def _gradient(
    input: npt.ArrayLike, axis: int, output: Any, mode: Any, cval: complex, smoothing: Any
) -> Array:
    image = as_image(input)
    along = as_axis(axis, image.ndim)
    target = output_for(output, image)
    modes = per_axis("mode", mode, image.ndim)
    correlate1d(image, [-1, 0, 1], along, target, modes[along], cval)
    for other in range(image.ndim):
        if other != along:
            correlate1d(target, smoothing, other, target, modes[other], cval)
    return target


def _summed(
    second: Callable[[Array, int, Any, Any], Array],
    input: npt.ArrayLike,
    output: Any,
    mode: Any,
    axes: Any,
) -> Array:
    """Return the sum of second derivatives over the axes, in the dtype of the output."""
    image = as_image(input)
    target = output_for(output, image)
    named = named_axes(axes, image.ndim)
    if not named:
        copy_unfiltered(image, target)
        return target
    if np.may_share_memory(image, target):
        # The derivatives after the first still read the image.
        image = image.copy()
    modes = per_axis("mode", mode, len(named))
    second(image, named[0], target, modes[0])
    for axis, rule in zip(named[1:], modes[1:], strict=True):
        target += second(image, axis, target.dtype, rule)
    return target
