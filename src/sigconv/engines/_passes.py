"""The compiled passes of the separable engine: 1-D sums across rows, and along them.

Arrays are flat; rows are named by where they begin, and -1 stands for a row that does not exist:
one before the first or after the last. Passes follow one another a few rows at a time, in scratch
that stays in cache. Inner loops count in unsigned integers from a start: an index that cannot be
negative lets them vectorise, and unlike a slice it costs nothing to make.
"""

from __future__ import annotations

from typing import Any

import numba
import numpy as np

from sigconv.engines._windows import copy, grow_windows, sum_block

__all__ = ["sum_along", "sum_passes"]

PIECE = 8192
"""Bytes per row and turn: the pieces of a row and of its neighbours stay in cache."""

CHUNK = 2048
"""Elements per turn of sums over windows: they are added up in the first-level cache."""

# "contract" allows fused multiply-add and nothing else: NaN and infinity stay exact.
_compiled = numba.njit(nogil=True, cache=True, fastmath={"contract"})

U = np.uint64


@_compiled
def sum_passes(
    x: Any,
    heads: Any,
    pieces: Any,
    planes: Any,
    rows: Any,
    strip: Any,
    pads: Any,
    spare: Any,
    weights: Any,
    y: Any,
    ends: Any,
    places: Any,
    form: Any,
    flags: Any,
) -> Any:
    """Write, or add to, `y` the sums over all axes.

    Parameters
    ----------
    x, y : flat arrays
        Samples and results.
    heads, ends : arrays (lines, count + taps - 1), (lines, count)
        Where planes of samples begin, and where their results do. A pass along this axis comes
        first, unless `weights[0]` is empty.
    pieces : array (2, n)
        Where the rows of a plane begin in the samples, and where in `planes`.
    planes : pair of flat arrays
        Scratch for the results of the first pass, to write and to read.
    rows, places : arrays (lines, count + taps - 1), (lines, count)
        Where the rows of a plane begin, and their results.
    strip : pair of flat arrays
        Scratch for rows with what continues them, to write and to read.
    pads : array (2, n)
        The elements of such a row to fill, and those to fill them with, or -1 for zero.
    spare : flat array
        Scratch for sums over windows.
    weights : three flat arrays
        The taps along each axis, the last one first.
    form : integers
        The length of a piece, a plane, a row of samples, a row with its continuation, where the
        samples begin in that, a row of results, and the distance of neighbours along a row.
    flags : three bools
        Whether to add to `y`, whether the taps of an axis are equal, and whether to look for
        results that are not finite.

    Returns
    -------
    number
        0, or NaN where one looks for them and a result is not finite.
    """
    piece, plane = form[0], form[1]
    probe = weights[2][0] * 0
    if weights[0].size == 0:
        for line in range(heads.shape[0]):
            begin, end = heads[line, 0], ends[line, 0]
            probe += _sum_plane(
                x, begin, rows, strip, pads, spare, weights, y, end, places, form, flags
            )
        return probe
    count = ends.shape[1]
    several = planes[0].size // plane
    starts = np.arange(several) * plane
    for line in range(heads.shape[0]):
        for first in range(0, count, several):
            n = min(several, count - first)
            for p in range(pieces.shape[1]):
                _across(
                    x,
                    pieces[0, p],
                    heads[line, first:],
                    weights[0],
                    planes[0],
                    pieces[1, p],
                    starts[:n],
                    piece,
                    spare,
                    flags[1],
                )
            for i in range(n):
                begin, end = i * plane, ends[line, first + i]
                probe += _sum_plane(
                    planes[1], begin, rows, strip, pads, spare, weights, y, end, places, form, flags
                )
    return probe


@_compiled
def _sum_plane(
    x: Any,
    begin: int,
    rows: Any,
    strip: Any,
    pads: Any,
    spare: Any,
    weights: Any,
    y: Any,
    end: int,
    places: Any,
    form: Any,
    flags: Any,
) -> Any:
    """Write the sums over a plane of samples that begins at `begin`, to results from `end` on."""
    length, row, origin, results, step = form[2], form[3], form[4], form[5], form[6]
    probe = weights[2][0] * 0
    count = places.shape[1]
    several = strip[0].size // row
    starts = np.arange(several) * row
    for line in range(places.shape[0]):
        for first in range(0, count, several):
            n = min(several, count - first)
            _across(
                x,
                begin,
                rows[line, first:],
                weights[1],
                strip[0],
                origin,
                starts[:n],
                length,
                spare,
                flags[1],
            )
            for i in range(n):
                _fill(strip[0], i * row, pads)
                place = end + places[line, first + i]
                probe += _along(
                    strip[1], i * row, weights[2], step, y, place, results, spare, flags
                )
    return probe


