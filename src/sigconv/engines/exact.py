"""exact: Python's own numbers, int without bound, Fraction and Decimal, added without rounding.

Takes arrays of objects. Every product is a call into Python, some hundred times slower than an
integer of fixed width.
"""

from __future__ import annotations

from collections.abc import Iterator
from decimal import (
    MAX_EMAX,
    MAX_PREC,
    MIN_EMIN,
    Context,
    Inexact,
    Overflow,
    localcontext,
)
from math import prod
from typing import Any

from sigconv.core.blocks import BlockGrid, batch_cuts
from sigconv.core.dtypes import Array
from sigconv.core.gather import Tile
from sigconv.core.problem import Problem
from sigconv.engines.base import Machine
from sigconv.engines.direct_kernel import DirectKernel
from sigconv.engines.plan import Cost, Plan
from sigconv.errors import IntegerOverflowError

__all__ = ["ExactEngine"]

# Seconds per product and bytes per number, roughly: they depend on the numbers.
_PRODUCT = 1e-7
_NUMBER = 64


class ExactEngine:
    """The sum of products of Python objects."""

    name = "exact"
    blockwise = False

    def refusal(self, problem: Problem) -> str | None:
        """Say why `problem` cannot be computed this way, or return None."""
        if problem.dtypes.compute.kind == "O":
            return None
        if problem.dtypes.is_integer:
            return "integers are exact by every method; for Python's pass x.astype(object)"
        return f"{problem.dtypes.compute} rounds; pass int, Fraction or Decimal objects"

    def candidates(self, problem: Problem, machine: Machine) -> Iterator[Plan]:
        """Yield the one plan there is."""
        whole = tuple((axis.start, axis.stop) for axis in problem.axes)
        grid = BlockGrid(problem.axes, batch_cuts(problem, 1), whole)
        seconds = machine.call + prod(problem.result_shape) * prod(problem.taps) * _PRODUCT
        nbytes = prod(axis.length + axis.taps for axis in problem.axes) * _NUMBER
        yield Plan(problem, self.name, grid, Cost(seconds, nbytes), loop="numpy")

    def prepare(self, plan: Plan, kernel: Array) -> ExactKernel:
        """Keep the taps as they are."""
        return ExactKernel(plan, kernel)


class ExactKernel(DirectKernel):
    """The taps of a kernel of Python objects."""

    def apply(self, tile: Tile, out: Array, work: Any = None, *, watch: bool = False) -> None:
        """Write the outputs of one block; Decimals with as many digits as they need."""
        # Sums and products need no rounding, unless an exponent is beyond every limit.
        exact = Context(prec=MAX_PREC, Emax=MAX_EMAX, Emin=MIN_EMIN, traps=[Overflow, Inexact])
        try:
            with localcontext(exact):
                super().apply(tile, out, work, watch=watch)
        except (Overflow, Inexact):
            raise IntegerOverflowError(
                f"Decimal results must have exponents between {MIN_EMIN} and {MAX_EMAX}; these do "
                "not. Scale the inputs, or pass Fraction objects."
            ) from None
