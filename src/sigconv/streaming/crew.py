"""Those who share the work of a stream."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial

import numpy as np

from sigconv.core.dtypes import Array
from sigconv.engines.crew import Attention
from sigconv.engines.workers import run_counted

__all__ = ["SHARED", "Crew"]

SHARED = 1 << 17
"""Samples to transform that are worth being taken by one more thread."""


class Crew:
    """Up to `workers` threads, the caller's among them."""

    def __init__(self, workers: int) -> None:
        self.workers = workers
        self._attention = Attention() if workers > 1 else None
        self._counter = np.zeros(3, np.int64)

    def alone(self) -> Array:
        """Return the counter of who shares nothing."""
        self._counter.fill(0)
        return self._counter

    def share(self, runs: Sequence[Callable[[Array], None]], pieces: int) -> None:
        """Let runs of compiled loops share `pieces`, by the counter that each is given."""
        if len(runs) == 1 or self._attention is None:
            runs[0](self.alone())
            return
        # Whoever comes late finds the counter of the work that was offered.
        counter = np.zeros(3, np.int64)
        run_counted([partial(run, counter) for run in runs], counter, pieces, self._attention.call)
