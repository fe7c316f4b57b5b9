"""From the arguments of a call to its result: describe, plan, prepare, execute."""

from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from sigconv.core.arguments import make_problem
from sigconv.core.dtypes import Array, DType, as_numeric, check_objects, is_weak
from sigconv.core.integers import check_integer_range
from sigconv.core.options import options_from
from sigconv.core.problem import Operand, Problem
from sigconv.engines import ENGINES, NonFiniteSamples, Plan, Prepared, compiled, execute, prepare
from sigconv.engines.small import OneStep, one_step
from sigconv.engines.workers import resolve_workers
from sigconv.errors import DTypeError, MethodError, ShapeError
from sigconv.fft import current_backend
from sigconv.missing import (
    Forward,
    check_finite,
    check_weights,
    is_watched,
    is_weighted,
    light_share,
    renormalised,
)
from sigconv.planning import (
    METHODS,
    Loss,
    check_wisdom,
    current_machine,
    looked_at,
    loss_of,
    make_plan,
    needs_a_look,
    small_plan,
    structure_of,
)
from sigconv.recall import Arguments, Memory, key_of

__all__ = [
    "Choice",
    "apply_prepared",
    "check_out",
    "check_samples",
    "check_target",
    "choose",
    "choose_plan",
    "compute",
    "compute_into",
    "forward_by",
    "is_settled",
    "is_shared",
    "run",
]


# Choices of one call that are remembered: integers and kernels may tell ever new things.
_MOST_CHOICES = 8


class Choice(NamedTuple):
    """A plan, as one step where it is simple, and what it loses while a loop is not loaded.

    `problem` is what was planned, which the engine may compute in another dtype. `shares` tells
    whether the work is worth more than one thread.
    """

    problem: Problem
    plan: Plan
    step: OneStep | None
    shares: bool
    loss: Loss | None = None

    def count_loss(self) -> None:
        """Add what a call loses to what calls before it have lost."""
        if self.loss is not None:
            self.loss.add()


class _Call(NamedTuple):
    """A call described: whether its samples have no part in the plan, and whether its taps have.

    `choices` are those made so far, by what samples and taps told.
    """

    problem: Problem
    settled: bool
    looks: bool
    choices: dict[object, Choice]

    @classmethod
    def of(cls, problem: Problem, method: str | Plan) -> _Call:
        return cls(problem, is_settled(problem), needs_a_look(problem, method), {})


_calls = Memory[_Call]()


def compute(
    signal: npt.ArrayLike,
    kernel: npt.ArrayLike,
    arguments: Arguments,
    *,
    method: str | Plan = "auto",
    workers: int | None = None,
    out: Array | None = None,
) -> Array:
    """Describe, plan and run one call, or do what was done for one like it."""
    x, h = as_numeric(signal, "signal"), as_numeric(kernel, "kernel")
    weak = type(kernel) is not np.ndarray and is_weak(kernel)
    key = key_of(x, h, weak, method, arguments)
    call = _calls.find(key)
    if call is None:
        operands = Operand(x.shape, x.dtype), Operand(h.shape, h.dtype, weak)
        call = _Call.of(make_problem(*operands, options_from(*arguments)), method)
        _calls.keep(key, call)
    return _run(call, x, h, method=method, workers=workers, out=out)


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
    return _run(_Call.of(problem, method), signal, kernel, method=method, workers=workers, out=out)


def _run(
    call: _Call,
    signal: Array,
    kernel: Array,
    *,
    method: str | Plan,
    workers: int | None,
    out: Array | None,
) -> Array:
    problem, watch, structure = call.problem, False, None
    if not call.settled:
        watch = is_watched(problem, out)
        problem = check_samples(problem, signal, kernel, watched=watch)
    if call.looks:
        structure = structure_of(problem, problem.kernel_view(kernel))
    told = problem.bits, structure
    choice = call.choices.get(told)
    if choice is None:
        if structure is not None:
            problem = problem.with_structure(structure)
        choice = choose(problem, method)
        while len(call.choices) >= _MOST_CHOICES:
            call.choices.pop(next(iter(call.choices)), None)
        call.choices[told] = choice
    problem = choice.problem
    if out is not None:
        check_out(problem, out)
    if workers is not None:
        resolve_workers(workers)
    choice.count_loss()
    # A step may write before it finds that it cannot go on, and then the kernel is read again.
    if choice.step is not None and (out is None or not np.may_share_memory(out, kernel)):
        weights = choice.step.weights(kernel)
        count = resolve_workers(workers) if choice.shares else 1
        done = choice.step.apply(signal, weights, out, watch=watch, workers=count)
        if done is not None:
            return done
    result = check_out(problem, out)
    if result.size:
        workers = resolve_workers(workers)
        prepared = prepare(choice.plan, problem.kernel_view(kernel))
        compute_into(result, prepared, signal, kernel, workers, watch=watch)
    return result


