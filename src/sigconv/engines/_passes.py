"""The compiled passes of the separable engine: 1-D sums across rows, and along them.

Arrays are flat; rows are named by where they begin, and -1 stands for a row that does not exist:
one before the first or after the last. Passes follow one another a few rows at a time, in scratch
that stays in cache.
"""

from __future__ import annotations

from typing import Any

import numba
import numpy as np

from sigconv.engines._loops import zero_if_finite

__all__ = ["sum_along", "sum_passes"]

PIECE = 4096
"""Bytes per row and turn: eleven pieces of the input and four of the output meet in the cache."""

CHUNK = 2048
"""Elements per turn of sums over windows: they are added up in the first-level cache."""

# "contract" allows fused multiply-add and nothing else: NaN and infinity stay exact.
_compiled = numba.njit(nogil=True, cache=True, fastmath={"contract"})


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
            samples, results = x[heads[line, 0] :], y[ends[line, 0] :]
            probe += _sum_plane(
                samples, rows, strip, pads, spare, weights, results, places, form, flags
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
                    x[pieces[0, p] :],
                    heads[line, first:],
                    weights[0],
                    planes[0][pieces[1, p] :],
                    starts[:n],
                    piece,
                    spare,
                    flags[1],
                )
            for i in range(n):
                samples, results = planes[1][i * plane :], y[ends[line, first + i] :]
                probe += _sum_plane(
                    samples, rows, strip, pads, spare, weights, results, places, form, flags
                )
    return probe


@_compiled
def _sum_plane(
    x: Any,
    rows: Any,
    strip: Any,
    pads: Any,
    spare: Any,
    weights: Any,
    y: Any,
    places: Any,
    form: Any,
    flags: Any,
) -> Any:
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
                rows[line, first:],
                weights[1],
                strip[0][origin:],
                starts[:n],
                length,
                spare,
                flags[1],
            )
            for i in range(n):
                extended = strip[0][i * row : (i + 1) * row]
                for k in range(pads.shape[1]):
                    source = pads[1, k]
                    if source < 0:
                        extended[pads[0, k]] = 0
                    else:
                        extended[pads[0, k]] = extended[source]
                place = places[line, first + i]
                samples = strip[1][i * row : (i + 1) * row]
                probe += _along(samples, weights[2], step, y[place : place + results], spare, flags)
    return probe


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
    """Write the sums of equal `weights` along rows; `form` begins with their lengths in x and y."""
    probe = weights[0] * 0
    row, results, step = form[0], form[1], form[2]
    for line in range(starts.size):
        samples = x[starts[line] : starts[line] + row]
        z = y[places[line] : places[line] + results]
        probe += _along(samples, weights, step, z, spare, flags)
    return probe


@_compiled
def _along(x: Any, weights: Any, step: int, y: Any, spare: Any, flags: Any) -> Any:
    """Write, or add to, y[i] the sum of weights[k] x[k step + i], a piece that stays in cache."""
    probe = weights[0] * 0
    reach = (weights.size - 1) * step
    piece = PIECE // y.itemsize
    if flags[1]:
        piece = max(CHUNK, 3 * reach)
    for start in range(0, y.size, piece):
        n = min(piece, y.size - start)
        z = y[start : start + n]
        samples = x[start : start + n + reach]
        if flags[1]:
            _grow(samples, weights[0], weights.size, step, z, spare)
        else:
            part = spare[:n] if flags[0] else z
            _sum_along(samples, weights, step, part)
            if flags[0]:
                for i in range(n):
                    z[i] += part[i]
        if flags[2]:
            probe += zero_if_finite(z)
    return probe


@_compiled
def _across(
    x: Any, rows: Any, weights: Any, y: Any, places: Any, length: int, spare: Any, equal: bool
) -> None:
    """Write y[places[i]:][:length] = sum_k weights[k] x[rows[i + k]:][:length]."""
    count, taps = places.size, weights.size
    piece = PIECE // y.itemsize
    for start in range(0, length, piece):
        n = min(piece, length - start)
        if equal:
            for first in range(0, count, taps):
                block = places[first : min(first + taps, count)]
                _block_of_sums(
                    x[start:], rows[first:], weights[0], y[start:], block, taps, spare[:n]
                )
            continue
        i = 0
        while i < count:
            if i + 4 <= count and rows[i] >= 0 and rows[i + taps + 2] >= 0:
                _four_rows(x[start:], rows[i:], weights, y[start:], places[i:], n)
                i += 4
            else:
                _one_row(x[start:], rows[i:], weights, y[start:], places[i], n)
                i += 1


