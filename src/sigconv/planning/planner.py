"""Choosing a plan: every engine that can, at its predicted cost; the cheapest one runs."""

from __future__ import annotations

from dataclasses import replace
from functools import lru_cache

from sigconv.core.problem import Problem
from sigconv.engines import ENGINES, Candidate, Machine, Plan
from sigconv.errors import MethodError
from sigconv.planning.machine import MACHINE

__all__ = ["METHODS", "make_plan"]

METHODS = ("auto", *ENGINES)


@lru_cache(maxsize=1024)
def make_plan(problem: Problem, method: str = "auto", machine: Machine = MACHINE) -> Plan:
    """Return the cheapest plan for `problem` by `method`, or by any engine for ``auto``."""
    if method not in METHODS:
        raise MethodError(f"method must be one of {', '.join(METHODS)}, or a Plan; got {method!r}.")
    candidates, plans = [], []
    for name, engine in ENGINES.items():
        if refusal := engine.refusal(problem):
            candidates.append(Candidate(name, refusal=refusal))
            continue
        best = next(engine.candidates(problem, machine))
        candidates.append(Candidate(name, cost=best.cost))
        plans.append(best)
    if method == "auto" or problem.is_trivial:
        chosen = min(plans, key=lambda plan: plan.cost.seconds)
    else:
        able = [plan for plan in plans if plan.method == method]
        if not able:
            refusal = next(c.refusal for c in candidates if c.method == method)
            raise MethodError(
                f"method={method!r} cannot compute this: {refusal}. Use method='auto'."
            )
        chosen = able[0]
    return replace(chosen, candidates=tuple(candidates))
