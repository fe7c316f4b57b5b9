"""What every engine must do: the checks that a new one is run through."""

from __future__ import annotations

from typing import Any

import numpy as np

from sigconv.core.arguments import make_problem
from sigconv.core.options import options_from
from sigconv.core.problem import Operand
from sigconv.engines import Engine, Machine, execute
from sigconv.planning import MACHINE, looked_at, needs_a_look
from sigconv.testing.reference import Array, assert_close, naive_convolve, tolerance

__all__ = ["check_engine"]


def check_engine(
    engine: Engine, signal: Array, kernel: Array, *, machine: Machine = MACHINE, **keywords: Any
) -> int:
    """Run every plan that `engine` offers for a call and compare it with the definition.

    Parameters
    ----------
    engine : Engine
        The engine; it need not be registered.
    signal, kernel, **keywords
        The call, as given to `sigconv.convolve`.
    machine : Machine, optional
        The speeds that the engine's candidates are costed with.

    Returns
    -------
    int
        The number of plans that ran: 0 where the engine refuses.

    Raises
    ------
    AssertionError
        A result that differs from the definition, an input written to, a plan without cost, or
        a result that changes with the number of workers.
    """
    operands = Operand(signal.shape, signal.dtype), Operand(kernel.shape, kernel.dtype)
    problem = make_problem(*operands, options_from(**keywords))
    if needs_a_look(problem, engine.name):
        problem = looked_at(problem, problem.kernel_view(kernel))
    if engine.refusal(problem) is not None or 0 in problem.result_shape:
        return 0
    expected = naive_convolve(signal, kernel, **keywords)
    atol = tolerance(
        signal, kernel, problem.dtypes.compute, fill_value=keywords.get("fill_value", 0.0)
    )
    before = signal.copy(), kernel.copy()
    plans = list(engine.candidates(problem, machine))
    costs = [plan.cost.first for plan in plans]
    assert costs == sorted(costs), "the cheapest plan comes first"
    for plan in plans:
        assert plan.method == engine.name
        assert plan.cost.seconds > 0
        prepared = engine.prepare(plan, problem.kernel_view(kernel))
        results = []
        for workers in (1, 2):
            out = np.full(problem.result_shape, 77, problem.dtypes.result)
            source, target = problem.signal_view(signal), problem.result_view(out)
            execute(prepared, source, target, grid=plan.grid, workers=workers)
            results.append(out)
        assert_close(results[0], expected, atol)
        np.testing.assert_array_equal(
            results[0], results[1], err_msg="bits depend on the number of workers"
        )
    np.testing.assert_array_equal(signal, before[0], err_msg="the signal was written to")
    np.testing.assert_array_equal(kernel, before[1], err_msg="the kernel was written to")
    return len(plans)
