"""Compiled steps of a transform plane by plane, around FFTW.

`calls` has FFTW's `execute` and its plans. A group of planes, or of columns, is loaded, transformed
and stored before the next one. In between lie half spectra, a row for each plane.
"""

from __future__ import annotations

from typing import Any

import numba

from sigconv.engines._fftw import run_plan

__all__ = ["filter_columns", "forward_planes", "inverse_planes", "transform_columns"]


@numba.njit(nogil=True, cache=True)
def _copy(source: Any, target: Any) -> None:
    for i in range(target.size):
        target[i] = source[i]


@numba.njit(nogil=True, cache=True, fastmath={"contract"})
def _multiply(row: Any, kernel: Any) -> None:
    for i in range(kernel.size):
        row[i] *= kernel[i]


@numba.njit(nogil=True, cache=True)
def _scale(source: Any, factor: Any, target: Any) -> None:
    for i in range(target.size):
        target[i] = source[i] * factor


@numba.njit(nogil=True, cache=True)
def forward_planes(
    calls: Any, x: Any, place: Any, box: Any, samples: Any, spectra: Any, between: Any
) -> None:
    """Transform planes of the memory `x` into rows of `between`.

    `place` has where the first plane begins, and the strides to the next plane and row; `box` has
    the first row of `between`, and the number of planes, rows and samples in a row.
    """
    first, planes, rows, length = box
    count, height = spectra.shape[0], spectra.shape[1]
    bins = between.shape[1] // height
    for start in range(0, planes, count):
        group = min(count, planes - start)
        for c in range(group):
            for r in range(rows):
                begin = place[0] + (start + c) * place[1] + r * place[2]
                _copy(x[begin : begin + length], samples[c, r, :length])
                samples[c, r, length:] = 0
        run_plan(calls[0], calls[1])
        if calls[2]:
            spectra[:, rows:] = 0
            run_plan(calls[0], calls[2])
        for c in range(group):
            target = between[first + start + c]
            for r in range(height):
                _copy(spectra[c, r], target[r * bins : (r + 1) * bins])


@numba.njit(nogil=True, cache=True)
def inverse_planes(
    calls: Any,
    between: Any,
    spectra: Any,
    results: Any,
    y: Any,
    place: Any,
    box: Any,
    factor: Any,
) -> bool:
    """Transform rows of `between` back, into planes of `y`, and tell whether these are finite.

    `box` has the first row of `between`, the number of planes, rows and samples wanted, and the
    first sample wanted of a row.
    """
    first, planes, rows, length, lead = box
    count, height = spectra.shape[0], spectra.shape[1]
    bins = between.shape[1] // height
    second = min(1, results.shape[2] - 1)
    probe = factor * 0
    for start in range(0, planes, count):
        group = min(count, planes - start)
        for c in range(group):
            source = between[first + start + c]
            for r in range(height):
                _copy(source[r * bins : (r + 1) * bins], spectra[c, r, :bins])
        if calls[3]:
            run_plan(calls[0], calls[3])
        run_plan(calls[0], calls[4])
        for c in range(group):
            for r in range(rows):
                begin = place[0] + (start + c) * place[1] + r * place[2]
                row = results[c, r]
                _scale(row[lead : lead + length], factor, y[begin : begin + length])
                # Of a real transform's bins, the first output has the real parts, the next both.
                probe += abs(row[0]) * 0 + abs(row[second]) * 0
    return bool(probe == 0)


@numba.njit(nogil=True, cache=True)
def _load(source: Any, start: int, width: int, columns: Any) -> None:
    """Copy columns of `source` into the first rows, and zeros around them."""
    rows = source.shape[0]
    for j in range(rows):
        _copy(source[j, start : start + width], columns[j, :width])
    if width < columns.shape[1]:
        columns[:, width:] = 0
    columns[rows:] = 0


@numba.njit(nogil=True, cache=True)
def transform_columns(calls: Any, kernel: Any, columns: Any, whole: Any) -> None:
    """Write the spectra of the kernel's columns at all frequencies."""
    width = columns.shape[1]
    for start in range(0, kernel.shape[1], width):
        count = min(width, kernel.shape[1] - start)
        _load(kernel, start, count, columns)
        run_plan(calls[0], calls[1])
        for j in range(columns.shape[0]):
            _copy(columns[j], whole[j, start : start + count])


@numba.njit(nogil=True, cache=True)
def filter_columns(
    calls: Any, between: Any, box: Any, kernel: Any, columns: Any, beside: Any
) -> None:
    """Convolve columns of `between` along its first axis, in place.

    `box` has the first column and the last, how many rows hold samples, and the first and last row
    that are wanted. `kernel` has a row for each tap, or, without room `beside` the columns for a
    transform of these, its spectrum at all frequencies.
    """
    first, last, size, low, high = box
    is_whole = beside.size == 0
    width = columns.shape[1]
    for start in range(first, last, width):
        count = min(width, last - start)
        if not is_whole:
            _load(kernel, start, count, columns)
            run_plan(calls[0], calls[1])
            beside[:] = columns
        _load(between[:size], start, count, columns)
        run_plan(calls[0], calls[1])
        if is_whole:
            for j in range(columns.shape[0]):
                _multiply(columns[j, :count], kernel[j, start : start + count])
        else:
            _multiply(columns.reshape(-1), beside.reshape(-1))
        run_plan(calls[0], calls[2])
        for j in range(low, high):
            _copy(columns[j], between[j - low, start : start + count])
