"""What a stream of floating samples along one axis has heard, as samples and as spectra."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from math import prod
from typing import Any

import numpy as np

from sigconv.core.boundary import ZERO, Edges
from sigconv.core.dtypes import Array, DType
from sigconv.core.gather import gather_region
from sigconv.core.problem import Axis
from sigconv.engines import compiled
from sigconv.streaming.heads import DirectHead, FirstTaps, Head, WindowHead
from sigconv.streaming.layout import Stage
from sigconv.streaming.past import Past, Timed
from sigconv.streaming.stages import DelayLine
from sigconv.streaming.steps import (
    CompiledSteps,
    Connections,
    NumpySteps,
    Steps,
    are_finite_by_numpy,
    sum_first_taps_by_numpy,
)
from sigconv.streaming.ways import Way

__all__ = ["PartitionedPast"]


class PartitionedPast:
    """What has been heard on each input, as samples and as spectra, which all kernels share.

    Parameters
    ----------
    way : Way
        How it is computed.
    batch : tuple of int
        The shape of what comes, without the axis of time, which is last.
    room : int
        The most samples that come at a time.
    edges : (Edge, Edge)
        What precedes the signal and what follows it.
    workers : int
        How many transforms may run at once.
    """

    def __init__(
        self, way: Way, batch: tuple[int, ...], room: int, edges: Edges, workers: int
    ) -> None:
        self.way, self._edges = way, edges
        dtype = way.dtype
        self.past = Past((*batch, 0), len(batch), way.layout.reach, room, dtype)
        self.rows = self.past.samples.reshape(prod(batch), -1)
        self._sum_first_taps, are_finite = _direct_loops(dtype, way.loop)

        self.are_finite = are_finite
        # No method of this object: so the end of a stream frees it at once.
        self._is_clean = partial(_is_clean, are_finite, self.rows)
        is_native = way.transforms == "numba"
        if is_native:
            compiled.load(dtype, "blocks")
        # NumPy's steps are one thread's.
        self._workers = workers if is_native else 1
        self.lines = [
            DelayLine(stage, self.past, self._steps(stage)) for stage in way.layout.stages
        ]
        self.forget()

    def forget(self) -> None:
        """Begin anew."""
        self.past.forget()
        # The first sample that exists, None where others precede the signal; and the last.
        self._first: int | None = 0
        self._end: int | None = None
        self._is_begun = self._edges[0].is_zero
        for line in self.lines:
            line.rebuild()

    def prepare(self, chunk: Array) -> bool:
        """Extend the signal before its first sample once `chunk` shows enough of it.

        Tell whether it has been: what is due is to be made anew.
        """
        past = self.past
        if self._is_begun or past.time + chunk.shape[-1] < self._shown:
            return False
        return self._begin(chunk[..., : max(0, self._shown - past.time)])

    @property
    def _shown(self) -> int:
        """How many samples tell what precedes the first."""
        taps = self.way.layout.taps
        return {"constant": 0, "edge": 1, "symmetric": taps - 1}.get(self._edges[0].rule, taps)

    def _begin(self, chunk: Array) -> bool:
        past, before = self.past, (self._edges[0], ZERO)
        heard = past.samples[..., -past.start : past.time - past.start]
        if past.raw is not None:
            heard = past.raw[..., -past.start : past.time - past.start]
        signal = np.concatenate([heard, chunk], axis=-1).astype(past.samples.dtype)
        taps = self.way.layout.taps
        axis = Axis(signal.ndim - 1, signal.shape[-1], taps, 0, 1, before)
        batch = tuple(slice(0, n) for n in signal.shape[:-1])
        count = 1 if before[0].rule in ("constant", "edge") else taps - 1
        values = gather_region(signal, (axis,), batch, ((-count, 0),), signal.dtype)
        past.extend_before(values)
        self._first, self._is_begun = None, True
        for line in self.lines:
            line.rebuild()
        return True

    def hear(self, chunk: Array) -> None:
        """Take the next samples, time last."""
        self.past.append(chunk, is_clean=self._is_clean)

    def end(self, size: int) -> bool:
        """Know that the signal has ended after `size` samples; tell as `prepare` does."""
        past, edges = self.past, self._edges
        self._after = past.samples[..., :0]
        if edges[1].is_zero:
            self._end = size
        else:
            source = Timed(past, size, tuple(range(past.samples.ndim)))
            axis = Axis(past.axis, size, 1, 0, 1, edges)
            batch = tuple(slice(0, n) for n in source.shape[:-1])
            region = ((size, size + self.way.layout.taps - 1),)
            self._after = gather_region(source, (axis,), batch, region, past.samples.dtype)
        return not self._is_begun and self._begin(past.samples[..., :0])

    def hear_beyond(self, size: int, count: int) -> None:
        """Take `count` samples of what follows a signal of `size`."""
        beyond = np.zeros((*self.past.samples.shape[:-1], count), self.past.samples.dtype)
        low = self.past.time - size
        values = self._after[..., low : low + count]
        beyond[..., : values.shape[-1]] = values
        self.hear(beyond)

    def state(self) -> dict[str, Any]:
        """Return what `restore` takes."""
        return {"past": self.past.state(), "first": self._first, "is_begun": self._is_begun}

    def restore(self, state: dict[str, Any]) -> None:
        """Go on from a state."""
        self.past.restore(state["past"], keeps_bad=False)
        self._first, self._is_begun, self._end = state["first"], state["is_begun"], None
        for line in self.lines:
            line.rebuild()

    def _steps(self, stage: Stage) -> Steps:
        way = self.way
        if way.transforms != "numba":
            return NumpySteps(way.transform(stage.nfft), stage.block)
        transforms = [way.transform(stage.nfft) for _ in range(self._workers)]
        return CompiledSteps(transforms, stage.block)

    def head_of(self, first: FirstTaps, connections: Connections) -> Head:
        """Return what sums the first taps of kernels."""
        layout = self.way.layout
        if layout.windows is None:
            return DirectHead(self.past, first, connections, self._sum_first_taps)
        windows, dtype = layout.windows, layout.windows.dtype(self.way.dtype)
        works = [self.way.transform(windows.nfft, dtype) for _ in range(self._workers)]
        return WindowHead(self.past, first, windows, works)

    def bad_range(self, start: int, stop: int) -> tuple[int, int] | None:
        """Return from which to which time there are samples that are not finite, within a range."""
        past = self.past
        if past.raw is None:
            return None
        low, high = self.existing(start, stop)
        if low >= high:
            return None
        window = past.raw[..., low - past.start : high - past.start]
        bad = ~np.isfinite(window).reshape(-1, high - low).all(axis=0)
        if not bad.any():
            return None
        places = np.flatnonzero(bad)
        return low + int(places[0]), low + int(places[-1]) + 1

    def existing(self, start: int, stop: int) -> tuple[int, int]:
        """Return the part of a range of times in which there are samples."""
        past = self.past
        low = max(start, past.start, past.start if self._first is None else self._first)
        return low, max(low, min(stop, past.time if self._end is None else self._end))

    def row(self, source: int, start: int, stop: int) -> Array:
        """Return samples of one input, NaN and infinity among them."""
        past = self.past
        samples = past.samples if past.raw is None else past.raw
        rows: Array = samples.reshape(self.rows.shape)
        return rows[source, start - past.start : stop - past.start]


def _is_clean(are_finite: Callable[..., bool], rows: Array, start: int, stop: int) -> bool:
    return start == stop or are_finite(rows, start, stop)


def _direct_loops(dtype: DType, loop: str) -> tuple[Callable[..., None], Callable[..., bool]]:
    if loop != "numba":
        return sum_first_taps_by_numpy, are_finite_by_numpy
    compiled.load(dtype, "heads")
    from sigconv.loops.stream import are_finite, sum_first_taps

    return sum_first_taps, are_finite
