"""What a stream loses by a plan for chunks of another length."""

from __future__ import annotations

from sigconv.streaming.plan import StreamPlan
from sigconv.streaming.planning import loss_of

__all__ = ["Losses"]

# Seconds lost that are worth planning anew.
_PATIENCE = 0.05


class Losses:
    """Seconds that chunks have lost so far."""

    def __init__(self, lost: float = 0.0) -> None:
        self.lost = lost
        self._rates: dict[int, float] = {}

    def count(self, plan: StreamPlan, size: int) -> int | None:
        """Count a chunk; return the length to plan anew for, once that is worth while."""
        if plan.way is None:
            return None
        # Chunks of up to twice the length lose about as much.
        usual = 1 << (size - 1).bit_length()
        rate = self._rates.get(usual)
        if rate is None:
            rate = self._rates[usual] = max(0.0, loss_of(plan, usual))
        self.lost += rate * size
        return usual if self.lost > _PATIENCE else None
