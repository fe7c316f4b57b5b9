"""The arguments of a stream, checked once."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from sigconv.core.boundary import Edges, parse_boundary
from sigconv.core.dtypes import DType, as_dtype
from sigconv.core.options import as_shape, hashable
from sigconv.engines.workers import resolve_workers
from sigconv.errors import BoundaryError, OptionError, ShapeError, StreamError

__all__ = ["Arguments", "whole"]


def whole(name: str, value: Any, least: int) -> int:
    """Return an argument as an integer, or say that it must be one."""
    if not isinstance(value, int | np.integer) or isinstance(value, bool) or value < least:
        raise OptionError(f"{name} must be an integer of at least {least}; got {value!r}.")
    return int(value)


class Arguments(NamedTuple):
    """What a stream was asked for; `taps` are the most that a kernel of it may have."""

    taps: int
    axis: int | None
    block_size: int | None
    latency: int
    dtype: DType | None
    batch_shape: tuple[int, ...] | None
    boundary: Any
    fill_value: Any
    center: Any
    workers: int | None

    @classmethod
    def of(
        cls,
        taps: int,
        *,
        axis: int | None,
        block_size: int | None,
        latency: int,
        dtype: npt.DTypeLike | None,
        batch_shape: int | tuple[int, ...] | None,
        boundary: Any,
        fill_value: complex,
        center: int | tuple[int | None, ...] | None,
        max_taps: int | None,
        workers: int | None,
    ) -> Arguments:
        """Check the arguments of a stream whose first kernel has so many taps."""
        if axis is not None and not isinstance(axis, int | np.integer):
            raise ShapeError(f"axis is the axis of time in chunks, an integer; got {axis!r}.")
        resolve_workers(workers)
        # Chunks of one dimension have no other axes.
        batch = () if axis is None and batch_shape is None else batch_shape
        return cls(
            taps if max_taps is None else whole("max_taps", max_taps, taps),
            None if axis is None else int(axis),
            None if block_size is None else whole("block_size", block_size, 1),
            whole("latency", latency, 0),
            None if dtype is None else as_dtype(dtype),
            None if batch is None else as_shape(batch, "batch"),
            hashable("boundary", boundary),
            fill_value,
            hashable("center", center),
            workers,
        )

    def about(self) -> dict[str, Any]:
        """Return what two streams have in common that may go on from each other's state."""
        names = ("axis", "latency", "boundary", "fill_value", "center")
        about = {name: getattr(self, name) for name in names}
        return {**about, "max_taps": self.taps, "dtype": self.dtype and self.dtype.str}

    def check_others(self, others: tuple[int, ...] | None) -> None:
        """Raise StreamError where the batch shape of another stream is not the one given."""
        if None not in (others, self.batch_shape) and others != self.batch_shape:
            raise StreamError(
                f"the state is of a stream with another batch_shape ({others} there, "
                f"{self.batch_shape} here). Make this one with the same arguments."
            )

    def edges(self, ndim: int, position: int) -> Edges:
        """Return what precedes and follows the signal: entry `position` of `ndim` axes."""
        edges = parse_boundary(self.boundary, ndim, self.fill_value)[position]
        before, after = (edge.rule for edge in edges)
        if "wrap" in (before, after):
            raise BoundaryError(
                "boundary 'wrap' has the end of a signal precede its beginning, and a stream does "
                "not know its end. Use convolve, or another boundary."
            )
        needed = {"symmetric": self.taps - 2, "reflect": self.taps - 1}.get(before, 0)
        if self.latency < needed:
            what = "taps" if before == "reflect" else "taps less one"
            raise BoundaryError(
                f"boundary {before!r} before a signal shows as many of its samples as there are "
                f"{what}; got {self.taps} taps and latency={self.latency}. Use a latency of at "
                f"least {needed}, or another boundary, as [('zero', {after!r})]."
            )
        return edges

    def axis_of(self, shape: tuple[int, ...]) -> int:
        """Return the axis of time of chunks of a shape, or say why there is none."""
        ndim = len(shape)
        if self.axis is None:
            if ndim == 1:
                return 0
            if not ndim:
                raise ShapeError("a chunk has at least one dimension; got a number. Pass [x].")
            names = (" for (frames, channels)", " for (channels, frames)")
            first, last = names if ndim == 2 else ("", "")
            raise ShapeError(f"chunk has shape {shape}; pass axis=0{first} or axis=-1{last}.")
        if not -ndim <= self.axis < ndim:
            raise ShapeError(f"chunk has shape {shape}, which has no axis {self.axis}.")
        return self.axis % ndim
