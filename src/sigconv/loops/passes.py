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

from sigconv.loops.counting import count_done, take_next, tell
from sigconv.loops.memory import address, call
from sigconv.loops.pieces import TOGETHER
from sigconv.loops.sum_tables import SERVED
from sigconv.loops.vectors import zero_if_finite
from sigconv.loops.windows import copy, grow_windows, sum_block

__all__ = ["FIRST", "sum_along", "sum_passes"]

PIECE = 8192
"""Bytes per row and turn: the pieces of a row and of its neighbours stay in cache."""

CACHED = 1 << 17
"""Bytes of the rows that a few rows of results take: near enough to be read at full speed."""

FIRST = 2 + len(SERVED)
"""Where the lines begin among `tools`."""

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
    tools: Any,
    served: Any,
    shares: Any,
    counter: Any,
) -> None:
    """Write, or add to, `y` the sums over all axes, in the parts that nobody else has taken.

    Parameters
    ----------
    x, y : flat arrays
        Samples and results.
    heads, ends : arrays (lines, count + taps - 1), (lines, count)
        Where planes of samples begin, and where their results do. A pass along this axis comes
        first, unless `weights[0]` is empty.
    pieces : array (2, n)
        Where the rows of a plane begin in the samples, and where in `planes`.
    planes : three flat arrays
        Scratch for the results of the first pass, to write and to read, and where planes begin.
    rows, places : arrays (lines, count + taps - 1), (lines, count)
        Where the rows of a plane begin, and their results.
    strip : three flat arrays
        Scratch for rows with what continues them, to write and to read, and where rows begin.
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
    tools : array of int64
        The addresses of what writes several rows and one, counts of lines, and room for as many
        lines as a few rows take.
    served : two arrays
        The segments of rows of samples, for the pass across planes and the one across rows.
    shares : pair
        The parts that each line of planes, or of rows, is taken in, and how many a part has.
    counter : array of three int64
        Shared by all who work on the parts. It tells where one looks for results that are not
        finite, and there is one.
    """
    piece, plane, parts, step = form[0], form[1], shares[0], shares[1]
    count = places.shape[1] if weights[0].size == 0 else ends.shape[1]
    several = max(1, planes[2].size)
    while True:
        taken = take_next(address(counter))
        if taken >= heads.shape[0] * parts:
            return
        line, start = taken // parts, taken % parts * step
        stop, probe = min(start + step, count), weights[2][0] * 0
        if weights[0].size == 0:
            span = heads[line, 0], ends[line, 0], start, stop
            probe += _sum_plane(
                x, rows, strip, pads, spare, weights, y, places, form, flags, tools, served[1], span
            )
            start = stop
        for first in range(start, stop, several):
            n = min(several, stop - first)
            for p in range(pieces.shape[1]):
                _across(
                    x,
                    pieces[0, p],
                    heads[line, first:],
                    weights[0],
                    planes[0],
                    pieces[1, p],
                    planes[2][:n],
                    piece,
                    spare,
                    flags[1],
                    tools,
                    served[0],
                )
            for i in range(n):
                span = i * plane, ends[line, first + i], 0, places.shape[1]
                probe += _sum_plane(
                    planes[1],
                    rows,
                    strip,
                    pads,
                    spare,
                    weights,
                    y,
                    places,
                    form,
                    flags,
                    tools,
                    served[1],
                    span,
                )
        if probe != 0:
            tell(address(counter))
        count_done(address(counter), 1)


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
    tools: Any,
    served: Any,
    span: Any,
) -> Any:
    """Write rows of the sums over a plane of samples.

    `span` is where the plane begins, where its results do, and which of the rows to write.
    """
    length, row, origin, results, step = form[2], form[3], form[4], form[5], form[6]
    begin, end, start, stop = span
    probe = weights[2][0] * 0
    several = strip[2].size
    for line in range(places.shape[0]):
        for first in range(start, stop, several):
            n = min(several, stop - first)
            _across(
                x,
                begin,
                rows[line, first:],
                weights[1],
                strip[0],
                origin,
                strip[2][:n],
                length,
                spare,
                flags[1],
                tools,
                served,
            )
            for i in range(n):
                _fill(strip[0], i * row, pads)
                place = end + places[line, first + i]
                probe += _along(
                    strip[1], i * row, weights[2], step, y, place, results, spare, flags, tools
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
    tools: Any,
) -> Any:
    """Write the sums of equal `weights` along rows; `form` is their results, and the step."""
    probe = weights[0] * 0
    results, step = form[0], form[1]
    for line in range(starts.size):
        probe += _along(
            x, starts[line], weights, step, y, places[line], results, spare, flags, tools
        )
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
    tools: Any,
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
            _sum_along(x, begin + start, weights, step, spare, 0, n, tools)
            for i in range(U(n)):
                y[r + i] += spare[i]
        else:
            _sum_along(x, begin + start, weights, step, y, place + start, n, tools)
        if flags[2]:
            probe += zero_if_finite(y[place + start : place + start + n])
    return probe


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
    tools: Any,
    served: Any,
) -> None:
    """Write y[end + places[i]:][:length] = sum_k weights[k] x[begin + rows[i + k]:][:length].

    The places follow one another at equal distances.
    """
    count, taps, size = places.size, weights.size, x.itemsize
    piece = PIECE // size
    if not equal:
        piece = max(256, CACHED // (size * (taps + TOGETHER - 1)) // 64 * 64)
    between = (places[1] - places[0]) * size if count > 1 else 0
    for start in range(0, length, piece):
        n = min(piece, length - start)
        s, r = begin + start, end + start
        if equal:
            for first in range(0, count, taps):
                block = places[first : min(first + taps, count)]
                sum_block(x, s, rows[first:], weights[0], y, r, block, taps, spare, U(n))
            continue
        together, i = TOGETHER if count >= TOGETHER else 1, 0
        while i < count:
            # The last few rows share with some that are written twice.
            i = min(i, count - together)
            _list_rows(x, s, rows, i, weights, together, tools, served)
            target = address(y) + (r + places[i]) * size
            lines, counts = address(tools) + 8 * FIRST, address(tools) + 8 * 2
            writer = tools[0] if together > 1 else tools[1]
            call(writer, (target, lines, counts, 1, 0, size, between, n))
            i += together


@_compiled
def _list_rows(
    x: Any,
    begin: int,
    rows: Any,
    start: int,
    weights: Any,
    together: int,
    tools: Any,
    served: Any,
) -> None:
    """List the rows of samples that a few rows of results take, each with its first weight."""
    taps, size, at = weights.size, x.itemsize, FIRST
    tools[2:FIRST] = 0
    for s in range(taps + together - 1):
        row = rows[start + s]
        if row >= 0:
            tools[at] = address(x) + (begin + row) * size
            tools[at + 1] = address(weights) + min(s, taps - 1) * size
            tools[2 + (served[s] if together > 1 else 0)] += 1
            at += 2


@_compiled
def _sum_along(x: Any, s: int, weights: Any, step: int, y: Any, r: int, n: int, tools: Any) -> None:
    """Write y[r + i] = sum_k weights[k] x[s + k step + i], i < n."""
    size = x.itemsize
    tools[2], tools[FIRST], tools[FIRST + 1] = 1, address(x) + s * size, address(weights)
    lines, counts = address(tools) + 8 * FIRST, address(tools) + 8 * 2
    form = weights.size, step * size, 0, 0, n
    call(tools[1], (address(y) + r * size, lines, counts, *form))
