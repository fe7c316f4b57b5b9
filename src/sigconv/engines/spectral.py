"""A kernel as a spectrum, applied to blocks: what fft, overlap-save and overlap-add share.

A block of S samples, transformed with nfft >= max(q, S+K-1-p), holds outputs [p, q) of its
own convolution free of wrap-around. `fft` is one such block; overlap-save takes blocks whose
outputs are disjoint; overlap-add takes blocks whose samples are disjoint and adds.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager
from math import ceil, frexp, log2, prod, sqrt
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from sigconv.core.blocks import Block
from sigconv.core.dtypes import Array, DType
from sigconv.core.gather import Tile
from sigconv.core.index import trailing
from sigconv.core.nonfinite import clean, is_finite
from sigconv.engines.base import NonFiniteSamples
from sigconv.engines.nonfinite import stamp
from sigconv.engines.plan import Plan
from sigconv.engines.windows import Windows
from sigconv.fft import Transform, TransformSpec, borrow_transform

__all__ = [
    "ScaledTaps",
    "SpectralKernel",
    "kernel_spectra",
    "one_by_one",
    "own_batch",
    "plain_energies",
    "room_of",
]


class ScaledTaps(NamedTuple):
    """Finite taps times 2**-exponent, and the `factor` 2**exponent where it is a normal number.

    Their norm is so small that the inverse transform cannot overflow where the forward one did
    not, whose infinities reach every output, as NaN does. So two outputs tell for all, and finite
    data need no scan.
    """

    taps: Array
    exponent: int
    factor: Any
    bad: bool

    @classmethod
    def of(cls, plan: Plan, kernel: Array) -> ScaledTaps:
        """Scale a kernel for transforms of the plan's length."""
        dtype = plan.problem.dtypes.compute
        room = room_of(plan)
        taps = kernel.astype(dtype)
        norms = _plain_norm_exponent(taps, len(plan.nfft))
        bad = norms is None and not is_finite(kernel)
        if norms is None:
            taps = clean(kernel).astype(dtype) if bad else taps
            norms = _norm_exponent(taps, len(plan.nfft))
        exponent = norms + room if norms is not None else 0
        factor = _power(exponent, plan.problem.dtypes.real)
        return cls(_scaled(taps, -exponent), exponent, factor, bad)


def room_of(plan: Plan) -> int:
    """Return by how much the exponent of taps is raised above that of their norm."""
    # With |x| <= M and |h| <= 2^-g, sum |X_k H_k| / n <= |x| |h| <= sqrt(n) M 2^-g <= M/8;
    # the magnitudes of p parts add up to sqrt(p) |h| at most.
    return ceil(log2(plan.parts * prod(plan.nfft)) / 2) + 3


def plain_energies(dtype: DType) -> tuple[float, float]:
    """Return between what energies squares are sure not to overflow or underflow."""
    return (1e-20, 1e30) if dtype.char in "fF" else (1e-250, 1e250)


class SpectralKernel:
    """The spectra of a floating kernel, for blocks of one FFT length.

    The taps are scaled, and the outputs give it back. A block whose outputs are not finite is
    computed again, with zeros in place of NaN and infinity, each transform at a scale of its own.
    """

    def __init__(self, plan: Plan, kernel: Array) -> None:
        self.plan = plan = plan.by_whole_windows()
        self.kernel = kernel
        dtype = plan.problem.dtypes.compute
        taps, self.exponent, self.factor, self.bad_taps = ScaledTaps.of(plan, kernel)
        self.spectra = kernel_spectra(taps, plan.nfft, dtype)
        self.spec = TransformSpec(plan.group, plan.nfft, dtype, plan.effort)

    def workspace(self) -> AbstractContextManager[Transform]:
        """Lend one worker's transform, with room for a group of blocks."""
        return borrow_transform(self.spec)

    def apply(self, tile: Tile, out: Array, work: Transform, *, watch: bool = False) -> None:
        """Write the outputs of the block's windows, or add them where the grid is by input."""
        windows = Windows(self.plan, tile, out)
        spectra = self.spectra[own_batch(self.spectra.shape, tile.block.batch)]
        bad_samples: bool | None = None
        for first in windows.groups():
            windows.load(first, work.samples)
            if self.factor is not None and self._filter(windows.shape(first), spectra, work):
                windows.store(first, work.samples, self.factor)
                continue
            if bad_samples is None:
                bad_samples = not is_finite(tile.data)
            if watch and bad_samples:
                raise NonFiniteSamples
            windows.load(first, work.samples)
            if bad_samples:
                work.samples[...] = clean(work.samples)
            exponents = _exponents(work.samples)
            work.samples[...] = _scaled(work.samples, -exponents)
            self._filter(windows.shape(first), spectra, work)
            windows.store(first, _scaled(work.samples, exponents + self.exponent))
        if bad_samples or self.bad_taps:
            stamp(tile, self.kernel[own_batch(self.kernel.shape, tile.block.batch)], out)

    def _filter(self, shape: tuple[int, ...], spectra: Array, work: Transform) -> bool:
        """Convolve the windows in the scratch of `work`; tell whether the results are finite."""
        work.forward()
        used = prod(shape)
        spectrum = work.spectrum[:used].reshape(*shape, *self.spec.bins)
        spectrum *= spectra
        work.inverse()
        # Of a real transform's bins, the first output has the real parts, the next both parts.
        first: tuple[Any, ...] = (slice(used), *(0,) * (len(self.spec.nfft) - 1), slice(2))
        return bool(np.isfinite(work.samples[first]).all())


