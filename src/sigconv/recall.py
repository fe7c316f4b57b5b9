"""Calls remembered by their arguments, so that one like an earlier one starts to compute at once.

Describing and planning a call take longer than a small sum. What they come to depends on shapes,
dtypes and keywords, which are a key of a dictionary here. Equal keys have to mean the same:
1 == 1.0 == True, but only integers number axes. So keywords of rare types are not remembered, and
go the long way each time.
"""

from __future__ import annotations

from collections.abc import Hashable
from typing import Any, Generic, TypeVar

import numpy as np

from sigconv.core.dtypes import Array
from sigconv.engines import compiled
from sigconv.fft import current_backend

__all__ = ["Arguments", "Memory", "key_of"]

T = TypeVar("T")

Arguments = tuple[Any, ...]
"""The keywords that decide what is computed, as the fields of `Options` follow one another."""

# Plans and indices of a few kilobytes each.
_MOST_CALLS = 256


def key_of(
    signal: Array, kernel: Array, weak: bool, method: object, arguments: Arguments
) -> Hashable | None:
    """Return what a call is remembered by, None where its keywords do not tell."""
    mode, axes, boundary, fill, center, policy, dtype, rtol, _, lag = arguments
    if not (axes is None or type(axes) is int or _is_whole(axes)):
        return None
    if not (center is None or type(center) is int or _is_whole(center)):
        return None
    if not (lag is None or type(lag) is int or _is_whole(lag)):
        return None
    # NaN differs from itself, and an array compares by element.
    if type(fill) not in _NUMBERS or fill != fill:
        return None
    if not (rtol is None or type(rtol) is float):
        return None
    if not (dtype is None or isinstance(dtype, str | type | np.dtype)):
        return None
    if type(mode) is not str or type(policy) is not str or type(method) is not str:
        return None
    if type(boundary) is not str and not _is_text(boundary):
        return None
    return (
        signal.shape,
        signal.dtype,
        kernel.shape,
        kernel.dtype,
        weak,
        method,
        arguments,
        # Plans change with the library that transforms, and with the loops that are loaded.
        current_backend(),
        compiled.loaded(),
    )


_NUMBERS = frozenset((int, float, complex))


def _is_whole(value: object) -> bool:
    return type(value) is tuple and all(item is None or type(item) is int for item in value)


def _is_text(value: object) -> bool:
    return type(value) is tuple and all(type(item) is str or _is_text(item) for item in value)


class Memory(Generic[T]):
    """A dictionary of the latest keys, for many threads; the oldest make room for new ones."""

    def __init__(self, size: int = _MOST_CALLS) -> None:
        self._size = size
        self._values: dict[Hashable, T] = {}

    def find(self, key: Hashable | None) -> T | None:
        """Return what `key` stands for, None where it is not remembered."""
        return self._values.get(key)

    def keep(self, key: Hashable | None, value: T) -> None:
        """Remember `value`, unless the key is None."""
        if key is None:
            return
        # Each step is one of the dictionary's own, and needs no lock, which a child that is forked
        # meanwhile would find taken for ever.
        while len(self._values) >= self._size:
            self._values.pop(_oldest(self._values), None)
        self._values[key] = value

    def __len__(self) -> int:
        return len(self._values)


def _oldest(values: dict[Hashable, T]) -> Hashable | None:
    """Return the first key; None, which stands for nothing, where another thread was faster."""
    try:
        return next(iter(values), None)
    except RuntimeError:
        return None
