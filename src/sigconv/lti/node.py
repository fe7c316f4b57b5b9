"""What the parts of a system have in common: how they respond, and what is known of them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple, Protocol

import numpy.typing as npt

from sigconv.core.dtypes import Array, DType

__all__ = ["Cut", "Node", "Numbers", "Points"]

Numbers = npt.ArrayLike | Sequence[Any]
"""Arrays, and sequences of Fractions or Decimals too."""


class Points(NamedTuple):
    """Points w = z^-1 of the plane; the first of a circle of `period` of them, if it is given."""

    w: Array
    period: int | None = None


class Cut(NamedTuple):
    """The beginning of an impulse response, and a bound on the sum of the magnitudes beyond it."""

    taps: Array
    bound: float


class Node(Protocol):
    """A causal linear time-invariant system, at rest before its first sample."""

    @property
    def length(self) -> int | None:
        """The samples of the impulse response, None if it never ends."""

    @property
    def is_stable(self) -> bool:
        """Whether every bounded input has a bounded output."""

    @property
    def is_exact(self) -> bool:
        """Whether the coefficients are Python numbers."""

    @property
    def dtype(self) -> DType:
        """What the coefficients are."""

    @property
    def dc_gain(self) -> Any:
        """The sum of the impulse response; infinite where a pole makes it so."""

    def rounded(self) -> Node:
        """Return the same in floats."""

    def respond(self, x: Array) -> Array:
        """Return the response to samples on the last axis, as many as there are of them."""

    def evaluate(self, points: Points) -> Array:
        """Return the transfer function at points."""

    def fraction(self) -> tuple[Array, Array]:
        """Return the polynomials of the transfer function, in powers of z^-1."""

    def cut(self, tol: float) -> Cut:
        """Return the impulse response up to where the rest is proved to sum to `tol` at most."""

    def start(self) -> Callable[[Array], Array]:
        """Return what answers chunk after chunk of samples on the last axis."""
