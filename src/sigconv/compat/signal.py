"""`scipy.signal`'s convolutions: its signatures, defaults and dtypes on sigconv's engines.

Names that are no convolutions (`butter`, `lfilter`, ...) are SciPy's own. What differs on purpose:
NaN and infinity reach only the results that they belong to; 64-bit integers raise OverflowError
where SciPy wraps around (narrower ones wrap as in SciPy); empty inputs give empty results.
"""

from __future__ import annotations

import timeit
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
import numpy.typing as npt
from numpy.lib.array_utils import normalize_axis_tuple

from sigconv import convolution, correlation
from sigconv.compat.inputs import AxisError
from sigconv.compat.planar import convolve2d, correlate2d
from sigconv.compat.sums import (
    computed,
    operands,
    resolved_method,
    transformed_dtype,
    working_dtype,
)
from sigconv.core.dtypes import Array
from sigconv.core.shapes import check_mode
from sigconv.errors import IntegerOverflowError, ShapeError

__all__ = [
    "choose_conv_method",
    "convolve",
    "convolve2d",
    "correlate",
    "correlate2d",
    "correlation_lags",
    "fftconvolve",
    "oaconvolve",
]


def __getattr__(name: str) -> Any:
    if name.startswith("__"):
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from scipy import signal

    return getattr(signal, name)


def __dir__() -> list[str]:
    from scipy import signal

    return sorted({*globals(), *signal.__all__})


def convolve(
    in1: npt.ArrayLike, in2: npt.ArrayLike, mode: str = "full", method: str = "auto"
) -> Array:
    """Convolve two arrays as `scipy.signal.convolve` does.

    Parameters
    ----------
    in1, in2 : array_like
        The inputs, with equal numbers of dimensions.
    mode : {"full", "same", "valid"}
        The positions that are returned; ``same`` has the shape of `in1`.
    method : {"auto", "direct", "fft"}
        How to compute. Integers are exact under each.

    Returns
    -------
    ndarray
        The convolution, in NumPy's common dtype of the inputs.

    Raises
    ------
    ShapeError, ModeError, MethodError
        Arguments that do not fit (each is a ValueError).
    IntegerOverflowError
        Results that may not fit 64 bits (an OverflowError).

    Examples
    --------
    >>> convolve([1, 2, 3], [0, 1, 10], "same")
    array([ 1, 12, 23])
    """
    return computed(convolution.convolve, *operands(in1, in2), mode, method=method)


def correlate(
    in1: npt.ArrayLike, in2: npt.ArrayLike, mode: str = "full", method: str = "auto"
) -> Array:
    """Correlate two arrays as `scipy.signal.correlate` does, the second conjugated.

    Parameters, dtype of the result and errors are those of `convolve`.

    Examples
    --------
    >>> correlate([1, 2, 3], [0, 1, 10], "same")
    array([21, 32,  3])
    """
    return computed(correlation.correlate, *operands(in1, in2), mode, method=method)


def fftconvolve(
    in1: npt.ArrayLike,
    in2: npt.ArrayLike,
    mode: str = "full",
    axes: int | tuple[int, ...] | None = None,
) -> Array:
    """Convolve as `scipy.signal.fftconvolve` does: integers become float64.

    Parameters
    ----------
    in1, in2 : array_like
        The inputs, with equal numbers of dimensions.
    mode : {"full", "same", "valid"}
        The positions that are returned; ``same`` has the shape of `in1`.
    axes : int or tuple of int, optional
        The axes to convolve; all by default. The others, and those on which an input has length
        1, broadcast.

    Returns
    -------
    ndarray
        The convolution, by the method with the least predicted cost.

    Raises
    ------
    ShapeError, ModeError
        Arguments that do not fit (each is a ValueError).

    Examples
    --------
    >>> fftconvolve([[1, 2], [3, 4]], [[1, 10]], axes=1)
    array([[ 1., 12., 20.],
           [ 3., 34., 40.]])
    """
    x, h = operands(in1, in2)
    check_mode(mode)
    named = _convolved_axes(x.shape, h.shape, axes)
    if named:
        dtype = np.promote_types(transformed_dtype(x.dtype), transformed_dtype(h.dtype))
        method = resolved_method("auto", x, h)
        result = convolution.convolve(x, h, mode, axes=named, dtype=dtype, method=method)
    elif all(n == k or 1 in (n, k) for n, k in zip(x.shape, h.shape, strict=True)):
        result = x * h
    else:
        raise ShapeError(
            "axes that are not convolved must have equal lengths, or one; "
            f"got shapes {x.shape} and {h.shape} with axes={axes!r}."
        )
    return _cropped(result, x.shape, named) if mode == "same" and result.ndim else result


