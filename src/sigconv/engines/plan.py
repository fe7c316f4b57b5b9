"""The plan of a convolution, and the table that it prints."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from math import ceil, prod, sqrt
from typing import NamedTuple

import numpy as np

from sigconv.core.blocks import BlockGrid
from sigconv.core.problem import Axis, Problem
from sigconv.core.shapes import regular_length
from sigconv.core.units import format_bytes, format_seconds
from sigconv.engines.accuracy import (
    LOUDER,
    choose_limbs,
    direct_error,
    fft_error,
    separable_error,
)

__all__ = ["Candidate", "Cost", "Plan"]


class Cost(NamedTuple):
    """What a plan is predicted to take: seconds on one worker, and extra bytes per worker.

    `load` is what comes before that in this process, once: the time to load a compiled loop.
    """

    seconds: float
    nbytes: int
    load: float = 0.0

    @property
    def first(self) -> float:
        """The seconds that a call takes now, by which plans are chosen."""
        return self.seconds + self.load


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
        The engine: ``direct``, ``separable``, ``fft``, ``overlap-save``, ``overlap-add`` or
        ``exact``.
    grid : BlockGrid
        The blocks that the work is cut into.
    cost : Cost
        Predicted seconds on one worker and bytes of scratch per worker.
    nfft, hop : tuple of int
        FFT length and advance of a block on each convolved axis (empty where there is no FFT).
    group : int
        Transforms per call of the FFT library.
    effort : str
        How the FFT library plans: ``estimate``, ``measure``, or ``wisdom`` that was gathered by
        ``sigconv calibrate``.
    loop : str
        What runs inside: of ``direct``, ``numba``, ``numpy`` or ``np.convolve``; of an FFT engine,
        ``numba``, ``pairs`` (two windows share a transform), ``parts`` (a long kernel goes in
        parts) and ``compiled planes`` for compiled loops, ``planes`` or nothing for NumPy's steps.
    wisdom : str
        The name of that wisdom, empty without it. Under other wisdom the last bits may differ.
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
    wisdom: str = ""
    candidates: tuple[Candidate, ...] = field(default=(), compare=False)

    @property
    def shares_blocks(self) -> bool:
        """Whether the workers share each block, instead of one taking it."""
        alone = self.loop == "numba" and len(self.problem.axes) > 1 and len(self.grid) == 1
        return self.loop.endswith("planes") or (alone and self.method == "separable")

    @property
    def shared_from(self) -> float:
        """How long work should be that several workers share, in starts of a thread."""
        if self.loop.endswith("planes"):
            # They wait for one another three times in each block.
            return 15.0
        # Nobody waits for a thread to start where a compiled loop counts the pieces.
        return 2.0 if self.loop == "numba" and self.method in ("direct", "separable") else 5.0

    @property
    def parts(self) -> int:
        """How many parts of the kernel have spectra of their own."""
        return ceil(self.problem.taps[0] / self.hop[0]) if self.loop == "parts" else 1

    def by_whole_windows(self) -> Plan:
        """Return the plan, with windows longer than the kernel where its loop takes parts of it."""
        if self.loop != "parts":
            return self
        (taps,) = self.problem.taps
        nfft = regular_length(2 * taps)
        hop = nfft - taps + 1
        return replace(self, nfft=(nfft,), hop=(hop,), loop="", effort="estimate", wisdom="")

    @property
    def error_bound(self) -> float:
        """The factor e of |error| <= e ||x|| ||h||, 0 where results are exact.

        The norms are Euclidean: of the kernel, and of the samples in the FFT block or, for
        ``direct`` and ``separable``, under the kernel.
        """
        dtypes = self.problem.dtypes
        if dtypes.is_exact:
            return 0.0
        if self.nfft:
            # Of two blocks that share a transform, the louder one counts for both.
            share = sqrt(1 + LOUDER) if self.loop == "pairs" else 1.0
            # Each sample is in two of the windows that meet parts, and p spectra are added.
            share = sqrt(2) if self.loop == "parts" else share
            factor = share * fft_error(dtypes.compute, self.nfft)
            factor += (self.parts - 1) * float(np.finfo(dtypes.compute).eps)
        elif self.method == "separable" and self.problem.structure:
            factor = separable_error(dtypes.compute, self.problem.taps, self.problem.structure)
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
        of_parts = f", the kernel in {plan.parts} parts" if plan.parts > 1 else ""
        facts.append(("block", f"{_join(plan.hop)} outputs, {plan.group} a call{of_parts}"))
    if plan.effort != "estimate":
        facts.append(("FFT plans", f"wisdom {plan.wisdom}" if plan.wisdom else "measured"))
    if plan.method == "separable":
        facts.append(("kernel", str(problem.structure)))
    facts += [
        ("blocks", str(len(plan.grid))),
        ("predicted", _format_predicted(plan.cost)),
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
    cost = candidate.cost
    figures = f"{format_seconds(cost.seconds):>9}  {format_bytes(cost.nbytes)}"
    return f"{mark} {candidate.method:<{width}}  {figures}{_format_load(cost)}"


def _format_predicted(cost: Cost) -> str:
    return f"{format_seconds(cost.seconds)} on one worker{_format_load(cost)}"


def _format_load(cost: Cost) -> str:
    """Return the time to load a loop where it matters beside the work."""
    matters = cost.load > cost.seconds / 20
    return f", after {format_seconds(cost.load)} to load the loop" if matters else ""


def _format_edges(axis: Axis) -> str:
    before, after = axis.edges
    text = str(before) if before == after else f"{before} before, {after} after"
    return f"axis {axis.axis} {text}"


def _join(numbers: tuple[int, ...]) -> str:
    return " x ".join(map(str, numbers))
