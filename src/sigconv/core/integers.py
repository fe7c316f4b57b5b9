"""When integer results are sure to fit, and how many bits they need."""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from sigconv.core.boundary import Edge
from sigconv.core.dtypes import Array, DType, DTypes
from sigconv.errors import DTypeError, IntegerOverflowError

__all__ = [
    "IntegerBits",
    "absolute_sum",
    "check_integer_bound",
    "check_integer_range",
    "check_signs",
]

# What floating dtypes hold exactly, and the width of the sums.
_RESULT_LEVELS = (24, 53, 64)


class IntegerBits(NamedTuple):
    """Magnitudes stay below 2**bits: of the samples, of the taps, of every partial sum.

    They are rounded up, so that similar inputs share a plan: those of the sums to what float32,
    float64 and 64-bit integers hold.
    """

    signal: int
    kernel: int
    result: int

    @classmethod
    def of_dtypes(cls, signal: DType, kernel: DType) -> IntegerBits:
        """Return what is known before any sample is seen."""
        return cls(8 * signal.itemsize, 8 * kernel.itemsize, 64)

    @classmethod
    def of_bounds(cls, signal: int, kernel: int, result: int) -> IntegerBits:
        """Return the bits of three largest magnitudes."""
        samples, taps = -(-signal.bit_length() // 4) * 4, -(-kernel.bit_length() // 4) * 4
        needed = result.bit_length()
        few, many, most = _RESULT_LEVELS
        return cls(samples, taps, few if needed <= few else many if needed <= many else most)

    def covers(self, other: IntegerBits) -> bool:
        """Tell whether what holds for these magnitudes holds for `other`'s."""
        return all(mine >= theirs for mine, theirs in zip(self, other, strict=True))

    def __str__(self) -> str:
        return f"{self.signal}-bit samples, {self.kernel}-bit taps, sums of {self.result} bits"


def check_integer_range(
    signal: Array, kernel: Array, dtypes: DTypes, edges: Iterable[Edge] = ()
) -> IntegerBits:
    """Raise IntegerOverflowError when an exact result may not fit the result dtype.

    The bound is min(max|x| sum|h|, max|h| sum|x|), computed in unbounded integers. Where
    `edges` continue the signal, samples may repeat for every tap, and only the first holds.
    The bits of the magnitudes are returned.
    """
    if signal.size == 0 or kernel.size == 0:
        return IntegerBits(0, 0, _RESULT_LEVELS[0])
    beyond = [edge for edge in edges if not edge.is_zero]
    fills = [int(edge.fill.real) for edge in beyond if edge.rule == "constant"]
    x_low, x_high = _span(signal, *fills)
    h_low, h_high = _span(kernel)
    check_signs(dtypes, signal, kernel, *fills)
    x_max, h_max = max(-x_low, x_high), max(-h_low, h_high)
    terms = kernel.size if beyond else min(signal.size, kernel.size)
    bound = x_max * h_max * terms
    limit = _largest(dtypes.result)
    # A sharper bound is worth its passes where it may save an error or a wider computation.
    if bound > min(limit, 1 << _RESULT_LEVELS[0]):
        bound = x_max * absolute_sum(kernel)
    if bound > min(limit, 1 << _RESULT_LEVELS[1]) and not beyond:
        bound = min(bound, h_max * absolute_sum(signal))
    check_integer_bound(bound, dtypes)
    return IntegerBits.of_bounds(x_max, h_max, bound)


@cache
def _largest(dtype: DType) -> int:
    return int(np.iinfo(dtype).max)


def _span(array: Array, *values: int) -> tuple[int, int]:
    """Return the smallest and the largest of the elements, the values and 0."""
    low = 0 if array.dtype.kind in "bu" else int(array.min())
    return min(low, 0, *values), max(int(array.max()), 0, *values)


def check_signs(dtypes: DTypes, *arrays: npt.ArrayLike) -> None:
    """Raise DTypeError when negative numbers meet an unsigned result."""
    if dtypes.result.kind == "u" and any(np.min(a, initial=0) < 0 for a in arrays):
        raise DTypeError(
            f"dtype={dtypes.result} is unsigned, but an input holds negative numbers. "
            "Ask for a signed dtype."
        )


def check_integer_bound(bound: int, dtypes: DTypes) -> None:
    """Raise IntegerOverflowError when results of magnitude `bound` may not fit."""
    limit = _largest(dtypes.result)
    if bound > limit:
        raise IntegerOverflowError(
            f"integer results must fit {dtypes.result} (largest {limit}); these may reach "
            f"{bound}. Convolve x.astype(float), scale the inputs down, or use Python's unbounded "
            "integers: x.astype(object)."
        )


def absolute_sum(array: Array) -> int:
    """Return sum |a| exactly, by the halves of 64-bit words, which cannot overflow."""
    if array.dtype.kind == "b":
        return int(np.count_nonzero(array))
    wide = array.astype(np.uint64 if array.dtype.kind == "u" else np.int64)
    # Two's complement: the negation of int64's minimum is its own magnitude read unsigned.
    magnitude = np.where(wide < 0, -wide, wide).astype(np.uint64)
    low = int((magnitude & np.uint64(0xFFFFFFFF)).sum(dtype=np.uint64))
    high = int((magnitude >> np.uint64(32)).sum(dtype=np.uint64))
    return (high << 32) + low
