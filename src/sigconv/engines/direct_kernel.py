"""A kernel summed up tap by tap, over blocks that the compiled loop reads where they lie."""

from __future__ import annotations

from contextlib import AbstractContextManager
from itertools import product
from math import prod

import numpy as np

from sigconv.core.dtypes import Array, DType
from sigconv.core.gather import Placed, Tile, constant_of
from sigconv.core.index import empty_ordered, fill_around, leading
from sigconv.core.nonfinite import clean, is_finite
from sigconv.core.problem import Axis
from sigconv.engines import compiled
from sigconv.engines.base import NonFiniteSamples
from sigconv.engines.nonfinite import stamp
from sigconv.engines.plan import Plan
from sigconv.engines.rows import SPARSE, TapList, is_readable, sliced_sums, sum_rows
from sigconv.loops.scratch import Scratch, borrow_scratch

__all__ = ["DirectKernel", "extended"]


class DirectKernel:
    """The taps of a kernel, with the inner loop that the plan names."""

    def __init__(self, plan: Plan, kernel: Array) -> None:
        dtype = plan.problem.dtypes.compute
        self.plan = plan
        self.kernel = kernel
        self.ndim = len(plan.problem.axes)
        self.bad_taps = self.ndim > 0 and not is_finite(kernel)
        self.taps = (clean(kernel) if self.bad_taps else kernel).astype(dtype)
        self.is_compiled = plan.loop == "numba" and self.ndim > 0
        self.skips = False
        self.fill: Array | None = None
        self.lists: dict[tuple[int, ...], TapList] = {}
        if self.is_compiled:
            compiled.load(dtype)
            batch = self.taps.shape[: self.taps.ndim - self.ndim]
            self.skips = bool(self.taps.any()) and np.mean(self.taps != 0) <= SPARSE
            self.fill = constant_of(plan.problem.axes, dtype)
            self.lists = {
                index: TapList.of(self.taps[index], sparse=self.skips)
                for index in np.ndindex(*batch)
            }

    def workspace(self) -> AbstractContextManager[Scratch]:
        """Lend room for rows that are copied with their extension."""
        return borrow_scratch()

    def apply(
        self, tile: Tile, out: Array, work: Scratch | None = None, *, watch: bool = False
    ) -> None:
        """Write the outputs of one block."""
        nbatch = out.ndim - self.ndim
        kernels = self.kernel.shape[:nbatch]
        own = tuple(
            s if n > 1 else slice(0, 1) for n, s in zip(kernels, tile.block.batch, strict=True)
        )
        placed = self._samples(tile, work)
        dtype = self.plan.problem.dtypes.compute
        in_place = self.is_compiled or out.dtype == dtype
        result = out if in_place else empty_ordered(out.shape, dtype, out)
        stamped, fill = self.bad_taps, self.fill
        fills = fill is None or is_finite(fill)
        if self.skips and not (fills and _is_finite(tile, placed.data)):
            # The products of zero taps with NaN and infinity exist, though they are skipped.
            if watch:
                raise NonFiniteSamples
            stamped = True
        if stamped:
            fill = fill if fills else np.zeros(1, dtype)
            if not _is_finite(tile, placed.data):
                placed = self._cleaned(tile, placed)
        finite = True
        # Each kernel of the batch meets the part of the batch that it serves.
        for index in product(*(range(s.start, s.stop) for s in own)):
            where = leading(
                slice(None) if n == 1 else slice(i - s.start, i - s.start + 1)
                for i, s, n in zip(index, tile.block.batch, kernels, strict=True)
            )
            samples, sums = placed._replace(data=placed.data[where]), result[where]
            if self.is_compiled:
                finite &= sum_rows(samples, self.lists[index], sums, fill=fill, asks=watch)
            else:
                self._sum_slices(samples.data, index, sums)
                finite = False
        # Every sample of a block reaches an output; finite ones may overflow.
        if watch and not finite and not is_finite(tile.data):
            raise NonFiniteSamples
        if result is not out:
            out[...] = result
        if stamped:
            stamp(tile, self.kernel[own], out)

    def _samples(self, tile: Tile, work: Scratch | None) -> Placed:
        """Return samples that the loop can read."""
        problem = self.plan.problem
        dtype = problem.dtypes.compute
        if not self.is_compiled:
            return Placed.of(extended(tile, problem.axes, dtype, work), problem.axes)
        if is_readable(tile.source, dtype):
            return tile.placed(problem.taps)
        copy = Tile(tile.block, tile.data.astype(dtype, copy=False)).placed(problem.taps)
        return Placed.of(copy.data, copy.axes, tile.source)

    def _cleaned(self, tile: Tile, placed: Placed) -> Placed:
        """Return samples with zeros for those that are not finite."""
        if not self.is_compiled:
            return placed._replace(data=clean(placed.data))
        cleaned = Tile(tile.block, clean(tile.data)).placed(self.plan.problem.taps)
        return cleaned._replace(steps=placed.steps)

    def _sum_slices(self, data: Array, index: tuple[int, ...], out: Array) -> None:
        """Write the outputs of one kernel by NumPy."""
        taps = self.taps[index]
        if self.ndim == 0:
            # Without an axis NumPy would take objects out of their arrays.
            np.multiply(data[..., None], taps, out=out[..., None])
        elif self.plan.loop == "np.convolve":
            flat = np.convolve(data.ravel(), taps, "valid")
            out[...] = flat.reshape(out.shape)
        else:
            sliced_sums(data, taps, out)


def _is_finite(tile: Tile, placed: Array) -> bool:
    """Tell whether all samples are finite, of which `placed` may hold many that are not wanted."""
    wanted = prod(high - low for low, high in tile.block.support)
    batch = prod(part.stop - part.start for part in tile.block.batch)
    return is_finite(placed if placed.size <= 2 * batch * wanted else tile.data)


def extended(
    tile: Tile, axes: tuple[Axis, ...], dtype: DType, work: Scratch | None = None
) -> Array:
    """Return the block's samples with the taps-1 before each output, zeros included."""
    wanted = [(w[0] - a.taps + 1, w[1]) for w, a in zip(tile.block.write, axes, strict=True)]
    support = tile.block.support
    if list(support) == wanted:
        return tile.data if tile.data.dtype == dtype else tile.data.astype(dtype)
    nbatch = tile.data.ndim - len(axes)
    shape = tile.data.shape[:nbatch] + tuple(b - a for a, b in wanted)
    memory = work.arrays([prod(shape)], dtype)[0] if work and dtype.kind != "O" else None
    data = empty_ordered(shape, dtype, tile.data, memory)
    box = tuple(slice(s[0] - w[0], s[1] - w[0]) for s, w in zip(support, wanted, strict=True))
    fill_around(data, box, tile.data)
    return data
