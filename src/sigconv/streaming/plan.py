"""The plan of a stream, and the table that it prints."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from sigconv.core.dtypes import DTypes
from sigconv.core.units import format_seconds
from sigconv.engines import Cost, Plan
from sigconv.engines.accuracy import LOUDER, direct_error, fft_error
from sigconv.streaming.layout import Size, Stage
from sigconv.streaming.ways import Way

__all__ = ["StreamPlan"]

_LEAST_ROOM = 2048


@dataclass(frozen=True)
class StreamPlan:
    """How a stream is computed.

    Attributes
    ----------
    taps, latency : int
        The most taps of a kernel, and the samples by which outputs are late.
    block_size : int
        The samples of a chunk that it was chosen for; any other number works too.
    dtypes : DTypes
        The dtypes of computation and result.
    way : Way or None
        The taps that are summed directly and the stages of the others; None where an engine of
        single calls computes slab by slab.
    slab : Plan or None
        The plan of that engine.
    size : Size or None
        What the way was chosen for, beside the samples of a chunk.
    """

    taps: int
    latency: int
    block_size: int
    dtypes: DTypes
    way: Way | None = None
    slab: Plan | None = None
    size: Size | None = None

    @property
    def room(self) -> int:
        """The most samples that are taken at a time, however short chunks usually are."""
        return max(self.block_size, _LEAST_ROOM)

    @property
    def loop(self) -> str:
        """The compiled loop of the sums, or NumPy's."""
        return self.way.loop if self.way is not None else self._engine.loop

    @property
    def nfft(self) -> tuple[int, ...]:
        """The FFT lengths, of chunks and of each stage, or of the engine."""
        return self._engine.nfft if self.way is None else tuple(n for n, _ in self._blocks)

    @property
    def hop(self) -> tuple[int, ...]:
        """The outputs of each transform."""
        return self._engine.hop if self.way is None else tuple(hop for _, hop in self._blocks)

    @property
    def cost(self) -> Cost:
        """The seconds of a chunk that it was chosen for, and the bytes that are held."""
        if self.way is None:
            return self._engine.cost
        return Cost(self.way.layout.seconds * self.block_size, self._nbytes)

    @property
    def error_bound(self) -> float:
        """The factor e of |error| <= e ||x|| ||h||, the norm being that of all samples met."""
        if self.way is None:
            return self._engine.error_bound
        dtype, layout = self.way.dtype, self.way.layout
        rounding = float(np.finfo(dtype).eps)
        parts = [
            2**0.5 * fft_error(dtype, (stage.nfft,)) + stage.parts * rounding
            for stage in layout.stages
        ]
        if layout.windows is not None:
            parts.append((1 + LOUDER) ** 0.5 * fft_error(dtype, (layout.windows.nfft,)))
        elif layout.first_taps:
            parts.append(direct_error(dtype, layout.first_taps))
        # The sums of stages are added in turn, and their kernels have parts of the energy.
        return max(parts) + len(parts) * rounding

    @property
    def _engine(self) -> Plan:
        assert self.slab is not None
        return self.slab

    @property
    def _blocks(self) -> list[tuple[int, int]]:
        assert self.way is not None
        layout = self.way.layout
        windows = [] if layout.windows is None else [layout.windows[:2]]
        return [*windows, *((stage.nfft, stage.block) for stage in layout.stages)]

    @property
    def _nbytes(self) -> int:
        assert self.way is not None
        assert self.size is not None
        layout, size = self.way.layout, self.size
        # The past, results, and for each window and each part a spectrum as long as a transform.
        samples = size.inputs * (2 * layout.reach + self.room) + size.pairs * size.taps
        samples += 2 * size.outputs * self.room
        for stage in layout.stages:
            windows = stage.parts + (stage.first + self.room) // stage.block + 2
            spectra = size.inputs * windows + size.pairs * stage.parts + 2
            samples += spectra * stage.nfft + size.outputs * (2 * stage.block + self.room)
        return samples * size.dtype.itemsize

    @property
    def method(self) -> str:
        """``direct``, ``overlap-save``, ``partitioned``, or the method of an engine."""
        return self.way.layout.method if self.way is not None else self._engine.method

    def __str__(self) -> str:
        facts = [
            ("method", self.method),
            ("taps", str(self.taps)),
            ("latency", f"{self.latency} samples"),
            ("dtype", f"{self.dtypes.result} (computed in {self.dtypes.compute})"),
            ("chunks", f"chosen for {self.block_size} samples, any number works"),
        ]
        if self.way is not None:
            facts += _facts_of(self.way)
        elif self.slab is not None:
            facts.append(("slabs", f"{self.slab.method}{_named(self.slab.loop)}"))
        return "\n".join(f"{name:<11} {value}" for name, value in facts)


def _facts_of(way: Way) -> list[tuple[str, str]]:
    layout = way.layout
    first = f"{layout.first_taps} taps"
    if layout.windows is not None:
        nfft, hop, loop = layout.windows
        facts = [("windows", f"{first}, FFT length {nfft}, {hop} outputs each{_named(loop)}")]
    elif layout.first_taps:
        facts = [("direct", f"{first}{_named(way.loop)}")]
    else:
        facts = []
    for number, stage in enumerate(layout.stages, start=1):
        facts.append((f"stage {number}", _describe(stage)))
    if layout.stages or layout.windows:
        planned = "estimated" if way.wisdom is None else "measured"
        facts.append(("transforms", f"{way.backend}{_named(way.transforms)}, {planned}"))
    facts.append(("predicted", f"{format_seconds(layout.seconds)} a sample"))
    return facts


def _describe(stage: Stage) -> str:
    parts = f"{stage.parts} parts of {stage.part} taps" if stage.parts > 1 else f"{stage.part} taps"
    ahead = f", {stage.slack} samples ahead" if stage.slack else ""
    return f"{parts} from {stage.first} on, FFT length {stage.nfft}, blocks of {stage.block}{ahead}"


def _named(loop: str) -> str:
    return f" ({loop})" if loop else ""
