"""Sums over channels at every so many positions: what layers and resampling are made of."""

from __future__ import annotations

from sigconv.channels.bounds import check_adjoint_sums, check_sums
from sigconv.channels.compute import adjoint, forward, weight_gradient
from sigconv.channels.plan import ChannelPlan, plan_of
from sigconv.channels.problem import ChannelProblem, edges_of

__all__ = [
    "ChannelPlan",
    "ChannelProblem",
    "adjoint",
    "check_adjoint_sums",
    "check_sums",
    "edges_of",
    "forward",
    "plan_of",
    "weight_gradient",
]
