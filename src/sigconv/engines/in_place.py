"""Direct sums over plain arrays in one step: read and written where they lie, by the compiled loop.

All that depends on the shapes alone is made when the plan is first used, so that little Python runs
beside the sums: it is slow there, as they have emptied the cache. Anything unusual, such as taps
that are not finite or mostly zero, is left to the blocks.
"""

from __future__ import annotations

from contextlib import suppress
from functools import partial
from math import prod
from typing import Any, NamedTuple

import numpy as np

from sigconv.core.dtypes import Array
from sigconv.core.problem import Axis, Problem
from sigconv.engines import compiled
from sigconv.engines.numpy_convolve import as_dtype, is_plain, tap_order
from sigconv.engines.plan import Plan
from sigconv.engines.rows import SPARSE
from sigconv.engines.workers import available_workers, run_counted
from sigconv.loops.sum_tables import Layout, Packed, SumTables

__all__ = ["InPlaceStep", "suits_in_place"]


# Taps of which a step keeps a list.
_MOST_TAPS = 1 << 16

# Samples, and outputs, that are copied where they have another dtype or layout.
_MOST_COPIED = 1 << 17

# Products of one call without the GIL, after which Ctrl-C is heard.
_MOST_PRODUCTS = 1 << 31


class _Call(NamedTuple):
    """What the compiled loop is told at once: how many pieces, and of what tables."""

    pieces: int
    packed: Packed

    @property
    def places(self) -> tuple[int, int]:
        """Where the numbers and the tables lie."""
        return self.packed.numbers.ctypes.data, self.packed.tables.ctypes.data


class InPlaceStep:
    """Sums over C-ordered arrays, in pieces that workers share."""

    def __init__(self, plan: Plan, kept_bytes: int | None = None) -> None:
        problem = plan.problem
        self._shape = problem.result_shape
        self._signal_shape = problem.signal_shape
        self._dtype, self._result = problem.dtypes
        self._copies = _is_small(problem)
        self._conj = problem.correlate and problem.dtypes.is_complex
        layouts = _layouts(problem)
        axes = [layout.axis.axis for layout in layouts]
        # Reversed, so that offsets into the samples increase, with rows along those of samples.
        kept = [axis.axis for axis in problem.axes]
        places = tap_order(problem).reshape(problem.taps)[(slice(None, None, -1),) * len(kept)]
        order = [kept.index(i) for i in axes if i in kept]
        self._order = np.ascontiguousarray(places.transpose(order).reshape(-1))
        tables = SumTables.of(layouts, available_workers())
        self._fill = np.zeros(1, self._dtype)
        fills = [e.fill for a in problem.axes for e in a.edges if e.rule == "constant"]
        if fills:
            value = fills[0] if problem.dtypes.is_complex else fills[0].real
            self._fill[:] = as_dtype(np.array([value]), self._dtype)
        # Several calls, so that Ctrl-C is heard, of which each has work for all workers.
        calls = max(1, prod(self._shape) * prod(problem.taps) // _MOST_PRODUCTS)
        if calls > 1:
            tables = SumTables.of(layouts, calls * available_workers())
        several = np.array_split(tables.pieces, min(calls, len(tables.pieces)))
        # Of long sums with more zeros, the blocks make a list.
        taps = prod(problem.taps)
        zeros = taps if self._copies else int((1 - SPARSE) * taps)
        self._calls = [
            _Call(len(pieces), tables.packed(pieces=pieces, zeros=zeros)) for pieces in several
        ]
        integers, elements = (max(call.packed.room[i] for call in self._calls) for i in range(2))
        self._given = self._dtype, (integers, elements), self._fill
        size = 8 * integers + self._dtype.itemsize * elements
        self._keeps = kept_bytes is None or size <= kept_bytes
        self._spare: list[Any] = []
        self._teams: list[Any] = []
        compiled.load(self._dtype)
        from sigconv.loops import sums

        self._sum: Any = sums.sum_taps
        self._worker, self._workers = sums.Worker, sums.Workers

    def weights(self, kernel: Array) -> Array:
        """Return the taps of `kernel`, as given to the call, in the order of the loop."""
        taps = kernel.take(self._order)
        return as_dtype(taps.conj() if self._conj else taps, self._dtype)

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
        for call in self._calls:
            count = workers if call.pieces > 1 else 1
            # Taps that are not finite are told likewise.
            if self._run(call, (x, y, weights), watch, count):
                return None
        if out is None:
            return as_dtype(target, self._result)
        if target is not out:
            out[...] = target
        return out

    def _run(self, call: _Call, arrays: tuple[Array, ...], asks: bool, count: int) -> int:
        """Run one call on `count` workers, and return what it tells."""
        if count == 1 and len(self._calls) == 1:
            worker = self._lend()
            told = self._sum(*arrays, worker.told, asks)
            if self._keeps:
                self._spare.append(worker)
            return int(told)
        team = self._team(call, count)
        told, counter = team.told()
        # Who begins when all is done still reads the tables: the bound method keeps them.
        runs = [partial(self._run_one, arrays, one, asks) for one in told[:count]]
        run_counted(runs, counter, call.pieces)
        if self._keeps and len(self._calls) == 1:
            self._teams.append(team)
        return int(counter[2])

    def _team(self, call: _Call, count: int) -> Any:
        if len(self._calls) == 1:
            with suppress(IndexError):
                team = self._teams.pop()
                if team.size >= count:
                    return team
        return self._workers([self._worker(*self._given, call.places) for _ in range(count)])

    def _run_one(self, arrays: tuple[Array, ...], told: Array, asks: bool) -> int:
        return int(self._sum(*arrays, told, asks))

    def _lend(self) -> Any:
        try:
            return self._spare.pop()
        except IndexError:
            return self._worker(*self._given, self._calls[0].places)

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
    return max(prod(problem.signal_shape), prod(problem.result_shape)) <= _MOST_COPIED


def _layouts(problem: Problem) -> list[Layout]:
    """Return the axes of C-ordered arrays as they lie, the rows last."""
    convolved = {axis.axis: axis for axis in problem.axes}
    layouts = []
    for i, length in enumerate(problem.result_shape):
        axis = convolved.get(i, Axis(i, length, 1, 0, length))
        strides = prod(problem.signal_shape[i + 1 :]), prod(problem.result_shape[i + 1 :])
        layouts.append(Layout(axis, *strides))
    last = layouts[-1]
    if last.axis.is_pointwise and len(layouts) > 1 and last.axis.length < 64:
        # Channels side by side: a row holds all of them.
        return layouts[:-1]
    return layouts
