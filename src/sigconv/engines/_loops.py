"""The compiled inner loop of the direct engine."""

from __future__ import annotations

from typing import Any

import numba

__all__ = ["add_taps", "zero_if_finite"]

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
def add_taps(x: Any, rows: Any, offsets: Any, weights: Any, out: Any, length: int) -> Any:
    """Write out[r+i] = sum_t weights[t] x[s + offsets[t] + i] for each column (s, r) of `rows`.

    Taps go in groups of eight, so that a piece of the output is read and written once for
    eight products. Indices into slices that start at zero let the loops vectorise. Returned is 0,
    or NaN where an output is not finite.
    """
    probe = weights[0] * 0
    taps = offsets.size
    whole = taps - taps % 8
    for row in range(rows.shape[1]):
        for start in range(0, length, PIECE):
            n = min(PIECE, length - start)
            s = rows[0, row] + start
            r = rows[1, row] + start
            y = out[r : r + n]
            for i in range(n):
                y[i] = 0
            for t in range(0, whole, 8):
                w0, x0 = weights[t], x[s + offsets[t] : s + offsets[t] + n]
                w1, x1 = weights[t + 1], x[s + offsets[t + 1] : s + offsets[t + 1] + n]
                w2, x2 = weights[t + 2], x[s + offsets[t + 2] : s + offsets[t + 2] + n]
                w3, x3 = weights[t + 3], x[s + offsets[t + 3] : s + offsets[t + 3] + n]
                w4, x4 = weights[t + 4], x[s + offsets[t + 4] : s + offsets[t + 4] + n]
                w5, x5 = weights[t + 5], x[s + offsets[t + 5] : s + offsets[t + 5] + n]
                w6, x6 = weights[t + 6], x[s + offsets[t + 6] : s + offsets[t + 6] + n]
                w7, x7 = weights[t + 7], x[s + offsets[t + 7] : s + offsets[t + 7] + n]
                for i in range(n):
                    y[i] += (
                        w0 * x0[i]
                        + w1 * x1[i]
                        + w2 * x2[i]
                        + w3 * x3[i]
                        + w4 * x4[i]
                        + w5 * x5[i]
                        + w6 * x6[i]
                        + w7 * x7[i]
                    )
            for t in range(whole, taps):
                w, xt = weights[t], x[s + offsets[t] : s + offsets[t] + n]
                for i in range(n):
                    y[i] += w * xt[i]
            probe += zero_if_finite(y)
    return probe
