"""Where the windows of a pooling layer lie, and blocks of them that fit a cache."""

from __future__ import annotations

from collections.abc import Iterator
from math import prod
from typing import Any, NamedTuple

import numpy as np

from sigconv.core.dtypes import Array
from sigconv.core.problem import Axis, Shape
from sigconv.errors import OptionError, ShapeError
from sigconv.layers.arguments import per_axis, sides_of, spatial_axes

__all__ = [
    "Block",
    "Windows",
    "blocks_of",
    "divisor_of",
    "fitting",
    "spans_of",
    "windows_of",
]

_BLOCK_BYTES = 1 << 20
"""Of what one pass hands on to the next: it stays in the cache of a core."""

_FEW_CHANNELS = 8
"""Below this many neighbours in memory, NumPy's inner loops are too short to be worth it."""


class Windows(NamedTuple):
    """The keywords of a pooling layer."""

    size: Any
    stride: Any = None
    padding: Any = 0
    dilation: Any = 1
    ceil_mode: bool = False


class Block(NamedTuple):
    """Some windows: of which signals and channels, on which rows of the result's first axis.

    `axes` are those of space, the first with the rows of the block alone.
    """

    batch: slice
    channels: slice
    rows: slice
    axes: tuple[Axis, ...]

    @property
    def signals(self) -> tuple[slice, slice]:
        """The part of the batch and the channels."""
        return self.batch, self.channels

    @property
    def place(self) -> tuple[slice, slice, slice]:
        """The part of the result."""
        return self.batch, self.channels, self.rows


def windows_of(form: Windows, shape: Shape) -> tuple[tuple[Axis, ...], tuple[tuple[int, int], ...]]:
    """Return the axes of space for a signal (batch, channels, *space), and their padding."""
    ndim = spatial_axes(shape, "x")
    size = per_axis(form.size, ndim, "size", 1)
    stride = size if form.stride is None else per_axis(form.stride, ndim, "stride", 1)
    dilation = per_axis(form.dilation, ndim, "dilation", 1)
    sides = sides_of(form.padding, size, dilation)
    axes = []
    for j, (before, after) in enumerate(sides):
        reach = dilation[j] * (size[j] - 1)
        if max(before, after) > (reach + 1) // 2:
            raise OptionError(
                f"padding is at most half of what a window spans ({reach + 1} samples on axis {j} "
                f"of space); got {form.padding!r}. Pad the signal itself for more: np.pad(x, ...)."
            )
        length = _length(shape[2 + j], (before, after), reach, stride[j], form.ceil_mode)
        start = reach - before
        stop = start + stride[j] * (length - 1) + 1
        axis = Axis(j, shape[2 + j], size[j], start, stop, stride=stride[j], dilation=dilation[j])
        if length < 1 or not _covered(axis).all():
            raise ShapeError(
                f"each window needs a sample; on axis {j} of space there are {shape[2 + j]}, "
                f"and {before + after} of padding, for windows that span {reach + 1}. Use a "
                "smaller size or dilation."
            )
        axes.append(axis)
    return tuple(axes), sides


def _length(n: int, sides: tuple[int, int], reach: int, stride: int, ceil_mode: bool) -> int:
    """Return how many windows there are on an axis of n samples."""
    free = n + sum(sides) - reach - 1
    if not ceil_mode:
        return free // stride + 1
    length = -(-free // stride) + 1
    # The last window starts on a sample or on the padding before the first.
    return length - 1 if (length - 1) * stride >= n + sides[0] else length


def spans_of(axis: Axis) -> Iterator[tuple[slice, slice]]:
    """Yield, for each tap of the windows, the samples that it meets and the outputs it is for."""
    return map(axis.met_by, range(axis.taps))


def _covered(axis: Axis) -> Array:
    """Return how many samples each window meets along one axis."""
    counts = np.zeros(max(axis.length, 0), np.int64)
    for _, target in spans_of(axis):
        counts[target] += 1
    return counts


def divisor_of(
    axes: tuple[Axis, ...], sides: tuple[tuple[int, int], ...], count_padding: bool
) -> Array:
    """Return what the sum of each window is divided by, of a shape that broadcasts to *outputs."""
    divisor = np.ones((), np.int64)
    for axis, (before, after) in zip(axes, sides, strict=True):
        if count_padding:
            first = axis.stride * np.arange(axis.length) - before
            counts = np.minimum(axis.taps, axis.size + after - first)
        else:
            counts = _covered(axis)
        if (counts == counts[0]).all():
            counts = counts[:1]
        divisor = divisor[..., None] * counts
    return divisor


def blocks_of(x: Array, axes: tuple[Axis, ...], itemsize: int) -> Iterator[Block]:
    """Yield blocks of the windows of a signal (batch, channels, *space), in the order of memory."""
    batch, channels = x.shape[:2]
    length = axes[0].length
    row = itemsize * prod(max(axis.size, axis.length) for axis in axes[1:])
    together = channels >= _FEW_CHANNELS and x.strides[1] < x.strides[-1]
    rows = fitting(length, row * (channels if together else 1))
    many = channels if together else 1 if rows < length else fitting(channels, row * length)
    whole = rows == length and many == channels
    signals = fitting(batch, row * length * channels) if whole else 1
    for b in range(0, batch, signals):
        for c in range(0, channels, many):
            for q in range(0, length, rows):
                yield Block(
                    slice(b, b + signals),
                    slice(c, c + many),
                    slice(q, q + rows),
                    (_stretch(axes[0], q, min(q + rows, length)), *axes[1:]),
                )


def _stretch(axis: Axis, first: int, end: int) -> Axis:
    """Return the axis with some of its outputs alone."""
    start, last = axis.start + axis.stride * first, axis.start + axis.stride * (end - 1)
    return axis._replace(start=start, stop=last + 1)


def fitting(count: int, size: int) -> int:
    """Return how many parts of so many bytes make a block; at least one."""
    return max(1, min(count, _BLOCK_BYTES // max(size, 1)))
