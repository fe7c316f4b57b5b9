"""The compiled loop of the weights' gradients: products of errors and samples, summed up.

A share of the work is some input channels of a group, and a stretch of the boxes of outputs; it has
sums of its own, so that no order of the workers changes a bit.
"""

from __future__ import annotations

from functools import cache
from typing import Any, NamedTuple

import numba
import numpy as np
from numba import cfunc
from numba import types as untyped_types

from sigconv.core.dtypes import DType
from sigconv.loops.channels import box_at
from sigconv.loops.counting import count_done, take_next
from sigconv.loops.memory import call, copy_bytes, read, reader, write, zero_bytes
from sigconv.loops.product_instructions import ALONE_TAPS, FEW, TAPS, pair_products
from sigconv.loops.samples import Copied, Samples, axis_at, copied_of, copy_samples, row_of

types: Any = untyped_types

__all__ = [
    "ROOM",
    "ProductGiven",
    "compiled_shares",
    "multipliers",
    "multiply_channels",
    "try_products",
]

_compiled = numba.njit(nogil=True, cache=True)

TOLD = 9
"""What a worker is told: the addresses of numbers, samples, errors, sums, the counter, and of its
scratch for samples and for integers; then which stretch of each slab's boxes it takes, of how many.
"""


ROOM = ALONE_TAPS + 2 * FEW * TAPS
"""Integers of scratch beside one for each weight of a share's channels."""


class ProductGiven(NamedTuple):
    """The numbers of a sum of products; they lie in this order, and the three axes after them.

    Steps count elements. `channels` and `outputs` are those of a group, of which a share takes
    `share` channels; there are `slabs` stretches of boxes. Where rows are short, errors are copied
    too, `flat`: as one row for each of some `images`, with zeros where samples lie between rows.
    `taps` is how many weights a pair of channels has.
    """

    batch: Any
    groups: Any
    channels: Any
    outputs: Any
    share: Any
    slabs: Any
    size: Any
    load: Any
    load_size: Any
    in_place: Any
    joined: Any
    flat: Any
    images: Any
    taps: Any
    multiply_few: Any
    multiply_one: Any
    add: Any
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


_read_given = reader(len(ProductGiven._fields))


@_compiled
def multiply_channels(told: Any) -> Any:
    """Write the sums of the shares that nobody else has taken."""
    return call(
        told[TOLD],
        (told[0], told[1], told[2], told[3], told[4], told[5], told[6], told[7], told[8]),
    )


