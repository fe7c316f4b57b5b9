"""Convolution in one call: convolve, circular_convolve, plan."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from sigconv.core.arguments import make_problem, normalise_axes
from sigconv.core.dtypes import Array, as_dtype, as_numeric, is_weak, resolve_dtypes
from sigconv.core.folding import fold
from sigconv.core.options import as_shape, hashable, options_from
from sigconv.core.problem import Operand
from sigconv.dispatch import (
    check_samples,
    choose_plan,
    compute,
    run,
)
from sigconv.engines import Plan
from sigconv.errors import OptionError, ShapeError
from sigconv.planning import looked_at, needs_a_look

__all__ = ["circular_convolve", "convolve", "plan"]

Axes = int | tuple[int, ...] | None


def convolve(
    signal: npt.ArrayLike,
    kernel: npt.ArrayLike,
    mode: str = "full",
    *,
    axes: Axes = None,
    boundary: Any = "zero",
    fill_value: complex = 0.0,
    center: int | tuple[int | None, ...] | None = None,
    method: str | Plan = "auto",
    nan_policy: str = "propagate",
    rtol: float | None = None,
    dtype: npt.DTypeLike | None = None,
    workers: int | None = None,
    out: Array | None = None,
) -> Array:
    """Convolve a signal with a kernel: y[n] = sum_k h[k] x[n-k], the kernel flipped.

    Parameters
    ----------
    signal : array_like
        The samples x, of any number of dimensions. Only the signal is extended at its edges.
    kernel : array_like
        The taps h: as many dimensions as the signal (axes that are not convolved broadcast),
        or one dimension per entry of `axes`. A Python list or scalar never widens a floating
        signal.
    mode : {"full", "same", "valid"}
        The positions that are returned, per convolved axis of N samples and K taps: all
        N+K-1; the signal's N, aligned by `center`; the N-K+1 that need no extension.
    axes : int or tuple of int, optional
        The axes to convolve; all by default. The others are batch axes.
    boundary : str or sequence
        How the signal continues beyond its edges: ``zero``, ``constant``, ``edge``,
        ``reflect``, ``symmetric`` or ``wrap``, as in `numpy.pad` (ndimage's ``nearest``,
        ``mirror``, ``grid-wrap``, ``grid-constant`` and ``grid-mirror`` are aliases), or
        ``absent``: nothing exists there, and the other samples carry the whole weight. A
        sequence has one entry per convolved axis, each a string or a (before, after) pair.
    fill_value : number
        The value outside the signal under ``constant``.
    center : int or tuple of int, optional
        In ``same``, the kernel index that lies on the output sample: y[n] = sum_k h[k]
        x[n+c-k]. (K-1)//2 by default; 0 is the causal filter.
    method : str or Plan
        ``auto``, ``direct``, ``fft``, ``overlap-save``, ``overlap-add``, ``exact`` (Python
        numbers), or a `Plan` to replay. The result does not depend on it beyond rounding. Where
        there is nothing to transform (an empty result, a single tap) ``direct`` stands in for
        every method.
    nan_policy : {"propagate", "omit", "raise"}
        ``propagate``: NaN and infinity reach exactly the outputs that the direct sum gives.
        ``omit``: NaN samples are absent, and y = (sum over present of h x) (sum h) / (sum over
        present of h); NaN where nothing is present; the taps must be weights, >= 0 with a
        positive sum. ``raise``: NonFiniteError names the first position.
    rtol : float, optional
        The largest error that an output may have, relative to the Euclidean norms of the
        samples under the kernel and of the kernel. Wider numbers, other blocks or the direct sum
        are used where it takes them. By default an FFT's error is relative to the samples of its
        block, with the bound that `plan` prints. Exact results need none.
    dtype : dtype, optional
        The dtype of computation and result; NumPy's promotion by default, with booleans and
        integers exact in 64 bits. Arrays of int, Fraction or Decimal objects stay as they are,
        and exact.
    workers : int, optional
        Threads at most; by default the processors that this process may use, and one for
        small work. -1 for all processors.
    out : ndarray, optional
        Where to write; the shape and dtype of the result. It may overlap an input.

    Returns
    -------
    ndarray
        The convolution, new or `out`.

    Raises
    ------
    ShapeError, ModeError, BoundaryError, MethodError, OptionError
        Arguments that do not fit (each is a ValueError).
    DTypeError
        Inputs that are no numbers, or a `dtype` that cannot hold the result (a TypeError).
    IntegerOverflowError
        Integer results that may not fit (an OverflowError).

    See Also
    --------
    correlate : The same without the flip.
    Convolver : One kernel for many signals.
    plan : What a call would do.

    Notes
    -----
    Sizes, centres and order follow `scipy.signal.convolve`, boundaries follow `numpy.pad`.
    ``scipy.ndimage.convolve(x, h)`` is ``convolve(x, h, "same", boundary="symmetric",
    center=K//2)`` with K//2 per axis.

    Examples
    --------
    Long multiplication without carries, 321 x 112 = 35952:

    >>> convolve([3, 2, 1], [1, 1, 2])
    array([3, 5, 9, 5, 2])

    A moving average that continues the edge samples:

    >>> convolve([1.0, 2.0, 6.0], [1 / 3] * 3, "same", boundary="edge").round(3)
    array([1.333, 3.   , 4.667])
    """
    # The order of Options.
    arguments = (
        mode,
        axes,
        boundary,
        fill_value,
        center,
        nan_policy,
        dtype,
        rtol,
        False,
        None,
    )
    return compute(signal, kernel, arguments, method=method, workers=workers, out=out)


def circular_convolve(
    signal: npt.ArrayLike,
    kernel: npt.ArrayLike,
    *,
    shape: int | tuple[int, ...] | None = None,
    axes: Axes = None,
    method: str | Plan = "auto",
    nan_policy: str = "propagate",
    rtol: float | None = None,
    dtype: npt.DTypeLike | None = None,
    workers: int | None = None,
    out: Array | None = None,
) -> Array:
    """Convolve periodic signals: y[n] = sum_k h[k] x[(n-k) mod P], for n in 0..P-1.

    Parameters
    ----------
    signal, kernel : array_like
        One period each; shorter inputs are padded with zeros to the period, longer ones fold.
    shape : int or tuple of int, optional
        The period P on each convolved axis; the signal's length by default.
    axes, method, nan_policy, rtol, dtype, workers, out
        As in `convolve`.

    Returns
    -------
    ndarray
        One period of the circular convolution.

    Raises
    ------
    ShapeError
        A period that is not positive, or not one per convolved axis.

    See Also
    --------
    convolve : Linear convolution; equal to this for P >= N+K-1.

    Notes
    -----
    The product of discrete Fourier transforms of length P is the transform of this result:
    the convolution theorem.

    Examples
    --------
    >>> circular_convolve([1, 2, 3, 4], [1, 1])
    array([5, 3, 5, 7])
    >>> circular_convolve([1, 2, 3, 4], [1, 1], shape=5)
    array([1, 3, 5, 7, 4])
    """
    x, h = as_numeric(signal, "signal"), as_numeric(kernel, "kernel")
    weak = is_weak(kernel)
    named = normalise_axes(x.shape, h.shape, hashable("axes", axes))
    periods = _periods(x.shape, named, shape)
    dtypes = resolve_dtypes(x.dtype, h.dtype, weak=weak, requested=dtype)
    kernel_axes = named if h.ndim == x.ndim else tuple(range(h.ndim))
    for axis, period in zip(named, periods, strict=True):
        x = fold(x, axis, period, dtypes)
    for axis, period in zip(kernel_axes, periods, strict=False):
        if h.shape[axis] > period:
            h = fold(h, axis, period, dtypes)
    # Folding widens the inputs, which must not widen the result.
    options = options_from(
        "same",
        axes=named,
        boundary="wrap",
        center=0,
        nan_policy=nan_policy,
        rtol=rtol,
        dtype=dtypes.result,
    )
    problem = make_problem(Operand(x.shape, x.dtype), Operand(h.shape, h.dtype, weak), options)
    return run(problem, x, h, method=method, workers=workers, out=out)


def plan(
    signal: Any,
    kernel: Any,
    mode: str = "full",
    *,
    axes: Axes = None,
    boundary: Any = "zero",
    fill_value: complex = 0.0,
    center: int | tuple[int | None, ...] | None = None,
    method: str | Plan = "auto",
    nan_policy: str = "propagate",
    rtol: float | None = None,
    dtype: npt.DTypeLike | None = None,
    operation: str = "convolve",
) -> Plan:
    """Plan what `convolve` or `correlate` would do, without doing it.

    Parameters
    ----------
    signal, kernel : array_like or tuple of int
        The inputs, or their shapes: a tuple of integers is the shape of float64 samples (or
        of samples of `dtype`).
    mode, axes, boundary, fill_value, center, method, nan_policy, rtol, dtype
        As in `convolve`.
    operation : {"convolve", "correlate"}
        Which of the two functions the plan is for.

    Returns
    -------
    Plan
        Prints as a table; ``method=`` of the function that it is for takes it.

    Raises
    ------
    ShapeError, ModeError, BoundaryError, MethodError, OptionError, DTypeError
        As in `convolve`.

    Examples
    --------
    >>> print(plan((1000,), (3,), method="direct"))  # doctest: +ELLIPSIS
    operation   convolve, mode full
    shapes      (1000,) * (3,) -> (1002,)
    ...
    """
    if operation not in ("convolve", "correlate"):
        raise OptionError(f"operation must be 'convolve' or 'correlate'; got {operation!r}.")
    options = options_from(
        mode,
        axes=axes,
        boundary=boundary,
        fill_value=fill_value,
        center=center,
        nan_policy=nan_policy,
        rtol=rtol,
        dtype=dtype,
        correlate=operation == "correlate",
    )
    x, first = _described(signal, "signal", dtype)
    h, second = _described(kernel, "kernel", dtype)
    problem = make_problem(first, second, options)
    if x is not None and h is not None:
        problem = check_samples(problem, x, h)
    if h is not None and needs_a_look(problem, method):
        problem = looked_at(problem, problem.kernel_view(h))
    return choose_plan(problem, method)


def _described(value: Any, name: str, dtype: npt.DTypeLike | None) -> tuple[Array | None, Operand]:
    """Return the samples, None where only their shape is given, and their description."""
    if isinstance(value, tuple) and all(isinstance(n, int | np.integer) for n in value):
        return None, Operand(as_shape(value, name), as_dtype(float if dtype is None else dtype))
    array = as_numeric(value, name)
    return array, Operand(array.shape, array.dtype, is_weak(value))


def _periods(
    shape: tuple[int, ...], axes: tuple[int, ...], period: int | tuple[int, ...] | None
) -> tuple[int, ...]:
    if period is None:
        return tuple(shape[axis] for axis in axes)
    given = tuple(period) if isinstance(period, list | tuple) else (period,) * len(axes)
    if len(given) != len(axes):
        raise ShapeError(
            f"shape has one period per convolved axis ({len(axes)}); got {len(given)}: {period!r}."
        )
    if any(not isinstance(p, int | np.integer) or p < 1 for p in given):
        raise ShapeError(f"a period is a positive integer; got shape={period!r}.")
    return tuple(int(p) for p in given)