def is_settled(problem: Problem) -> bool:
    """Tell whether the samples have no part in the plan, and need no check."""
    return (
        problem.dtypes.compute.kind in "fc"
        and problem.nan_policy == "propagate"
        and not problem.has_absent_edges
    )


def choose(problem: Problem, method: str | Plan) -> Choice:
    """Return the plan to use for `problem`, and how."""
    if isinstance(method, str):
        return _chosen(problem, method, current_backend(), compiled.loaded())
    return _choice(problem, choose_plan(problem, method))


@lru_cache(maxsize=1024)
def _chosen(problem: Problem, method: str, backend: str, loaded: frozenset[str]) -> Choice:
    """Choose for an FFT backend, with the compiled loops that are `loaded`."""
    del backend, loaded
    plan = small_plan(problem, method)
    if plan is not None:
        return _choice(problem, plan, loss_of(plan, plan.method))
    plan = make_plan(problem, method)
    return _choice(problem, plan, loss_of(plan, method))


def _choice(problem: Problem, plan: Plan, loss: Loss | None = None) -> Choice:
    shares = is_shared(plan)
    # A step would leave idle the workers that share the blocks of such plans.
    step = None if shares and plan.shares_blocks else one_step(plan)
    return Choice(problem, plan, step, shares, loss)


def is_shared(plan: Plan) -> bool:
    """Tell whether the work of a plan is worth more than one thread."""
    return plan.cost.seconds >= plan.shared_from * current_machine().thread


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
            taps = problem.kernel_view(kernel)
            method = method or plan.method
            if needs_a_look(problem, method):
                problem = looked_at(problem, taps)
            if method == "separable" and ENGINES[method].refusal(problem):
                # Weights rounded otherwise than the taps need not be a product like them.
                method = "auto"
            ready = prepare(make_plan(problem, method), taps)
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
    needed, known = method.problem.structure, problem.structure
    if method.method == "separable" and not (needed and needed.covers(known)):
        raise MethodError(
            f"the plan was made for a kernel that is {needed}; this one is "
            f"{known or 'not known'}. Make a new plan, or use method='auto'."
        )
    check_wisdom(method)
    return method


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
    return _with_bits(problem, check_integer_range(signal, kernel, problem.dtypes, edges))


_with_bits = lru_cache(maxsize=1024)(Problem.with_bits)


def check_out(problem: Problem, out: Array | None) -> Array:
    """Return `out` when it can hold the result, or a new array when it is None."""
    return check_target(out, problem.result_shape, problem.dtypes.result)


def check_target(out: Array | None, shape: tuple[int, ...], dtype: DType) -> Array:
    """Return `out` when it has that shape and dtype, or a new array when it is None."""
    if out is None:
        return np.empty(shape, dtype)
    if not isinstance(out, np.ndarray):
        raise DTypeError(f"out must be a NumPy array; got {type(out).__name__}.")
    if out.shape != shape:
        raise ShapeError(f"out must have the result's shape {shape}; got {out.shape}.")
    if out.dtype != dtype:
        raise DTypeError(
            f"out must have the result's dtype {dtype}; got {out.dtype}. {_remedy(out.dtype)}"
        )
    if not out.flags.writeable:
        raise ShapeError("out must be writeable; got a read-only array. Pass a copy.")
    return out


def _remedy(dtype: DType) -> str:
    native = dtype.newbyteorder("=")
    if native != dtype:
        return f"Pass an array in native byte order, {native}."
    return f"Ask for dtype={dtype}."


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
    if not is_shared(plan_):
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
