"""Looking at a kernel's values, where what they may save repays it."""

from __future__ import annotations

from functools import lru_cache
from math import prod

from sigconv.core.dtypes import Array
from sigconv.core.problem import Problem
from sigconv.core.structure import Structure, find_structure
from sigconv.engines import ENGINES, Machine, Plan
from sigconv.planning.calibration import ready_machine

__all__ = ["looked_at", "needs_a_look", "structure_of"]

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
    if name == "separable":
        return True
    products = prod(problem.result_shape) * prod(problem.taps)
    return products >= _PRODUCTS and (
        problem.rtol is not None or _may_pay(problem, ready_machine())
    )


@lru_cache(maxsize=256)
def _may_pay(problem: Problem, machine: Machine) -> bool:
    """Tell whether passes would be faster than the direct sum, if the kernel allows them."""
    direct = next(ENGINES["direct"].candidates(problem, machine)).cost.seconds
    for kind in ("constant", "product"):
        allowed = problem.with_structure(Structure(kind, 1))
        if next(ENGINES["separable"].candidates(allowed, machine)).cost.seconds < direct:
            return True
    return False


def structure_of(problem: Problem, taps: Array, *, patient: bool = False) -> Structure:
    """Return what the values of `taps`, in canonical layout, allow.

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
    return find_structure(h, dtypes.compute, rtol=problem.rtol, several=several)


def looked_at(problem: Problem, taps: Array, *, patient: bool = False) -> Problem:
    """Return the problem with what the values of its kernel allow: see `structure_of`."""
    return _with_structure(problem, structure_of(problem, taps, patient=patient))


_with_structure = lru_cache(maxsize=1024)(Problem.with_structure)
