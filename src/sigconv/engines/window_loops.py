"""Compiled loops over the windows of a signal along one axis, and what they are told of them.

A window is loaded, transformed, multiplied, transformed back and stored before the next one, all
in scratch that stays in the cache. Of real signals two neighbouring windows may share one complex
transform: a real kernel leaves the two apart, as real and imaginary parts. Yet rounding errors are
relative to both together, so windows go in pairs only where neither is much louder than the other.
Of kernels longer than the cache the spectrum goes in parts (`loops/fft_parts.py`).
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Any, NamedTuple

import numpy as np

from sigconv.core.blocks import Block
from sigconv.core.dtypes import Array
from sigconv.engines import compiled
from sigconv.engines.accuracy import LOUDER
from sigconv.engines.plan import Plan
from sigconv.fft import Transform, TransformSpec, borrow_transform
from sigconv.loops.scratch import borrow_scratch

__all__ = ["PartLoop", "Signals", "WindowLoop", "window_loop"]


class _Layout(NamedTuple):
    """What the loop knows of a block's windows."""

    hop: int
    lead: int
    origin: int
    size: int
    length: int

    @classmethod
    def of(cls, plan: Plan, block: Block) -> _Layout:
        (start, stop), (low, high) = block.write[0], block.support[0]
        size, length = high - low, stop - start
        if plan.method == "fft":
            return cls(length, start - low, 0, size, length)
        hop = plan.hop[0]
        lead = plan.nfft[0] - hop
        return cls(hop, lead, start - lead - low, size, length)


class Signals(NamedTuple):
    """The memory of samples and results, and where signals lie in it.

    `rows` are where the samples of each and its results begin, and which kernel it meets; `layout`
    is that of their windows.
    """

    x: Array
    y: Array
    rows: Array
    layout: Array


class WindowLoop:
    """The compiled loop for windows of one length, alone or in pairs."""

    kind = "windows"

    def __init__(self, plan: Plan) -> None:
        self._plan = plan
        self.dtype = plan.problem.dtypes.compute
        self._in_pairs = plan.loop == "pairs"
        dtype = np.result_type(self.dtype, np.complex64) if self._in_pairs else self.dtype
        self.spec = TransformSpec(plan.group, plan.nfft, dtype, plan.effort, is_native=True)
        compiled.load(self.dtype, self.kind)

    def workspace(self) -> AbstractContextManager[Any]:
        """Lend one worker's transform."""
        return borrow_transform(self.spec)

    def layout(self, block: Block) -> Array:
        """Return what the loop is told of a block's windows."""
        return np.array(_Layout.of(self._plan, block))

    def spectrum(self, taps: Array) -> Array:
        """Return the spectrum of finite taps, with 1/nfft folded in."""
        with borrow_transform(self.spec) as transform:
            samples = transform.samples[0]
            samples[: taps.size] = taps
            samples[taps.size :] = 0
            transform.forward()
            # The factor has the real dtype, so that it does not widen the spectrum.
            factor = taps.dtype.type(1).real / samples.size
            spectrum: Array = transform.spectrum[0] * factor
            return spectrum

    def run(self, work: Any, signals: Signals, spectra: Array, factor: Any) -> bool:
        """Convolve signals, and tell whether all that came back is finite.

        `work` is what `workspace` lends, `factor` what each output is multiplied by.
        """
        from sigconv.loops.fft_windows import filter_pairs, filter_windows

        arguments = work.calls, *signals, spectra
        samples, spectrum = work.samples[0], work.spectrum[0]
        if self._in_pairs:
            parts = samples.view(self.dtype)
            return bool(filter_pairs(*arguments, parts, spectrum, factor, LOUDER))
        return bool(filter_windows(*arguments, samples, spectrum, factor))


class PartLoop(WindowLoop):
    """The compiled loop for a kernel in parts, each as long as the outputs of a window."""

    kind = "parts"

    @contextmanager
    def workspace(self) -> Iterator[tuple[Transform, Array]]:
        """Lend one worker's transform, and memory for the spectra of windows."""
        shape = self._plan.parts, *self.spec.bins
        with borrow_transform(self.spec) as transform, borrow_scratch() as scratch:
            yield transform, scratch.array(shape, self.spec.spectrum_dtype)

    def spectrum(self, taps: Array) -> Array:
        """Return the spectra of the parts of finite taps, with 1/nfft folded in."""
        hop = self._plan.hop[0]
        return np.stack([super(PartLoop, self).spectrum(part) for part in _cut(taps, hop)])

    def run(self, work: Any, signals: Signals, spectra: Array, factor: Any) -> bool:
        """Convolve signals, and tell whether all that came back is finite."""
        from sigconv.loops.fft_parts import filter_parts

        transform, line = work
        scratch = transform.samples[0], transform.spectrum[0], line
        return bool(filter_parts(transform.calls, *signals, spectra, *scratch, factor))


def window_loop(plan: Plan) -> WindowLoop:
    """Return the loop that a plan names."""
    return PartLoop(plan) if plan.loop == "parts" else WindowLoop(plan)


def _cut(taps: Array, hop: int) -> Iterator[Array]:
    return (taps[low : low + hop] for low in range(0, taps.size, hop))
