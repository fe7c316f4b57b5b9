"""Denormal numbers as zeros, for as long as a compiled loop runs.

Sums of samples that die away come to numbers below 1.2e-38 (float32) or 2.2e-308 (float64), on
which many processors take a hundred times as long. Real-time audio counts them as zeros.
"""

from __future__ import annotations

import platform
from typing import Any

from llvmlite import ir
from numba import njit, types
from numba.extending import intrinsic

__all__ = ["count_as_zeros", "restore"]

_IS_X86 = platform.machine().lower() in ("x86_64", "amd64")
_IS_ARM = platform.machine().lower() in ("aarch64", "arm64")

# The bits of the control register: results are flushed and, on x86, operands taken as zeros.
_BITS = 0x8040 if _IS_X86 else 1 << 24

_WORD = ir.IntType(32)


@intrinsic
def _control(typing_context: Any) -> Any:
    """Return the control register of floating-point arithmetic."""
    del typing_context

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        del context, signature, arguments
        if _IS_X86:
            place = builder.alloca(_WORD)
            kind = ir.FunctionType(ir.VoidType(), [ir.IntType(8).as_pointer()])
            function = _declared(builder, kind, "llvm.x86.sse.stmxcsr")
            builder.call(function, [builder.bitcast(place, ir.IntType(8).as_pointer())])
            return builder.zext(builder.load(place), ir.IntType(64))
        if _IS_ARM:
            kind = ir.FunctionType(ir.IntType(64), [])
            return builder.call(_declared(builder, kind, "llvm.aarch64.get.fpcr"), [])
        return ir.Constant(ir.IntType(64), 0)

    return types.int64(), generate


@intrinsic
def _set_control(typing_context: Any, value: Any) -> Any:
    """Write the control register of floating-point arithmetic."""
    del typing_context, value

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        del signature
        if _IS_X86:
            place = builder.alloca(_WORD)
            builder.store(builder.trunc(arguments[0], _WORD), place)
            kind = ir.FunctionType(ir.VoidType(), [ir.IntType(8).as_pointer()])
            function = _declared(builder, kind, "llvm.x86.sse.ldmxcsr")
            builder.call(function, [builder.bitcast(place, ir.IntType(8).as_pointer())])
        elif _IS_ARM:
            kind = ir.FunctionType(ir.VoidType(), [ir.IntType(64)])
            builder.call(_declared(builder, kind, "llvm.aarch64.set.fpcr"), [arguments[0]])
        return context.get_dummy_value()

    return types.void(types.int64), generate


def _declared(builder: Any, kind: Any, name: str) -> Any:
    known = builder.module.globals.get(name)
    return known if known is not None else ir.Function(builder.module, kind, name)


_read: Any = _control
_write: Any = _set_control


@njit(nogil=True, cache=True)
def count_as_zeros() -> Any:
    """Take denormal numbers for zeros from now on; return what `restore` takes."""
    before = _read()
    _write(before | _BITS)
    return before


@njit(nogil=True, cache=True)
def restore(before: int) -> None:
    """Compute with denormal numbers as before."""
    _write(before)
