"""How a partitioned stream is computed."""

from __future__ import annotations

from typing import NamedTuple

from sigconv.core.dtypes import DType
from sigconv.fft import Transform, TransformSpec
from sigconv.fft.backend import make_transform
from sigconv.fft.fftw import Wisdom, learn
from sigconv.streaming.layout import Layout

__all__ = ["Way"]

# Transforms at least this long repay the time that FFTW takes to time its algorithms.
_MEASURED_LENGTH = 4096


class Way(NamedTuple):
    """How a partitioned stream is computed, which its bits depend on.

    `loop` is that of the sums, `transforms` that around FFTs by `backend`. These are planned with
    `effort`, by a wisdom if there is one.
    """

    layout: Layout
    dtype: DType
    loop: str
    transforms: str
    backend: str
    effort: str = "estimate"
    wisdom: Wisdom | None = None

    def spec(self, nfft: int, dtype: DType | None = None) -> TransformSpec:
        """Return a transform of this stream's."""
        is_native = self.transforms == "numba"
        return TransformSpec(1, (nfft,), dtype or self.dtype, self.effort, is_native=is_native)

    def transform(self, nfft: int, dtype: DType | None = None) -> Transform:
        """Return a new transform."""
        made: Transform = make_transform(self.spec(nfft, dtype), self.backend, self.wisdom)
        return made

    def learnt(self) -> Way:
        """Return the same by what FFTW's algorithms for long transforms have been timed at."""
        layout, long = self.layout, _MEASURED_LENGTH
        specs = [self.spec(stage.nfft) for stage in layout.stages if stage.nfft >= long]
        if layout.windows is not None and layout.windows.nfft >= long:
            specs.append(self.spec(layout.windows.nfft, layout.windows.dtype(self.dtype)))
        if self.transforms != "numba" or not specs:
            return self
        return self._replace(effort="wisdom", wisdom=learn(specs))
