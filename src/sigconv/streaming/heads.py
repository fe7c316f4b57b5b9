"""The first taps of a stream: a direct sum, or overlap-save over each chunk."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple, Protocol

import numpy as np

from sigconv.core.dtypes import Array
from sigconv.engines.accuracy import LOUDER
from sigconv.fft import Transform
from sigconv.streaming.crew import SHARED, Crew
from sigconv.streaming.layout import Windows
from sigconv.streaming.past import Past
from sigconv.streaming.steps import Connections

__all__ = ["DirectHead", "FirstTaps", "Head", "WindowHead"]


class FirstTaps(NamedTuple):
    """Kernels in rows, the delay of their first taps, and what outputs are multiplied by."""

    taps: Array
    latency: int
    factor: Any


class Head(Protocol):
    """What the first taps make of a past."""

    def write(self, sums: Array, start: int, stop: int) -> None:
        """Write the outputs of times [start, stop) to the beginnings of rows."""


class DirectHead:
    """A sum over taps.

    Parameters
    ----------
    past : Past
        The samples, a row for each input.
    first : FirstTaps
        The kernels.
    connections : Connections
        Which kernel leads from which input to which output.
    loop : callable
        `sum_first_taps`, compiled or by NumPy.
    """

    def __init__(
        self,
        past: Past,
        first: FirstTaps,
        connections: Connections,
        loop: Callable[..., None],
    ) -> None:
        taps, self._latency, self._factor = first
        self._past, self._taps = past, np.ascontiguousarray(taps)
        self._table, self._loop = connections.table, loop
        self._rows = past.samples.reshape(connections.inputs, -1)

    def write(self, sums: Array, start: int, stop: int) -> None:
        """Write the outputs of times [start, stop) to the beginnings of rows."""
        begin, size = start - self._past.start - self._latency, stop - start
        self._loop(self._rows, begin, self._taps, self._table, sums, size)
        if self._factor != 1:
            sums[:, :size] *= self._factor


class WindowHead:
    """Overlap-save by compiled loops, where each output has one input of the same number.

    Parameters
    ----------
    past : Past
        The samples, a row for each input.
    first : FirstTaps
        The kernel.
    windows : Windows
        Their lengths.
    works : list of Transform
        The transforms of each worker.
    crew : Crew
        Who shares them.
    """

    def __init__(
        self,
        past: Past,
        first: FirstTaps,
        windows: Windows,
        works: list[Transform],
        crew: Crew,
    ) -> None:
        from sigconv.loops.stream import run_windows

        (taps,), self._latency, self._factor = first
        self._past = past
        self._windows, self._crew = windows, crew
        self._louder = LOUDER if windows.loop == "pairs" else 0.0
        self._loop, self._works = run_windows, works
        work = self._works[0]
        work.samples[0, : taps.size] = taps
        work.samples[0, taps.size :] = 0
        work.forward()
        self._spectra = work.spectrum / taps.dtype.type(windows.nfft).real
        self._scratch = [self._scratch_of(work) for work in self._works]
        self._flat = past.samples.reshape(-1)

    def _scratch_of(self, work: Transform) -> tuple[Array, Array, Array]:
        real = self._past.samples.dtype
        samples = work.samples[0].view(real)
        return samples, work.spectrum[0], np.zeros((3, self._windows.nfft), real)

    def write(self, sums: Array, start: int, stop: int) -> None:
        """Write the outputs of times [start, stop) to the beginnings of rows."""
        nfft, hop, _ = self._windows
        size, rows, long = stop - start, len(sums), self._past.samples.shape[-1]
        lead = nfft - hop
        begin = start - self._latency - self._past.start - lead
        known = self._past.time - self._past.start - begin
        each = 2 if self._louder else 1
        pieces = rows * -(-size // (hop * each))
        places = rows, long, sums.shape[1], begin, known, size, hop, lead
        signals = places, self._flat, sums.reshape(-1)
        workers = min(len(self._works), pieces, 1 + pieces * each * nfft // SHARED)
        if workers == 1:
            self._run(0, signals, self._crew.alone())
            return
        runs = [partial(self._run, number, signals) for number in range(workers)]
        self._crew.share(runs, pieces)

    def _run(self, number: int, signals: tuple[Any, ...], counter: Array) -> None:
        arguments = self._scratch[number], *signals, self._spectra, self._factor, self._louder
        self._loop(counter, self._works[number].calls, *arguments)
