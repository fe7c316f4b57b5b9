"""The results of a whole stream, as one call would give them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

from sigconv.core.dtypes import Array
from sigconv.core.index import along
from sigconv.core.shapes import default_center
from sigconv.errors import ShapeError

__all__ = ["aligned_results"]


def aligned_results(
    made: Iterable[Array], flush: Callable[[], Array], late: tuple[int, int], mode: str, axis: int
) -> Iterator[Array]:
    """Yield the results of `mode` from those of chunks and of the tail.

    `late` are the taps and the latency.
    """
    taps, latency = late
    skip = latency + {"full": 0, "same": default_center(taps), "valid": taps - 1}[mode]
    late_by, size = skip, 0
    for part in made:
        count = part.shape[axis]
        size += count
        if skip < count:
            yield part[along(axis, slice(skip, None))]
        skip = max(0, skip - count)
    if mode == "valid" and size < taps:
        raise ShapeError(
            f"mode='valid' needs as many samples as taps; got {size} samples and {taps} taps. "
            "Use mode='full'."
        )
    tail = flush()
    length = tail.shape[axis]
    # As many results as there are samples, or taps-1 fewer: so many of the tail have been skipped.
    last = min(length, {"full": length, "same": late_by, "valid": latency}[mode])
    if skip < last:
        yield tail[along(axis, slice(skip, last))]
