"""What a transform is: a pair of scratch arrays, and the way between them."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from math import prod
from typing import Protocol

import numpy as np

from sigconv.core.dtypes import Array, DType

__all__ = ["Transform", "TransformSpec"]


@dataclass(frozen=True)
class TransformSpec:
    """The size of a batch of `count` transforms over the last ``len(nfft)`` axes.

    `effort` is ``"estimate"``, ``"measure"`` or ``"wisdom"``. The second times algorithms before it
    chooses, which pays for blocks that are transformed many times; the last takes what a
    calibration has found by doing so. Compiled loops run a transform that `is_native`.
    """

    count: int
    nfft: tuple[int, ...]
    dtype: DType
    effort: str = "estimate"
    is_native: bool = False

    @property
    def is_real(self) -> bool:
        """Whether samples are real, so that nfft//2 + 1 bins are stored on the last axis."""
        return self.dtype.kind == "f"

    @cached_property
    def bins(self) -> tuple[int, ...]:
        """The shape of one spectrum."""
        *outer, last = self.nfft
        return (*outer, last // 2 + 1 if self.is_real else last)

    @cached_property
    def spectrum_dtype(self) -> DType:
        """The complex dtype of the same precision."""
        return np.result_type(self.dtype, np.complex64)

    @property
    def axes(self) -> tuple[int, ...]:
        """The transformed axes of the scratch arrays."""
        return tuple(range(1, len(self.nfft) + 1))

    @cached_property
    def nbytes(self) -> int:
        """The scratch memory of one transform, both arrays."""
        samples = prod(self.nfft) * self.dtype.itemsize
        spectrum = prod(self.bins) * self.spectrum_dtype.itemsize
        return self.count * (samples + spectrum)


class Transform(Protocol):
    """A planned transform with its own scratch, for one user at a time.

    `forward` turns `samples` into `spectrum` and `inverse` the other way, unnormalised: the
    caller folds the factor 1/prod(nfft) into the kernel's spectrum. Either may destroy what
    it reads and may replace the arrays, so they are looked up again after each step.
    """

    spec: TransformSpec
    samples: Array
    spectrum: Array

    @property
    def calls(self) -> Array:
        """FFTW's `execute` and the plans there and back, of a native transform."""

    def forward(self) -> None:
        """Transform `samples` into `spectrum`."""

    def inverse(self) -> None:
        """Transform `spectrum` into `samples`, without the factor 1/prod(nfft)."""
