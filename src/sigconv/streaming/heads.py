"""The first taps of a stream: a direct sum, or overlap-save over each chunk."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple, Protocol

import numpy as np

from sigconv.core.dtypes import Array
from sigconv.engines.accuracy import LOUDER
from sigconv.fft import Transform
from sigconv.streaming.crew import Station
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
    """

    def __init__(
        self,
        past: Past,
        first: FirstTaps,
        windows: Windows,
        works: list[Transform],
    ) -> None:
        from sigconv.loops.stream import run_windows

        (taps,), self._latency, factor = first
        self._past = past
        self._windows = windows
        louder = LOUDER if windows.loop == "pairs" else 0.0
        self._each = 2 if louder else 1
        work = works[0]
        work.samples[0, : taps.size] = taps
        work.samples[0, taps.size :] = 0
        work.forward()
        spectra = work.spectrum / taps.dtype.type(windows.nfft).real
        nfft, hop, _ = windows
        places = past.samples.shape[-1], hop, nfft - hop
        signals = places, past.samples.reshape(-1), spectra, factor, louder

        def loop(work: Transform, scratch: tuple[Array, ...], board: Array, patience: int) -> None:
            run_windows(board, patience, work.calls, scratch, *signals)

        self._station = Station([partial(loop, one, self._scratch_of(one)) for one in works])

    def _scratch_of(self, work: Transform) -> tuple[Array, Array, Array]:
        real = self._past.samples.dtype
        samples = work.samples[0].view(real)
        return samples, work.spectrum[0], np.zeros((3, self._windows.nfft), real)

    def write(self, sums: Array, start: int, stop: int) -> None:
        """Write the outputs of times [start, stop) to the beginnings of rows."""
        (nfft, hop, _), each = self._windows, self._each
        size = stop - start
        begin = start - self._latency - self._past.start - (nfft - hop)
        known = self._past.time - self._past.start - begin
        pieces = len(sums) * -(-size // (hop * each))
        self._station.do((begin, known, size), sums, pieces, pieces * each * nfft)
