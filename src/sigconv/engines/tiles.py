"""overlap-save over two and three axes: tile after tile through compiled loops around FFTW.

A tile takes the steps of a transform plane by plane (see `planes`), all of them by one worker and
in scratch of its own, with the kernel's spectrum at all frequencies. As every tile is full, no zero
is transformed.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple

from sigconv.core.dtypes import Array
from sigconv.engines.native_planes import NativePlaneKernel
from sigconv.engines.planes import Layout
from sigconv.fft import borrow_transform

__all__ = ["TileKernel"]


class _Work(NamedTuple):
    """A worker's transforms, and its memory for what lies between them."""

    planes: Any
    columns: Any
    between: Array


class TileKernel(NativePlaneKernel):
    """The spectrum of a kernel for tiles of one shape."""

    is_whole = True

    @contextmanager
    def workspace(self) -> Iterator[_Work]:
        """Lend one worker's transforms and memory."""
        tails = tuple(k - 1 for k in self.plan.problem.taps)
        wanted = tuple(zip(tails, self.plan.nfft, strict=True))
        spec = self._plane_spec(self.plan.nfft[1:-1], wanted[1:-1])
        try:
            between = self.spare.pop()
        except IndexError:
            between = self._between((), self.plan.nfft[0])
        with borrow_transform(spec) as planes, borrow_transform(self.column_spec) as columns:
            yield _Work(planes, columns, between)
        self.spare.append(between)

    def _convolve(
        self, data: Array, spectra: Array, out: Array, layout: Layout, work: _Work
    ) -> bool:
        """Convolve one tile; tell whether the results are finite."""
        if self.scaled.factor is None:
            return False
        # At the ends of the signal a tile has fewer samples: zeros come before them.
        tails = tuple(k - 1 for k in self.plan.problem.taps)
        leads = tuple(tail - lead for tail, lead in zip(tails, layout.leads, strict=True))
        whole = layout._replace(leads=tails)
        zeros = leads[0], leads[1] if len(leads) > 2 else 0, leads[-1]
        self._forward(work.planes, data, work.between, range(len(data)), zeros)
        groups = range(len(work.between))
        box = leads[0], leads[0] + len(data)
        self._filter_between(work.columns, spectra, work.between, box, groups)
        return self._inverse(work.planes, work.between, out, whole, range(len(out)))
