"""Direct sums over plain arrays in one step: read and written where they lie, by the compiled loop.

Samples and results of other dtypes than the sums are converted by the loop.

All that depends on the shapes alone is made when the plan is first used, so that little Python runs
beside the sums: it is slow there, as they have emptied the cache. Anything unusual, such as taps
that are not finite or mostly zero, is left to the blocks.
"""

from __future__ import annotations

from functools import partial
from math import prod
from typing import Any

import numpy as np

from sigconv.core.dtypes import Array, DType
from sigconv.core.problem import Problem
from sigconv.engines import compiled
from sigconv.engines.numpy_convolve import as_dtype, is_plain, tap_order, taps_in_order
from sigconv.engines.piece_sums import PieceSums, Way
from sigconv.engines.plan import Plan
from sigconv.engines.rows import SPARSE
from sigconv.loops.sum_tables import plain_layouts

__all__ = ["InPlaceStep", "suits_in_place"]


# Taps of which a step keeps a list.
_MOST_TAPS = 1 << 16

# Samples, and outputs, that are copied where they have another dtype or layout.
_MOST_SAMPLES = 1 << 17


class InPlaceStep:
    """Sums over C-ordered arrays, in pieces that workers share."""

    def __init__(self, plan: Plan, kept_bytes: int | None = None) -> None:
        problem = plan.problem
        self._shape = problem.result_shape
        self._signal_shape = problem.signal_shape
        self._dtype, self._result = problem.dtypes
        self._copies = _is_small(problem)
        self._conj = problem.correlate and problem.dtypes.is_complex
        axes = [layout.axis.axis for layout in plain_layouts(problem)]
        # Reversed, so that offsets into the samples increase, with rows along those of samples.
        kept = [axis.axis for axis in problem.axes]
        places = tap_order(problem).reshape(problem.taps)[(slice(None, None, -1),) * len(kept)]
        order = [kept.index(i) for i in axes if i in kept]
        self._order = np.ascontiguousarray(places.transpose(order).reshape(-1))
        # Of long sums with more zeros, the blocks make a list.
        taps = prod(problem.taps)
        zeros = taps if self._copies else int((1 - SPARSE) * taps)
        compiled.load(self._dtype)
        self._make = partial(PieceSums, problem, zeros=zeros, kept_bytes=kept_bytes)
        # What is copied is converted then.
        self._written = self._dtype if self._copies else self._result
        self._made: dict[DType, PieceSums] = {}
        self._plain: PieceSums | None = None

    def weights(self, kernel: Array) -> Array:
        """Return the taps of `kernel`, as given to the call, in the order of the loop."""
        return taps_in_order(kernel, self._order, self._dtype, conj=self._conj)

    def apply(
        self,
        signal: Array,
        weights: Array,
        out: Array | None = None,
        *,
        watch: bool = False,
        workers: int = 1,
    ) -> Array | None:
        """Return the result, or None where the blocks have to compute it."""
        if signal.shape != self._signal_shape:
            return None
        sums = self._plain
        if sums is None or not is_plain(signal, self._dtype):
            if self._copies:
                signal = np.ascontiguousarray(as_dtype(signal, self._dtype))
            sums = self.sums(signal.dtype) if is_plain(signal, signal.dtype) else None
        if sums is None:
            return None
        target: Any = out
        if out is None or watch or not _is_apart(out, self._written, signal):
            if out is not None and not self._copies:
                return None
            target = np.empty(self._shape, self._written)
        # Taps that are not finite are told likewise.
        if sums.run(signal, target, weights, asks=watch, workers=workers):
            return None
        if out is None:
            return as_dtype(target, self._result)
        if target is not out:
            out[...] = target
        return out

    def sums(self, dtype: DType) -> PieceSums | None:
        """Return what sums up samples of `dtype`, made when it is first used, or None."""
        sums = self._made.get(dtype)
        if sums is None:
            way = Way.of((dtype, self._dtype, self._written))
            if way is not None:
                sums = self._made.setdefault(dtype, self._make(way))
                self._plain = self._made.get(self._dtype)
        return sums


def _is_apart(out: Array, dtype: DType, signal: Array) -> bool:
    """Tell whether sums can be written to `out` while samples are read."""
    return is_plain(out, dtype) and not np.may_share_memory(out, signal)


def suits_in_place(problem: Problem) -> bool:
    """Tell whether one kernel serves all, and arrays have the dtype of the loop or are small."""
    if problem.is_trivial or prod(problem.taps) > _MOST_TAPS:
        return False
    dtypes = problem.dtypes
    moved = compiled.is_moved(dtypes.compute, dtypes.result)
    order = problem.order
    batch = tuple(problem.signal_shape[i] for i in order[: len(problem.batch)]) == problem.batch
    alone = prod(problem.kernel_batch) == 1 and problem.rtol is None
    return (moved or _is_small(problem)) and batch and alone and not problem.has_absent_edges


def _is_small(problem: Problem) -> bool:
    """Tell whether samples and results may as well be copied."""
    return max(prod(problem.signal_shape), prod(problem.result_shape)) <= _MOST_SAMPLES
