"""Correlation in one call: correlate and its lags."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from sigconv.core.dtypes import Array
from sigconv.core.shapes import check_mode, default_center, mode_range
from sigconv.dispatch import compute, options_from
from sigconv.engines import Plan
from sigconv.errors import ShapeError

__all__ = ["correlate", "correlation_lags"]


def correlate(
    signal: npt.ArrayLike,
    template: npt.ArrayLike,
    mode: str = "full",
    *,
    axes: int | tuple[int, ...] | None = None,
    boundary: Any = "zero",
    fill_value: complex = 0.0,
    center: int | tuple[int | None, ...] | None = None,
    method: str | Plan = "auto",
    nan_policy: str = "propagate",
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
    center : int or tuple of int, optional
        In ``same``, the template index that lies on the output sample: y[n] = sum_k conj(t[k])
        x[n+k-c]. K//2 by default.
    axes, boundary, fill_value, method, nan_policy, dtype, workers, out
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
    """
    options = options_from(
        mode,
        axes=axes,
        boundary=boundary,
        fill_value=fill_value,
        center=center,
        nan_policy=nan_policy,
        dtype=dtype,
        correlate=True,
    )
    return compute(signal, template, options, method=method, workers=workers, out=out)


def correlation_lags(
    signal_size: int, template_size: int, mode: str = "full", *, center: int | None = None
) -> npt.NDArray[np.intp]:
    """Return the lag, in samples, of each result of a 1-D `correlate`.

    Parameters
    ----------
    signal_size, template_size : int
        The lengths of the inputs.
    mode : {"full", "same", "valid"}
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
        Negative sizes, or a `center` outside the template or outside ``same``.

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
    # Position m of the full convolution with the reversed template is the lag m - (K-1).
    start, stop = mode_range(mode, signal_size, template_size, index)
    return np.arange(start, stop) - (template_size - 1)
