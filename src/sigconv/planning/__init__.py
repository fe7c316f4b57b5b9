"""Planning: from a problem to the plan that is predicted to be fastest."""

from sigconv.planning.calibration import check_wisdom, current_machine, ready_machine
from sigconv.planning.look import looked_at, needs_a_look, structure_of
from sigconv.planning.loss import Loss, loss_of
from sigconv.planning.machine import MACHINE, READY
from sigconv.planning.planner import METHODS, make_plan, small_plan

__all__ = [
    "MACHINE",
    "METHODS",
    "READY",
    "Loss",
    "check_wisdom",
    "current_machine",
    "looked_at",
    "loss_of",
    "make_plan",
    "needs_a_look",
    "ready_machine",
    "small_plan",
    "structure_of",
]
