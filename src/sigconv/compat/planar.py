"""Convolution and correlation of two images, for `sigconv.compat.signal`."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from sigconv import convolution, correlation
from sigconv.compat.sums import computed, operands
from sigconv.core.dtypes import Array, DType
from sigconv.core.shapes import default_center
from sigconv.errors import BoundaryError, DTypeError, IntegerOverflowError, ShapeError

__all__ = ["convolve2d", "correlate2d"]

_BOUNDARIES = {
    "fill": "zero",
    "pad": "zero",
    "wrap": "wrap",
    "circular": "wrap",
    "symm": "symmetric",
    "symmetric": "symmetric",
}


def convolve2d(
    in1: npt.ArrayLike,
    in2: npt.ArrayLike,
    mode: str = "full",
    boundary: str = "fill",
    fillvalue: complex = 0,
) -> Array:
    """Convolve two images as `scipy.signal.convolve2d` does.

    Parameters
    ----------
    in1, in2 : array_like
        The inputs, two-dimensional.
    mode : {"full", "same", "valid"}
        The positions that are returned; ``same`` has the shape of `in1`.
    boundary : {"fill", "wrap", "symm"}
        How `in1` continues beyond its edges (``pad``, ``circular`` and ``symmetric`` are SciPy's
        other names for the same).
    fillvalue : number
        The value beyond the edges under ``fill``, ignored elsewhere; cut to an integer for an
        integer result.

    Returns
    -------
    ndarray
        The convolution, in NumPy's common dtype of the inputs.

    Raises
    ------
    ShapeError, ModeError, BoundaryError
        Arguments that do not fit (each is a ValueError).
    IntegerOverflowError
        Results that may not fit 64 bits (an OverflowError).

    Examples
    --------
    >>> convolve2d([[1, 2, 3]], [[1, 10, 100]], "same", "symm")
    array([[112, 123, 233]])
    """
    x, h = _images(in1, in2)
    keywords = _continued(x, h, boundary, fillvalue)
    return computed(convolution.convolve, x, h, mode, method="direct", **keywords)


def correlate2d(
    in1: npt.ArrayLike,
    in2: npt.ArrayLike,
    mode: str = "full",
    boundary: str = "fill",
    fillvalue: complex = 0,
) -> Array:
    """Correlate two images as `scipy.signal.correlate2d` does, the second conjugated.

    Parameters, result and errors are those of `convolve2d`. In ``same``, the template's sample
    (K-1)//2 lies on the result; for an even K that is one before `correlate`'s.

    Examples
    --------
    >>> correlate2d([[1, 2, 3]], [[1, 10]], "same")
    array([[21, 32,  3]])
    """
    x, h = _images(in1, in2)
    keywords = _continued(x, h, boundary, fillvalue)
    if mode == "same" and h.size:
        keywords["center"] = tuple(default_center(k) for k in h.shape)
    return computed(correlation.correlate, x, h, mode, method="direct", **keywords)


def _images(in1: npt.ArrayLike, in2: npt.ArrayLike) -> tuple[Array, Array]:
    x, h = operands(in1, in2)
    if x.ndim != 2:
        raise ShapeError(f"both inputs are two-dimensional; got shapes {x.shape} and {h.shape}.")
    return x, h


def _continued(x: Array, h: Array, boundary: Any, fillvalue: Any) -> dict[str, Any]:
    """Return sigconv's keywords for `boundary` and `fillvalue`, which other rules ignore."""
    if not isinstance(boundary, str) or boundary not in _BOUNDARIES:
        raise BoundaryError(
            f"boundary must be 'fill', 'wrap' or 'symm'; got {boundary!r}. "
            "sigconv.convolve has more."
        )
    if boundary not in ("fill", "pad"):
        return {"boundary": _BOUNDARIES[boundary]}
    value = _fill(fillvalue, np.result_type(x.dtype, h.dtype))
    if value == 0:
        return {"boundary": "zero"}
    return {"boundary": "constant", "fill_value": value if value.imag else value.real}


def _fill(fillvalue: Any, dtype: DType) -> complex:
    """Return `fillvalue` as a number that the result's dtype can hold."""
    fill = np.asarray(fillvalue)
    if fill.size != 1 or fill.dtype.kind in "SU" or fill.item() is None:
        raise BoundaryError(f"fillvalue must be one number; got {fillvalue!r}.")
    try:
        value = complex(fill.item())
    except TypeError:
        raise DTypeError(f"fillvalue must be a number; got {fillvalue!r}.") from None
    except OverflowError:
        raise IntegerOverflowError("fillvalue must fit double precision; got more.") from None
    fits = dtype.kind == "c" or not value.imag
    if fits and dtype.kind in "iu":
        info = np.iinfo(dtype)
        fits = np.isfinite(value) and info.min <= int(value.real) <= info.max
        value = complex(int(value.real)) if fits else value
    if not fits:
        raise BoundaryError(
            f"fillvalue={fillvalue!r} does not fit the result's dtype {dtype}. "
            "Convert an input to a dtype that holds it."
        )
    return value
