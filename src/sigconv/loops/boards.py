"""Boards: where whoever calls and the helpers who are awake read what there is to do.

A board is an array of int64: how many pieces of some work are left, how many are done, how many
there are, whether helpers are to leave, where results go, and the orders of the loop. Who takes a
piece counts down what is left. So who comes late finds nothing, or a piece of the work that came
next, whose orders are on the board by then; and no helper has to return to Python in between.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from llvmlite import ir
from numba import carray as untyped_carray  # type: ignore[attr-defined]  # not exported
from numba import njit
from numba import types as untyped_types
from numba.extending import intrinsic

from sigconv.loops.counting import add, exchange, look, pause
from sigconv.loops.memory import address, read, write

carray: Any = untyped_carray
types: Any = untyped_types

__all__ = ["LEAVE", "ORDERS", "claim", "new_board", "publish", "target_row", "withdraw"]

# How many pieces are done is where counters have it.
_LEFT, _DONE, _PIECES = range(3)

LEAVE, ORDERS = 3, 7
"""Where it says that helpers are to leave, and where the first order is."""

# The address of the target, the elements from row to row of it, and those of a row.
_TARGET, _STEP, _WIDTH = 4, 5, 6

_SIZE = 24


@intrinsic
def _pointer(typing_context: Any, place: Any) -> Any:
    """Return an address as a pointer."""
    del typing_context, place

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        del context, signature
        return builder.inttoptr(arguments[0], ir.IntType(8).as_pointer())

    return types.voidptr(types.int64), generate


pointer: Any = _pointer
_compiled = njit(nogil=True, cache=True)


def new_board() -> Any:
    """Return a board without work."""
    return np.zeros(_SIZE, np.int64)


@_compiled
def publish(board: Any, pieces: int, orders: Any, target: Any) -> None:
    """Offer the pieces of some work, whose results go to the rows of `target`."""
    place = address(board)
    write(place, _TARGET, address(target))
    # A single row has any stride: it does not tell how long the row is.
    write(place, _STEP, target.strides[0] // target.itemsize)
    write(place, _WIDTH, target.shape[1])
    for i in range(len(orders)):
        write(place, ORDERS + i, orders[i])
    write(place, _PIECES, pieces)
    exchange(place, _DONE, 0)
    exchange(place, _LEFT, pieces)


@_compiled
def claim(board: int, patience: int) -> Any:
    """Return the number of a piece that nobody else takes, -1 if there is none.

    While others are at work, and then for so many looks, the next work is waited for, unless
    helpers are to leave.
    """
    looks = 0
    while True:
        if look(board, _LEFT) > 0:
            left = add(board, _LEFT, -1)
            if left > 0:
                return read(board, _PIECES) - left
        if looks >= patience or look(board, LEAVE) != 0:
            return -1
        if look(board, _DONE) >= look(board, _PIECES):
            looks += 1
        pause()


@_compiled
def target_row(board: int, row: int, like: Any) -> Any:
    """Return a row of the target, of the dtype of the array `like`."""
    place = read(board, _TARGET) + row * read(board, _STEP) * like.itemsize
    return carray(pointer(place), (read(board, _WIDTH),), like.dtype)


@_compiled
def withdraw(board: Any) -> None:
    """Let nobody take another piece, and wait for those that are taken; no Ctrl-C comes between."""
    place = address(board)
    # How many there are stays on the board: who has taken a piece may be about to read it.
    add(place, _DONE, max(exchange(place, _LEFT, 0), 0))
    while look(place, _DONE) < read(place, _PIECES):
        pause()
