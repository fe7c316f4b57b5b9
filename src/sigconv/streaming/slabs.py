"""Streams slab by slab: any kernel, dtype and boundary, by the engines of single calls.

What has been heard of a signal is a signal, of which each chunk wants the next results. They are
computed from their samples and as many before them as the kernel has taps.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from sigconv.core.blocks import Range
from sigconv.core.dtypes import Array, DType
from sigconv.core.gather import Source
from sigconv.core.index import along
from sigconv.core.problem import Problem
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
    latency : int
        The samples by which results are late.
    workers : int
        How many threads may share the work.
    """

    def __init__(self, past: Past, latency: int, workers: int) -> None:
        self.past, self.latency, self.workers = past, latency, workers
        self._size: int | None = None

    @property
    def heard(self) -> int:
        """How many samples of the signal have been heard."""
        return self.past.time if self._size is None else self._size

    def forget(self) -> None:
        """Begin anew."""
        self.past.forget()
        self._size = None

    def prepare(self, chunk: Array) -> bool:
        """Do nothing: what precedes the first sample is gathered when it is needed."""
        return False

    def hear(self, chunk: Array) -> None:
        """Take the next samples."""
        self.past.append(chunk)

    def end(self, size: int) -> bool:
        """Know that the signal has ended after `size` samples."""
        self._size = size
        return False

    def hear_beyond(self, size: int, count: int) -> None:
        """Do nothing: what follows the last sample is gathered when it is needed."""

    def state(self) -> dict[str, Any]:
        """Return what `restore` takes."""
        return {"past": self.past.state()}

    def restore(self, state: dict[str, Any]) -> None:
        """Go on from a state."""
        self.past.restore(state["past"], keeps_bad=True)
        self._size = None


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
    presence : Problem, optional
        The same for ones, with zeros beyond absent edges and ones beyond others: how much weight
        lies on existing samples.
    """

    def __init__(
        self, past: SlabPast, plan: Plan, kernel: Array, presence: Problem | None = None
    ) -> None:
        self._past, self._kernel, self._presence = past, kernel, presence
        self._problem = problem = plan.problem
        self._prepared = prepare(plan, problem.kernel_view(kernel))
        self._careful: tuple[Prepared, Prepared] | None = None
        time = past.past.axis
        # Along other axes, samples may be absent everywhere.
        across = zip(problem.convolved, problem.edges, strict=True)
        self._absent_across = any(
            edge.rule == "absent" for axis, pair in across if axis != time for edge in pair
        )
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
        past, time = self._past, self._past.past.axis
        taps = self._kernel.shape[0 if self._kernel.ndim == 1 else time]
        inside = taps - 1 <= start and stop <= past.heard
        if self._presence is None or (inside and not self._absent_across):
            self._sum(self._prepared, (start, stop), out)
            return
        if self._careful is None:
            # An FFT's error is relative to the whole kernel, of which an end may be a small part.
            self._careful = self._directly(self._problem), self._directly(self._presence)
        samples, weights = self._careful
        self._sum(samples, (start, stop), out)
        present = np.empty_like(out)
        self._sum(weights, (start, stop), present, of_ones=True)
        with np.errstate(all="ignore"):
            # Nothing present is 0/0.
            out *= self._problem.total_of(self._kernel).astype(out.dtype) / present

    def _directly(self, problem: Problem) -> Prepared:
        return prepare(make_plan(problem, "direct"), problem.kernel_view(self._kernel))

    def _sum(self, prepared: Prepared, wanted: Range, out: Array, *, of_ones: bool = False) -> None:
        """Write results of the times `wanted`, of what has been heard or of as many ones."""
        past, problem = self._past, prepared.plan.problem
        source: Source = Timed(past.past, past.heard, problem.order)
        if of_ones:
            source = _Ones(source.shape, source.dtype)
        axes = tuple(
            axis._replace(size=past.heard, start=wanted[0], stop=wanted[1])
            if axis.axis == past.past.axis
            else axis
            for axis in problem.axes
        )
        view = problem.result_view(out)
        compute_section(prepared, source, axes, view, workers=past.workers)


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
