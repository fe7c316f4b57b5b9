"""StreamConvolver: one kernel, a signal that comes in chunks."""

from __future__ import annotations

from collections.abc import Iterable
from math import prod
from typing import Any

import numpy as np
import numpy.typing as npt

from sigconv.core.dtypes import Array, as_numeric, is_weak
from sigconv.errors import ShapeError
from sigconv.streaming.arguments import Arguments
from sigconv.streaming.chunks import Chunks
from sigconv.streaming.plan import StreamPlan
from sigconv.streaming.planning import is_partitioned
from sigconv.streaming.running import Running
from sigconv.streaming.starting import Request, Wiring, start_partitioned, start_slabs
from sigconv.streaming.stream import Stream

__all__ = ["StreamConvolver", "as_taps"]


class StreamConvolver(Stream):
    """Convolution of a signal that comes in chunks: its results are those of `convolve`.

    Parameters
    ----------
    kernel : array_like
        The taps h of y[n] = sum_k h[k] x[n-k]. One dimension acts along `axis`, on each channel;
        as many as a chunk has act on all axes, where those other than `axis` obey ``mode="same"``,
        or along `axes` alone.
    axis : int, optional
        The axis of time in chunks; without it they have one dimension.
    block_size : int, optional
        How many samples a chunk usually has. It decides how the work is shared out, and any
        number works. By default the first chunk tells.
    axes : int, optional
        As in `convolve`: ``axes=axis`` with a kernel of shape (taps, channels), or as chunks are
        laid out, is a filter for each channel.
    latency : int
        By how many samples results are late. What is late costs less: a long kernel needs no sums
        that are due at once.
    dtype : dtype, optional
        The dtype of computation and result; by default that of kernel and first chunk.
    batch_shape : tuple of int, optional
        The shape of chunks without the axis of time. With it, `block_size` and `dtype` all is
        planned, compiled and allocated here, and ``process(chunk, out)`` allocates nothing.
    boundary : str or sequence
        What precedes and follows the signal, as in `convolve`: ``zero``, ``constant`` with
        `fill_value`, ``edge``, ``absent``; before the signal ``symmetric`` needs a latency of
        max_taps-2 and ``reflect`` one of max_taps-1, after it they need none. No ``wrap``.
    fill_value : number
        The sample beyond a ``constant`` edge.
    center : int or tuple of int, optional
        As in `convolve`, one entry per axis of the kernel; that of `axis` counts for nothing.
    max_taps : int, optional
        The most taps along time that `swap` may bring; by default as many as `kernel` has.
    workers : int, optional
        How many threads may share a long chunk.

    Attributes
    ----------
    latency, tail : int
        By how many samples results are late, and how many of them `flush` gives.
    plan : StreamPlan
        How it is computed; ``print(stream.plan)`` is a table.

    Raises
    ------
    ShapeError, DTypeError, BoundaryError, OptionError
        Arguments that fit no chunk, or not one another.

    See Also
    --------
    convolve : The same for a signal that is there.
    StreamMatrixConvolver : Several inputs and outputs, with a kernel from each to each.

    Notes
    -----
    Outputs and what `flush` gives are `latency` zeros followed by the full convolution of all
    chunks, however these were cut. Denormal numbers, below 1.2e-38 in float32, count as zeros in
    compiled loops. A stream belongs to one signal, and one thread at a time.

    Short kernels are summed directly. Of longer ones the first taps are, and the others are parts
    whose spectra meet those of earlier blocks: blocks of one length, or of several, where long
    ones are worked off ahead of their time (Gardner, "Efficient convolution without input-output
    delay", J. Audio Eng. Soc. 43, 1995). Long chunks go by overlap-save. Kernels of more
    dimensions, and integers, go slab by slab through the engines of `convolve`.

    Examples
    --------
    >>> stream = StreamConvolver([1.0, 1.0, 2.0])
    >>> stream.process([3.0, 2.0]), stream.process([1.0])
    (array([3., 5.]), array([9.]))
    >>> stream.flush()
    array([5., 2.])
    """

    _kind = "StreamConvolver"

    def __init__(
        self,
        kernel: npt.ArrayLike,
        *,
        axis: int | None = None,
        axes: int | tuple[int, ...] | None = None,
        block_size: int | None = None,
        latency: int = 0,
        dtype: npt.DTypeLike | None = None,
        batch_shape: int | tuple[int, ...] | None = None,
        boundary: Any = "zero",
        fill_value: complex = 0.0,
        center: int | tuple[int | None, ...] | None = None,
        max_taps: int | None = None,
        workers: int | None = None,
    ) -> None:
        taps = as_taps(kernel)
        position = _time_of(taps, axis)
        arguments = Arguments.of(
            taps.shape[position],
            axis=axis,
            block_size=block_size,
            latency=latency,
            dtype=dtype,
            batch_shape=batch_shape,
            boundary=boundary,
            fill_value=fill_value,
            center=center,
            max_taps=max_taps,
            workers=workers,
        )
        super().__init__(taps, arguments, weak=is_weak(kernel))
        self._is_each = axes is not None and taps.ndim > 1
        _check_axes(axes, taps.ndim, axis)
        ndim = 1 if self._is_each else taps.ndim
        self._edges = arguments.edges(ndim, 0 if self._is_each else position)
        self._open_if_known()

    def _as_kernel(self, kernel: npt.ArrayLike) -> Array:
        taps, mine = as_taps(kernel), self._kernel
        time = _time_of(mine, self._arguments.axis)
        others = [
            (shape[:time] + shape[time + 1 :], len(shape)) for shape in (taps.shape, mine.shape)
        ]
        if others[0] != others[1]:
            raise ShapeError(
                f"this stream takes kernels of shape {mine.shape} but for the number of taps "
                f"along time; got shape {taps.shape}."
            )
        return taps

    def _taps_of(self, kernel: Array) -> int:
        return int(kernel.shape[_time_of(kernel, self._arguments.axis)])

    def _time_axis(self, shape: tuple[int, ...]) -> int:
        axis, ndim = self._arguments.axis_of(shape), self._kernel.ndim
        if ndim > 1 and len(shape) != ndim:
            raise ShapeError(
                f"a kernel of shape {self._kernel.shape} takes chunks of {ndim} dimensions; got "
                f"shape {shape}."
            )
        if self._is_each:
            kernels = np.delete(self._kernel.shape, axis)
            channels = np.delete(shape, axis)
            # Before anything is known of the chunks, they have no channels yet.
            if channels.any() and ((kernels != channels) & (kernels != 1)).any():
                raise ShapeError(
                    f"with axes={axis}, a kernel of shape {self._kernel.shape} has a filter for "
                    f"each channel; got chunks of shape {shape}. Use StreamMatrixConvolver for "
                    "other numbers of channels."
                )
        return axis

    def _sums_of(self, kernel: Array) -> Iterable[Array]:
        if not self._is_each:
            return [kernel]
        time = _time_of(kernel, self._arguments.axis)
        return np.moveaxis(kernel, time, -1).reshape(-1, kernel.shape[time])

    def _result_shape(self, shape: tuple[int, ...]) -> tuple[int, ...]:
        return shape

    def _about(self) -> dict[str, Any]:
        return {"kind": self._kind, **self._arguments.about(), "axes": self._is_each}

    def _start(self, chunks: Chunks, size: int, plan: StreamPlan | None) -> Running:
        request = Request.of(self._arguments, self._edges, self._kernel, chunks, size)
        absent = any(edge.rule == "absent" for edge in self._edges)
        others, time, is_each = request.others, chunks.axis, self._is_each
        rows = prod(others)

        # Nothing of this object: so the end of a stream frees all at once.
        def rows_of(kernel: Array) -> Array:
            if not is_each:
                return kernel[np.newaxis]
            taps = np.moveaxis(kernel, time, -1)
            return np.broadcast_to(taps, (*others, taps.shape[-1])).reshape(rows, -1)

        one_row = self._kernel.ndim == 1 or is_each
        if one_row and is_partitioned(request.dtypes) and not absent:
            pairs = [(row, row, row if is_each else 0) for row in range(rows)]
            return start_partitioned(request, Wiring(rows, rows, pairs), plan, rows_of)
        return start_slabs(request, time, plan, weak=self._weak, along_time=is_each)


