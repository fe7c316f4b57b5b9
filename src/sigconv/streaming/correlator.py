"""Correlation of signals that come in chunks: matched filters."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np
import numpy.typing as npt

from sigconv.core.dtypes import Array, as_numeric, is_weak
from sigconv.core.options import hashable
from sigconv.streaming.convolver import StreamConvolver

__all__ = ["StreamCorrelator"]


class StreamCorrelator(StreamConvolver):
    """Correlation of a signal that comes in chunks with a template: a matched filter.

    Parameters
    ----------
    template : array_like
        The samples t of z[l] = sum_n x[n+l] conj(t[n]), as in `correlate`.
    center : int or tuple of int, optional
        As in `correlate`, for axes other than that of time.
    **keywords
        Those of `StreamConvolver`: `axis`, `axes`, `block_size`, `latency`, `dtype`, `batch_shape`,
        `boundary`, `fill_value`, `max_taps` and `workers`.

    Attributes
    ----------
    lag : int
        The lag of the next result: where in the signal a template begins that ends with the next
        sample, if there is no latency.

    See Also
    --------
    correlate : The same for a signal that is there.
    StreamDelayEstimator : The delay between two signals, as it is known so far.

    Notes
    -----
    Results and what `flush` gives are `latency` zeros followed by ``correlate(signal, template)``
    in full, from lag 1-taps on. A template that begins at sample n has its peak at lag n, which is
    known when its last sample has come. `swap` takes another template.

    Examples
    --------
    >>> stream = StreamCorrelator([1.0, 2.0])
    >>> stream.lag, stream.process([0.0, 1.0, 2.0])
    (-1, array([0., 2., 5.]))
    >>> stream.lag
    2
    """

    _kind = "StreamCorrelator"

    def __init__(
        self,
        template: npt.ArrayLike,
        *,
        center: int | tuple[int | None, ...] | None = None,
        **keywords: Any,
    ) -> None:
        shape = np.shape(as_numeric(template, "template"))
        mirrored = _mirrored(hashable("center", center), shape)
        # With a template for each channel, these stay in their order.
        self._flipped = None if keywords.get("axes") is None else keywords.get("axis")
        super().__init__(_reversed(template, self._flipped), center=mirrored, **keywords)

    @property
    def lag(self) -> int:
        """The lag of the next result."""
        return self._size - self._taps_of(self._kernel) + 1 - self.latency

    def run(
        self, chunks: Iterable[npt.ArrayLike], mode: str = "full", center: int | None = None
    ) -> Iterator[Array]:
        """Process chunks and flush: the results together are those of `correlate`.

        As `StreamConvolver.run`, with the `center` of a template.
        """
        taps = self._taps_of(self._kernel)
        if center is not None and isinstance(center, int | np.integer):
            center = taps - 1 - int(center)
        return super().run(chunks, mode, center)

    def _as_kernel(self, kernel: npt.ArrayLike) -> Array:
        return super()._as_kernel(_reversed(kernel, self._flipped))


def _reversed(template: npt.ArrayLike, axis: int | None) -> Any:
    """Return the kernel that correlates with a template along one axis, or along all."""
    array = as_numeric(template, "template")
    array = np.conj(np.flip(array, axis if array.ndim > 1 else None))
    # Python's numbers stay such.
    return array.tolist() if is_weak(template) else array


def _mirrored(center: Any, shape: tuple[int, ...]) -> Any:
    """Return indices of a template as those of its reverse, without a change if they are none."""
    if isinstance(center, int):
        center = (center,) * len(shape)
    if not isinstance(center, tuple) or len(center) != len(shape):
        return center
    return tuple(None if c is None else n - 1 - c for c, n in zip(center, shape, strict=True))
