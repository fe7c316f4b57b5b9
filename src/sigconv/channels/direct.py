"""Direct sums over channels by the compiled loop."""

from __future__ import annotations

from functools import lru_cache
from itertools import pairwise
from typing import NamedTuple

import numpy as np

from sigconv.channels.driving import (
    Boxes,
    Lie,
    Loop,
    Steps,
    Turn,
    given_numbers,
    readable,
    run_loop,
    turns_of,
    writable,
)
from sigconv.channels.problem import ChannelProblem
from sigconv.core.dtypes import Array, DType
from sigconv.engines import compiled
from sigconv.loops.pieces import TOGETHER

__all__ = ["sum_directly"]

# Outputs that are summed up in one go, where rows are taken together.
_RUN = 768

# The bytes of a vector, how many of them are summed up together, and what it costs, in vectors, if
# 0 to 3 are left; and what it costs to store one from scratch, in taps.
_VECTOR, _VECTORS, _REST, _STORED = 64, 4, (0.0, 1.8, 2.6, 4.4), 3


def sum_directly(
    problem: ChannelProblem,
    x: Array,
    weight: Array,
    bias: Array | None,
    out: Array,
    *,
    workers: int,
) -> None:
    """Write the result for a signal (batch, inputs, *space)."""
    from sigconv.loops import channels as loop

    dtype = problem.dtypes.compute
    compiled.load(dtype, "channels")
    source, target = readable(x, dtype), writable(out, dtype)
    sums = _described(problem, Lie.of(source), Lie.of(target), bias is not None)
    weights = np.ascontiguousarray(_in_lines(weight, along=sums.lines.along), dtype)
    shifts = np.zeros(1, dtype) if bias is None else np.ascontiguousarray(bias, dtype)
    arrays = [sums.given, source, target, weights, shifts]
    whole = Loop(loop.sum_channels, loop.compiled_boxes().address, dtype)
    count = turns_of(problem.products, sums.pieces)
    edges = [sums.pieces * turn // count for turn in range(count + 1)]
    turns = [Turn(first, stop, (stop,)) for first, stop in pairwise(edges)]
    run_loop(whole, arrays, sums.room, turns, workers)
    if target is not out:
        out[...] = target


class _Lines(NamedTuple):
    """The lines of samples that are summed up: along channels or along rows.

    Where they are `shared`, a few rows of outputs, not channels, share what is loaded.
    """

    along: bool
    shared: bool
    taps: int
    number: int
    weights: int
    following: int

    @classmethod
    def of(cls, problem: ChannelProblem, boxes: Boxes) -> _Lines:
        column, row = boxes.axes[1:]
        inputs, outputs = problem.inputs // problem.groups, problem.outputs // problem.groups
        # With a stride, neighbouring taps of a row belong to different phases.
        along = inputs > row.taps or (row.stride > 1 and inputs > 1)
        taps = inputs if along else row.taps if row.stride == 1 else 1
        last = column.length % boxes.lengths[1] or boxes.lengths[1]
        enough = min(last, boxes.lengths[1]) >= TOGETHER
        shared = outputs < TOGETHER and enough and column.taps > 1 and column.dilation == 1
        weights = problem.taps_of_output
        number, following = weights // taps, -weights
        if shared:
            more = (TOGETHER - 1) * boxes.tables[1].phases
            number = number // column.taps * (column.taps + more)
            following = column.stride * row.taps * (inputs if along else 1)
        return cls(along, shared, taps, number, weights, following)


class _Sums(NamedTuple):
    """What the loop is told of a problem, whatever the samples."""

    lines: _Lines
    given: Array
    room: tuple[int, int]
    pieces: int


@lru_cache(maxsize=1024)
def _described(problem: ChannelProblem, x: Lie, out: Lie, biased: bool) -> _Sums:
    """Describe a problem for arrays that lie in some way, with a bias or without."""
    from sigconv.loops import channels as loop
    from sigconv.loops.vectors import writers

    dtype, units = problem.dtypes.compute, problem.batch * problem.groups
    inputs, outputs = problem.inputs // problem.groups, problem.outputs // problem.groups
    boxes = Boxes.of(problem.axes, inputs, problem.products // units, units)
    lines, row = _Lines.of(problem, boxes), boxes.axes[2]
    source, result = Steps.to_read(x, dtype, row.stride), Steps.to_write(out, dtype)
    in_place = boxes.lie_in(source)
    width = boxes.lengths[2]
    pitch = source.steps[3] if in_place else width + boxes.tables[2].span
    rows = 1 if lines.shared else _rows_together(boxes, pitch, problem.taps_of_output, dtype)
    write_rows, write_row, _ = writers(dtype)
    given = loop.SumGiven(
        batch=problem.batch,
        groups=problem.groups,
        channels=inputs,
        outputs=outputs,
        size=dtype.itemsize,
        load=source.move,
        load_size=source.size,
        store=result.move,
        store_size=result.size,
        write_rows=write_rows,
        write_row=write_row,
        in_place=int(in_place),
        direct=int(result.move == 0 and (rows == 1 or pitch == width == result.steps[3])),
        rows=rows,
        line_taps=lines.taps,
        line_step=row.dilation,
        lines=lines.number,
        weights=lines.weights,
        along=int(lines.along),
        bias=loop.adder_of(dtype) if biased else 0,
        shared=int(lines.shared),
        following=lines.following,
        **source.named("x"),
        **result.named("out"),
        **dict.fromkeys(("place_d", "place_h", "place_w"), 0),
    )
    run = (rows - 1) * pitch + width
    elements = (0 if in_place else inputs * boxes.copied(dtype.itemsize)) + TOGETHER * run
    room = elements, 4 * lines.number + loop.ROOM
    return _Sums(lines, given_numbers(given._asdict(), boxes), room, units * boxes.per_signal)


def _in_lines(weight: Array, *, along: bool) -> Array:
    """Return the weights of each output channel in the order of lines along channels, or rows."""
    ordered = np.moveaxis(weight, 1, -1) if along else weight
    flat: Array = ordered.reshape(len(weight), -1)
    return flat


def _rows_together(boxes: Boxes, pitch: int, taps: int, dtype: DType) -> int:
    """Return how many rows are summed up as one, with what lies between them."""
    _, height, width = boxes.lengths
    if width < boxes.axes[2].length or width > pitch:
        return 1
    lanes = _VECTOR // dtype.itemsize
    tiles, rest = divmod(-(-width // lanes), _VECTORS)
    apart = tiles * _VECTORS + _REST[rest]
    if pitch == width or pitch / lanes * (1 + _STORED / taps) < apart:
        return min(height, max(1, _RUN // pitch))
    return 1
