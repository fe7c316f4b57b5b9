"""Which element types convolve, and in what they compute."""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from sigconv.errors import DTypeError

__all__ = [
    "Array",
    "DType",
    "DTypes",
    "as_dtype",
    "as_numeric",
    "check_objects",
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
    def is_integer(self) -> bool:
        """Whether results are integers of fixed width."""
        return self.result.kind in "iu"

    @property
    def is_exact(self) -> bool:
        """Whether no rounding is allowed: integers, and numbers that are Python objects."""
        return self.result.kind in "iuO"

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
    if kind == "f" and isinstance(value, list | tuple):
        return _unrounded(value, array)
    if kind in "biufc":
        return array
    if kind == "O":
        _check_objects(array, name)
        return array
    remedy = {
        "M": "Convert it to numbers first: (x - x[0]) / np.timedelta64(1, 's').",
        "m": "Convert it to numbers first: x / np.timedelta64(1, 's').",
        "V": "Convolve one field at a time: x['name'].",
    }.get(kind, "Convert it with x.astype(float).")
    raise DTypeError(f"{name} must hold numbers; got dtype {array.dtype}. {remedy}")


def _unrounded(value: Any, array: Array) -> Array:
    """Return a sequence of integers as objects where no integer dtype of NumPy holds them all."""
    if not (array >= 2.0**63).any():
        return array
    objects = np.array(value, object)
    return objects if all(isinstance(item, int) for item in objects.flat) else array


def _check_objects(array: Array, name: str) -> None:
    """Raise DTypeError unless the objects are exact numbers that add to one another."""
    kinds = {type(item) for item in array.flat}
    other = sorted(k.__name__ for k in kinds if not issubclass(k, int | Fraction | Decimal))
    if other:
        numpy_integers = all(issubclass(k, int | Fraction | Decimal | np.integer) for k in kinds)
        remedy = "np.array(x.tolist(), object)" if numpy_integers else "x.astype(float)"
        raise DTypeError(
            f"{name} must hold numbers: as Python objects int, Fraction or Decimal; got "
            f"{', '.join(other)}. Convert it with {remedy}."
        )
    _check_mixture(kinds, name)


def _check_mixture(kinds: set[type], name: str) -> None:
    if any(issubclass(k, Fraction) for k in kinds) and any(issubclass(k, Decimal) for k in kinds):
        raise DTypeError(
            f"{name} mixes Fraction and Decimal, which do not add to one another. Convert one of "
            "them: Fraction(d) is exact for every finite Decimal d."
        )


def check_objects(signal: Array, kernel: Array) -> None:
    """Raise DTypeError where one input holds Fractions and the other Decimals."""
    objects = [array for array in (signal, kernel) if array.dtype.kind == "O"]
    if len(objects) == 2:
        kinds = {type(item) for array in objects for item in array.flat}
        _check_mixture(kinds, "the call")


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
    kernel keeps the precision of a floating signal; Python objects stay objects, and meet
    integers only; `requested` overrides all of this.

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
    if "O" in kinds:
        _check_partner(signal, kernel)
        return np.dtype(object)
    if all(kind in "biu" for kind in kinds):
        unsigned = "u" in kinds and all(kind in "bu" for kind in kinds)
        return np.dtype(np.uint64 if unsigned else np.int64)
    if weak and signal.kind in "fc":
        return np.result_type(signal, 0j) if kernel.kind == "c" else signal.newbyteorder("=")
    return np.result_type(signal, kernel)


def _check_partner(signal: DType, kernel: DType) -> None:
    for dtype in (signal, kernel):
        if dtype.kind not in "Obiu":
            raise DTypeError(
                f"exact numbers (int, Fraction, Decimal) do not meet {dtype}, which is rounded. "
                "Convert one input: x.astype(float), or x.astype(object) of integers."
            )


def _requested(requested: DType, signal: DType, kernel: DType) -> DType:
    if requested.kind == "O":
        _check_partner(signal, kernel)
        return requested
    if "O" in signal.kind + kernel.kind:
        raise DTypeError(
            f"dtype={requested} cannot be computed from Python objects. "
            f"Convert them: x.astype({requested.name!r})."
        )
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
