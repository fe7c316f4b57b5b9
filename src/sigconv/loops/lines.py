"""The compiled sums over the columns of a piece, whose rows have been found."""

from __future__ import annotations

from typing import Any

import numba

from sigconv.loops.memory import call, copy_bytes, read, write
from sigconv.loops.sum_tables import FILL, NOTHING, SERVED
from sigconv.loops.vectors import ROWS

__all__ = ["sum_columns"]

_compiled = numba.njit(nogil=True, cache=True)


@_compiled
def sum_columns(places: Any, rows: Any, given: Any, room: Any, columns: Any) -> int:
    """Write some columns of a piece; return whether an output is not finite, if that is asked for.

    `columns` are the outputs, how many elements further than from output 0 their samples lie, and
    whether they are both ends of a row with what lies between in the strip.
    """
    begin, end, further, joined = columns
    size, count, last = places.size, end - begin, given.axis_count - 1
    stride, height = read(given.axes, 4 * last + 2), read(room.box, 4 * last + 1)
    shares = rows.dense != 0 and given.height > 1 and height >= ROWS
    together, writer = (ROWS, places.write_rows) if shares else (1, places.write_row)
    taps = rows.taps if rows.dense else 1
    apart = joined or places.store != 0
    target, between = places.memory, count * size if apart else stride * size
    offsets, unusual = ((begin + further) * size, rows.spare * size), 0
    for _ in range(_outer_rows(room.box, last)):
        e, r = 0, rows.result + begin * places.store_step + read(room.box, 4 * last) * stride
        for j in range(last):
            e += read(room.position, j) * read(room.box, 4 * j + 3)
            place = read(room.box, 4 * j) + read(room.position, j)
            r += place * read(given.axes, 4 * j + 2)
        i = 0
        while i < height:
            # The last few rows share with some that are written twice.
            i = min(i, height - together)
            place = places.out + (r + i * stride) * places.store_size
            if not apart:
                target = place
            if shares:
                _list_shared(places, given, room, e + i, offsets)
            else:
                _list_own(places, rows.dense, given, room, e + i, offsets)
            form = taps, rows.step * size, taps * size, between, count
            call(writer, (target, room.lines, room.counts, *form))
            for q in range(together):
                row = place + q * stride * places.store_size
                written = target + q * between
                if joined:
                    _store(places, written, row, rows.low)
                    right = row + rows.high * places.store_step * places.store_size
                    _store(places, written + rows.left * size, right, count - rows.left)
                elif apart:
                    _store(places, written, row, count)
                if rows.asks:
                    unusual |= _is_unusual(places, rows, written, count, joined)
            i += together
        _advance(room, last)
    return unusual


@_compiled
def _outer_rows(box: int, last: int) -> int:
    """Return how many rows of outputs there are on all axes but the last."""
    count = 1
    for j in range(last):
        count *= read(box, 4 * j + 1)
    return count


@_compiled
def _advance(room: Any, last: int) -> None:
    """Go on to the next place on all axes but the last."""
    for j in range(last - 1, -1, -1):
        place = read(room.position, j) + 1
        if place < read(room.box, 4 * j + 1):
            write(room.position, j, place)
            return
        write(room.position, j, 0)


@_compiled
def _list_shared(places: Any, given: Any, room: Any, row: int, offsets: Any) -> None:
    """List the lines that a few rows of outputs share, `row` the first of them.

    `offsets` are in bytes, from row starts to the columns, and from scratch to the constant row.
    """
    moved, spare = offsets
    taps, at, width = given.height, 0, given.axis_count + 2
    for k in range(len(SERVED)):
        write(room.counts, k, 0)
    for s in range(taps + ROWS - 1):
        first, before = max(0, s - taps + 1), at
        for group in range(0, given.line_count, taps):
            # The lines of a group follow one another, and so do their rows.
            start = read(room.starts, row + read(room.offsets, group) + s)
            if start != NOTHING:
                begin = places.memory + spare if start == FILL else start + moved
                place = read(given.lines, (group + s - first + 1) * width - 1)
                write(room.lines, at, begin)
                write(room.lines, at + 1, places.weights + place * places.size)
                at += 2
        segment = read(given.served, s)
        write(room.counts, segment, read(room.counts, segment) + (at - before) // 2)


@_compiled
def _list_own(places: Any, dense: int, given: Any, room: Any, row: int, offsets: Any) -> None:
    """List the lines of one row of outputs, in the order in which several rows take them."""
    moved, spare = offsets
    size, at, width = places.size, 0, given.axis_count + 2
    height = given.height if dense else 1
    for s in range(height):
        for t in range(s, given.line_count, height):
            start = read(room.starts, row + read(room.offsets, t))
            if start != NOTHING:
                begin = places.memory + spare if start == FILL else start + moved
                line = given.lines + 8 * (t * width + width - 2)
                write(room.lines, at, begin + read(line, 0) * size)
                write(room.lines, at + 1, places.weights + read(line, 1) * size)
                at += 2
    write(room.counts, 0, at // 2)


@_compiled
def _store(places: Any, source: int, target: int, count: int) -> None:
    """Write outputs from scratch to their place."""
    if places.store == 0:
        copy_bytes(target, source, count * places.size)
    else:
        call(places.store, (target, source, count, places.store_step, 1))


@_compiled
def _is_unusual(places: Any, rows: Any, row: int, count: int, joined: int) -> Any:
    """Tell whether one of the columns that were written from an address on is not finite."""
    if not joined:
        return call(places.is_unusual, (row, count))
    right = call(places.is_unusual, (row + rows.left * places.size, count - rows.left))
    return right | call(places.is_unusual, (row, rows.low))
