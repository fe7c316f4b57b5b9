"""Elements copied to another dtype or another step, by compiled functions and their addresses."""

from __future__ import annotations

from functools import cache
from typing import Any

from numba import cfunc
from numba import types as untyped_types

from sigconv.core.dtypes import DType

types: Any = untyped_types

__all__ = ["address_of"]


@cache
def address_of(source: DType, target: DType) -> int:
    """Return the address of what copies elements of one dtype to another; it rounds as NumPy does.

    It takes where both begin, how many there are, and the step from one to the next on either side.
    """
    whole = types.int64
    pointers = types.CPointer(_typed(target)), types.CPointer(_typed(source))
    move = _move_truth if source.kind == "b" else _move
    return int(_compiled(move, whole(*pointers, whole, whole, whole)).address)


@cache
def _compiled(move: Any, signature: Any) -> Any:
    return cfunc(signature, cache=True)(move)


def _typed(dtype: DType) -> Any:
    # numba takes one bit of a bool.
    return types.uint8 if dtype.kind == "b" else getattr(types, dtype.name)


def _move(target: Any, source: Any, count: int, to: int, step: int) -> int:
    if to == 1 and step == 1:
        for i in range(count):
            target[i] = source[i]
    else:
        for i in range(count):
            target[i * to] = source[i * step]
    return 0


def _move_truth(target: Any, source: Any, count: int, to: int, step: int) -> int:
    # Any byte but 0 is True.
    for i in range(count):
        target[i * to] = source[i * step] != 0
    return 0
