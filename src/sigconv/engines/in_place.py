"""Direct sums over plain arrays in one step: read and written where they lie, by the compiled loop.

All that depends on the shapes alone is made when the plan is first used, so that little Python runs
beside the sums: it is slow there, as they have emptied the cache. Anything unusual, such as taps
that are not finite or mostly zero, is left to the blocks.
"""

from __future__ import annotations

from contextlib import suppress
from functools import partial
from itertools import pairwise
from math import prod
from typing import Any

import numpy as np

from sigconv.core.dtypes import Array
from sigconv.core.problem import Problem
from sigconv.engines import compiled
from sigconv.engines.numpy_convolve import as_dtype, is_plain, tap_order, taps_in_order
from sigconv.engines.plan import Plan
from sigconv.engines.rows import SPARSE
from sigconv.engines.workers import available_workers, run_counted
from sigconv.loops.sum_tables import SumTables, plain_layouts, scratch_elements

__all__ = ["InPlaceStep", "suits_in_place"]


# Taps of which a step keeps a list.
_MOST_TAPS = 1 << 16

# Samples, and outputs, that are copied where they have another dtype or layout.
_MOST_SAMPLES = 1 << 17

# Products of one call without the GIL, after which Ctrl-C is heard.
_MOST_PRODUCTS = 1 << 31


class InPlaceStep:
    """Sums over C-ordered arrays, in pieces that workers share."""

    def __init__(self, plan: Plan, kept_bytes: int | None = None) -> None:
        problem = plan.problem
        self._shape = problem.result_shape
        self._signal_shape = problem.signal_shape
        self._dtype, self._result = problem.dtypes
        self._copies = _is_small(problem)
        self._conj = problem.correlate and problem.dtypes.is_complex
        layouts = plain_layouts(problem)
        axes = [layout.axis.axis for layout in layouts]
        # Reversed, so that offsets into the samples increase, with rows along those of samples.
        kept = [axis.axis for axis in problem.axes]
        places = tap_order(problem).reshape(problem.taps)[(slice(None, None, -1),) * len(kept)]
        order = [kept.index(i) for i in axes if i in kept]
        self._order = np.ascontiguousarray(places.transpose(order).reshape(-1))
        self._fill = np.zeros(1, self._dtype)
        fills = [e.fill for a in problem.axes for e in a.edges if e.rule == "constant"]
        if fills:
            value = fills[0] if problem.dtypes.is_complex else fills[0].real
            self._fill[:] = as_dtype(np.array([value]), self._dtype)
        # Several calls, so that Ctrl-C is heard, of which each has work for all workers.
        taps = prod(problem.taps)
        calls = max(1, prod(self._shape) * taps // _MOST_PRODUCTS)
        tables = SumTables.of(layouts, calls * available_workers())
        cuts = np.linspace(0, len(tables.pieces), min(calls, len(tables.pieces)) + 1).astype(int)
        self._calls = list(pairwise(cuts.tolist()))
        # Of long sums with more zeros, the blocks make a list.
        zeros = taps if self._copies else int((1 - SPARSE) * taps)
        self._packed = tables.packed(zeros=zeros)
        elements = scratch_elements(layouts, self._dtype.itemsize, tables.pieces)
        room = tables.integers(), elements
        self._given = room, self._fill, self._packed.places, self._calls[0]
        size = 8 * room[0] + self._dtype.itemsize * room[1]
        self._keeps = kept_bytes is None or size <= kept_bytes
        self._spare: list[Any] = []
        self._teams: list[Any] = []
        compiled.load(self._dtype)
        from sigconv.loops import sums

        self._sum: Any = sums.sum_taps
        self._worker, self._workers = sums.Worker, sums.Workers

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
        if not is_plain(signal, self._dtype):
            if not self._copies:
                return None
            signal = np.ascontiguousarray(as_dtype(signal, self._dtype))
        target: Any = out
        if out is None or watch or not self._is_apart(out, signal):
            if out is not None and not self._copies:
                return None
            target = np.empty(self._shape, self._dtype)
        x, y = signal.reshape(-1), target.reshape(-1)
        # One signature for all: samples that may not be written to.
        x.flags.writeable = False
        for pieces in self._calls:
            count = min(workers, pieces[1] - pieces[0])
            # Taps that are not finite are told likewise.
            if self._run(pieces, (x, y, weights), watch, count):
                return None
        if out is None:
            return as_dtype(target, self._result)
        if target is not out:
            out[...] = target
        return out

    def _run(
        self, pieces: tuple[int, int], arrays: tuple[Array, ...], asks: bool, count: int
    ) -> int:
        """Run a range of pieces on `count` workers, and return what they tell."""
        if count == 1 and len(self._calls) == 1:
            worker = self._lend()
            told = self._sum(*arrays, worker.told, asks)
            if self._keeps:
                self._spare.append(worker)
            return int(told)
        team = self._team(count)
        told, counter = team.told(pieces)
        runs = [partial(self._run_one, team, arrays, one, asks) for one in told[:count]]
        run_counted(runs, counter, pieces[1] - pieces[0])
        if self._keeps:
            self._teams.append(team)
        return int(counter[2])

    def _team(self, count: int) -> Any:
        with suppress(IndexError):
            team = self._teams.pop()
            if team.size >= count:
                return team
        return self._workers([self._worker(*self._given) for _ in range(count)])

    def _run_one(self, team: Any, arrays: tuple[Array, ...], told: Array, asks: bool) -> None:
        """Run as one of a team, whose scratch and tables stay as long as this does."""
        del team
        self._sum(*arrays, told, asks)

    def _lend(self) -> Any:
        try:
            return self._spare.pop()
        except IndexError:
            return self._worker(*self._given)

    def _is_apart(self, out: Array, signal: Array) -> bool:
        """Tell whether sums can be written to `out` while samples are read."""
        return is_plain(out, self._dtype) and not np.may_share_memory(out, signal)


def suits_in_place(problem: Problem) -> bool:
    """Tell whether one kernel serves all, and arrays have the dtype of the loop or are small."""
    if problem.is_trivial or prod(problem.taps) > _MOST_TAPS:
        return False
    dtypes = problem.dtypes
    same = dtypes.compute == dtypes.result and dtypes.compute.kind in "fc"
    order = problem.order
    batch = tuple(problem.signal_shape[i] for i in order[: len(problem.batch)]) == problem.batch
    alone = prod(problem.kernel_batch) == 1 and problem.rtol is None
    return (same or _is_small(problem)) and batch and alone and not problem.has_absent_edges


def _is_small(problem: Problem) -> bool:
    """Tell whether samples and results may as well be copied."""
    return max(prod(problem.signal_shape), prod(problem.result_shape)) <= _MOST_SAMPLES
