"""Compiled steps of a transform plane by plane, around FFTW.

In between lie half spectra by groups of columns: element [g, p, i] is column g w + i of plane p, so
that a group is transformed where it lies, and is one piece of memory. Every step loads, transforms
and stores a few planes, or a group, before the next ones.
"""

from __future__ import annotations

from typing import Any

import numba
import numpy as np

from sigconv.core.dtypes import DType
from sigconv.fft import ColumnSpec, PlaneSpec, borrow_transform
from sigconv.loops.fft_windows import store
from sigconv.loops.fftw import multiply, multiply_parts, run_plan, run_plan_at
from sigconv.loops.memory import copy_bytes, zero_bytes
from sigconv.loops.scratch import Scratch
from sigconv.loops.tap_scale import UNSOUND, scale_taps, tap_exponent

__all__ = [
    "convolve_once",
    "filter_groups",
    "filter_tiles",
    "forward_planes",
    "inverse_planes",
    "transform_kernel",
    "try_planes",
]


@numba.njit(nogil=True, cache=True)
def _move(
    row: int, begin: int, bins: int, plane: int, between: Any, address: int, inward: bool
) -> None:
    """Copy `bins` columns, from `begin` on, between the address `row` and their groups.

    `inward` is into the groups of `between`, whose memory is at `address`.
    """
    _, planes, width = between.shape
    size = between.itemsize
    done = 0
    while done < bins:
        group, place = (begin + done) // width, (begin + done) % width
        count = min(width - place, bins - done)
        there = address + ((group * planes + plane) * width + place) * size
        here = row + done * size
        if inward:
            copy_bytes(there, here, count * size)
        else:
            copy_bytes(here, there, count * size)
        done += count


@numba.njit(nogil=True, cache=True)
def forward_planes(
    calls: Any, x: Any, place: Any, box: Any, samples: Any, spectra: Any, between: Any
) -> None:
    """Transform planes of the memory `x` into planes of `between`.

    `place` has where the first plane begins, and the strides to the next plane and row. `box` has
    the first plane of `between`, the number of planes, rows and samples in a row, how many rows and
    samples of zeros come before them, and the bins of a row.
    """
    first, planes, rows, length, above, before, bins = box
    count, height, lanes = spectra.shape
    most, last, size = samples.shape[1], samples.shape[2], x.itemsize
    source, scratch = x.ctypes.data, samples.ctypes.data
    spectrum, target = spectra.ctypes.data, between.ctypes.data
    bin_size = spectra.itemsize
    for start in range(0, planes, count):
        group = min(count, planes - start)
        for c in range(group):
            plane = scratch + c * most * last * size
            zero_bytes(plane, above * last * size)
            zero_bytes(plane + (above + rows) * last * size, (most - above - rows) * last * size)
            for r in range(rows):
                begin = place[0] + (start + c) * place[1] + r * place[2]
                row = plane + (above + r) * last * size
                zero_bytes(row, before * size)
                copy_bytes(row + before * size, source + begin * size, length * size)
                zero_bytes(row + (before + length) * size, (last - before - length) * size)
        run_plan(calls[0], calls[1])
        if calls[2]:
            for c in range(group):
                plane = spectrum + c * height * lanes * bin_size
                zero_bytes(plane + most * lanes * bin_size, (height - most) * lanes * bin_size)
            run_plan(calls[0], calls[2])
        for c in range(group):
            for r in range(height):
                row = spectrum + (c * height + r) * lanes * bin_size
                _move(row, r * bins, bins, first + start + c, between, target, True)


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
    """Transform planes of `between` back, into planes of `y`, and tell whether these are finite.

    `box` has the first plane of `between`, the number of planes, rows and samples wanted, the first
    sample wanted, and the bins of a row.
    """
    first, planes, rows, length, before, bins = box
    count, height, lanes = spectra.shape
    second = min(1, results.shape[2] - 1)
    spectrum, source, bin_size = spectra.ctypes.data, between.ctypes.data, spectra.itemsize
    probe = factor * 0
    for start in range(0, planes, count):
        group = min(count, planes - start)
        for c in range(group):
            for r in range(height):
                row = spectrum + (c * height + r) * lanes * bin_size
                _move(row, r * bins, bins, first + start + c, between, source, False)
        if calls[3]:
            run_plan(calls[0], calls[3])
        run_plan(calls[0], calls[4])
        for c in range(group):
            for r in range(rows):
                begin = place[0] + (start + c) * place[1] + r * place[2]
                row = results[c, r]
                store(row[before : before + length], factor, y[begin : begin + length])
                # Of a real transform's bins, the first output has the real parts, the next both.
                probe += abs(row[0]) * 0 + abs(row[second]) * 0
    return bool(probe == 0)


@numba.njit(nogil=True, cache=True)
def transform_kernel(calls: Any, planes: Any, columns: Any, whole: Any) -> None:
    """Write the spectra of groups of a kernel's planes at all frequencies of the first axis."""
    size = columns.itemsize
    taken = planes.shape[1] * planes.shape[2] * size
    total, scratch = columns.size * size, columns.ctypes.data
    for g in range(planes.shape[0]):
        copy_bytes(scratch, planes.ctypes.data + g * taken, taken)
        zero_bytes(scratch + taken, total - taken)
        run_plan(calls[0], calls[1])
        copy_bytes(whole.ctypes.data + g * total, scratch, total)


