"""Correlation in one call: correlate and its lags."""

from __future__ import annotations

from math import prod
from typing import Any

import numpy as np
import numpy.typing as npt

from sigconv.core.arguments import make_problem
from sigconv.core.dtypes import Array, as_numeric, is_weak
from sigconv.core.options import options_from
from sigconv.core.problem import Operand, Options, Problem
from sigconv.core.shapes import check_mode, default_center, lag_range, mode_range
from sigconv.dispatch import compute, run
from sigconv.engines import Plan
from sigconv.errors import DTypeError, OptionError, ShapeError

__all__ = ["correlate", "correlation_lags"]

SCALINGS = ("none", "biased", "unbiased", "coefficient")


def correlate(
    signal: npt.ArrayLike,
    template: npt.ArrayLike,
    mode: str = "full",
    *,
    max_lag: int | tuple[int | None, ...] | None = None,
    scaling: str = "none",
    axes: int | tuple[int, ...] | None = None,
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
    """Correlate a signal with a template: z[l] = sum_n x[n+l] conj(t[n]).

    Parameters
    ----------
    signal : array_like
        The samples x. Only the signal is extended at its edges.
    template : array_like
        The samples t to look for, with the dimensions that `convolve` asks of a kernel.
    mode : {"full", "same", "valid"}
        The lags that are returned, in increasing order: see `correlation_lags`.
    max_lag : int or tuple of int, optional
        Only lags -max_lag to max_lag, of those that `mode` has, are computed and returned; per
        convolved axis.
    scaling : {"none", "biased", "unbiased", "coefficient"}
        What the sums are divided by: nothing; the number of products at complete overlap,
        min(N, K); the number of products at each lag, the extension's included where
        `boundary` is not ``zero``; ``sqrt(sum |x|^2 sum |t|^2)``, which makes the zero lag of an
        autocorrelation 1 (an input of zeros gives 0). Integers are then computed in float64.
    center : int or tuple of int, optional
        In ``same``, the template index that lies on the output sample: y[n] = sum_k conj(t[k])
        x[n+k-c]. K//2 by default.
    axes, boundary, fill_value, method, nan_policy, rtol, dtype, workers, out
        As in `convolve`.

    Returns
    -------
    ndarray
        The correlation, new or `out`.

    Raises
    ------
    ShapeError, ModeError, BoundaryError, MethodError, OptionError, DTypeError,
    IntegerOverflowError
        As in `convolve`.

    See Also
    --------
    convolve : The same with the kernel flipped.
    correlation_lags : The lag of each result.

    Notes
    -----
    Order, lags and conjugation follow `scipy.signal.correlate`: the result equals
    ``convolve(signal, conj(template[::-1]))``. ``scipy.ndimage.correlate(x, t)`` is
    ``correlate(x, t, "same", boundary="symmetric")``.

    Examples
    --------
    >>> correlate([1, 2, 3], [0, 1, 0.5])
    array([0.5, 2. , 3.5, 3. , 0. ])
    >>> import numpy as np
    >>> correlate(np.arange(9).reshape(3, 3), [[0, 1], [2, 3]], "valid")
    array([[19, 25],
           [37, 43]])

    The autocorrelation of three samples, at lags -1, 0 and 1:

    >>> correlate([1.0, 2.0, 3.0], [1.0, 2.0, 3.0], max_lag=1, scaling="unbiased").round(3)
    array([4.   , 4.667, 4.   ])
    """
    if scaling not in SCALINGS:
        raise OptionError(f"scaling must be one of {', '.join(SCALINGS)}; got {scaling!r}.")
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
        True,
        max_lag,
    )
    if scaling == "none":
        return compute(signal, template, arguments, method=method, workers=workers, out=out)
    options = options_from(*arguments)
    return _scaled(signal, template, options, scaling, method=method, workers=workers, out=out)