@_compiled
def _fill(x: Any, begin: int, pads: Any) -> None:
    """Fill the elements of a row that continue its samples."""
    for k in range(pads.shape[1]):
        if pads[1, k] < 0:
            x[begin + pads[0, k]] = 0
        else:
            x[begin + pads[0, k]] = x[begin + pads[1, k]]


@_compiled
def sum_along(
    x: Any,
    starts: Any,
    weights: Any,
    y: Any,
    places: Any,
    spare: Any,
    form: Any,
    flags: Any,
) -> Any:
    """Write the sums of equal `weights` along rows; `form` is their results, and the step."""
    probe = weights[0] * 0
    results, step = form[0], form[1]
    for line in range(starts.size):
        probe += _along(x, starts[line], weights, step, y, places[line], results, spare, flags)
    return probe


@_compiled
def _along(
    x: Any,
    begin: int,
    weights: Any,
    step: int,
    y: Any,
    place: int,
    length: int,
    spare: Any,
    flags: Any,
) -> Any:
    """Write, or add to, y[place + i] the sums of weights[k] x[begin + k step + i], i < length."""
    probe = weights[0] * 0
    reach = (weights.size - 1) * step
    piece = PIECE // y.itemsize
    if flags[1]:
        piece = max(CHUNK, 3 * reach)
    for start in range(0, length, piece):
        n = min(piece, length - start)
        s, r = U(begin + start), U(place + start)
        if flags[1]:
            grow_windows(x, s, U(n + reach), weights[0], weights.size, U(step), spare)
            copy(spare, U(0), y, r, U(n))
        elif flags[0]:
            _sum_along(x, s, weights, step, spare, U(0), U(n))
            for i in range(U(n)):
                y[r + i] += spare[i]
        else:
            _sum_along(x, s, weights, step, y, r, U(n))
        if flags[2]:
            probe += _zero_if_finite(y, r, U(n))
    return probe


# Regrouping the sum lets it vectorise; zeros and NaN add up to the same in any order.
@numba.njit(nogil=True, cache=True, fastmath={"reassoc"})
def _zero_if_finite(y: Any, r: Any, n: Any) -> Any:
    """Return 0 where all of y[r:][:n] is finite, and NaN where it is not."""
    total = y[r] * 0
    for i in range(n):
        total += y[r + i] * 0
    return total


@_compiled
def _across(
    x: Any,
    begin: int,
    rows: Any,
    weights: Any,
    y: Any,
    end: int,
    places: Any,
    length: int,
    spare: Any,
    equal: bool,
) -> None:
    """Write y[end + places[i]:][:length] = sum_k weights[k] x[begin + rows[i + k]:][:length]."""
    count, taps = places.size, weights.size
    piece = PIECE // y.itemsize
    for start in range(0, length, piece):
        n = U(min(piece, length - start))
        s, r = begin + start, end + start
        if equal:
            for first in range(0, count, taps):
                block = places[first : min(first + taps, count)]
                sum_block(x, s, rows[first:], weights[0], y, r, block, taps, spare, n)
            continue
        i = 0
        while i < count:
            if i + 4 <= count and rows[i] >= 0 and rows[i + taps + 2] >= 0:
                _four_rows(x, s, rows[i:], weights, y, r, places[i:], n)
                i += 4
            else:
                _one_row(x, s, rows[i:], weights, y, U(r + places[i]), n)
                i += 1


