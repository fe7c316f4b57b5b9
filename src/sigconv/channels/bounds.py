"""When sums of integers over channels are sure to fit."""

from __future__ import annotations

from math import prod

import numpy as np

from sigconv.channels.adjoint import transposed
from sigconv.channels.problem import ChannelProblem
from sigconv.core.dtypes import Array, DTypes
from sigconv.core.index_maps import index_map
from sigconv.core.integers import absolute_sum, check_integer_bound, check_signs

__all__ = ["check_adjoint_sums", "check_sums"]


def check_sums(
    x: Array, weight: Array, dtypes: DTypes, *others: Array | None, copies: int = 1
) -> None:
    """Raise IntegerOverflowError where sums of products of integers may not fit their dtype.

    A sample is met by each tap at most `copies` times; `others` are added.
    """
    if not dtypes.is_integer:
        return
    added = [other for other in others if other is not None]
    check_signs(dtypes, x, weight, *added)
    bound = sum(_largest(other) for other in added)
    if weight.size:
        bound += copies * _largest(x) * max(absolute_sum(taps) for taps in weight)
    check_integer_bound(bound, dtypes)


def check_adjoint_sums(
    problem: ChannelProblem, grad: Array, weight: Array, bias: Array | None = None
) -> None:
    """Raise IntegerOverflowError where the adjoint's sums of integers may not fit their dtype."""
    if problem.dtypes.is_integer:
        # A sample is met once by each tap, and once more for each copy of it in the padding.
        copies = prod(
            int(np.bincount(m[m >= 0], minlength=1).max()) for m in map(index_map, problem.axes)
        )
        check_sums(grad, transposed(weight, problem.groups), problem.dtypes, bias, copies=copies)


def _largest(array: Array) -> int:
    """Return the largest magnitude of integers."""
    return max(abs(int(array.min(initial=0))), int(array.max(initial=0)))
