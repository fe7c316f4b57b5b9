"""What the compiled loop of direct sums is told, and the room it works in, by their names.

All of it is integers: numbers, and the addresses of tables and of scratch.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numba

from sigconv.loops.memory import read, write
from sigconv.loops.pieces import TOGETHER
from sigconv.loops.sum_tables import SERVED

__all__ = ["Given", "Places", "Room", "Rows", "given_of", "places_of", "room_of", "rows_of"]

_compiled = numba.njit(nogil=True, cache=True)


class Places(NamedTuple):
    """Where samples, outputs, weights, the constant and scratch lie, and the bytes of an element.

    Then the functions that `Writers` names; where numbers, tables, the counter and scratch of
    integers lie; and what loads samples and stores outputs, as in `Transfer`.
    """

    x: Any
    out: Any
    weights: Any
    fill: Any
    memory: Any
    size: Any
    write_rows: Any
    write_row: Any
    is_unusual: Any
    numbers: Any
    tables: Any
    counter: Any
    integers: Any
    load: Any
    load_size: Any
    load_step: Any
    store: Any
    store_size: Any
    store_step: Any


class Rows(NamedTuple):
    """The numbers that `SumTables` gives of rows."""

    length: Any
    taps: Any
    step: Any
    first: Any
    low: Any
    high: Any
    left: Any
    spare: Any
    origin: Any
    result: Any
    asks: Any
    dense: Any
    columns: Any


class Given(NamedTuple):
    """The tables that `SumTables` gives, and how long they are.

    `height` is how many taps the kernel has on the last of the axes.
    """

    axes: Any
    ends: Any
    lines: Any
    pieces: Any
    served: Any
    maps: Any
    axis_count: Any
    end_count: Any
    line_count: Any
    height: Any


class Room(NamedTuple):
    """What is worked out for one piece.

    `box` has of each axis the first output, outputs, rows of the extension, and rows to the next.
    `heads` are where rows of the extension begin, `starts` their addresses; `count` is how many
    there are. `offsets` are how many rows after that of its output the row of each line lies.
    `lines` and `counts` are what `Writers` take, `position` is that of a row of outputs.
    """

    box: Any
    heads: Any
    starts: Any
    offsets: Any
    lines: Any
    counts: Any
    position: Any
    count: Any


@_compiled
def places_of(n: int) -> Any:
    """Return the places by their names."""
    arrays = read(n, 0), read(n, 1), read(n, 2), read(n, 3), read(n, 4), read(n, 5)
    functions = read(n, 6), read(n, 7), read(n, 8)
    moves = read(n, 13), read(n, 14), read(n, 15), read(n, 16), read(n, 17), read(n, 18)
    return Places(*arrays, *functions, read(n, 9), read(n, 10), read(n, 11), read(n, 12), *moves)


@_compiled
def rows_of(n: int, asks: int) -> Any:
    """Return the numbers by their names, and whether one asks for outputs that are not finite."""
    ranges = read(n, 0), read(n, 1), read(n, 2), read(n, 3), read(n, 4), read(n, 5), read(n, 6)
    return Rows(*ranges, read(n, 7), read(n, 8), read(n, 9), asks, read(n, 10), read(n, 18))


@_compiled
def given_of(numbers: int, tables: int) -> Any:
    """Return the tables, which follow one another in one array."""
    axes, ends = read(numbers, 12), read(numbers, 13)
    lines, pieces = read(numbers, 14), read(numbers, 15)
    a = tables + 8 * 4 * axes
    b = a + 8 * 4 * ends
    c = b + 8 * (axes + 2) * lines
    d = c + 16 * (axes + 1) * pieces
    e = d + 8 * read(numbers, 16)
    height = read(tables, 4 * (axes - 1) + 1)
    return Given(tables, a, b, c, d, e, axes, ends, lines, height)


@_compiled
def room_of(given: Any, piece: int, scratch: int) -> Any:
    """Lay out the scratch for the piece whose ranges lie at an address."""
    count, lines = given.axis_count, given.line_count
    box, total = scratch, 1
    for j in range(count - 1, -1, -1):
        start, stop = read(piece, 2 * j), read(piece, 2 * j + 1)
        length = stop - start + read(given.axes, 4 * j + 1) - 1
        write(box, 4 * j, start)
        write(box, 4 * j + 1, stop - start)
        write(box, 4 * j + 2, length)
        write(box, 4 * j + 3, total)
        total *= length
    heads = box + 8 * 4 * count
    starts = heads + 8 * total
    offsets = starts + 8 * total
    listed = offsets + 8 * lines
    counts = listed + 16 * max(lines, lines // given.height * (given.height + TOGETHER - 1))
    position = counts + 8 * len(SERVED)
    for j in range(count):
        write(position, j, 0)
    for t in range(lines):
        offset = 0
        for j in range(count):
            offset += read(given.lines, t * (count + 2) + j) * read(box, 4 * j + 3)
        write(offsets, t, offset)
    return Room(box, heads, starts, offsets, listed, counts, position, total)
