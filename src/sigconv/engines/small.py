"""Direct sums in one step: small ones without grid, tiles and threads, in scratch that is kept.

The compiled loop is the subject of `in_place`. For NumPy's loops the signal is copied into
its extension once, from an index made when the plan is first used. Where rows of the extension
follow one another in memory, a tap is one offset for all of them: the whole sum is a single row, in
which a few outputs between the rows of the result go unused. Short signals that end in zeros are
what `np.convolve` takes. Anything unusual, such as taps that are not finite, is left to the blocks.
"""

from __future__ import annotations

from functools import lru_cache
from math import prod
from typing import Any, NamedTuple, Protocol

import numpy as np

from sigconv.core.blocks import BlockGrid
from sigconv.core.dtypes import Array
from sigconv.core.nonfinite import is_finite
from sigconv.core.problem import Problem
from sigconv.engines.base import Machine, dtype_key
from sigconv.engines.extension import Extension, extended_shape
from sigconv.engines.fft_steps import fft_step
from sigconv.engines.in_place import InPlaceStep, suits_in_place
from sigconv.engines.numpy_convolve import (
    NumpyStep,
    as_dtype,
    output_seconds,
    tap_order,
    taps_in_order,
)
from sigconv.engines.plan import Plan
from sigconv.fft import current_backend

__all__ = ["OneStep", "fits_one_step", "make_step", "one_step", "step_seconds"]

# Samples of an extension at most, and how many times the outputs it may be; taps, of which each
# row has a view.
_MOST_SAMPLES, _MOST_SHARE = 1 << 17, 4
_MOST_TAPS = 1 << 12

# Outputs, and products with zeros among them, up to which one correlation with all rows of the
# kernel takes less than one for each.
_FEW_OUTPUTS, _FEW_PRODUCTS = 1 << 9, 1 << 15

# Scratch that a step of a single call keeps for the next.
_KEPT_BYTES = 1 << 17


class OneStep(Protocol):
    """A plan that runs as a whole."""

    def weights(self, kernel: Array) -> Any:
        """Return the taps of `kernel`, as given to the call, in the order of the loop."""

    def apply(
        self,
        signal: Array,
        weights: Any,
        out: Array | None = None,
        *,
        watch: bool = False,
        workers: int = 1,
    ) -> Array | None:
        """Return the result, in `out` if given, or None where the blocks have to compute it.

        That is so for arrays that the step does not take, for taps that are not finite, and with
        `watch` for such samples. Then `out` may have been written to, but not where it overlaps the
        signal; it may not overlap the kernel. Long work is shared by so many `workers`.
        """


def one_step(plan: Plan) -> OneStep | None:
    """Return the plan as one step, which its callers share, or None where it takes more."""
    return _shared(plan, current_backend())


@lru_cache(maxsize=256)
def _shared(plan: Plan, backend: str) -> OneStep | None:
    del backend
    return make_step(plan, _KEPT_BYTES)


def make_step(plan: Plan, kept_bytes: int | None) -> OneStep | None:
    """Return the plan as one step that keeps scratch, of `kept_bytes` at most if given."""
    problem = plan.problem
    if plan.nfft:
        return fft_step(plan)
    if plan.method != "direct":
        return None
    if plan.loop == "numba":
        return InPlaceStep(plan, kept_bytes) if suits_in_place(problem) else None
    if _is_plain(problem, plan.grid):
        if plan.loop == "np.convolve":
            return NumpyStep(plan)
        extension = Extension.of(problem) if fits_one_step(problem, plan.grid) else None
        if extension is not None:
            return _SumStep(plan, extension, kept_bytes)
    return None


def fits_one_step(problem: Problem, grid: BlockGrid) -> bool:
    """Tell whether the blocks of `problem` are one, small and plain."""
    outputs, samples = prod(problem.result_shape), prod(extended_shape(problem))
    few = samples <= min(_MOST_SAMPLES, _MOST_SHARE * outputs) and prod(problem.taps) <= _MOST_TAPS
    return few and _is_plain(problem, grid)


def _is_plain(problem: Problem, grid: BlockGrid) -> bool:
    if len(grid) != 1 or problem.is_trivial or problem.has_absent_edges:
        return False
    dtypes = problem.dtypes
    rounded = dtypes.compute != dtypes.result and not dtypes.is_integer
    return prod(problem.kernel_batch) == 1 and not rounded


def step_seconds(problem: Problem, machine: Machine) -> float:
    """Return what one step is predicted to take by NumPy's loops."""
    key = dtype_key(problem.dtypes.compute)
    samples, taps, row = prod(extended_shape(problem)), prod(problem.taps), problem.taps[-1]
    start = machine.call / 4
    if problem.dtypes.is_complex:
        return start + taps * (machine.call / 15 + samples * machine.slice_add.get(key, 1e-8))
    each = machine.call / 15 + samples * output_seconds(problem, machine, row)
    return start + taps // row * each


class _Scratch(NamedTuple):
    """An extension of the signal and its sums; `inside` and `outputs` are views of them.

    `found` are samples beyond the edges. `stretches` are what NumPy's loops read of the samples,
    for a row of taps or for one tap after the other; `row` has all taps, where they lie.
    """

    extended: Array
    inside: Array
    samples: Array
    found: Array
    sums: Array
    outputs: Array
    stretches: tuple[Array, ...]
    row: Array


