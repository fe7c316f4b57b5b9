"""Looking at a kernel's values, where what they may save repays it."""

from __future__ import annotations

from functools import lru_cache
from math import prod

from sigconv.core.dtypes import Array
from sigconv.core.problem import Problem
from sigconv.core.structure import find_structure
from sigconv.engines import Plan

__all__ = ["looked_at", "needs_a_look"]

# Products of a direct sum, 0.2 ms on one worker: a look at the kernel takes a tenth of that.
_PRODUCTS = 1 << 22

# Singular values take their time: for so many taps at most, and so many outputs a tap.
_MOST_TAPS = 1 << 16
_OUTPUTS_PER_TAP = 16


def needs_a_look(problem: Problem, method: str | Plan) -> bool:
    """Tell whether the plan for `problem` depends on the values of its kernel."""
    name = method.method if isinstance(method, Plan) else method
    if problem.is_trivial or problem.structure is not None or name not in ("auto", "separable"):
        return False
    if problem.dtypes.compute.kind == "O" or prod(problem.kernel_batch) != 1:
        return False
    products = prod(problem.result_shape) * prod(problem.taps)
    return name == "separable" or products >= _PRODUCTS


def looked_at(problem: Problem, taps: Array, *, patient: bool = False) -> Problem:
    """Return the problem with what the values of `taps`, in canonical layout, allow.

    Sums of several products are looked for where `rtol` allows what they leave out, and where the
    caller is `patient` because the kernel will serve many times.
    """
    dtypes = problem.dtypes
    count = prod(problem.taps)
    outputs = prod(problem.result_shape)
    several = (
        (patient or (problem.rtol is not None and outputs >= count * _OUTPUTS_PER_TAP))
        and count <= _MOST_TAPS
        and dtypes.compute.char in "fdFD"
    )
    h = taps.reshape(problem.taps)
    structure = find_structure(h, dtypes.compute, rtol=problem.rtol, several=several)
    return _with_structure(problem, structure)


_with_structure = lru_cache(maxsize=1024)(Problem.with_structure)
