"""When sums of integers over channels are sure to fit."""

from __future__ import annotations

from sigconv.core.dtypes import Array, DTypes
from sigconv.core.integers import absolute_sum, check_integer_bound, check_signs

__all__ = ["check_sums"]


def check_sums(x: Array, weight: Array, dtypes: DTypes, *others: Array | None) -> None:
    """Raise IntegerOverflowError where sums of products of integers may not fit their dtype."""
    if not dtypes.is_integer or not x.size or not weight.size:
        return
    added = [other for other in others if other is not None]
    check_signs(dtypes, x, weight, *added)
    largest = max(abs(int(x.min())), abs(int(x.max())))
    bound = largest * max(absolute_sum(taps) for taps in weight)
    bound += sum(max(abs(int(other.min())), abs(int(other.max()))) for other in added)
    check_integer_bound(bound, dtypes)