def _scaled(
    signal: npt.ArrayLike, template: npt.ArrayLike, options: Options, scaling: str, **how: Any
) -> Array:
    """Return the correlation divided by what `scaling` asks for."""
    x, t = as_numeric(signal, "signal"), as_numeric(template, "template")
    operands = Operand(x.shape, x.dtype), Operand(t.shape, t.dtype, is_weak(template))
    problem = make_problem(*operands, options)
    if problem.has_absent_edges:
        raise OptionError(
            f"scaling={scaling!r} counts products, and boundary='absent' shares out their weights. "
            "Use scaling='none', or another boundary."
        )
    if problem.dtypes.is_exact:
        if options.dtype is not None:
            raise DTypeError(
                f"scaling={scaling!r} divides, and dtype={options.dtype} holds no fractions. "
                "Ask for dtype=float."
            )
        problem = make_problem(*operands, options._replace(dtype=np.dtype(np.float64)))
    sums = run(problem, x, t, **how)
    if scaling == "coefficient":
        divisor = np.sqrt(_energy(problem, x)) * np.sqrt(_energy(problem, t))
    else:
        divisor = _most_products(problem) if scaling == "biased" else _products(problem)
    divisor = divisor.astype(problem.dtypes.real)
    with np.errstate(all="ignore"):
        scaled: Array = np.divide(sums, divisor, out=sums, where=divisor != 0, casting="same_kind")
        return scaled


def _energy(problem: Problem, array: Array) -> Array:
    """Return sum |a|^2 over the convolved axes, with the dimensions of the result."""
    if array.ndim < len(problem.result_shape):
        array = array.transpose(problem.kernel_order).reshape(problem.kernel_expanded)
    wide = np.result_type(array, np.float64)
    with np.errstate(all="ignore"):
        energy: Array = np.square(np.abs(array.astype(wide))).sum(problem.convolved, keepdims=True)
    return energy


def _most_products(problem: Problem) -> Array:
    """Return the number of products at complete overlap."""
    sizes = (problem.signal_shape[i] for i in problem.convolved)
    taps = (problem.kernel_expanded[i] for i in problem.convolved)
    return np.array(float(prod(map(min, sizes, taps))))


def _products(problem: Problem) -> Array:
    """Return the number of products in each result, with the dimensions of the result."""
    counts = np.ones((1,) * len(problem.result_shape))
    for axis in problem.axes:
        newest = np.arange(axis.start, axis.stop)
        oldest = newest - axis.taps + 1
        before, after = axis.edges
        first = np.maximum(oldest, 0) if before.is_zero else oldest
        last = np.minimum(newest, axis.size - 1) if after.is_zero else newest
        shape = [1] * counts.ndim
        shape[axis.axis] = -1
        counts = counts * np.maximum(last - first + 1, 0).reshape(shape)
    return counts


def correlation_lags(
    signal_size: int,
    template_size: int,
    mode: str = "full",
    *,
    max_lag: int | None = None,
    center: int | None = None,
) -> npt.NDArray[np.intp]:
    """Return the lag, in samples, of each result of a 1-D `correlate`.

    Parameters
    ----------
    signal_size, template_size : int
        The lengths of the inputs.
    mode : {"full", "same", "valid"}
        As given to `correlate`.
    max_lag : int, optional
        As given to `correlate`.
    center : int, optional
        As given to `correlate`, in ``same``.

    Returns
    -------
    ndarray of int
        A positive lag means that the signal lags the template.

    Raises
    ------
    ShapeError
        Negative sizes or a negative `max_lag`, or a `center` outside the template or outside
        ``same``.

    Examples
    --------
    >>> correlation_lags(4, 2)
    array([-1,  0,  1,  2,  3])
    >>> correlation_lags(4, 2, "same"), correlation_lags(4, 2, "valid")
    (array([-1,  0,  1,  2]), array([0, 1, 2]))
    """
    check_mode(mode)
    for size in (signal_size, template_size):
        if not isinstance(size, int | np.integer) or size < 0:
            raise ShapeError(f"sizes are non-negative integers; got {size!r}.")
    if center is None:
        index = default_center(template_size)
    elif mode == "same" and hasattr(center, "__index__") and 0 <= center < template_size:
        index = template_size - 1 - center
    else:
        raise ShapeError(
            f"center lies between 0 and {template_size - 1} and belongs to mode='same'; got "
            f"center={center!r} with mode={mode!r}."
        )
    if max_lag is not None and not (hasattr(max_lag, "__index__") and max_lag >= 0):
        raise ShapeError(f"max_lag is an integer of at least 0; got {max_lag!r}.")
    # Position m of the full convolution with the reversed template is the lag m - (K-1).
    wanted = mode_range(mode, signal_size, template_size, index)
    start, stop = lag_range(wanted, template_size, max_lag)
    return np.arange(start, stop) - (template_size - 1)
