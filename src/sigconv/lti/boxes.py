"""A black box and what it is asked: calls that cannot disturb one another, and their comparison."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import numpy as np

from sigconv.core.dtypes import Array, DType, as_numeric
from sigconv.errors import DTypeError, NonFiniteError, OptionError, ShapeError
from sigconv.lti.verdicts import Check, Counterexample, described

__all__ = ["Box", "level", "verdict"]


class Box:
    """A black box that gets its own copies, with what its gain and precision were so far."""

    def __init__(self, f: Callable[[Array], Any], dtype: DType, rtol: float | None) -> None:
        if not callable(f):
            raise DTypeError(f"f must be callable with an array; got {type(f).__name__}.")
        if rtol is not None and not (isinstance(rtol, float | int) and 0 <= rtol < 1):
            raise OptionError(f"rtol must lie between 0 and 1; got {rtol!r}.")
        self.f, self.dtype, self.rtol = f, dtype, rtol
        self.eps = 0.0 if dtype.kind == "i" else float(np.finfo(dtype).eps)
        self.gain = 0.0
        self.is_new = True

    def __call__(self, x: Array) -> Array:
        """Return what f makes of a copy of x, as a copy in double precision or more."""
        try:
            # What overflows or divides by zero shows in the result.
            with np.errstate(all="ignore"):
                result = self.f(x.copy())
        except Exception as error:
            error.add_note(f"f was called with x = {described(x)}.")
            raise
        if result is None:
            raise DTypeError("f must return its output; got None. Return the array that it fills.")
        output = as_numeric(result, "what f returns")
        if output.dtype.kind in "fc":
            self.eps = max(self.eps, float(np.finfo(output.dtype).eps))
        # Wide enough for a b and a + b, and never f's own memory.
        wide = np.result_type(output, float) if output.dtype.kind in "fc" else float
        output = output.astype(wide)
        self._note(x, output)
        return output

    def _note(self, x: Array, output: Array) -> None:
        if self.is_new and not output.size:
            raise ShapeError("f must return at least one sample. Pass a larger shape.")
        if self.is_new and not np.isfinite(output).any():
            raise NonFiniteError(f"f returns no finite number for x = {described(x)}.")
        self.is_new = False
        if size := level(x):
            self.gain = max(self.gain, level(output) / size)

    def judged(
        self, example: Counterexample, reach: float, skip: Array | None = None
    ) -> Counterexample | None:
        """Return the counter-example with its deviation, None where rounding explains it.

        `reach` is the size of the inputs; nothing is expected where `skip` is true.
        """
        expected, got = example.expected, example.got
        if expected.shape != got.shape:
            return example
        with np.errstate(all="ignore"):
            gaps = np.abs(got - expected)
        same = (got == expected) | (np.isnan(got) & np.isnan(expected))
        gaps = np.where(same, 0.0, np.where(np.isnan(gaps), np.inf, gaps))
        if skip is not None:
            gaps[skip] = 0.0
        rtol = max(1e-7, self.eps**0.5) if self.rtol is None else self.rtol
        size = max(level(expected), level(got), self.gain * reach)
        if not gaps.max(initial=0.0) > rtol * size:
            return None
        where = np.unravel_index(int(gaps.argmax()), gaps.shape)
        return example._replace(deviation=float(gaps.max()), where=tuple(map(int, where)))

    def repeats(self, x: Array) -> Counterexample | None:
        """Compare two calls with the same input."""
        first, again = self(x), self(x)
        example = Counterexample("repeatability", (x,), None, None, first, again)
        return self.judged(example, level(x))


def verdict(name: str, box: Box, outcomes: Iterable[Counterexample | None]) -> Check:
    """Return the first counter-example among the outcomes, or that there is none."""
    count = 0
    for count, example in enumerate(outcomes, 1):
        if example is not None:
            # A law that seems to break may be an f that does not repeat itself.
            repeats = (box.repeats(x) for x in example.inputs)
            return Check(name, False, count, next(filter(None, repeats), example))
    return Check(name, True, count)


def level(values: Array) -> float:
    """The largest finite magnitude."""
    sizes = np.abs(values)
    return float(np.max(sizes, initial=0.0, where=np.isfinite(sizes)))
