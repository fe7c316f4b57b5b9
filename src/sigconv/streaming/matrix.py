"""StreamMatrixConvolver: a kernel from each input to each output."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
import numpy.typing as npt

from sigconv.core.dtypes import Array, is_weak
from sigconv.errors import ShapeError
from sigconv.streaming.arguments import Arguments
from sigconv.streaming.chunks import Chunks
from sigconv.streaming.convolver import as_taps
from sigconv.streaming.plan import StreamPlan
from sigconv.streaming.planning import is_partitioned
from sigconv.streaming.running import Running
from sigconv.streaming.starting import Request, Wiring, start_partitioned, start_slabs
from sigconv.streaming.stream import Stream

__all__ = ["StreamMatrixConvolver"]


class StreamMatrixConvolver(Stream):
    """Convolution of several inputs with a kernel from each to each output, chunk by chunk.

    Output o is the sum over inputs i of the convolution of input i with ``kernels[o, i]``.

    Parameters
    ----------
    kernels : array_like
        Taps of shape (outputs, inputs, taps). Those that are all zero cost nothing.
    axis : int
        The axis of time in chunks: 0 for (frames, inputs), -1 for (inputs, frames).
    block_size, latency, dtype, boundary, fill_value, max_taps, workers
        As in `StreamConvolver`. With `block_size` and `dtype` the constructor plans, compiles and
        allocates all.

    Attributes
    ----------
    latency, tail, plan
        As in `StreamConvolver`.

    Raises
    ------
    ShapeError, DTypeError, BoundaryError, OptionError
        Arguments that fit no chunk, or not one another.

    See Also
    --------
    StreamConvolver : One kernel for every channel.

    Notes
    -----
    The contract is that of `StreamConvolver`; chunks have as many channels as there are inputs,
    and results as many as there are outputs, one included. Each input is transformed once and each
    output once, whatever the number of kernels between them.

    Examples
    --------
    The sum and the difference of two channels, the latter one sample late:

    >>> stream = StreamMatrixConvolver([[[1.0, 0.0], [1.0, 0.0]], [[0.0, 1.0], [0.0, -1.0]]])
    >>> stream.process([[3.0, 2.0], [5.0, 1.0]])
    array([[5., 0.],
           [6., 1.]])
    >>> stream.flush()
    array([[0., 4.]])
    """

    def __init__(
        self,
        kernels: npt.ArrayLike,
        *,
        axis: int = 0,
        block_size: int | None = None,
        latency: int = 0,
        dtype: npt.DTypeLike | None = None,
        boundary: Any = "zero",
        fill_value: complex = 0.0,
        max_taps: int | None = None,
        workers: int | None = None,
    ) -> None:
        taps = _as_matrix(kernels)
        arguments = Arguments.of(
            taps.shape[-1],
            axis=axis,
            block_size=block_size,
            latency=latency,
            dtype=dtype,
            batch_shape=(taps.shape[1],),
            boundary=boundary,
            fill_value=fill_value,
            center=None,
            max_taps=max_taps,
            workers=workers,
        )
        super().__init__(taps, arguments, weak=is_weak(kernels))
        self._edges = arguments.edges(1, 0)
        self._open_if_known()

    def _as_kernel(self, kernel: npt.ArrayLike) -> Array:
        taps, mine = _as_matrix(kernel), self._kernel
        if taps.shape[:2] != mine.shape[:2]:
            raise ShapeError(
                f"this stream has {mine.shape[0]} outputs and {mine.shape[1]} inputs; got kernels "
                f"of shape {taps.shape}."
            )
        return taps

    def _taps_of(self, kernel: Array) -> int:
        return int(kernel.shape[-1])

    def _time_axis(self, shape: tuple[int, ...]) -> int:
        axis, inputs = self._arguments.axis_of(shape), self._kernel.shape[1]
        if len(shape) != 2 or shape[1 - axis] != inputs:
            named = f"(frames, {inputs})" if axis == 0 else f"({inputs}, frames)"
            raise ShapeError(f"this stream takes chunks of shape {named}; got {shape}.")
        return axis

    def _sums_of(self, kernel: Array) -> Iterable[Array]:
        return kernel

    def _result_shape(self, shape: tuple[int, ...]) -> tuple[int, ...]:
        if len(shape) != 2:
            return shape
        outputs, axis = self._kernel.shape[0], self._arguments.axis_of(shape)
        return (shape[0], outputs) if axis == 0 else (outputs, shape[1])

    def _about(self) -> dict[str, Any]:
        about = {"kind": "StreamMatrixConvolver", **self._arguments.about()}
        return {**about, "outputs": self._kernel.shape[0], "inputs": self._kernel.shape[1]}

    def _start(self, chunks: Chunks, size: int, plan: StreamPlan | None) -> Running:
        request = Request.of(self._arguments, self._edges, self._kernel, chunks, size)
        outputs, inputs, _ = self._kernel.shape
        absent = any(edge.rule == "absent" for edge in self._edges)
        if is_partitioned(request.dtypes) and not absent:
            pairs = [(o, i, o * inputs + i) for o in range(outputs) for i in range(inputs)]
            wiring = Wiring(inputs, outputs, pairs)
            return start_partitioned(
                request, wiring, plan, lambda kernel: kernel.reshape(-1, kernel.shape[-1])
            )
        return start_slabs(request, 1, plan, weak=self._weak, parts_of=lambda kernel: kernel)


def _as_matrix(kernels: npt.ArrayLike) -> Array:
    taps = as_taps(kernels)
    if taps.ndim != 3:
        raise ShapeError(
            f"kernels of a matrix have shape (outputs, inputs, taps); got {np.shape(taps)}."
        )
    return taps
