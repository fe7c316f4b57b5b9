"""Sums over channels at every so many positions: what layers and resampling are made of."""

from __future__ import annotations

from sigconv.channels.compute import adjoint, forward, weight_gradient
from sigconv.channels.problem import ChannelProblem

__all__ = ["ChannelProblem", "adjoint", "forward", "weight_gradient"]
