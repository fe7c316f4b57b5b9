"""Convolution integrals of samples by the rectangle, the trapezoid and Simpson's rule."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from sigconv.convolution import convolve
from sigconv.core.dtypes import Array, as_numeric
from sigconv.errors import DTypeError, OptionError, ShapeError

__all__ = ["convolve_from_zero", "sampled_convolve"]

_RULES = ("rectangle", "trapezoid", "simpson")


def sampled_convolve(
    f: npt.ArrayLike, g: npt.ArrayLike, dt: float, *, rule: str = "trapezoid"
) -> Array:
    """Convolve sampled functions of time: y[n] = integral of f(u) g(n dt - u) du.

    Parameters
    ----------
    f : array_like, shape (N,)
        Samples f(0), f(dt), ...; real or complex. The function is 0 outside of them.
    g : array_like, shape (M,)
        Samples of g with the same step.
    dt : float
        The step, in the unit of time.
    rule : {"rectangle", "trapezoid", "simpson"}
        How the products of the samples that meet are integrated, from the first to the last:
        every product times dt (order 1 in dt); by straight lines (order 2); by parabolas
        (order 4).

    Returns
    -------
    ndarray
        Shape (N + M - 1,): the convolution at 0, dt, ..., (N + M - 2) dt, float or complex.

    Raises
    ------
    ShapeError
        Samples that are not one-dimensional, or none at all.
    DTypeError
        Samples that are no numbers.
    OptionError
        An unknown rule, or a step that is not positive.

    See Also
    --------
    continuous_convolve : Functions; and samples from time 0 on, with an estimate of the error.

    Notes
    -----
    Each sum runs from the first to the last product, k = max(0, n-M+1) .. min(n, N-1): both
    functions may jump to 0 at the ends of their samples and lose nothing. Simpson's rule needs an
    even number of intervals. For an odd one it is the mean of two sums, in which three intervals
    at the beginning or at the end follow the 3/8 rule, so that f and g can be exchanged; from
    seven intervals on these are the weights 17/48, 59/48, 43/48, 49/48, 1, ... A single interval
    is a trapezoid. Where n is 0 or N + M - 2, a single product meets: all but the rectangles
    give 0.

    Examples
    --------
    1 from 0 to 3, and t from 0 to 3: t^2/2 up to 3, then (9 - (t - 3)^2)/2.

    >>> from sigconv.lti.sampled import sampled_convolve
    >>> sampled_convolve([1, 1, 1, 1], [0, 1, 2, 3], 1.0)
    array([0. , 0.5, 2. , 4.5, 4. , 2.5, 0. ])
    """
    f, g = _samples(f, "f"), _samples(g, "g")
    if not isinstance(dt, float | int | np.number) or not 0 < dt < np.inf:
        raise OptionError(f"dt must be a positive number; got {dt!r}.")
    return _convolve(f, g, float(dt), rule)


def convolve_from_zero(f: Any, g: Any, t: Any, rule: str) -> tuple[Array, Array]:
    """Return the convolution of causal samples at their own times, and its estimated error."""
    f, g = _samples(f, "f"), _samples(g, "g")
    step = _step(t, f.size, g.size)
    values = _convolve(f, g, step, rule)[: f.size]
    errors = np.full(f.size, np.nan)
    if f.size > 2:
        coarse = _convolve(f[::2], g[::2], 2 * step, rule)[: (f.size + 1) // 2]
        even = np.abs(values[::2] - coarse)
        errors[::2] = even
        errors[1:-1:2] = np.maximum(even[:-1], even[1:])[: errors[1:-1:2].size]
        if f.size % 2 == 0:
            errors[-1] = even[-1]
    return values, errors


def _samples(values: Any, name: str) -> Array:
    samples = as_numeric(values, name)
    if samples.ndim != 1 or not samples.size:
        raise ShapeError(
            f"{name} must be one-dimensional, with at least one sample; got shape {samples.shape}."
        )
    if samples.dtype.kind == "O":
        raise DTypeError(
            f"{name} must hold floating numbers; got Python objects. Convert it with "
            "x.astype(float)."
        )
    return samples if samples.dtype.kind in "fc" else samples.astype(float)


def _step(t: Any, *sizes: int) -> float:
    """Return the step of the times of samples."""
    times = as_numeric(t, "t")
    if times.ndim != 1 or any(times.size != size for size in sizes):
        raise ShapeError(
            f"samples need one time each; got {sizes[0]} of f, {sizes[1]} of g and t of shape "
            f"{times.shape}. For records of unlike lengths: sampled_convolve(f, g, dt)."
        )
    if times.dtype.kind not in "biuf":
        raise DTypeError(f"t must hold real times; got {times.dtype}. Convert it: t.astype(float).")
    times = times.astype(float)
    if times.size == 1:
        step = 1.0
    else:
        step = float(times[-1] - times[0]) / (times.size - 1)
    even = step * np.arange(times.size)
    if not step > 0 or not (np.abs(times - even) <= 1e-6 * step).all():
        raise OptionError(
            f"the times of samples must be 0, dt, 2 dt, ...; got {times[:4].tolist()} and so on. "
            "Subtract the first time, and resample at even steps with np.interp."
        )
    return step


def _convolve(f: Array, g: Array, dt: float, rule: str) -> Array:
    if rule not in _RULES:
        raise OptionError(f"rule must be 'rectangle', 'trapezoid' or 'simpson'; got {rule!r:.80}.")
    with np.errstate(all="ignore"):
        total = convolve(f, g)
        if rule == "rectangle":
            return dt * total
        lines = total - _ends(f, g, 0) / 2
        if rule == "trapezoid":
            return dt * lines
        n = np.arange(total.size)
        first = np.maximum(0, n - g.size + 1)
        intervals = np.minimum(n, f.size - 1) - first
        sums = np.where(intervals % 2, _cubics(f, g, total), _parabolas(f, g, total, first))
        return dt * np.where(intervals < 2, lines, sums)


def _first(f: Array, g: Array, j: int) -> Array:
    """Return the product j places after the first one of every output, 0 where there is none."""
    n, m = f.size, g.size
    products = np.zeros(n + m - 1, np.result_type(f, g))
    if j < min(n, m):
        # k = max(0, n-M+1) + j: one tap by samples up to output M-1, then samples by one tap.
        products[j:m] = f[j] * g[: m - j]
        products[m : n + m - 1 - j] = f[1 + j :] * g[m - 1 - j]
    return products


def _ends(f: Array, g: Array, j: int) -> Array:
    """Return the sum of the products j places from the first and j places from the last."""
    return _first(f, g, j) + _first(g, f, j)


def _parabolas(f: Array, g: Array, total: Array, first: Array) -> Array:
    """Simpson's sums over an even number of intervals, for a step of 1.

    Weights 1, 4, 2, 4, ..., 4, 1 over 3 are 3 - (-1)^(k - first), less 1 at either end.
    """
    signs = np.where(np.arange(f.size) % 2, -1, 1).astype(f.real.dtype)
    alternating = convolve(f * signs, g)
    alternating = np.where(first % 2, -alternating, alternating)
    result: Array = (3 * total - alternating - _ends(f, g, 0)) / 3
    return result


def _cubics(f: Array, g: Array, total: Array) -> Array:
    """Simpson's sums over an odd number of intervals, from three on, for a step of 1.

    In the mean of both sums that end in three intervals of the 3/8 rule, the alternating parts
    cancel, and each end has weights (17, 59, 43, 49)/48. Where they meet, their differences to 1
    add up.
    """
    result = total
    for j, weight in enumerate((17, 59, 43, 49)):
        result = result + (weight - 48) / 48 * _ends(f, g, j)
    return result
