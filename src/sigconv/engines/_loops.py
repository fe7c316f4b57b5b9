"""The compiled inner loops of the direct engine."""

from __future__ import annotations

from typing import Any

import numba
import numpy as np

__all__ = ["sum_taps", "zero_if_finite"]

# Inner loops count in unsigned integers from a start: an index that cannot be negative lets them
# vectorise, and unlike a slice it costs nothing to make.
U = np.uint64

PIECE = 2048
"""Outputs per pass: the piece of a row and its inputs stay in the first-level cache."""


# Regrouping the sum lets it vectorise; zeros and NaN add up to the same in any order.
@numba.njit(nogil=True, cache=True, fastmath={"reassoc"})
def zero_if_finite(y: Any, r: int, n: int) -> Any:
    """Return 0 where elements r to r + n of `y` are all finite, and NaN where one is not."""
    total, b = y[0] * 0, U(r)
    for i in range(U(n)):
        total += y[b + i] * 0
    return total


# "contract" allows fused multiply-add and nothing else: NaN and infinity stay exact.
@numba.njit(nogil=True, cache=True, fastmath={"contract"})
def _add_row(
    x: Any, s: int, offsets: Any, weights: Any, taps: int, y: Any, r: int, count: int
) -> None:
    """Write y[r + i] = sum_t weights[t] x[s + offsets[t] + i] for the first `taps` taps.

    Taps go in groups, so that a piece of the output is read and written once for eight products.
    Odd squares are one more than a multiple of eight.
    """
    n, b = U(count), U(r)
    t = 0
    if taps > 8 and taps % 8 == 1:
        w0, a0 = weights[0], U(s + offsets[0])
        w1, a1 = weights[1], U(s + offsets[1])
        w2, a2 = weights[2], U(s + offsets[2])
        w3, a3 = weights[3], U(s + offsets[3])
        w4, a4 = weights[4], U(s + offsets[4])
        w5, a5 = weights[5], U(s + offsets[5])
        w6, a6 = weights[6], U(s + offsets[6])
        w7, a7 = weights[7], U(s + offsets[7])
        w8, a8 = weights[8], U(s + offsets[8])
        for i in range(n):
            y[b + i] = (
                w0 * x[a0 + i]
                + w1 * x[a1 + i]
                + w2 * x[a2 + i]
                + w3 * x[a3 + i]
                + w4 * x[a4 + i]
                + w5 * x[a5 + i]
                + w6 * x[a6 + i]
                + w7 * x[a7 + i]
                + w8 * x[a8 + i]
            )
        t = 9
    else:
        for i in range(n):
            y[b + i] = 0
    while t + 8 <= taps:
        w0, a0 = weights[t], U(s + offsets[t])
        w1, a1 = weights[t + 1], U(s + offsets[t + 1])
        w2, a2 = weights[t + 2], U(s + offsets[t + 2])
        w3, a3 = weights[t + 3], U(s + offsets[t + 3])
        w4, a4 = weights[t + 4], U(s + offsets[t + 4])
        w5, a5 = weights[t + 5], U(s + offsets[t + 5])
        w6, a6 = weights[t + 6], U(s + offsets[t + 6])
        w7, a7 = weights[t + 7], U(s + offsets[t + 7])
        for i in range(n):
            # From left to right each product is one fused multiply-add.
            y[b + i] = (
                y[b + i]
                + w0 * x[a0 + i]
                + w1 * x[a1 + i]
                + w2 * x[a2 + i]
                + w3 * x[a3 + i]
                + w4 * x[a4 + i]
                + w5 * x[a5 + i]
                + w6 * x[a6 + i]
                + w7 * x[a7 + i]
            )
        t += 8
    while t + 3 <= taps:
        w0, a0 = weights[t], U(s + offsets[t])
        w1, a1 = weights[t + 1], U(s + offsets[t + 1])
        w2, a2 = weights[t + 2], U(s + offsets[t + 2])
        for i in range(n):
            y[b + i] = y[b + i] + w0 * x[a0 + i] + w1 * x[a1 + i] + w2 * x[a2 + i]
        t += 3
    while t < taps:
        w0, a0 = weights[t], U(s + offsets[t])
        for i in range(n):
            y[b + i] += w0 * x[a0 + i]
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
def _add_two_rows(
    x: Any, s: int, offsets: Any, weights: Any, shape: Any, y: Any, rows: Any, count: int
) -> None:
    """Do what `_add_row` does for two rows that follow one another, from shared samples.

    `rows` are where they begin, `shape` is how many taps lie in one row of the kernel, and how many
    rows follow one another. The second row meets the samples of tap t with the tap of the row
    before, weights[t - width].
    """
    n, b, c, (width, height) = U(count), U(rows[0]), U(rows[1]), shape
    for i in range(n):
        y[b + i] = 0
        y[c + i] = 0
    for first in range(0, offsets.size, width * height):
        for t in range(first, first + width):
            w0, a0 = weights[t], U(s + offsets[t])
            for i in range(n):
                y[b + i] += w0 * x[a0 + i]
        t, stop = first + width, first + width * height
        while t + 8 <= stop:
            u = t - width
            v0, w0, a0 = weights[t], weights[u], U(s + offsets[t])
            v1, w1, a1 = weights[t + 1], weights[u + 1], U(s + offsets[t + 1])
            v2, w2, a2 = weights[t + 2], weights[u + 2], U(s + offsets[t + 2])
            v3, w3, a3 = weights[t + 3], weights[u + 3], U(s + offsets[t + 3])
            v4, w4, a4 = weights[t + 4], weights[u + 4], U(s + offsets[t + 4])
            v5, w5, a5 = weights[t + 5], weights[u + 5], U(s + offsets[t + 5])
            v6, w6, a6 = weights[t + 6], weights[u + 6], U(s + offsets[t + 6])
            v7, w7, a7 = weights[t + 7], weights[u + 7], U(s + offsets[t + 7])
            for i in range(n):
                x0, x1, x2, x3 = x[a0 + i], x[a1 + i], x[a2 + i], x[a3 + i]
                x4, x5, x6, x7 = x[a4 + i], x[a5 + i], x[a6 + i], x[a7 + i]
                p = y[b + i] + v0 * x0 + v1 * x1 + v2 * x2 + v3 * x3
                y[b + i] = p + v4 * x4 + v5 * x5 + v6 * x6 + v7 * x7
                q = y[c + i] + w0 * x0 + w1 * x1 + w2 * x2 + w3 * x3
                y[c + i] = q + w4 * x4 + w5 * x5 + w6 * x6 + w7 * x7
            t += 8
        while t < stop:
            v0, w0, a0 = weights[t], weights[t - width], U(s + offsets[t])
            for i in range(n):
                y[b + i] += v0 * x[a0 + i]
                y[c + i] += w0 * x[a0 + i]
            t += 1
        for t in range(stop - width, stop):
            # The last row of taps meets, for the second row of outputs, one row of samples more.
            step = offsets[t] - offsets[t - width]
            w0, a0 = weights[t], U(s + step + offsets[t])
            for i in range(n):
                y[c + i] += w0 * x[a0 + i]


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
            count, at = min(PIECE, high - start), r + start
            if two:
                beside = at + axes[last - 1, 5]
                _add_two_rows(x, s + start, offsets, kept, shape, out, (at, beside), count)
                if asks:
                    probe += zero_if_finite(out, beside, count)
            else:
                _add_row(x, s + start, offsets, kept, taps, out, at, count)
            if asks:
                probe += zero_if_finite(out, at, count)
        done = two
        _advance(position, axes)
    return probe
