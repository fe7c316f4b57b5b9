"""The engines: one algorithm per file, and the loop that runs them over a grid of blocks."""

import numpy as np

from sigconv.core.dtypes import Array
from sigconv.engines.base import Engine, Machine, NonFiniteSamples, Prepared
from sigconv.engines.direct import DirectEngine
from sigconv.engines.exact import ExactEngine
from sigconv.engines.execute import execute
from sigconv.engines.fft import FftEngine
from sigconv.engines.overlap import OverlapEngine
from sigconv.engines.plan import Candidate, Cost, Plan
from sigconv.engines.separable import SeparableEngine

__all__ = [
    "ENGINES",
    "Candidate",
    "Cost",
    "Engine",
    "Machine",
    "NonFiniteSamples",
    "Plan",
    "Prepared",
    "execute",
    "prepare",
]

ENGINES: dict[str, Engine] = {
    engine.name: engine
    for engine in (
        DirectEngine(),
        SeparableEngine(),
        FftEngine(),
        OverlapEngine("overlap-save", by_input=False),
        OverlapEngine("overlap-add", by_input=True),
        ExactEngine(),
    )
}


def prepare(plan: Plan, kernel: Array) -> Prepared:
    """Make `kernel`, in canonical layout, ready for `plan` by the engine that the plan names."""
    dtype = plan.problem.dtypes.compute
    with np.errstate(all="ignore"):
        if dtype.kind in "fc" and kernel.dtype.kind in "fc":
            # Taps that overflow are infinite from here on.
            kernel = kernel.astype(dtype, copy=False)
        return ENGINES[plan.method].prepare(plan, kernel)
