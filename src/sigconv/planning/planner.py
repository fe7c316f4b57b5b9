"""Choosing a plan: every engine that can, at its predicted cost; the cheapest one runs."""

from __future__ import annotations

from dataclasses import replace
from functools import lru_cache
from math import prod

from sigconv.core.problem import Problem
from sigconv.engines import ENGINES, Candidate, Engine, Machine, Plan, compiled
from sigconv.engines.accuracy import precisions, tap_by_tap
from sigconv.errors import MethodError, OptionError
from sigconv.fft import current_backend
from sigconv.planning.calibration import current_machine

__all__ = ["METHODS", "make_plan", "small_plan"]

METHODS = ("auto", *ENGINES)


def make_plan(problem: Problem, method: str = "auto", machine: Machine | None = None) -> Plan:
    """Return the cheapest plan for `problem` by `method`, or by any engine for ``auto``."""
    setting = current_backend(), compiled.loaded()
    return _made(problem, method, machine or current_machine(), setting)


def small_plan(
    problem: Problem, method: str = "auto", machine: Machine | None = None
) -> Plan | None:
    """Return what `make_plan` would, but for the table, where a sum takes less than any block.

    To cost all that will not be chosen takes a hundred times as long as a small sum.
    """
    if method not in ("auto", "direct") or problem.rtol is not None or problem.is_trivial:
        return None
    if ENGINES["direct"].refusal(problem):
        return None
    machine = machine or current_machine()
    plan = next(ENGINES["direct"].candidates(problem, machine))
    least = machine.call + machine.block / 2
    return plan if method == "direct" or plan.cost.first < least else None


@lru_cache(maxsize=1024)
def _made(
    problem: Problem, method: str, machine: Machine, setting: tuple[str, frozenset[str]]
) -> Plan:
    """Plan for an FFT backend, with loops that are loaded: others cost what loading them takes."""
    del setting
    if method not in METHODS:
        raise MethodError(f"method must be one of {', '.join(METHODS)}, or a Plan; got {method!r}.")
    candidates, plans = [], []
    for name, engine in ENGINES.items():
        if refusal := engine.refusal(problem):
            candidates.append(Candidate(name, refusal=refusal))
            continue
        best = _accurate(engine, problem, machine)
        if isinstance(best, str):
            candidates.append(Candidate(name, refusal=best))
            continue
        candidates.append(Candidate(name, cost=best.cost))
        plans.append(best)
    if not plans:
        raise OptionError(
            f"no method keeps rtol={problem.rtol:g} for {prod(problem.taps)} taps. Ask for a "
            "larger rtol, or pass Fraction objects, which are exact."
        )
    if method == "auto" or problem.is_trivial:
        chosen = min(plans, key=lambda plan: plan.cost.first)
    else:
        able = [plan for plan in plans if plan.method == method]
        if not able:
            refusal = next(c.refusal for c in candidates if c.method == method)
            raise MethodError(
                f"method={method!r} cannot compute this: {refusal}. Use method='auto'."
            )
        chosen = able[0]
    return replace(chosen, candidates=tuple(candidates))


def _accurate(engine: Engine, problem: Problem, machine: Machine) -> Plan | str:
    """Return the engine's plan in the narrowest dtype that keeps `rtol`, or why there is none."""
    for version in precisions(problem):
        plan = next(engine.candidates(version, machine))
        if problem.rtol is None or plan.error_bound <= problem.rtol:
            if problem.rtol is None or not plan.nfft or tap_by_tap(problem):
                return plan
            return f"outputs beside loud samples need direct sums, which miss rtol={problem.rtol:g}"
    return f"its error bound {plan.error_bound:.1e} exceeds rtol={problem.rtol:g}"
