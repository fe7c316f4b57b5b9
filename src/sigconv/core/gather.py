"""Gathering a region of the extended signal, and the transpose of that.

`gather` is where boundaries happen: engines only ever see the samples of their block.
`scatter_add` is its exact adjoint, through the same segments.
"""

from __future__ import annotations

from itertools import product
from typing import NamedTuple, Protocol, cast

import numpy as np

from sigconv.core.blocks import Block, Range
from sigconv.core.boundary import Edge, Segment, segments
from sigconv.core.dtypes import Array, DType
from sigconv.core.index import along, empty_ordered, trailing
from sigconv.core.problem import Axis

__all__ = [
    "Extended",
    "Placed",
    "Source",
    "Tile",
    "constant_of",
    "gather",
    "gather_region",
    "scatter_add",
]

# More stretches than this on one axis are cheaper as one indexed read.
_MANY_SEGMENTS = 8


class Source(Protocol):
    """What a block can be read from: an array, a memory map, or a reader of a file."""

    @property
    def shape(self) -> tuple[int, ...]:
        """The shape in canonical layout: batch axes, then convolved axes."""

    @property
    def dtype(self) -> DType:
        """The dtype of the samples."""

    def __getitem__(self, key: tuple[slice, ...], /) -> Array:
        """Return the samples of a box of slices with step 1."""


class Extended(NamedTuple):
    """A signal in canonical layout, with the axes that continue it; `dtype` is that of copies."""

    source: Source
    axes: tuple[Axis, ...]
    dtype: DType


class Placed(NamedTuple):
    """An array that holds the samples of a block, and axes that want its outputs of the array.

    `steps` are from one sample to the next of each axis, in elements, where they come from: engines
    that add up in the order of memory do so whether they have been copied or not.
    """

    data: Array
    axes: tuple[Axis, ...]
    steps: tuple[float, ...]

    @classmethod
    def of(cls, data: Array, axes: tuple[Axis, ...], source: Array | None = None) -> Placed:
        """Return samples that come from `source`, or that lie where they are."""
        source = data if source is None else source
        return cls(data, axes, tuple(stride / source.itemsize for stride in source.strides))


class Tile:
    """The samples of one block: batch axes first, then the block's support.

    They are gathered when they are first asked for. An engine that can read a signal where it lies,
    beyond its edges too, does not ask.
    """

    __slots__ = ("_data", "block", "signal")

    def __init__(
        self, block: Block, data: Array | None = None, signal: Extended | None = None
    ) -> None:
        self.block = block
        self.signal = signal
        self._data = data

    @property
    def data(self) -> Array:
        """The samples: a view of the source where they lie in it."""
        if self._data is None:
            assert self.signal is not None
            source, axes, dtype = self.signal
            block = self.block
            self._data = gather_region(source, axes, block.batch, block.support, dtype)
        return self._data

    @property
    def source(self) -> Array:
        """The array in memory that the samples come from: all of the signal, if it is one."""
        source = None if self.signal is None else self.signal.source
        return source if isinstance(source, np.ndarray) else self.data

    def placed(self, taps: tuple[int, ...]) -> Placed:
        """Return the samples in a view of the source.

        It is whole along an axis on which samples lie beyond the edges.
        """
        block, signal = self.block, self.signal
        inside = tuple(
            Axis(0, high - low, count, start - low, stop - low)
            for count, (start, stop), (low, high) in zip(
                taps, block.write, block.support, strict=True
            )
        )
        if signal is None or not isinstance(signal.source, np.ndarray):
            return Placed.of(self.data, inside)
        box, axes = list[slice](), list[Axis]()
        spans = zip(signal.axes, inside, block.write, block.support, strict=True)
        for axis, own, (start, stop), (low, high) in spans:
            beyond = low < high and not 0 <= low < high <= axis.size
            box.append(slice(None) if beyond else slice(low, high))
            axes.append(axis._replace(start=start, stop=stop) if beyond else own)
        return Placed.of(signal.source[(*block.batch, *box)], tuple(axes), signal.source)


def gather(source: Source, axes: tuple[Axis, ...], block: Block, dtype: DType) -> Tile:
    """Return the tile of `block`."""
    return Tile(block, signal=Extended(source, axes, dtype))


