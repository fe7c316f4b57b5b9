"""What the functions of `sigconv.compat.signal` share: operands, dtypes, methods, one call."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt

from sigconv.compat.inputs import as_numbers
from sigconv.core.dtypes import Array
from sigconv.errors import MethodError, ShapeError

__all__ = ["computed", "operands", "resolved_method", "transformed_dtype", "working_dtype"]

_METHODS = ("auto", "direct", "fft")

# As many products as a direct sum makes while an FFT gets started.
_FEW_PRODUCTS = 4096


def operands(in1: npt.ArrayLike, in2: npt.ArrayLike) -> tuple[Array, Array]:
    """Return the inputs as arrays of numbers with equal numbers of dimensions."""
    x, h = as_numbers(in1, "in1"), as_numbers(in2, "in2")
    if x.ndim != h.ndim:
        raise ShapeError(
            f"in1 and in2 need equal numbers of dimensions; got shapes {x.shape} and {h.shape}."
        )
    return x, h


def working_dtype(x: Array, h: Array) -> np.dtype[Any] | None:
    """Return the dtype to compute in: 64 bits for integers, their own for Python objects."""
    kind = np.result_type(x.dtype, h.dtype).kind
    if kind in "fc":
        return np.promote_types(transformed_dtype(x.dtype), transformed_dtype(h.dtype))
    return None if kind == "O" else np.dtype(np.int64 if kind == "i" else np.uint64)


def transformed_dtype(dtype: np.dtype[Any]) -> np.dtype[Any]:
    """Return the dtype that SciPy's FFT turns a dtype into."""
    return np.dtype(float) if dtype.kind in "biu" else np.promote_types(dtype, np.float32)


def resolved_method(method: str, x: Array, h: Array) -> str:
    """Return the method for sigconv: ``direct`` for few products, whose whole floats stay whole."""
    if "O" in x.dtype.kind + h.dtype.kind:
        return "auto"
    return "direct" if method == "auto" and x.size * h.size <= _FEW_PRODUCTS else method


def computed(
    operation: Callable[..., Array],
    x: Array,
    h: Array,
    mode: str,
    *,
    method: str = "auto",
    **keywords: Any,
) -> Array:
    """Run a sigconv function and return its result in the common dtype of the inputs."""
    if method not in _METHODS:
        raise MethodError(f"method must be 'auto', 'direct' or 'fft'; got {method!r}.")
    working, method = working_dtype(x, h), resolved_method(method, x, h)
    result = operation(x, h, mode, method=method, dtype=working, **keywords)
    # From 64 bits to fewer the cast keeps the low bits: what sums in the narrow dtype give.
    result = result.astype(np.result_type(x.dtype, h.dtype), copy=False)
    return result if result.ndim else result[()]
