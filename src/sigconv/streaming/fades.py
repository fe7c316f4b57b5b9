"""From one kernel to the next, at once or by a fade."""

from __future__ import annotations

import numpy as np

from sigconv.core.dtypes import Array, DType

__all__ = ["Fade"]


class Fade:
    """The weights of a new kernel's outputs, w[m] = sin^2(pi (m+1/2) / (2 count)).

    Those of the old kernel's are 1 - w[m] = w[count-1-m].
    """

    def __init__(self, count: int, dtype: DType, done: int = 0) -> None:
        self.count, self.done = count, done
        angles = np.pi * (np.arange(count) + 0.5) / (2 * count)
        self._weights = (np.sin(angles) ** 2).astype(np.ones((), dtype).real.dtype)

    @property
    def left(self) -> int:
        """The samples to come."""
        return self.count - self.done

    def mix(self, old: Array, new: Array, axis: int) -> Array:
        """Return the mixture of the next outputs, in place of the old ones."""
        size = old.shape[axis]
        shape = [1] * old.ndim
        shape[axis] = size
        low, high = self.done, self.done + size
        rising = self._weights[low:high]
        falling = self._weights[self.count - high : self.count - low][::-1]
        old *= falling.reshape(shape)
        new *= rising.reshape(shape)
        old += new
        self.done = high
        return old
