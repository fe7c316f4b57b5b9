"""Index tuples, and new arrays, for arrays whose number and order of axes varies."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
import numpy.typing as npt

__all__ = ["along", "empty_ordered", "fill_around", "leading", "trailing"]

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


def fill_around(target: npt.NDArray[Any], box: tuple[slice, ...], data: npt.NDArray[Any]) -> None:
    """Copy `data` into the `box` on the last axes of `target`, and zeros around it."""
    inside: Index = ()
    lead = (slice(None),) * (target.ndim - len(box))
    for part, length in zip(box, target.shape[len(lead) :], strict=True):
        # On both sides of this axis, for what lies inside along the axes before it.
        for rim in (slice(0, part.start), slice(part.stop, length)):
            if rim.start != rim.stop and rim.stop:
                target[(*lead, *inside, rim)] = 0
        inside = (*inside, part)
    target[(*lead, *inside)] = data


def empty_ordered(
    shape: tuple[int, ...], dtype: Any, model: object, memory: npt.NDArray[Any] | None = None
) -> npt.NDArray[Any]:
    """Return a new array whose axes lie in memory in the order of those of `model`.

    What is not an array is taken to lie in C order. `memory` is flat, of the right size, and used
    if given.
    """
    if not isinstance(model, np.ndarray) or model.flags.c_contiguous:
        return np.empty(shape, dtype) if memory is None else memory.reshape(shape)
    # Axes that repeat one element have stride 0, and come first.
    keys = [(stride != 0, -abs(stride)) for stride in model.strides]
    order = sorted(range(len(keys)), key=keys.__getitem__)
    ordered = [shape[axis] for axis in order]
    made = np.empty(ordered, dtype) if memory is None else memory.reshape(ordered)
    return made.transpose(np.argsort(order))
