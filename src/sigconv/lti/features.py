"""Where a function is not zero, where it jumps, and where it has its mass."""

from __future__ import annotations

from math import ceil, inf, isinf, log
from typing import NamedTuple

import numpy as np

from sigconv.core.dtypes import Array
from sigconv.errors import MethodError
from sigconv.lti.functions import Function

__all__ = ["Break", "Support", "find_breaks", "find_support"]

#: Decades of the grid: all of it, and the part where it is ten times denser.
_DECADES = range(-12, 15)
_DENSE = range(-3, 4)
#: Points of the even grid over a finite range.
_EVEN = 1024
#: Most jumps, edges of gaps, and peaks that are followed up.
_MOST_JUMPS, _MOST_EDGES, _MOST_PEAKS = 300, 64, 6
#: Steps of the mesh around a peak, each four times the one before: to 10^6 half widths.
_MESH = 11
#: Of a step of the grid: a peak that is narrower is a singularity.
_NARROWEST = 1e-9


class Break(NamedTuple):
    """A point at which to divide an integral, and how close another makes it needless."""

    point: float
    room: float = 0.0


class Support(NamedTuple):
    """The range outside which a function is zero."""

    low: float
    high: float


def _round_numbers(digits: int) -> Array:
    """0 and +-m 10^k with m of `digits` digits, one more where things usually happen; sorted."""
    scales = [
        np.arange(10**d, 10 ** (d + 1)) * 10.0 ** (k - d)
        for k in _DECADES
        for d in [digits if k in _DENSE else digits - 1]
    ]
    positive = np.concatenate(scales)
    return np.concatenate((-positive[::-1], [0.0], positive))


def find_support(function: Function) -> Support:
    """Search the line for the range outside which the function is zero."""
    points = _round_numbers(2)
    values = function.on(points)
    if not _seen(values).any():
        beside = [points * (1 - 1e-9), points * (1 + 1e-9)]
        points = np.sort(np.concatenate((_round_numbers(4), *beside)))
        values = function.on(points)
    where = np.flatnonzero(_seen(values))
    if not where.size:
        raise MethodError(
            f"{function.name} must be finite and not 0 somewhere; it is not, wherever it was "
            f"looked at between {points[0]:g} and {points[-1]:g}. Say where it is not 0: "
            "supports=((low, high), (low, high))."
        )
    first, last = int(where[0]), int(where[-1])
    _check_domain(function, points[first : last + 1], values[first : last + 1])
    return Support(
        _edge(function, points[first::-1], values[first::-1]),
        _edge(function, points[last:], values[last:]),
    )


def _seen(values: Array) -> Array:
    """Mark finite values other than 0."""
    seen: Array = np.isfinite(values) & (values != 0)
    return seen


def _check_domain(function: Function, points: Array, values: Array) -> None:
    """Raise MethodError where NaN covers more than single points."""
    undefined = np.isnan(values)
    both = np.flatnonzero(undefined[1:] & undefined[:-1])
    if both.size:
        _refuse(function, float(points[both[0]]))


def _refuse(function: Function, point: float) -> None:
    reason = f" ({function.complaint})" if function.complaint else ""
    raise MethodError(
        f"{function.name} must be defined wherever it is not known to be 0; at {point:g} it is "
        f"not{reason}. Give the range in which it is: supports=((low, high), (low, high)), with "
        "None for the other function's if that is to be found."
    )


def _edge(function: Function, points: Array, values: Array) -> float:
    """Return where the support ends, outwards from its last value that is not 0."""
    beyond = np.flatnonzero(~np.isinf(values[1:])) + 1
    if not beyond.size:
        # It reaches the end of the grid, or overflows on the way there.
        return float(np.copysign(inf, points[-1]))
    i = int(beyond[0])
    if np.isnan(values[i : i + 2]).any():
        # A single 0 before undefined values is that of a root: the range of sqrt(t), not its end.
        _refuse(function, float(points[i if np.isnan(values[i]) else i + 1]))
    return _boundary(function, float(points[i - 1]), float(points[i]))


def _boundary(function: Function, inside: float, outside: float) -> float:
    """Bisect to the last value that is not 0."""
    while True:
        middle = inside + (outside - inside) / 2
        if middle in (inside, outside):
            return inside
        if function.at(middle) != 0:
            inside = middle
        else:
            outside = middle


def find_breaks(function: Function, low: float, high: float, *, jumps: bool = True) -> list[Break]:
    """Return the points at which to divide an integral over a function from `low` to `high`.

    They are its jumps, the ends of stretches of zeros and points at which it is undefined, unless
    `jumps` is False for these are known; and around each of its largest peaks a mesh that gets
    coarser with the distance.
    """
    points = _window_grid(low, high)
    if points.size < 3:
        return []
    values = function.on(points)
    breaks: list[Break] = []
    if jumps:
        exact = _jumps(function, points, values)
        exact += _gap_edges(function, points, values)
        exact += points[np.isnan(values)][:_MOST_EDGES].tolist()
        breaks += [Break(point) for point in exact]
    for center, width, gap in _peaks(function, points, values, low, high):
        breaks.append(Break(center))
        if width:
            count = _MESH + max(0, ceil(log(gap / width, 4)))
            steps = (width * 4.0 ** np.arange(count)).tolist()
            breaks += [Break(center + sign * step, step / 4) for step in steps for sign in (-1, 1)]
    return sorted(place for place in set(breaks) if low < place.point < high)


