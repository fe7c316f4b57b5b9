"""Derivative kernels: first and second differences, and the Laplacian of a Gaussian."""

from __future__ import annotations

from functools import reduce

import numpy as np
from numpy.typing import DTypeLike

from sigconv.errors import KernelError
from sigconv.kernels.checks import (
    POSITIVE,
    WHOLE,
    Kernel,
    PerAxis,
    axis_count,
    cast,
    element_type,
    number,
    outer,
    per_axis,
    precision,
    shown,
)
from sigconv.kernels.smoothing import gaussian_weights, radii_in_samples, widths_in_samples


def sobel(
    axis: int, ndim: int = 2, *, spacing: PerAxis | None = None, dtype: DTypeLike = float
) -> Kernel:
    """Sobel gradient along `axis`: a central difference, smoothed by (1, 2, 1) across it.

    Parameters
    ----------
    axis : int
        Axis to differentiate along; negative values count from the last.
    ndim : int
        Number of axes.
    spacing : float or sequence of float, optional
        Distance between samples (along `axis`; of a sequence with one value for each axis, only
        that one counts). Scales the kernel so that convolution gives the derivative per unit of
        `spacing`; 1 gives it per sample. Default: the whole-number weights of the literature, for
        which a ramp of 1 per sample gives 2 * 4**(ndim - 1), 8 in two dimensions.
    dtype : dtype
        Element type; a signed integer type is fine without `spacing`.

    Returns
    -------
    ndarray
        Shape (3,) * ndim, sum 0.

    Raises
    ------
    KernelError
        An axis out of range, a spacing that is not positive, or too many axes.
    DTypeError
        A dtype that cannot hold the weights, such as an unsigned one.

    Notes
    -----
    Sign: ``convolve(x, sobel(axis, x.ndim))`` is positive where x rises with the index. Convolution
    flips kernels, so the weights along `axis` are (1, 0, -1). Under ``mode="same",
    boundary="symmetric"`` this equals `scipy.ndimage.sobel`. With `correlate` the sign is reversed.

    Examples
    --------
    >>> import numpy as np
    >>> from sigconv.kernels import sobel
    >>> sobel(0, dtype=int)
    array([[ 1,  2,  1],
           [ 0,  0,  0],
           [-1, -2, -1]])
    >>> np.convolve([0, 0, 5, 5], sobel(0, ndim=1, dtype=int), mode="valid")  # a rising edge
    array([5, 5])
    """
    return _gradient((1.0, 2.0, 1.0), axis, ndim, spacing, dtype)


def prewitt(
    axis: int, ndim: int = 2, *, spacing: PerAxis | None = None, dtype: DTypeLike = float
) -> Kernel:
    """Prewitt gradient along `axis`: a central difference, summed over (1, 1, 1) across it.

    Parameters
    ----------
    axis : int
        Axis to differentiate along; negative values count from the last.
    ndim : int
        Number of axes.
    spacing : float or sequence of float, optional
        As in `sobel`. Without it a ramp of 1 per sample gives 2 * 3**(ndim - 1).
    dtype : dtype
        Element type; a signed integer type is fine without `spacing`.

    Returns
    -------
    ndarray
        Shape (3,) * ndim, sum 0.

    Raises
    ------
    KernelError
        An axis out of range, a spacing that is not positive, or too many axes.
    DTypeError
        A dtype that cannot hold the weights, such as an unsigned one.

    Notes
    -----
    Sign as in `sobel`: convolution is positive where values rise. Equals `scipy.ndimage.prewitt`
    under ``mode="same", boundary="symmetric"``.

    Examples
    --------
    >>> from sigconv.kernels import prewitt
    >>> prewitt(1, dtype=int)
    array([[ 1,  0, -1],
           [ 1,  0, -1],
           [ 1,  0, -1]])
    """
    return _gradient((1.0, 1.0, 1.0), axis, ndim, spacing, dtype)


def _gradient(
    across: tuple[float, float, float],
    axis: int,
    ndim: int,
    spacing: PerAxis | None,
    dtype: DTypeLike,
) -> Kernel:
    """Central difference along `axis`, weights `across` on the others."""
    kind = element_type(dtype)
    real = precision(kind)
    axes = axis_count(ndim, ndim, spacing=spacing)
    along = _axis_index(axis, axes)
    factors = [np.array(across, real)] * axes
    factors[along] = np.array([1, 0, -1], real)
    kernel = outer(factors)
    if spacing is not None:
        step = per_axis("spacing", spacing, axes, POSITIVE)[along]
        # A ramp of slope 1 changes by 2 * step over the central difference.
        kernel = _divided(kernel / (2 * sum(across) ** (axes - 1)), step)
    return cast(kernel, kind)


def _axis_index(axis: int, ndim: int) -> int:
    index = int(number("axis", axis, WHOLE))
    if not -ndim <= index < ndim:
        raise KernelError(
            f"axis must lie between {-ndim} and {ndim - 1} for {ndim} axes; got {index}. "
            "Use one of these, or give the right ndim."
        )
    return index % ndim


def _divided(weights: Kernel, spacing: float, times: int = 1) -> Kernel:
    """Weights over a power of the spacing."""
    with np.errstate(all="ignore"):
        for _ in range(times):
            weights = weights / spacing
    if not np.isfinite(weights).all() or not weights.any():
        raise KernelError(
            f"weights over spacing**{times} must be finite and not all 0; got "
            f"spacing={shown(spacing)}. Give spacing in a larger or smaller unit."
        )
    return weights


