"""The compiled sums over windows of equal taps, by additions alone: see `passes`.

Inner loops count in unsigned integers from a start, as there. numba keeps what it compiled while
`passes.py` stays as it is: after a change here, touch that file.
"""

from __future__ import annotations

from typing import Any

import numba
import numpy as np

__all__ = ["copy", "grow_windows", "sum_block"]

# "contract" allows fused multiply-add and nothing else: NaN and infinity stay exact.
_compiled = numba.njit(nogil=True, cache=True, fastmath={"contract"})

U = np.uint64


@_compiled
def copy(x: Any, s: Any, y: Any, r: Any, n: Any) -> None:
    """Write y[r:][:n] = x[s:][:n]."""
    for i in range(n):
        y[r + i] = x[s + i]


@_compiled
def sum_block(
    x: Any,
    begin: int,
    rows: Any,
    scale: Any,
    y: Any,
    end: int,
    places: Any,
    window: int,
    ahead: Any,
    n: Any,
) -> None:
    """Write the sums over windows of rows, at most as many as a window has rows.

    Each is a sum from its first row to the last that all windows share, found backwards, and one
    of the rows after that, found forwards (van Herk, 1992). That takes three additions a row, and
    none of a row outside the window.
    """
    count = places.size
    before = U(end + places[count - 1])
    for i in range(n):
        y[before + i] = 0
    for k in range(window - 1, count - 2, -1):
        if rows[k] >= 0:
            s = U(begin + rows[k])
            for i in range(n):
                y[before + i] += scale * x[s + i]
    for k in range(count - 2, -1, -1):
        r = U(end + places[k])
        if rows[k] >= 0:
            s = U(begin + rows[k])
            for i in range(n):
                y[r + i] = y[before + i] + scale * x[s + i]
        else:
            copy(y, before, y, r, n)
        before = r
    _add_ahead(x, begin, rows[window:], scale, y, end, places, ahead, n)


@_compiled
def _add_ahead(
    x: Any,
    begin: int,
    rows: Any,
    scale: Any,
    y: Any,
    end: int,
    places: Any,
    ahead: Any,
    n: Any,
) -> None:
    for i in range(n):
        ahead[i] = 0
    for k in range(1, places.size):
        if rows[k - 1] >= 0:
            s = U(begin + rows[k - 1])
            for i in range(n):
                ahead[i] += scale * x[s + i]
        r = U(end + places[k])
        for i in range(n):
            y[r + i] += ahead[i]


@_compiled
def grow_windows(x: Any, s: Any, size: Any, scale: Any, window: int, d: Any, spare: Any) -> None:
    """Write spare[i] = scale sum_k x[s + k d + i], k = 0 .. window-1, from `size` elements of x.

    Windows grow bit by bit from the highest of `window`: two neighbours make one of twice the
    length, and one sample more where the bit is set.
    """
    # Two halves of `spare` take turns, so that no addition reads where it writes; the last writes
    # to the first of them.
    bits = 0
    while window >> (bits + 1):
        bits += 1
    here = size * U(bits % 2)
    for i in range(size):
        spare[here + i] = scale * x[s + i]
    reach = d
    for bit in range(bits - 1, -1, -1):
        there, more = size - here, here + reach
        if window >> bit & 1:
            last = s + U(2) * reach
            for i in range(size - U(2) * reach):
                spare[there + i] = spare[here + i] + spare[more + i] + scale * x[last + i]
            reach = U(2) * reach + d
        else:
            for i in range(size - U(2) * reach + d):
                spare[there + i] = spare[here + i] + spare[more + i]
            reach = U(2) * reach
        here = there