def oaconvolve(
    in1: npt.ArrayLike,
    in2: npt.ArrayLike,
    mode: str = "full",
    axes: int | tuple[int, ...] | None = None,
) -> Array:
    """Convolve as `scipy.signal.oaconvolve` does; the same as `fftconvolve` here.

    Parameters, result and errors are those of `fftconvolve`, which takes blocks where they pay.

    Examples
    --------
    >>> oaconvolve([1, 2, 3, 4], [1, 1], "valid")
    array([3., 5., 7.])
    """
    return fftconvolve(in1, in2, mode, axes)


def correlation_lags(in1_len: int, in2_len: int, mode: str = "full") -> npt.NDArray[np.intp]:
    """Return the lag of each result of a 1-D `correlate`, as `scipy.signal.correlation_lags`.

    Raises
    ------
    ModeError
        A mode that does not exist (a ValueError).

    Notes
    -----
    In ``same``, for an odd `in1_len` and an even `in2_len`, SciPy 1.17 numbers the lags one too
    high; here they are those of the results.

    Examples
    --------
    >>> correlation_lags(4, 2)
    array([-1,  0,  1,  2,  3])
    """
    return correlation.correlation_lags(in1_len, in2_len, mode)


def choose_conv_method(
    in1: npt.ArrayLike, in2: npt.ArrayLike, mode: str = "full", measure: bool = False
) -> str | tuple[str, dict[str, float]]:
    """Tell whether `convolve` would take ``direct`` or ``fft``.

    Parameters
    ----------
    in1, in2, mode
        As given to `convolve`.
    measure : bool
        Whether to time both methods instead of predicting their costs.

    Returns
    -------
    str or (str, dict of str to float)
        The method; with `measure` also the seconds that each took.

    Examples
    --------
    >>> choose_conv_method([1.0, 2.0], [3.0])
    'direct'
    """
    x, h = operands(in1, in2)
    if measure:
        times = {
            method: _seconds(partial(convolve, x, h, mode, method)) for method in ("fft", "direct")
        }
        return min(times, key=times.__getitem__), times
    method = resolved_method("auto", x, h)
    try:
        chosen = convolution.plan(x, h, mode, dtype=working_dtype(x, h), method=method).method
    except IntegerOverflowError:
        return "direct"
    return "direct" if chosen in ("direct", "exact") else "fft"


def _convolved_axes(
    signal: tuple[int, ...], kernel: tuple[int, ...], axes: int | tuple[int, ...] | None
) -> tuple[int, ...]:
    """Return the axes to convolve: those named on which neither input has length 1."""
    ndim = len(signal)
    try:
        named = tuple(range(ndim)) if axes is None else normalize_axis_tuple(axes, ndim, "axes")
    except TypeError:
        raise ShapeError(f"axes takes an integer or a sequence of them; got {axes!r}.") from None
    except np.exceptions.AxisError:
        raise AxisError(f"axes lie between {-ndim} and {ndim - 1}; got {axes!r}.") from None
    except ValueError:
        raise ShapeError(f"axes must differ from one another; got {axes!r}.") from None
    if axes is not None and not named:
        raise ShapeError("axes must name at least one axis; got none. Leave it out for all axes.")
    return tuple(a for a in named if signal[a] != 1 and kernel[a] != 1)


def _cropped(result: Array, shape: tuple[int, ...], convolved: tuple[int, ...]) -> Array:
    """Return the middle of what broadcast on the axes where the first input has length 1."""
    for axis, size in enumerate(shape):
        if axis not in convolved and result.shape[axis] != size:
            start = (result.shape[axis] - size) // 2
            result = result.take(range(start, start + size), axis)
    return result


def _seconds(call: Callable[[], Any]) -> float:
    """Return the seconds that one call takes, the best of three rounds of at least 5 ms."""
    timer = timeit.Timer(call)
    number, elapsed = 1, timer.timeit(1)
    while elapsed < 5e-3:
        number *= 10
        elapsed = timer.timeit(number)
    return min(elapsed, *timer.repeat(2, number)) / number