def laplacian(
    ndim: int | None = None, *, spacing: PerAxis = 1.0, dtype: DTypeLike = float
) -> Kernel:
    """Laplacian: the sum of second differences (1, -2, 1) / spacing**2 over all axes.

    Parameters
    ----------
    ndim : int, optional
        Number of axes. Default: the length of `spacing`, else 2.
    spacing : float or sequence of float
        Distance between samples, for all axes or for each in array-axis order.
    dtype : dtype
        Element type; a signed integer type is fine for the default spacing.

    Returns
    -------
    ndarray
        Shape (3,) * ndim, sum 0. Convolution gives the unit of the signal per unit of `spacing`
        squared; per sample squared by default.

    Raises
    ------
    KernelError
        A spacing that is not positive, lengths that disagree, or too many axes.
    DTypeError
        A dtype that cannot hold the weights.

    Notes
    -----
    Sign: negative on a bright spot (the centre weight is negative), as in `scipy.ndimage.laplace`,
    which it equals for spacing 1 under ``mode="same", boundary="symmetric"``. The detector with a
    positive centre and negative surround is ``-laplacian()``.

    Examples
    --------
    >>> import numpy as np
    >>> from sigconv.kernels import laplacian
    >>> laplacian(dtype=int)
    array([[ 0,  1,  0],
           [ 1, -4,  1],
           [ 0,  1,  0]])
    >>> np.convolve([0, 1, 4, 9, 16], laplacian(1, dtype=int), mode="valid")  # (x**2)'' = 2
    array([2, 2, 2])
    """
    kind = element_type(dtype)
    real = precision(kind)
    axes = axis_count(ndim, 2, spacing=spacing)
    steps = per_axis("spacing", spacing, axes, POSITIVE)
    seconds = [_second_difference(step, real) for step in steps]
    return cast(_sum_over_axes(seconds, [np.array([0, 1, 0], real)] * axes), kind)


def log(
    sigma: PerAxis,
    *,
    spacing: PerAxis = 1.0,
    ndim: int | None = None,
    truncate: float = 4.0,
    dtype: DTypeLike = float,
) -> Kernel:
    """Laplacian of a Gaussian: smoothing by `sigma` and the Laplacian in one kernel.

    Parameters
    ----------
    sigma : float or sequence of float
        Standard deviation, in the unit of `spacing`; one value, or one for each axis in array-axis
        order. 0 on an axis means no smoothing there: `log(0)` is `laplacian()`.
    spacing : float or sequence of float
        Distance between samples, for all axes or for each.
    ndim : int, optional
        Number of axes. Default: the length of `sigma` or `spacing`, else 2.
    truncate : float
        Radius in standard deviations, above 0 and at most 40.
    dtype : dtype
        Element type.

    Returns
    -------
    ndarray
        Shape ``2*radius + 1`` on each axis, radius = max(1, int(truncate * sigma / spacing + 0.5));
        sum 0. Convolution gives the unit of the signal per unit of `spacing` squared.

    Raises
    ------
    KernelError
        A negative or non-finite sigma, a spacing that is not positive, lengths that disagree, or
        more than 2**26 elements.
    DTypeError
        A dtype that cannot hold the weights.

    Notes
    -----
    On each axis the second derivative is w[k] proportional to (k**2 - m) g[k], g the sampled
    Gaussian and m = sum k**2 g[k] its variance, scaled so that k**2 gives exactly 2. The textbook
    weights (k**2 - s**2) g[k] / s**4, which `scipy.ndimage.gaussian_laplace` uses, answer a
    constant with a small number because they are sampled and cut; these answer it with 0, and the
    two agree as `truncate` and sigma / spacing grow. Sign: negative on a bright spot.

    Examples
    --------
    >>> import numpy as np
    >>> from sigconv.kernels import log
    >>> kernel = log(1.0, ndim=1)
    >>> x = np.arange(-4, 5)  # radius 4
    >>> bool(abs(kernel.sum()) < 1e-15), float((kernel * x**2).sum().round(12))
    (True, 2.0)
    """
    kind = element_type(dtype)
    real = precision(kind)
    axes = axis_count(ndim, 2, sigma=sigma, spacing=spacing)
    widths = widths_in_samples(sigma, spacing, axes)
    steps = per_axis("spacing", spacing, axes, POSITIVE)
    radii = radii_in_samples(widths, truncate)
    smooth = [_bell(s, r, real) for s, r in zip(widths, radii, strict=True)]
    seconds = [_second_of_bell(g, step) for g, step in zip(smooth, steps, strict=True)]
    return cast(_sum_over_axes(seconds, smooth), kind)


def _bell(sigma: float, radius: int, dtype: np.dtype[np.floating]) -> Kernel:
    """Gaussian weights on an axis, with room for a second difference."""
    weights = gaussian_weights(sigma, radius, dtype)
    return np.pad(weights, 1) if radius == 0 else weights


def _second_difference(step: float, dtype: np.dtype[np.floating]) -> Kernel:
    return _divided(np.array([1, -2, 1], dtype), step, times=2)


def _second_of_bell(bell: Kernel, step: float) -> Kernel:
    """Second derivative of a sampled Gaussian: answers 1 with 0 and k**2 with 2 / step**2."""
    radius = bell.size // 2
    if radius == 1:
        # Three taps leave no choice: only (1, -2, 1) keeps both promises.
        return _second_difference(step, bell.dtype)
    squares = np.arange(-radius, radius + 1, dtype=bell.dtype) ** 2
    weights = (squares - (squares * bell).sum()) * bell
    weights *= 2 / (squares * weights).sum()
    return _divided(weights, step, times=2)


def _sum_over_axes(seconds: list[Kernel], others: list[Kernel]) -> Kernel:
    """Sum over axes a of the product of seconds[a] and, on the other axes, others."""
    terms = (
        outer([second if a == b else other for b, other in enumerate(others)])
        for a, second in enumerate(seconds)
    )
    return reduce(np.add, terms)
