"""What a check of a black box found: the verdict, and the counter-example in words."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from sigconv.core.dtypes import Array

__all__ = ["Check", "Counterexample", "described"]


class Counterexample(NamedTuple):
    """Inputs for which a black box f breaks a law.

    Attributes
    ----------
    law : {"homogeneity", "additivity", "delay", "shift", "repeatability"}
        What was expected: f(a x) = a f(x); f(x + y) = f(x) + f(y); f(x delayed) = f(x) delayed;
        f(x moved) = f(x) moved; f(x) = f(x) when called again.
    inputs : tuple of ndarray
        (x,), (x, y) for additivity, (x, delayed x) for delay, (x, moved x) for shift.
    factor : number or None
        The a of homogeneity.
    shift : int, tuple of int or None
        Samples of delay; for shift, how far x was moved along each axis of space.
    expected, got : ndarray
        The right and the left side of the law. Under a delay, `expected` begins with `shift`
        samples that are NaN: nothing is expected of them.
    deviation : float
        The largest distance between the two; infinite where their shapes differ, or where one
        alone is infinite or NaN.
    where : tuple of int or None
        Its index in both; None where their shapes differ.
    response_shift : tuple of int or None
        For shift, how far f(x) should move.
    """

    law: str
    inputs: tuple[Array, ...]
    factor: complex | None
    shift: int | tuple[int, ...] | None
    expected: Array
    got: Array
    deviation: float = np.inf
    where: tuple[int, ...] | None = None
    response_shift: tuple[int, ...] | None = None

    @property
    def statement(self) -> str:
        """What does not hold."""
        if self.law == "homogeneity":
            if not self.factor:
                return "f(0) is not 0"
            a = "-" if self.factor == -1 else f"{_factor(self.factor)} "
            return f"f({a}x) differs from {a}f(x)"
        if self.law == "additivity":
            return "f(x + y) differs from f(x) + f(y)"
        if self.law == "delay":
            return f"f(x delayed by {self.shift}) differs from f(x) delayed by {self.shift}"
        if isinstance(self.shift, tuple) and self.response_shift is not None:
            moved, by = _index(self.shift), _index(self.response_shift)
            return f"f(x moved by {moved}) differs from f(x) moved by {by}"
        return "two calls of f with the same x differ; f is random, or keeps a state"

    def __str__(self) -> str:
        names = "xy" if self.law == "additivity" else "x"
        if self.law == "homogeneity" and not self.factor:
            names = ""
        lines = [self.statement, self._place()]
        lines += [f"{name} = {described(x)}" for name, x in zip(names, self.inputs, strict=False)]
        return "\n".join(lines)

    def _place(self) -> str:
        if self.where is None:
            return f"expected the shape {self.expected.shape}, got {self.got.shape}"
        expected, got = self.expected[self.where], self.got[self.where]
        place = f"at sample {_index(self.where)}: " if self.where else ""
        right, left = _number(expected), _number(got)
        if right == left:
            right, left = f"{expected:.17g}", f"{got:.17g}"
        return f"{place}expected {right}, got {left}"


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Check:
    """The verdict on a black box; true where the property holds, and ``print`` explains it.

    Attributes
    ----------
    property : {"linear", "time-invariant", "shift-equivariant"}
        What was checked.
    holds : bool
        Whether no counter-example was found.
    trials : int
        Comparisons made.
    counterexample : Counterexample or None
        The first, and so the simplest, that was found.
    """

    property: str
    holds: bool
    trials: int
    counterexample: Counterexample | None = None

    def __bool__(self) -> bool:
        return self.holds

    def __repr__(self) -> str:
        verdict = "holds" if self.holds else "refuted"
        return (
            f"<Check: {self.property}, {verdict} after {self.trials} comparisons; print explains>"
        )

    def __str__(self) -> str:
        example = self.counterexample
        if example is None:
            return (
                f"{self.property}, as far as {self.trials} comparisons tell: no counter-example\n"
                "Examples can refute it, and never prove it."
            )
        refuted = "repeatable" if example.law == "repeatability" else self.property
        return f"not {refuted}: {example}"


def described(x: Array) -> str:
    """Return a signal in words: an impulse, a stretch, or the samples that are not 0.

    >>> described(np.array([0.0, 0, 2, 0]))
    '2 at sample 2 of 4, 0 elsewhere'
    >>> described(np.array([0.0, 1, 1, 1]))
    '1 at samples 1 to 3 of 4, 0 elsewhere'
    """
    places = np.argwhere(x != 0)
    size = " x ".join(map(str, x.shape))
    if not len(places):
        return f"0 at all {size} samples"
    if len(places) == 1:
        place = tuple(map(int, places[0]))
        return f"{_number(x[place])} at sample {_index(place)} of {size}, 0 elsewhere"
    if x.ndim > 1:
        return f"{size} samples, {len(places)} of them not 0, the largest {np.abs(x).max():.4g}"
    first, last = int(places[0, 0]), int(places[-1, 0])
    stretch = x[first : last + 1]
    around = ", 0 elsewhere" if len(stretch) < len(x) else ""
    if (stretch == stretch[0]).all():
        values = _number(stretch[0])
    else:
        values = np.array2string(stretch, precision=4, threshold=8, edgeitems=4, max_line_width=200)
    return f"{values} at samples {first} to {last} of {size}{around}"


def _factor(value: complex) -> str:
    if value.imag and not value.real:
        return f"{value.imag:.4g}j"
    return f"({value:.4g})" if value.imag else f"{value.real:.4g}"


def _index(where: tuple[int, ...]) -> str:
    return str(where[0]) if len(where) == 1 else str(where)


def _number(value: Any) -> str:
    return f"{value + 0:.6g}"  # + 0: no -0
