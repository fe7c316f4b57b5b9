"""The results of a whole stream, as one call would give them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import NamedTuple

import numpy as np

from sigconv.core.dtypes import Array
from sigconv.core.index import along
from sigconv.core.shapes import check_mode, default_center
from sigconv.errors import ShapeError

__all__ = ["Wanted", "aligned_results"]


class Wanted(NamedTuple):
    """The results of a mode, of a stream with so many taps and so much latency."""

    taps: int
    latency: int
    mode: str
    center: int | None

    def check(self) -> Wanted:
        """Return this, or say what is wrong with mode and centre."""
        check_mode(self.mode)
        c = self.center
        whole = c is None or isinstance(c, int | np.integer)
        if not whole or (c is not None and (self.mode != "same" or not 0 <= c < self.taps)):
            raise ShapeError(
                f"center is the tap on the output sample in mode='same', from 0 to "
                f"{self.taps - 1}; got {c!r} with mode={self.mode!r}."
            )
        return self


def aligned_results(
    made: Iterable[Array], flush: Callable[[], Array], wanted: Wanted, axis: int
) -> Iterator[Array]:
    """Yield the results that are wanted from those of chunks and of the tail."""
    taps, latency, mode, center = wanted
    c = default_center(taps) if center is None else center
    skip = latency + {"full": 0, "same": c, "valid": taps - 1}[mode]
    late_by, size = skip, 0
    for part in made:
        axis %= part.ndim
        count = part.shape[axis]
        size += count
        if skip < count:
            yield part[along(axis, slice(skip, None))]
        skip = max(0, skip - count)
    if mode == "valid" and 0 < size < taps:
        raise ShapeError(
            f"mode='valid' needs as many samples as taps; got {size} samples and {taps} taps. "
            "Use mode='full'."
        )
    tail = flush()
    axis %= tail.ndim
    length = tail.shape[axis]
    # As many results as there are samples, or taps-1 fewer: so many of the tail have been skipped.
    last = min(length, {"full": length, "same": late_by, "valid": latency}[mode])
    if skip < last:
        yield tail[along(axis, slice(skip, last))]
    if mode == "same" and late_by > max(skip, length):
        # After a swap to fewer taps the tail is shorter, and nothing follows it.
        shape = list(tail.shape)
        shape[axis] = late_by - max(skip, length)
        yield np.zeros(shape, tail.dtype)
