"""Transforms by scipy.fft: the fallback, and the only one for long double."""

from __future__ import annotations

import numpy as np

from sigconv.fft.patience import run_patiently
from sigconv.fft.transform import TransformSpec

__all__ = ["ScipyTransform"]


class ScipyTransform:
    """A transform by scipy.fft, one thread, in the precision of its spec."""

    def __init__(self, spec: TransformSpec) -> None:
        self.spec = spec
        self.samples = np.empty((spec.count, *spec.nfft), spec.dtype)
        self.spectrum = np.empty((spec.count, *spec.bins), spec.spectrum_dtype)

    def forward(self) -> None:
        """Transform `samples` into `spectrum`."""
        run_patiently(self._forward, self.spec.nbytes, awaited_at_exit=True)

    def inverse(self) -> None:
        """Transform `spectrum` into `samples`, without the factor 1/prod(nfft)."""
        run_patiently(self._inverse, self.spec.nbytes, awaited_at_exit=True)

    def _forward(self) -> None:
        from scipy import fft

        if self.spec.is_real:
            self.spectrum = fft.rfftn(self.samples, axes=self.spec.axes)
        else:
            self.spectrum = fft.fftn(self.samples, axes=self.spec.axes)

    def _inverse(self) -> None:
        from scipy import fft

        spec = self.spec
        # norm="forward" puts the factor on the forward transform: the inverse has none.
        if spec.is_real:
            self.samples = fft.irfftn(
                self.spectrum, s=spec.nfft, axes=spec.axes, norm="forward", overwrite_x=True
            )
        else:
            self.samples = fft.ifftn(
                self.spectrum, axes=spec.axes, norm="forward", overwrite_x=True
            )
