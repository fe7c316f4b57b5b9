"""The compiled loop of sums over channels: four output channels share the samples they load.

A box of outputs is taken at a time. The samples that it meets are copied, or read where they lie;
then a row of outputs, or a few rows as one with what lies between them, is summed up over all lines
of samples and their weights by the functions of `vectors.py`.
"""

from __future__ import annotations

from functools import cache
from typing import Any, NamedTuple

import numba
import numpy as np
from numba import cfunc
from numba import types as untyped_types

from sigconv.core.dtypes import DType
from sigconv.loops.counting import count_done, take_next
from sigconv.loops.memory import call, copy_bytes, read, reader, write
from sigconv.loops.samples import Box, Copied, Samples, axis_at, copied_of, copy_samples, row_of
from sigconv.loops.sum_tables import SERVED
from sigconv.loops.vectors import ROWS, writers

types: Any = untyped_types

__all__ = [
    "ROOM",
    "SumGiven",
    "adder_of",
    "box_at",
    "compiled_boxes",
    "sum_channels",
    "try_channels",
]

_compiled = numba.njit(nogil=True, cache=True)

_SERVED = SERVED
_ALL = SERVED.index((0, ROWS - 1))


class SumGiven(NamedTuple):
    """The numbers of a sum over channels; they lie in this order, and the three axes after them.

    Steps count elements: of samples of `load_size` bytes, of outputs of `store_size`. `outputs` and
    `channels` are those of a group. `line_taps` is how many taps a line has, `line_step` the
    samples from one to the next; lines go `along` rows or, where that is not 0, channels. `weights`
    is how many a channel has, and `bias` what adds its bias, or 0. `rows` is how many rows of
    outputs are taken as one; `direct` whether they are written where they belong. Where lines are
    `shared`, a few rows of outputs are summed up together, else a few channels; `following` is from
    the weights of one back to those before.
    """

    batch: Any
    groups: Any
    channels: Any
    outputs: Any
    size: Any
    load: Any
    load_size: Any
    store: Any
    store_size: Any
    write_rows: Any
    write_row: Any
    in_place: Any
    direct: Any
    rows: Any
    line_taps: Any
    line_step: Any
    lines: Any
    weights: Any
    along: Any
    bias: Any
    shared: Any
    following: Any
    x_batch: Any
    x_channel: Any
    x_d: Any
    x_h: Any
    x_w: Any
    out_batch: Any
    out_channel: Any
    out_d: Any
    out_h: Any
    out_w: Any
    place_d: Any
    place_h: Any
    place_w: Any


_read_given = reader(len(SumGiven._fields))


TOLD = 9
"""What a worker is told: the addresses of numbers, samples, outputs, weights, biases, the counter,
and of its scratch for samples and for integers; and the first box that is not its to take."""


ROOM = len(SERVED)
"""Integers of scratch beside four for each line."""


@_compiled
def sum_channels(told: Any) -> Any:
    """Write the boxes that nobody else has taken."""
    return call(
        told[TOLD],
        (told[0], told[1], told[2], told[3], told[4], told[5], told[6], told[7], told[8]),
    )


def _sum_boxes(
    numbers: int,
    x: int,
    out: int,
    weights: int,
    bias: int,
    counter: int,
    memory: int,
    room: int,
    stop: int,
) -> int:
    g = SumGiven(*_read_given(numbers))
    d, h = axis_at(numbers + 8 * g.place_d), axis_at(numbers + 8 * g.place_h)
    w = axis_at(numbers + 8 * g.place_w)
    while True:
        piece = take_next(counter)
        if piece >= stop:
            return 0
        unit, box = box_at((d, h, w), piece)
        n, group = unit // g.groups, unit % g.groups
        source = n * g.x_batch + group * g.channels * g.x_channel
        target = n * g.out_batch + group * g.outputs * g.out_channel
        target += box.d * g.out_d + box.h * g.out_h + box.w * g.out_w
        places = (
            x + source * g.load_size,
            out + target * g.store_size,
            weights + group * g.outputs * g.weights * g.size,
            bias + group * g.outputs * g.size,
            memory,
            room,
        )
        _sum_box(g, (d, h, w), box, places)
        count_done(counter, 1)