@_compiled
def _four_rows(
    x: Any, begin: int, rows: Any, weights: Any, y: Any, end: int, places: Any, n: Any
) -> None:
    """Write four rows that take neighbouring rows, each of which is read once for all."""
    p0, p1 = U(end + places[0]), U(end + places[1])
    p2, p3 = U(end + places[2]), U(end + places[3])
    taps = weights.size
    t = (taps - 1) % 4 + 1
    _begin_four(x, begin, rows, weights, t, y, p0, p1, p2, p3, n)
    if (taps - t) % 8:
        w0, w1, w2, w3 = weights[t], weights[t + 1], weights[t + 2], weights[t + 3]
        s0, s1, s2 = U(begin + rows[t]), U(begin + rows[t + 1]), U(begin + rows[t + 2])
        s3, s4, s5 = U(begin + rows[t + 3]), U(begin + rows[t + 4]), U(begin + rows[t + 5])
        s6 = U(begin + rows[t + 6])
        for i in range(n):
            b0, b1, b2, b3 = x[s0 + i], x[s1 + i], x[s2 + i], x[s3 + i]
            b4, b5, b6 = x[s4 + i], x[s5 + i], x[s6 + i]
            y[p0 + i] = y[p0 + i] + w0 * b0 + w1 * b1 + w2 * b2 + w3 * b3
            y[p1 + i] = y[p1 + i] + w0 * b1 + w1 * b2 + w2 * b3 + w3 * b4
            y[p2 + i] = y[p2 + i] + w0 * b2 + w1 * b3 + w2 * b4 + w3 * b5
            y[p3 + i] = y[p3 + i] + w0 * b3 + w1 * b4 + w2 * b5 + w3 * b6
        t += 4
    while t < taps:
        w0, w1, w2, w3 = weights[t], weights[t + 1], weights[t + 2], weights[t + 3]
        w4, w5, w6, w7 = weights[t + 4], weights[t + 5], weights[t + 6], weights[t + 7]
        s0, s1, s2 = U(begin + rows[t]), U(begin + rows[t + 1]), U(begin + rows[t + 2])
        s3, s4, s5 = U(begin + rows[t + 3]), U(begin + rows[t + 4]), U(begin + rows[t + 5])
        s6, s7, s8 = U(begin + rows[t + 6]), U(begin + rows[t + 7]), U(begin + rows[t + 8])
        s9, sa = U(begin + rows[t + 9]), U(begin + rows[t + 10])
        for i in range(n):
            b0, b1, b2, b3 = x[s0 + i], x[s1 + i], x[s2 + i], x[s3 + i]
            b4, b5, b6, b7 = x[s4 + i], x[s5 + i], x[s6 + i], x[s7 + i]
            b8, b9, ba = x[s8 + i], x[s9 + i], x[sa + i]
            z0 = y[p0 + i] + w0 * b0 + w1 * b1 + w2 * b2 + w3 * b3
            z1 = y[p1 + i] + w0 * b1 + w1 * b2 + w2 * b3 + w3 * b4
            z2 = y[p2 + i] + w0 * b2 + w1 * b3 + w2 * b4 + w3 * b5
            z3 = y[p3 + i] + w0 * b3 + w1 * b4 + w2 * b5 + w3 * b6
            y[p0 + i] = z0 + w4 * b4 + w5 * b5 + w6 * b6 + w7 * b7
            y[p1 + i] = z1 + w4 * b5 + w5 * b6 + w6 * b7 + w7 * b8
            y[p2 + i] = z2 + w4 * b6 + w5 * b7 + w6 * b8 + w7 * b9
            y[p3 + i] = z3 + w4 * b7 + w5 * b8 + w6 * b9 + w7 * ba
        t += 8


@_compiled
def _begin_four(
    x: Any,
    begin: int,
    rows: Any,
    weights: Any,
    taps: int,
    y: Any,
    p0: Any,
    p1: Any,
    p2: Any,
    p3: Any,
    n: Any,
) -> None:
    """Write the sums over the first one to four taps."""
    w0 = weights[0]
    s0, s1 = U(begin + rows[0]), U(begin + rows[1])
    s2, s3 = U(begin + rows[2]), U(begin + rows[3])
    if taps == 1:
        for i in range(n):
            y[p0 + i] = w0 * x[s0 + i]
            y[p1 + i] = w0 * x[s1 + i]
            y[p2 + i] = w0 * x[s2 + i]
            y[p3 + i] = w0 * x[s3 + i]
        return
    w1, s4 = weights[1], U(begin + rows[4])
    if taps == 2:
        for i in range(n):
            b1, b2, b3 = x[s1 + i], x[s2 + i], x[s3 + i]
            y[p0 + i] = w0 * x[s0 + i] + w1 * b1
            y[p1 + i] = w0 * b1 + w1 * b2
            y[p2 + i] = w0 * b2 + w1 * b3
            y[p3 + i] = w0 * b3 + w1 * x[s4 + i]
        return
    w2, s5 = weights[2], U(begin + rows[5])
    if taps == 3:
        for i in range(n):
            b1, b2, b3, b4 = x[s1 + i], x[s2 + i], x[s3 + i], x[s4 + i]
            y[p0 + i] = w0 * x[s0 + i] + w1 * b1 + w2 * b2
            y[p1 + i] = w0 * b1 + w1 * b2 + w2 * b3
            y[p2 + i] = w0 * b2 + w1 * b3 + w2 * b4
            y[p3 + i] = w0 * b3 + w1 * b4 + w2 * x[s5 + i]
        return
    w3, s6 = weights[3], U(begin + rows[6])
    for i in range(n):
        b1, b2, b3, b4, b5 = x[s1 + i], x[s2 + i], x[s3 + i], x[s4 + i], x[s5 + i]
        y[p0 + i] = w0 * x[s0 + i] + w1 * b1 + w2 * b2 + w3 * b3
        y[p1 + i] = w0 * b1 + w1 * b2 + w2 * b3 + w3 * b4
        y[p2 + i] = w0 * b2 + w1 * b3 + w2 * b4 + w3 * b5
        y[p3 + i] = w0 * b3 + w1 * b4 + w2 * b5 + w3 * x[s6 + i]


