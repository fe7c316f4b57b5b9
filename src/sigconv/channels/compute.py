"""Sums over channels and their two adjoints: which engine, and what lies around it."""

from __future__ import annotations

import numpy as np

from sigconv.channels.adjoint import phases_of, region_of, transposed
from sigconv.channels.problem import ChannelProblem
from sigconv.channels.taps import sum_by_taps, weights_by_taps
from sigconv.core.dtypes import Array
from sigconv.core.gather import scatter_add
from sigconv.core.index import trailing

__all__ = ["adjoint", "forward", "weight_gradient"]


def forward(
    problem: ChannelProblem,
    x: Array,
    weight: Array,
    bias: Array | None = None,
    *,
    method: str = "auto",
    workers: int | None = None,
) -> Array:
    """Return the sums for a signal (batch, inputs, *space), with a bias for each output channel."""
    out = np.empty(problem.result_shape, problem.dtypes.result)
    write_forward(problem, x, weight, bias, out)
    return out


def write_forward(
    problem: ChannelProblem, x: Array, weight: Array, bias: Array | None, out: Array
) -> None:
    sum_by_taps(problem, x, weight, bias, out)


def adjoint(
    problem: ChannelProblem,
    grad: Array,
    weight: Array,
    bias: Array | None = None,
    *,
    method: str = "auto",
    workers: int | None = None,
) -> Array:
    """Return what the adjoint of `forward` makes of an array like its result, with a bias."""
    turned = transposed(weight.conj() if weight.dtype.kind == "c" else weight, problem.groups)
    region = region_of(problem)
    inside = all(
        bounds == (0, axis.size) for bounds, axis in zip(region, problem.axes, strict=True)
    )
    shape = problem.batch, problem.inputs, *(stop - start for start, stop in region)
    dtype = problem.dtypes.result if inside else problem.dtypes.compute
    # Where samples are added up afterwards, the bias is added once, at the end.
    early, late = (bias, None) if inside else (None, bias)
    whole = np.empty(shape, dtype)
    for place, taps, phase in phases_of(problem):
        part = whole[trailing(place)]
        if phase is None:
            part[...] = 0 if early is None else _spread(early, problem)
        else:
            write_forward(phase, grad, turned[trailing(taps)], early, part)
    if inside:
        return whole
    out = np.zeros(problem.signal_shape, problem.dtypes.compute)
    with np.errstate(all="ignore"):
        scatter_add(whole, problem.axes, region, out)
        if late is not None:
            out += _spread(late, problem)
        return out.astype(problem.dtypes.result, copy=False)


def _spread(bias: Array, problem: ChannelProblem) -> Array:
    return bias.astype(problem.dtypes.compute).reshape(-1, *(1,) * len(problem.axes))


def weight_gradient(
    problem: ChannelProblem,
    x: Array,
    grad: Array,
    *,
    method: str = "auto",
    workers: int | None = None,
) -> Array:
    """Return the derivative of sum(grad conj(forward(x))) by the weights' conjugates."""
    out = np.empty(problem.weight_shape, problem.dtypes.result)
    weights_by_taps(problem, x, grad, out)
    return out
