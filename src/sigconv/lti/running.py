"""A system that answers a signal in chunks."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import numpy as np
import numpy.typing as npt

from sigconv.core.dtypes import Array, as_numeric
from sigconv.errors import DTypeError, ShapeError, StreamError
from sigconv.lti.node import Node

__all__ = ["SystemStream"]


class SystemStream:
    """What `System.stream` returns: chunks in, as many outputs out.

    Time is the last axis of a chunk; the other axes, if any, stay the same from chunk to chunk.
    Impulse responses that end go through `sigconv.StreamConvolver`, recursions keep their state.
    Integers, Fractions and Decimals are rounded to floats.

    Examples
    --------
    >>> from sigconv.lti import System
    >>> stream = System([1.0, 1.0, 2.0]).stream()
    >>> stream.process([3.0, 2.0]), stream.process([1.0]), stream.flush()
    (array([3., 5.]), array([9.]), array([5., 2.]))
    """

    def __init__(self, node: Node) -> None:
        if node.is_exact:
            node = node.rounded()
        self._node = node
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
        self._check(x)
        if not x.size:
            return np.zeros(x.shape, np.result_type(x, self._node.dtype))
        made = self._step(x)
        self._last = x[..., :0]
        return made

    def _check(self, x: Array) -> None:
        if x.ndim == 0:
            raise ShapeError("a chunk has at least one axis, of time; got a number.")
        last = self._last
        if last is None:
            return
        if x.shape[:-1] != last.shape[:-1]:
            raise ShapeError(
                f"chunks of one stream differ in their last axis alone; got {x.shape} after "
                f"{last.shape[:-1]} channels."
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
        like = np.zeros(0) if self._last is None else self._last
        count = 0 if self._last is None else length - 1
        made = self.process(np.zeros((*like.shape[:-1], count), like.dtype))
        self._is_ended = True
        return made

    def run(self, chunks: Iterable[npt.ArrayLike]) -> Iterator[Array]:
        """Yield the outputs for each chunk."""
        return map(self.process, chunks)