@_compiled
def box_at(axes: Any, piece: int) -> Any:
    """Return the number of the batch and group that a piece belongs to, and its box of outputs."""
    d, h, w = axes
    unit, rest = divmod(piece, d.blocks * h.blocks * w.blocks)
    i, rest = divmod(rest, h.blocks * w.blocks)
    j, k = divmod(rest, w.blocks)
    a, b, c = i * d.block, j * h.block, k * w.block
    depth, height = min(d.block, d.length - a), min(h.block, h.length - b)
    return unit, Box(a, b, c, depth, height, min(w.block, w.length - c))


@_compiled
def _sum_box(g: Any, axes: Any, box: Any, places: Any) -> None:
    x, out, weights, bias, memory, room = places
    d, h, w = axes
    if g.in_place:
        copied = Copied(g.x_channel, g.x_d, 0, g.x_h)
        at = (d.first + box.d) * g.x_d + (h.first + box.h) * g.x_h + w.first + box.w
        base = x + at * g.size
    else:
        copied, base = copied_of(d, h, w, box, g.size), memory
        samples = Samples(
            x, g.load, g.load_size, g.size, g.channels, g.x_channel, g.x_d, g.x_h, g.x_w
        )
        copy_samples(samples, axes, box, copied, memory)
    lines, counts = room, room + 16 * g.lines
    offsets = counts + 8 * len(SERVED)
    weighted = offsets + 8 * g.lines
    for k in range(len(SERVED)):
        write(counts, k, 0)
    if g.shared:
        _find_shared_lines(g, axes, box, copied, (offsets, weighted, counts))
    else:
        _find_lines(g, axes, box, copied, (offsets, weighted))
        write(counts, _ALL if g.outputs >= ROWS else 0, g.lines)
    tile = memory + copied.channel * g.channels * g.size * (1 - g.in_place)
    for a in range(box.depth):
        for b in range(0, box.height, ROWS if g.shared else g.rows):
            rows = min(g.rows, box.height - b)
            # The last few rows share with some that are written twice.
            row = min(b, box.height - ROWS) if g.shared else b
            begin = base + (a * copied.plane + row * copied.row) * g.size
            place = out + (a * g.out_d + row * g.out_h) * g.store_size
            run = copied.row, rows, box.width, copied.channel if g.along else g.line_step
            tables = lines, counts, offsets, weighted
            _sum_rows(g, run, (begin, place, weights, bias, tile), tables)


@_compiled
def _find_lines(g: Any, axes: Any, box: Any, copied: Any, tables: Any) -> None:
    """Find how far from the first each line of samples lies, and its weights, in their order."""
    d, h, _ = axes
    offsets, weighted = tables
    for k in range(g.lines):
        write(weighted, k, k * g.line_taps * g.size)
    at = 0
    for i in range(1 if g.along else g.channels):
        for kd in range(d.tap_count):
            z = i * copied.channel + row_of(d, kd, box.depth) * copied.plane
            for kh in range(h.tap_count):
                y = z + row_of(h, kh, box.height) * copied.row
                at = _list_row(g, axes, copied, y, (offsets, at))


@_compiled
def _list_row(g: Any, axes: Any, copied: Any, row: int, place: Any) -> Any:
    """List a row of samples, tap by tap where these are not a line."""
    w = axes[2]
    offsets, at = place
    if g.along == 0 and g.line_taps == w.tap_count:
        write(offsets, at, row * g.size)
        return at + 1
    for kw in range(w.tap_count):
        column = read(w.taps, 2 * kw) * copied.phase + read(w.taps, 2 * kw + 1)
        write(offsets, at + kw, (row + column) * g.size)
    return at + w.tap_count


