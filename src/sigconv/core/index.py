"""Index tuples, and new arrays, for arrays whose number and order of axes varies."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
import numpy.typing as npt

__all__ = ["along", "empty_ordered", "leading", "trailing"]

Index = tuple[Any, ...]


def along(axis: int, *parts: Any) -> Index:
    """Return the index that takes `parts` from axis `axis` on, and everything before it."""
    return (slice(None),) * axis + parts


def leading(parts: Iterable[Any]) -> Index:
    """Return the index that takes `parts` on the first axes; always a view, never a scalar."""
    return (*parts, ...)


def trailing(parts: Iterable[Any]) -> Index:
    """Return the index that takes `parts` on the last axes, and everything before them."""
    return (..., *parts)


def empty_ordered(shape: tuple[int, ...], dtype: Any, model: object) -> npt.NDArray[Any]:
    """Return a new array whose axes lie in memory in the order of those of `model`.

    What is not an array is taken to lie in C order.
    """
    if not isinstance(model, np.ndarray) or model.flags.c_contiguous:
        return np.empty(shape, dtype)
    # Axes that repeat one element have stride 0, and come first.
    keys = [(stride != 0, -abs(stride)) for stride in model.strides]
    order = sorted(range(len(keys)), key=keys.__getitem__)
    made = np.empty([shape[axis] for axis in order], dtype)
    return made.transpose(np.argsort(order))