def gather_region(
    source: Source,
    axes: tuple[Axis, ...],
    batch: tuple[slice, ...],
    region: tuple[Range, ...],
    dtype: DType,
) -> Array:
    """Return a box of the extended signal, in the source's dtype if a view, else in `dtype`."""
    inside = [0 <= a < b <= axis.size for axis, (a, b) in zip(axes, region, strict=True)]
    if inside and all(inside):
        return source[(*batch, *(slice(a, b) for a, b in region))]
    pieces = [_stretches(axis, *bounds) for axis, bounds in zip(axes, region, strict=True)]
    if all(len(parts) == 1 and parts[0].is_plain for parts in pieces):
        return _read(source, batch, tuple(parts[0] for parts in pieces))
    shape = tuple(s.stop - s.start for s in batch) + tuple(b - a for a, b in region)
    tile = empty_ordered(shape, dtype, source)
    for box in product(*pieces):
        target = tuple(
            slice(s.start - low, s.stop - low) for s, (low, _) in zip(box, region, strict=True)
        )
        fills = [s.edge for s in box if s.edge is not None]
        if fills:
            # In corners zero beats constant, and both beat the index maps.
            zero = any(edge.is_zero for edge in fills)
            tile[trailing(target)] = 0 if zero else _fill(fills[0].fill, dtype)
        else:
            tile[trailing(target)] = _read(source, batch, box)
    return tile


def scatter_add(
    samples: Array, axes: tuple[Axis, ...], region: tuple[Range, ...], out: Array
) -> None:
    """Add each extended sample of `region` to the source sample that it was gathered from."""
    nbatch = samples.ndim - len(axes)
    # One axis after the other: the maps are independent, and fills have no source.
    for i, (axis, bounds) in enumerate(zip(axes, region, strict=True), start=nbatch):
        samples = _fold(samples, i, axis, bounds)
    out += samples


def _fold(samples: Array, position: int, axis: Axis, bounds: Range) -> Array:
    """Return the sums of the extended samples along one axis that share a source sample."""
    shape = list(samples.shape)
    shape[position] = axis.size
    folded = np.zeros(shape, samples.dtype)
    for segment in segments(axis.edges, axis.size, *bounds):
        if segment.is_filled:
            continue
        part = samples[along(position, slice(segment.start - bounds[0], segment.stop - bounds[0]))]
        if segment.step == 0:
            part = part.sum(axis=position, keepdims=True)
        elif segment.step < 0:
            part = np.flip(part, position)
        folded[along(position, slice(*segment.source))] += part
    return folded


class _Stretch(NamedTuple):
    """A run of positions and how to read it: one slice of the source, then `pick` from that."""

    start: int
    stop: int
    low: int = 0
    high: int = 0
    pick: slice | Array | None = None
    edge: Edge | None = None

    @property
    def is_plain(self) -> bool:
        return self.pick is None and self.edge is None


def _stretches(axis: Axis, start: int, stop: int) -> list[_Stretch]:
    parts = list(segments(axis.edges, axis.size, start, stop))
    if len(parts) <= _MANY_SEGMENTS:
        return [_stretch(part) for part in parts]
    filled = [_stretch(part) for part in parts if part.is_filled]
    mapped = [part for part in parts if not part.is_filled]
    index = np.concatenate(
        [part.first + part.step * np.arange(part.stop - part.start) for part in mapped]
    )
    indexed = _Stretch(mapped[0].start, mapped[-1].stop, 0, axis.size, index)
    return [*filled, indexed]


def _stretch(segment: Segment) -> _Stretch:
    if segment.is_filled:
        return _Stretch(segment.start, segment.stop, edge=segment.edge)
    flip = slice(None, None, -1) if segment.step < 0 else None
    repeat = segment.step == 0 and segment.stop - segment.start > 1
    low, high = segment.source
    # A repeated sample is read once and broadcast; it is no view of the whole stretch.
    pick = slice(None) if repeat else flip
    return _Stretch(segment.start, segment.stop, low, high, pick)


def _read(source: Source, batch: tuple[slice, ...], box: tuple[_Stretch, ...]) -> Array:
    key = (*batch, *(slice(part.low, part.high) for part in box))
    # An empty key would take the element out of an array without dimensions.
    samples = source[key] if key else cast("Array", source)
    for axis, part in enumerate(box, start=len(batch)):
        if part.pick is not None:
            samples = samples[along(axis, part.pick)]
    return samples


def constant_of(axes: tuple[Axis, ...], dtype: DType) -> Array | None:
    """Return the constant that continues these axes, as an array of one, or None."""
    fills = [edge.fill for axis in axes for edge in axis.edges if edge.rule == "constant"]
    if not fills:
        return None
    # A constant too large for a narrower dtype becomes infinite, without a word.
    with np.errstate(all="ignore"):
        return np.array([_fill(fills[0], dtype)], dtype)


def _fill(value: complex, dtype: DType) -> complex:
    # An integer fill must not pass through a float.
    filled: complex = dtype.type(value if dtype.kind == "c" else value.real)
    return filled