def _window_grid(low: float, high: float) -> Array:
    """Return round numbers and, over a finite range, even steps; without the ends themselves."""
    points = _round_numbers(2)
    if not isinf(low) and not isinf(high):
        even = np.linspace(low, high, _EVEN + 1)
        near = 1e-9 * (high - low)
        points = np.concatenate((points, even, [low + near, high - near]))
    else:
        # A finite end is approached as 0 is.
        start = low if not isinf(low) else high
        if not isinf(start):
            points = np.concatenate((points, start + points))
    points = points[(points > low) & (points < high)]
    return np.unique(points)


def _jumps(function: Function, points: Array, values: Array) -> list[float]:
    """Return the points at which the steps of the grid find a jump."""
    step = np.nan_to_num(np.abs(np.diff(values)), nan=0.0, posinf=0.0)
    beside = np.maximum(np.append(step[1:], 0), np.insert(step[:-1], 0, 0))
    scale = np.maximum(np.abs(values[1:]), np.abs(values[:-1]))
    unlike = np.flatnonzero((step > 4 * beside) & (step > 1e-7 * scale))
    order = np.lexsort((np.abs(points[unlike]), -step[unlike]))[:_MOST_JUMPS]
    found = (
        _steepest(function, float(points[i]), float(points[i + 1])) for i in unlike[order].tolist()
    )
    return [point for point in found if point is not None]


def _steepest(function: Function, low: float, high: float) -> float | None:
    """Follow the larger difference by bisection; None where it shrinks as smooth ones do."""
    at_low, at_high = function.at(low), function.at(high)
    whole, halvings = abs(at_high - at_low), 0
    while low < (middle := low + (high - low) / 2) < high:
        value = function.at(middle)
        if not abs(value) < inf:
            return None
        if abs(value - at_low) > abs(at_high - value):
            high, at_high = middle, value
        else:
            low, at_low = middle, value
        halvings += 1
        if halvings == 12 and abs(at_high - at_low) < whole / 4:
            return None
    return high


def _gap_edges(function: Function, points: Array, values: Array) -> list[float]:
    """Return the ends of stretches of zeros."""
    zero = values == 0
    turns = np.flatnonzero(zero[1:] != zero[:-1])[:_MOST_EDGES]
    edges = []
    for i in turns.tolist():
        inside, outside = (i, i + 1) if zero[i + 1] else (i + 1, i)
        edges.append(_boundary(function, float(points[inside]), float(points[outside])))
    return edges


def _peaks(
    function: Function, points: Array, values: Array, low: float, high: float
) -> list[tuple[float, float, float]]:
    """Return center, half width at half height, and step of the grid for the largest peaks."""
    height = np.where(np.isfinite(values), np.abs(values), 0.0)
    # What still rises at the end of the grid has no peak there, unless the range ends too.
    ends = [inf if isinf(end) else 0.0 for end in (low, high)]
    padded = np.concatenate((ends[:1], height, ends[1:]))
    peaked = (height >= padded[:-2]) & (height >= padded[2:])
    strict = (height > padded[:-2]) | (height > padded[2:])
    tops = np.flatnonzero(peaked & strict & (height > 0))
    if not tops.size:
        return []
    gap = np.gradient(points)
    # By area, as far as the grid tells it, and the highest of all, which may be narrower.
    order = tops[np.argsort(-(height * gap)[tops], kind="stable")][: _MOST_PEAKS - 1]
    highest = tops[np.argmax(height[tops])]
    return [
        (*_shape(function, points, int(i), float(gap[i])), float(gap[i]))
        for i in dict.fromkeys([highest, *order])
    ]


def _shape(function: Function, points: Array, top: int, gap: float) -> tuple[float, float]:
    """Climb to the top of a peak and measure its half width, 0 where it is a singularity."""
    low, high = float(points[max(top - 1, 0)]), float(points[min(top + 1, points.size - 1)])
    center = float(points[top])
    best = _height(function, center)
    left, right = low, high
    for _ in range(80):
        middle = (left + center) / 2 if center - left > right - center else (center + right) / 2
        value = _height(function, middle)
        if value > best:
            left, right = (left, center) if middle < center else (center, right)
            center, best = middle, value
        elif middle < center:
            left = middle
        else:
            right = middle
    width = max(
        _half_width(function, center, best / 2, low, float(points[0])),
        _half_width(function, center, best / 2, high, float(points[-1])),
    )
    return center, width if width > _NARROWEST * gap else 0.0


def _half_width(
    function: Function, center: float, half: float, first: float, limit: float
) -> float:
    """Return the distance, towards `limit`, within a factor of 2 of where it falls to `half`."""
    distance, furthest = first - center, abs(limit - center)
    if not distance:
        return 0.0
    for _ in range(60):
        if _height(function, center + distance) >= half:
            break
        distance /= 2
    else:
        return 0.0
    while abs(2 * distance) < furthest and _height(function, center + 2 * distance) >= half:
        distance *= 2
    return abs(distance)


def _height(function: Function, point: float) -> float:
    """Return the magnitude at a point, 0 where that is not finite."""
    magnitude = abs(function.at(point))
    return magnitude if magnitude < inf else 0.0
