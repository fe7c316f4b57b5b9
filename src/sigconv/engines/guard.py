"""Keeping `rtol` where loud samples lie beside quiet ones.

An FFT's error is relative to all the samples of its block, and `rtol` to those under the
kernel. Outputs for which the block is too loud are summed tap by tap instead.
"""

from __future__ import annotations

from contextlib import AbstractContextManager
from dataclasses import replace
from typing import Any

import numpy as np

from sigconv.core.blocks import Block, Range, boxes_around
from sigconv.core.dtypes import Array
from sigconv.core.gather import Tile
from sigconv.core.index import trailing
from sigconv.core.nonfinite import clean, is_finite
from sigconv.core.window_sums import window_sums
from sigconv.engines.accuracy import tap_by_tap
from sigconv.engines.compiled import loop_for
from sigconv.engines.direct_kernel import DirectKernel, extended
from sigconv.engines.plan import Plan
from sigconv.engines.spectral import SpectralKernel

__all__ = ["GuardedKernel"]


class GuardedKernel:
    """A spectral kernel, and the same taps for the outputs that it would spoil."""

    def __init__(self, plan: Plan, kernel: Array) -> None:
        assert plan.problem.rtol is not None
        self.plan = plan
        self.spectral = SpectralKernel(plan, kernel)
        self.direct = DirectKernel(_tap_by_tap(plan), kernel)
        # How much louder a block may be than the samples under the kernel.
        self.headroom = plan.problem.rtol / plan.error_bound

    def workspace(self) -> AbstractContextManager[Any]:
        """Lend one worker's transform."""
        return self.spectral.workspace()

    def apply(self, tile: Tile, out: Array, work: Any, *, watch: bool = False) -> None:
        """Write the outputs of one block."""
        self.spectral.apply(tile, out, work, watch=watch)
        for write in self._spoiled(tile):
            self._repair(tile, write, out)

    def _spoiled(self, tile: Tile) -> list[tuple[Range, ...]]:
        """Return boxes that hold all outputs under whose taps the samples are too quiet."""
        axes = self.plan.problem.axes
        dtype = np.result_type(self.plan.problem.dtypes.compute, np.float64)
        energy = _energy(extended(tile, axes, dtype))
        convolved = tuple(range(energy.ndim - len(axes), energy.ndim))
        block = energy.sum(axis=convolved, keepdims=True)
        spoiled = window_sums(energy, self.plan.problem.taps) * self.headroom**2 < block
        marks = spoiled.any(axis=tuple(range(spoiled.ndim - len(axes))))
        return boxes_around(marks, tuple(start for start, _ in tile.block.write))

    def _repair(self, tile: Tile, write: tuple[Range, ...], out: Array) -> None:
        """Sum the outputs `write` of a block tap by tap."""
        axes, whole = self.plan.problem.axes, tile.block
        support = tuple(axis.support(*bounds) for axis, bounds in zip(axes, write, strict=True))
        block = Block(whole.batch, write, support)
        data = tile.data[trailing(_within(support, whole.support))]
        self.direct.apply(Tile(block, data), out[trailing(_within(write, whole.write))])


def _tap_by_tap(plan: Plan) -> Plan:
    """Return the plan of a direct sum in the narrowest dtype that keeps `rtol`."""
    problem = tap_by_tap(plan.problem) or plan.problem
    loop = loop_for(problem.dtypes.compute)
    return replace(plan, problem=problem, method="direct", nfft=(), hop=(), loop=loop)


def _energy(samples: Array) -> Array:
    """Return squared magnitudes relative to the largest; what is not finite counts as nothing."""
    samples = samples if is_finite(samples) else clean(samples)
    parts = (samples.real, samples.imag) if samples.dtype.kind == "c" else (samples,)
    # The magnitude of a complex number near the end of its range would overflow.
    largest = max(float(np.abs(part).max(initial=0)) for part in parts)
    squares = [np.square(part / (largest or 1.0)) for part in parts]
    total: Array = np.sum(squares, axis=0)
    return total


def _within(box: tuple[Range, ...], whole: tuple[Range, ...]) -> tuple[slice, ...]:
    return tuple(slice(a - w[0], b - w[0]) for (a, b), w in zip(box, whole, strict=True))
