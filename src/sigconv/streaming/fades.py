"""From one kernel to the next, at once or by a fade."""

from __future__ import annotations

import numpy as np

from sigconv.core.dtypes import Array, DType

__all__ = ["Fade"]


class Fade:
    """The weights of a new kernel's outputs, w[m] = sin^2(pi (m+1/2) / (2 count)).

    Those of the old kernel's are 1 - w[m], the squares of cosines.
    """

    def __init__(self, count: int, dtype: DType, done: int = 0) -> None:
        self.count, self.done = count, done
        self._dtype = np.ones((), dtype).real.dtype

    @property
    def left(self) -> int:
        """The samples to come."""
        return self.count - self.done

    def mix(self, old: Array, new: Array, axis: int) -> Array:
        """Return the mixture of the next outputs, in place of the old ones."""
        size = old.shape[axis]
        shape = [1] * old.ndim
        shape[axis] = size
        angles = np.pi * (np.arange(self.done, self.done + size) + 0.5) / (2 * self.count)
        old *= (np.cos(angles) ** 2).astype(self._dtype).reshape(shape)
        new *= (np.sin(angles) ** 2).astype(self._dtype).reshape(shape)
        old += new
        self.done += size
        return old
