"""The compiled loop of direct sums: from tables of rows to lines of samples and their weights.

Outputs are taken a few rows at a time. A row of samples is named by where it begins; what lies
beyond an edge is another row, or none. Outputs near the ends of a row meet samples beyond these
ends: they are read from strips, the ends of the rows with what continues them, which are copied
once for a piece. All else is read where it lies.

The loop is the same for every dtype, and compiled once: only what sums up lines is not. numba keeps
it while this file stays as it is: after a change in `lines`, `places`, `counting`, `memory` or
`sum_tables`, touch this one.
"""

from __future__ import annotations

from functools import cache
from typing import Any

import numba
import numpy as np
from numba import cfunc, types

from sigconv.core.dtypes import DType
from sigconv.core.problem import Axis
from sigconv.loops.counting import count_done, take_next, tell
from sigconv.loops.lines import sum_columns
from sigconv.loops.memory import address, call, copy_bytes, copy_element, read, write, zero_bytes
from sigconv.loops.pieces import Access, Layout, Transfer
from sigconv.loops.places import given_of, places_of, room_of, rows_of
from sigconv.loops.sum_tables import FILL, NOTHING, SumTables
from sigconv.loops.vectors import writers, zero_if_finite

__all__ = ["Worker", "Workers", "sum_at", "sum_taps", "try_sums"]

# Where the function that walks over the pieces, whether a call is alone, the pieces and the counter
# lie in what a worker is told, and how much that is.
_WALK, _ALONE, _PIECES, _COUNTER, _TOLD = 19, 20, 21, 23, 26

_compiled = numba.njit(nogil=True, cache=True)


@_compiled
def sum_taps(x: Any, out: Any, weights: Any, told: Any, asks: bool) -> Any:
    """Write y[p] = sum_k weights[k] x[p + k] over the pieces that nobody else has taken.

    Parameters
    ----------
    x, out : flat arrays
        The memory of samples and outputs.
    weights : flat array
        The reversed kernel in C order, or the taps that are listed.
    told : array of int64
        What `Worker` tells.
    asks : bool
        Whether to look for outputs that are not finite.

    Returns
    -------
    int
        Not 0 where an output is not finite, if one asks; or where a weight is not, or too many are
        zero: then nothing is written. With others at work, only the counter tells all.
    """
    return sum_at(address(x), address(out), weights, told, asks)


@_compiled
def sum_at(x: int, out: int, weights: Any, told: Any, asks: bool) -> Any:
    """Do as `sum_taps` with arrays of any dtype, of which only the addresses are given."""
    place = address(told)
    counter, numbers = place + read(place, 11), read(place, 9)
    write(place, 0, x)
    write(place, 1, out)
    write(place, 2, address(weights))
    if read(place, _ALONE):
        write(counter, 0, read(place, _PIECES))
        zero_bytes(counter + 8, 8 * 2)
    zeros = 0
    for i in range(weights.size):
        zeros += weights[i] == 0
    if zeros > read(numbers, 11) or zero_if_finite(weights) != 0:
        tell(counter)
        count_done(counter, read(place, _PIECES + 1) - read(place, _PIECES))
    else:
        call(read(place, _WALK), (place, int(asks)))
    return read(counter, 2)


def try_sums(dtype: DType) -> None:
    """Sum up a few samples: numba compiles the loop then, or reads it from its cache."""
    axis = Axis(0, 4, 2, 1, 4)
    tables = SumTables.of([Layout(axis, 4, 3), Layout(axis, 1, 1)], Access(dtype.itemsize))
    packed, weights = tables.packed(), np.ones(4, dtype)
    room, pieces = (tables.integers(), tables.elements), (0, len(tables.pieces))
    worker = Worker(room, weights[:1], packed.places, pieces)
    x = np.zeros(16, dtype)
    # One signature for all: samples that may not be written to.
    x.flags.writeable = False
    sum_taps(x, np.empty(9, dtype), weights, worker.told, True)


