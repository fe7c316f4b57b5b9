"""Direct sums over channels by the compiled loop."""

from __future__ import annotations

from math import prod

import numpy as np

from sigconv.channels.driving import Boxes, Loop, Steps, readable, run_loop
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
    from sigconv.loops.vectors import writers

    dtype = problem.dtypes.compute
    compiled.load(dtype, "channels")
    inputs, outputs = problem.inputs // problem.groups, problem.outputs // problem.groups
    units = problem.batch * problem.groups
    boxes = Boxes.of(problem.axes, inputs, problem.products // units, units)
    row = boxes.axes[2]
    target = out if _is_writable(out, dtype) else np.empty(out.shape, dtype)
    source, result = (
        Steps.to_read(readable(x, dtype), dtype, row.stride),
        Steps.to_write(target, dtype),
    )
    along = inputs > row.taps or (row.stride > 1 and inputs > 1)
    line_taps = inputs if along else row.taps if row.stride == 1 else 1
    shared = _shares_rows(boxes, outputs)
    weights = np.ascontiguousarray(_in_lines(weight, along=along), dtype)
    beyond = boxes.axes[1].stride * row.taps * (inputs if along else 1)
    in_place = boxes.lie(source)
    width = boxes.lengths[2]
    pitch = source.steps[3] if in_place else width + boxes.tables[2].span
    rows = 1 if shared else _rows_together(boxes, pitch, problem.taps_of_output, dtype)
    lines = _line_count(problem, boxes, line_taps, shared=shared)
    write_rows, write_row, _ = writers(dtype)
    shifts = np.zeros(1, dtype) if bias is None else np.ascontiguousarray(bias, dtype)
    given = loop.SumGiven(
        batch=problem.batch,
        groups=problem.groups,
        channels=inputs,
        outputs=outputs,
        size=dtype.itemsize,
        load=source.move,
        load_size=source.array.itemsize,
        store=result.move,
        store_size=result.array.itemsize,
        write_rows=write_rows,
        write_row=write_row,
        in_place=int(in_place),
        direct=int(result.move == 0 and (rows == 1 or pitch == width == result.steps[3])),
        rows=rows,
        line_taps=line_taps,
        line_step=row.dilation,
        lines=lines,
        weights=weights.shape[1],
        along=int(along),
        bias=0 if bias is None else loop.adder_of(dtype),
        shared=int(shared),
        following=beyond if shared else -weights.shape[1],
        **source.named("x"),
        **result.named("out"),
        **dict.fromkeys(("place_d", "place_h", "place_w"), 0),
    )
    run = (rows - 1) * pitch + width
    elements = (0 if in_place else inputs * boxes.copied(dtype.itemsize)) + TOGETHER * run
    run_loop(
        Loop(loop.sum_channels, loop.compiled_boxes().address, dtype),
        given._asdict(),
        boxes,
        [source.array, result.array, weights, shifts],
        (elements, 4 * lines + loop.ROOM),
        (units * boxes.count, workers),
    )
    if target is not out:
        out[...] = target


def _is_writable(out: Array, dtype: DType) -> bool:
    moved = out.dtype == dtype or compiled.is_moved(dtype, out.dtype)
    whole = all(step % out.itemsize == 0 for step in out.strides)
    return moved and whole and bool(out.flags.aligned)


def _in_lines(weight: Array, *, along: bool) -> Array:
    """Return the weights of each output channel in the order of lines along channels, or rows."""
    ordered = np.moveaxis(weight, 1, -1) if along else weight
    flat: Array = ordered.reshape(len(weight), -1)
    return flat


def _shares_rows(boxes: Boxes, outputs: int) -> bool:
    """Tell whether rows of outputs, rather than output channels, share the samples they load."""
    column = boxes.axes[1]
    last = column.length % boxes.lengths[1] or boxes.lengths[1]
    enough = min(last, boxes.lengths[1]) >= TOGETHER
    return outputs < TOGETHER and enough and column.taps > 1 and column.dilation == 1


def _line_count(problem: ChannelProblem, boxes: Boxes, line_taps: int, *, shared: bool) -> int:
    """Return how many lines of samples there are."""
    lines = problem.taps_of_output // line_taps
    if not shared:
        return lines
    column = boxes.tables[1]
    more = (TOGETHER - 1) * len(column.phases)
    return lines // column.axis.taps * (column.axis.taps + more)


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
