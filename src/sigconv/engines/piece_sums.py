"""Direct sums over plain arrays, in pieces that workers share: tables and scratch, made once."""

from __future__ import annotations

from contextlib import suppress
from functools import partial
from itertools import pairwise
from math import prod
from typing import Any, NamedTuple

import numpy as np

from sigconv.core.dtypes import Array, DType
from sigconv.core.gather import constant_of
from sigconv.core.problem import Problem
from sigconv.engines import compiled
from sigconv.engines.workers import available_workers, run_counted
from sigconv.loops.pieces import Access, Transfer
from sigconv.loops.sum_tables import SumTables, plain_layouts

__all__ = ["PieceSums", "Way"]

# Products of one call without the GIL, after which Ctrl-C is heard.
_MOST_PRODUCTS = 1 << 31


class Way(NamedTuple):
    """How the loop comes by samples, and outputs come to their place."""

    access: Access
    transfer: Transfer

    @property
    def moves(self) -> bool:
        """Whether elements are loaded or stored, and arrays may have other dtypes than the sums."""
        return self.access.loads or self.access.stores

    @classmethod
    def of(
        cls,
        dtypes: tuple[DType, DType, DType],
        steps: tuple[int, int] = (1, 1),
        *,
        far: bool = False,
    ) -> Way | None:
        """Return the way from samples to sums to results of these dtypes, None if there is none.

        `steps` are those of samples and of results along rows, in elements; `far` tells whether
        one of them skips lines of the cache.
        """
        samples, sums, results = dtypes
        load = 0 if samples == sums and steps[0] == 1 else compiled.mover(samples, sums)
        store = 0 if sums == results and steps[1] == 1 else compiled.mover(sums, results)
        if load is None or store is None:
            return None
        access = Access(sums.itemsize, load != 0, store != 0, far)
        sizes = samples.itemsize, results.itemsize
        return cls(access, Transfer(load, sizes[0], steps[0], store, sizes[1], steps[1]))


class PieceSums:
    """The sums of one problem over C-ordered arrays, whose elements come and go in one way."""

    def __init__(self, problem: Problem, way: Way, *, zeros: int, kept_bytes: int | None) -> None:
        from sigconv.loops import sums

        dtype, layouts = problem.dtypes.compute, plain_layouts(problem)
        # Several calls, so that Ctrl-C is heard, of which each has work for all workers.
        products = prod(problem.result_shape) * prod(problem.taps)
        calls = max(1, products // _MOST_PRODUCTS)
        tables = SumTables.of(layouts, way.access, calls * available_workers())
        cuts = np.linspace(0, len(tables.pieces), min(calls, len(tables.pieces)) + 1).astype(int)
        self.calls = list(pairwise(cuts.tolist()))
        self._is_one_call = len(self.calls) == 1
        self._packed = tables.packed(zeros=zeros)
        room = tables.integers(), tables.elements
        constant = constant_of(problem.axes, dtype)
        fill = np.zeros(1, dtype) if constant is None else constant
        self._given = room, fill, self._packed.places, self.calls[0], way.transfer
        size = 8 * room[0] + dtype.itemsize * room[1]
        self._keeps = kept_bytes is None or size <= kept_bytes
        self._spare: list[Any] = []
        self._teams: list[Any] = []
        self._moves = way.moves
        self.sum: Any = sums.sum_at if self._moves else sums.sum_taps
        self.worker, self.workers = sums.Worker, sums.Workers

    def run(
        self, signal: Array, target: Array, weights: Array, *, asks: bool = False, workers: int = 1
    ) -> bool:
        """Write all sums; return whether something unusual was met, and they are to be dropped."""
        x, y = signal.reshape(-1), target.reshape(-1)
        # One signature for all: samples that may not be written to.
        x.flags.writeable = False
        if workers == 1 and self._is_one_call:
            return self._run_alone((x, y, weights), asks) != 0
        for pieces in self.calls:
            count = min(workers, pieces[1] - pieces[0])
            if self._run(pieces, (x, y, weights), asks, count):
                return True
        return False

    def _run_alone(self, arrays: tuple[Array, ...], asks: bool) -> int:
        try:
            worker = self._spare.pop()
        except IndexError:
            worker = self.worker(*self._given)
        told = self._sum(arrays, worker.told, asks)
        if self._keeps:
            self._spare.append(worker)
        return told

    def _run(
        self, pieces: tuple[int, int], arrays: tuple[Array, ...], asks: bool, count: int
    ) -> int:
        """Run a range of pieces on `count` workers, and return what they tell."""
        team = self._team(count)
        told, counter = team.told(pieces)
        runs = [partial(self._run_one, team, arrays, one, asks) for one in told[:count]]
        run_counted(runs, counter, pieces[1] - pieces[0])
        if self._keeps:
            self._teams.append(team)
        return int(counter[2])

    def _sum(self, arrays: tuple[Array, ...], told: Array, asks: bool) -> int:
        x, y, weights = arrays
        if not self._moves:
            return int(self.sum(x, y, weights, told, asks))
        return int(self.sum(x.ctypes.data, y.ctypes.data, weights, told, asks))

    def _run_one(self, team: Any, arrays: tuple[Array, ...], told: Array, asks: bool) -> None:
        """Run as one of a team, whose scratch and tables stay as long as this does."""
        del team
        self._sum(arrays, told, asks)

    def _team(self, count: int) -> Any:
        with suppress(IndexError):
            team = self._teams.pop()
            if team.size >= count:
                return team
        return self.workers([self.worker(*self._given) for _ in range(count)])
