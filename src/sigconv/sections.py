"""Some results of a convolution along one axis, by a plan that was made for more or fewer."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from sigconv.core.blocks import Range, cut, largest_step
from sigconv.core.boundary import ZERO
from sigconv.core.dtypes import Array
from sigconv.core.gather import Source, gather_region
from sigconv.core.problem import Axis
from sigconv.engines import ENGINES, Plan, Prepared, execute
from sigconv.planning import current_machine

__all__ = ["compute_section", "without_parts"]


def without_parts(plan: Plan) -> Plan:
    """Return the plan, or one by whole windows if its kernel goes in parts.

    Each section would begin with windows over a whole kernel that give no outputs.
    """
    if plan.parts == 1:
        return plan
    others = ENGINES[plan.method].candidates(plan.problem, current_machine())
    return replace(next(one for one in others if one.parts == 1), candidates=plan.candidates)


def compute_section(
    prepared: Prepared,
    source: Source,
    axes: tuple[Axis, ...],
    out: Array,
    *,
    workers: int,
    longest: int | None = None,
) -> None:
    """Write the results that `axes` want of a source.

    Parameters
    ----------
    prepared : Prepared
        The kernel, for a plan of an engine that works block by block.
    source : Source
        The samples, in the canonical layout of the plan's problem.
    axes : tuple of Axis
        The convolved axes, which continue the source and may want other results than the plan's.
    out : ndarray
        The results, in canonical layout.
    workers : int
        How many threads may share the blocks.
    longest : int, optional
        The most results that a block has along the first axis.
    """
    plan = prepared.plan
    problem = plan.problem
    dtype = problem.dtypes.compute
    regions = tuple(axis.support(axis.start, axis.stop) for axis in axes)
    whole = tuple(slice(0, n) for n in source.shape[: -len(axes)])
    samples = gather_region(source, axes, whole, regions, dtype)
    samples = np.broadcast_to(samples, problem.batch + samples.shape[len(whole) :])
    parts = tuple(_alone(axis, region) for axis, region in zip(axes, regions, strict=True))
    cuts = []
    for axis, edges in zip(parts, plan.grid.cuts, strict=True):
        bounds = (0, axis.size) if plan.grid.by_input else (axis.start, axis.stop)
        step = largest_step(edges)
        cuts.append(cut(*bounds, min(step, longest or step)))
        longest = None
    grid = replace(plan.grid, axes=parts, cuts=tuple(cuts))
    execute(prepared, samples, out, grid=grid, workers=workers)


def _alone(axis: Axis, region: Range) -> Axis:
    """Return the axis of samples that have been gathered with what continues them."""
    low, high = region
    return axis._replace(
        size=high - low, start=axis.start - low, stop=axis.stop - low, edges=(ZERO, ZERO)
    )
