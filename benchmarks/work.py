"""One convolution to be timed: shapes, dtype, mode, and the random arrays that have them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from math import log10, prod
from typing import Any

import numpy as np
import numpy.typing as npt

from sigconv.kernels import gaussian

__all__ = ["Array", "Call", "Work", "format_taps", "rank_one_factors"]

Array = npt.NDArray[Any]
Call = Callable[[], Any]

_NOUNS = {1: "samples", 2: "image", 3: "volume"}
_POWERS = {1: "", 2: "²", 3: "³"}


@dataclass(frozen=True, slots=True)
class Work:
    """Samples of `shape` convolved with a kernel of `taps`; beyond the edges there are zeros.

    A kernel is of normal random numbers, or a Gaussian, which is of rank one.
    """

    shape: tuple[int, ...]
    taps: tuple[int, ...]
    dtype: str = "float32"
    mode: str = "same"
    is_gaussian: bool = False

    @property
    def ndim(self) -> int:
        return len(self.shape)

    @property
    def samples(self) -> int:
        return prod(self.shape)

    @property
    def starts(self) -> tuple[int, ...]:
        """Where the results begin in the full convolution, on each axis."""
        return tuple((k - 1) // 2 if self.mode == "same" else 0 for k in self.taps)

    @property
    def results(self) -> tuple[int, ...]:
        """The shape of the result."""
        if self.mode == "same":
            return self.shape
        return tuple(n + k - 1 for n, k in zip(self.shape, self.taps, strict=True))

    @property
    def products(self) -> int:
        """How many products the direct sum adds up, all axes together."""
        return prod(map(self._products, range(self.ndim)))

    @property
    def products_by_axis(self) -> int:
        """How many products it takes axis by axis, for a kernel of rank one."""
        others = (prod(self.results) // n for n in self.results)
        return sum(self._products(axis) * other for axis, other in enumerate(others))

    def _products(self, axis: int) -> int:
        # Output m of the full convolution has m+1 products while the kernel enters, and the same
        # while it leaves. (Kernels are no longer than their signals here.)
        n, k, start = self.shape[axis], self.taps[axis], self.starts[axis]
        before, after = start, n + k - 1 - start - self.results[axis]
        return n * k - before * (before + 1) // 2 - after * (after + 1) // 2

    @property
    def nbytes(self) -> int:
        """Bytes that have to be read and written: both inputs and the result."""
        return np.dtype(self.dtype).itemsize * sum(map(prod, (self.shape, self.taps, self.results)))

    def arrays(self) -> tuple[Array, Array]:
        """Return the samples and the kernel, the same ones each time."""
        rng = np.random.default_rng(self.samples + prod(self.taps))
        samples = rng.standard_normal(self.shape, np.float32).astype(self.dtype, copy=False)
        if not self.is_gaussian:
            return samples, rng.standard_normal(self.taps).astype(self.dtype)
        # Sigma for which the kernel is cut at three standard deviations.
        sigmas = tuple((k // 2) / 3.0 for k in self.taps)
        return samples, gaussian(sigmas, truncate=3.0, dtype=np.dtype(self.dtype))

    def __str__(self) -> str:
        kernel = "Gaussian of " if self.is_gaussian else ""
        size = _format_size(self.shape)
        return f"{size}, {kernel}{format_taps(self.taps)} taps, {self.dtype}"


def _format_size(shape: tuple[int, ...]) -> str:
    noun = _NOUNS[len(shape)]
    if len(shape) == 1:
        exponent = log10(shape[0])
        return f"10^{exponent:.0f} {noun}" if exponent in (4, 5, 6, 7) else f"{shape[0]} {noun}"
    return f"{format_taps(shape)} {noun}"


def format_taps(taps: tuple[int, ...]) -> str:
    """Return equal widths as a power, others as a product."""
    if len(set(taps)) == 1:
        return f"{taps[0]}{_POWERS[len(taps)]}"
    return " x ".join(map(str, taps))


def rank_one_factors(kernel: Array) -> list[Array]:
    """Return the factor on each axis of a kernel that is an outer product and sums to 1."""
    axes = range(kernel.ndim)
    return [
        kernel.sum(axis=tuple(other for other in axes if other != axis), dtype=float).astype(
            kernel.dtype
        )
        for axis in axes
    ]
