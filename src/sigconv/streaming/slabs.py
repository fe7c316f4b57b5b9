"""Streams slab by slab: any kernel, dtype and boundary, by the engines of single calls.

What has been heard of a signal is a signal, of which each chunk wants the next results. They are
computed from their samples and as many before them as the kernel has taps.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from sigconv.core.boundary import ZERO, Edge
from sigconv.core.dtypes import Array, DType
from sigconv.core.index import along
from sigconv.core.problem import Axis
from sigconv.engines import Plan, Prepared, prepare
from sigconv.planning import make_plan
from sigconv.sections import compute_section
from sigconv.streaming.past import Past, Timed

__all__ = ["SlabFilter", "SlabPast", "SummedSlabs"]


class SlabPast:
    """What has been heard, in the layout of chunks.

    Parameters
    ----------
    past : Past
        Where samples lie.
    order : tuple of int
        The axes in canonical layout.
    latency : int
        The samples by which results are late.
    workers : int
        How many threads may share the work.
    """

    def __init__(self, past: Past, order: tuple[int, ...], latency: int, workers: int) -> None:
        self.past, self.order, self.latency, self.workers = past, order, latency, workers
        self.size: int | None = None

    def forget(self) -> None:
        """Begin anew."""
        self.past.forget()
        self.size = None

    def prepare(self, chunk: Array) -> bool:
        """Do nothing: what precedes the first sample is gathered when it is needed."""
        return False

    def hear(self, chunk: Array) -> None:
        """Take the next samples."""
        self.past.append(chunk)

    def end(self, size: int) -> bool:
        """Know that the signal has ended after `size` samples."""
        self.size = size
        return False

    def hear_beyond(self, size: int, count: int) -> None:
        """Do nothing: what follows the last sample is gathered when it is needed."""

    def state(self) -> dict[str, Any]:
        """Return what `restore` takes."""
        return {"past": self.past.state()}

    def restore(self, state: dict[str, Any]) -> None:
        """Go on from a state."""
        self.past.restore(state["past"], keeps_bad=True)
        self.size = None

    def source(self) -> Timed:
        """Return all that has been heard."""
        size = self.past.time if self.size is None else self.size
        return Timed(self.past, size, self.order)


class SlabFilter:
    """A kernel that is applied to a past.

    Parameters
    ----------
    past : SlabPast
        What has been heard.
    plan : Plan
        How a signal is computed, of any length along the axis of time: by an engine that works
        block by block.
    kernel : ndarray
        The taps.
    """

    def __init__(self, past: SlabPast, plan: Plan, kernel: Array) -> None:
        self._past, self._kernel = past, kernel
        self._problem = problem = plan.problem
        self._prepared = prepare(plan, problem.kernel_view(kernel))
        self._careful: Prepared | None = None
        time = past.past.axis
        self._position = [axis.axis for axis in problem.axes].index(time)
        shape = list(problem.result_shape)
        shape[time] = past.past.room
        self._results = np.empty(shape, problem.dtypes.compute)

    def rebuild(self) -> None:
        """Do nothing: all is made from the past when it is due."""

    def outputs(self, start: int, stop: int, target: Array | None = None) -> Array:
        """Return the outputs of times [start, stop), in `target` where they can be."""
        past, time = self._past, self._past.past.axis
        results: Array = self._results[along(time, slice(0, stop - start))]
        if target is not None and target.dtype == results.dtype:
            results = target
        first = min(max(start, past.latency), stop)
        results[along(time, slice(0, first - start))] = 0
        if first < stop and results.size:
            wanted = results[along(time, slice(first - start, None))]
            self._compute(first - past.latency, stop - past.latency, wanted)
        return results

    def _compute(self, start: int, stop: int, out: Array) -> None:
        problem, source = self._problem, self._past.source()
        axes = list(problem.axes)
        size = source.shape[len(source.shape) - len(axes) + self._position]
        axis = axes[self._position]._replace(size=size, start=start, stop=stop)
        axes[self._position] = axis
        view = problem.result_view(out)
        inside = len(axes) == 1 and axis.taps - 1 <= start and stop <= size
        if problem.has_absent_edges and not inside:
            self._compute_weighted(source, tuple(axes), view)
        else:
            workers = self._past.workers
            compute_section(self._prepared, source, tuple(axes), view, workers=workers)

    def _compute_weighted(self, source: Timed, axes: tuple[Axis, ...], out: Array) -> None:
        """Write results in which existing samples carry all the weight.

        The sums are direct: an FFT's error is relative to the whole kernel, of which an end of it
        may be a small part.
        """
        problem, workers = self._problem, self._past.workers
        if self._careful is None:
            plan = make_plan(problem, "direct")
            self._careful = prepare(plan, problem.kernel_view(self._kernel))
        compute_section(self._careful, source, axes, out, workers=workers)
        weights = np.empty(out.shape, out.dtype)
        present = tuple(axis._replace(edges=_presence(axis)) for axis in axes)
        ones = _Ones(source.shape, source.dtype)
        compute_section(self._careful, ones, present, weights, workers=workers)
        taps = problem.kernel_view(self._kernel)
        summed = tuple(range(taps.ndim - len(axes), taps.ndim))
        with np.errstate(all="ignore"):
            # Nothing present is 0/0.
            weights /= taps.sum(axis=summed, keepdims=True, dtype=out.dtype)
            out /= weights


class SummedSlabs:
    """The sums over inputs of several filters, one for each output; time is the last axis."""

    def __init__(self, filters: list[SlabFilter]) -> None:
        self._filters = filters

    def rebuild(self) -> None:
        """Do nothing: all is made from the past when it is due."""

    def outputs(self, start: int, stop: int, target: Array | None = None) -> Array:
        """Return the outputs of times [start, stop)."""
        made = [one.outputs(start, stop).sum(axis=0) for one in self._filters]
        return np.stack(made)


class _Ones:
    """As many ones as a source has samples."""

    def __init__(self, shape: tuple[int, ...], dtype: DType) -> None:
        self.shape, self.dtype = shape, dtype

    def __getitem__(self, key: tuple[slice, ...]) -> Array:
        ones: Any = np.ones((), self.dtype)
        return np.broadcast_to(ones, tuple(part.stop - part.start for part in key))


def _presence(axis: Axis) -> tuple[Edge, Edge]:
    """Return the edges that show where samples are present: beyond any edge but an absent one."""
    before, after = (ZERO if edge.rule == "absent" else Edge("edge") for edge in axis.edges)
    return before, after
