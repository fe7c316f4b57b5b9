"""The plan of a convolution, and the table that it prints."""

from __future__ import annotations

from dataclasses import dataclass, field
from math import prod
from typing import NamedTuple

import numpy as np

from sigconv.core.blocks import BlockGrid
from sigconv.core.problem import Axis, Problem
from sigconv.core.units import format_bytes, format_seconds
from sigconv.engines.accuracy import choose_limbs, direct_error, fft_error

__all__ = ["Candidate", "Cost", "Plan"]


class Cost(NamedTuple):
    """What a plan is predicted to take: seconds on one worker, and extra bytes per worker."""

    seconds: float
    nbytes: int


class Candidate(NamedTuple):
    """One line of a plan's table: what an engine would cost, or why it refuses."""

    method: str
    cost: Cost | None = None
    refusal: str | None = None


@dataclass(frozen=True, slots=True)
class Plan:
    """How one convolution will be computed; the result depends on nothing else.

    Print it for a table. Pass it as ``method=`` to compute in the same way again.

    Attributes
    ----------
    problem : Problem
        What is computed.
    method : str
        The engine: ``direct``, ``fft``, ``overlap-save``, ``overlap-add`` or ``exact``.
    grid : BlockGrid
        The blocks that the work is cut into.
    cost : Cost
        Predicted seconds on one worker and bytes of scratch per worker.
    nfft, hop : tuple of int
        FFT length and advance of a block on each convolved axis (empty where there is no FFT).
    group : int
        Transforms per call of the FFT library.
    effort : str
        How hard the FFT library plans: ``estimate`` or ``measure``.
    loop : str
        The inner loop of ``direct``: ``numba``, ``numpy`` or ``np.convolve``.
    candidates : tuple of Candidate
        Every engine that was considered.
    """

    problem: Problem
    method: str
    grid: BlockGrid
    cost: Cost
    nfft: tuple[int, ...] = ()
    hop: tuple[int, ...] = ()
    group: int = 1
    effort: str = "estimate"
    loop: str = ""
    candidates: tuple[Candidate, ...] = field(default=(), compare=False)

    @property
    def error_bound(self) -> float:
        """The factor e of |error| <= e ||x|| ||h||, 0 where results are exact.

        The norms are Euclidean: of the kernel, and of the samples in the FFT block or, for
        ``direct``, under the kernel.
        """
        dtypes = self.problem.dtypes
        if dtypes.is_exact:
            return 0.0
        if self.nfft:
            factor = fft_error(dtypes.compute, self.nfft)
        else:
            factor = direct_error(dtypes.compute, prod(self.problem.taps))
        rounded = dtypes.compute != dtypes.result
        return factor + (float(np.finfo(dtypes.result).eps) / 2 if rounded else 0.0)

    def __str__(self) -> str:
        return _format_plan(self)


def _format_plan(plan: Plan) -> str:
    """Return the problem, the plan and every engine considered, one fact a line."""
    problem = plan.problem
    operation = "correlate" if problem.correlate else "convolve"
    facts = [
        ("operation", f"{operation}, mode {problem.mode}"),
        ("shapes", f"{problem.signal_shape} * {problem.kernel_shape} -> {problem.result_shape}"),
        ("dtype", f"{problem.dtypes.result} (computed in {problem.dtypes.compute})"),
        ("boundary", "; ".join(map(_format_edges, problem.axes)) or "none needed"),
        ("method", f"{plan.method}{f' ({plan.loop})' if plan.loop else ''}"),
    ]
    if plan.nfft:
        facts.append(("FFT length", _join(plan.nfft)))
        facts.append(("block", f"{_join(plan.hop)} outputs, {plan.group} a call"))
    facts += [
        ("blocks", str(len(plan.grid))),
        ("predicted", f"{format_seconds(plan.cost.seconds)} on one worker"),
        ("scratch", f"{format_bytes(plan.cost.nbytes)} a worker"),
        ("error", _format_error(plan)),
    ]
    lines = [f"{name:<11} {value}" for name, value in facts]
    lines.append("candidates")
    width = max((len(c.method) for c in plan.candidates), default=0)
    lines += [f"  {_format_candidate(c, plan, width)}" for c in plan.candidates]
    return "\n".join(lines)


def _format_error(plan: Plan) -> str:
    problem = plan.problem
    if problem.dtypes.is_integer and plan.nfft:
        limbs = choose_limbs(problem, plan.nfft)
        return f"exact: {limbs.signal} x {limbs.kernel} limbs, {problem.bits}"
    if problem.dtypes.is_exact:
        return "exact"
    where = "block" if plan.nfft else "under the kernel"
    kept = f", rtol {problem.rtol:g} kept" if problem.rtol is not None else ""
    return f"at most {plan.error_bound:.1e} |samples {where}| |kernel|{kept}"


def _format_candidate(candidate: Candidate, plan: Plan, width: int) -> str:
    mark = "*" if candidate.method == plan.method else " "
    if candidate.cost is None:
        return f"{mark} {candidate.method:<{width}}  refused: {candidate.refusal}"
    seconds = format_seconds(candidate.cost.seconds)
    return (
        f"{mark} {candidate.method:<{width}}  {seconds:>9}  {format_bytes(candidate.cost.nbytes)}"
    )


def _format_edges(axis: Axis) -> str:
    before, after = axis.edges
    text = str(before) if before == after else f"{before} before, {after} after"
    return f"axis {axis.axis} {text}"


def _join(numbers: tuple[int, ...]) -> str:
    return " x ".join(map(str, numbers))
