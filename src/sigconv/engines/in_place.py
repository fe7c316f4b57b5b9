"""Direct sums over plain arrays in one step: read and written where they lie, by the compiled loop.

All that depends on the shapes alone is made when the plan is first used, so that little Python runs
beside the sums: it is slow there, as they have emptied the cache. Anything unusual, such as taps
that are not finite or mostly zero, is left to the blocks.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise
from math import prod

import numpy as np

from sigconv.core.dtypes import Array
from sigconv.core.problem import Problem
from sigconv.engines import compiled
from sigconv.engines.numpy_convolve import as_dtype, tap_order
from sigconv.engines.plan import Plan
from sigconv.engines.rows import SPARSE, TapList, is_worth_copying
from sigconv.engines.workers import run_shared

__all__ = ["InPlaceStep", "suits_in_place"]


# Taps of which a step keeps a list.
_MOST_TAPS = 1 << 12


class InPlaceStep:
    """Sums over C-ordered arrays, in the pieces of the plan's grid."""

    def __init__(self, plan: Plan) -> None:
        problem = plan.problem
        self._shape = problem.result_shape
        self._signal_shape = problem.signal_shape
        self._dtype = problem.dtypes.compute
        self._conj = problem.correlate and problem.dtypes.is_complex
        # Reversed, so that offsets into the samples increase.
        self._order = tap_order(problem)[::-1].copy()
        nbatch = len(problem.batch)
        places = TapList.of(np.ones(problem.taps, self._dtype)).places
        self._index = np.zeros((len(places), nbatch + len(problem.axes)), np.int64)
        self._index[:, nbatch:] = places
        self._pieces = list(_pieces(plan, nbatch))
        compiled.load(self._dtype)

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
        from sigconv.engines._loops import sum_taps

        plain = signal.dtype == self._dtype and signal.flags.c_contiguous and signal.flags.aligned
        if not plain or signal.shape != self._signal_shape or (watch and out is not None):
            return None
        if np.count_nonzero(weights) <= SPARSE * weights.size or not np.isfinite(weights).all():
            return None
        if out is None:
            out = np.empty(self._shape, self._dtype)
        elif not (out.flags.c_contiguous and out.flags.aligned) or np.may_share_memory(out, signal):
            return None
        x, y, index = signal.reshape(-1), out.reshape(-1), self._index
        # One signature for all: samples that may not be written to.
        x.flags.writeable = False
        probes = []

        def share(pieces: Iterator[tuple[Array, Array, Array]]) -> None:
            for unasked, asked, axes in pieces:
                origins = asked if watch else unasked
                probes.append(sum_taps(x, y, origins, axes, index, weights))

        run_shared(share, self._pieces, workers)
        return None if watch and any(probe != 0 for probe in probes) else out


def suits_in_place(plan: Plan) -> bool:
    """Tell whether the plan's sums can be read and written where plain arrays lie."""
    problem = plan.problem
    if plan.loop != "numba" or problem.is_trivial or not _is_plain(problem):
        return False
    if prod(problem.taps) > _MOST_TAPS:
        return False
    if any(len(cuts) > 2 for cuts in (*plan.grid.batch_cuts, *plan.grid.cuts)[1:]):
        return False
    last = problem.axes[-1]
    if last.axis != len(problem.order) - 1:
        return True
    inside = min(last.stop, last.size) - max(last.start, last.taps - 1)
    return not is_worth_copying(inside, last.length, prod(problem.taps))


def _is_plain(problem: Problem) -> bool:
    """Tell whether the axes lie in order, and samples beyond the edges add nothing."""
    zero = all(edge.rule == "zero" for axis in problem.axes for edge in axis.edges)
    dtypes = problem.dtypes
    same = dtypes.compute == dtypes.result and dtypes.compute.kind in "fc"
    whole = problem.order == tuple(range(len(problem.order)))
    batch = problem.signal_shape[: len(problem.batch)] == problem.batch
    alone = prod(problem.kernel_batch) == 1 and problem.rtol is None
    return zero and same and whole and batch and alone and not problem.has_absent_edges


def _pieces(plan: Plan, nbatch: int) -> Iterator[tuple[Array, Array, Array]]:
    """Yield what the loop is told about each block: where arrays begin, and the axes.

    The second time it is asked whether outputs are finite.
    """
    problem = plan.problem
    axes = np.zeros((nbatch + len(problem.axes), 6), np.int64)
    for i, length in enumerate(problem.batch):
        axes[i, :4] = length, length, 0, 1
    for i, axis in enumerate(problem.axes, start=nbatch):
        axes[i, :4] = axis.length, axis.size, axis.start, axis.taps
    for column, shape in ((4, problem.signal_shape), (5, problem.result_shape)):
        axes[:, column] = [prod(shape[i + 1 :]) for i in range(len(shape))]
    edges = (*plan.grid.batch_cuts, *plan.grid.cuts)[0]
    for start, stop in pairwise(edges):
        own = axes.copy()
        own[0, 0] = stop - start
        first = start - (0 if nbatch else problem.axes[0].start)
        origins = np.array((0, first * axes[0, 5], 0))
        if nbatch:
            origins[0] = start * axes[0, 4]
        else:
            own[0, 2] = start
        yield origins, origins + np.array((0, 0, 1)), own
