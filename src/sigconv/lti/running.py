"""A system that answers a signal in chunks."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import numpy as np
import numpy.typing as npt

from sigconv.core.dtypes import Array, as_numeric
from sigconv.errors import DTypeError, ShapeError, StreamError
from sigconv.lti.matching import time_axis
from sigconv.lti.node import Node

__all__ = ["SystemStream"]


class SystemStream:
    """What `System.stream` returns: chunks in, as many outputs out.

    `axis` is that of time, the last one by default; 0 for chunks of (frames, channels). The other
    axes, if any, stay the same from chunk to chunk.
    Impulse responses that end go through `sigconv.StreamConvolver`, recursions keep their state.
    Integers, Fractions and Decimals are rounded to floats.

    Examples
    --------
    >>> from sigconv.lti import System
    >>> stream = System([1.0, 1.0, 2.0]).stream()
    >>> stream.process([3.0, 2.0]), stream.process([1.0]), stream.flush()
    (array([3., 5.]), array([9.]), array([5., 2.]))
    """

    def __init__(self, node: Node, axis: int = -1) -> None:
        if node.is_exact:
            node = node.rounded()
        self._node, self._axis = node, axis
        self.reset()

    def reset(self) -> None:
        """Forget all samples."""
        self._step = self._node.start()
        self._last: Array | None = None
        self._is_ended = False

    def process(self, chunk: npt.ArrayLike) -> Array:
        """Return the outputs for the next samples.

        Raises
        ------
        ShapeError, DTypeError
            A chunk unlike those before it; the stream is as before.
        StreamError
            The stream has been ended by `flush`.
        """
        if self._is_ended:
            raise StreamError("this stream was ended by flush(). Call reset() for a new signal.")
        x = as_numeric(chunk, "chunk")
        if x.dtype.kind not in "fc":
            x = x.astype(float)
        time = time_axis(self._axis, x, 1)
        x = np.moveaxis(x, time, -1)
        self._check(x)
        if not x.size:
            made = np.zeros(x.shape, np.result_type(x, self._node.dtype))
        else:
            made = self._step(x)
            self._last = x[..., :0]
        return np.moveaxis(made, -1, time)

    def _check(self, x: Array) -> None:
        last = self._last
        if last is None:
            return
        if x.shape[:-1] != last.shape[:-1]:
            raise ShapeError(
                f"chunks of one stream differ in length alone; got channels of shape "
                f"{x.shape[:-1]} after {last.shape[:-1]}. Is axis={self._axis} that of time?"
            )
        if x.dtype != last.dtype:
            raise DTypeError(
                f"chunks of one stream have one dtype; got {x.dtype} after {last.dtype}."
            )

    def flush(self) -> Array:
        """Return the tail, of an impulse response that ends, and end the stream.

        Raises
        ------
        StreamError
            The response never ends.
        """
        length = self._node.length
        if length is None:
            raise StreamError(
                "the response never ends. Process as many zeros as you want to hear of it."
            )
        last = self._last
        if last is None:
            self._is_ended = True
            return np.zeros(0)
        silence = np.zeros((*last.shape[:-1], length - 1), last.dtype)
        made = self.process(np.moveaxis(silence, -1, self._axis))
        self._is_ended = True
        return made

    def run(self, chunks: Iterable[npt.ArrayLike]) -> Iterator[Array]:
        """Yield the outputs for each chunk."""
        return map(self.process, chunks)
