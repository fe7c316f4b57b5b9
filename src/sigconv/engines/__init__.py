"""The engines: one algorithm per file, and the loop that runs them over a grid of blocks."""

from sigconv.engines.base import Candidate, Cost, Engine, Machine, Plan, Prepared
from sigconv.engines.direct import DirectEngine
from sigconv.engines.execute import execute
from sigconv.engines.fft import FftEngine
from sigconv.engines.overlap import OverlapEngine

__all__ = ["ENGINES", "Candidate", "Cost", "Engine", "Machine", "Plan", "Prepared", "execute"]

ENGINES: dict[str, Engine] = {
    engine.name: engine
    for engine in (
        DirectEngine(),
        FftEngine(),
        OverlapEngine("overlap-save", by_input=False),
        OverlapEngine("overlap-add", by_input=True),
    )
}
