"""Kernels as 1-D factors, applied to tiles that lie in memory in any order."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractContextManager, ExitStack
from functools import lru_cache
from math import inf
from typing import Any, NamedTuple

import numpy as np
from numpy.lib.stride_tricks import as_strided

from sigconv.core.blocks import Block, Range
from sigconv.core.dtypes import Array, DType
from sigconv.core.gather import Tile
from sigconv.core.nonfinite import clean, is_finite
from sigconv.core.problem import Axis, Shape
from sigconv.core.structure import Product, products_of
from sigconv.engines import compiled
from sigconv.engines.base import NonFiniteSamples
from sigconv.engines.direct_kernel import extended
from sigconv.engines.factors import Weights, compiled_passes, compiled_sums, sliced_passes
from sigconv.engines.nonfinite import stamp
from sigconv.engines.passes import (
    Extension,
    Line,
    Route,
    RowRoute,
    by_edges,
    in_zeros,
    packed,
    route,
    row_route,
)
from sigconv.engines.plan import Plan
from sigconv.loops.scratch import Scratch, borrow_scratch

__all__ = ["SeparableKernel"]


class SeparableKernel:
    """The factors of a kernel; `equal` if their taps are summed over windows, without products."""

    def __init__(self, plan: Plan, kernel: Array, *, equal: bool) -> None:
        problem = plan.problem
        assert problem.structure is not None
        # Real taps meet real and imaginary parts side by side, as a batch of two.
        self.parted = problem.structure.real
        self.dtype = problem.dtypes.real if self.parted else problem.dtypes.compute
        if plan.loop == "numba":
            compiled.load(self.dtype, "passes")
        self.plan = plan
        self.kernel = kernel
        self.equal = equal
        # Several products give inf - inf where the kernel gives inf.
        self.keeps_infinity = problem.structure.kind != "sum"
        # Axes that are continued between passes, of which the grid says that zeros do.
        pairs = zip(plan.grid.axes, problem.axes, strict=True)
        self._late = tuple(mine.edges != axis.edges for mine, axis in pairs)
        self._axes = problem.axes
        taps = kernel.reshape(problem.taps)
        self._products = products_of(taps, problem.structure, problem.dtypes.compute)
        self._weights: dict[tuple[int, ...], list[Weights]] = {}

    def workspace(self) -> AbstractContextManager[Scratch]:
        """Lend one worker's scratch."""
        return borrow_scratch()

    def apply(self, tile: Tile, out: Array, work: Any, *, watch: bool = False) -> None:
        """Write the outputs of one block."""
        if not self.plan.shares_blocks:
            return self._apply(tile, out, [work], watch=watch)
        with ExitStack() as stack:
            works = [stack.enter_context(borrow_scratch()) for _ in range(work)]
            return self._apply(tile, out, works, watch=watch)

    def _apply(self, tile: Tile, out: Array, works: Sequence[Scratch], *, watch: bool) -> None:
        asks = watch or not self.keeps_infinity
        if self._sum(tile, out, works, asks=asks) or not asks or is_finite(tile.data):
            return
        if watch:
            raise NonFiniteSamples
        self._sum(Tile(tile.block, clean(tile.data)), out, works)
        stamp(tile, self.kernel, out)

    def _sum(self, tile: Tile, out: Array, works: Sequence[Scratch], *, asks: bool = False) -> bool:
        """Write the sums over a tile; tell, where one asks, whether they are sure to be finite."""
        axes, dtype = self.plan.problem.axes, self.plan.problem.dtypes.compute
        is_compiled = self.plan.loop == "numba"
        data = tile.data
        if len(axes) == 1 or not is_compiled:
            data = extended(tile, axes, dtype)
        if not data.size:
            out[...] = 0
            return True
        if is_compiled:
            return self._compiled(_regular(data, dtype), tile.block, out, works, asks=asks)
        products = self._ordered(tuple(range(len(axes))))
        out[...] = sum(sliced_passes(data, weights, equal=self.equal) for weights in products)
        return dtype.kind not in "fc"

    def _compiled(
        self, data: Array, block: Block, out: Array, works: Sequence[Scratch], *, asks: bool
    ) -> bool:
        """Write the sums by passes along the axes in the order in which they lie in memory."""
        spans = tuple(map(_span, self._axes, self._late, block.write, block.support))
        nbatch = data.ndim - len(spans)
        if self.parted:
            data, out = _parts(data), _parts(out)
        writes = _steps(out) if out.dtype == data.dtype and _is_regular(out) else None
        form = _form(data.shape, _steps(data), out.shape, writes, (nbatch, spans))
        x, y = data.transpose(form.order), out.transpose(form.order)
        if not form.has_rows:
            x = np.ascontiguousarray(x)
        result = y if form.writes_in_place else np.empty(y.shape, x.dtype)
        flat, products = (_flat(x), _flat(result)), self._ordered(form.axes)
        if isinstance(form.way, RowRoute):
            finite = compiled_sums(*flat, products[0][0], form.way, works[0], asks=asks)
        else:
            finite = compiled_passes(*flat, products, form.way, works, equal=self.equal, asks=asks)
        if result is not y:
            y[...] = result
        return finite

    def _ordered(self, order: tuple[int, ...]) -> list[Weights]:
        """Return the weights of each product, for passes along the axes in the given order."""
        if order not in self._weights:
            self._weights[order] = [
                _weights(product, order, self.dtype) for product in self._products
            ]
        return self._weights[order]


