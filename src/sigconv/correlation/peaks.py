"""The highest peak of a correlation: where it is between samples, and how far it stands out."""

from __future__ import annotations

from collections.abc import Sequence
from math import isqrt, pi

import numpy as np

from sigconv.core.dtypes import Array

__all__ = ["best_lag", "confidence_of", "highest", "peaks_of", "refined"]

# Relative to the highest value: what is this close ties with it, and what is this low is nothing.
_TIE = 1e-12

# Newton's method doubles its digits with every step: more than any start needs.
_STEPS = 20

# Steps shorter than this, in samples, are rounding.
_SETTLED = 1e-12


def highest(surface: Array, distances: Sequence[Array]) -> tuple[int, ...]:
    """Return the index of the highest value; among ties, that nearest to lag 0.

    `distances` are those of the indices from lag 0, per axis.
    """
    top = surface.max()
    ties = np.argwhere(surface >= top - _TIE * abs(top))
    squares = sum(np.square(d[ties[:, axis]]) for axis, d in enumerate(distances))
    return tuple(int(i) for i in ties[np.argmin(squares)])


def peaks_of(line: Array, floor: float) -> Array:
    """Tell which samples of a line, its ends left out, are peaks.

    Neither neighbour of a peak is higher, and it is more than nothing beside `floor`.
    """
    inside = line[1:-1]
    peaks: Array = (inside >= line[:-2]) & (inside >= line[2:]) & (inside > _TIE * floor)
    return peaks


def refined(cross: Array, surface: Array, peak: tuple[int, ...]) -> tuple[float, ...]:
    """Return the maximum near `peak` of the polynomial that passes through the surface.

    Parameters
    ----------
    cross : array
        The spectrum of the surface, half of the last axis.
    surface : array
        The samples of a circular correlation.
    peak : tuple of int
        The index of a high sample.

    Returns
    -------
    tuple of float
        The place, at most one sample away from `peak` on each axis.
    """
    spectrum = _without_nyquist(cross, surface.shape)
    origin = np.array(peak, float)
    place = origin + _parabola(surface, peak)
    start, *_ = _derivatives(spectrum, surface.shape, origin)
    for _ in range(_STEPS):
        value, gradient, hessian = _derivatives(spectrum, surface.shape, place)
        step = np.clip(place + _newton(gradient, hessian), origin - 1, origin + 1) - place
        if np.abs(step).max() < _SETTLED:
            break
        place = place + step
    # On a ridge or a plateau, Newton's method may have gone astray.
    return tuple(float(p) for p in (place if value >= start else origin))


def best_lag(cross: Array, surface: Array, near: Array, lags: Array) -> tuple[float, float]:
    """Return the lag of the highest peak, to a fraction of a sample, and its confidence.

    `surface` is the circular correlation with the spectrum `cross`; `near` are its values at
    `lags`, which increase by 1, and at the one next to either end.
    """
    peaks, values = peaks_of(near, float(np.abs(surface).max())), near[1:-1]
    (best,) = highest(np.where(peaks, values, -np.inf) if peaks.any() else values, [np.abs(lags)])
    if not peaks.any():
        return float(lags[best]) if values[best] > 0 else 0.0, 1.0
    index = int(lags[best]) % surface.size
    (place,) = refined(cross, surface, (index,))
    delay = min(max(int(lags[best]) + (place - index), int(lags[0])), int(lags[-1]))
    return float(delay), confidence_of(near, (best + 1,), circular=False)


def confidence_of(surface: Array, peak: tuple[int, ...], *, circular: bool) -> float:
    """Return the value at `peak` over the highest outside its main lobe.

    The lobe is a box: along each axis through the peak, either way, it ends where the values,
    once below half the peak, begin to rise, or where they rise above the peak.
    """
    lobe = []
    for axis, (index, size) in enumerate(zip(peak, surface.shape, strict=True)):
        line = np.moveaxis(surface, axis, -1)[(*peak[:axis], *peak[axis + 1 :])]
        if circular:
            line = np.roll(line, -index)
            after, before = _fall(line), _fall(np.roll(line[::-1], 1))
        else:
            after, before = _fall(line[index:]), _fall(line[index::-1])
        lobe.append(np.arange(index - before, index + after + 1) % size)
    rest = surface.copy()
    rest[np.ix_(*lobe)] = -np.inf
    second = float(rest.max())
    first = float(surface[peak])
    return first / second if second > _TIE * first else float("inf")


