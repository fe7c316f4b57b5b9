"""Sums and squared deviations over sliding windows, by additions alone.

A window of 2L samples is two neighbours of L, and one of L+1 a window of L and one sample: a
window of K takes at most 2 log2(K) additions, in a tree that touches no sample outside it. A
running sum would subtract what leaves the window, and keep its rounding for ever.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import pairwise, product
from math import prod

import numpy as np

from sigconv.core.dtypes import Array, DType
from sigconv.errors import ShapeError

__all__ = ["masked_moments", "window_moments", "window_sums"]

# Elements of one array that stay in cache from the first addition of a chunk to the last.
_CHUNK = 1 << 15

# Elements on the axes behind the summed one that make a run worth adding.
_RUN = 128

Parts = tuple[Array, ...]
Merge = Callable[[Parts, Parts, int, int], Parts]
"""What two neighbouring windows, of so many steps each, give as one."""


def window_sums(array: Array, taps: tuple[int, ...]) -> Array:
    """Return the sums over every window of `taps` samples on the last ``len(taps)`` axes.

    Parameters
    ----------
    array : ndarray
        Numbers. Booleans and integers are summed in 64 bits, float16 in float32.
    taps : tuple of int
        The window's length K on each of the last axes, 1 to N.

    Returns
    -------
    ndarray
        A new array with N-K+1 sums on each of these axes: the positions of ``valid``.

    Raises
    ------
    ShapeError
        A window that is empty or longer than its axis, or more windows than axes.

    Notes
    -----
    The error is at most 2 log2(K) roundings per axis, relative to the sum of the window's own
    magnitudes. Equal windows have equal sums, bit for bit. What is not finite reaches the
    windows that hold it and no others.

    Examples
    --------
    >>> window_sums(np.array([1, 2, 3, 4, 5]), (3,))
    array([ 6,  9, 12])
    """
    _check(array.shape, taps)
    dtype = _accumulator(array.dtype)
    (sums,) = _slide((array.astype(dtype, order="C", copy=False),), taps, _sum_merge)
    return sums.copy() if np.may_share_memory(sums, array) else sums


def window_moments(array: Array, taps: tuple[int, ...]) -> tuple[Array, Array]:
    """Return the sums over every window, and the sums of squared deviations from its mean.

    Parameters
    ----------
    array : ndarray
        Real floating numbers.
    taps : tuple of int
        As in `window_sums`.

    Returns
    -------
    sums, deviations : ndarray
        New arrays, shaped as by `window_sums`; no deviation is negative.

    Raises
    ------
    ShapeError
        As in `window_sums`.

    Notes
    -----
    Moments of neighbours, m and n samples each, are merged by M = Ma + Mb + (n Sa - m Sb)^2 /
    (m n (m+n)) (Chan, Golub and LeVeque, 1979). Only squares are added, so that an offset of
    1e8 costs 8 digits, and not the 16 that sum(x^2) - (sum x)^2 / n loses.

    Examples
    --------
    >>> window_moments(np.array([1.0, 3.0, 3.0]), (2,))
    (array([4., 6.]), array([2., 0.]))
    """
    _check(array.shape, taps)
    first = array.astype(_accumulator(array.dtype), order="C", copy=False)
    count = 1
    moments: Parts = (first, np.zeros(first.shape, first.dtype))
    for i, k in enumerate(taps):
        # Behind the first axis, a step is a window of `count` samples already.
        one_axis = (k, *(1,) * (len(taps) - 1 - i))
        moments = _slide(moments, one_axis, _moment_merge(count))
        count *= k
    sums, deviations = moments
    return sums.copy() if np.may_share_memory(sums, array) else sums, deviations


def masked_moments(array: Array, mask: Array) -> tuple[Array, Array]:
    """Return what `window_moments` does, over those samples of every window that a mask marks.

    Parameters
    ----------
    array : ndarray
        Real floating numbers.
    mask : ndarray of bool
        The samples that count, one at least, in the shape of a window on the last axes.

    Returns
    -------
    sums, deviations : ndarray
        New arrays, shaped as by `window_sums`; no deviation is negative.

    Raises
    ------
    ShapeError
        A mask that marks nothing, or that is longer than an axis.

    Notes
    -----
    The mask is cut into boxes, whose moments are merged in a binary tree. What it leaves out
    is not touched. The cost grows with the number of boxes: one for a rectangle, about one per
    row for a disc, one per run of samples for a mask without any order.

    Examples
    --------
    >>> masked_moments(np.array([1.0, 9.0, 3.0, 5.0]), np.array([True, False, True]))
    (array([ 4., 14.]), array([2., 8.]))
    """
    _check(array.shape, mask.shape)
    corners: dict[tuple[int, ...], list[tuple[int, ...]]] = {}
    for box in _boxes(mask):
        corner, taps = zip(*box, strict=True) if box else ((), ())
        corners.setdefault(taps, []).append(corner)
    if not corners:
        raise ShapeError("the mask of a window leaves no sample. Mark one at least.")
    lead, tree = (slice(None),) * (array.ndim - mask.ndim), list[tuple[int, int, Parts]]()
    lengths = [n - k + 1 for n, k in zip(array.shape[len(lead) :], mask.shape, strict=True)]
    with np.errstate(all="ignore"):
        for taps, places in corners.items():
            moments = window_moments(array, taps)
            for corner in places:
                inside = (slice(i, i + n) for i, n in zip(corner, lengths, strict=True))
                at = (*lead, *inside)
                entry = 0, prod(taps), tuple(part[at] for part in moments)
                while tree and tree[-1][0] == entry[0]:
                    entry = _joined(tree.pop(), entry)
                tree.append(entry)
        while len(tree) > 1:
            tree.append(_joined(tree.pop(-2), tree.pop()))
    sums, deviations = tree[0][2]
    return sums.copy(), deviations.copy()


def _boxes(mask: Array) -> Iterator[tuple[tuple[int, int], ...]]:
    """Yield boxes that cover what a mask marks, once: (start, length) on every axis."""
    if not mask.ndim:
        if mask:
            yield ()
        return
    rows = mask.reshape(len(mask), -1)
    changes = (rows[1:] != rows[:-1]).any(axis=1)
    edges = (0, *(np.flatnonzero(changes) + 1).tolist(), len(mask))
    for start, stop in pairwise(edges):
        for box in _boxes(mask[start]):
            yield ((start, stop - start), *box)


def _joined(left: tuple[int, int, Parts], right: tuple[int, int, Parts]) -> tuple[int, int, Parts]:
    """Return two nodes of the tree as one: its height, its samples, its moments."""
    (height, m, first), (_, n, second) = left, right
    return height + 1, m + n, _moment_merge(1)(first, second, m, n)


def _check(shape: tuple[int, ...], taps: tuple[int, ...]) -> None:
    sizes = shape[len(shape) - len(taps) :]
    if len(taps) > len(shape) or any(not 1 <= k <= n for k, n in zip(taps, sizes, strict=True)):
        raise ShapeError(
            f"a window has 1 to N samples on each of the last axes; got windows of {taps} for an "
            f"array of shape {shape}. Extend the array, or shorten the window."
        )


def _accumulator(dtype: DType) -> DType:
    if dtype.kind in "bi":
        return np.dtype(np.int64)
    if dtype.kind == "u":
        return np.dtype(np.uint64)
    return np.result_type(dtype.newbyteorder("="), np.float32)


def _sum_merge(left: Parts, right: Parts, m: int, n: int) -> Parts:
    del m, n
    return (left[0] + right[0],)


def _moment_merge(count: int) -> Merge:
    """Return the merger of moments whose steps are `count` samples each."""

    def merge(left: Parts, right: Parts, m: int, n: int) -> Parts:
        (a, a_squares), (b, b_squares) = left, right
        apart = a - b if m == n else n * a - m * b
        apart *= apart
        apart *= 1 / (count * (2 * m if m == n else m * n * (m + n)))
        apart += a_squares
        apart += b_squares
        return a + b, apart

    return merge


def _slide(arrays: Parts, taps: tuple[int, ...], merge: Merge) -> Parts:
    """Merge the steps of every window, one of the last axes after the other."""
    for axis, k in enumerate(taps, start=arrays[0].ndim - len(taps)):
        if k > 1:
            arrays = _slide_axis(arrays, axis, k, merge)
    return arrays


def _slide_axis(arrays: Parts, axis: int, k: int, merge: Merge) -> Parts:
    """Merge the steps of every window along one axis, a chunk that fits the cache at a time."""
    shape = arrays[0].shape
    outer, inner = prod(shape[:axis]), prod(shape[axis + 1 :])
    length = shape[axis] - k + 1
    flat = tuple(array.reshape(outer, shape[axis], inner) for array in arrays)
    results = tuple(np.empty((outer, length, inner), array.dtype) for array in arrays)
    with np.errstate(all="ignore"):
        for rows, (start, stop), columns in _chunks(outer, length, inner, k):
            read = (rows, slice(start, stop + k - 1), columns)
            merged = _windows(tuple(array[read] for array in flat), k, merge)
            for result, part in zip(results, merged, strict=True):
                result[rows, start:stop, columns] = part
    return tuple(result.reshape(*shape[:axis], length, *shape[axis + 1 :]) for result in results)


def _windows(steps: Parts, k: int, merge: Merge) -> Parts:
    """Return every window of `k` steps on axis 1, doubled bit by bit from the highest of `k`."""
    windows, length = steps, 1
    for bit in bin(k)[3:]:
        left = tuple(part[:, :-length] for part in windows)
        windows = merge(left, tuple(part[:, length:] for part in windows), length, length)
        length *= 2
        if bit == "1":
            left = tuple(part[:, :-1] for part in windows)
            windows = merge(left, tuple(part[:, length:] for part in steps), length, 1)
            length += 1
    return windows


def _chunks(
    outer: int, length: int, inner: int, k: int
) -> Iterator[tuple[slice, tuple[int, int], slice]]:
    """Yield boxes that cover the results; their windows reach k-1 steps further."""
    width = min(inner, _RUN) or 1
    # At least 3k results, so that the steps that two chunks share are few.
    step = min(length, max(_CHUNK // width, 3 * k)) or 1
    height = max(1, _CHUNK // ((step + k - 1) * width))
    starts = (range(0, size, by) for size, by in ((outer, height), (length, step), (inner, width)))
    for row, start, column in product(*starts):
        stop = min(start + step, length)
        yield slice(row, row + height), (start, stop), slice(column, column + width)
