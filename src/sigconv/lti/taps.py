"""Systems whose impulse response ends: taps behind a delay."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from sigconv.convolution import convolve
from sigconv.core.dtypes import Array, DType
from sigconv.lti.node import Cut, Points
from sigconv.lti.numbers import as_floats, evaluate
from sigconv.streaming import StreamConvolver

__all__ = ["Taps"]

# Horner's rule takes a pass over the points for each tap; one FFT takes about as long as so many.
_FEW = 64


class Taps:
    """An impulse response of one or more axes, that begins after `lag` zeros on each.

    Parameters
    ----------
    taps : ndarray
        The response from there on.
    lag : tuple of int
        A delay for each axis, none negative.
    """

    def __init__(self, taps: Array, lag: tuple[int, ...]) -> None:
        self.taps, self.lag = taps, lag

    @property
    def shape(self) -> tuple[int, ...]:
        """The shape of the response, the zeros included."""
        return tuple(lag + size for lag, size in zip(self.lag, self.taps.shape, strict=True))

    @property
    def length(self) -> int | None:
        """The samples along the last axis."""
        return self.shape[-1]

    @property
    def is_stable(self) -> bool:
        """True: what ends is summable."""
        return True

    @property
    def is_exact(self) -> bool:
        """Whether the taps are Python numbers."""
        return self.taps.dtype.kind == "O"

    @property
    def dtype(self) -> DType:
        """What the taps are."""
        return self.taps.dtype

    @property
    def dc_gain(self) -> Any:
        """The sum of the impulse response."""
        return self.taps.sum()

    def dense(self) -> Array:
        """Return the response with its zeros."""
        made = np.zeros(self.shape, self.taps.dtype)
        made[tuple(slice(lag, None) for lag in self.lag)] = self.taps
        return made

    def rounded(self) -> Taps:
        """Return the same in floats."""
        return Taps(as_floats(self.taps), self.lag)

    def respond(self, x: Array) -> Array:
        """Return the response to samples on the last axes, as many as there are of them."""
        axes = tuple(range(-self.taps.ndim, 0))
        sizes = [max(0, x.shape[axis] - lag) for axis, lag in zip(axes, self.lag, strict=True)]
        first: list[Any] = [slice(0, size) for size in sizes]
        heard = x[(..., *first)]
        made = convolve(heard, self.taps, "same", center=(0,) * len(axes), axes=axes)
        if not any(self.lag):
            return made
        late = np.zeros(x.shape, made.dtype)
        last: list[Any] = [
            slice(x.shape[axis] - size, None) for axis, size in zip(axes, sizes, strict=True)
        ]
        late[(..., *last)] = made
        return late

    def evaluate(self, points: Points) -> Array:
        """Return sum_n h[n] w^n at the points w."""
        h = self.dense()
        h = h.astype(np.result_type(h, float))
        if points.period is None or h.size <= _FEW:
            return evaluate(h, points.w)
        # On a grid of the circle, w^n repeats.
        folded = np.zeros(-(-h.size // points.period) * points.period, h.dtype)
        folded[: h.size] = h
        spectrum: Array = np.fft.fft(folded.reshape(-1, points.period).sum(axis=0))
        return spectrum[: points.w.size]

    def fraction(self) -> tuple[Array, Array]:
        """Return the polynomials of the transfer function, in powers of z^-1."""
        return self.dense(), np.ones(1, self.taps.dtype)

    def cut(self, tol: float) -> Cut:
        """Return all of it: nothing is cut."""
        del tol
        return Cut(as_floats(self.dense()), 0.0)

    def start(self) -> Callable[[Array], Array]:
        """Return what answers chunk after chunk of samples on the last axis."""
        answer = StreamConvolver(self.taps, axis=-1).process
        return _Late(answer, self.lag[-1]) if self.lag[-1] else answer


class _Late:
    """Outputs some samples late, whatever is among them."""

    def __init__(self, answer: Callable[[Array], Array], lag: int) -> None:
        self._answer, self._lag = answer, lag
        self._waiting: Array | None = None

    def __call__(self, x: Array) -> Array:
        made = self._answer(x)
        if self._waiting is None:
            self._waiting = np.zeros((*made.shape[:-1], self._lag), made.dtype)
        both = np.concatenate([self._waiting, made], axis=-1)
        self._waiting = both[..., made.shape[-1] :].copy()
        return both[..., : made.shape[-1]]
