"""Lending scratch memory: made once, used by one worker at a time, kept for the next call."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from math import prod

import numpy as np

from sigconv.core.dtypes import Array, DType

__all__ = ["Scratch", "borrow_scratch"]

_IDLE = 4
_IDLE_BYTES = 64 << 20

_LINE = 64
"""Bytes to which arrays are aligned: a line of the cache."""


class Scratch:
    """Memory for arrays that one worker writes and reads again."""

    def __init__(self) -> None:
        self._memory = np.empty(0, np.uint8)
        self._start = 0

    @property
    def nbytes(self) -> int:
        """The bytes held."""
        return self._memory.nbytes

    def arrays(self, sizes: list[int], dtype: DType) -> list[Array]:
        """Return one flat array of each size, holding whatever the last use left there."""
        steps = [-(-size * dtype.itemsize // _LINE) * _LINE for size in sizes]
        memory, start = self._aligned(sum(steps))
        made = []
        for size, step in zip(sizes, steps, strict=True):
            made.append(memory[start : start + size * dtype.itemsize].view(dtype))
            start += step
        return made

    def array(self, shape: tuple[int, ...], dtype: DType) -> Array:
        """Return one array, holding whatever the last use left there."""
        nbytes = prod(shape) * dtype.itemsize
        memory, start = self._aligned(nbytes)
        return memory[start : start + nbytes].view(dtype).reshape(shape)

    def _aligned(self, nbytes: int) -> tuple[Array, int]:
        """Return memory for so many bytes, and where in it a line of the cache begins."""
        if self._memory.size < nbytes + _LINE:
            self._memory = np.empty(nbytes + _LINE, np.uint8)
            self._start = -self._memory.ctypes.data % _LINE
        return self._memory, self._start


class _Idle:
    """Scratch that nobody uses, of no more bytes than are worth keeping."""

    def __init__(self) -> None:
        # A signal handler may convolve while the lock is held.
        self._lock = threading.RLock()
        self._kept: list[Scratch] = []
        self._nbytes = 0

    def take(self) -> Scratch:
        with self._lock:
            if not self._kept:
                return Scratch()
            scratch = self._kept.pop()
            self._nbytes -= scratch.nbytes
            return scratch

    def give(self, scratch: Scratch) -> None:
        with self._lock:
            if self._nbytes + scratch.nbytes <= _IDLE_BYTES and len(self._kept) < _IDLE:
                self._kept.append(scratch)
                self._nbytes += scratch.nbytes


_idle = _Idle()


@contextmanager
def borrow_scratch() -> Iterator[Scratch]:
    """Lend scratch to one worker."""
    idle = _idle
    scratch = idle.take()
    yield scratch
    # After an exception another thread may still be writing to it: it is not lent again.
    idle.give(scratch)


def _forget() -> None:
    """Begin anew, with a lock that no thread of a parent process holds."""
    global _idle
    _idle = _Idle()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget)
