"""Samples and gains that go with the numbers of a system."""

from __future__ import annotations

from operator import index
from typing import Any

import numpy as np

from sigconv.core.dtypes import Array, DType, is_weak
from sigconv.errors import DTypeError, ShapeError
from sigconv.lti.node import Node
from sigconv.lti.numbers import as_coefficients
from sigconv.lti.taps import Taps

__all__ = ["gain_of", "matched", "output_dtype", "time_axis"]


def matched(node: Node, x: Array) -> tuple[Node, Array]:
    """Return both in numbers that go together."""
    if x.dtype.kind == "O" and not node.is_exact:
        if isinstance(node, Taps):
            return node, x
        raise DTypeError(
            "exact samples need exact coefficients; these are floats. Make the system of "
            "Fractions or Decimals, or pass x.astype(float)."
        )
    if node.is_exact and x.dtype.kind in "fc":
        return node.rounded(), x
    return (node, x.astype(object)) if node.is_exact else (node, x)


def output_dtype(node: Node, x: Array) -> DType:
    """Return the dtype of the response to samples such as x."""
    return node.respond(np.zeros((1,) * x.ndim, x.dtype)).dtype


def gain_of(gain: Any, node: Node, ndim: int) -> Taps | None:
    """Return a number as a response, which widens no floats if it is Python's; None for others."""
    factor = as_coefficients(gain, "a gain")
    if factor.ndim:
        return None
    if is_weak(gain) and node.dtype.kind in "fc":
        with np.errstate(over="ignore"):
            factor = factor.astype(np.result_type(gain, node.dtype))
        factor = as_coefficients(factor, "a gain")
    return Taps(factor.reshape((1,) * ndim), (0,) * ndim)


def time_axis(axis: Any, samples: Array, ndim: int) -> int:
    """Return the axis of time of samples for a system of `ndim` axes."""
    if samples.ndim < max(1, ndim):
        raise ShapeError(
            f"a system of {ndim} axes needs at least as many of x; got shape {samples.shape}."
        )
    try:
        found = index(axis)
    except TypeError:
        raise ShapeError(f"axis must be a whole number; got {axis!r}.") from None
    if not -samples.ndim <= found < samples.ndim or (ndim > 1 and found != -1):
        raise ShapeError(
            f"axis must be one of the {samples.ndim} of x, and -1 for a system of several axes; "
            f"got axis={axis} and {ndim} axes."
        )
    return found
