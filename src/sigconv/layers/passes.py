"""Windows tap by tap, along one axis after the other: sums, maxima, their places, and adjoints.

Windows of k taps on each of n axes take n k passes over an array that grows smaller, instead of
k^n over all of it, and no copy of the windows.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import product

import numpy as np

from sigconv.core.dtypes import Array, DType
from sigconv.core.index import Index, along, empty_ordered, trailing
from sigconv.core.problem import Axis, Shape
from sigconv.layers.arguments import as_channels_first
from sigconv.layers.windows import Block, blocks_of, fitting, spans_of

__all__ = ["locate_maxima", "reduce_windows", "scatter_to_places", "spread_windows"]

_SPACE = 2
"""The first axis of space, after the batch and the channels."""


def reduce_windows(
    combine: np.ufunc,
    x: Array,
    axes: tuple[Axis, ...],
    out: Array,
    *,
    compute: DType,
    divisor: Array | None = None,
) -> None:
    """Write what `combine` makes of each window in `compute`, divided, to (batch, channels, *q)."""
    for block in blocks_of(x, axes, compute.itemsize):
        target = out[block.place]
        part = _reduced(combine, x[block.signals], block.axes, target, compute)
        if divisor is not None:
            np.divide(part, _of_rows(divisor, block), out=target)


def locate_maxima(x: Array, axes: tuple[Axis, ...], values: Array, places: Array) -> None:
    """Write the largest sample of each window, and its flat place on the axes of space."""
    sizes = tuple(axis.size for axis in axes)
    steps = np.indices([axis.taps for axis in axes]).reshape(len(axes), -1)
    taps = _flat([axis.dilation * k for axis, k in zip(axes, steps, strict=True)], sizes)
    for block in blocks_of(x, axes, x.itemsize):
        target, part = values[block.place], x[block.signals]
        _reduced(np.maximum, part, block.axes, target, values.dtype)
        found = places[block.place]
        found[...] = taps[_first_taps(part, block.axes, target)]
        starts = [
            axis.start - axis.reach_back + axis.stride * np.arange(axis.length)
            for axis in block.axes
        ]
        found += _flat(np.ix_(*starts), sizes)


def spread_windows(grad: Array, axes: tuple[Axis, ...], out: Array, divisor: Array) -> None:
    """Add each window's number over its divisor to the samples of the window."""
    for block in blocks_of(out, axes, out.itemsize):
        part = np.divide(grad[block.place], _of_rows(divisor, block), dtype=out.dtype)
        for axis in block.axes[:0:-1]:
            at = _SPACE + axis.axis
            wider = _scratch(part, at, axis.size, out.dtype)
            wider[...] = 0
            _spread(part, at, axis, wider)
            part = wider
        _spread(part, _SPACE, block.axes[0], out[block.signals])


def scatter_to_places(grad: Array, places: Array, sums: Array, layout: str) -> None:
    """Add each number of (batch, channels, *q) to its flat place in new `sums` in a layout."""
    flat, view = sums.reshape(-1), as_channels_first(sums, layout)
    # In elements: from one signal, channel and place to the next.
    signal, channel, unit = (view.strides[axis] // sums.itemsize for axis in (0, 1, -1))
    leads = np.ogrid[: grad.shape[0], : grad.shape[1]]
    starts = (signal * leads[0] + channel * leads[1]).reshape(
        *grad.shape[:2], *(1,) * (grad.ndim - 2)
    )
    for part in _rows_of(places):
        found = unit * places[part].astype(np.int64, copy=False)
        found += starts[part[:1]]
        errors = grad[part].astype(sums.dtype, copy=False)
        np.add.at(flat, found.reshape(-1), errors.reshape(-1))


def _rows_of(array: Array) -> Iterator[tuple[slice, slice, slice]]:
    """Yield parts of (batch, channels, *space): some rows of a signal, or some signals."""
    batch, _, length = array.shape[:3]
    row = array[:1, :, :1].nbytes
    rows = fitting(length, row)
    signals = fitting(batch, row * length) if rows == length else 1
    for b, q in product(range(0, batch, signals), range(0, length, rows)):
        yield slice(b, b + signals), slice(None), slice(q, q + rows)


def _reduced(
    combine: np.ufunc, x: Array, axes: tuple[Axis, ...], target: Array, compute: DType
) -> Array:
    """Return what `combine` makes of windows, in `target` where that can hold it."""
    for at, axis in enumerate(axes, _SPACE):
        direct = at + 1 == x.ndim and target.dtype == compute
        result = target if direct else _scratch(x, at, axis.length, compute)
        _reduce(combine, x, at, axis, result)
        x = result
    return x


def _reduce(combine: np.ufunc, x: Array, at: int, axis: Axis, out: Array) -> None:
    """Combine the taps of the windows along one axis of an array."""
    steps = list(_steps(axis))
    if len(steps) > 1 and steps[0][1] == steps[1][1]:
        (first, target, _), (second, _, _), *steps = steps
        combine(
            x[along(at, first)], x[along(at, second)], out=out[along(at, target)], dtype=out.dtype
        )
    for source, target, fresh in steps:
        samples, place = x[along(at, source)], out[along(at, target)]
        old = along(at, slice(fresh, None))
        place[along(at, slice(fresh))] = samples[along(at, slice(fresh))]
        combine(place[old], samples[old], out=place[old], dtype=out.dtype)


def _first_taps(x: Array, axes: tuple[Axis, ...], best: Array) -> Array:
    """Return the number of the first tap, in C order, that met the maximum of each window."""
    spans = list(product(*map(spans_of, axes)))
    count = np.zeros_like(best, np.min_scalar_type(len(spans)))
    # Every tap that comes before the first is counted.
    missing = np.ones_like(best, bool)
    for span in spans[:-1]:
        source, target = _boxes(span)
        missing[target] &= x[source] != best[target]
        count += missing
    if best.dtype.kind == "f" and np.isnan(best).any():
        for k, span in enumerate(spans):
            source, target = _boxes(span)
            np.copyto(count[target], count.dtype.type(k), where=np.isnan(x[source]))
    return count


def _boxes(spans: tuple[tuple[slice, slice], ...]) -> tuple[Index, Index]:
    """Return where the samples of a tap are, and the outputs that they are for."""
    return trailing(source for source, _ in spans), trailing(target for _, target in spans)


def _flat(places: Iterable[Array], sizes: Shape) -> Array:
    """Return positions on each axis as one number, in C order."""
    total = np.zeros((), np.int64)
    for place, size in zip(places, sizes, strict=True):
        total = total * size + place
    return total


def _spread(x: Array, at: int, axis: Axis, out: Array) -> None:
    for source, target in spans_of(axis):
        out[along(at, source)] += x[along(at, target)]


def _steps(axis: Axis) -> Iterator[tuple[slice, slice, int]]:
    """Yield the samples of each tap, their outputs, and how many of these meet their first."""
    # Windows that a tap is the first of lie before those that earlier taps have met.
    seen = axis.length
    for source, target in spans_of(axis):
        if target.start < target.stop:
            yield source, target, max(0, min(seen, target.stop) - target.start)
            seen = min(seen, target.start)


def _scratch(like: Array, at: int, length: int, dtype: DType) -> Array:
    """Return memory for an array of another length along one axis, with axes in the same order."""
    shape: Shape = (*like.shape[:at], length, *like.shape[at + 1 :])
    return empty_ordered(shape, dtype, like)


def _of_rows(divisor: Array, block: Block) -> Array:
    return divisor if len(divisor) == 1 else divisor[block.rows]