@_compiled
def _four_rows(x: Any, rows: Any, weights: Any, y: Any, places: Any, n: int) -> None:
    """Write four rows that take neighbouring rows, each of which is read once for all."""
    y0, y1 = y[places[0] : places[0] + n], y[places[1] : places[1] + n]
    y2, y3 = y[places[2] : places[2] + n], y[places[3] : places[3] + n]
    taps = weights.size
    t = (taps - 1) % 4 + 1
    _begin_four(x, rows, weights, t, y0, y1, y2, y3)
    if (taps - t) % 8:
        w0, w1, w2, w3 = weights[t], weights[t + 1], weights[t + 2], weights[t + 3]
        x0, x1 = x[rows[t] : rows[t] + n], x[rows[t + 1] : rows[t + 1] + n]
        x2, x3 = x[rows[t + 2] : rows[t + 2] + n], x[rows[t + 3] : rows[t + 3] + n]
        x4, x5 = x[rows[t + 4] : rows[t + 4] + n], x[rows[t + 5] : rows[t + 5] + n]
        x6 = x[rows[t + 6] : rows[t + 6] + n]
        for i in range(n):
            b0, b1, b2, b3, b4, b5, b6 = x0[i], x1[i], x2[i], x3[i], x4[i], x5[i], x6[i]
            y0[i] = y0[i] + w0 * b0 + w1 * b1 + w2 * b2 + w3 * b3
            y1[i] = y1[i] + w0 * b1 + w1 * b2 + w2 * b3 + w3 * b4
            y2[i] = y2[i] + w0 * b2 + w1 * b3 + w2 * b4 + w3 * b5
            y3[i] = y3[i] + w0 * b3 + w1 * b4 + w2 * b5 + w3 * b6
        t += 4
    while t < taps:
        w0, w1, w2, w3 = weights[t], weights[t + 1], weights[t + 2], weights[t + 3]
        w4, w5, w6, w7 = weights[t + 4], weights[t + 5], weights[t + 6], weights[t + 7]
        x0, x1 = x[rows[t] : rows[t] + n], x[rows[t + 1] : rows[t + 1] + n]
        x2, x3 = x[rows[t + 2] : rows[t + 2] + n], x[rows[t + 3] : rows[t + 3] + n]
        x4, x5 = x[rows[t + 4] : rows[t + 4] + n], x[rows[t + 5] : rows[t + 5] + n]
        x6, x7 = x[rows[t + 6] : rows[t + 6] + n], x[rows[t + 7] : rows[t + 7] + n]
        x8, x9 = x[rows[t + 8] : rows[t + 8] + n], x[rows[t + 9] : rows[t + 9] + n]
        xa = x[rows[t + 10] : rows[t + 10] + n]
        for i in range(n):
            b0, b1, b2, b3, b4, b5 = x0[i], x1[i], x2[i], x3[i], x4[i], x5[i]
            b6, b7, b8, b9, ba = x6[i], x7[i], x8[i], x9[i], xa[i]
            y0[i] = (
                y0[i]
                + w0 * b0
                + w1 * b1
                + w2 * b2
                + w3 * b3
                + w4 * b4
                + w5 * b5
                + w6 * b6
                + w7 * b7
            )
            y1[i] = (
                y1[i]
                + w0 * b1
                + w1 * b2
                + w2 * b3
                + w3 * b4
                + w4 * b5
                + w5 * b6
                + w6 * b7
                + w7 * b8
            )
            y2[i] = (
                y2[i]
                + w0 * b2
                + w1 * b3
                + w2 * b4
                + w3 * b5
                + w4 * b6
                + w5 * b7
                + w6 * b8
                + w7 * b9
            )
            y3[i] = (
                y3[i]
                + w0 * b3
                + w1 * b4
                + w2 * b5
                + w3 * b6
                + w4 * b7
                + w5 * b8
                + w6 * b9
                + w7 * ba
            )
        t += 8


