"""The weights' gradients by the compiled loop."""

from __future__ import annotations

from math import prod

import numpy as np

from sigconv.channels.driving import Boxes, Loop, Steps, readable, run_loop
from sigconv.channels.problem import ChannelProblem
from sigconv.core.dtypes import Array
from sigconv.engines import compiled

__all__ = ["multiply_directly", "share_of"]

# Weights of a share at least, for each of which an error is read once; and shares in all.
_SHARE, _SHARES = 32, 8


def multiply_directly(
    problem: ChannelProblem, x: Array, grad: Array, out: Array, *, workers: int
) -> None:
    """Write the sums over the batch and all outputs of grad[..., q] x[..., s*q + d*k]."""
    from sigconv.loops import products as loop

    dtype = problem.dtypes.compute
    compiled.load(dtype, "products")
    inputs, outputs = problem.inputs // problem.groups, problem.outputs // problem.groups
    taps, share = prod(problem.weight_shape[2:]), share_of(problem)
    parts = problem.groups * -(-inputs // share)
    boxes = Boxes.of(problem.axes, share, problem.products // problem.batch, problem.batch)
    slabs = _slabs(problem, parts, boxes)
    source = Steps.to_read(readable(x, dtype), dtype, boxes.axes[2].stride)
    errors = grad.astype(dtype, copy=False)
    if errors.strides[-1] != dtype.itemsize or not errors.flags.aligned:
        errors = np.ascontiguousarray(errors)
    result = Steps.to_read(errors, dtype)
    in_place = boxes.lie(source)
    width = boxes.lengths[2]
    pitch = source.steps[3] if in_place else width + boxes.tables[2].span
    few, one, add = loop.multipliers(dtype)
    sums = np.zeros((slabs, *problem.weight_shape), dtype)
    given = loop.ProductGiven(
        batch=problem.batch,
        groups=problem.groups,
        channels=inputs,
        outputs=outputs,
        share=share,
        slabs=slabs,
        size=dtype.itemsize,
        load=source.move,
        load_size=source.array.itemsize,
        in_place=int(in_place),
        joined=int(pitch == width == result.steps[3]),
        taps=taps,
        multiply_few=few,
        multiply_one=one,
        add=add,
        **source.named("x"),
        **result.named("out"),
        **dict.fromkeys(("place_d", "place_h", "place_w"), 0),
    )
    elements = 0 if in_place else share * boxes.copied(dtype.itemsize)
    run_loop(
        Loop(loop.multiply_channels, loop.compiled_shares().address, dtype),
        given._asdict(),
        boxes,
        [source.array, result.array, sums],
        (elements, share * taps + loop.ROOM),
        (slabs * parts, workers),
    )
    np.sum(sums, axis=0, out=out, dtype=dtype) if slabs > 1 else np.copyto(out, sums[0])


def share_of(problem: ChannelProblem) -> int:
    """Return how many input channels a worker takes at a time: each error is read once for them."""
    inputs, taps = problem.inputs // problem.groups, prod(problem.weight_shape[2:])
    return min(inputs, max(-(-_SHARE // taps), -(-problem.inputs // _SHARES)))


def _slabs(problem: ChannelProblem, parts: int, boxes: Boxes) -> int:
    """Return into how many stretches the boxes are cut, each with sums of its own.

    They depend on the problem alone, as sums in another order would differ in their last bits.
    """
    wanted = -(-_SHARES // parts)
    room = (prod(problem.signal_shape) + prod(problem.result_shape)) // 2
    affordable = max(1, room // prod(problem.weight_shape))
    return min(wanted, affordable, problem.batch * boxes.count)
