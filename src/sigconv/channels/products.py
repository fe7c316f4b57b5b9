"""The weights' gradients by the compiled loop."""

from __future__ import annotations

from functools import lru_cache
from math import prod
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
)
from sigconv.channels.problem import ChannelProblem
from sigconv.core.dtypes import Array
from sigconv.core.nonfinite import is_finite
from sigconv.engines import compiled

__all__ = ["images_together", "is_short", "multiply_directly", "share_of"]

# Weights of a share at least, for each of which an error is read once; and shares in all.
_SHARE, _SHARES = 32, 8

# Bytes of a row that is short, elements that are copied of some images together, and those of a
# line that is long enough where nothing is copied.
_SHORT, _TOGETHER, _LINE = 128, 1 << 17, 4096


def multiply_directly(
    problem: ChannelProblem, x: Array, grad: Array, out: Array, *, workers: int
) -> None:
    """Write the sums over the batch and all outputs of grad[..., q] x[..., s*q + d*k]."""
    from sigconv.loops import products as loop

    dtype = problem.dtypes.compute
    compiled.load(dtype, "products")
    source, errors = readable(x, dtype), grad.astype(dtype, copy=False)
    if errors.strides[-1] != dtype.itemsize or readable(errors, dtype) is not errors:
        errors = errors.copy(order="C")
    # Zeros between short rows of errors would turn samples that are not finite into NaN.
    flat = is_short(problem) and is_finite(source)
    products = _described(problem, Lie.of(source), Lie.of(errors), flat)
    sums = np.zeros((products.slabs, *problem.weight_shape), dtype)
    whole = Loop(loop.multiply_channels, loop.compiled_shares().address, dtype)
    arrays = [products.given, source, errors, sums]
    count = turns_of(problem.products, products.boxes)
    turns = [Turn(0, products.pieces, (turn, count)) for turn in range(count)]
    run_loop(whole, arrays, products.room, turns, workers)
    # Each sum is added up in one order, whoever made it.
    out[...] = sums[0] if products.slabs == 1 else sums.sum(axis=0)


class _Products(NamedTuple):
    """What the loop is told of a problem, whatever the samples; `slabs` sums are added up.

    Each has at most so many `boxes`.
    """

    given: Array
    room: tuple[int, int]
    pieces: int
    slabs: int
    boxes: int


@lru_cache(maxsize=1024)
def _described(problem: ChannelProblem, x: Lie, grad: Lie, flat: bool) -> _Products:
    """Describe a problem for arrays that lie in some way, with short rows or not."""
    from sigconv.loops import products as loop

    dtype = problem.dtypes.compute
    inputs, outputs = problem.inputs // problem.groups, problem.outputs // problem.groups
    taps, share = prod(problem.weight_shape[2:]), share_of(problem)
    parts = problem.groups * -(-inputs // share)
    boxes = Boxes.of(problem.axes, share, problem.products // problem.batch, problem.batch)
    source, result = Steps.to_read(x, dtype, boxes.axes[2].stride), Steps.to_read(grad, dtype)
    width = boxes.lengths[2]
    in_place = boxes.lie_in(source)
    pitch = source.steps[3] if in_place else width + boxes.tables[2].span
    row = boxes.axes[2].length
    joined = row == pitch == width == result.steps[3] and in_place
    flat = flat and not joined
    in_place = in_place and not flat
    room = share * boxes.copied(dtype.itemsize) + flat * _errors(problem, boxes)
    images = images_together(problem, boxes, flat=flat, joined=joined)
    taken = -(-problem.batch // images) * boxes.per_signal
    slabs = _slabs(problem, parts, taken)
    few, one, add = loop.multipliers(dtype)
    given = loop.ProductGiven(
        batch=problem.batch,
        groups=problem.groups,
        channels=inputs,
        outputs=outputs,
        share=share,
        slabs=slabs,
        size=dtype.itemsize,
        load=source.move,
        load_size=source.size,
        in_place=int(in_place),
        joined=int(joined),
        flat=int(flat),
        images=images,
        taps=taps,
        multiply_few=few,
        multiply_one=one,
        add=add,
        **source.named("x"),
        **result.named("out"),
        **dict.fromkeys(("place_d", "place_h", "place_w"), 0),
    )
    scratch = 0 if in_place else images * room, share * taps + loop.ROOM
    return _Products(
        given_numbers(given._asdict(), boxes), scratch, slabs * parts, slabs, -(-taken // slabs)
    )


def is_short(problem: ChannelProblem) -> bool:
    """Tell whether rows of errors are so short that they are copied, as one for each image."""
    return problem.axes[-1].length * problem.dtypes.compute.itemsize <= _SHORT


def images_together(problem: ChannelProblem, boxes: Boxes, *, flat: bool, joined: bool) -> int:
    """Return how many images are summed up at a time: enough for their sums to be worth adding."""
    _, height, width = boxes.lengths
    if joined:
        return min(problem.batch, max(1, _LINE // (height * width)))
    if not flat:
        return 1
    size = problem.dtypes.compute.itemsize
    room = share_of(problem) * boxes.copied(size) + _errors(problem, boxes)
    return max(1, min(problem.batch, _TOGETHER // room))


def _errors(problem: ChannelProblem, boxes: Boxes) -> int:
    """Return the elements of a plane of errors with zeros between the rows, of a group."""
    _, height, width = boxes.lengths
    return problem.outputs // problem.groups * height * (width + boxes.tables[2].span)


def share_of(problem: ChannelProblem) -> int:
    """Return how many input channels a worker takes at a time: each error is read once for them."""
    inputs, taps = problem.inputs // problem.groups, prod(problem.weight_shape[2:])
    return min(inputs, max(-(-_SHARE // taps), -(-problem.inputs // _SHARES)))


def _slabs(problem: ChannelProblem, parts: int, boxes: int) -> int:
    """Return into how many stretches the boxes are cut, each with sums of its own.

    They depend on the problem alone, as sums in another order would differ in their last bits.
    """
    wanted = -(-_SHARES // parts)
    room = (prod(problem.signal_shape) + prod(problem.result_shape)) // 2
    affordable = max(1, room // prod(problem.weight_shape))
    return min(wanted, affordable, boxes)