def _multiply_shares(
    numbers: int,
    x: int,
    grad: int,
    sums: int,
    counter: int,
    memory: int,
    room: int,
    turn: int,
    turns: int,
) -> int:
    g = ProductGiven(*_read_given(numbers))
    axes = (
        axis_at(numbers + 8 * g.place_d),
        axis_at(numbers + 8 * g.place_h),
        axis_at(numbers + 8 * g.place_w),
    )
    boxes = -(-g.batch // g.images) * axes[0].blocks * axes[1].blocks * axes[2].blocks
    parts = -(-g.channels // g.share)
    while True:
        piece = take_next(counter)
        if piece >= g.slabs * g.groups * parts:
            return 0
        slab, rest = divmod(piece, g.groups * parts)
        group, part = divmod(rest, parts)
        first = part * g.share
        channels = min(g.share, g.channels - first)
        own = sums + (slab * g.groups + group) * g.outputs * g.channels * g.taps * g.size
        own += first * g.taps * g.size
        source = x + (group * g.channels + first) * g.x_channel * g.load_size
        errors = grad + group * g.outputs * g.out_channel * g.size
        begin = slab * boxes // g.slabs
        own_boxes = (slab + 1) * boxes // g.slabs - begin
        low, high = turn * own_boxes // turns, (turn + 1) * own_boxes // turns
        for k in range(begin + low, begin + high):
            unit, box = box_at(axes, k)
            n = unit * g.images
            place = box.d * g.out_d + box.h * g.out_h + box.w * g.out_w + n * g.out_batch
            begins = source + n * g.x_batch * g.load_size, errors + place * g.size, own
            count = channels, min(g.images, g.batch - n)
            _multiply_box(g, axes, box, count, begins, (memory, room))
        count_done(counter, 1)


@_compiled
def _multiply_box(g: Any, axes: Any, box: Any, counts: Any, begins: Any, rooms: Any) -> None:
    """Add the products of a box of errors and the samples of some channels to their sums."""
    x, errors, sums = begins
    memory, room = rooms
    channels, images = counts
    d, h, w = axes
    if g.in_place:
        copied = Copied(g.x_channel, g.x_d, 0, g.x_h)
        at = (d.first + box.d) * g.x_d + (h.first + box.h) * g.x_h + w.first + box.w
        base = x + at * g.size
    else:
        copied, base = copied_of(d, h, w, box, g.size), memory
        steps = g.x_channel, g.x_d, g.x_h, g.x_w
        for m in range(images):
            place = x + m * g.x_batch * g.load_size
            samples = Samples(place, g.load, g.load_size, g.size, channels, *steps)
            copy_samples(
                samples, axes, box, copied, memory + m * channels * copied.channel * g.size
            )
    few = g.outputs >= FEW
    together, taps = (FEW, TAPS) if few else (1, ALONE_TAPS)
    multiply = g.multiply_few if few else g.multiply_one
    offsets, met = room, room + 8 * channels * g.taps
    products = met + 8 * taps
    _find_taps(g, axes, box, channels, copied, offsets)
    form, apart = (box.height, box.width, g.out_h * g.size, copied.row * g.size), g.out_channel
    whole = (box.height - 1) * copied.row + box.width
    if g.joined:
        form = images, box.height * box.width, g.out_batch * g.size, g.x_batch * g.size
    elif g.flat:
        apart, step = whole, channels * copied.channel * g.size
        form = images, whole, g.outputs * whole * g.size, step
    count = channels * g.taps
    rows = memory + g.images * g.share * copied.channel * g.size
    for a in range(box.depth):
        own, plane = errors + a * g.out_d * g.size, base + a * copied.plane * g.size
        if g.flat:
            _copy_errors(g, box, images, copied.row, (own, rows))
            own = rows
        for t in range(0, count, taps):
            for k in range(taps):
                # Where taps are missing, the last is taken again.
                write(met, k, plane + read(offsets, min(t + k, count - 1)))
            for block in range(0, g.outputs, together):
                # The last few rows share with some that have been added.
                o = min(block, g.outputs - together)
                row = own + o * apart * g.size
                call(multiply, (products, row, apart * g.size, met, *form))
                for r in range(block - o, together):
                    target = sums + ((o + r) * g.channels * g.taps + t) * g.size
                    source = products + r * taps * g.size
                    call(g.add, (target, source, min(taps, count - t)))


@_compiled
def _copy_errors(g: Any, box: Any, images: int, pitch: int, places: Any) -> None:
    """Copy the errors of a plane of some images, each row as long as one of the samples."""
    source, target = places
    for m in range(images):
        for o in range(g.outputs):
            row = source + (m * g.out_batch + o * g.out_channel) * g.size
            for b in range(box.height):
                copy_bytes(target, row + b * g.out_h * g.size, box.width * g.size)
                target += box.width * g.size
                if b < box.height - 1:
                    zero_bytes(target, (pitch - box.width) * g.size)
                    target += (pitch - box.width) * g.size


@_compiled
def _find_taps(g: Any, axes: Any, box: Any, channels: int, copied: Any, offsets: int) -> None:
    """Find how far what each tap meets lies from the first sample, in the order of the weights."""
    d, h, w = axes
    at = 0
    for i in range(channels):
        for kd in range(d.tap_count):
            z = row_of(d, kd, box.depth) * copied.plane
            for kh in range(h.tap_count):
                y = z + i * copied.channel + row_of(h, kh, box.height) * copied.row
                for kw in range(w.tap_count):
                    phase, place = read(w.taps, 2 * kw), read(w.taps, 2 * kw + 1)
                    write(offsets, at, (y + phase * copied.phase + place) * g.size)
                    at += 1


_few = pair_products(FEW, TAPS)
_one = pair_products(1, ALONE_TAPS)


def _multiply_few(
    target: Any, first: int, apart: int, met: int, lines: int, count: int, down: int, along: int
) -> int:
    _few(target, first, apart, met, (lines, count, down, along))
    return 0


def _multiply_one(
    target: Any, first: int, apart: int, met: int, lines: int, count: int, down: int, along: int
) -> int:
    _one(target, first, apart, met, (lines, count, down, along))
    return 0


def _add(target: Any, source: Any, count: int) -> int:
    for i in range(count):
        target[i] += source[i]
    return 0


@cache
def compiled_shares() -> Any:
    """Return the function that walks over the shares, compiled."""
    return cfunc(types.int64(*(types.int64,) * TOLD), cache=True)(_multiply_shares)


@cache
def multipliers(dtype: DType) -> tuple[Any, Any, Any]:
    """Return the addresses of what multiplies a few rows, one row, and adds up, in `dtype`."""
    element, whole = types.CPointer(getattr(types, dtype.name)), types.int64
    pairs = whole(element, *(whole,) * 7)
    return (
        cfunc(pairs, cache=True)(_multiply_few).address,
        cfunc(pairs, cache=True)(_multiply_one).address,
        cfunc(whole(element, element, whole), cache=True)(_add).address,
    )


def try_products(dtype: DType) -> None:
    """Load what multiplies channels of `dtype`, and run it over no shares."""
    multipliers(dtype)
    given = np.zeros(len(ProductGiven._fields) + 13, np.int64)
    given[[ProductGiven._fields.index(name) for name in ("share", "images")]] = 1
    given[[ProductGiven._fields.index(f"place_{axis}") for axis in "dhw"]] = len(given) - 13
    counter = np.zeros(3, np.int64)
    told = np.zeros(TOLD + 1, np.int64)
    told[[0, 4, TOLD]] = given.ctypes.data, counter.ctypes.data, compiled_shares().address
    told[8] = 1
    multiply_channels(told)