@_compiled
def _find_shared_lines(g: Any, axes: Any, box: Any, copied: Any, tables: Any) -> None:
    """Find the lines that a few rows of outputs share, in the order of the rows that they serve.

    Of phase p of the rows, sample s meets output row r by tap p + (s - r) stride.
    """
    d, h, w = axes
    offsets, weighted, counts = tables
    at, taps = 0, w.tap_count
    for segment in range(len(SERVED)):
        before, low = at, 0
        for p in range(h.phase_count):
            count = read(h.phases, 2 * p + 1) + 1
            for s in range(count + ROWS - 1):
                first, last = max(0, s - count + 1), min(ROWS - 1, s)
                if first != _SERVED[segment][0] or last != _SERVED[segment][1]:
                    continue
                tap = p + (s - first) * h.stride
                for i in range(1 if g.along else g.channels):
                    for kd in range(d.tap_count):
                        row = i * copied.channel + row_of(d, kd, box.depth) * copied.plane
                        begin = at
                        at = _list_row(g, axes, copied, row + (low + s) * copied.row, (offsets, at))
                        place = ((i * d.tap_count + kd) * h.tap_count + tap) * taps
                        place *= g.channels if g.along else 1
                        for k in range(begin, at):
                            step = (k - begin) * g.line_taps
                            write(weighted, k, (place + step) * g.size)
            low += box.height + count - 1
        write(counts, segment, at - before)


@_compiled
def _sum_rows(g: Any, run: Any, places: Any, tables: Any) -> None:
    """Write rows of outputs of all channels of a group: a few channels, or rows, at a time."""
    pitch, rows, width, step = run
    begin, out, weights, bias, tile = places
    lines, counts, offsets, weighted = tables
    count = (rows - 1) * pitch + width
    many = g.shared or g.outputs >= ROWS
    together, writer = (ROWS, g.write_rows) if many else (1, g.write_row)
    channels, apart = (1, g.out_h) if g.shared else (together, g.out_channel)
    between = apart * g.store_size if g.direct else count * g.size
    form = g.line_taps, step * g.size, g.following * g.size, between, count
    for block in range(0, g.outputs, channels):
        # The last few channels share with some that are written twice.
        o = min(block, g.outputs - channels)
        weight = weights + o * g.weights * g.size
        for k in range(g.lines):
            write(lines, 2 * k, begin + read(offsets, k))
            write(lines, 2 * k + 1, weight + read(weighted, k))
        place = out + o * g.out_channel * g.store_size
        target = place if g.direct else tile
        call(writer, (target, lines, counts, *form))
        if g.bias != 0:
            for q in range(together):
                shift = bias + (o + (0 if g.shared else q)) * g.size
                call(g.bias, (target + q * between, shift, count))
        if not g.direct:
            for q in range(together):
                row = place + q * apart * g.store_size
                _store(g, tile + q * count * g.size, row, (pitch, rows, width))


@_compiled
def _store(g: Any, source: int, target: int, run: Any) -> None:
    """Write rows of outputs from scratch to their place."""
    pitch, rows, width = run
    for r in range(rows):
        place = target + r * g.out_h * g.store_size
        if g.store == 0:
            copy_bytes(place, source + r * pitch * g.size, width * g.size)
        else:
            call(g.store, (place, source + r * pitch * g.size, width, g.out_w, 1))


def _add_bias(target: Any, bias: Any, count: int) -> int:
    for i in range(count):
        target[i] += bias[0]
    return 0


@cache
def adder_of(dtype: DType) -> int:
    """Return the address of what adds one number to others of `dtype`."""
    element, whole = types.CPointer(getattr(types, dtype.name)), types.int64
    compiled: Any = cfunc(whole(element, element, whole), cache=True)(_add_bias)
    return int(compiled.address)


@cache
def compiled_boxes() -> Any:
    """Return the function that walks over the boxes, compiled."""
    return cfunc(types.int64(*(types.int64,) * TOLD), cache=True)(_sum_boxes)


def try_channels(dtype: DType) -> None:
    """Load what sums up channels of `dtype`, and run it over no boxes."""
    writers(dtype)
    adder_of(dtype)
    given = np.zeros(len(SumGiven._fields) + 13, np.int64)
    given[[SumGiven._fields.index(f"place_{axis}") for axis in "dhw"]] = len(SumGiven._fields)
    counter = np.zeros(3, np.int64)
    told = np.zeros(TOLD + 1, np.int64)
    told[[0, 5, TOLD]] = given.ctypes.data, counter.ctypes.data, compiled_boxes().address
    sum_channels(told)