@_compiled
def _begin_four(
    x: Any, rows: Any, weights: Any, taps: int, y0: Any, y1: Any, y2: Any, y3: Any
) -> None:
    """Write the sums over the first one to four taps."""
    n, w0 = y0.size, weights[0]
    x0, x1 = x[rows[0] : rows[0] + n], x[rows[1] : rows[1] + n]
    x2, x3 = x[rows[2] : rows[2] + n], x[rows[3] : rows[3] + n]
    if taps == 1:
        for i in range(n):
            y0[i] = w0 * x0[i]
            y1[i] = w0 * x1[i]
            y2[i] = w0 * x2[i]
            y3[i] = w0 * x3[i]
        return
    w1, x4 = weights[1], x[rows[4] : rows[4] + n]
    if taps == 2:
        for i in range(n):
            b1, b2, b3 = x1[i], x2[i], x3[i]
            y0[i] = w0 * x0[i] + w1 * b1
            y1[i] = w0 * b1 + w1 * b2
            y2[i] = w0 * b2 + w1 * b3
            y3[i] = w0 * b3 + w1 * x4[i]
        return
    w2, x5 = weights[2], x[rows[5] : rows[5] + n]
    if taps == 3:
        for i in range(n):
            b1, b2, b3, b4 = x1[i], x2[i], x3[i], x4[i]
            y0[i] = w0 * x0[i] + w1 * b1 + w2 * b2
            y1[i] = w0 * b1 + w1 * b2 + w2 * b3
            y2[i] = w0 * b2 + w1 * b3 + w2 * b4
            y3[i] = w0 * b3 + w1 * b4 + w2 * x5[i]
        return
    w3, x6 = weights[3], x[rows[6] : rows[6] + n]
    for i in range(n):
        b1, b2, b3, b4, b5 = x1[i], x2[i], x3[i], x4[i], x5[i]
        y0[i] = w0 * x0[i] + w1 * b1 + w2 * b2 + w3 * b3
        y1[i] = w0 * b1 + w1 * b2 + w2 * b3 + w3 * b4
        y2[i] = w0 * b2 + w1 * b3 + w2 * b4 + w3 * b5
        y3[i] = w0 * b3 + w1 * b4 + w2 * b5 + w3 * x6[i]


@_compiled
def _one_row(x: Any, rows: Any, weights: Any, y: Any, place: int, n: int) -> None:
    z = y[place : place + n]
    for i in range(n):
        z[i] = 0
    t, stop = 0, weights.size
    while t < stop and rows[t] < 0:
        t += 1
    while t < stop and rows[stop - 1] < 0:
        stop -= 1
    while t + 4 <= stop:
        w0, w1, w2, w3 = weights[t], weights[t + 1], weights[t + 2], weights[t + 3]
        x0, x1 = x[rows[t] : rows[t] + n], x[rows[t + 1] : rows[t + 1] + n]
        x2, x3 = x[rows[t + 2] : rows[t + 2] + n], x[rows[t + 3] : rows[t + 3] + n]
        for i in range(n):
            z[i] = z[i] + w0 * x0[i] + w1 * x1[i] + w2 * x2[i] + w3 * x3[i]
        t += 4
    while t < stop:
        w0, x0 = weights[t], x[rows[t] : rows[t] + n]
        for i in range(n):
            z[i] += w0 * x0[i]
        t += 1


@_compiled
def _sum_along(x: Any, weights: Any, step: int, z: Any) -> None:
    """Write z[i] the sum of weights[k] x[k step + i]."""
    n, taps = z.size, weights.size
    t = (taps - 1) % 4 + 1
    _begin_along(x, weights, t, step, z)
    if (taps - t) % 8:
        s = t * step
        w0, w1, w2, w3 = weights[t], weights[t + 1], weights[t + 2], weights[t + 3]
        x0, x1 = x[s : s + n], x[s + step : s + step + n]
        x2, x3 = x[s + 2 * step : s + 2 * step + n], x[s + 3 * step : s + 3 * step + n]
        for i in range(n):
            z[i] = z[i] + w0 * x0[i] + w1 * x1[i] + w2 * x2[i] + w3 * x3[i]
        t += 4
    while t < taps:
        w0, w1, w2, w3 = weights[t], weights[t + 1], weights[t + 2], weights[t + 3]
        w4, w5, w6, w7 = weights[t + 4], weights[t + 5], weights[t + 6], weights[t + 7]
        if step == 1:
            # One base and constant distances: a tenth faster than eight bases.
            b = x[t : t + n + 7]
            for i in range(n):
                z[i] = (
                    z[i]
                    + w0 * b[i]
                    + w1 * b[i + 1]
                    + w2 * b[i + 2]
                    + w3 * b[i + 3]
                    + w4 * b[i + 4]
                    + w5 * b[i + 5]
                    + w6 * b[i + 6]
                    + w7 * b[i + 7]
                )
        else:
            s = t * step
            x0, x1 = x[s : s + n], x[s + step : s + step + n]
            x2, x3 = x[s + 2 * step : s + 2 * step + n], x[s + 3 * step : s + 3 * step + n]
            x4, x5 = x[s + 4 * step : s + 4 * step + n], x[s + 5 * step : s + 5 * step + n]
            x6, x7 = x[s + 6 * step : s + 6 * step + n], x[s + 7 * step : s + 7 * step + n]
            for i in range(n):
                z[i] = (
                    z[i]
                    + w0 * x0[i]
                    + w1 * x1[i]
                    + w2 * x2[i]
                    + w3 * x3[i]
                    + w4 * x4[i]
                    + w5 * x5[i]
                    + w6 * x6[i]
                    + w7 * x7[i]
                )
        t += 8


