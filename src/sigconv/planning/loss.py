"""What a plan loses while a compiled loop is not loaded."""

from __future__ import annotations

from typing import NamedTuple

from sigconv.engines import ENGINES, Plan, compiled
from sigconv.planning.calibration import current_machine, ready_machine

__all__ = ["Loss", "loss_of"]

# The kind of loop that an engine runs where its plan names this one.
_KINDS = {
    ("direct", "numba"): "taps",
    ("separable", "numba"): "passes",
    ("overlap-save", "numba"): "windows",
    ("overlap-save", "pairs"): "windows",
    ("fft", "numba"): "windows",
    ("fft", "compiled planes"): "planes",
}


class Loss(NamedTuple):
    """The seconds that a call loses without a loop, and those that loading it takes."""

    loop: str
    seconds: float
    price: float

    def add(self) -> None:
        """Add this to what calls before have lost; in the end the loop is loaded."""
        compiled.lose(self.loop, self.seconds, self.price)


def loss_of(plan: Plan, method: str) -> Loss | None:
    """Return what `plan`, chosen for `method`, loses to the best one with its loop loaded.

    None is for plans that lose nothing.
    """
    most: Loss | None = None
    if plan.problem.rtol is not None:
        return None
    for (name, loop), kind in _KINDS.items():
        engine = ENGINES[name]
        if method not in ("auto", name) or engine.refusal(plan.problem):
            continue
        best = next(engine.candidates(plan.problem, ready_machine()))
        seconds = plan.cost.seconds - best.cost.seconds
        if best.loop != loop or seconds <= (most.seconds if most else 0):
            continue
        dtype = best.problem.dtypes.compute
        price = compiled.load_seconds(dtype, current_machine(), kind)
        # A loop that is loaded and yet not chosen is not worth it.
        most = Loss(compiled.name_of(dtype, kind), seconds, price) if price else most
    return most
