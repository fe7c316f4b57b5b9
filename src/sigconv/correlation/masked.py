"""Coefficients over the samples that count on both sides, for normalized_correlation.

Over the n pairs that count of a window w and the template t, with sums over these pairs,
r = (S_wt - S_w S_t / n) / sqrt((S_ww - S_w^2 / n) (S_tt - S_t^2 / n)), and every sum is a
correlation (Padfield, "Masked object registration in the Fourier domain", IEEE Trans. Image
Process. 21, 2012). What these differences cancel is lost. So every sum carries a bound on its
error, and windows for which that says too little are computed again: from samples levelled
nearby, half by half, and in the end by the definition, from the samples as they came.
"""

from __future__ import annotations

from collections.abc import Callable
from math import prod
from typing import NamedTuple

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from sigconv.core.dtypes import Array
from sigconv.core.index import along
from sigconv.core.window_sums import window_sums
from sigconv.correlation.deviations import (
    TOLERANCE,
    Levelled,
    WindowCall,
    centred,
    largest_of,
)

__all__ = ["Marked", "masked_coefficients"]

# Products of one step by the definition: enough to be worth the step, few enough to fit caches.
_PRODUCTS = 1 << 20


class Marked(NamedTuple):
    """Samples, marks of those that count, and these levelled, with zeros for the others."""

    samples: Array
    marks: Array
    level: Levelled

    @classmethod
    def of(cls, call: WindowCall, samples: Array, marks: Array, own_eps: float) -> Marked:
        """Level the samples that count by their median."""
        counted = np.where(marks, samples, call.dtype.type(np.nan))
        level = Levelled.of(call, _counted_first(call, counted, marks), counted, own_eps)
        if level.bad is not None:
            bad = level.bad & marks
            level = level._replace(bad=bad if bad.any() else None)
        return cls(samples, marks, level)

    def part(self, call: WindowCall, axis: int, start: int, stop: int) -> Marked:
        """Return a range of one axis, levelled by its own median."""
        at = along(axis, slice(start, stop))
        return self.of(call, self.samples[at], self.marks[at], self.level.own_eps)


def masked_coefficients(
    call: WindowCall, windows: Marked, pattern: Marked, min_overlap: float
) -> Array:
    """Return the coefficient of every window with a template, over the pairs that count."""
    pairs = np.rint(call.correlate(windows.marks, pattern.marks))
    # A share of just `min_overlap` is enough: both are the float64 next to that fraction.
    share = pairs.astype(np.float64) / call.total(pattern.marks)
    counts = np.where((pairs < 2) | (share < float(min_overlap)), 0, pairs)
    surface, lost = _by_sums(call, windows, pattern, counts)
    touched = _touched(call, windows, pattern)
    lost &= ~touched
    if lost.any():
        # Copies repeat what counts, so that equal samples stay equal, but dilute what differs.
        lost &= _varied(call, _filled(call, windows), call.sizes(pattern.marks))
        _recover(call, windows, pattern, counts, lost, surface)
    np.copyto(surface, np.nan, where=touched)
    return np.clip(surface, -1, 1)


def _counted_first(call: WindowCall, samples: Array, marks: Array) -> Array:
    """Return the samples along one axis of a window, those that count before the others."""
    if not call.ndim:
        return samples
    line = (*call.batch(samples), *(1,) * (call.ndim - 1), -1)
    order = np.argsort(~marks.reshape(line), axis=-1, kind="stable")
    return np.take_along_axis(samples.reshape(line), order, axis=-1)


def _filled(call: WindowCall, windows: Marked) -> Array:
    """Return the samples, with copies of neighbours that count for those that do not."""
    samples, marks = windows.samples, windows.marks
    for axis in call.axes:
        places = np.arange(marks.shape[axis]).reshape((-1,) + (1,) * (-1 - axis))
        first = marks.argmax(axis=axis, keepdims=True)
        nearest = np.maximum.accumulate(np.where(marks, places, first), axis=axis)
        samples = np.take_along_axis(samples, nearest, axis=axis)
        marks = np.broadcast_to(marks.any(axis=axis, keepdims=True), marks.shape)
    return samples


def _varied(call: WindowCall, samples: Array, taps: tuple[int, ...]) -> Array:
    """Return which windows hold neighbours that differ."""
    varied: Array = np.zeros((), bool)
    for axis, k in zip(call.axes, taps, strict=True):
        if k > 1:
            at = samples.ndim + axis
            steps = samples[along(at, slice(1, None))] != samples[along(at, slice(-1))]
            lengths = tuple(n - (i == axis) for i, n in zip(call.axes, taps, strict=True))
            varied = varied | (window_sums(steps.astype(call.dtype), lengths) > 0)
    return varied


def _touched(call: WindowCall, windows: Marked, pattern: Marked) -> Array:
    """Return the windows with a pair of which one sample is not finite."""
    pairs = (windows.level.bad, pattern.marks), (windows.marks, pattern.level.bad)
    touched = np.zeros((), bool)
    for left, right in pairs:
        if left is not None and right is not None:
            touched = touched | (call.correlate(left, right) > 0.5)
    return touched


