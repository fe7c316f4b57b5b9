"""FFTW's own functions in compiled loops, called by their addresses."""

from __future__ import annotations

from typing import Any

from llvmlite import ir
from numba import njit, types
from numba.extending import intrinsic

__all__ = ["multiply", "multiply_parts", "run_plan", "run_plan_at"]

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


run_plan: Any = _run_plan
run_plan_at: Any = _run_plan_at


@njit(nogil=True, cache=True, fastmath={"contract"})
def multiply(spectrum: Any, kernel: Any) -> None:
    """Multiply a spectrum by a kernel's, in place."""
    for i in range(kernel.size):
        spectrum[i] *= kernel[i]


@njit(nogil=True, cache=True)
def multiply_parts(spectrum: Any, kernel: Any) -> None:
    """Multiply a spectrum by a real one, in place, of which each element has two numbers."""
    for i in range(kernel.size):
        spectrum[2 * i] *= kernel[i].real
        spectrum[2 * i + 1] *= kernel[i].imag
