"""Systems in series and in parallel."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial, reduce
from itertools import groupby
from math import isfinite, prod
from operator import add, mul
from typing import Any

import numpy as np

from sigconv.core.dtypes import Array, DType, check_objects
from sigconv.errors import MethodError
from sigconv.lti.node import Cut, Node, Points
from sigconv.lti.numbers import multiply, padded_sum
from sigconv.lti.recursion import section
from sigconv.lti.taps import Taps

__all__ = ["Parallel", "Series", "alike", "in_parallel", "in_series"]


class _Network:
    """Systems that make one, of which one at least never ends."""

    def __init__(self, parts: Sequence[Node]) -> None:
        self.parts = tuple(parts)

    @property
    def length(self) -> int | None:
        """None: the impulse response never ends."""
        return None

    @property
    def is_stable(self) -> bool:
        """Whether all parts are stable: what one cancels of another is not looked for."""
        return all(part.is_stable for part in self.parts)

    @property
    def is_exact(self) -> bool:
        """Whether the coefficients are Python numbers."""
        return all(part.is_exact for part in self.parts)

    @property
    def dtype(self) -> DType:
        """What the coefficients are."""
        return np.result_type(*(part.dtype for part in self.parts))


class Series(_Network):
    """One system after another: the convolution of their impulse responses."""

    @property
    def dc_gain(self) -> Any:
        """The product of those of the parts."""
        return prod(part.dc_gain for part in self.parts)

    def rounded(self) -> Node:
        """Return the same in floats."""
        return Series([part.rounded() for part in self.parts])

    def respond(self, x: Array) -> Array:
        """Return the response to samples on the last axis."""
        return reduce(lambda y, answer: answer(y), _answers(self.parts), x)

    def evaluate(self, points: Points) -> Array:
        """Return the product of the transfer functions."""
        with np.errstate(invalid="ignore"):
            return reduce(mul, (part.evaluate(points) for part in self.parts))

    def fraction(self) -> tuple[Array, Array]:
        """Return the polynomials of the transfer function, in powers of z^-1."""
        above, below = zip(*(part.fraction() for part in self.parts), strict=True)
        return reduce(multiply, above), reduce(multiply, below)

    def cut(self, tol: float) -> Cut:
        """Return the impulse response up to where the rest is proved to sum to `tol` at most.

        With parts f_i of which e_i at most is cut, the convolution of all is off by no more than
        the product of the (|f_i| + e_i) less that of the |f_i|, sums of magnitudes.
        """
        share = tol / (4 * len(self.parts))
        while True:
            cuts = [part.cut(share) for part in self.parts]
            sums = [float(np.abs(cut.taps).sum()) for cut in cuts]
            beyond, before = 0.0, 1.0
            for total, cut in zip(sums, cuts, strict=True):
                beyond = beyond * (total + cut.bound) + before * cut.bound
                before *= total
            if beyond <= tol / 2:
                break
            if not isfinite(beyond):
                raise MethodError("the parts of this system are too large to tell where to cut it.")
            share *= tol / (4 * beyond)
        count = sum(cut.taps.size for cut in cuts) - len(cuts) + 1
        return _trimmed(self.rounded(), count, beyond, tol)

    def start(self) -> Callable[[Array], Array]:
        """Return what answers chunk after chunk of samples on the last axis."""
        running = [part.start() for part in self.parts]
        return lambda x: reduce(lambda y, step: step(y), running, x)


class Parallel(_Network):
    """The sum of the outputs of systems that have one input."""

    @property
    def dc_gain(self) -> Any:
        """The sum of those of the parts."""
        return sum(part.dc_gain for part in self.parts)

    def rounded(self) -> Node:
        """Return the same in floats."""
        return Parallel([part.rounded() for part in self.parts])

    def respond(self, x: Array) -> Array:
        """Return the response to samples on the last axis."""
        return _sum(part.respond(x) for part in self.parts)

    def evaluate(self, points: Points) -> Array:
        """Return the sum of the transfer functions."""
        return _sum(part.evaluate(points) for part in self.parts)

    def fraction(self) -> tuple[Array, Array]:
        """Return the polynomials of the transfer function, in powers of z^-1."""

        def added(one: tuple[Array, Array], other: tuple[Array, Array]) -> tuple[Array, Array]:
            above = padded_sum(multiply(one[0], other[1]), multiply(other[0], one[1]))
            return above, multiply(one[1], other[1])

        return reduce(added, (part.fraction() for part in self.parts))

    def cut(self, tol: float) -> Cut:
        """Return the impulse response up to where the rest is proved to sum to `tol` at most."""
        cuts = [part.cut(tol / (2 * len(self.parts))) for part in self.parts]
        count = max(cut.taps.size for cut in cuts)
        return _trimmed(self.rounded(), count, sum(cut.bound for cut in cuts), tol)

    def start(self) -> Callable[[Array], Array]:
        """Return what answers chunk after chunk of samples on the last axis."""
        running = [part.start() for part in self.parts]
        return lambda x: _sum(step(x) for step in running)


def in_series(*parts: Node) -> Node:
    """Return one system after another; responses that end are convolved at once."""
    flat = alike(own for part in parts for own in _parts_of(part, Series))
    ending = [part for part in flat if isinstance(part, Taps)]
    others = [part for part in flat if not isinstance(part, Taps)]
    if ending:
        taps = reduce(_convolved, ending)
        is_needed = taps.taps.size != 1 or taps.taps.item() != 1 or any(taps.lag)
        others = [taps, *others] if is_needed or not others else others
    return others[0] if len(others) == 1 else Series(others)


def in_parallel(*parts: Node) -> Node:
    """Return the sum of systems; responses that end are added at once."""
    flat = alike(own for part in parts for own in _parts_of(part, Parallel))
    ending = [part for part in flat if isinstance(part, Taps)]
    others = [part for part in flat if not isinstance(part, Taps)]
    if ending:
        total = reduce(padded_sum, (taps.dense() for taps in ending))
        others = [Taps(total, (0,) * total.ndim), *others]
    return others[0] if len(others) == 1 else Parallel(others)


def _answers(parts: Iterable[Node]) -> Iterator[Callable[[Array], Array]]:
    """Yield what answers samples, for parts or for runs of them that SciPy takes in one pass."""
    for is_section, run in groupby(parts, lambda part: section(part) is not None):
        if not is_section:
            yield from (part.respond for part in run)
            continue
        from scipy.signal import sosfilt

        yield partial(sosfilt, np.array([section(part) for part in run]))


def _parts_of(part: Node, kind: type[Series] | type[Parallel]) -> Sequence[Node]:
    return part.parts if isinstance(part, kind) else (part,)


def _coefficients(part: Node) -> Array:
    return np.concatenate([values.ravel() for values in part.fraction()])


def alike(parts: Iterable[Node]) -> list[Node]:
    """Return parts whose numbers go together: whole ones take after the others, floats prevail."""
    made = list(parts)
    floats = [part.dtype for part in made if part.dtype.kind in "fc"]
    exact = [_coefficients(part) for part in made if part.is_exact and not floats]
    for other in exact[1:]:
        check_objects(exact[0], other)
    if not floats and not any(part.is_exact for part in made):
        return made
    dtype = np.result_type(*floats) if floats else np.dtype(object)
    return [
        Taps(part.taps.astype(dtype), part.lag)
        if isinstance(part, Taps) and part.dtype.kind == "i"
        else part.rounded()
        if floats
        else part
        for part in made
    ]


def _convolved(one: Taps, other: Taps) -> Taps:
    lag = tuple(map(sum, zip(one.lag, other.lag, strict=True)))
    return Taps(multiply(one.taps, other.taps), lag)


def _sum(arrays: Iterable[Array]) -> Array:
    return reduce(add, arrays)


def _trimmed(node: Node, count: int, beyond: float, tol: float) -> Cut:
    """Return as little of the first `count` samples as `tol` allows, beyond which is a bound."""
    impulse = np.zeros(count)
    impulse[0] = 1
    response = node.respond(impulse)
    # What follows each sample, the smallest added first.
    after = np.cumsum(np.abs(response[::-1]))[::-1] + beyond
    kept = max(1, int(np.count_nonzero(after > tol)))
    bound = float(after[kept]) if kept < count else beyond
    return Cut(response[:kept], bound)
