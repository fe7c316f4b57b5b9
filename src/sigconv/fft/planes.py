"""Transforms of an array axis by axis, in pieces that stay in the cache.

The planes of an array (all its axes but the first) are transformed one after the other; then, a
few columns at a time, its first axis. No transform ever runs over the whole array, whose strides
would meet in the same few lines of the cache where lengths are powers of two. For the same reason
rows of scratch are an odd number of the cache's lines apart.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from math import prod
from typing import Any, Protocol

import numpy as np

from sigconv.core.dtypes import Array, DType
from sigconv.fft.patience import run_patiently

__all__ = [
    "ColumnSpec",
    "ColumnTransform",
    "PlaneScratch",
    "PlaneSpec",
    "PlaneTransform",
    "ScipyColumns",
    "ScipyPlanes",
    "padded",
]

Range = tuple[int, int]

_LINE = 64


@dataclass(frozen=True)
class PlaneSpec:
    """`count` planes of shape `nfft` at a time.

    On every axis but the last, samples are in the first `filled` rows, and only the rows `kept`
    are transformed back; without `kept` there is no way back.
    """

    count: int
    nfft: tuple[int, ...]
    filled: tuple[int, ...]
    kept: tuple[Range, ...] | None
    dtype: DType
    effort: str = "estimate"
    is_native: bool = False

    @cached_property
    def bins(self) -> tuple[int, ...]:
        """The shape of a plane's spectrum."""
        *outer, last = self.nfft
        return (*outer, last // 2 + 1 if self.dtype.kind == "f" else last)

    @cached_property
    def spectrum_dtype(self) -> DType:
        """The complex dtype of the same precision."""
        return np.result_type(self.dtype, np.complex64)

    @cached_property
    def nbytes(self) -> int:
        """The scratch memory of one transform."""
        rows = prod(self.filled) + prod(b - a for a, b in self.kept or ())
        samples = rows * self.nfft[-1] * self.dtype.itemsize
        return self.count * (samples + prod(self.bins) * self.spectrum_dtype.itemsize)


@dataclass(frozen=True)
class ColumnSpec:
    """`width` columns of length `nfft` at a time, complex and in place."""

    nfft: int
    width: int
    dtype: DType
    effort: str = "estimate"
    is_native: bool = False

    @cached_property
    def nbytes(self) -> int:
        """The scratch memory of one transform."""
        return self.nfft * self.width * self.dtype.itemsize


def padded(columns: int, dtype: DType) -> int:
    """Return at least so many columns, in an odd number of the cache's lines."""
    line = max(1, _LINE // dtype.itemsize)
    return (-(-columns // line) | 1) * line


class PlaneTransform(Protocol):
    """Planes in scratch of their own: `samples` to `spectrum` and `spectrum` to `results`."""

    samples: Array
    spectrum: Array
    results: Array
    by_rows: tuple[Array, Array, Array]

    @property
    def calls(self) -> Array:
        """FFTW's `execute` and its plans along, across and back twice, of a native transform."""

    def forward(self) -> None:
        """Transform the samples; the rows that hold none count as zeros."""

    def inverse(self) -> None:
        """Transform back, without the factor 1/prod(nfft), and lose the spectrum."""


class ColumnTransform(Protocol):
    """Columns in scratch of their own, transformed in place along the first axis."""

    columns: Array

    @property
    def calls(self) -> Array:
        """FFTW's `execute` and the plans there and back, of a native transform."""

    def forward(self) -> None:
        """Transform."""

    def inverse(self) -> None:
        """Transform back, without the factor 1/nfft."""


class PlaneScratch:
    """The arrays of a plane transform."""

    def __init__(self, spec: PlaneSpec, empty: Any = np.empty) -> None:
        self.spec = spec
        dtype = spec.spectrum_dtype
        *outer, last = spec.bins
        #: Spectra, and behind each row zeros, so that vector instructions leave no remainder.
        self.whole = empty((spec.count, *outer, padded(last, dtype)), dtype)
        self.whole[...] = 0
        self.spectrum = self.whole[..., :last]
        self.samples = empty((spec.count, *spec.filled, spec.nfft[-1]), spec.dtype)
        kept = tuple(b - a for a, b in spec.kept or ())
        back = (spec.count if spec.kept is not None else 0, *kept, spec.nfft[-1])
        self.results = empty(back, spec.dtype)
        #: The rows that hold samples, and those that are wanted back.
        self.filled = self.spectrum[(slice(None), *(slice(n) for n in spec.filled))]
        self.wanted = self.spectrum[(slice(None), *(slice(a, b) for a, b in spec.kept or ()))]
        self.across = tuple(range(1, len(spec.nfft)))
        #: The three arrays as planes of rows, of which a plane of one axis has one.
        self.by_rows = tuple(
            array.reshape(len(array), prod(array.shape[1:-1]), array.shape[-1])
            for array in (self.samples, self.whole, self.results)
        )

    def clear(self) -> None:
        """Put zeros into the rows that hold no samples."""
        inside: tuple[slice, ...] = (slice(None),)
        for n in self.spec.filled:
            self.spectrum[(*inside, slice(n, None))] = 0
            inside = (*inside, slice(n))


class ScipyPlanes(PlaneScratch):
    """Planes by scipy.fft."""

    def forward(self) -> None:
        """Transform the samples; the rows that hold none count as zeros."""
        run_patiently(self._forward, self.spec.nbytes, awaited_at_exit=True)

    def inverse(self) -> None:
        """Transform back, without the factor 1/prod(nfft), and lose the spectrum."""
        run_patiently(self._inverse, self.spec.nbytes, awaited_at_exit=True)

    def _forward(self) -> None:
        from scipy import fft

        along = fft.rfft if self.spec.dtype.kind == "f" else fft.fft
        self.filled[...] = along(self.samples, axis=-1)
        self.clear()
        if self.across:
            self.spectrum[...] = fft.fftn(self.spectrum, axes=self.across)

    def _inverse(self) -> None:
        from scipy import fft

        if self.across:
            self.spectrum[...] = fft.ifftn(self.spectrum, axes=self.across, norm="forward")
        if self.spec.dtype.kind == "f":
            last = self.spec.nfft[-1]
            self.results[...] = fft.irfft(self.wanted, last, axis=-1, norm="forward")
        else:
            self.results[...] = fft.ifft(self.wanted, axis=-1, norm="forward")


class ScipyColumns:
    """Columns by scipy.fft."""

    def __init__(self, spec: ColumnSpec) -> None:
        self.spec = spec
        self.columns = np.empty((spec.nfft, spec.width), spec.dtype)

    def forward(self) -> None:
        """Transform."""
        from scipy import fft

        self.columns[...] = fft.fft(self.columns, axis=0)

    def inverse(self) -> None:
        """Transform back, without the factor 1/nfft."""
        from scipy import fft

        self.columns[...] = fft.ifft(self.columns, axis=0, norm="forward")
