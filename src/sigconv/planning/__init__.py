"""Planning: from a problem to the plan that is predicted to be fastest."""

from sigconv.planning.machine import MACHINE
from sigconv.planning.planner import METHODS, make_plan

__all__ = ["MACHINE", "METHODS", "make_plan"]
