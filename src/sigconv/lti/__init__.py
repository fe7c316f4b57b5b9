"""Linear time-invariant systems: impulse responses, superposition, interest, decay."""

from __future__ import annotations

from sigconv.lti.decay import decay, exponential, population
from sigconv.lti.money import compound_interest, growth, rate_per_part
from sigconv.lti.system import System, delay, feedback

__all__ = [
    "System",
    "compound_interest",
    "decay",
    "delay",
    "exponential",
    "feedback",
    "growth",
    "population",
    "rate_per_part",
]
