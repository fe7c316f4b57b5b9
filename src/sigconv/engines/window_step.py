"""A short signal through FFTs in one step: what is described, planned and cut is made once.

Beside transforms of some thousand samples, blocks and tiles take longer than the work.
"""

from __future__ import annotations

from math import prod
from typing import Any, NamedTuple

import numpy as np

from sigconv.core.dtypes import Array
from sigconv.core.problem import Problem
from sigconv.engines.numpy_convolve import is_plain, tap_order, taps_in_order
from sigconv.engines.plan import Plan
from sigconv.engines.spectral import ScaledTaps
from sigconv.engines.window_loops import Signals, WindowLoop

__all__ = ["WindowStep", "suits_windows"]


class _Ready(NamedTuple):
    """The spectrum of a kernel, and the factor of outputs; None for taps that are not finite."""

    spectra: Array
    factor: Any


class WindowStep:
    """One plain signal, window after window, by a compiled loop around FFTW."""

    def __init__(self, plan: Plan) -> None:
        problem = plan.problem
        self._plan = plan
        self._shape, self._signal_shape = problem.result_shape, problem.signal_shape
        self._dtype = problem.dtypes.compute
        self._order = tap_order(problem)
        self._conj = problem.correlate and problem.dtypes.is_complex
        self._loop = WindowLoop(plan)
        self._layout = self._loop.layout(plan.grid.at((0,) * len(plan.grid.shape)))
        self._rows = np.zeros((1, 3), np.int64)

    def weights(self, kernel: Array) -> _Ready:
        """Return the spectrum of `kernel`, as given to the call."""
        with np.errstate(all="ignore"):
            taps = taps_in_order(kernel, self._order, self._dtype, conj=self._conj)
            scaled = ScaledTaps.of(self._plan, taps)
            if scaled.bad or scaled.factor is None:
                return _Ready(taps, None)
            return _Ready(self._loop.spectrum(scaled.taps)[None], scaled.factor)

    def apply(
        self,
        signal: Array,
        weights: Any,
        out: Array | None = None,
        *,
        watch: bool = False,
        workers: int = 1,
    ) -> Array | None:
        """Return the result, or None where the blocks have to compute it."""
        del workers
        spectra, factor = weights
        same = signal.shape == self._signal_shape and is_plain(signal, self._dtype)
        if factor is None or not same:
            return None
        if out is not None and (
            watch or not is_plain(out, self._dtype) or np.may_share_memory(out, signal)
        ):
            return None
        result = np.empty(self._shape, self._dtype) if out is None else out
        x, y = signal.reshape(-1), result.reshape(-1)
        x.flags.writeable = False
        with self._loop.workspace() as work:
            signals = Signals(x, y, self._rows, self._layout)
            finite = self._loop.run(work, signals, spectra, factor)
        return result if finite else None


def suits_windows(plan: Plan) -> bool:
    """Tell whether a plan's windows are those of one plain signal, in one block."""
    problem = plan.problem
    if plan.loop not in ("numba", "pairs") or len(plan.nfft) != 1 or len(plan.grid) != 1:
        return False
    return not problem.is_trivial and _is_plain(problem)


def _is_plain(problem: Problem) -> bool:
    dtypes = problem.dtypes
    same = dtypes.compute == dtypes.result and dtypes.compute.kind in "fc"
    alone = prod(problem.batch) == prod(problem.kernel_batch) == 1 and problem.rtol is None
    zero = all(edge.is_zero for edge in problem.axes[0].edges)
    return same and alone and zero and not problem.has_absent_edges
