"""What a plan loses while a compiled loop is not loaded."""

from __future__ import annotations

from typing import NamedTuple

from sigconv.engines import ENGINES, Plan, compiled
from sigconv.planning.calibration import current_machine, ready_machine

__all__ = ["Loss", "loss_of"]

# The engines that run compiled loops.
_ENGINES = ("direct", "separable", "overlap-save", "fft")


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
    for name in _ENGINES:
        engine = ENGINES[name]
        if method not in ("auto", name) or engine.refusal(plan.problem):
            continue
        best = next(engine.candidates(plan.problem, ready_machine()))
        seconds = plan.cost.seconds - best.cost.seconds
        kind = _kind(best)
        if kind is None or seconds <= (most.seconds if most else 0):
            continue
        dtype = best.problem.dtypes.compute
        price = compiled.load_seconds(dtype, current_machine(), kind)
        # A loop that is loaded and yet not chosen is not worth it.
        most = Loss(compiled.name_of(dtype, kind), seconds, price) if price else most
    return most


def _kind(plan: Plan) -> str | None:
    """Return the kind of compiled loop that a plan runs, None without one."""
    if plan.loop == "parts":
        return "parts"
    if plan.loop not in ("numba", "pairs", "compiled planes"):
        return None
    if not plan.nfft:
        return "taps" if plan.method == "direct" else "passes"
    return "windows" if len(plan.nfft) == 1 else "planes"
