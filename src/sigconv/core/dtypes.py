"""Which element types convolve, in what they compute, and when integers are sure to fit."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from sigconv.core.boundary import Edge
from sigconv.errors import DTypeError, IntegerOverflowError

__all__ = [
    "Array",
    "DType",
    "DTypes",
    "absolute_sum",
    "as_dtype",
    "as_numeric",
    "check_integer_bound",
    "check_integer_range",
    "is_weak",
    "resolve_dtypes",
]

Array = npt.NDArray[Any]
DType = np.dtype[Any]


class DTypes(NamedTuple):
    """The dtype that the engines compute in and the dtype of the result."""

    compute: DType
    result: DType

    @property
    def is_complex(self) -> bool:
        """Whether the computation is complex."""
        return self.compute.kind == "c"

    @property
    def is_exact(self) -> bool:
        """Whether the computation is in integers, where no rounding is allowed."""
        return self.compute.kind in "iu"

    @property
    def real(self) -> DType:
        """The real dtype of the same precision."""
        return np.zeros((), self.compute).real.dtype


def is_weak(value: object) -> bool:
    """Tell whether `value` is a Python list, tuple or scalar, which never widens a float."""
    return isinstance(value, list | tuple | int | float | complex) and not isinstance(
        value, np.generic
    )


def as_numeric(value: Any, name: str) -> Array:
    """Return `value` as an array of numbers, or say why it is none and what to do."""
    if isinstance(value, np.ma.MaskedArray):
        raise DTypeError(
            f"{name} is a masked array, whose mask a convolution would ignore. "
            "Fill it first: x.filled(0)."
        )
    try:
        array = np.asarray(value)
    except ValueError as error:
        raise DTypeError(f"{name} must be a rectangular array of numbers: {error}") from None
    kind = array.dtype.kind
    if kind in "biufc":
        return array
    remedy = {
        "O": "Convert it with x.astype(float).",
        "M": "Convert it to numbers first: (x - x[0]) / np.timedelta64(1, 's').",
        "m": "Convert it to numbers first: x / np.timedelta64(1, 's').",
        "V": "Convolve one field at a time: x['name'].",
    }.get(kind, "Convert it with x.astype(float).")
    raise DTypeError(f"{name} must hold numbers; got dtype {array.dtype}. {remedy}")


def as_dtype(value: Any) -> DType:
    """Return `value` as a dtype, or say that it names none."""
    try:
        dtype: DType = np.dtype(value)
    except (TypeError, ValueError):
        raise DTypeError(
            f"dtype must name a number type, such as 'float32'; got {value!r}."
        ) from None
    return dtype


def resolve_dtypes(
    signal: DType, kernel: DType, *, weak: bool = False, requested: npt.DTypeLike | None = None
) -> DTypes:
    """Return the compute and result dtypes of a convolution.

    NumPy's promotion, with these rules: float16 computes in float32; booleans and integers
    accumulate in 64 bits as `numpy.sum` does, unsigned only with unsigned or bool; a `weak`
    kernel keeps the precision of a floating signal; `requested` overrides all of this.

    >>> d = np.dtype
    >>> resolve_dtypes(d("uint8"), d("uint8")).result, resolve_dtypes(d("uint8"), d("i2")).result
    (dtype('uint64'), dtype('int64'))
    >>> resolve_dtypes(d("float32"), d("float64"), weak=True).result
    dtype('float32')
    """
    if requested is not None:
        result = _requested(as_dtype(requested), signal, kernel)
    else:
        result = _promoted(signal, kernel, weak)
    return DTypes(_computing(result), result)


def _promoted(signal: DType, kernel: DType, weak: bool) -> DType:
    kinds = signal.kind + kernel.kind
    if all(kind in "biu" for kind in kinds):
        unsigned = "u" in kinds and all(kind in "bu" for kind in kinds)
        return np.dtype(np.uint64 if unsigned else np.int64)
    if weak and signal.kind in "fc":
        return np.result_type(signal, 0j) if kernel.kind == "c" else signal.newbyteorder("=")
    return np.result_type(signal, kernel)


def _requested(requested: DType, signal: DType, kernel: DType) -> DType:
    order = "biufc"
    if requested.kind not in order:
        raise DTypeError(f"dtype must be a number type; got {requested}.")
    needed = max((signal, kernel), key=lambda dtype: order.index(dtype.kind))
    if needed.kind == "c" and requested.kind != "c":
        raise DTypeError(
            f"dtype={requested} is real, but the inputs are complex ({needed}). "
            "Ask for a complex dtype, or convolve x.real and x.imag."
        )
    if needed.kind == "f" and requested.kind not in "fc":
        raise DTypeError(
            f"dtype={requested} would cut the fractions of {needed} input. "
            "Ask for a floating dtype and round the result."
        )
    if requested.kind == "b":
        raise DTypeError("dtype=bool cannot hold the sums of a convolution. Ask for int64.")
    return requested.newbyteorder("=")


def _computing(result: DType) -> DType:
    if result == np.float16:
        return np.dtype(np.float32)
    if result.kind in "iu":
        return np.dtype(np.uint64 if result.kind == "u" else np.int64)
    return result


def check_integer_range(
    signal: Array, kernel: Array, dtypes: DTypes, edges: Iterable[Edge] = ()
) -> None:
    """Raise IntegerOverflowError when an exact result may not fit the result dtype.

    The bound is min(max|x| sum|h|, max|h| sum|x|), computed in unbounded integers. Where
    `edges` continue the signal, samples may repeat for every tap, and only the first holds.
    """
    if signal.size == 0 or kernel.size == 0:
        return
    beyond = [edge for edge in edges if not edge.is_zero]
    fills = [int(edge.fill.real) for edge in beyond if edge.rule == "constant"]
    x_low, x_high = min(int(signal.min()), 0, *fills), max(int(signal.max()), 0, *fills)
    h_low, h_high = min(int(kernel.min()), 0), max(int(kernel.max()), 0)
    check_signs(dtypes, signal, kernel, *fills)
    x_max, h_max = max(-x_low, x_high), max(-h_low, h_high)
    terms = kernel.size if beyond else min(signal.size, kernel.size)
    bound = x_max * h_max * terms
    if bound > np.iinfo(dtypes.result).max:
        bound = x_max * absolute_sum(kernel)
        if not beyond:
            bound = min(bound, h_max * absolute_sum(signal))
    check_integer_bound(bound, dtypes)


def check_signs(dtypes: DTypes, *arrays: npt.ArrayLike) -> None:
    """Raise DTypeError when negative numbers meet an unsigned result."""
    if dtypes.compute.kind == "u" and any(np.min(a, initial=0) < 0 for a in arrays):
        raise DTypeError(
            f"dtype={dtypes.result} is unsigned, but an input holds negative numbers. "
            "Ask for a signed dtype."
        )


def check_integer_bound(bound: int, dtypes: DTypes) -> None:
    """Raise IntegerOverflowError when results of magnitude `bound` may not fit."""
    limit = int(np.iinfo(dtypes.result).max)
    if bound > limit:
        raise IntegerOverflowError(
            f"integer results must fit {dtypes.result} (largest {limit}); these may reach "
            f"{bound}. Convolve x.astype(float), or scale the inputs down."
        )


def absolute_sum(array: Array) -> int:
    """Return sum |a| exactly, by the halves of 64-bit words, which cannot overflow."""
    if array.dtype.kind == "b":
        return int(np.count_nonzero(array))
    wide = array.astype(np.uint64 if array.dtype.kind == "u" else np.int64)
    # Two's complement: the negation of int64's minimum is its own magnitude read unsigned.
    magnitude = np.where(wide < 0, -wide, wide).astype(np.uint64)
    low = int((magnitude & np.uint64(0xFFFFFFFF)).sum(dtype=np.uint64))
    high = int((magnitude >> np.uint64(32)).sum(dtype=np.uint64))
    return (high << 32) + low
