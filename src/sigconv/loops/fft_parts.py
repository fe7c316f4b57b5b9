"""Compiled overlap-save by parts of a long kernel: a delay line of spectra.

A kernel longer than the cache is cut into parts as long as a window's outputs. The spectrum of a
window is kept as long as a later window meets it: outputs of window b are those of
sum_p X[b-p] H[p], one transform there and one back, whatever the number of parts.
Arguments are as in `fft_windows`; `spectra` has an axis of parts more, and `line` is scratch for as
many spectra.
"""

from __future__ import annotations

from typing import Any

import numba
import numpy as np

from sigconv.core.dtypes import DType
from sigconv.fft import TransformSpec, borrow_transform
from sigconv.loops.fft_windows import load, store
from sigconv.loops.fftw import run_plan

__all__ = ["filter_parts", "sum_parts", "try_parts"]

# Bins that are summed over all parts at a time: their sums stay in the first-level cache.
_BINS = 1024


@numba.njit(nogil=True, cache=True, fastmath={"contract"})
def sum_parts(sums: Any, line: Any, heard: Any, spectra: Any, newest: int) -> None:
    """Write sum_p line[newest - p] * spectra[p], without those of silent windows."""
    parts = spectra.shape[0]
    for low in range(0, sums.size, _BINS):
        target = sums[low : low + _BINS]
        target[:] = 0
        for part in range(parts):
            place = (newest - part) % parts
            if heard[place]:
                source = line[place, low : low + target.size]
                weights = spectra[part, low : low + target.size]
                for i in range(target.size):
                    target[i] += source[i] * weights[i]


@numba.njit(nogil=True, cache=True)
def filter_parts(
    calls: Any,
    x: Any,
    y: Any,
    rows: Any,
    layout: Any,
    spectra: Any,
    samples: Any,
    spectrum: Any,
    line: Any,
    factor: Any,
) -> bool:
    """Convolve every signal; tell whether all that came back is finite."""
    hop, lead, origin, size, length = layout
    parts, second = line.shape[0], min(1, samples.size - 1)
    heard = np.zeros(parts, np.bool_)
    probe = factor * 0
    for row in range(rows.shape[0]):
        # Before the first outputs, windows that they meet.
        for window in range(1 - parts, (length + hop - 1) // hop):
            place, at = origin + window * hop, window % parts
            heard[at] = -samples.size < place < size
            if heard[at]:
                load(x, rows[row, 0], size, place, samples)
                run_plan(calls[0], calls[1])
                line[at, :] = spectrum
            if window < 0:
                continue
            sum_parts(spectrum, line, heard, spectra[rows[row, 2]], window)
            run_plan(calls[0], calls[2])
            # Of a real transform's bins, the first output has the real parts, the next both parts.
            probe += abs(samples[0]) * 0 + abs(samples[second]) * 0
            start = window * hop
            count, place = min(hop, length - start), rows[row, 1] + start
            store(samples[lead : lead + count], factor, y[place : place + count])
    return bool(probe == 0)


def try_parts(dtype: DType) -> None:
    """Run the loop once on samples of `dtype`."""
    x, y = np.zeros(4, dtype), np.empty(4, dtype)
    x.flags.writeable = False
    rows, layout = np.zeros((1, 3), np.int64), np.array((2, 2, -2, 4, 4))
    one = np.ones((), dtype).real[()]
    spec = TransformSpec(1, (4,), dtype, is_native=True)
    spectra = np.zeros((1, 2, *spec.bins), spec.spectrum_dtype)
    with borrow_transform(spec) as work:
        arguments = work.calls, x, y, rows, layout, spectra, work.samples[0], work.spectrum[0]
        filter_parts(*arguments, np.empty_like(spectra[0]), one)
