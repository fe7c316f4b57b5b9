"""Probabilities on consecutive points: rounded ones with their logarithms, or Fractions."""

from __future__ import annotations

from fractions import Fraction
from math import log

import numpy as np

from sigconv.core.dtypes import Array

__all__ = ["TINY", "Masses"]

TINY = 1e-290
"""Below it a float64 may soon lose digits; logarithms keep them."""


class Masses:
    """Probabilities that sum to 1, the first and the last of them positive.

    Attributes
    ----------
    p : ndarray of float64 or of Fraction
        The probabilities. Rounded ones below the smallest float64 are 0 here.
    """

    __slots__ = ("_logs", "p")

    def __init__(self, p: Array, logs: Array | None = None) -> None:
        self.p, self._logs = p, logs
        for array in (p, logs):
            if array is not None:
                array.flags.writeable = False

    @classmethod
    def from_logs(cls, logs: Array) -> Masses:
        """Return exp(logs), scaled to sum to 1; -inf where nothing can be."""
        top = logs.max()
        logs = logs - (top + np.log(np.exp(logs - top).sum()))
        p = np.exp(logs)
        return cls(p / p.sum(), logs)

    @classmethod
    def from_floats(cls, p: Array) -> Masses:
        """Return `p` scaled to sum to 1."""
        total = p.sum()
        # A rounding of the sum is no reason to change what somebody wrote.
        return cls(p.copy() if abs(total - 1) < 1e-15 else p / total)

    @property
    def size(self) -> int:
        """The number of points."""
        return int(self.p.size)

    @property
    def is_exact(self) -> bool:
        """Whether the probabilities are Fractions."""
        return self.p.dtype.kind == "O"

    @property
    def has_tiny(self) -> bool:
        """Whether some probabilities are, or are nearly, too small for float64."""
        return not self.is_exact and bool((self.p[self.occurs] < TINY).any())

    @property
    def logs(self) -> Array:
        """Natural logarithms of the probabilities, -inf for 0."""
        if self._logs is None:
            self._logs = _exact_logs(self.p) if self.is_exact else _logs(self.p)
            self._logs.flags.writeable = False
        return self._logs

    @property
    def occurs(self) -> Array:
        """Which points have a positive probability."""
        if self._logs is not None:
            return np.asarray(self._logs > -np.inf)
        return np.asarray(self.p > 0, bool)

    def rounded(self) -> Masses:
        """Return them in float64."""
        if not self.is_exact:
            return self
        return Masses(self.p.astype(float), self.logs)

    def mirrored(self) -> Masses:
        """Return them in reverse order."""
        logs = None if self._logs is None else self._logs[::-1].copy()
        return Masses(self.p[::-1].copy(), logs)

    def spread(self, every: int, before: int = 0, size: int | None = None) -> Masses:
        """Return them `every` so many points, `before` zeros first, `size` points in all."""
        if every == 1 and not before and size in (None, self.size):
            return self
        last = before + every * (self.size - 1)
        shape = last + 1 if size is None else size
        p = np.full(shape, Fraction(0)) if self.is_exact else np.zeros(shape)
        p[before : last + 1 : every] = self.p
        if self._logs is None:
            return Masses(p)
        logs = np.full(shape, -np.inf)
        logs[before : last + 1 : every] = self._logs
        return Masses(p, logs)

    def thinned(self, every: int) -> Masses:
        """Return the points 0, every, 2 every, ...; the others must be impossible."""
        logs = None if self._logs is None else self._logs[::every].copy()
        return Masses(self.p[::every].copy(), logs)


def _logs(p: Array) -> Array:
    with np.errstate(divide="ignore"):
        return np.log(p)


def _exact_logs(p: Array) -> Array:
    return np.array([log(f.numerator) - log(f.denominator) if f else -np.inf for f in p])