def _check_axes(axes: Any, ndim: int, axis: int | None) -> None:
    """Raise ShapeError unless `axes` is that of time alone."""
    if axes is None:
        return
    named = axes if isinstance(axes, tuple) else (axes,)
    whole = all(isinstance(one, int | np.integer) for one in named)
    time = 0 if axis is None else axis
    if len(named) != 1 or not whole or (named[0] - time) % max(ndim, 1):
        raise ShapeError(
            f"a stream convolves along all axes of its kernel, or along time alone: axes={axis!r} "
            f"then; got axes={axes!r}."
        )


def as_taps(kernel: npt.ArrayLike) -> Array:
    """Return a kernel as an array of its own, with at least one tap."""
    taps = as_numeric(kernel, "kernel").copy()
    if not taps.size or not taps.ndim:
        raise ShapeError(f"a kernel needs at least one tap; got shape {taps.shape}.")
    taps.flags.writeable = False
    return taps


def _time_of(kernel: Array, axis: int | None) -> int:
    """Return which axis of a kernel is that of time."""
    if kernel.ndim == 1:
        return 0
    if axis is None:
        raise ShapeError(
            f"a kernel of shape {kernel.shape} takes chunks of {kernel.ndim} dimensions; pass "
            "axis, the one that is time."
        )
    if not isinstance(axis, int | np.integer) or not -kernel.ndim <= axis < kernel.ndim:
        raise ShapeError(f"a kernel of shape {kernel.shape} has no axis {axis!r} of time.")
    return int(axis) % kernel.ndim
