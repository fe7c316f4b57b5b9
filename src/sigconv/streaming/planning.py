"""Planning streams: how one is computed, with the loops loaded that this takes."""

from __future__ import annotations

from math import prod

import numpy as np

from sigconv.core.dtypes import Array, DType, DTypes
from sigconv.core.problem import Axis, Problem
from sigconv.engines import ENGINES, Plan, compiled
from sigconv.fft import current_backend
from sigconv.planning import current_machine, looked_at, make_plan, needs_a_look
from sigconv.sections import without_parts
from sigconv.streaming.layout import Costs, Size, choose_layout, direct_rate
from sigconv.streaming.plan import StreamPlan
from sigconv.streaming.ways import Way

__all__ = [
    "is_partitioned",
    "loss_of",
    "plan_partitioned",
    "plan_slabs",
    "slab_room",
    "streamed",
]

# Samples that a stream takes at a time, however long chunks are.
_MOST_ROOM = 1 << 17

# Bytes of slabs, likewise.
_LEAST_BYTES, _MOST_BYTES = 1 << 20, 1 << 25


def is_partitioned(dtypes: DTypes) -> bool:
    """Tell whether sums in parts are worth while: not where they would not be exact."""
    return dtypes.compute.char in "fdFD"


def plan_partitioned(
    size: Size, chunk: int, dtypes: DTypes, *, patient: bool, one_kernel: bool
) -> StreamPlan:
    """Return the plan of a stream of floating samples along one axis, for chunks of so many.

    With time for it, FFTW times its algorithms for long transforms. Windows over chunks are for
    one kernel alone.
    """
    dtype = dtypes.compute
    machine = current_machine()
    loop = compiled.loop_for(dtype)
    rate = direct_rate(machine, dtype, is_compiled=loop == "numba")
    chunk = min(chunk, max(_MOST_ROOM, 1 << (size.taps - 1).bit_length()))
    transforms = "numba" if compiled.runs_transforms(dtype) else "numpy"
    if transforms == "numba" and one_kernel:
        size = size._replace(loops=("pairs", "numba") if dtype.char == "f" else ("numba",))
    layout = choose_layout(size, chunk, machine, rate)
    way = Way(layout, dtype, loop, transforms, current_backend())
    way = way.learnt() if patient else way
    return StreamPlan(size.taps, size.latency, chunk, dtypes, way, size=size)


def loss_of(plan: StreamPlan, chunk: int) -> float:
    """Return the seconds that a plan is predicted to lose per sample, for chunks of so many.

    What it would take to plan anew is not counted.
    """
    assert plan.way is not None
    assert plan.size is not None
    machine, layout = current_machine(), plan.way.layout
    rate = direct_rate(machine, plan.way.dtype, is_compiled=plan.way.loop == "numba")
    costs = Costs(plan.size, chunk, machine, rate)
    now = costs.priced(layout.head, layout.stages, layout.windows)
    return now.seconds - choose_layout(plan.size, chunk, machine, rate).seconds


def streamed(problem: Problem, time: int, samples: int) -> Problem:
    """Return a problem with the axis of time among its axes, wanting `samples` results of it."""
    size = problem.signal_shape[time]
    axes = {axis.axis: axis for axis in problem.axes}
    known = axes.get(time, Axis(time, size, 1, 0, size))
    axes[time] = known._replace(start=known.taps - 1, stop=known.taps - 1 + samples)
    return problem.with_axes(tuple(axes[axis] for axis in sorted(axes)))


def slab_room(shape: tuple[int, ...], time: int, taps: int, chunk: int, dtype: DType) -> int:
    """Return the most samples along time that a stream of slabs takes at a time."""
    one = max(1, prod(shape[:time] + shape[time + 1 :]) * dtype.itemsize)
    most = max(taps, _MOST_BYTES // one, 1)
    return min(max(chunk, _LEAST_BYTES // one), most)


def plan_slabs(problem: Problem, kernel: Array, method: str | None = None) -> Plan:
    """Return the plan of an engine that works block by block, with its loops loaded.

    That is the engine of a `method` where it can take this kernel.
    """
    dtype = problem.dtypes.compute
    _load(dtype, len(problem.axes))
    if needs_a_look(problem, method or "auto"):
        problem = looked_at(problem, problem.kernel_view(kernel), patient=True)
    able = [
        name
        for name, engine in ENGINES.items()
        if (engine.blockwise or name == "exact") and not engine.refusal(problem)
    ]
    names = [method] if method in able else able
    plans = [make_plan(problem, name) for name in names]
    return without_parts(min(plans, key=lambda plan: plan.cost.seconds))


def _load(dtype: DType, ndim: int) -> None:
    """Load the loops of single calls: a stream is long enough to repay that."""
    if compiled.loop_for(np.dtype(dtype)) != "numba":
        return
    compiled.load(dtype)
    if dtype.kind in "fc":
        compiled.load(dtype, "passes")
        if compiled.runs_transforms(dtype):
            compiled.load(dtype, "windows" if ndim == 1 else "planes")
