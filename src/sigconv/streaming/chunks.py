"""What a stream knows of its chunks: their shape, and the dtypes that came so far."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from sigconv.core.boundary import Edges
from sigconv.core.dtypes import Array, DType, DTypes, as_numeric, is_weak
from sigconv.core.integers import absolute_sum, check_integer_bound, check_signs
from sigconv.errors import DTypeError, IntegerOverflowError, ShapeError

__all__ = ["Chunks", "check_worst_case"]


@dataclass(slots=True)
class Chunks:
    """The chunks of a stream.

    Attributes
    ----------
    axis : int
        The axis of time, not negative.
    others : tuple of int or None
        The shape of a chunk without it, None before anything is known.
    dtypes : DTypes or None
        What they are convolved in.
    known : frozenset of dtype
        The dtypes that came so far.
    """

    axis: int = 0
    others: tuple[int, ...] | None = None
    dtypes: DTypes | None = None
    known: frozenset[DType] = frozenset()

    def fit(self, chunk: Array) -> bool:
        """Tell whether chunks like this have come before."""
        return chunk.dtype in self.known and self._has_others(chunk.shape)

    def _has_others(self, shape: tuple[int, ...]) -> bool:
        axis, others = self.axis, self.others
        return (
            others is not None
            and len(shape) == len(others) + 1
            and shape[:axis] + shape[axis + 1 :] == others
        )

    def shape(self, count: int) -> tuple[int, ...]:
        """Return the shape of a chunk of so many samples."""
        shape = list(self.others or ())
        shape.insert(self.axis, count)
        return tuple(shape)

    def as_array(self, chunk: Any) -> Array:
        """Return a chunk as an array of numbers; Python's take a dtype that came before."""
        array = as_numeric(chunk, "chunk")
        if not is_weak(chunk) or array.dtype in self.known:
            return array
        for dtype in self.known:
            if dtype.kind in "fc" and (array.dtype.kind != "c" or dtype.kind == "c"):
                return array.astype(dtype)
            if dtype.kind in "iu" and array.dtype.kind in "biu":
                converted = array.astype(dtype)
                if (converted == array).all():
                    return converted
        return array

    def check(self, shape: tuple[int, ...], dtypes: DTypes, dtype: DType) -> None:
        """Raise ShapeError or DTypeError unless chunks may have that shape and those dtypes."""
        if self.others is not None and not self._has_others(shape):
            known = list(map(str, self.others))
            known.insert(self.axis, "any")
            raise ShapeError(
                f"chunks of this stream have shape ({', '.join(known)}); got {shape}. "
                "Make a stream for each shape."
            )
        if self.dtypes is not None and dtypes != self.dtypes and np.prod(shape):
            raise DTypeError(
                f"this stream gives {self.dtypes.result}; a chunk of {dtype} would make it "
                f"{dtypes.result}. Convert the chunk, or make the stream with "
                f"dtype={dtypes.result.name!r}."
            )


def check_worst_case(
    dtype: DType, kernel: Array, dtypes: DTypes, edges: Edges, fill: complex
) -> None:
    """Raise IntegerOverflowError where samples of `dtype` may give sums that do not fit."""
    largest = 1 if dtype.kind == "b" else max(-int(np.iinfo(dtype).min), int(np.iinfo(dtype).max))
    if any(edge.rule == "constant" for edge in edges):
        largest = max(largest, abs(int(fill.real)))
    check_signs(dtypes, kernel)
    bound = largest * absolute_sum(kernel)
    try:
        check_integer_bound(bound, dtypes)
    except IntegerOverflowError:
        raise IntegerOverflowError(
            f"integer results must fit {dtypes.result}, whatever comes: samples of {dtype} may "
            f"reach {bound} with this kernel. Pass chunks of a narrower dtype, or dtype=float, or "
            "Python's unbounded integers: chunk.astype(object)."
        ) from None