def _weights(product: Product, order: tuple[int, ...], dtype: DType) -> Weights:
    factors = product.ordered(order, dtype)
    return tuple(np.ascontiguousarray(factor[::-1]) for factor in factors)


class _Span(NamedTuple):
    """How a tile's samples along one axis become all that its outputs take.

    Of `total` samples, `size` are there and follow on `before` that are not. What is not is zero,
    or named: an axis whose edges continue the samples `support` to what outputs `write` take.
    """

    before: int
    size: int
    total: int
    named: tuple[Axis, Range, Range] | None


def _span(axis: Axis, late: bool, write: Range, support: Range) -> _Span:
    first = write[0] - axis.taps + 1
    size, total = support[1] - support[0], write[1] - first
    # Blocks inside are alike, wherever they are.
    named = (axis, write, support) if late and size < total else None
    return _Span(support[0] - first if size < total else 0, size, total, named)


class _Form(NamedTuple):
    """How tiles of one layout are taken: by axes from the slowest in memory to the fastest."""

    order: tuple[int, ...]
    axes: tuple[int, ...]
    has_rows: bool
    writes_in_place: bool
    way: Route | RowRoute


@lru_cache(maxsize=512)
def _form(
    shape: Shape,
    reads: Shape,
    results: Shape,
    writes: Shape | None,
    convolved: tuple[int, tuple[_Span, ...]],
) -> _Form:
    """Return the form of a tile by its shape and strides, and those of its results, in elements.

    `writes` is None where results have to be copied to their place. `convolved` are the number of
    axes before those that are, and the spans of these.
    """
    nbatch, spans = convolved
    # Axes that repeat one element, or have no other, come first.
    keys = [-step if n > 1 and step else -inf for n, step in zip(shape, reads, strict=True)]
    order = tuple(sorted(range(len(shape)), key=keys.__getitem__))
    axes = tuple(i - nbatch for i in order if nbatch <= i < nbatch + len(spans))
    positions = [order.index(axis + nbatch) for axis in axes]
    shape, reads, results = (tuple(v[i] for i in order) for v in (shape, reads, results))
    has_rows = _has_rows(shape, reads, positions[-1])
    if not has_rows:
        reads = packed(shape)
    in_place = False
    if writes is not None:
        writes = tuple(writes[i] for i in order)
        in_place = _has_rows(results, writes, positions[-1])
    goals = writes if writes is not None and in_place else packed(results)
    lines = tuple(
        Line(position, _extension(spans[axis], len(spans)), results[position])
        for position, axis in zip(positions, axes, strict=True)
    )
    way: Route | RowRoute
    if len(lines) == 1:
        way = row_route(shape, reads, goals, lines[0])
    else:
        way = route(shape, reads, goals, lines)
    return _Form(order, axes, has_rows, in_place, way)


def _extension(span: _Span, count: int) -> Extension:
    if count == 1:
        # A single pass finds all that it takes in the tile.
        return in_zeros(0, span.total, span.total)
    return by_edges(*span.named) if span.named else in_zeros(span.before, span.size, span.total)


def _has_rows(shape: Shape, steps: Shape, axis: int) -> bool:
    """Tell whether the elements of `axis` and of all that follow lie side by side."""
    rows = zip(shape[axis:], steps[axis:], packed(shape)[axis:], strict=True)
    return all(n == 1 or step == expected for n, step, expected in rows)


def _parts(array: Array) -> Array:
    """Return real and imaginary parts along one more axis, the last one."""
    real = array.real
    shape, strides = (*array.shape, 2), (*array.strides, real.itemsize)
    return as_strided(real, shape, strides)


def _regular(data: Array, dtype: DType) -> Array:
    """Return samples in `dtype` that loops over flat memory can take."""
    if data.dtype == dtype and _is_regular(data):
        return data
    return np.array(data, dtype, order="C")


def _is_regular(array: Array) -> bool:
    itemsize = array.itemsize
    return array.flags.aligned and all(s >= 0 and s % itemsize == 0 for s in array.strides)


def _steps(array: Array) -> Shape:
    itemsize = array.itemsize
    return tuple([stride // itemsize for stride in array.strides])


def _flat(array: Array) -> Array:
    """Return the memory that an array with no negative strides spans, as one dimension."""
    if array.flags.c_contiguous:
        return array.reshape(-1)
    size = 1 + sum((n - 1) * s for n, s in zip(array.shape, _steps(array), strict=True))
    return as_strided(array[(slice(0, 1),) * array.ndim], (size,), (array.itemsize,))
