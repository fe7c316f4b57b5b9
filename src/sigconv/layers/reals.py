"""Real arguments of functions that leave the integers, in one floating dtype."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from sigconv.core.dtypes import Array, DType, as_numeric, is_weak
from sigconv.errors import DTypeError, ShapeError

__all__ = ["as_reals", "check_same_shape", "in_dtype"]


def as_reals(**named: npt.ArrayLike) -> tuple[list[Array], DType]:
    """Return the arguments in the dtype to compute in, and the dtype of the result.

    Floats keep their precision and integers become float64; float16 is computed in float32. Lists
    and numbers do not widen floats.
    """
    arrays = {name: as_numeric(value, name) for name, value in named.items()}
    for name, array in arrays.items():
        if array.dtype.kind not in "biuf":
            raise DTypeError(
                f"{name} must hold real numbers of a fixed width; got {array.dtype}. Convert it: "
                "x.astype(float), or x.real."
            )
    strong = [array.dtype for name, array in arrays.items() if not is_weak(named[name])]
    if not any(dtype.kind == "f" for dtype in strong):
        strong = [array.dtype for array in arrays.values()]
    dtype = np.result_type(*strong)
    if dtype.kind != "f":
        dtype = np.dtype(float)
    compute = np.dtype(np.float32) if dtype == np.float16 else dtype
    with np.errstate(over="ignore"):
        return [array.astype(compute, copy=False) for array in arrays.values()], dtype


def in_dtype(values: Array, dtype: DType) -> Array:
    """Return computed values in the dtype of the result."""
    result: Array = values.astype(dtype, copy=False)
    return result


def check_same_shape(**arrays: Array) -> None:
    """Raise ShapeError unless two arrays have one shape."""
    (first, a), (second, b) = arrays.items()
    if a.shape != b.shape:
        raise ShapeError(f"{first} has the shape of {second}, {b.shape}; got {a.shape}.")
