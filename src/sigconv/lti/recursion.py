"""Systems whose outputs feed back: rational transfer functions, and how fast they forget."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from fractions import Fraction
from typing import Any

import numpy as np

from sigconv.core.dtypes import Array, DType, check_objects
from sigconv.errors import KernelError, MethodError, NonFiniteError
from sigconv.lti.node import Cut, Node, Points
from sigconv.lti.numbers import as_floats, evaluate
from sigconv.lti.stability import is_stable
from sigconv.lti.taps import Taps

__all__ = ["Recursion", "rational", "section"]

# An impulse response is not made longer than this to be cut.
_LONGEST = 1 << 26

# Rounding in sums of magnitudes is far below this.
_ROUNDING = 1 + 1e-6

# Coefficients whose magnitudes sum to less tell at once how fast a response dies out. Next to 1
# the responses of a recursion of few coefficients tell it more sharply.
_EASY, _SHORT = 0.95, 50

# Values of such responses.
_MOST = 1 << 24

# Samples for each coefficient from which on whole blocks at once are faster.
_LEAP = 32


class Recursion:
    """y[n] = sum_k b[k] x[n-k] - sum_{k>0} a[k] y[n-k], with a[0] = 1."""

    def __init__(self, b: Array, a: Array) -> None:
        self.b, self.a = b, a

    @property
    def length(self) -> int | None:
        """None: the impulse response never ends."""
        return None

    @property
    def is_exact(self) -> bool:
        """Whether the coefficients are Python numbers."""
        return self.b.dtype.kind == "O"

    @property
    def is_stable(self) -> bool:
        """Whether all roots of the denominator are inside the unit circle."""
        return is_stable(self.a)

    @property
    def dtype(self) -> DType:
        """What the coefficients are."""
        return self.b.dtype

    @property
    def dc_gain(self) -> Any:
        """The sum of the impulse response; infinite for a pole at 1."""
        above, below = self.b.sum(), self.a.sum()
        if below == 0:
            return np.nan if above == 0 else np.inf
        # The quotient of two integers would be a float.
        return Fraction(above, below) if type(above) is type(below) is int else above / below

    def rounded(self) -> Recursion:
        """Return the same in floats."""
        return Recursion(as_floats(self.b), as_floats(self.a))

    def respond(self, x: Array) -> Array:
        """Return the response to samples on the last axis."""
        if self.is_exact:
            check_objects(x, np.concatenate([self.b, self.a]))
            return _respond_exactly(self.b, self.a, x)
        if x.dtype == np.float16:
            x = x.astype(np.float32)
        if _leap_of(self.a):
            return _Leaping(self, Taps(self.b, (0,)).respond)(x)
        from scipy.signal import lfilter

        made: Array = lfilter(self.b, self.a, x)
        return made

    def evaluate(self, points: Points) -> Array:
        """Return B(w) / A(w) at the points w, infinite at poles."""
        above, below = evaluate(self.b, points.w), evaluate(self.a, points.w)
        with np.errstate(divide="ignore", invalid="ignore"):
            made: Array = above / below
        return made

    def fraction(self) -> tuple[Array, Array]:
        """Return the polynomials of the transfer function, in powers of z^-1."""
        return self.b, self.a

    def cut(self, tol: float) -> Cut:
        """Return the impulse response up to where the rest is proved to sum to `tol` at most.

        Behind the numerator the last values s of the response determine all that follow: their
        magnitudes sum to no more than `forgetting` max|s|.
        """
        if not self.is_stable:
            raise MethodError(
                "the impulse response does not die out: the system is not stable. Use "
                "impulse_response(n)."
            )
        system = self.rounded()
        order, gain = self.a.size - 1, _forgetting(system.a)
        count = max(1024, 4 * (self.b.size + order))
        while count <= _LONGEST:
            impulse = np.zeros(count, system.b.dtype)
            impulse[0] = 1
            response = system.respond(impulse)
            recent = np.lib.stride_tricks.sliding_window_view(np.abs(response), order).max(axis=-1)
            # recent[i] is the largest of the values before i + order.
            bounds = recent[self.b.size :] * gain
            places = np.flatnonzero(bounds <= tol)
            if places.size:
                stop = self.b.size + int(places[0]) + order
                return Cut(response[:stop], float(bounds[places[0]]))
            count *= 4
        raise MethodError(
            f"what follows the first {_LONGEST} samples is not proved to sum to tol={tol:g} at "
            "most: a pole is too near to the unit circle. Use a larger tol, or the system itself."
        )

    def start(self) -> Callable[[Array], Array]:
        """Return what answers chunk after chunk of samples on the last axis."""
        system = self.rounded()
        if _leap_of(self.a):
            return _Leaping(system, Taps(system.b, (0,)).start())
        return _Running(system)


class _Running:
    """A recursion at work, with what it remembers of each row."""

    def __init__(self, system: Recursion) -> None:
        self._system = system
        self._state: Any = None

    def __call__(self, x: Array) -> Array:
        from scipy.signal import lfilter

        b, a = self._system.fraction()
        if self._state is None:
            shape = (*x.shape[:-1], max(b.size, a.size) - 1)
            self._state = np.zeros(shape, np.result_type(b, a, x))
        made, self._state = lfilter(b, a, x, zi=self._state)
        return np.asarray(made)


class _Leaping:
    """A recursion at work whose outputs do not feed back for many samples: so many go at once."""

    def __init__(self, system: Recursion, ahead: Callable[[Array], Array]) -> None:
        self._ahead = ahead
        self._lags = np.flatnonzero(system.a)[1:]
        self._factors = system.a[self._lags]
        self._past: Array | None = None

    def __call__(self, x: Array) -> Array:
        made, order = self._ahead(x), int(self._lags[-1])
        dtype = np.result_type(made, self._factors)
        if self._past is None:
            self._past = np.zeros((*x.shape[:-1], order), dtype)
        y = np.concatenate([self._past, made.astype(dtype)], axis=-1)
        leap = int(self._lags[0])
        for start in range(order, y.shape[-1], leap):
            stop = min(start + leap, y.shape[-1])
            for lag, factor in zip(self._lags.tolist(), self._factors, strict=True):
                y[..., start:stop] -= factor * y[..., start - lag : stop - lag]
        self._past = y[..., y.shape[-1] - order :].copy()
        return y[..., order:]


def _leap_of(a: Array) -> int:
    """Return after how many samples outputs feed back, 0 where one after another is faster."""
    lags = np.flatnonzero(a)[1:]
    leap = int(lags[0])
    return leap if leap >= _LEAP * lags.size else 0


def _forgetting(a: Array) -> float:
    """Return G: values of a response after some with max|s| = 1 have magnitudes that sum to G.

    If a linear map of the last M values, m steps on, has the norm q < 1, the sum is at most that
    over the first m values, over 1 - q.
    """
    order = a.size - 1
    share = float(np.abs(a[1:]).sum())
    if share < (1 if order > _SHORT else _EASY):
        # No value exceeds that share of the largest of the M before it.
        return order * share * _ROUNDING / (1 - share)
    from scipy.signal import lfilter, lfiltic

    one, steps = np.ones(1, a.dtype), max(64, 4 * order)
    while steps * order <= _MOST:
        silence, responses = np.zeros(steps, a.dtype), np.empty((order, steps), a.dtype)
        with np.errstate(all="ignore"):
            for place, unit in enumerate(np.eye(order, dtype=a.dtype)):
                responses[place], _ = lfilter(one, a, silence, zi=lfiltic(one, a, unit))
            norm = float(np.abs(responses[:, -order:]).sum(axis=0).max()) * _ROUNDING
        if norm <= 0.5:
            return float(np.abs(responses).sum()) * _ROUNDING / (1 - norm)
        if not np.isfinite(norm):
            break
        steps *= 4
    raise MethodError(
        f"{steps} samples do not tell how fast a recursion of order {order} dies out: a pole is "
        "too near to the unit circle, or its coefficients are too many. Use the system itself, "
        "sections (from_sos), or impulse_response(n)."
    )


def _respond_exactly(b: Array, a: Array, x: Array) -> Array:
    made = np.zeros(x.shape, object)
    for row in np.ndindex(x.shape[:-1]):
        source, target = x[row], made[row]
        for n in range(source.size):
            ahead = sum(b[k] * source[n - k] for k in range(min(b.size, n + 1)))
            behind = sum(a[k] * target[n - k] for k in range(1, min(a.size, n + 1)))
            target[n] = ahead - behind
    return made


def rational(b: Array, a: Array) -> Node:
    """Return the system with the transfer function B(z^-1) / A(z^-1).

    Raises
    ------
    KernelError
        No coefficients, or a[0] = 0.
    """
    if b.size == 0 or a.size == 0 or a[0] == 0:
        raise KernelError(
            "a transfer function has a numerator, and a denominator that does not begin with 0: "
            f"an output would depend on later ones. Got {b.size} coefficients above, and below "
            f"{a[:8].tolist()}."
        )
    check_objects(b, a)
    a = a[: int(np.flatnonzero(a)[-1]) + 1]
    if {b.dtype.kind, a.dtype.kind} & set("fc"):
        b, a = as_floats(b), as_floats(a)
    if "O" in (b.dtype.kind, a.dtype.kind):
        b, a = _monic(b.astype(object), a.astype(object))
    elif a.size > 1 or a[0] != 1:
        with np.errstate(all="ignore"):
            b, a = as_floats(b) / a[0], as_floats(a) / a[0]
        if not (np.isfinite(b).all() and np.isfinite(a).all()):
            raise NonFiniteError(
                f"coefficients over the first one below must be finite; got b={b} and a={a}. Scale "
                "them."
            )
    if a.size == 1:
        return Taps(b, (0,))
    last = int(np.flatnonzero(b)[-1]) if b.any() else 0
    return Recursion(b[: last + 1], a)


def section(part: Node) -> Array | None:
    """Return a recursion of second order at most as a row for `scipy.signal.sosfilt`."""
    if not isinstance(part, Recursion) or part.b.size > 3 or part.a.size > 3:
        return None
    if part.b.dtype.kind != "f" or part.a.dtype.kind != "f":
        return None
    b, a = (np.pad(values, (0, 3 - values.size)) for values in part.fraction())
    return np.concatenate([b, a])


def _monic(b: Array, a: Array) -> tuple[Array, Array]:
    """Return exact coefficients over a[0]."""
    if a[0] == 1:
        return b, a
    is_decimal = any(isinstance(value, Decimal) for value in (*b, *a))
    exact = Decimal if is_decimal else Fraction
    # The quotient of two integers would be a float.
    above, below = (
        np.array([exact(v) if isinstance(v, int) else v for v in values], object)
        for values in (b, a)
    )
    return above / below[0], below / below[0]