class _SumStep:
    """A row of sums over an extension, by NumPy's loops.

    Rows of the extension follow one another: output p has sample p + shift - back[t] for tap t.
    """

    def __init__(self, plan: Plan, extension: Extension, kept_bytes: int | None) -> None:
        problem = plan.problem
        self._problem = problem
        self._extension = extension
        self._compute, self._result = problem.dtypes
        self._conj = problem.correlate and problem.dtypes.is_complex
        self._is_canonical = problem.order == tuple(range(len(problem.order)))
        # Reversed, so that offsets into the samples increase.
        self._order = tap_order(problem)[::-1].copy()
        self._length, self._back = _single_row(problem, extension.template)
        self._sum = self._sum_rows if self._compute.kind in "iuf" else self._sum_slices
        reach = int(self._back[0]) + 1
        few = self._length <= _FEW_OUTPUTS and self._length * reach <= _FEW_PRODUCTS
        self._places = self._back[:0]
        if few and self._sum == self._sum_rows and problem.taps[-1] < len(self._back):
            self._sum, self._places = self._sum_at_once, self._back[0] - self._back
        self._spare: list[_Scratch] = []
        self._nothing = np.zeros(max(len(self._back), self._length), self._compute)
        self._keeps = kept_bytes is None or 2 * extension.template.nbytes <= kept_bytes

    def weights(self, kernel: Array) -> Array:
        return taps_in_order(kernel, self._order, self._compute, conj=self._conj)

    def apply(
        self,
        signal: Array,
        weights: Array,
        out: Array | None = None,
        *,
        watch: bool = False,
        workers: int = 1,
    ) -> Array | None:
        del workers
        try:
            scratch = self._spare.pop()
        except IndexError:
            scratch = self._new_scratch()
        self._extend(signal, scratch)
        if self._sum(scratch, weights, watch) or is_finite(signal if watch else weights):
            if out is None:
                out = np.empty(self._problem.result_shape, self._result)
            target = out if self._is_canonical else out.transpose(self._problem.order)
            target[...] = scratch.outputs
        else:
            out = None
        if self._keeps and not self._spare:
            self._spare.append(scratch)
        return out

    def _extend(self, signal: Array, scratch: _Scratch) -> None:
        # Integers are cast where they are copied; only floats may overflow then.
        samples = signal if signal.dtype.kind in "biu" else as_dtype(signal, self._compute)
        canonical = samples if self._is_canonical else samples.transpose(self._problem.order)
        scratch.inside[...] = canonical[self._extension.source]
        if len(self._extension.at):
            found = scratch.found if samples.dtype == self._compute else None
            # "clip" does not buffer; no index is wrong.
            found = samples.take(self._extension.at, out=found, mode="clip")
            scratch.extended.put(self._extension.beyond, found)

    def _sum_at_once(self, scratch: _Scratch, weights: Array, watch: bool) -> bool:
        """Sum over all rows of the kernel with zeros between, as they lie in the extension."""
        row = scratch.row
        row[self._places] = weights
        sums = scratch.sums[: self._length]
        sums[...] = np.correlate(scratch.samples[: self._length + len(row) - 1], row, "valid")
        # Those zeros meet samples that they should not, which matters where one is not finite.
        if np.correlate(sums, self._nothing[: len(sums)], "valid")[0] == 0:
            return True
        return self._sum_rows(scratch, weights, watch)

    def _sum_rows(self, scratch: _Scratch, weights: Array, watch: bool) -> bool:
        """Sum over each row of the kernel, and over the rows."""
        rows = weights.reshape(-1, self._problem.taps[-1])
        sums, stretches = scratch.sums[: self._length], scratch.stretches
        sums[...] = np.correlate(stretches[0], rows[0], "valid")
        if len(rows) > 1:
            with np.errstate(all="ignore"):
                for stretch, row in zip(stretches[1:], rows[1:], strict=True):
                    sums += np.correlate(stretch, row, "valid")
        return not watch and self._are_finite(weights)

    def _sum_slices(self, scratch: _Scratch, weights: Array, watch: bool) -> bool:
        """Sum tap by tap, which is faster for complex numbers."""
        sums = scratch.sums[: self._length]
        sums[...] = 0
        with np.errstate(all="ignore"):
            for stretch, weight in zip(scratch.stretches, weights, strict=True):
                sums += stretch * weight
        return not watch and self._are_finite(weights)

    def _are_finite(self, weights: Array) -> bool:
        # Unlike other sums, this one never warns.
        return bool(np.correlate(weights, self._nothing[: len(weights)], "valid")[0] == 0)

    def _new_scratch(self) -> _Scratch:
        extended = self._extension.template.copy()
        samples = extended.reshape(-1)
        sums = np.empty(extended.size, self._compute)
        shape = self._problem.batch + self._problem.lengths
        outputs = sums.reshape(extended.shape)[tuple(slice(0, n) for n in shape)]
        # A row of the kernel, or one tap, at a time.
        taps = 1 if self._sum == self._sum_slices else self._problem.taps[-1]
        starts = (self._back[0] - self._back)[::taps]
        stretches = tuple(samples[s : s + self._length + taps - 1] for s in starts.tolist())
        inside = extended[self._extension.target]
        found = np.empty(len(self._extension.at), self._compute)
        row = np.zeros(int(self._back[0]) + 1 if len(self._places) else 0, self._compute)
        return _Scratch(extended, inside, samples, found, sums, outputs, stretches, row)


def _single_row(problem: Problem, extended: Array) -> tuple[int, Array]:
    """Return how long the row of all outputs is, and how far back each reversed tap reaches."""
    strides = [stride // extended.itemsize for stride in extended.strides]
    shape = problem.batch + problem.lengths
    length = 1 + sum((n - 1) * stride for n, stride in zip(shape, strides, strict=True))
    back = np.zeros(problem.taps, np.int64)
    steps = strides[len(problem.batch) :]
    for place, step in zip(np.indices(problem.taps), steps, strict=True):
        back += place * step
    return length, back.reshape(-1)[::-1].copy()
