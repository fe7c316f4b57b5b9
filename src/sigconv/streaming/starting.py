"""From what a stream is asked for to a stream at work."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from sigconv.core.arguments import make_problem
from sigconv.core.boundary import Edges
from sigconv.core.dtypes import Array, DTypes
from sigconv.core.options import options_from
from sigconv.core.problem import Operand, Problem
from sigconv.engines import Plan
from sigconv.engines.workers import resolve_workers
from sigconv.missing import check_weights
from sigconv.streaming.arguments import Arguments
from sigconv.streaming.chunks import Chunks
from sigconv.streaming.filtering import PartitionedFilter
from sigconv.streaming.layout import Size
from sigconv.streaming.partitioned import PartitionedPast
from sigconv.streaming.past import Past
from sigconv.streaming.plan import StreamPlan
from sigconv.streaming.planning import plan_partitioned, plan_slabs, slab_room, streamed
from sigconv.streaming.running import Filter, Running
from sigconv.streaming.slabs import SlabFilter, SlabPast, SummedSlabs
from sigconv.streaming.steps import Connections

__all__ = ["Request", "Wiring", "start_partitioned", "start_slabs"]


class Wiring(NamedTuple):
    """Which row of a kernel leads from which input to which output: (output, input, row)."""

    inputs: int
    outputs: int
    pairs: list[tuple[int, int, int]]

    @property
    def has_one_kernel(self) -> bool:
        """Whether each input leads to the output of its number, by one kernel for all."""
        return self.pairs == [(row, row, 0) for row in range(self.outputs)]


class Request(NamedTuple):
    """What a stream is to do: convolve chunks of `size` samples, `others` along other axes."""

    given: Arguments
    edges: Edges
    kernel: Array
    others: tuple[int, ...]
    dtypes: DTypes
    size: int

    @classmethod
    def of(
        cls, given: Arguments, edges: Edges, kernel: Array, chunks: Chunks, size: int
    ) -> Request:
        """Return what is to be done with chunks that are known."""
        assert chunks.others is not None
        assert chunks.dtypes is not None
        return cls(given, edges, kernel, chunks.others, chunks.dtypes, size)


def start_partitioned(
    request: Request, wiring: Wiring, plan: StreamPlan | None, rows_of: Callable[[Array], Array]
) -> Running:
    """Return a stream of floating samples along one axis.

    `rows_of` gives the taps of a kernel in rows.
    """
    given, dtypes = request.given, request.dtypes
    inputs, outputs, pairs = wiring
    used = _connected(wiring, rows_of(request.kernel))
    if plan is None:
        size = Size(given.taps, given.latency, inputs, outputs, max(1, len(used)), dtypes.compute)
        plan = plan_partitioned(
            size,
            request.size,
            dtypes,
            patient=given.block_size is not None,
            one_kernel=wiring.has_one_kernel,
        )
    assert plan.way is not None
    workers = resolve_workers(given.workers)
    past = PartitionedPast(plan.way, request.others, plan.room, request.edges, workers)

    def make_filter(kernel: Array) -> PartitionedFilter:
        taps = rows_of(kernel).astype(dtypes.compute)
        connections = Connections.of(inputs, outputs, _connected(wiring, taps))
        return PartitionedFilter(past, taps, connections, pairs)

    return Running(plan, past, make_filter, request.kernel)


def _connected(wiring: Wiring, taps: Array) -> list[tuple[int, int, int]]:
    """Return the pairs whose kernels are not zero."""
    some = np.any(taps, axis=-1)
    return [pair for pair in wiring.pairs if some[pair[2]]]


def start_slabs(
    request: Request,
    time: int,
    plan: StreamPlan | None,
    *,
    weak: bool,
    along_time: bool = False,
    parts_of: Callable[[Array], Array] | None = None,
) -> Running:
    """Return a stream of any numbers, along all axes of a kernel or `along_time` alone.

    `parts_of` gives the kernels of each output, with a row for each input, where inputs are summed.
    """
    given, others, dtypes = request.given, request.others, request.dtypes
    shape = (*others[:time], 0, *others[time:])
    room = slab_room(shape, time, given.taps, request.size, dtypes.compute)

    def problem_of(taps: Array, boundary: Any) -> Problem:
        alone = along_time or taps.ndim == 1 or parts_of is not None
        axes = time if alone else None
        kernel = Operand(taps.shape, taps.dtype, weak)
        return _problem(request, time, room, kernel, axes=axes, boundary=boundary)

    def plan_for(taps: Array, method: str | None = None) -> Plan:
        problem = problem_of(taps, given.boundary)
        check_weights(problem, taps)
        return plan_slabs(problem, taps, method)

    first = request.kernel if parts_of is None else parts_of(request.kernel)[0]
    slab = plan_for(first) if plan is None else plan.slab
    assert slab is not None
    # A mirror at the end shows as many samples as there are taps.
    past = Past(shape, time, given.latency + given.taps + 1, room, dtypes.compute)
    body = SlabPast(past, given.latency, resolve_workers(given.workers))

    def filter_of(taps: Array) -> SlabFilter:
        shape_fits = taps.shape == slab.problem.kernel_shape and slab.problem.structure is None
        same = shape_fits or (taps is first and plan is None)
        own = slab if same else plan_for(taps, slab.method)
        boundary = _presence(own.problem)
        present = None if boundary is None else problem_of(taps, boundary)
        return SlabFilter(body, own, taps, present)

    def make_filter(kernel: Array) -> Filter:
        if parts_of is None:
            return filter_of(kernel)
        return SummedSlabs([filter_of(part) for part in parts_of(kernel)])

    made = StreamPlan(given.taps, given.latency, room, dtypes, slab=slab)
    return Running(made, body, make_filter, request.kernel)


def _presence(problem: Problem) -> list[tuple[str, str]] | None:
    """Return the boundary of ones that shows where samples exist, if they may be absent."""
    if not problem.has_absent_edges:
        return None
    shown = {"absent": "zero"}
    pairs = [tuple(shown.get(edge.rule, "edge") for edge in pair) for pair in problem.edges]
    return [(before, after) for before, after in pairs]


def _problem(
    request: Request, time: int, room: int, kernel: Operand, *, axes: int | None, boundary: Any
) -> Problem:
    """Return what single calls would be asked for, of a signal as long as a chunk needs."""
    given, others = request.given, request.others
    taps = kernel.shape[0 if len(kernel.shape) == 1 else time]
    long = (*others[:time], room + taps - 1, *others[time:])
    options = options_from(
        "same",
        axes=axes,
        boundary=boundary,
        fill_value=given.fill_value if boundary is given.boundary else 0.0,
        center=given.center,
        dtype=request.dtypes.result,
    )
    signal = Operand(long, request.dtypes.compute)
    return streamed(make_problem(signal, kernel, options), time, room)
