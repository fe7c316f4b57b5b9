"""Calling FFTW from compiled code."""

from __future__ import annotations

from typing import Any

from llvmlite import ir  # type: ignore[import-untyped]
from numba import types
from numba.extending import intrinsic

__all__ = ["run_plan"]


@intrinsic
def _run_plan(typing_context: Any, execute: Any, plan: Any) -> Any:
    """Call FFTW's function at the address `execute` with the plan at its address."""
    del typing_context, execute, plan

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        del signature
        pointer = ir.IntType(8).as_pointer()
        function = ir.FunctionType(ir.VoidType(), [pointer])
        address, argument = arguments
        called = builder.inttoptr(address, function.as_pointer())
        builder.call(called, [builder.inttoptr(argument, pointer)])
        return context.get_dummy_value()

    return types.void(types.uintp, types.uintp), generate


run_plan: Any = _run_plan
