"""A plan as a table that people read."""

from __future__ import annotations

from sigconv.core.problem import Axis
from sigconv.engines.base import Candidate, Plan

__all__ = ["format_bytes", "format_plan", "format_seconds"]


def format_plan(plan: Plan) -> str:
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
    ]
    lines = [f"{name:<11} {value}" for name, value in facts]
    lines.append("candidates")
    width = max((len(c.method) for c in plan.candidates), default=0)
    lines += [f"  {_format_candidate(c, plan, width)}" for c in plan.candidates]
    return "\n".join(lines)


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


def format_seconds(seconds: float) -> str:
    """Return a duration with a unit that suits it.

    >>> format_seconds(0.00123), format_seconds(12)
    ('1.23 ms', '12 s')
    """
    for unit, scale in (("s", 1.0), ("ms", 1e-3)):
        if seconds >= scale:
            return f"{seconds / scale:.3g} {unit}"
    return f"{seconds / 1e-6:.3g} us"


def format_bytes(count: float) -> str:
    """Return a size with a binary unit.

    >>> format_bytes(512), format_bytes(3 << 20)
    ('512 B', '3 MiB')
    """
    for unit, scale in (("GiB", 1 << 30), ("MiB", 1 << 20), ("KiB", 1 << 10)):
        if count >= scale:
            return f"{count / scale:.3g} {unit}"
    return f"{count:.0f} B"
