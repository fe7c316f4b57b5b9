"""overlap-save over two and three axes: tile after tile through compiled loops around FFTW.

A tile takes the steps of a transform plane by plane (see `planes`), all of them by one worker and
in scratch of its own, with the kernel's spectrum at all frequencies. As every tile is full, no zero
is transformed.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from math import prod
from typing import Any, NamedTuple

from sigconv.core.blocks import Range
from sigconv.core.dtypes import Array
from sigconv.core.index import fill_around
from sigconv.engines.native_planes import NativePlaneKernel
from sigconv.engines.plan import Plan
from sigconv.engines.planes import Layout
from sigconv.engines.scratch import Scratch, borrow_scratch
from sigconv.fft import PlaneSpec, borrow_transform

__all__ = ["TileKernel"]


class _Work(NamedTuple):
    """A worker's transforms, and its memory for what lies between them."""

    planes: Any
    columns: Any
    scratch: Scratch


class TileKernel(NativePlaneKernel):
    """The spectrum of a kernel for tiles of one shape."""

    is_whole = True

    def __init__(self, plan: Plan, kernel: Array) -> None:
        self.tails = tuple(k - 1 for k in plan.problem.taps)
        super().__init__(plan, kernel)

    @contextmanager
    def workspace(self) -> Iterator[_Work]:
        """Lend one worker's transforms and memory."""
        with (
            borrow_transform(self._tile_spec()) as planes,
            borrow_transform(self.column_spec) as columns,
            borrow_scratch() as scratch,
        ):
            yield _Work(planes, columns, scratch)

    def _tile_spec(self) -> PlaneSpec:
        filled, wanted = self.plan.nfft[1:-1], self._wanted()[1:-1]
        return self._plane_spec(filled, wanted)

    def _wanted(self) -> tuple[Range, ...]:
        return tuple(zip(self.tails, self.plan.nfft, strict=True))

    def _convolve(self, data: Array, spectra: Array, out: Array, layout: Layout, work: Any) -> bool:
        """Convolve one tile; tell whether the results are finite."""
        if self.scaled.factor is None:
            return False
        nfft, full = self.plan.nfft, layout.leads == self.tails and data.shape == self.plan.nfft
        rows = nfft[0] * self.columns
        samples, between = work.scratch.arrays_of(
            (0 if full else prod(nfft), self.dtype), (rows, self.complex)
        )
        if not full:
            # At the ends of the signal a tile has fewer samples.
            whole = samples.reshape(nfft)
            starts = (tail - lead for tail, lead in zip(self.tails, layout.leads, strict=True))
            box = tuple(slice(s, s + n) for s, n in zip(starts, data.shape, strict=True))
            fill_around(whole, box, data)
            data = whole
        half = between.reshape(nfft[0], self.columns)
        self._forward(work.planes, data, half)
        stop = self.tails[0] + len(out)
        self._filter(work.columns, spectra, half, nfft[0], (self.tails[0], stop))
        lead = self.tails[-1]
        return self._inverse(work.planes, half[: len(out)], out, lead, self.scaled.factor)
