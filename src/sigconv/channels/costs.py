"""What the engines for sums over channels are predicted to take, on one worker."""

from __future__ import annotations

from math import prod

from sigconv.channels.driving import Boxes
from sigconv.channels.problem import ChannelProblem
from sigconv.channels.products import images_together, is_short, share_of
from sigconv.core.problem import Shape
from sigconv.engines.base import Machine, dtype_key
from sigconv.loops.pieces import TOGETHER

__all__ = ["direct_seconds", "gemm_seconds", "product_seconds", "tap_seconds"]

# A sum that shares its loads with no other, against one that does.
_ALONE = 1.4

# Seconds of a call, of one that changes the threads of BLAS, of a box of outputs, of the columns of
# a box, of the slices of a tap, and of a result that its product is added to.
_CALL, _BLAS_CALL, _BOX, _COLUMNS, _TAP, _ADDED = 3e-5, 1e-4, 1e-6, 6e-5, 1.5e-5, 3e-9

# Products whose time a few vectors of sums take to be added up into single numbers.
_SUMMED = 6400

# What BLAS takes for a product, against the compiled loops, in products of large and of small
# matrices; and columns, whose runs are short, against a copy.
_BLAS, _BLAS_SUMS, _RUNS = 2.2, 4.0, 2.0

_VECTOR = 64


def direct_seconds(problem: ChannelProblem, machine: Machine) -> float:
    """Return the seconds of the compiled loop."""
    unit = _unit(problem, machine)
    inputs, outputs = problem.inputs // problem.groups, problem.outputs // problem.groups
    boxes = _boxes(problem, inputs)
    rows = prod(axis.length for axis in boxes.axes[:2])
    row = boxes.axes[1]
    vectors = _in_vectors(problem, boxes.lengths[2])
    if row.length > 1:
        # Short rows are summed up as one, with what lies between them.
        vectors = min(vectors, boxes.lengths[2] + boxes.tables[2].span)
    shares = outputs >= TOGETHER or (row.taps > 1 and row.dilation == 1 and row.length >= TOGETHER)
    products = rows * vectors * problem.taps_of_output * problem.outputs * problem.batch
    seconds = products * unit * (1.0 if shares else _ALONE)
    return seconds + _boxed(problem, boxes, inputs, machine)


def product_seconds(problem: ChannelProblem, machine: Machine) -> float:
    """Return the seconds of the compiled loop of the weights' gradient."""
    unit = _unit(problem, machine)
    inputs, outputs = problem.inputs // problem.groups, problem.outputs // problem.groups
    boxes = _boxes(problem, share_of(problem))
    joined, flat = _is_pointwise(problem), is_short(problem)
    images = images_together(problem, boxes, flat=flat and not joined, joined=joined)
    rows, width = prod(axis.length for axis in boxes.axes[:2]), boxes.lengths[2]
    width = (
        width if joined else width + boxes.tables[2].span if flat else _in_vectors(problem, width)
    )
    products = rows * width * problem.taps_of_output * problem.outputs * problem.batch
    calls: float = -(-problem.batch // images) * boxes.per_signal * boxes.lengths[0]
    pairs = inputs * prod(problem.weight_shape[2:]) * outputs
    # A call sums up 24 pairs of rows, or 9 where a row is alone.
    calls *= problem.groups * max(1.0, pairs / (24 if outputs >= TOGETHER else 9))
    alone = 1.0 if outputs >= TOGETHER else _ALONE
    seconds = unit * (products * alone + calls * _SUMMED)
    return seconds + _boxed(problem, boxes, inputs, machine)


def gemm_seconds(problem: ChannelProblem, machine: Machine, *, of_weights: bool = False) -> float:
    """Return the seconds of columns and their products with weights, or with errors."""
    outputs = problem.batch * problem.groups * prod(problem.result_shape[2:])
    columns = outputs * problem.taps_of_output * problem.dtypes.compute.itemsize
    factor = _BLAS_SUMS if of_weights else _BLAS
    seconds = problem.products * _unit(problem, machine) * factor
    boxes = problem.batch * problem.groups
    return seconds + 2 * columns * machine.copy * _RUNS + boxes * _COLUMNS + _BLAS_CALL


def tap_seconds(problem: ChannelProblem, machine: Machine) -> float:
    """Return the seconds of one product of matrices for each tap, without BLAS."""
    key = dtype_key(problem.dtypes.compute)
    taps, results = prod(problem.weight_shape[2:]), prod(problem.result_shape)
    seconds = problem.products * machine.slice_add.get(key, 1e-8)
    return seconds + taps * (_TAP + problem.batch * problem.groups * _BOX + results * _ADDED)


def _boxes(problem: ChannelProblem, channels: int) -> Boxes:
    units = problem.batch * problem.groups
    return Boxes.of(problem.axes, channels, problem.products // units, units)


def _boxed(problem: ChannelProblem, boxes: Boxes, inputs: int, machine: Machine) -> float:
    """Return the seconds to copy what boxes of outputs meet, and to begin with them."""
    size = problem.dtypes.compute.itemsize
    count = problem.batch * problem.groups * boxes.per_signal
    arrays: tuple[Shape, ...] = (problem.signal_shape, problem.result_shape)
    moved = 2 * count * inputs * boxes.copied(size) + sum(map(prod, arrays))
    return moved * size * machine.copy + count * _BOX + _CALL


def _in_vectors(problem: ChannelProblem, width: int) -> int:
    """Return the outputs of a row that are computed: whole vectors."""
    lanes = max(1, _VECTOR // problem.dtypes.compute.itemsize)
    return -(-width // lanes) * lanes


def _is_pointwise(problem: ChannelProblem) -> bool:
    return problem.taps_of_output == problem.inputs // problem.groups


def _unit(problem: ChannelProblem, machine: Machine) -> float:
    return machine.multiply_add.get(dtype_key(problem.dtypes.compute), 1e-8)
