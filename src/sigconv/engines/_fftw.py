"""What compiled loops call beside their own code: FFTW, and copies of memory.

Addresses are integers. Slices of arrays would do the same, but each takes longer to make than a
short row takes to copy.
"""

from __future__ import annotations

from typing import Any

from llvmlite import ir
from numba import njit, types
from numba.core import cgutils as untyped_cgutils
from numba.extending import intrinsic

cgutils: Any = untyped_cgutils

__all__ = ["copy_bytes", "multiply", "run_plan", "run_plan_at", "zero_bytes"]

_POINTER = ir.IntType(8).as_pointer()


def _call(builder: Any, arguments: Any) -> None:
    """Call the function at the first address with the other ones."""
    address, *rest = arguments
    function = ir.FunctionType(ir.VoidType(), [_POINTER] * len(rest))
    called = builder.inttoptr(address, function.as_pointer())
    builder.call(called, [builder.inttoptr(argument, _POINTER) for argument in rest])


@intrinsic
def _run_plan(typing_context: Any, execute: Any, plan: Any) -> Any:
    """Call FFTW's `execute`, at an address, with the plan at another."""
    del typing_context, execute, plan

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        del signature
        _call(builder, arguments)
        return context.get_dummy_value()

    return types.void(types.uintp, types.uintp), generate


@intrinsic
def _run_plan_at(typing_context: Any, execute: Any, plan: Any, source: Any, target: Any) -> Any:
    """Call FFTW's `execute_dft`, at an address, for other arrays than the plan was made for."""
    del typing_context, execute, plan, source, target

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        del signature
        _call(builder, arguments)
        return context.get_dummy_value()

    return types.void(types.uintp, types.uintp, types.uintp, types.uintp), generate


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


run_plan: Any = _run_plan
run_plan_at: Any = _run_plan_at
copy_bytes: Any = _copy_bytes
zero_bytes: Any = _zero_bytes


@njit(nogil=True, cache=True, fastmath={"contract"})
def multiply(spectrum: Any, kernel: Any) -> None:
    """Multiply a spectrum by a kernel's, in place."""
    for i in range(kernel.size):
        spectrum[i] *= kernel[i]
