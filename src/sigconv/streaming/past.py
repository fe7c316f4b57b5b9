"""The samples that a stream has heard, as far as a kernel reaches back."""

from __future__ import annotations

from math import prod
from typing import Any

import numpy as np

from sigconv.core.dtypes import Array, DType
from sigconv.core.index import along
from sigconv.core.nonfinite import clean

__all__ = ["Past", "Timed"]

# Bytes of a chunk.
_SMALL = 1 << 20


class Past:
    """The last `reach` samples along one axis, and room for `room` more.

    Parameters
    ----------
    shape : tuple of int
        The shape of what comes; what it says of the axis does not matter.
    axis : int
        The axis of time, not negative.
    reach, room : int
        Samples that are kept at least, and that come at most at a time.
    dtype : dtype
        What samples are held as.

    Attributes
    ----------
    samples : ndarray
        The samples of times from `start` on. Before `time` 0 are those that extend the signal,
        zeros at first; from `time` on nothing is heard yet.
    raw : ndarray or None
        The same with NaN and infinity, in whose place `samples` then has zeros; None without any.
    """

    def __init__(
        self, shape: tuple[int, ...], axis: int, reach: int, room: int, dtype: DType
    ) -> None:
        self.axis, self.reach, self.room = axis, reach, room
        # Twice what is kept: a sample is moved once, on average, and to where it did not lie. Where
        # that is little memory, only one chunk in three has samples moved.
        others = prod(shape[:axis]) * prod(shape[axis + 1 :])
        is_small = others * room * dtype.itemsize <= _SMALL
        length = 2 * reach + (3 if is_small else 1) * room
        self.samples = np.empty((*shape[:axis], length, *shape[axis + 1 :]), dtype)
        self.forget()

    def forget(self) -> None:
        """Begin anew, at time 0 after silence."""
        self.samples[...] = 0
        self.raw: Array | None = None
        self.start, self.time, self._last_bad = -self.reach, 0, 0

    @property
    def held(self) -> int:
        """The first time whose sample is held."""
        return max(self.start, self.time - self.reach)

    def append(self, chunk: Any, *, is_clean: Any = None) -> None:
        """Hear the next samples, at most `room` of them, as an array of the shape that comes.

        `is_clean` tells, of the place of the first and after the last of them, whether all are
        finite; without it they are kept as they are.
        """
        count = chunk.shape[self.axis]
        self._make_room(count)
        place = self.time - self.start
        here = along(self.axis, slice(place, place + count))
        self.samples[here] = chunk
        self.time += count
        if is_clean is not None:
            if is_clean(place, place + count):
                if self.raw is not None:
                    self.raw[here] = self.samples[here]
                    # Results of this chunk may still reach back to them.
                    if self.time - count - self._last_bad > self.reach:
                        self.raw = None
            else:
                self._set_aside(here)

    def extend_before(self, values: Array) -> None:
        """Put `values` before the first sample: the last of them at time -1, or one for all."""
        count = values.shape[self.axis]
        place = -self.start
        low = 0 if count == 1 else place - count
        here = along(self.axis, slice(low, place))
        self.samples[here] = values
        if self.raw is not None:
            self.raw[here] = values
        if not np.isfinite(values).all():
            self._set_aside(here)

    def _set_aside(self, here: Any) -> None:
        """Keep what is not finite apart."""
        if self.raw is None:
            self.raw = self.samples.copy()
        self.raw[here] = self.samples[here]
        self.samples[here] = clean(self.samples[here])
        self._last_bad = self.time

    def _make_room(self, count: int) -> None:
        length = self.samples.shape[self.axis]
        place = self.time - self.start
        if place + count <= length:
            return
        arrays = [self.samples] if self.raw is None else [self.samples, self.raw]
        for array in arrays:
            # Row by row: of all at once NumPy would make a copy, as they lie between one another.
            for index in np.ndindex(array.shape[: self.axis]):
                row = array[index]
                row[: self.reach] = row[place - self.reach : place]
        self.start = self.time - self.reach

    def state(self) -> dict[str, Any]:
        """Return what `restore` takes."""
        kept = along(self.axis, slice(self.held - self.start, self.time - self.start))
        source = self.samples if self.raw is None else self.raw
        return {"time": self.time, "samples": source[kept].copy()}

    def restore(self, state: dict[str, Any], *, keeps_bad: bool) -> None:
        """Take over samples; those that are not finite stay among the others if `keeps_bad`."""
        self.forget()
        samples = state["samples"]
        self.time = state["time"]
        self.start = self.time - self.reach
        kept = along(self.axis, slice(max(0, samples.shape[self.axis] - self.reach), None))
        samples = samples[kept]
        here = along(self.axis, slice(self.reach - samples.shape[self.axis], self.reach))
        self.samples[here] = samples
        if not keeps_bad and not np.isfinite(samples).all():
            self._set_aside(here)


class Timed:
    """A past as a source that is sliced by time, as far as it is held.

    `order` are the axes in canonical layout; the signal has `size` samples.
    """

    def __init__(self, past: Past, size: int, order: tuple[int, ...]) -> None:
        self._array = past.samples if past.raw is None else past.raw
        self._order, self._time = order, order.index(past.axis)
        self._start = past.start
        shape = list(self._array.shape)
        shape[past.axis] = size
        self.shape = tuple(shape[axis] for axis in order)
        self.dtype = self._array.dtype

    def __getitem__(self, key: tuple[slice, ...]) -> Array:
        """Return a view of samples."""
        own = list(key)
        part = key[self._time]
        own[self._time] = slice(part.start - self._start, part.stop - self._start)
        samples: Array = self._array.transpose(self._order)[tuple(own)]
        return samples
