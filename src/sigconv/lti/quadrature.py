"""One integral of f(u) g(t - u) over many pieces, which share one tolerance."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from itertools import pairwise
from math import inf, isinf
from typing import NamedTuple

import numpy as np

from sigconv.core.dtypes import Array
from sigconv.errors import NonFiniteError
from sigconv.lti.features import Support
from sigconv.lti.functions import Function

__all__ = ["ROUNDING", "Estimate", "Place", "Product", "integrate"]

#: No integral is asked for closer than this, relative to the integral of the magnitude.
ROUNDING = 100 * float(np.finfo(float).eps)
# QUADPACK refuses less than 50 eps.
_FINEST = 1.2e-14
_ROUNDS = 4
_SUBDIVISIONS = 400


class Place(NamedTuple):
    """A point of the integral: u and s = t - u, of which one was rounded."""

    u: float
    s: float
    #: How close another break makes this one needless; 0 if none does.
    room: float = 0.0


class Product(NamedTuple):
    """f(u) g(s), where u + s = t; 0 where either is 0, whatever the other one is."""

    f: Function
    g: Function
    #: Where f and g may be called, which rounding must not leave.
    supports: tuple[Support, Support]
    t: float

    @property
    def is_complex(self) -> bool:
        """Whether a value of f or g was complex."""
        return self.f.is_complex or self.g.is_complex

    def factors(self, u: float, s: float) -> tuple[complex, complex]:
        """Return f(u) and g(s), with a finite product."""
        (a, b), (c, d) = self.supports
        left = self.f.at(min(max(u, a), b))
        if left == 0:
            return left, 0.0
        right = self.g.at(min(max(s, c), d))
        if right == 0:
            return 0.0, right
        if not abs(left * right) < inf:
            self._refuse(u, left, right)
        return left, right

    def _refuse(self, u: float, left: complex, right: complex) -> None:
        reasons = [str(f.complaint) for f in (self.f, self.g) if f.complaint is not None]
        reason = f" ({reasons[0]})" if reasons else ""
        raise NonFiniteError(
            f"f(u) g(t - u) must be finite over the range of integration; at t={self.t:.12g} and "
            f"u={u:.12g} it is {left:.6g} times {right:.6g}{reason}. Give supports=((low, high), "
            "(low, high)) that leave such points out, or kinks=(points of f, points of g) for "
            "single ones."
        )


class Estimate(NamedTuple):
    """An integral, the error it may have, and whether that was allowed."""

    value: complex
    error: float
    allowed: float


class _Piece(NamedTuple):
    """An interval, integrated over the one of u and s that is closer to 0 and thus finer."""

    low: float
    high: float
    #: v in (0, inf) stands for low + scale v, or high - scale v, where one of them is inf.
    scale: float
    #: Whether the variable is s.
    is_reversed: bool

    @classmethod
    def between(cls, first: Place, second: Place, scale: float) -> _Piece:
        u, s = ((first.u, second.u), (second.s, first.s))
        is_reversed = _reach(s) < _reach(u)
        return cls(*(s if is_reversed else u), scale, is_reversed)

    def place(self, product: Product, x: float) -> tuple[float, float]:
        """Return u and s at a value of the variable."""
        return (product.t - x, x) if self.is_reversed else (x, product.t - x)

    def _tail(self) -> tuple[float, float]:
        """Return the finite end of an infinite piece, and a step away from it."""
        return (self.low, self.scale) if isinf(self.high) else (self.high, -self.scale)

    def integral(self, product: Product, part: str, goal: float) -> tuple[float, float]:
        """Return the integral of the real or the imaginary part, and its estimated error."""
        from scipy.integrate import quad  # here: importing it takes a tenth of a second

        start, step, limits = 0.0, 1.0, (self.low, self.high)
        if isinf(self.low) or isinf(self.high):
            (start, step), limits = self._tail(), (0.0, inf)

        def integrand(v: float) -> float:
            left, right = product.factors(*self.place(product, start + step * v))
            number: float = getattr(left * right, part)
            return abs(step) * number

        # Full output (1): complaints are an item of the result, not a warning.
        found = quad(integrand, *limits, (), 1, goal, _FINEST, _SUBDIVISIONS)
        # Extrapolation sums divergent integrals too, that of 1/x^2 from 0 to 1 to -1.
        is_divergent = any("divergent" in str(item) for item in found[3:])
        return float(found[0]), inf if is_divergent else float(found[1])

    def size(self, product: Product) -> tuple[float, float]:
        """Return roughly the integral of the magnitude, and what rounding u and s does to it."""
        nodes, weights = _gauss()
        low, high = self.low, self.high
        if isinf(low) or isinf(high):
            # v = x/(1 - x) for x from 0 to 1.
            start, step = self._tail()
            points = start + step * nodes / (1 - nodes)
            weights = self.scale * weights / (1 - nodes) ** 2
        else:
            points = low + (high - low) * nodes
            weights = (high - low) * weights
        places = [self.place(product, x) for x in points.tolist()]
        u, s = np.abs(places).max(axis=0)
        left, right = np.array([product.factors(*place) for place in places]).T
        # An argument wrong by d changes the integral by at most d times a variation.
        slack = np.spacing(u) / 2 * (np.abs(np.diff(left)) @ np.abs(right[1:]))
        slack += np.spacing(s) / 2 * (np.abs(np.diff(right)) @ np.abs(left[1:]))
        return float(weights @ np.abs(left * right)), float(slack)


def _reach(ends: tuple[float, float]) -> float:
    """Return the larger magnitude of the ends; of a finite and an infinite end, the finite."""
    return max((abs(end) for end in ends if not isinf(end)), default=inf)


@cache
def _gauss() -> tuple[Array, Array]:
    """Return nodes and weights of Gauss and Legendre from 0 to 1."""
    nodes, weights = np.polynomial.legendre.leggauss(10)
    return (nodes + 1) / 2, weights / 2


def integrate(product: Product, breaks: Sequence[Place], atol: float, rtol: float) -> Estimate:
    """Integrate from the first to the last of rising `breaks`; these two may be infinite.

    The allowed error is the largest of `atol`, `rtol` times the magnitude of the integral, and
    what rounding does: to sums, `ROUNDING` times the integral of the magnitude, and to arguments.
    """
    pieces = _pieces(breaks)
    size, slack = np.sum([piece.size(product) for piece in pieces], axis=0).tolist()
    parts = ["real", "imag"] if product.is_complex else ["real"]
    jobs = [(piece, part) for part in parts for piece in pieces]
    allowed = max(atol, rtol * size, ROUNDING * size + slack)
    found = np.full((len(jobs), 2), inf)
    for _ in range(_ROUNDS):
        goal = allowed / (2 * len(jobs))
        for i in np.flatnonzero(~(found[:, 1] <= goal)).tolist():
            piece, part = jobs[i]
            found[i] = piece.integral(product, part, goal)
        sums = found[:, 0].reshape(len(parts), -1).sum(axis=1).tolist()
        value = complex(*sums) if len(parts) == 2 else sums[0]
        size = max(size, float(np.abs(found[:, 0]).sum()))
        before, allowed = allowed, max(atol, rtol * abs(value), ROUNDING * size + slack)
        error = float(found[:, 1].sum()) + slack
        if isinf(error):
            # What diverges in one round does so in the next, which takes long.
            break
        if error - slack <= allowed or allowed >= before:
            break
    if product.is_complex and len(parts) == 1:
        # Where it is complex, no node had come before.
        return integrate(product, breaks, atol, rtol)
    return Estimate(value, error, allowed + slack)


def _pieces(breaks: Sequence[Place]) -> list[_Piece]:
    """Return the intervals between breaks, those without an end as long as all others."""
    finite = [place.u for place in breaks if not isinf(place.u)]
    scale = (finite[-1] - finite[0]) or 1.0
    return [_Piece.between(first, second, scale) for first, second in pairwise(breaks)]
