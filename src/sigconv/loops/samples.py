"""Samples copied for sums over channels: each phase of the strides together, edges continued.

Along each axis, outputs a stride s apart meet tap k at positions s q + d k: those of one remainder
by s, its phase, follow one another in the copy. There the sums are as without a stride, and samples
that no output meets are left out.

numba keeps what it compiled of `channels.py` and `products.py` while those files stay as they are:
after a change here, touch them.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numba

from sigconv.loops.memory import call, copy_bytes, copy_element, read, zero_bytes

__all__ = [
    "LINE",
    "AxisPlace",
    "Box",
    "Copied",
    "Samples",
    "axis_at",
    "copied_of",
    "copy_samples",
    "packed",
    "row_of",
]

_compiled = numba.njit(nogil=True, cache=True)

_NO_SAMPLE, _ZERO = -1, 0

LINE = 64
"""Bytes of a line of the cache."""


class AxisPlace(NamedTuple):
    """One axis, as `AxisTable` describes it; `phases` and `taps` are addresses of its tables."""

    size: Any
    first: Any
    stride: Any
    before: Any
    after: Any
    length: Any
    block: Any
    blocks: Any
    span: Any
    tap_count: Any
    phase_count: Any
    phases: Any
    taps: Any


class Samples(NamedTuple):
    """Where the samples of a signal and group lie, and how they are copied.

    `load` copies elements from one step to another, and to another dtype; 0 where rows are copied
    as they are. Steps from channel to channel and along the axes count elements of `load_size`.
    """

    x: Any
    load: Any
    load_size: Any
    size: Any
    channels: Any
    step_channel: Any
    step_d: Any
    step_h: Any
    step_w: Any


class Box(NamedTuple):
    """The outputs that are taken together: where they begin on each axis, and how many."""

    d: Any
    h: Any
    w: Any
    depth: Any
    height: Any
    width: Any


class Copied(NamedTuple):
    """The steps of a copy, in elements: to the next channel, plane, phase of the rows, and row."""

    channel: Any
    plane: Any
    phase: Any
    row: Any


@_compiled
def axis_at(table: int) -> Any:
    """Return an axis whose numbers lie at an address, its phases and taps after them."""
    first = read(table, 0), read(table, 1), read(table, 2), read(table, 3), read(table, 4)
    rest = read(table, 5), read(table, 6), read(table, 7), read(table, 8), read(table, 9)
    phases = table + 8 * 11
    return AxisPlace(*first, *rest, read(table, 10), phases, phases + 16 * read(table, 10))


@_compiled
def packed(axis: Any, count: int) -> Any:
    """Return how many samples `count` outputs meet, of all phases."""
    total = 0
    for p in range(axis.phase_count):
        total += count + read(axis.phases, 2 * p + 1)
    return total


@_compiled
def copied_of(d: Any, h: Any, w: Any, box: Any, size: int) -> Any:
    """Return the steps of a copy of what a box of outputs meets, in elements of `size` bytes."""
    row = box.width + w.span
    phase = row * packed(h, box.height)
    plane = phase * w.phase_count
    # Channels an odd number of the cache's lines apart do not compete for the same few of them.
    lines = -(-plane * packed(d, box.depth) * size // LINE) | 1
    return Copied(lines * LINE // size, plane, phase, row)


@_compiled
def copy_samples(samples: Any, axes: Any, box: Any, copied: Any, memory: int) -> None:
    """Copy what a box of outputs meets of all channels of a group."""
    d, h, w = axes
    for i in range(samples.channels):
        target = memory + i * copied.channel * samples.size
        for p in range(d.phase_count):
            for a in range(box.depth + read(d.phases, 2 * p + 1)):
                place = d.first + d.stride * (box.d + a) + read(d.phases, 2 * p)
                z = source_of(d, place)
                source = samples.x + i * samples.step_channel * samples.load_size
                source += z * samples.step_d * samples.load_size
                _copy_plane(samples, (h, w), box, copied, (source, int(z == _NO_SAMPLE), target))
                target += copied.plane * samples.size


@_compiled
def _copy_plane(samples: Any, axes: Any, box: Any, copied: Any, places: Any) -> None:
    """Copy the rows of one plane, for all phases along rows; nothing may be there to copy."""
    h, w = axes
    origin, missing, target = places
    for q in range(w.phase_count):
        begin = w.first + w.stride * box.w + read(w.phases, 2 * q)
        count, place = box.width + read(w.phases, 2 * q + 1), target
        for p in range(h.phase_count):
            for b in range(box.height + read(h.phases, 2 * p + 1)):
                y = source_of(h, h.first + h.stride * (box.h + b) + read(h.phases, 2 * p))
                if missing or y == _NO_SAMPLE:
                    zero_bytes(place, copied.row * samples.size)
                else:
                    row = origin + y * samples.step_h * samples.load_size
                    _copy_row(samples, w, row, (begin, count), place)
                    if count < copied.row:
                        # Rows of another phase are longer by a sample.
                        rest = (copied.row - count) * samples.size
                        zero_bytes(place + count * samples.size, rest)
                place += copied.row * samples.size
        target += copied.phase * samples.size


@_compiled
def _copy_row(samples: Any, w: Any, row: int, run: Any, target: int) -> None:
    """Copy every `w.stride`-th sample of a row, from a position on, continued beyond its ends."""
    begin, count = run
    low = min(max(0, -(begin // w.stride)), count)
    high = min(max(low, -((begin - w.size) // w.stride)), count)
    if low > 0:
        _continue_row(samples, w, row, (begin, low), target)
    if high > low:
        place = target + low * samples.size
        source = row + (begin + w.stride * low) * samples.step_w * samples.load_size
        if samples.load == 0:
            copy_bytes(place, source, (high - low) * samples.size)
        else:
            step = w.stride * samples.step_w
            call(samples.load, (place, source, high - low, 1, step))
    if count > high:
        beyond = begin + w.stride * high, count - high
        _continue_row(samples, w, row, beyond, target + high * samples.size)


@_compiled
def _continue_row(samples: Any, w: Any, row: int, run: Any, target: int) -> None:
    """Copy what lies beyond one end of a row."""
    begin, count = run
    if (w.before if begin < 0 else w.after) == _ZERO:
        zero_bytes(target, count * samples.size)
        return
    for j in range(count):
        _copy_one(samples, w, row, begin + w.stride * j, target + j * samples.size)


@_compiled
def _copy_one(samples: Any, w: Any, row: int, position: int, target: int) -> None:
    x = source_of(w, position)
    if x == _NO_SAMPLE:
        zero_bytes(target, samples.size)
        return
    source = row + x * samples.step_w * samples.load_size
    if samples.load == 0:
        copy_element(target, source, samples.size)
    else:
        call(samples.load, (target, source, 1, 1, 1))


@_compiled
def source_of(axis: Any, position: int) -> Any:
    """Return the sample at a position of the extended axis, or that there is none.

    The rules are numbered as in `channel_tables.RULES`: zero, edge, reflect, symmetric, wrap.
    """
    size = axis.size
    if 0 <= position < size:
        return position
    rule = axis.before if position < 0 else axis.after
    if rule == _ZERO:
        return _NO_SAMPLE
    if rule == 1 or size == 1:
        return 0 if position < 0 else size - 1
    if rule == 2:
        phase = position % (2 * size - 2)
        return phase if phase < size else 2 * size - 2 - phase
    if rule == 3:
        phase = position % (2 * size)
        return phase if phase < size else 2 * size - 1 - phase
    return position % size


@_compiled
def row_of(axis: Any, tap: int, count: int) -> Any:
    """Return where a tap's samples begin among the phases, one after the other, of an axis."""
    row = read(axis.taps, 2 * tap + 1)
    for p in range(read(axis.taps, 2 * tap)):
        row += count + read(axis.phases, 2 * p + 1)
    return row