def _fall(line: Array) -> int:
    """Return the index at which a lobe that begins at index 0 ends."""
    dips = (line[:-1] < line[0] / 2) & (np.diff(line) >= 0)
    turns = np.flatnonzero(dips | (line[1:] > line[0] + _TIE * abs(line[0])))
    return int(turns[0]) if turns.size else line.size - 1


def _without_nyquist(cross: Array, shape: tuple[int, ...]) -> Array:
    """Return the half spectrum with its bins counted twice where their mirror image is absent.

    At half the sampling frequency of an axis, samples do not tell how the signal moves.
    """
    spectrum = cross.copy()
    spectrum[..., 1:] *= 2
    for axis, n in enumerate(shape):
        if n % 2 == 0:
            spectrum[(slice(None),) * axis + (n // 2,)] = 0
    return spectrum


def _parabola(surface: Array, peak: tuple[int, ...]) -> Array:
    """Return the offsets of the vertices of the parabolas through the peak and its neighbours."""
    offsets = np.zeros(len(peak))
    for axis, (index, size) in enumerate(zip(peak, surface.shape, strict=True)):
        around = np.arange(index - 1, index + 2) % size
        before, top, after = surface[(*peak[:axis], around, *peak[axis + 1 :])]
        bend = before - 2 * top + after
        if bend < 0:
            offsets[axis] = np.clip((before - after) / (2 * bend), -0.5, 0.5)
    return offsets


def _derivatives(
    spectrum: Array, shape: tuple[int, ...], place: Array
) -> tuple[float, Array, Array]:
    """Return value, gradient and Hessian at `place` of the polynomial with this half spectrum."""
    ndim = len(shape)
    table = spectrum
    for axis, n in enumerate(shape[:-1]):
        k = np.rint(np.fft.fftfreq(n, 1 / n)).astype(np.int64)
        # The first axis goes; at the end, index 0, 1 or 2 is the order of the derivative.
        table = np.tensordot(table, _waves(k, n, place[axis]), (0, 0))
    table = _last_derivatives(table, shape[-1], place[-1])
    unit = np.eye(ndim, dtype=int)
    orders = [[unit[i] + unit[j] for j in range(ndim)] for i in range(ndim)]
    hessian = np.array([[table[tuple(order)].real for order in row] for row in orders])
    gradient = np.array([table[tuple(row)].real for row in unit])
    return float(table[(0,) * ndim].real), gradient, hessian


def _waves(k: Array, n: int, place: float) -> Array:
    """Return exp(2 pi i k place / n), and its first two derivatives by the place."""
    whole = round(float(place))
    # Whole turns are taken off the integers, so that no digit of the rest is lost.
    turns = (k * whole % n + k * (place - whole)) / n
    wave, turn = np.exp(2j * pi * turns), 2j * pi / n * k
    return np.stack([wave, turn * wave, turn**2 * wave], axis=1)


def _last_derivatives(table: Array, n: int, place: float) -> Array:
    """Sum the frequencies of the last axis, which comes first here; the derivatives come last.

    With k = a width + b, the wave is a product, and n frequencies take 2 sqrt(n) exponentials.
    """
    size = table.shape[0]
    width = max(isqrt(size), 1)
    whole = size - size % width
    fine = _waves(np.arange(width), n, place)
    rows = table[:whole].reshape(-1, width, *table.shape[1:])
    parts = np.tensordot(rows, fine, (1, 0))
    rest = np.tensordot(table[whole:], fine[: size - whole], (0, 0))
    parts = np.concatenate([parts, rest[np.newaxis]])
    coarse = _waves(width * np.arange(parts.shape[0]), n, place)
    value, slope, bend = (np.tensordot(parts, wave, (0, 0)) for wave in coarse.T)
    # Leibniz: derivatives of a product.
    orders = [value[..., 0], value[..., 1] + slope[..., 0]]
    orders.append(value[..., 2] + 2 * slope[..., 1] + bend[..., 0])
    return np.stack(orders, axis=-1)


def _newton(gradient: Array, hessian: Array) -> Array:
    """Return the step to the maximum, along the directions in which the surface bends down."""
    bends, directions = np.linalg.eigh(hessian)
    down = bends < -1e-9 * np.abs(bends).max(initial=0)
    slopes = directions.T @ gradient
    step: Array = directions @ np.where(down, -slopes / np.where(down, bends, 1), 0)
    return step
