"""Folding a signal to one period, as circular convolution sees it."""

from __future__ import annotations

import numpy as np

from sigconv.core.dtypes import Array, DTypes
from sigconv.core.integers import absolute_sum, check_integer_bound, check_signs

__all__ = ["fold"]


def fold(array: Array, axis: int, period: int, dtypes: DTypes) -> Array:
    """Return one period of the sum of all shifts of `array` by multiples of `period`."""
    size = array.shape[axis]
    if size in (0, period) or not period:
        return array
    front = np.moveaxis(array, axis, 0)
    if size < period:
        padded = np.zeros((period, *front.shape[1:]), array.dtype)
        padded[:size] = front
        return np.moveaxis(padded, 0, axis)
    if dtypes.is_integer:
        check_signs(dtypes, array)
        check_integer_bound(absolute_sum(array), DTypes(dtypes.compute, dtypes.compute))
    folded = np.zeros((period, *front.shape[1:]), dtypes.compute)
    with np.errstate(all="ignore"):
        for start in range(0, size, period):
            part = front[start : start + period]
            folded[: len(part)] += part.astype(dtypes.compute)
    return np.moveaxis(folded, 0, axis)
