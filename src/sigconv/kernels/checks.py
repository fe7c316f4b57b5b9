"""What every kernel checks: numbers, values per axis, sizes and element types."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from functools import reduce
from typing import Any, NamedTuple, TypeAlias

import numpy as np
from numpy.typing import DTypeLike, NDArray

from sigconv.core.units import format_bytes
from sigconv.errors import BudgetError, DTypeError, KernelError

Kernel: TypeAlias = NDArray[Any]
PerAxis: TypeAlias = float | Sequence[float] | NDArray[Any]
Sizes: TypeAlias = int | Sequence[int] | NDArray[np.integer[Any]]

#: Elements of the largest kernel that is made: 512 MiB in float64.
MAX_ELEMENTS = 2**26
#: Dimensions of an array in every NumPy release that sigconv supports.
MAX_NDIM = 32


class Rule(NamedTuple):
    """A condition on a number, in words and as a test."""

    words: str
    holds: Callable[[float], bool]
    remedy: str


FINITE = Rule("a finite number", math.isfinite, "Give a number.")
POSITIVE = Rule("positive and finite", lambda x: 0 < x < math.inf, "Give a number above 0.")
NOT_NEGATIVE = Rule("at least 0 and finite", lambda x: 0 <= x < math.inf, "Give 0 or more.")
WHOLE = Rule("a whole number", lambda x: x.is_integer(), "Round it.")
COUNT = Rule("a whole number, 1 or more", lambda x: x >= 1 and x.is_integer(), "Give 1 or more.")


def shown(value: float) -> str:
    """A number as a reader would write it: 44100, not 44100.0."""
    return f"{value:.12g}"


def quoted(value: object) -> str:
    """The representation of a value, cut to a length that fits in a message."""
    text = shown(float(value)) if isinstance(value, (float, np.floating)) else repr(value)
    return text if len(text) <= 80 else f"{text[:77]}..."


def number(name: str, value: Any, rule: Rule = FINITE) -> float:
    """The value as a float that keeps the rule."""
    try:
        result = math.nan if isinstance(value, (str, bytes)) else float(value)
    except (TypeError, ValueError, OverflowError):
        result = math.nan
    if not rule.holds(result):
        raise KernelError(f"{name} must be {rule.words}; got {quoted(value)}. {rule.remedy}")
    return result


def elements(value: object) -> tuple[object, ...] | None:
    """The values of a sequence, or None where one value serves every axis."""
    if isinstance(value, np.ndarray):
        return None if value.ndim == 0 else tuple(value)
    if isinstance(value, Sequence) and not isinstance(value, (str, bytes)):
        return tuple(value)
    return None


def axis_count(ndim: int | None, default: int, **values: object) -> int:
    """Number of axes on which `ndim` and the lengths of the per-axis values agree."""
    lengths = {} if ndim is None else {"ndim": int(number("ndim", ndim, COUNT))}
    for name, value in values.items():
        several = elements(value)
        if several is not None:
            lengths[name] = len(several)
    if len(set(lengths.values())) > 1:
        got = ", ".join(
            f"ndim={length}" if name == "ndim" else f"{length} values of {name}"
            for name, length in lengths.items()
        )
        raise KernelError(
            f"per-axis values need one value for each axis; got {got}. "
            "Give one value for all axes together, or as many values as there are axes."
        )
    count = next(iter(lengths.values()), default)
    if not 1 <= count <= MAX_NDIM:
        raise KernelError(
            f"a kernel has 1 to {MAX_NDIM} axes; got {count}. Give one value for each axis."
        )
    return count


def per_axis(name: str, value: object, ndim: int, rule: Rule) -> tuple[float, ...]:
    """One checked number for each axis."""
    several = elements(value)
    if several is None:
        return (number(name, value, rule),) * ndim
    return tuple(number(name, item, rule) for item in several)


_most_bytes: ContextVar[int | None] = ContextVar("most_bytes", default=None)


@contextmanager
def at_most(nbytes: int | None) -> Iterator[None]:
    """Refuse kernels that take more bytes in float64, before they are made, while this is open."""
    token = _most_bytes.set(nbytes)
    try:
        yield
    finally:
        _most_bytes.reset(token)


def limit_size(shape: tuple[int, ...]) -> None:
    """Refuse a kernel of more than MAX_ELEMENTS elements, or of more bytes than are allowed."""
    nbytes, most = 8 * math.prod(shape), _most_bytes.get()
    if most is not None and nbytes > most:
        raise BudgetError(
            f"a kernel of shape {quoted(shape)} needs {format_bytes(nbytes)}, more than the "
            f"{format_bytes(most)} that are allowed. Allow more, with --max-memory (max_memory=), "
            "or use a smaller one."
        )
    if math.prod(shape) > MAX_ELEMENTS:
        raise KernelError(
            f"a kernel has at most {MAX_ELEMENTS} elements; got {quoted(shape)}. Use a smaller "
            "one, or convolve with one-dimensional kernels, axis after axis."
        )


def element_type(dtype: DTypeLike) -> np.dtype[Any]:
    """A NumPy dtype of numbers."""
    try:
        result = np.dtype(dtype)
    except (TypeError, ValueError) as error:
        raise DTypeError(
            f"dtype must be a NumPy number type; got {quoted(dtype)}. Use float32 or float64."
        ) from error
    if result.kind not in "biufc":
        raise DTypeError(f"a kernel is made of numbers; got dtype={result}. Use float64.")
    return result


def precision(dtype: np.dtype[Any]) -> np.dtype[np.floating[Any]]:
    """The real type to compute weights in: float64, or longdouble where that is asked for."""
    wide = dtype.char in "gG"
    return np.dtype(np.longdouble) if wide else np.dtype(np.float64)


def cast(weights: Kernel, dtype: np.dtype[Any]) -> Kernel:
    """Weights in the wanted type: rounded to a floating type, unchanged in an integer type."""
    with np.errstate(all="ignore"):
        result = weights.astype(dtype, copy=False)
    rounds = dtype.kind in "fc"
    fits = np.isfinite(result).all() if rounds else np.array_equal(result, weights)
    if not fits:
        span = f"{shown(float(weights.min()))} to {shown(float(weights.max()))}"
        raise DTypeError(
            f"dtype must hold every weight of the kernel; got dtype={dtype} for weights from "
            f"{span}. Use a floating type, or a signed integer type where all weights are whole."
        )
    return result


def outer(factors: Sequence[Kernel]) -> Kernel:
    """The product of one factor for each axis, in axis order."""
    limit_size(tuple(factor.size for factor in factors))
    return reduce(np.multiply.outer, factors)
