"""The steps of a stage of a stream, by compiled loops or by NumPy."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any, NamedTuple, Protocol

import numpy as np

from sigconv.core.dtypes import Array
from sigconv.fft import Transform
from sigconv.streaming.crew import Station

__all__ = [
    "NOTHING",
    "CompiledSteps",
    "Connections",
    "Delays",
    "Material",
    "NumpySteps",
    "Outputs",
    "Run",
    "Steps",
    "Work",
    "are_finite_by_numpy",
    "sum_first_taps_by_numpy",
]


class Connections(NamedTuple):
    """Which kernels meet: rows of (output, input, kernel), those of output o from starts[o] on."""

    inputs: int
    outputs: int
    table: Array
    starts: Array

    @classmethod
    def of(cls, inputs: int, outputs: int, rows: list[tuple[int, int, int]]) -> Connections:
        """Return the connections of rows, in the order of their outputs."""
        table = np.array(sorted(rows), np.int64).reshape(-1, 3)
        starts = np.searchsorted(table[:, 0], np.arange(outputs + 1))
        return cls(inputs, outputs, table, starts.astype(np.int64))


class Delays(NamedTuple):
    """The spectra of the last windows of each input, in a ring of slots; `heard` where not zero."""

    spectra: Array
    heard: Array


class Outputs(NamedTuple):
    """What makes outputs of delayed spectra.

    `spectra` are those of the parts of each kernel, `used` which of them are not zero; each output
    is multiplied by `factor`.
    """

    spectra: Array
    used: Array
    factor: Any
    connections: Connections


class Run(NamedTuple):
    """Some windows of some rows, as `run_blocks` is told of them.

    `slot` is that of the first of `windows` in the ring of delays. `place` is where its samples
    begin in the past, and `end` where samples end there; or where its outputs begin in a target,
    and `end` where rows end there, 0 for rings.
    """

    low: int
    high: int
    slot: int
    windows: int
    place: int
    end: int

    @property
    def pieces(self) -> int:
        """How many windows of all rows there are."""
        return (self.high - self.low) * self.windows


NOTHING = Run(0, 0, 0, 1, 0, 0)


class Material(NamedTuple):
    """What a stage works on: samples of `past`, their spectra, and what makes outputs of them."""

    past: Array
    delays: Delays
    outputs: Outputs


class Work(Protocol):
    """The work of a stage."""

    def do(self, windows: Run, blocks: Run, target: Array) -> None:
        """Transform windows, and then write blocks of outputs to `target`."""


class Steps(Protocol):
    """The transforms of one stage."""

    def spectrum(self, taps: Array) -> Array:
        """Return the spectrum of taps, with 1/nfft folded in."""

    def work(self, material: Material) -> Work:
        """Return the work on some material; that of all materials is done by one at a time."""


class _Steps:
    """What both ways have in common."""

    def __init__(self, transform: Transform, block: int) -> None:
        self._transform, self._block = transform, block

    def spectrum(self, taps: Array) -> Array:
        """Return the spectrum of taps, with 1/nfft folded in."""
        transform = self._transform
        transform.samples[0, : taps.size] = taps
        transform.samples[0, taps.size :] = 0
        transform.forward()
        n = transform.samples.shape[-1]
        spectrum: Array = transform.spectrum[0] / taps.dtype.type(n).real
        return spectrum


class CompiledSteps(_Steps):
    """Steps by compiled loops, which run FFTW themselves."""

    def __init__(self, transforms: Sequence[Transform], block: int) -> None:
        super().__init__(transforms[0], block)
        self._transforms = transforms

    def work(self, material: Material) -> Work:
        """Return the work on some material; that of all materials is done by one at a time."""
        return _CompiledWork(self._transforms, self._block, material)


class _CompiledWork:
    """The work of a stage, shared by as many as there are transforms."""

    def __init__(self, transforms: Sequence[Transform], block: int, material: Material) -> None:
        from sigconv.loops.stream import run_blocks

        past, delays, (spectra, used, factor, connections) = material
        kernels, own = (spectra, used, factor), (connections.table, connections.starts)
        arguments = block, past, tuple(delays), kernels, own

        def loop(work: Transform, scratch: tuple[Array, ...], board: Array, patience: int) -> None:
            run_blocks(board, patience, work.calls, scratch, *arguments)

        loops = [partial(loop, one, (one.samples[0], one.spectrum[0])) for one in transforms]
        self._station = Station(loops)
        self._nfft = transforms[0].samples.shape[-1]

    def do(self, windows: Run, blocks: Run, target: Array) -> None:
        """Transform windows, and then write blocks of outputs to `target`."""
        pieces = windows.pieces + blocks.pieces
        if pieces:
            self._station.do((*windows, *blocks), target, pieces, pieces * self._nfft)


class NumpySteps(_Steps):
    """The same by NumPy, around whatever transforms, by one alone."""

    def work(self, material: Material) -> Work:
        """Return the work on some material; that of all materials is done by one at a time."""
        return _NumpyWork(self._transform, self._block, material)


class _NumpyWork:
    """The work of a stage by NumPy."""

    def __init__(self, transform: Transform, block: int, material: Material) -> None:
        self._transform, self._block = transform, block
        self._past, self._delays, self._outputs = material

    def do(self, windows: Run, blocks: Run, target: Array) -> None:
        """Transform windows, and then write blocks of outputs to `target`."""
        if windows.pieces:
            self._forward(windows)
        if blocks.pieces:
            self._combine(blocks, target)

    def _forward(self, run: Run) -> None:
        transform, delays = self._transform, self._delays
        n, slots = transform.samples.shape[-1], delays.heard.shape[1]
        for number in range(run.windows):
            begin, at = run.place + number * self._block, (run.slot + number) % slots
            for source in range(run.low, run.high):
                samples = self._past[source, begin : min(begin + n, run.end)]
                delays.heard[source, at] = heard = bool(samples.any())
                if heard:
                    transform.samples[0, : samples.size] = samples
                    transform.samples[0, samples.size :] = 0
                    transform.forward()
                    delays.spectra[source, at] = transform.spectrum[0]

    def _combine(self, run: Run, target: Array) -> None:
        block, length = self._block, target.shape[1]
        lead = self._transform.samples.shape[-1] - block
        for number in range(run.windows):
            begin = run.place + number * block
            begin = begin if run.end else begin % length
            first, split = max(0, -begin), min(block, (run.end or length) - begin)
            for output in range(run.low, run.high):
                made = self._combined(run.slot + number, output)[lead:] * self._outputs.factor
                target[output, begin + first : begin + split] = made[first:split]
                if not run.end:
                    target[output, : block - split] = made[split:]

    def _combined(self, newest: int, output: int) -> Array:
        """Return the transform that has one block of one output at its end."""
        transform, delays, outputs = self._transform, self._delays, self._outputs
        starts, slots = outputs.connections.starts, delays.heard.shape[1]
        sums = np.zeros_like(outputs.spectra[0, 0])
        product = np.empty_like(sums)
        for _, source, kernel in outputs.connections.table[starts[output] : starts[output + 1]]:
            for part, spectrum in enumerate(outputs.spectra[kernel]):
                at = (newest - part) % slots
                if delays.heard[source, at] and outputs.used[kernel, part]:
                    sums += np.multiply(delays.spectra[source, at], spectrum, out=product)
        # scipy.fft gives new arrays; FFTW transforms its own.
        transform.spectrum[0] = sums
        transform.inverse()
        made: Array = transform.samples[0]
        return made


def are_finite_by_numpy(past: Array, start: int, stop: int) -> bool:
    """Tell whether samples [start, stop) of every row are finite."""
    return bool(np.isfinite(past[:, start:stop]).all())


def sum_first_taps_by_numpy(
    past: Array, begin: int, taps: Array, table: Array, sums: Array, size: int
) -> None:
    """Write sum_k taps[k] past[begin + n - k] for `size` outputs n of every row of `sums`."""
    sums[:, :size] = 0
    reach = taps.shape[1] - 1
    for output, source, kernel in table:
        x = past[source, begin - reach : begin + size]
        sums[output, :size] += np.convolve(x, taps[kernel], "valid")
