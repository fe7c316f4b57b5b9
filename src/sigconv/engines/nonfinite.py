"""Putting right the outputs that NaN and infinity reach, after an engine ran without them."""

from __future__ import annotations

from math import prod

import numpy as np

from sigconv.core.blocks import Range
from sigconv.core.dtypes import Array
from sigconv.core.gather import Tile
from sigconv.core.index import trailing
from sigconv.core.nonfinite import nonfinite_sums
from sigconv.core.shapes import fast_length
from sigconv.fft import TransformSpec, borrow_transform

__all__ = ["count_products", "stamp"]


def stamp(tile: Tile, kernel: Array, out: Array) -> None:
    """Add the non-finite products of a block to its outputs."""
    offsets = tuple(
        (write[0] - support[0], write[1] - support[0])
        for write, support in zip(tile.block.write, tile.block.support, strict=True)
    )
    nbatch = out.ndim - len(offsets)
    kernel = np.broadcast_to(kernel, out.shape[:nbatch] + kernel.shape[nbatch:])
    data = np.broadcast_to(tile.data, out.shape[:nbatch] + tile.data.shape[nbatch:])
    for index in np.ndindex(*out.shape[:nbatch]):
        _stamp_one(data[index], kernel[index], offsets, out[index])


def _stamp_one(samples: Array, kernel: Array, offsets: tuple[Range, ...], out: Array) -> None:
    if np.isfinite(samples).all() and np.isfinite(kernel).all():
        return
    sums = nonfinite_sums(samples, kernel, offsets, count_products)
    out += sums.astype(out.dtype)


def count_products(x: Array, h: Array) -> Array:
    """Convolve zeros and ones: float64 rounding stays far below 1/2 for any size in memory."""
    full = tuple(n + k - 1 for n, k in zip(x.shape, h.shape, strict=True))
    nfft = tuple(fast_length(n) for n in full)
    spec = TransformSpec(1, nfft, np.dtype(np.float64))
    with borrow_transform(spec) as transform:
        spectra = []
        for mask in (h, x):
            transform.samples[...] = 0
            transform.samples[0][trailing(slice(n) for n in mask.shape)] = mask
            transform.forward()
            spectra.append(transform.spectrum.copy())
        transform.spectrum[...] = spectra[0] * spectra[1]
        transform.inverse()
        counts = transform.samples[0][trailing(slice(n) for n in full)]
        whole: Array = np.rint(counts / prod(nfft))
        return whole
