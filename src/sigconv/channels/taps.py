"""Sums over channels tap by tap, in any dtype: each tap is one product of matrices.

Slow, and the definition: only samples that exist are multiplied.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product

import numpy as np

from sigconv.channels.problem import ChannelProblem, bias_view
from sigconv.core.boundary import ZERO
from sigconv.core.dtypes import Array, DType
from sigconv.core.gather import gather_region
from sigconv.core.index import trailing
from sigconv.core.problem import Shape

__all__ = ["sum_by_taps", "weights_by_taps"]

_Slices = tuple[slice, ...]


def sum_by_taps(
    problem: ChannelProblem,
    x: Array,
    weight: Array,
    bias: Array | None,
    out: Array,
    *,
    workers: int = 1,
) -> None:
    """Write the result for a signal (batch, inputs, *space)."""
    del workers
    dtype, groups = problem.dtypes.compute, problem.groups
    each = problem.outputs // groups
    problem, x = _extended(problem, x)
    sums = np.zeros(problem.result_shape, dtype)
    parts = sums.reshape(problem.batch, groups, each, *sums.shape[2:])
    with np.errstate(all="ignore"):
        weights = weight.astype(dtype).reshape(groups, each, *weight.shape[1:])
        for taps, source, target in _tap_slices(problem):
            samples = _matrices(x[trailing(source)], groups, problem.inputs, dtype)
            added = weights[trailing(taps)] @ samples
            place = parts[trailing(target)]
            place += added.reshape(place.shape)
        if bias is not None:
            sums += bias_view(problem, bias)
        out[...] = sums


def weights_by_taps(
    problem: ChannelProblem, x: Array, grad: Array, out: Array, *, workers: int = 1
) -> None:
    """Write the sums over the batch and all outputs of grad[..., q] conj(x[..., s*q + d*k])."""
    del workers
    dtype, groups = problem.dtypes.compute, problem.groups
    problem, x = _extended(problem, x)
    sums = np.zeros(problem.weight_shape, dtype)
    parts = sums.reshape(groups, problem.outputs // groups, *problem.weight_shape[1:])
    with np.errstate(all="ignore"):
        for taps, source, target in _tap_slices(problem):
            samples = _matrices(x[trailing(source)], groups, problem.inputs, dtype)
            errors = _matrices(grad[trailing(target)], groups, problem.outputs, dtype)
            parts[trailing(taps)] = (errors @ samples.conj().swapaxes(-1, -2)).sum(axis=0)
        out[...] = sums


def _matrices(array: Array, groups: int, channels: int, dtype: DType) -> Array:
    """Return (batch, groups, channels of a group, positions)."""
    shape = array.shape[0], groups, channels // groups, int(np.prod(array.shape[2:]))
    return array.astype(dtype, copy=False).reshape(shape)


def _extended(problem: ChannelProblem, x: Array) -> tuple[ChannelProblem, Array]:
    """Return the signal with what continues it, where that adds anything, and its problem."""
    if all(edge.is_zero for axis in problem.axes for edge in axis.edges):
        return problem, x
    region = tuple(
        axis.clip(first, first + extent)
        for axis, first, extent in zip(problem.axes, problem.firsts, problem.extents, strict=True)
    )
    batch = slice(0, x.shape[0]), slice(0, x.shape[1])
    whole = gather_region(x, problem.axes, batch, region, problem.dtypes.compute)
    nothing = ZERO, ZERO
    axes = tuple(
        axis._replace(size=stop - low, start=axis.start - low, stop=axis.stop - low, edges=nothing)
        for axis, (low, stop) in zip(problem.axes, region, strict=True)
    )
    return problem.with_axes(axes), whole


def _tap_slices(problem: ChannelProblem) -> Iterator[tuple[Shape, _Slices, _Slices]]:
    """Yield each tap with the samples that it meets and the outputs that these belong to."""
    spans = [[axis.met_by(k) for k in range(axis.taps)] for axis in problem.axes]
    for taps in product(*(range(axis.taps) for axis in problem.axes)):
        met = [spans[j][k] for j, k in enumerate(taps)]
        if all(target.start < target.stop for _, target in met):
            yield taps, tuple(source for source, _ in met), tuple(target for _, target in met)