@numba.njit(nogil=True, cache=True)
def filter_groups(calls: Any, between: Any, box: Any, kernel: Any, columns: Any) -> None:
    """Convolve groups of columns along the first axis, where they lie.

    `box` has the first group, the last, where the planes with samples begin and end, and what
    `kernel` is: 0 a plane for each tap, 1 the spectrum at all frequencies, 2 that spectrum where it
    is real, two numbers in each element.
    """
    first, last, low, high, form = box
    _, planes, width = between.shape
    line = width * between.itemsize
    address, scratch = between.ctypes.data, columns.ctypes.data
    flat = columns.reshape(-1)
    taken = kernel.shape[1] * line
    for g in range(first, last):
        group = address + g * planes * line
        zero_bytes(group, low * line)
        zero_bytes(group + high * line, (planes - high) * line)
        run_plan_at(calls[3], calls[1], group, group)
        if form == 1:
            multiply(between[g].reshape(-1), kernel[g].reshape(-1))
        elif form == 2:
            multiply_parts(between[g].reshape(-1), kernel[g].reshape(-1))
        else:
            copy_bytes(scratch, kernel.ctypes.data + g * taken, taken)
            zero_bytes(scratch + taken, (planes - kernel.shape[1]) * line)
            run_plan(calls[0], calls[1])
            multiply(between[g].reshape(-1), flat)
        run_plan_at(calls[3], calls[2], group, group)


@numba.njit(nogil=True, cache=True)
def filter_tiles(
    calls: Any,
    column_calls: Any,
    x: Any,
    y: Any,
    tiles: Any,
    samples: Any,
    spectra: Any,
    results: Any,
    between: Any,
    columns: Any,
    kernel: Any,
    factor: Any,
) -> bool:
    """Convolve tile after tile, and tell whether all outputs are finite.

    A row of `tiles` has what the three steps are told: `place` and `box` of the first, `box` of the
    second, `place` and `box` of the third.
    """
    finite = True
    for t in range(tiles.shape[0]):
        row = tiles[t]
        forward_planes(calls, x, row[0:3], row[3:10], samples, spectra, between)
        filter_groups(column_calls, between, row[10:15], kernel, columns)
        place, box = row[15:18], row[18:24]
        done = inverse_planes(calls, between, spectra, results, y, place, box, factor)
        finite = finite and done
    return finite


@numba.njit(nogil=True, cache=True)
def convolve_once(
    calls: Any, x: Any, y: Any, tiles: Any, scratch: Any, taps: Any, planes: Any, limits: Any
) -> bool:
    """Convolve tiles with a kernel that is transformed first, and tell whether all is finite.

    `calls` are those of the kernel's planes, of the tiles' and of columns; `taps` are the flat
    kernel, and the place and box of its planes; `planes` the scratch for them, and their spectra;
    `limits` those of `tap_exponent`.
    """
    flat, place, box = taps
    exponent = tap_exponent(flat, limits)
    if exponent == UNSOUND:
        return False
    samples, spectra, kernel = planes
    forward_planes(calls[0], flat, place, box, samples, spectra, kernel)
    factor = scale_taps(kernel.reshape(-1), exponent, limits)
    arguments = calls[1], calls[2], x, y, tiles, *scratch, kernel, factor
    return bool(filter_tiles(*arguments))


def try_planes(dtype: DType) -> None:
    """Run the loops once on samples of `dtype`."""
    planes = PlaneSpec(1, (4, 4), (1,), ((0, 1),), dtype, is_native=True)
    half = planes.spectrum_dtype
    columns = ColumnSpec(4, 64 // half.itemsize, half, is_native=True)
    bins = planes.bins[-1]
    x, y, between = (
        np.zeros(4, dtype),
        np.empty(4, dtype),
        Scratch().array((4, 4, columns.width), half),
    )
    x.flags.writeable = False
    between[...] = 0
    one, place = np.ones((), dtype).real[()], np.zeros(3, np.int64)
    with borrow_transform(planes) as work:
        samples, spectra, results = work.by_rows
        box = np.array((0, 1, 1, 4, 0, 0, bins))
        forward_planes(work.calls, x, place, box, samples, spectra, between)
        box = np.array((0, 1, 1, 4, 0, bins))
        inverse_planes(work.calls, between, spectra, results, y, place, box, one)
    with borrow_transform(columns) as work:
        transform_kernel(work.calls, between[:, :1].copy(), work.columns, between)
        filter_groups(work.calls, between, np.array((0, 1, 0, 1, 1)), between, work.columns)
        tiles = np.zeros((0, 24), np.int64)
        scratch = samples, spectra, results, between, work.columns
        filter_tiles(work.calls, work.calls, x, y, tiles, *scratch, between, one)
        taps, kernel = (x, place, np.zeros(7, np.int64)), (samples, spectra, between)
        limits = 3, 1e-20, 1e30, one
        convolve_once((work.calls,) * 3, x, y, tiles, scratch, taps, kernel, limits)
