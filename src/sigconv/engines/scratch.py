"""Lending scratch memory: made once, used by one worker at a time, kept for the next call."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from math import prod

import numpy as np

from sigconv.core.dtypes import Array, DType

__all__ = ["Scratch", "aligned", "borrow_scratch"]

_IDLE = 8
_IDLE_BYTES = 8 << 20

_LINE = 64
"""Bytes to which arrays are aligned: a line of the cache."""


class Scratch:
    """Memory for arrays that one worker writes and reads again."""

    def __init__(self) -> None:
        self._memory = np.empty(0, np.uint8)

    @property
    def nbytes(self) -> int:
        """The bytes held."""
        return self._memory.nbytes

    def arrays(self, sizes: list[int], dtype: DType) -> list[Array]:
        """Return one flat array of each size, holding whatever the last use left there."""
        return self.arrays_of(*((size, dtype) for size in sizes))

    def arrays_of(self, *kinds: tuple[int, DType]) -> list[Array]:
        """Return one flat array of each size and dtype, holding whatever the last use left."""
        steps = [-(-size * dtype.itemsize // _LINE) * _LINE for size, dtype in kinds]
        if self._memory.size < sum(steps) + _LINE:
            self._memory = np.empty(sum(steps) + _LINE, np.uint8)
        start = -self._memory.ctypes.data % _LINE
        made = []
        for (size, dtype), step in zip(kinds, steps, strict=True):
            made.append(self._memory[start : start + size * dtype.itemsize].view(dtype))
            start += step
        return made


def aligned(shape: tuple[int, ...], dtype: DType) -> Array:
    """Return a new array that begins where a line of the cache does."""
    return Scratch().arrays([prod(shape)], dtype)[0].reshape(shape)


# Appending to and popping from a deque is atomic.
_idle: deque[Scratch] = deque(maxlen=_IDLE)


@contextmanager
def borrow_scratch() -> Iterator[Scratch]:
    """Lend scratch to one worker."""
    try:
        scratch = _idle.pop()
    except IndexError:
        scratch = Scratch()
    yield scratch
    # After an exception another thread may still be writing to it: it is not lent again.
    if scratch.nbytes <= _IDLE_BYTES:
        _idle.append(scratch)