class Worker:
    """What one call of `sum_taps` is told, with scratch of its own.

    `told` are the places of arrays, functions and tables, in the order of `Places`; the function
    that walks over the pieces; whether the call is alone, which then begins to count anew; the
    range of pieces; and its counter. `places` are where numbers and tables lie.
    """

    def __init__(
        self,
        room: tuple[int, int],
        fill: Any,
        places: tuple[int, int],
        pieces: tuple[int, int],
        transfer: Transfer | None = None,
    ) -> None:
        self._kept = np.empty(room[0], np.int64), np.empty(room[1], fill.dtype), fill
        integers, memory, _ = self._kept
        self.told = np.zeros(_TOLD, np.int64)
        self.told[3:6] = fill.ctypes.data, memory.ctypes.data, fill.itemsize
        self.told[6:9] = writers(fill.dtype)
        self.told[9:11] = places
        # Where the counter lies, in bytes from here.
        self.told[11] = 8 * _COUNTER
        self.told[12] = integers.ctypes.data
        self.told[13:_WALK] = transfer or Transfer(0, fill.itemsize, 1, 0, fill.itemsize, 1)
        self.told[_WALK], self.told[_ALONE] = _compiled_pieces().address, 1
        self.told[_PIECES : _PIECES + 2] = pieces


class Workers:
    """What calls of `sum_taps` are told that share their pieces, each with scratch of its own."""

    def __init__(self, members: list[Worker]) -> None:
        self.size = len(members)
        self._members = members
        self._told = np.stack([member.told for member in members])
        self._told[:, _ALONE] = 0
        self._told[:, 11] -= 8 * _TOLD * np.arange(len(members))

    def told(self, pieces: tuple[int, int]) -> tuple[Any, Any]:
        """Return what each is told, and the counter, the first one's, that all share.

        They are new each time: a helper who begins when all is done finds nothing to take.
        """
        told = self._told.copy()
        told[:, _PIECES : _PIECES + 2] = pieces
        told[:, _COUNTER] = pieces[0]
        return told, told[0, _COUNTER:]


@cache
def _compiled_pieces() -> Any:
    return cfunc(types.int64(types.int64, types.int64), cache=True)(_sum_pieces)


def _sum_pieces(told: int, asks: int) -> int:
    """Write the pieces that nobody else has taken."""
    places = places_of(told)
    counter = told + places.counter
    rows = rows_of(places.numbers, asks)
    given = given_of(places.numbers, places.tables)
    while True:
        piece = take_next(counter)
        if piece >= read(told, _PIECES + 1):
            return 0
        if _sum_piece(places, rows, given, given.pieces + 16 * (given.axis_count + 1) * piece):
            tell(counter)
        count_done(counter, 1)


@_compiled
def _sum_piece(places: Any, rows: Any, given: Any, piece: int) -> int:
    """Write one piece; return whether an output is not finite, if that is asked for."""
    low, high, across = rows.low, rows.high, 2 * given.axis_count
    start, stop = read(piece, across), read(piece, across + 1)
    room = room_of(given, piece, places.integers)
    _find_rows(rows.origin, given, room)
    # Outputs inside, at the left and at the right; or both ends at once, as the strip has them.
    begins = max(low, start), start, max(high, start)
    ends = min(high, stop), min(low, stop), stop
    joined = start == 0 and 0 < low < high < stop and stop == rows.length
    strips, unusual = False, 0
    for part in range(3):
        begin, end, further = begins[part], ends[part], 0
        if part > 0 and joined:
            begin, end = 0, rows.left + stop - high if part == 1 else 0
        elif part == 2:
            further = rows.left - high
        if begin >= end:
            continue
        longest = end - begin
        if part == 0 or (places.store != 0 and not joined):
            longest = min(longest, rows.columns)
        if part == 0:
            _place_rows(places, rows, room, longest)
        elif not strips:
            _copy_strips(places, rows, given, room)
            strips = True
        for first in range(begin, end, longest):
            if part == 0 and places.load != 0:
                _load_rows(places, rows, room, first, min(end - first, longest))
            columns = first, min(end, first + longest), further, int(strips and joined)
            unusual |= sum_columns(places, rows, given, room, columns)
    return unusual


