"""overlap-save of real signals, two neighbouring blocks in one complex transform.

A real kernel leaves the two apart: the real parts that come back belong to one block, the imaginary
parts to the other. Yet rounding errors are relative to both together. So blocks go in pairs only
where neither is much louder than the other; the others are transformed alone.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple

import numpy as np

from sigconv.core.dtypes import Array
from sigconv.core.gather import Tile
from sigconv.core.index import fill_around
from sigconv.engines import compiled
from sigconv.engines.accuracy import LOUDER
from sigconv.engines.plan import Plan
from sigconv.engines.scratch import Scratch, borrow_scratch
from sigconv.engines.spectral import ScaledTaps, SpectralKernel, kernel_spectra, own_batch
from sigconv.fft import Transform, TransformSpec, borrow_transform

__all__ = ["PairedKernel"]


class _Work(NamedTuple):
    transform: Transform
    scratch: Scratch


class PairedKernel:
    """The spectrum of a real kernel at all frequencies, for pairs of blocks of one length."""

    def __init__(self, plan: Plan, kernel: Array) -> None:
        self.plan = plan
        self.kernel = kernel
        self.real = plan.problem.dtypes.compute
        self.complex = np.result_type(self.real, np.complex64)
        self.scaled = ScaledTaps.of(plan, kernel)
        taps = self.scaled.taps.astype(self.complex)
        self.spectra = kernel_spectra(taps, plan.nfft, self.complex)
        self.spec = TransformSpec(max(1, plan.group // 2), plan.nfft, self.complex, plan.effort)
        self._plain: SpectralKernel | None = None
        compiled.load(self.real, "pairs")

    @contextmanager
    def workspace(self) -> Iterator[_Work]:
        """Lend one worker's transform, with room for a group of pairs, and for samples."""
        with borrow_transform(self.spec) as transform, borrow_scratch() as scratch:
            yield _Work(transform, scratch)

    def apply(self, tile: Tile, out: Array, work: _Work, *, watch: bool = False) -> None:
        """Write the outputs of the block, or have them computed without pairs."""
        (start, stop), (low, _) = tile.block.write[0], tile.block.support[0]
        hop, nfft = self.plan.hop[0], self.plan.nfft[0]
        count = -(-(stop - start) // hop)
        # Samples from the tail of the first window to the end of the last.
        before, needed = low - (start - nfft + hop), (count - 1) * hop + nfft
        spectra = self.spectra[own_batch(self.spectra.shape, tile.block.batch)]
        spectra = np.broadcast_to(spectra, (*out.shape[:-1], *spectra.shape[-2:]))
        finite = self.scaled.factor is not None and not self.scaled.bad
        for index in np.ndindex(*out.shape[:-1]):
            if not finite:
                break
            y = out[index]
            plain = _is_plain(y, self.real)
            sizes = [needed, 0 if plain else stop - start]
            x, room = self._padded(tile.data[index], before, sizes, work.scratch)
            filtered = y if plain else room
            finite = self._filter(x, filtered, spectra[index][0], work.transform)
            if not plain:
                y[...] = filtered
        if not finite:
            self._apply_plainly(tile, out, watch)

    def _padded(
        self, data: Array, before: int, sizes: list[int], scratch: Scratch
    ) -> tuple[Array, Array]:
        """Return contiguous samples, with zeros before and behind them, and room for outputs."""
        needed = sizes[0]
        inside = not before and data.size >= needed and _is_plain(data, self.real)
        copied, room = scratch.arrays([0 if inside else needed, sizes[1]], self.real)
        padded = data[:] if inside else copied
        if not inside:
            fill_around(padded, (slice(before, before + data.size),), data)
        # One signature for all: samples that may not be written to.
        padded.flags.writeable = False
        return padded, room

    def _filter(self, x: Array, y: Array, spectrum: Array, work: Transform) -> bool:
        """Convolve one signal; tell whether all that came back is finite."""
        hop = self.plan.hop[0]
        starts = np.arange(-(-y.size // hop)) * hop
        lone: list[int] = []
        step = 2 * self.spec.count
        for first in range(0, len(starts), step):
            pairs = _in_rows(starts[first : first + step], self.spec.count)
            uneven = self._convolve(x, y, pairs, spectrum, work)
            if uneven is None:
                return False
            lone += uneven
        for first in range(0, len(lone), self.spec.count):
            alone = np.full((self.spec.count, 2), -1)
            group = lone[first : first + self.spec.count]
            alone[: len(group), 0] = group
            if self._convolve(x, y, alone, spectrum, work) is None:
                return False
        return True

    def _convolve(
        self, x: Array, y: Array, pairs: Array, spectrum: Array, work: Transform
    ) -> list[int] | None:
        """Convolve one group of pairs.

        Returned are the blocks that have to be convolved alone, None where some are not finite.
        """
        from sigconv.engines._pairs import multiply, unweave, weave

        hop, nfft = self.plan.hop[0], self.plan.nfft[0]
        energies = np.empty(pairs.shape)
        weave(x, pairs, work.samples.view(self.real), energies)
        if not np.isfinite(energies).all():
            return None
        uneven = (energies.max(axis=1) > LOUDER * energies.min(axis=1)) & (pairs[:, 1] >= 0)
        work.forward()
        multiply(work.spectrum, spectrum)
        work.inverse()
        samples = work.samples
        if not np.isfinite(samples[:, :2].view(self.real)).all():
            return None
        places = np.zeros((*pairs.shape, 2), np.int64)
        places[..., 0] = pairs
        places[..., 1] = np.where(pairs >= 0, np.minimum(hop, y.size - pairs), 0)
        places[uneven] = 0
        unweave(samples.view(self.real), nfft - hop, self.scaled.factor, places, y)
        blocks: list[int] = pairs[uneven].ravel().tolist()
        return blocks

    def _apply_plainly(self, tile: Tile, out: Array, watch: bool) -> None:
        """Have the block computed with all that NaN, infinity and overflow take."""
        if self._plain is None:
            self._plain = SpectralKernel(self.plan, self.kernel)
        with self._plain.workspace() as work:
            self._plain.apply(tile, out, work, watch=watch)


def _is_plain(array: Array, dtype: Any) -> bool:
    return array.dtype == dtype and array.flags.c_contiguous and array.flags.aligned


def _in_rows(starts: Array, count: int) -> Array:
    """Return neighbours as the rows of a table, -1 where there is none."""
    pairs = np.full(2 * count, -1)
    pairs[: starts.size] = starts
    return pairs.reshape(count, 2)
