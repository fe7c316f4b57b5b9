"""The compiled inner loops of the direct engine."""

from __future__ import annotations

from typing import Any

import numba
import numpy as np

__all__ = ["sum_taps", "zero_if_finite"]

PIECE = 2048
"""Outputs per pass: the piece of a row and its inputs stay in the first-level cache."""


# Regrouping the sum lets it vectorise; zeros and NaN add up to the same in any order.
@numba.njit(nogil=True, cache=True, fastmath={"reassoc"})
def zero_if_finite(y: Any) -> Any:
    """Return 0 where all of `y` is finite, and NaN where it is not."""
    total = y[0] * 0
    for i in range(y.size):
        total += y[i] * 0
    return total


# "contract" allows fused multiply-add and nothing else: NaN and infinity stay exact.
@numba.njit(nogil=True, cache=True, fastmath={"contract"})
def _add_row(x: Any, s: int, offsets: Any, weights: Any, taps: int, y: Any) -> None:
    """Write y[i] = sum_t weights[t] x[s + offsets[t] + i] for the first `taps` taps.

    Taps go in groups, so that a piece of the output is read and written once for eight products.
    Odd squares are one more than a multiple of eight. Indices into slices that start at zero let
    the loops vectorise.
    """
    n = y.size
    t = 0
    if taps > 8 and taps % 8 == 1:
        w0, x0 = weights[0], x[s + offsets[0] : s + offsets[0] + n]
        w1, x1 = weights[1], x[s + offsets[1] : s + offsets[1] + n]
        w2, x2 = weights[2], x[s + offsets[2] : s + offsets[2] + n]
        w3, x3 = weights[3], x[s + offsets[3] : s + offsets[3] + n]
        w4, x4 = weights[4], x[s + offsets[4] : s + offsets[4] + n]
        w5, x5 = weights[5], x[s + offsets[5] : s + offsets[5] + n]
        w6, x6 = weights[6], x[s + offsets[6] : s + offsets[6] + n]
        w7, x7 = weights[7], x[s + offsets[7] : s + offsets[7] + n]
        w8, x8 = weights[8], x[s + offsets[8] : s + offsets[8] + n]
        for i in range(n):
            y[i] = (
                w0 * x0[i]
                + w1 * x1[i]
                + w2 * x2[i]
                + w3 * x3[i]
                + w4 * x4[i]
                + w5 * x5[i]
                + w6 * x6[i]
                + w7 * x7[i]
                + w8 * x8[i]
            )
        t = 9
    else:
        for i in range(n):
            y[i] = 0
    while t + 8 <= taps:
        w0, x0 = weights[t], x[s + offsets[t] : s + offsets[t] + n]
        w1, x1 = weights[t + 1], x[s + offsets[t + 1] : s + offsets[t + 1] + n]
        w2, x2 = weights[t + 2], x[s + offsets[t + 2] : s + offsets[t + 2] + n]
        w3, x3 = weights[t + 3], x[s + offsets[t + 3] : s + offsets[t + 3] + n]
        w4, x4 = weights[t + 4], x[s + offsets[t + 4] : s + offsets[t + 4] + n]
        w5, x5 = weights[t + 5], x[s + offsets[t + 5] : s + offsets[t + 5] + n]
        w6, x6 = weights[t + 6], x[s + offsets[t + 6] : s + offsets[t + 6] + n]
        w7, x7 = weights[t + 7], x[s + offsets[t + 7] : s + offsets[t + 7] + n]
        for i in range(n):
            # From left to right each product is one fused multiply-add.
            y[i] = (
                y[i]
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
    while t + 3 <= taps:
        w0, x0 = weights[t], x[s + offsets[t] : s + offsets[t] + n]
        w1, x1 = weights[t + 1], x[s + offsets[t + 1] : s + offsets[t + 1] + n]
        w2, x2 = weights[t + 2], x[s + offsets[t + 2] : s + offsets[t + 2] + n]
        for i in range(n):
            y[i] = y[i] + w0 * x0[i] + w1 * x1[i] + w2 * x2[i]
        t += 3
    while t < taps:
        w, xt = weights[t], x[s + offsets[t] : s + offsets[t] + n]
        for i in range(n):
            y[i] += w * xt[i]
        t += 1


@numba.njit(nogil=True, cache=True, fastmath={"contract"})
def _add_rim(
    x: Any, places: Any, offsets: Any, weights: Any, columns: Any, taps: int, size: int, out: Any
) -> Any:
    """Do what `_add_row` does, for outputs of which some taps meet no sample.

    `places` are where the first sample and output lie, q, and how many outputs there are. Output i
    and tap t meet sample q + i - columns[t] of their row, if it lies in 0..size-1. Returned is the
    sum of the outputs times zero.
    """
    s, r, q, count = places
    # Where no tap meets a row that exists, there is no weight to take the type from.
    probe = weights.dtype.type(0)
    for i in range(count):
        total = weights.dtype.type(0)
        for t in range(taps):
            if 0 <= q + i - columns[t] < size:
                total += weights[t] * x[s + offsets[t] + i]
        out[r + i] = total
        probe += total * 0
    return probe


@numba.njit(nogil=True, cache=True, fastmath={"contract"})
def _near(axes: Any, position: Any, index: Any, chosen: Any) -> int:
    """Put into `chosen` the taps that meet an existing row of samples, and return how many."""
    count = 0
    for t in range(index.shape[0]):
        exists = True
        for j in range(position.size):
            p = position[j] + axes[j, 2] - index[t, j]
            exists = exists and 0 <= p < axes[j, 1]
        if exists:
            chosen[count] = t
            count += 1
    return count


@numba.njit(nogil=True, cache=True, fastmath={"contract"})
def _add_two_rows(x: Any, s: int, offsets: Any, weights: Any, shape: Any, y0: Any, y1: Any) -> None:
    """Do what `_add_row` does for two rows that follow one another, from shared samples.

    `shape` is how many taps lie in one row of the kernel, and how many rows follow one another.
    The second row meets the samples of tap t with the tap of the row before, weights[t - width].
    """
    n, (width, height) = y0.size, shape
    for i in range(n):
        y0[i] = 0
        y1[i] = 0
    for first in range(0, offsets.size, width * height):
        for t in range(first, first + width):
            w, xt = weights[t], x[s + offsets[t] : s + offsets[t] + n]
            for i in range(n):
                y0[i] += w * xt[i]
        t, stop = first + width, first + width * height
        while t + 8 <= stop:
            u = t - width
            v0, w0, x0 = weights[t], weights[u], x[s + offsets[t] : s + offsets[t] + n]
            v1, w1, x1 = weights[t + 1], weights[u + 1], x[s + offsets[t + 1] :][:n]
            v2, w2, x2 = weights[t + 2], weights[u + 2], x[s + offsets[t + 2] :][:n]
            v3, w3, x3 = weights[t + 3], weights[u + 3], x[s + offsets[t + 3] :][:n]
            v4, w4, x4 = weights[t + 4], weights[u + 4], x[s + offsets[t + 4] :][:n]
            v5, w5, x5 = weights[t + 5], weights[u + 5], x[s + offsets[t + 5] :][:n]
            v6, w6, x6 = weights[t + 6], weights[u + 6], x[s + offsets[t + 6] :][:n]
            v7, w7, x7 = weights[t + 7], weights[u + 7], x[s + offsets[t + 7] :][:n]
            for i in range(n):
                a, b, c, d = x0[i], x1[i], x2[i], x3[i]
                e, f, g, h = x4[i], x5[i], x6[i], x7[i]
                p = y0[i] + v0 * a + v1 * b + v2 * c + v3 * d
                y0[i] = p + v4 * e + v5 * f + v6 * g + v7 * h
                q = y1[i] + w0 * a + w1 * b + w2 * c + w3 * d
                y1[i] = q + w4 * e + w5 * f + w6 * g + w7 * h
            t += 8
        while t < stop:
            v, w, xt = weights[t], weights[t - width], x[s + offsets[t] : s + offsets[t] + n]
            for i in range(n):
                y0[i] += v * xt[i]
                y1[i] += w * xt[i]
            t += 1
        for t in range(stop - width, stop):
            # The last row of taps meets, for the second row of outputs, one row of samples more.
            step = offsets[t] - offsets[t - width]
            w, xt = weights[t], x[s + step + offsets[t] : s + step + offsets[t] + n]
            for i in range(n):
                y1[i] += w * xt[i]


@numba.njit(nogil=True, cache=True)
def _rows_of_taps(axes: Any, index: Any) -> Any:
    """Return how many taps lie in one row of the kernel, and how many rows follow one another.

    Both are 0 where taps are missing, out of order, or too few for rows to share samples.
    """
    last = axes.shape[0] - 1
    width, height = axes[last, 3], axes[last - 1, 3] if last > 0 else 1
    total = index.shape[0]
    if height < 2 or total < 64 or total != np.prod(axes[:, 3]):
        return 0, 0
    for t in range(width, total):
        if t // width % height:
            for j in range(last + 1):
                if index[t - width, j] != index[t, j] + (j == last - 1):
                    return 0, 0
    return width, height


@numba.njit(nogil=True, cache=True)
def _offsets_of(axes: Any, index: Any) -> Any:
    """Return how far the sample of each tap lies from that of tap 0, in elements."""
    offsets = np.zeros(index.shape[0], np.int64)
    for t in range(offsets.size):
        for j in range(axes.shape[0]):
            offsets[t] -= index[t, j] * axes[j, 4]
    return offsets


@numba.njit(nogil=True, cache=True)
def _advance(position: Any, axes: Any) -> None:
    """Go on to the next row of outputs."""
    for j in range(position.size - 1, -1, -1):
        position[j] += 1
        if position[j] < axes[j, 0]:
            break
        position[j] = 0


@numba.njit(nogil=True, cache=True, fastmath={"contract"})
def sum_taps(x: Any, out: Any, origins: Any, axes: Any, index: Any, weights: Any) -> Any:
    """Write out[p] = sum_t weights[t] x[p + shift - index[t]], over the samples that exist.

    `x` and `out` are the memory of arrays whose element 0 lies at the first two `origins`. A row of
    `axes` has an axis's number of outputs, of samples, its shift and number of taps, and the
    strides of `x` and `out`, which are 1 on the last axis. A sample exists where its index lies in
    the array. Returned is 0, or NaN where an output is not finite, if the third origin asks.
    """
    asks = origins[2] != 0
    last = axes.shape[0] - 1
    flat = _offsets_of(axes, index)
    columns, chosen = index[:, last].copy(), np.empty(flat.size, np.int64)
    length, size, shift = axes[last, 0], axes[last, 1], axes[last, 2]
    low = min(max(0, axes[last, 3] - 1 - shift), length)
    high = max(low, min(length, size - shift))
    position = np.zeros(last, np.int64)
    probe = weights[0] * 0
    shape = _rows_of_taps(axes, index)
    done = False
    for _ in range(np.prod(axes[:last, 0])):
        s, r, inside = origins[0] + shift, origins[1], True
        for j in range(last):
            p = position[j] + axes[j, 2]
            s += p * axes[j, 4]
            r += position[j] * axes[j, 5]
            inside = inside and axes[j, 3] <= p + 1 and p < axes[j, 1]
        taps, offsets, kept, places = flat.size, flat, weights, columns
        if not inside:
            taps = _near(axes, position, index, chosen)
            offsets, kept = flat[chosen[:taps]], weights[chosen[:taps]]
            places = columns[chosen[:taps]]
        for start, stop in ((0, low), (high, length)):
            if start < stop:
                at = s + start, r + start, start + shift, stop - start
                probe += _add_rim(x, at, offsets, kept, places, taps, size, out)
        two = False
        if inside and shape[0] > 0 and not done:
            p = position[last - 1] + 1
            two = p < axes[last - 1, 0] and p + axes[last - 1, 2] < axes[last - 1, 1]
        for start in range(low, 0 if done else high, PIECE):
            stop = min(start + PIECE, high)
            y = out[r + start : r + stop]
            if two:
                next_row = r + axes[last - 1, 5]
                beside = out[next_row + start : next_row + stop]
                _add_two_rows(x, s + start, offsets, kept, shape, y, beside)
                if asks:
                    probe += zero_if_finite(beside)
            else:
                _add_row(x, s + start, offsets, kept, taps, y)
            if asks:
                probe += zero_if_finite(y)
        done = two
        _advance(position, axes)
    return probe
