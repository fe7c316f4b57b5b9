"""Convolution as an integral: (f * g)(t) = integral of f(u) g(t - u) du."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from math import isfinite, isinf
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from sigconv.core.dtypes import Array, as_numeric
from sigconv.errors import DTypeError, MethodError, NonFiniteError, OptionError
from sigconv.lti.features import Break, Support, find_breaks, find_support
from sigconv.lti.functions import Function
from sigconv.lti.quadrature import ROUNDING, Place, Product, integrate
from sigconv.lti.sampled import convolve_from_zero

__all__ = ["Convolved", "continuous_convolve"]

Range = tuple[float, float]
Points = Sequence[float] | Array


class Convolved(NamedTuple):
    """Values of a convolution, and the errors that they may have."""

    value: Any
    error: Any


def continuous_convolve(
    f: Callable[[float], Any] | npt.ArrayLike,
    g: Callable[[float], Any] | npt.ArrayLike,
    t: npt.ArrayLike,
    *,
    supports: tuple[Range | None, Range | None] | None = None,
    kinks: tuple[Points | None, Points | None] | None = None,
    rtol: float = 1e-9,
    atol: float = 0.0,
    rule: str | None = None,
) -> Convolved:
    """Convolve two functions of time: (f * g)(t) = integral of f(u) g(t - u) du.

    Parameters
    ----------
    f, g : callable, or array_like of shape (N,)
        Functions of one float with real or complex values. Or both as their samples at the
        times `t`, zero before the first of them.
    t : float or array_like
        The times at which to evaluate the convolution, in any shape. For samples, the N times
        0, dt, 2 dt, ... at which they were taken.
    supports : pair of (low, high) or None, optional
        Ranges outside which f and g are 0, in the unit of `t`; ``inf`` and ``-inf`` are allowed.
        A function is never called outside its range. None is for a range to be found.
    kinks : pair of sequences or None, optional
        Points of f and of g at which they or their derivatives jump. None is for jumps to be
        found, () for none.
    rtol, atol : float
        The error that the quadrature may leave: rtol times the magnitude of the result or atol,
        whichever is larger; for functions only. Rounding is allowed beside it: 2.2e-14 (100 eps)
        of the integral of abs(f(u) g(t - u)), which counts where that cancels, and what the last
        bits of u and t - u change, which counts for narrow functions far from 0.
    rule : {"rectangle", "trapezoid", "simpson"}, optional
        For samples only: how they are integrated, as in `sampled_convolve`; ``trapezoid`` by
        default.

    Returns
    -------
    Convolved
        ``value`` and ``error`` in the shape of `t`, float for a single time; ``value`` is complex
        where f or g is. For functions, ``error`` is the estimate of quadrature and rounding,
        usually above the true error; of what the search has missed it knows nothing. For samples
        it is the difference to the rule with half of the samples, which for smooth functions is 1,
        3 or 15 times the true error of the three rules; at every other time, which half of the
        samples miss, the larger one of its neighbours; NaN for fewer than three samples.

    Raises
    ------
    MethodError
        A function that is 0 wherever it was looked at, or undefined where it must be known; an
        integral that does not exist, or whose estimated error is larger than was allowed.
    NonFiniteError
        An infinite or undefined product f(u) g(t - u) inside the range of integration, or a time
        that is no finite number.
    OptionError
        Ranges, kinks, tolerances or a rule that make no sense, or that belong to the other kind
        of input.
    DTypeError
        A function beside samples, or values that are no numbers.
    ShapeError
        Samples and times that do not fit together.

    See Also
    --------
    sampled_convolve : Samples of any two lengths, in full.

    Notes
    -----
    `scipy.integrate.quad` (QUADPACK) integrates piece by piece, over the range in which both
    functions may differ from 0. Pieces end at kinks, and get longer with the distance from the
    peaks of f and g; infinite ones are mapped to finite ones.

    What is not given is looked for: the support with 16 000 calls at 0 and at round numbers of
    both signs, of two digits from 1e-12 to 1e15 and of three from 0.001 to 10 000; jumps and
    peaks there and at 1025 even steps of the range of integration. Edges and jumps are then
    bisected to the last bit. Only where all of this is 0, a hundred times as many round numbers
    are tried, and points beside them: a pulse from 1000 to 1000.001 is found by its beginning,
    one from 1000.123 to 1000.124 is not. What lies between the points is missed without a word
    if the function differs from 0 elsewhere: a second, much narrower pulse, an island beyond a
    gap, the later steps of a long staircase. `supports` and `kinks` make it known. Zeros followed
    by undefined or infinite values, as in ``(u >= 0) * np.exp(-u)``, are taken to go on.

    Examples
    --------
    100 a year, paid in evenly for five years at 5 % interest: 100 (1.05^5 - 1)/ln 1.05.

    >>> from math import inf
    >>> from sigconv.lti.continuous import continuous_convolve
    >>> always = (0, inf)
    >>> saved = continuous_convolve(
    ...     lambda u: 100.0, lambda t: 1.05**t, 5.0, supports=(always, always)
    ... )
    >>> round(saved.value, 5), saved.error < 1e-9 * saved.value
    (566.26488, True)

    Two boxes make a triangle; their edges are found:

    >>> def box(t):
    ...     return 1.0 if 0 <= t <= 1 else 0.0
    >>> continuous_convolve(box, box, [-1, 0, 0.5, 1, 1.75]).value.round(9)
    array([0.  , 0.  , 0.5 , 1.  , 0.25])
    """
    if not callable(f) and not callable(g):
        if supports is not None or kinks is not None:
            raise OptionError(
                "supports and kinks belong to functions, and f and g are samples. Leave them out."
            )
        return Convolved(*convolve_from_zero(f, g, t, "trapezoid" if rule is None else rule))
    if not callable(f) or not callable(g):
        raise DTypeError(
            "f and g must both be functions or both be samples; got one of each. Sample the "
            "function at t, or interpolate the samples: lambda u: np.interp(u, t, x, 0, 0)."
        )
    if rule is not None:
        raise OptionError(
            f"rule belongs to samples, and f and g are functions; got rule={rule!r}. Leave it "
            "out, or pass f(t) and g(t)."
        )
    times = _times(t)
    _check_tolerances(rtol, atol)
    with np.errstate(all="ignore"):
        pair = _Pair.of((f, g), supports, kinks, times)
        estimates = [pair.at(time, atol, rtol) for time in times.ravel().tolist()]
    values = np.array([value for value, _ in estimates]).reshape(times.shape)
    errors = np.array([error for _, error in estimates]).reshape(times.shape)
    if not times.size:
        values = values.astype(float)
    return Convolved(values, errors) if times.ndim else Convolved(values.item(), errors.item())


class _Pair(NamedTuple):
    """Both functions, where they are not 0, and where to divide integrals over them."""

    functions: tuple[Function, Function]
    supports: tuple[Support, Support]
    breaks: tuple[list[Break], list[Break]]

    @classmethod
    def of(cls, calls: Any, supports: Any, kinks: Any, times: Array) -> _Pair:
        """Look for what was not given."""
        functions = (Function(calls[0], "f"), Function(calls[1], "g"))
        ranges = _supports(functions, supports)
        known = _two("kinks", kinks)
        breaks = []
        for i in (0, 1):
            low, high = _window(*ranges[i], *ranges[1 - i], times)
            given = _points(known[i])
            places = [] if given is None else [Break(point) for point in given]
            if low < high:
                places += find_breaks(functions[i], low, high, jumps=given is None)
            breaks.append(places)
        return cls(functions, ranges, (breaks[0], breaks[1]))

    def at(self, t: float, atol: float, rtol: float) -> tuple[complex, float]:
        """Return the convolution at a time and its estimated error."""
        (a, b), (c, d) = self.supports
        low = max(Place(a, t - a), Place(t - d, d))
        high = min(Place(b, t - b), Place(t - c, c))
        product = Product(*self.functions, self.supports, t)
        if not low.u < high.u:
            return (0j if product.is_complex else 0.0), 0.0
        places = [Place(u, t - u, room) for u, room in self.breaks[0]]
        places += [Place(t - s, s, room) for s, room in self.breaks[1]]
        if isinf(low.u) and isinf(high.u):
            places.append(Place(t / 2, t / 2))
        breaks = _merged(low, high, places)
        value, error, allowed = integrate(product, breaks, atol, rtol)
        if not error <= allowed:
            raise MethodError(
                f"the integral must reach its tolerance; at t={t:.12g} it is {value:.12g} with an "
                f"estimated error of {error:.2g}, and {allowed:.2g} is allowed. Unless it does "
                "not exist: give kinks=(points of f, points of g), narrower supports, or a larger "
                "rtol or atol."
            )
        return value, error


def _window(low: float, high: float, least: float, most: float, times: Array) -> Range:
    """Return the part of a function's range that meets the other's at any of the times."""
    if not times.size:
        return (0.0, 0.0)
    return max(low, float(times.min()) - most), min(high, float(times.max()) - least)


def _merged(low: Place, high: Place, places: list[Place]) -> list[Place]:
    """Return rising breaks from `low` to `high`, without those that are needless or rounding."""
    merged = [low]
    for place in [*sorted(place for place in places if low.u < place.u < high.u), high]:
        # A needless one before this place gives way to it.
        while len(merged) > 1 and place.u - merged[-1].u <= _room(merged[-1], place):
            if place.room and merged[-1].room <= place.room:
                break
            merged.pop()
        if place is high or place.u - merged[-1].u > _room(place, merged[-1]):
            merged.append(place)
    return merged


def _room(place: Place, other: Place) -> float:
    """Return the distance at which `place` may be left out beside another."""
    return max(place.room, 4 * float(np.spacing(max(abs(place.u), abs(other.u)))))


def _times(t: npt.ArrayLike) -> Array:
    times = as_numeric(t, "t")
    if times.dtype.kind == "c":
        raise DTypeError("t must be real; got complex times. Pass t.real.")
    times = times.astype(float)
    if not np.isfinite(times).all():
        raise NonFiniteError("t must hold finite times; got NaN or infinity. Leave these out.")
    return times


def _check_tolerances(rtol: Any, atol: Any) -> None:
    for name, value in (("rtol", rtol), ("atol", atol)):
        if not isinstance(value, float | int | np.number) or not 0 <= value < np.inf:
            raise OptionError(f"{name} must be a number, 0 or more; got {value!r}.")
    if rtol >= 1:
        raise OptionError(f"rtol must be below 1; got {rtol!r}. 1e-9 asks for nine digits.")
    if max(rtol, atol) == 0:
        raise OptionError(
            f"rtol or atol must be above 0; got 0 for both. The closest: rtol={ROUNDING:.2g}."
        )


def _two(name: str, given: Any) -> tuple[Any, Any]:
    """Return what was given for f and for g."""
    if given is None:
        return None, None
    if not isinstance(given, list | tuple) or len(given) != 2:
        raise OptionError(
            f"{name} must be a pair, for f and for g; got {given!r:.80}. Write None for what is "
            f"to be found: {name}=(None, ...)."
        )
    return given[0], given[1]


def _supports(functions: tuple[Function, Function], given: Any) -> tuple[Support, Support]:
    first, second = (
        find_support(function) if one is None else _support(one)
        for function, one in zip(functions, _two("supports", given), strict=True)
    )
    return first, second


def _support(given: Any) -> Support:
    try:
        low, high = map(float, given)
    except (TypeError, ValueError):
        low = high = np.nan
    if not low < high:
        raise OptionError(
            f"a support must be (low, high) with low < high; got {given!r:.80}. Use inf and -inf "
            "where a function does not end: supports=((0, inf), (0, inf))."
        )
    return Support(low, high)


def _points(given: Any) -> list[float] | None:
    """Return kinks as floats."""
    if given is None:
        return None
    try:
        points: list[float] = np.asarray(given, float).ravel().tolist()
    except (TypeError, ValueError):
        points = [np.nan]
    if not all(map(isfinite, points)):
        raise OptionError(
            f"kinks must be finite points, a sequence for f and one for g; got {given!r:.80}."
        )
    return points
