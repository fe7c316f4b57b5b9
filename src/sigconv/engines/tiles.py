"""overlap-save over two and three axes: tile after tile through compiled loops around FFTW.

A tile takes the steps of a transform plane by plane (see `planes`), all of them by one worker and
in scratch of its own, with the kernel's spectrum at all frequencies. As every tile is full, no zero
is transformed. The tiles of a block follow one another along the first axis.
"""

from __future__ import annotations

from contextlib import AbstractContextManager
from typing import Any

from sigconv.core.dtypes import Array
from sigconv.engines.native_planes import NativePlaneKernel
from sigconv.engines.plan import Plan
from sigconv.engines.planes import Layout
from sigconv.engines.real_spectra import centre_of

__all__ = ["TileKernel"]


class TileKernel(NativePlaneKernel):
    """The spectrum of a kernel for tiles of one shape."""

    is_whole = True

    @property
    def tails(self) -> tuple[int, ...]:
        """The outputs of a tile that its neighbours before it have."""
        taps = self.plan.problem.taps
        centre = self.centre or (0,) * len(taps)
        return tuple(k - 1 - c for k, c in zip(taps, centre, strict=True))

    def _centre_of(self, plan: Plan, kernel: Array) -> tuple[int, ...] | None:
        return centre_of(plan, kernel, tuple(taps - 1 for taps in plan.problem.taps))

    def workspace(self) -> AbstractContextManager[Any]:
        """Lend one worker's transforms and memory."""
        wanted = tuple(zip(self.tails, self.plan.nfft, strict=True))
        nfft = self.plan.nfft
        return self.lend(self._plane_spec(nfft[0], nfft[1:-1], wanted[1:-1]))

    def _convolve(
        self, data: Array, spectra: Array, out: Array, layout: Layout, workers: Any
    ) -> bool:
        """Convolve one array of a block; tell whether the results are finite.

        `workers` is what `workspace` lends.
        """
        return self._convolve_alone(data, spectra, out, layout, self.tails, workers)