@_compiled
def _one_row(x: Any, begin: int, rows: Any, weights: Any, y: Any, place: Any, n: Any) -> None:
    """Write a row from those of its rows that exist."""
    for i in range(n):
        y[place + i] = 0
    t, stop = 0, weights.size
    while t < stop and rows[t] < 0:
        t += 1
    while t < stop and rows[stop - 1] < 0:
        stop -= 1
    while t + 4 <= stop:
        w0, w1, w2, w3 = weights[t], weights[t + 1], weights[t + 2], weights[t + 3]
        s0, s1 = U(begin + rows[t]), U(begin + rows[t + 1])
        s2, s3 = U(begin + rows[t + 2]), U(begin + rows[t + 3])
        for i in range(n):
            z = y[place + i] + w0 * x[s0 + i] + w1 * x[s1 + i]
            y[place + i] = z + w2 * x[s2 + i] + w3 * x[s3 + i]
        t += 4
    while t < stop:
        w0, s0 = weights[t], U(begin + rows[t])
        for i in range(n):
            y[place + i] += w0 * x[s0 + i]
        t += 1


@_compiled
def _sum_along(x: Any, s: Any, weights: Any, step: int, y: Any, r: Any, n: Any) -> None:
    """Write y[r + i] = sum_k weights[k] x[s + k step + i]."""
    taps, d = weights.size, U(step)
    t = (taps - 1) % 4 + 1
    _begin_along(x, s, weights, t, d, y, r, n)
    s += U(t) * d
    if (taps - t) % 8:
        w0, w1, w2, w3 = weights[t], weights[t + 1], weights[t + 2], weights[t + 3]
        s1, s2, s3 = s + d, s + U(2) * d, s + U(3) * d
        for i in range(n):
            z = y[r + i] + w0 * x[s + i] + w1 * x[s1 + i]
            y[r + i] = z + w2 * x[s2 + i] + w3 * x[s3 + i]
        t += 4
        s += U(4) * d
    while t < taps:
        w0, w1, w2, w3 = weights[t], weights[t + 1], weights[t + 2], weights[t + 3]
        w4, w5, w6, w7 = weights[t + 4], weights[t + 5], weights[t + 6], weights[t + 7]
        s1, s2, s3, s4 = s + d, s + U(2) * d, s + U(3) * d, s + U(4) * d
        s5, s6, s7 = s + U(5) * d, s + U(6) * d, s + U(7) * d
        for i in range(n):
            z = y[r + i] + w0 * x[s + i] + w1 * x[s1 + i] + w2 * x[s2 + i] + w3 * x[s3 + i]
            y[r + i] = z + w4 * x[s4 + i] + w5 * x[s5 + i] + w6 * x[s6 + i] + w7 * x[s7 + i]
        t += 8
        s += U(8) * d


@_compiled
def _begin_along(x: Any, s: Any, weights: Any, taps: int, d: Any, y: Any, r: Any, n: Any) -> None:
    """Write the sums over the first one to four taps."""
    w0 = weights[0]
    if taps == 1:
        for i in range(n):
            y[r + i] = w0 * x[s + i]
        return
    w1, s1 = weights[1], s + d
    if taps == 2:
        for i in range(n):
            y[r + i] = w0 * x[s + i] + w1 * x[s1 + i]
        return
    w2, s2 = weights[2], s + U(2) * d
    if taps == 3:
        for i in range(n):
            y[r + i] = w0 * x[s + i] + w1 * x[s1 + i] + w2 * x[s2 + i]
        return
    w3, s3 = weights[3], s + U(3) * d
    for i in range(n):
        y[r + i] = w0 * x[s + i] + w1 * x[s1 + i] + w2 * x[s2 + i] + w3 * x[s3 + i]
