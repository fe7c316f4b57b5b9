"""Memory by its address, and functions by theirs, in compiled loops.

Addresses are integers. Arrays would do the same, but each that is made, passed on or let go is
counted, which takes longer than a short row takes to sum.
"""

from __future__ import annotations

from typing import Any

from llvmlite import ir
from numba import types as untyped_types
from numba.core import cgutils as untyped_cgutils
from numba.extending import intrinsic

types: Any = untyped_types
cgutils: Any = untyped_cgutils

__all__ = [
    "address",
    "call",
    "copy_bytes",
    "copy_element",
    "read",
    "reader",
    "write",
    "zero_bytes",
]

_I64 = ir.IntType(64)
_POINTER = ir.IntType(8).as_pointer()


@intrinsic
def _read(typing_context: Any, address: Any, index: Any) -> Any:
    """Return one of the int64 from an address on."""
    del typing_context, address, index

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        del context, signature
        place = builder.inttoptr(arguments[0], _I64.as_pointer())
        return builder.load(builder.gep(place, [arguments[1]]))

    return types.int64(types.int64, types.int64), generate


def reader(count: int) -> Any:
    """Return what reads so many int64 from an address on, as a tuple."""

    @intrinsic
    def read_all(typing_context: Any, address: Any) -> Any:
        del typing_context, address
        made = types.UniTuple(types.int64, count)

        def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
            place = builder.inttoptr(arguments[0], _I64.as_pointer())
            values = [builder.load(builder.gep(place, [_I64(i)])) for i in range(count)]
            return context.make_tuple(builder, signature.return_type, values)

        return made(types.int64), generate

    return read_all


@intrinsic
def _address(typing_context: Any, array: Any) -> Any:
    """Return where the first element of an array lies."""
    del typing_context

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        made = context.make_array(signature.args[0])(context, builder, arguments[0])
        return builder.ptrtoint(made.data, _I64)

    return types.int64(array), generate


@intrinsic
def _write(typing_context: Any, address: Any, index: Any, value: Any) -> Any:
    """Set one of the int64 from an address on."""
    del typing_context, address, index, value

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        del signature
        place = builder.inttoptr(arguments[0], _I64.as_pointer())
        builder.store(arguments[2], builder.gep(place, [arguments[1]]))
        return context.get_dummy_value()

    return types.void(types.int64, types.int64, types.int64), generate


@intrinsic
def _copy_bytes(typing_context: Any, target: Any, source: Any, count: Any) -> Any:
    """Copy `count` bytes from one address to another; the two places do not overlap."""
    del typing_context, target, source, count

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        del signature
        to, origin, count = arguments
        to, origin = (builder.inttoptr(place, _POINTER) for place in (to, origin))
        cgutils.raw_memcpy(builder, to, origin, count, 1)
        return context.get_dummy_value()

    return types.void(types.uintp, types.uintp, types.intp), generate


@intrinsic
def _zero_bytes(typing_context: Any, target: Any, count: Any) -> Any:
    """Write `count` zero bytes from an address on."""
    del typing_context, target, count

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        del signature
        target, count = arguments
        cgutils.memset(builder, builder.inttoptr(target, _POINTER), count, 0)
        return context.get_dummy_value()

    return types.void(types.uintp, types.intp), generate


@intrinsic
def _copy_element(typing_context: Any, target: Any, source: Any, size: Any) -> Any:
    """Copy one element of `size` bytes, a multiple of 4."""
    del typing_context, target, source, size
    word = ir.IntType(32)

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        del signature
        to, origin = (builder.inttoptr(place, word.as_pointer()) for place in arguments[:2])
        words = builder.lshr(arguments[2], _I64(2))
        with cgutils.for_range(builder, words) as loop:
            value = builder.load(builder.gep(origin, [loop.index]), align=4)
            builder.store(value, builder.gep(to, [loop.index]), align=4)
        return context.get_dummy_value()

    return types.void(types.int64, types.int64, types.int64), generate


@intrinsic
def _call(typing_context: Any, function: Any, arguments: Any) -> Any:
    """Call the function at an address with a tuple of int64; return its int64."""
    del typing_context, function
    count = len(arguments)

    def generate(context: Any, builder: Any, signature: Any, given: Any) -> Any:
        del context, signature
        kind = ir.FunctionType(_I64, [_I64] * count)
        called = builder.inttoptr(given[0], kind.as_pointer())
        values = [builder.extract_value(given[1], i) for i in range(count)]
        return builder.call(called, values)

    return types.int64(types.int64, types.UniTuple(types.int64, count)), generate


address: Any = _address
read: Any = _read
write: Any = _write
copy_bytes: Any = _copy_bytes
zero_bytes: Any = _zero_bytes
copy_element: Any = _copy_element
call: Any = _call
