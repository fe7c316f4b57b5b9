"""Planes and columns by pyFFTW."""

from __future__ import annotations

from functools import cached_property
from typing import Any

from sigconv.fft.fftw import calls_of, empty_aligned, planning
from sigconv.fft.patience import run_patiently
from sigconv.fft.planes import ColumnSpec, PlaneScratch, PlaneSpec

__all__ = ["FftwColumns", "FftwPlanes"]


class FftwPlanes(PlaneScratch):
    """Planes by FFTW: along the last axis, then across the others in place."""

    def __init__(self, spec: PlaneSpec) -> None:
        super().__init__(spec, empty_aligned)
        last = (len(spec.nfft),)
        self._across: tuple[Any, ...] = ()
        self._back: Any = None
        with planning(spec.effort) as plan:
            self._along = plan(self.samples, self.filled, last, "FORWARD")
            if self.across:
                whole = self.whole
                self._across = (
                    plan(whole, whole, self.across, "FORWARD"),
                    plan(whole, whole, self.across, "BACKWARD"),
                )
            if spec.kept is not None:
                self._back = plan(self.wanted, self.results, last, "BACKWARD")

    @cached_property
    def calls(self) -> Any:
        """FFTW's `execute` and its plans along, across and back twice, of a native transform."""
        return calls_of(self._along, *(self._across or (None, None)), self._back)

    def forward(self) -> None:
        """Transform the samples; the rows that hold none count as zeros."""
        run_patiently(self._along.execute, self.spec.nbytes)
        self.clear()
        if self._across:
            run_patiently(self._across[0].execute, self.spec.nbytes)

    def inverse(self) -> None:
        """Transform back, without the factor 1/prod(nfft), and lose the spectrum."""
        if self._across:
            run_patiently(self._across[1].execute, self.spec.nbytes)
        run_patiently(self._back.execute, self.spec.nbytes)


class FftwColumns:
    """Columns by FFTW, in place."""

    def __init__(self, spec: ColumnSpec) -> None:
        self.spec = spec
        self.columns = empty_aligned((spec.nfft, spec.width), spec.dtype)
        with planning(spec.effort) as plan:
            self._forward = plan(self.columns, self.columns, (0,), "FORWARD")
            self._inverse = plan(self.columns, self.columns, (0,), "BACKWARD")

    @cached_property
    def calls(self) -> Any:
        """FFTW's `execute` and the plans there and back, of a native transform."""
        return calls_of(self._forward, self._inverse)

    def forward(self) -> None:
        """Transform."""
        run_patiently(self._forward.execute, self.spec.nbytes)

    def inverse(self) -> None:
        """Transform back, without the factor 1/nfft."""
        run_patiently(self._inverse.execute, self.spec.nbytes)