@_compiled
def _begin_along(x: Any, weights: Any, taps: int, step: int, z: Any) -> None:
    """Write the sums over the first one to four taps."""
    n, w0, x0 = z.size, weights[0], x[: z.size]
    if taps == 1:
        for i in range(n):
            z[i] = w0 * x0[i]
        return
    w1, x1 = weights[1], x[step : step + n]
    if taps == 2:
        for i in range(n):
            z[i] = w0 * x0[i] + w1 * x1[i]
        return
    w2, x2 = weights[2], x[2 * step : 2 * step + n]
    if taps == 3:
        for i in range(n):
            z[i] = w0 * x0[i] + w1 * x1[i] + w2 * x2[i]
        return
    w3, x3 = weights[3], x[3 * step : 3 * step + n]
    for i in range(n):
        z[i] = w0 * x0[i] + w1 * x1[i] + w2 * x2[i] + w3 * x3[i]


@_compiled
def _block_of_sums(
    x: Any, rows: Any, scale: Any, y: Any, places: Any, window: int, ahead: Any
) -> None:
    """Write the sums over windows of rows, at most as many as a window has rows.

    Each is a sum from its first row to the last that all windows share, found backwards, and one
    of the rows after that, found forwards (van Herk, 1992). That takes three additions a row, and
    none of a row outside the window.
    """
    n, count = ahead.size, places.size
    for i in range(n):
        ahead[i] = 0
    for k in range(window - 1, count - 2, -1):
        if rows[k] >= 0:
            _accumulate(scale, x[rows[k] : rows[k] + n], ahead)
    before = y[places[count - 1] : places[count - 1] + n]
    for i in range(n):
        before[i] = ahead[i]
        ahead[i] = 0
    for k in range(count - 2, -1, -1):
        z = y[places[k] : places[k] + n]
        if rows[k] >= 0:
            row = x[rows[k] : rows[k] + n]
            for i in range(n):
                z[i] = before[i] + scale * row[i]
        else:
            for i in range(n):
                z[i] = before[i]
        before = z
    for k in range(1, count):
        z, row = y[places[k] : places[k] + n], rows[window + k - 1]
        if row >= 0:
            _accumulate(scale, x[row : row + n], ahead)
        for i in range(n):
            z[i] += ahead[i]


# Of its own: an array that is read and written under two names keeps a loop from vectorising.
@_compiled
def _accumulate(scale: Any, x: Any, z: Any) -> None:
    for i in range(z.size):
        z[i] += scale * x[i]


@_compiled
def _grow(x: Any, scale: Any, window: int, step: int, z: Any, spare: Any) -> None:
    """Write z[i] = scale sum_k x[k step + i], k = 0 .. window-1.

    Windows grow bit by bit from the highest of `window`: two neighbours make one of twice the
    length, and one sample more where the bit is set.
    """
    # Two halves of `spare` take turns, so that no addition reads where it writes.
    here, there = 0, x.size
    first = spare[:there]
    for i in range(there):
        first[i] = scale * x[i]
    top = 0
    while window >> (top + 1):
        top += 1
    reach = step
    for bit in range(top - 1, -1, -1):
        if window >> bit & 1:
            n = x.size - 2 * reach
            a, b, c = spare[here : here + n], spare[here + reach :][:n], x[2 * reach :]
            d = spare[there : there + n]
            for i in range(n):
                d[i] = a[i] + b[i] + scale * c[i]
            reach = 2 * reach + step
        else:
            n = x.size - 2 * reach + step
            a, b = spare[here : here + n], spare[here + reach :][:n]
            d = spare[there : there + n]
            for i in range(n):
                d[i] = a[i] + b[i]
            reach = 2 * reach
        here, there = there, here
    last = spare[here : here + z.size]
    for i in range(z.size):
        z[i] = last[i]
