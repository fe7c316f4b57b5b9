"""Channels that do not meet, each convolved by the engines of single signals."""

from __future__ import annotations

import numpy as np

from sigconv.channels.problem import ChannelProblem, bias_view
from sigconv.core.arguments import make_problem
from sigconv.core.dtypes import Array
from sigconv.core.problem import Axis, Operand, Options, Problem
from sigconv.dispatch import run

__all__ = ["problem_apart", "refusal_apart", "sum_apart"]


def refusal_apart(problem: ChannelProblem) -> str | None:
    """Say why channels are not convolved one by one."""
    if not problem.is_depthwise:
        return "channels meet"
    if any(axis.stride > 1 for axis in problem.axes):
        return "an FFT would make all the outputs that the stride leaves out"
    if any(axis.dilation > 1 or axis.taps == 1 for axis in problem.axes):
        return "its kernels have neighbouring taps, more than one on each axis"
    if any(axis.start < 0 or axis.stop > axis.size + axis.reach_back for axis in problem.axes):
        return "some outputs meet no sample"
    if not all(_meets_all_taps(axis) for axis in problem.axes):
        return "some taps meet no sample"
    return None


def _meets_all_taps(axis: Axis) -> bool:
    """Tell whether each tap meets a sample for some output, as engines of single signals expect."""
    low, high = axis.support(axis.start, axis.stop)
    return axis.start < high and axis.stop - low >= axis.taps


def problem_apart(problem: ChannelProblem) -> Problem:
    """Return the convolution of all channels, of axes (batch, inputs, outputs of each, *space)."""
    each = problem.outputs // problem.inputs
    signal = problem.batch, problem.inputs, 1, *problem.signal_shape[2:]
    kernel = 1, problem.inputs, each, *problem.weight_shape[2:]
    dtype = problem.dtypes.compute
    boundary = tuple(tuple(edge.rule for edge in axis.edges) for axis in problem.axes)
    axes = tuple(range(3, 3 + len(problem.axes)))
    options = Options(mode="full", axes=axes, boundary=boundary)
    whole = make_problem(Operand(signal, dtype), Operand(kernel, dtype), options)
    wanted = zip(whole.axes, problem.axes, strict=True)
    return whole.with_axes(tuple(a._replace(start=b.start, stop=b.stop) for a, b in wanted))


def sum_apart(
    problem: ChannelProblem,
    x: Array,
    weight: Array,
    bias: Array | None,
    out: Array,
    *,
    workers: int,
) -> None:
    """Write the result for a signal (batch, inputs, *space)."""
    single = problem_apart(problem)
    dtype = problem.dtypes.compute
    space = tuple(range(3, 3 + len(problem.axes)))
    kernel = np.flip(weight.reshape(single.kernel_shape), space).astype(dtype, copy=False)
    samples = np.expand_dims(x, 2).astype(dtype, copy=False)
    whole = out.dtype == dtype and out.flags.c_contiguous
    target = out.reshape(single.result_shape) if whole else None
    sums = run(single, samples, kernel, workers=workers, out=target).reshape(out.shape)
    with np.errstate(all="ignore"):
        if bias is not None:
            sums += bias_view(problem, bias)
        if not whole:
            out[...] = sums