def kernel_spectra(kernel: Array, nfft: tuple[int, ...], dtype: DType) -> Array:
    """Return the spectra, one per kernel of the batch, with 1/prod(nfft) folded in.

    Their shape is the kernel's batch, a 1 for the windows, and the bins.
    """
    shape = kernel.shape[: -len(nfft)]
    single = TransformSpec(1, nfft, dtype)
    spectra = np.empty((*shape, 1, *single.bins), single.spectrum_dtype)
    # The factor has the real dtype, so that it does not widen the spectrum.
    scale = np.zeros((), dtype).real.dtype.type(1) / prod(nfft)
    with borrow_transform(single) as work:
        for index in np.ndindex(*shape):
            work.samples[...] = 0
            taps = kernel[index]
            work.samples[0][trailing(slice(n) for n in taps.shape)] = taps
            work.forward()
            np.multiply(work.spectrum, scale, out=spectra[index])
    return spectra


def one_by_one(tile: Tile, out: Array) -> Iterator[tuple[Tile, Array]]:
    """Yield the arrays of a tile's batch, each as a tile of its own, and where its outputs go."""
    block = tile.block
    for index in np.ndindex(*out.shape[: len(block.batch)]):
        where = tuple(slice(i, i + 1) for i in index)
        batch = tuple(
            slice(s.start + i, s.start + i + 1) for s, i in zip(block.batch, index, strict=True)
        )
        yield Tile(Block(batch, block.write, block.support), tile.data[where]), out[where]


def own_batch(shape: tuple[int, ...], batch: tuple[slice, ...]) -> tuple[slice, ...]:
    """Return the part of a batch that an operand of `shape` holds itself."""
    return tuple(
        slice(None) if n == 1 else s for n, s in zip(shape[: len(batch)], batch, strict=True)
    )


def _plain_norm_exponent(taps: Array, ndim: int) -> int | None:
    """Return what `_norm_exponent` does where squares are sure not to overflow or underflow.

    So taps are finite too, and one pass is enough.
    """
    if taps.dtype.char not in "fd" or taps.ndim > ndim:
        return None
    flat = taps.ravel()
    # Not by BLAS, whose threads would go on spinning beside the workers.
    energy = float(np.einsum("i,i->", flat, flat))
    least, most = plain_energies(taps.dtype)
    return frexp(sqrt(energy))[1] if least < energy < most else None


def _norm_exponent(taps: Array, ndim: int) -> int | None:
    """Return the smallest e for which every kernel's norm lies below 2**e, None for zeros."""
    if not taps.any():
        return None
    largest = int(_exponents(taps.reshape(1, -1)).max())
    energy = np.square(np.abs(_scaled(taps, -largest))).sum(axis=tuple(range(-ndim, 0)))
    return largest + int(np.frexp(np.sqrt(energy.max()))[1])


def _exponents(array: Array) -> npt.NDArray[np.intc]:
    """Return the smallest e for which all magnitudes lie below 2**e, for each first index.

    The scale of zeros does not matter.
    """
    if array.dtype.kind == "c":
        return np.maximum(_exponents(array.real), _exponents(array.imag))
    axes = tuple(range(1, array.ndim))
    high = np.maximum(array.max(axis=axes, keepdims=True), -array.min(axis=axes, keepdims=True))
    exponents: npt.NDArray[np.intc] = np.frexp(high)[1]
    return exponents


def _scaled(array: Array, exponents: Any) -> Array:
    """Return `array` times 2**exponents, which rounds nothing but what becomes subnormal."""
    if array.dtype.kind == "c":
        flat = np.ascontiguousarray(array)
        pairs = flat.view(flat.real.dtype).reshape(*flat.shape, 2)
        powers = np.asarray(exponents)[..., None]
        complexes: Array = np.ldexp(pairs, powers).view(flat.dtype)
        return complexes.reshape(array.shape)
    scaled: Array = np.ldexp(array, exponents)
    return scaled


def _power(exponent: int, dtype: DType) -> Any:
    """Return 2**exponent in `dtype`, or None where it is not a normal number."""
    info = np.finfo(dtype)
    if not info.minexp < exponent < info.maxexp:
        return None
    return np.ldexp(dtype.type(1), exponent)
