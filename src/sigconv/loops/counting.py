"""What threads share in compiled loops: counts of the pieces of some work.

A counter is three integers: how many pieces are taken, how many are done, and whether any of them
has something to tell. Compiled loops are given its address. Between taking a piece and counting it
as done nothing may raise, memory that runs out included: whoever waits would wait for ever.
"""

from __future__ import annotations

import platform
from typing import Any

import numpy as np
from llvmlite import ir
from numba import njit, types
from numba.extending import intrinsic

from sigconv.loops.memory import address

__all__ = [
    "are_done",
    "count_done",
    "halt",
    "take_next",
    "tell",
    "try_counting",
    "wait_for",
]

# Looks that together take less time than to fall asleep and be woken.
_LOOKS = 100_000

_NEVER = 1 << 62

_IS_X86 = platform.machine().lower() in ("x86_64", "amd64")


def _change(operation: str) -> Any:
    """Return what changes one of the int64 from an address on, and returns what it was."""

    @intrinsic
    def changed(typing_context: Any, counter: Any, index: Any, number: Any) -> Any:
        del typing_context, counter, index, number

        def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
            del context, signature
            first = builder.inttoptr(arguments[0], ir.IntType(64).as_pointer())
            place = builder.gep(first, [arguments[1]])
            return builder.atomic_rmw(operation, place, arguments[2], "seq_cst")

        return types.int64(types.int64, types.int64, types.int64), generate

    return changed


@intrinsic
def _look(typing_context: Any, counter: Any, index: Any) -> Any:
    """Return one of the int64 from an address on, as others have left it."""
    del typing_context, counter, index

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        del context, signature
        first = builder.inttoptr(arguments[0], ir.IntType(64).as_pointer())
        return builder.load_atomic(builder.gep(first, [arguments[1]]), "acquire", 8)

    return types.int64(types.int64, types.int64), generate


@intrinsic
def _pause(typing_context: Any) -> Any:
    """Let the processor's other thread have its turn for some tens of cycles, where it has one."""
    del typing_context

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        del signature, arguments
        if _IS_X86:
            name, kind = "llvm.x86.sse2.pause", ir.FunctionType(ir.VoidType(), [])
            known = builder.module.globals.get(name)
            function = known if known is not None else ir.Function(builder.module, kind, name)
            builder.call(function, [])
        return context.get_dummy_value()

    return types.void(), generate


add, exchange = _change("add"), _change("xchg")
look: Any = _look
pause: Any = _pause
_compiled = njit(nogil=True, cache=True)


@_compiled
def take_next(counter: int) -> Any:
    """Return the number of a piece that nobody else takes."""
    return add(counter, 0, 1)


@_compiled
def count_done(counter: int, pieces: int) -> None:
    """Count pieces as done: all that they wrote is seen by whoever sees the count."""
    add(counter, 1, pieces)


@_compiled
def wait_for(counter: int, pieces: int) -> None:
    """Wait until so many pieces are done, all of which are taken."""
    while look(counter, 1) < pieces:
        pass


@_compiled
def tell(counter: int) -> None:
    """Tell that a piece is not as it should be."""
    add(counter, 2, 1)


@_compiled
def halt(counter: Any, begin: int, pieces: int) -> None:
    """Let nobody take another piece of an array's, from `begin` on, and wait for those taken.

    No Ctrl-C comes between, and who has halted before has waited.
    """
    if look(address(counter), 0) >= _NEVER:
        return
    # Who looks for a piece from now on counts it as taken, but has none.
    taken = min(add(address(counter), 0, _NEVER) - begin, pieces)
    while look(address(counter), 1) < taken:
        pass


@_compiled
def are_done(counter: Any, pieces: int) -> bool:
    """Tell whether all pieces of an array are done, now or within a fraction of a millisecond."""
    looks = 0
    while looks < _LOOKS and look(address(counter), 1) < pieces:
        looks += 1
    return looks < _LOOKS


def try_counting() -> None:
    """Run once what callers use beside the loops: an interrupted one does not wait for it."""
    counter = np.zeros(3, np.int64)
    assert are_done(counter, 0)
    halt(counter, 0, 0)
