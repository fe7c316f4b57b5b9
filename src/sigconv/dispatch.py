"""From the arguments of a call to its result: describe, plan, prepare, execute."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import numpy.typing as npt

from sigconv.core.arguments import make_problem
from sigconv.core.dtypes import Array, as_dtype, as_numeric, check_objects, is_weak
from sigconv.core.integers import check_integer_range
from sigconv.core.problem import Operand, Options, Problem
from sigconv.engines import NonFiniteSamples, Plan, Prepared, execute, prepare
from sigconv.engines.workers import resolve_workers
from sigconv.errors import DTypeError, MethodError, OptionError, ShapeError
from sigconv.missing import (
    Forward,
    check_finite,
    check_weights,
    is_watched,
    is_weighted,
    light_share,
    renormalised,
)
from sigconv.planning import MACHINE, METHODS, make_plan

__all__ = [
    "apply_prepared",
    "as_shape",
    "check_out",
    "check_samples",
    "choose_plan",
    "compute",
    "compute_into",
    "forward_by",
    "hashable",
    "options_from",
    "run",
]

# Work shorter than this many thread starts stays on the calling thread.
_WORTH_THREADS = 10


def options_from(mode: str, **keywords: Any) -> Options:
    """Return the keywords of a call as `Options`, hashable and with plain integers."""
    if keywords.get("dtype") is not None:
        keywords["dtype"] = as_dtype(keywords["dtype"])
    plain = {name: hashable(name, value) for name, value in keywords.items()}
    for name in ("axes", "center", "max_lag"):
        value = plain.get(name)
        for item in value if isinstance(value, tuple) else (value,):
            # 1.0 == 1: a cache of descriptions would not tell them apart.
            if item is not None and not isinstance(item, int):
                raise ShapeError(f"{name} takes integers; got {value!r}.")
    return Options(hashable("mode", mode), **plain)


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
    watch = is_watched(problem, out)
    problem = check_samples(problem, signal, kernel, watched=watch)
    chosen = choose_plan(problem, method)
    result = check_out(problem, out)
    if result.size:
        prepared = prepare(chosen, problem.kernel_view(kernel))
        compute_into(result, prepared, signal, kernel, workers, watch=watch)
    return result


def compute_into(
    result: Array,
    prepared: Prepared,
    signal: Array,
    kernel: Array,
    workers: int,
    *,
    watch: bool = False,
) -> None:
    """Run a prepared kernel, and share out the weight of missing samples where there are any."""
    problem = prepared.plan.problem
    if watch:
        try:
            apply_prepared(prepared, signal, kernel, result, workers, watch=True)
        except NonFiniteSamples:
            check_finite(problem, signal=signal)
        else:
            return
    if is_weighted(problem, signal):
        forward = forward_by(prepared, workers)
        with np.errstate(all="ignore"):
            light = light_share(prepared.plan)
            result[...] = renormalised(problem, signal, kernel, forward, light)
    else:
        apply_prepared(prepared, signal, kernel, result, workers)


def forward_by(prepared: Prepared, workers: int) -> Forward:
    """Return what computes `prepared`'s problem by it, and others by its method."""
    plan = prepared.plan

    def forward(problem: Problem, signal: Array, kernel: Array, method: str | None) -> Array:
        ready = prepared
        if problem is not plan.problem or method not in (None, plan.method):
            other = make_plan(problem, method or plan.method)
            ready = prepare(other, problem.kernel_view(kernel))
        sums = np.empty(problem.result_shape, problem.dtypes.compute)
        apply_prepared(ready, signal, kernel, sums, workers)
        return sums

    return forward


def choose_plan(problem: Problem, method: str | Plan) -> Plan:
    """Return the plan to use for `problem`, which a given plan must have been made for."""
    if isinstance(method, str):
        return make_plan(problem, method)
    if not isinstance(method, Plan):
        raise MethodError(
            f"method must be one of {', '.join(METHODS)}, or a Plan; got {method!r:.80}."
        )
    if method.problem.bits and problem.bits and not method.problem.bits.covers(problem.bits):
        raise MethodError(
            f"the plan was made for {method.problem.bits}; these inputs need {problem.bits}. "
            "Make a new plan, or make it from the shapes, for integers of any size."
        )
    if differences := method.problem.differences(problem):
        raise MethodError(
            f"the plan was made for {method.problem.signal_shape} * {method.problem.kernel_shape} "
            f"({method.problem.dtypes.result}, mode {method.problem.mode}); this call is "
            f"{problem.signal_shape} * {problem.kernel_shape} ({problem.dtypes.result}, mode "
            f"{problem.mode}), and differs in {', '.join(differences)}. Make a new plan."
        )
    return method


def as_shape(value: Any, name: str) -> tuple[int, ...]:
    """Return `value`, an integer or a sequence of them, as the shape of an array."""
    plain = hashable(name, value)
    shape = plain if isinstance(plain, tuple) else (plain,)
    if any(not isinstance(n, int) or n < 0 for n in shape):
        raise ShapeError(f"the {name}'s shape consists of non-negative integers; got {value!r}.")
    return shape


def check_samples(
    problem: Problem, signal: Array, kernel: Array, *, watched: bool = False
) -> Problem:
    """Raise when an integer result may not fit, or the policy forbids a sample or a tap.

    Samples are left to the engines where these are `watched`. The problem is returned with what
    the samples tell about the integers in it.
    """
    check_finite(problem, **({} if watched else {"signal": signal}), kernel=kernel)
    check_weights(problem, kernel)
    check_objects(signal, kernel)
    if not problem.dtypes.is_integer:
        return problem
    edges = [edge for axis in problem.axes for edge in axis.edges]
    return problem.with_bits(check_integer_range(signal, kernel, problem.dtypes, edges))


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
    prepared: Prepared,
    signal: Array,
    kernel: Array,
    out: Array,
    workers: int,
    *,
    watch: bool = False,
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
        watch=watch,
    )
    if target is not out:
        out[...] = target


def hashable(name: str, value: Any) -> Any:
    """Return `value` with sequences as tuples, all the way down, and NumPy numbers as Python's."""
    if isinstance(value, np.ndarray) or (
        isinstance(value, np.generic) and value.dtype.kind in "biu"
    ):
        value = value.tolist()
    if isinstance(value, list | tuple | range):
        return tuple(hashable(name, item) for item in value)
    if isinstance(value, float) and value != value:
        # One object: as a part of a tuple it then equals itself.
        return math.nan
    try:
        hash(value)
    except TypeError:
        raise OptionError(
            f"{name} takes a string, a number, or a sequence of them; got {value!r:.80}."
        ) from None
    return value