class _Moments(NamedTuple):
    """Means and norms of one side over the pairs; the errors of norms are relative."""

    mean: Array
    mean_error: Array
    norm: Array
    norm_error: Array
    constant: Array

    @classmethod
    def of(
        cls, level: Levelled, counts: Array, sums: tuple[Array, Array], squares: tuple[Array, Array]
    ) -> _Moments:
        mean, mean_error = sums[0] / counts, sums[1] / counts
        energy = np.maximum(squares[0] - counts * np.square(mean), 0)
        error = squares[1] + 2 * np.abs(mean) * sums[1]
        constant = energy + error <= counts * np.square(level.flat(mean))
        return cls(mean, mean_error, np.sqrt(energy), error / (2 * energy), constant)


def _by_sums(
    call: WindowCall, windows: Marked, pattern: Marked, counts: Array
) -> tuple[Array, Array]:
    """Return the coefficients, 0 without pairs, and which of them sums may have spoiled."""
    x, t = windows.level.samples, pattern.level.samples
    left, right = windows.marks.astype(call.dtype), pattern.marks.astype(call.dtype)
    with np.errstate(all="ignore"):
        w = _Moments.of(
            windows.level, counts, _sums(call, x, right), _sums(call, np.square(x), right)
        )
        p = _Moments.of(
            pattern.level, counts, _sums(call, left, t), _sums(call, left, np.square(t))
        )
        products, error = _sums(call, x, t)
        norms = w.norm * p.norm
        surface = (products - counts * w.mean * p.mean) / norms
        error = error + counts * (np.abs(w.mean) * p.mean_error + np.abs(p.mean) * w.mean_error)
        known = error / norms + w.norm_error + p.norm_error <= TOLERANCE
    nothing = (counts == 0) | w.constant | p.constant
    return np.where(known & ~nothing, surface, 0), ~(known | nothing)


def _sums(call: WindowCall, signal: Array, template: Array) -> tuple[Array, Array]:
    """Return the correlation of every window with a template, and a bound on its error."""
    sums = call.correlate(signal, template)
    return sums, call.fft_error(signal) * call.norm(template)


def _recover(
    call: WindowCall, windows: Marked, pattern: Marked, counts: Array, lost: Array, surface: Array
) -> None:
    """Write the coefficients of lost windows, half by half while they are many and wide apart."""
    taps = call.sizes(pattern.marks)
    ratios = [n / k for n, k in zip(call.sizes(lost), taps, strict=True)]
    longest = int(np.argmax(ratios))
    if ratios[longest] <= 1 or np.count_nonzero(lost) * prod(taps) <= _PRODUCTS:
        _by_definition(call, windows, pattern, lost, surface)
        return
    axis = lost.ndim - call.ndim + longest
    length = lost.shape[axis]
    for start, stop in ((0, length // 2), (length // 2, length)):
        at = along(axis, slice(start, stop))
        if lost[at].any():
            near = windows.part(call, axis, start, stop + taps[longest] - 1)
            values, again = _by_sums(call, near, pattern, np.where(lost[at], counts[at], 0))
            np.copyto(surface[at], values, where=lost[at])
            if again.any():
                _recover(call, near, pattern, counts[at], again, surface[at])


def _by_definition(
    call: WindowCall, windows: Marked, pattern: Marked, lost: Array, surface: Array
) -> None:
    """Write the coefficients of lost windows in two passes over the samples of each."""
    taps = call.sizes(pattern.marks)
    shape, each = surface.shape, (*call.batch(pattern.marks), *(1,) * call.ndim, *taps)
    sides = (
        _Rows.of(windows, shape, lambda array: sliding_window_view(array, taps, call.axes)),
        _Rows.of(pattern, shape, lambda array: array.reshape(each)),
    )
    row = call._replace(ndim=1)
    places = np.nonzero(lost)
    step = max(1, _PRODUCTS // prod(taps))
    for start in range(0, len(places[0]), step):
        at = tuple(place[start : start + step] for place in places)
        pairs = np.logical_and(*(side.at(side.marks, at) for side in sides))
        w, t = (_unit(row, side.at(side.samples, at), pairs, side.own_eps) for side in sides)
        surface[at] = np.sum(w * t, axis=-1)


class _Rows(NamedTuple):
    """Views of one side in which every window of a surface has the samples that it meets."""

    marks: Array
    samples: Array
    own_eps: float

    @classmethod
    def of(cls, side: Marked, shape: tuple[int, ...], view: Callable[[Array], Array]) -> _Rows:
        marks, samples = view(side.marks), view(side.samples)
        whole = shape + samples.shape[len(shape) :]
        return cls(
            np.broadcast_to(marks, whole), np.broadcast_to(samples, whole), side.level.own_eps
        )

    def at(self, view: Array, places: tuple[Array, ...]) -> Array:
        """Return what some windows have in a view, one window in a row."""
        return view[places].reshape(len(places[0]), -1)


def _unit(row: WindowCall, samples: Array, pairs: Array, own_eps: float) -> Array:
    """Return the samples of the pairs less their mean, with norm 1; zeros if they are constant."""
    with np.errstate(all="ignore"):
        kept = np.where(pairs, samples, row.dtype.type(0))
        kept = np.ldexp(kept, -np.frexp(largest_of(row, kept))[1])
        # Less any one of them, they are rounded relative to their own range.
        offset = np.take_along_axis(kept, pairs.argmax(axis=-1, keepdims=True), axis=-1)
        level = Levelled(kept - offset, offset, None, own_eps)
        apart, mean = centred(row, level.samples, pairs)
        norm = row.norm(apart)
        flat = norm <= np.sqrt(row.total(pairs)) * level.flat(mean)
        return np.where(flat, 0, apart / norm)
