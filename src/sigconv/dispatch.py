"""From the arguments of a call to its result: describe, plan, prepare, execute."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from sigconv.core.dtypes import Array, as_numeric, check_integer_range, is_weak
from sigconv.core.problem import Operand, Options, Problem, make_problem
from sigconv.engines import Plan, Prepared, execute, prepare
from sigconv.engines.workers import resolve_workers
from sigconv.errors import DTypeError, MethodError, ShapeError
from sigconv.planning import MACHINE, make_plan

__all__ = [
    "apply_prepared",
    "check_exact",
    "check_out",
    "choose_plan",
    "compute",
    "hashable",
    "options_from",
    "run",
]

# Work shorter than this many thread starts stays on the calling thread.
_WORTH_THREADS = 10


def options_from(mode: str, **keywords: Any) -> Options:
    """Return the keywords of a call as `Options`, lists made hashable."""
    return Options(mode, **{name: hashable(value) for name, value in keywords.items()})


def compute(
    signal: npt.ArrayLike,
    kernel: npt.ArrayLike,
    options: Options,
    *,
    method: str | Plan = "auto",
    workers: int | None = None,
    out: Array | None = None,
) -> Array:
    """Describe, plan and run one call."""
    x, h = as_numeric(signal, "signal"), as_numeric(kernel, "kernel")
    operands = Operand(x.shape, x.dtype), Operand(h.shape, h.dtype, is_weak(kernel))
    return run(make_problem(*operands, options), x, h, method=method, workers=workers, out=out)


def run(
    problem: Problem,
    signal: Array,
    kernel: Array,
    *,
    method: str | Plan = "auto",
    workers: int | None = None,
    out: Array | None = None,
) -> Array:
    """Plan and compute `problem` for these samples."""
    workers = resolve_workers(workers)
    chosen = choose_plan(problem, method)
    check_exact(problem, signal, kernel)
    result = check_out(problem, out)
    if result.size:
        prepared = prepare(chosen, problem.kernel_view(kernel))
        apply_prepared(prepared, signal, kernel, result, workers)
    return result


def choose_plan(problem: Problem, method: str | Plan) -> Plan:
    """Return the plan to use for `problem`, which a given plan must have been made for."""
    if not isinstance(method, Plan):
        return make_plan(problem, method)
    if method.problem != problem:
        raise MethodError(
            f"the plan was made for {method.problem.signal_shape} * {method.problem.kernel_shape} "
            f"({method.problem.dtypes.result}, mode {method.problem.mode}); this call is "
            f"{problem.signal_shape} * {problem.kernel_shape} ({problem.dtypes.result}, mode "
            f"{problem.mode}) or differs in axes, boundary or center. Make a new plan."
        )
    return method


def check_exact(problem: Problem, signal: Array, kernel: Array) -> None:
    """Raise when an integer result may not fit."""
    if problem.dtypes.is_exact:
        edges = [edge for axis in problem.axes for edge in axis.edges]
        check_integer_range(signal, kernel, problem.dtypes, edges)


def check_out(problem: Problem, out: Array | None) -> Array:
    """Return `out` when it can hold the result, or a new array when it is None."""
    shape, dtype = problem.result_shape, problem.dtypes.result
    if out is None:
        return np.empty(shape, dtype)
    if not isinstance(out, np.ndarray):
        raise DTypeError(f"out must be a NumPy array; got {type(out).__name__}.")
    if out.shape != shape:
        raise ShapeError(f"out must have the result's shape {shape}; got {out.shape}.")
    if out.dtype != dtype:
        raise DTypeError(
            f"out must have the result's dtype {dtype}; got {out.dtype}. Ask for dtype={out.dtype}."
        )
    if not out.flags.writeable:
        raise ShapeError("out must be writeable; got a read-only array. Pass a copy.")
    return out


def apply_prepared(
    prepared: Prepared, signal: Array, kernel: Array, out: Array, workers: int
) -> None:
    """Run a prepared kernel over `signal` into `out`, which may overlap the inputs."""
    plan_ = prepared.plan
    problem = plan_.problem
    if plan_.cost.seconds < _WORTH_THREADS * MACHINE.thread:
        workers = 1
    overlaps = np.may_share_memory(out, signal) or np.may_share_memory(out, kernel)
    target = np.empty(out.shape, out.dtype) if overlaps else out
    execute(
        prepared,
        problem.signal_view(signal),
        problem.result_view(target),
        grid=plan_.grid,
        workers=workers,
    )
    if target is not out:
        out[...] = target


def hashable(value: Any) -> Any:
    """Return lists as tuples, all the way down."""
    if isinstance(value, list | tuple):
        return tuple(hashable(item) for item in value)
    return value
