"""A stage of a stream: blocks of samples as spectra, and what kernels make of them.

Window m is what a block's transform takes: the `nfft` samples up to the end of block m. Outputs of
block m are the last `block` samples of the inverse transform of sum_p X[m-p] H[p], and lie at the
times from m * block + first on.
"""

from __future__ import annotations

from math import ceil
from typing import Any

import numpy as np

from sigconv.core.dtypes import Array
from sigconv.streaming.layout import Stage
from sigconv.streaming.past import Past
from sigconv.streaming.steps import NOTHING, Connections, Delays, Material, Outputs, Run, Steps

__all__ = ["DelayLine", "StageFilter"]


class DelayLine:
    """The spectra of the windows of one stage, which all kernels share.

    Parameters
    ----------
    stage : Stage
        What its windows are.
    past : Past
        Where samples lie.
    steps : Steps
        The transforms.
    """

    def __init__(self, stage: Stage, past: Past, steps: Steps) -> None:
        self.stage, self.steps = stage, steps
        self.past = past
        length = past.samples.shape[-1]
        self.rows = past.samples.reshape(-1, length)
        # Windows are kept until their outputs are due, `first` samples later.
        slots = stage.parts + ceil((stage.first + past.room) / stage.block) + 1
        silence = steps.spectrum(self.rows[0, :0])
        spectra = np.zeros((len(self.rows), slots, silence.size), silence.dtype)
        self.delays = Delays(spectra, np.zeros(spectra.shape[:2], np.bool_))
        self.rebuild()

    def rebuild(self) -> None:
        """Begin with the windows that outputs from now on depend on."""
        stage = self.stage
        self._next = (self.past.time - stage.first) // stage.block - stage.parts + 1
        self._row = 0

    def slot(self, window: int) -> int:
        """Return where in the ring a window's spectra are."""
        slots: int = self.delays.heard.shape[1]
        return window % slots

    def until(self, stop: int, *, extra: bool = False) -> list[Run]:
        """Return how to transform the windows before `stop`, which count as done from now on.

        With `extra`, one more is transformed that is not complete, as if silence followed.
        """
        runs, start = list[Run](), self._next
        if self._row and start < stop:
            # Of the first one some inputs are ahead.
            runs.append(self._window(start, 1, self._row))
            start += 1
        count = max(0, stop - start) + extra
        if count:
            runs.append(self._window(stop + extra - count, count, 0))
        if self._next < stop:
            self._next, self._row = stop, 0
        return runs

    def progress(self, window: int) -> int:
        """Return of how many inputs the window, or the next one, is transformed."""
        return len(self.rows) if window < self._next else self._row

    def next_row(self) -> Run:
        """Return how to transform the next window of one more input, which counts as done."""
        run = self._window(self._next, 1, self._row)._replace(high=self._row + 1)
        self._row += 1
        if self._row == len(self.rows):
            self._next, self._row = self._next + 1, 0
        return run

    def _window(self, first: int, count: int, low: int) -> Run:
        stage, past = self.stage, self.past
        place = (first + 1) * stage.block - stage.nfft - past.start
        return Run(low, len(self.rows), self.slot(first), count, place, past.time - past.start)


class StageFilter:
    """The outputs of one stage by certain kernels, as they become due.

    Parameters
    ----------
    line : DelayLine
        The spectra of samples.
    taps : ndarray
        Kernels, in rows: the taps of this stage.
    factor : scalar
        What each output is multiplied by, of the real dtype.
    connections : Connections
        Which kernel leads from which input to which output.
    """

    def __init__(self, line: DelayLine, taps: Array, factor: Any, connections: Connections) -> None:
        stage = line.stage
        self._line, self._stage, self._past = line, stage, line.past
        steps = line.steps
        starts = range(0, stage.parts * stage.part, stage.part)
        parts = [taps[:, low : low + stage.part] for low in starts]
        spectra = np.stack([[steps.spectrum(row) for row in part] for part in parts], axis=1)
        used = np.stack([part.any(axis=1) for part in parts], axis=1)
        self._outputs = Outputs(spectra, used, factor, connections)
        self._work = steps.work(Material(line.rows, line.delays, self._outputs))
        # From the first output to come to the last of a block that is complete.
        length = stage.block * (ceil(self._past.room / stage.block) + 2)
        shape = connections.outputs, 0 if stage.is_prompt else length
        self._ring = np.zeros(shape, taps.dtype)
        self.rebuild()

    def rebuild(self) -> None:
        """Make what is due next from the past alone."""
        stage, time = self._stage, self._past.time
        self._next, self._row = (time - stage.first) // stage.block, 0
        self._run(self._line.until(min(self._next, time // stage.block)), NOTHING, self._ring)
        if not stage.is_prompt:
            self._finish(stage.due(time))

    def write(self, sums: Array, start: int, stop: int) -> None:
        """Write outputs of a prompt stage, of times [start, stop), to the beginnings of rows."""
        stage, line = self._stage, self._line
        due, complete = stage.due(stop), self._past.time // stage.block
        # A chunk may end within a block whose outputs are wanted.
        windows = line.until(min(due, complete), extra=due > complete)
        first = (start - stage.first) // stage.block
        place = first * stage.block + stage.first - start
        blocks = Run(0, len(sums), line.slot(first), due - first, place, stop - start)
        self._run(windows, blocks, sums)

    def add(self, sums: Array, start: int, stop: int) -> None:
        """Add the outputs of times [start, stop) to the beginnings of rows; go on with others."""
        stage, ring = self._stage, self._ring
        self._finish(stage.due(stop))
        if stage.slack and self._next < self._past.time // stage.block:
            self._go_on(stop)
        size, length = stop - start, ring.shape[1]
        place = (start - stage.first) % length
        split = min(size, length - place)
        sums[:, :split] += ring[:, place : place + split]
        if split < size:
            sums[:, split:size] += ring[:, : size - split]

    def _finish(self, stop: int) -> None:
        """Make the blocks before `stop`."""
        if self._next >= stop:
            return
        windows, outputs = self._line.until(stop), len(self._ring)
        if self._row:
            self._run(windows, self._blocks(self._row, outputs, 1), self._ring)
            self._next, self._row, windows = self._next + 1, 0, []
        if self._next < stop:
            self._run(windows, self._blocks(0, outputs, stop - self._next), self._ring)
            self._next = stop

    def _go_on(self, stop: int) -> None:
        """Do as much for the next block as has passed of the time until it is due."""
        stage, line = self._stage, self._line
        due = self._next * stage.block + stage.first
        inputs, outputs = len(line.rows), len(self._ring)
        wanted = (stop - due + stage.slack) * (inputs + outputs) // stage.slack
        while line.progress(self._next) < min(inputs, wanted):
            self._run([line.next_row()], NOTHING, self._ring)
        until = min(outputs, wanted - inputs)
        if until > self._row:
            self._run([], self._blocks(self._row, until, 1), self._ring)
            self._row = until
        if self._row == outputs:
            self._next, self._row = self._next + 1, 0

    def _blocks(self, low: int, high: int, count: int) -> Run:
        """Return how to write the next blocks of some outputs to the ring."""
        place = self._next * self._stage.block % max(1, self._ring.shape[1])
        return Run(low, high, self._line.slot(self._next), count, place, 0)

    def _run(self, windows: list[Run], blocks: Run, target: Array) -> None:
        """Transform windows, and then make blocks."""
        *before, last = windows or [NOTHING]
        for run in before:
            self._work.do(run, NOTHING, target)
        self._work.do(last, blocks, target)
