"""The plan of a stream, and the table that it prints."""

from __future__ import annotations

from dataclasses import dataclass

from sigconv.core.dtypes import DTypes
from sigconv.core.units import format_seconds
from sigconv.engines import Plan
from sigconv.streaming.layout import Stage
from sigconv.streaming.ways import Way

__all__ = ["StreamPlan"]


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
    """

    taps: int
    latency: int
    block_size: int
    dtypes: DTypes
    way: Way | None = None
    slab: Plan | None = None

    @property
    def method(self) -> str:
        """``direct``, ``overlap-save``, ``partitioned``, or the method of an engine."""
        if self.way is not None:
            return self.way.layout.method
        assert self.slab is not None
        return self.slab.method

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
