"""Linear time-invariant systems: impulse responses, superposition, interest, decay."""

from __future__ import annotations

from sigconv.lti.checks import check_linearity, check_time_invariance
from sigconv.lti.continuous import Convolved, continuous_convolve
from sigconv.lti.decay import decay, exponential, population
from sigconv.lti.money import compound_interest, growth, rate_per_part
from sigconv.lti.sampled import sampled_convolve
from sigconv.lti.superposition import Superposition, superpose
from sigconv.lti.system import System
from sigconv.lti.verdicts import Check, Counterexample
from sigconv.lti.wiring import delay, feedback

__all__ = [
    "Check",
    "Convolved",
    "Counterexample",
    "Superposition",
    "System",
    "check_linearity",
    "check_time_invariance",
    "compound_interest",
    "continuous_convolve",
    "decay",
    "delay",
    "exponential",
    "feedback",
    "growth",
    "population",
    "rate_per_part",
    "sampled_convolve",
    "superpose",
]