@_compiled
def _find_rows(origin: int, given: Any, room: Any) -> None:
    """Find where each row of the extension begins, or what stands for it."""
    write(room.heads, 0, origin)
    count = 1
    for j in range(given.axis_count):
        length = read(room.box, 4 * j + 2)
        at = read(given.axes, 4 * j + 3) + read(room.box, 4 * j)
        for i in range(count - 1, -1, -1):
            head = read(room.heads, i)
            for e in range(length):
                step = read(given.maps, at + e)
                # In corners zero beats constant, and both beat the index maps.
                if head == NOTHING or step == NOTHING:
                    row = NOTHING
                elif head == FILL or step == FILL:
                    row = FILL
                else:
                    row = head + step
                write(room.heads, i * length + e, row)
        count *= length


@_compiled
def _place_rows(places: Any, rows: Any, room: Any, longest: int) -> None:
    """Find the addresses that the samples of output 0 and tap 0 would have, read in place."""
    filled = False
    for i in range(room.count):
        head = read(room.heads, i)
        filled = filled or head == FILL
        place = places.x + (head + rows.first) * places.size
        write(room.starts, i, place if head not in (NOTHING, FILL) else head)
    if filled:
        # One row for all that are constant, whichever their columns.
        place = places.memory + rows.spare * places.size
        _fill(places, place, longest + (rows.taps - 1) * rows.step)


@_compiled
def _load_rows(places: Any, rows: Any, room: Any, first: int, columns: int) -> None:
    """Load what some columns read, and find the addresses as `_place_rows` does."""
    count = columns + (rows.taps - 1) * rows.step
    target = places.memory + rows.spare * places.size
    for i in range(room.count):
        if read(room.heads, i) == FILL:
            target += (rows.columns + (rows.taps - 1) * rows.step) * places.size
            break
    for i in range(room.count):
        head = read(room.heads, i)
        if head not in (NOTHING, FILL):
            _load(places, head, rows.first + first, target, (count, 1))
            write(room.starts, i, target - first * places.size)
            target += count * places.size


@_compiled
def _load(places: Any, head: int, source: int, target: int, run: Any) -> None:
    """Load a run of samples: from which on in their row, how many, and the step to the next."""
    count, step = run
    step *= places.load_step
    place = places.x + (head + source * places.load_step) * places.load_size
    call(places.load, (target, place, count, 1, step))


@_compiled
def _fill(places: Any, target: int, count: int) -> None:
    for i in range(count):
        copy_element(target + i * places.size, places.fill, places.size)


@_compiled
def _copy_strips(places: Any, rows: Any, given: Any, room: Any) -> None:
    """Copy the ends of all rows, and find their addresses."""
    last = given.ends + 8 * 4 * (given.end_count - 1)
    width = (read(last, 0) + read(last, 1)) * places.size
    # What comes before in the scratch is for rows of outputs.
    place = places.memory + rows.spare * places.size
    for i in range(room.count):
        head = read(room.heads, i)
        write(room.starts, i, NOTHING if head == NOTHING else place)
        if head != NOTHING:
            _copy_strip(places, head, given, place)
            place += width


@_compiled
def _copy_strip(places: Any, head: int, given: Any, place: int) -> None:
    """Copy the ends of one row, with what continues them."""
    size = places.size
    for k in range(given.end_count):
        part = given.ends + 8 * 4 * k
        target, count = place + read(part, 0) * size, read(part, 1)
        source, step = read(part, 2), read(part, 3)
        if source == NOTHING:
            zero_bytes(target, count * size)
        elif source == FILL or head == FILL:
            _fill(places, target, count)
        elif places.load != 0:
            _load(places, head, source, target, (count, step))
        elif step == 1:
            copy_bytes(target, places.x + (head + source) * size, count * size)
        else:
            for i in range(count):
                origin = places.x + (head + source + i * step) * size
                copy_element(target + i * size, origin, size)
