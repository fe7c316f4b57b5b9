"""Sums of weighted lines of samples, for each dtype, by their addresses."""

from __future__ import annotations

from functools import cache
from typing import Any, NamedTuple

import numba
from llvmlite import ir
from numba import cfunc, njit
from numba import types as untyped_types
from numba.extending import intrinsic

from sigconv.core.dtypes import DType
from sigconv.loops.instructions import MANY, SINGLE, VECTOR, kernel
from sigconv.loops.pieces import TOGETHER

types: Any = untyped_types
carray: Any = vars(numba)["carray"]

__all__ = ["ROWS", "Writers", "writers", "zero_if_finite"]

ROWS = TOGETHER
"""Rows of outputs that share the samples they load."""

_rows_many = kernel(ROWS, MANY)
_rows_two = kernel(ROWS, 2, masked=True)
_rows_one = kernel(ROWS, 1, masked=True)
_row_many = kernel(1, SINGLE)
_row_two = kernel(1, 2, masked=True)
_row_one = kernel(1, 1, masked=True)


@intrinsic
def _sizes(typing_context: Any, target: Any) -> Any:
    """Return the bytes of an element, and of one part of it, that a pointer points to."""
    del typing_context
    element = target.dtype
    part = element.underlying_float if isinstance(element, types.Complex) else element

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        del builder, signature, arguments
        sizes = [ir.IntType(64)(parts * part.bitwidth // 8) for parts in (1 + (part != element), 1)]
        return ir.Constant(context.get_value_type(types.UniTuple(types.int64, 2)), sizes)

    return types.UniTuple(types.int64, 2)(target), generate


sizes_of: Any = _sizes


def _write_rows(
    target: Any,
    lines: int,
    counts: int,
    taps: int,
    step: int,
    following: int,
    between: int,
    count: int,
) -> int:
    """Write `count` outputs on each of `ROWS` rows, which begin `between` bytes apart at `target`.

    Parameters
    ----------
    lines : address
        For each line of samples, the address of the sample that the first output and the first tap
        meet, and the address of this tap's weight on the first row that the line serves.
    counts : address
        How many lines there are in each segment: those that serve the same rows.
    taps, step, following : int
        The taps of a line, the bytes from the samples of one tap to those of the next, and the
        bytes from the weights of one row back to those of the row before it.
    """
    size, part = sizes_of(target)
    form = taps, step, following, between
    lanes, i = VECTOR // size, 0
    many = MANY * lanes * part // size
    while count - i >= many:
        _rows_many(target, lines, counts, form, i * size, 0)
        i += many
    while count - i > lanes:
        n = min(count - i, 2 * lanes)
        _rows_two(target, lines, counts, form, i * size, n)
        i += n
    if i < count:
        _rows_one(target, lines, counts, form, i * size, count - i)
    return 0


def _write_row(
    target: Any,
    lines: int,
    counts: int,
    taps: int,
    step: int,
    following: int,
    between: int,
    count: int,
) -> int:
    """Write `count` outputs on one row, which all lines serve; as `_write_rows` else."""
    size, part = sizes_of(target)
    form = taps, step, following, between
    lanes, i = VECTOR // size, 0
    many = SINGLE * lanes * part // size
    while count - i >= many:
        _row_many(target, lines, counts, form, i * size, 0)
        i += many
    while count - i > lanes:
        n = min(count - i, 2 * lanes)
        _row_two(target, lines, counts, form, i * size, n)
        i += n
    if i < count:
        _row_one(target, lines, counts, form, i * size, count - i)
    return 0


# Regrouping the sum lets it vectorise; zeros and NaN add up to the same in any order.
@njit(nogil=True, cache=True, fastmath={"reassoc"})
def zero_if_finite(y: Any) -> Any:
    """Return 0 where all elements are finite, and NaN where one is not."""
    total = y.dtype.type(0)
    for i in range(y.size):
        total += y[i] * 0
    return total


def _is_unusual(target: Any, count: int) -> int:
    """Return whether an element is not finite."""
    return int(zero_if_finite(carray(target, (count,))) != 0)


class Writers(NamedTuple):
    """The addresses of what sums up lines of one dtype.

    `rows` and `row` are `_write_rows` and `_write_row`, `is_unusual` tells whether one of `count`
    elements is not finite. They take the address of outputs where these take a pointer.
    """

    rows: int
    row: int
    is_unusual: int


@cache
def _compiled_writers(name: str) -> tuple[Any, ...]:
    element = types.CPointer(getattr(types, name))
    whole = types.int64
    lines = whole(element, *(whole,) * 7)
    return (
        cfunc(lines, cache=True)(_write_rows),
        cfunc(lines, cache=True)(_write_row),
        cfunc(whole(element, whole), cache=True)(_is_unusual),
    )


def writers(dtype: DType) -> Writers:
    """Return what sums up lines of `dtype`."""
    return Writers(*(function.address for function in _compiled_writers(dtype.name)))
