"""Compiled overlap-save: window after window through FFTW, with scratch that stays in the cache.

`calls` has FFTW's `execute` and the plans there and back. A row of `rows` says where in the memory
`x` a signal begins, where in `y` its outputs do, and which kernel is its own. `layout` has the
outputs of a window, where they begin in a transform, the place in the signal where the first
transform begins, and how many samples and outputs there are.
"""

from __future__ import annotations

from typing import Any

import numba
import numpy as np

from sigconv.core.dtypes import DType
from sigconv.fft import TransformSpec, borrow_transform
from sigconv.loops.fftw import multiply, run_plan
from sigconv.loops.tap_scale import UNSOUND, energy_of, scale_taps, tap_exponent

__all__ = [
    "filter_pairs",
    "filter_windows",
    "load",
    "pair_windows",
    "store",
    "transform_taps",
    "try_windows",
]


@numba.njit(nogil=True, cache=True)
def load(x: Any, begin: int, size: int, place: int, samples: Any) -> None:
    """Copy samples into a transform from `place` of the signal on, zeros where it has none."""
    n = samples.size
    low = min(max(0, -place), n)
    high = max(low, min(n, size - place))
    samples[:low] = 0
    source, target = x[begin + place + low : begin + place + high], samples[low:high]
    for i in range(target.size):
        target[i] = source[i]
    samples[high:] = 0


@numba.njit(nogil=True, cache=True)
def store(samples: Any, factor: Any, target: Any) -> None:
    """Write samples of a transform, times `factor`."""
    for i in range(target.size):
        target[i] = samples[i] * factor


@numba.njit(nogil=True, cache=True)
def filter_windows(
    calls: Any,
    x: Any,
    y: Any,
    rows: Any,
    layout: Any,
    spectra: Any,
    samples: Any,
    spectrum: Any,
    factor: Any,
) -> bool:
    """Convolve every signal; tell whether all that came back is finite."""
    hop, lead, origin, size, length = layout
    second = min(1, samples.size - 1)
    probe = factor * 0
    for row in range(rows.shape[0]):
        for start in range(0, length, hop):
            load(x, rows[row, 0], size, origin + start, samples)
            run_plan(calls[0], calls[1])
            multiply(spectrum, spectra[rows[row, 2]])
            run_plan(calls[0], calls[2])
            # Of a real transform's bins, the first output has the real parts, the next both parts.
            probe += abs(samples[0]) * 0 + abs(samples[second]) * 0
            count, place = min(hop, length - start), rows[row, 1] + start
            store(samples[lead : lead + count], factor, y[place : place + count])
    return bool(probe == 0)


@numba.njit(nogil=True, cache=True)
def _load_pair(first: Any, second: Any, parts: Any) -> None:
    for i in range(first.size):
        parts[2 * i] = first[i]
        parts[2 * i + 1] = second[i]


@numba.njit(nogil=True, cache=True)
def _store_part(parts: Any, first: int, factor: Any, target: Any) -> None:
    for i in range(target.size):
        target[i] = parts[first + 2 * i] * factor


@numba.njit(nogil=True, cache=True)
def filter_pairs(
    calls: Any,
    x: Any,
    y: Any,
    rows: Any,
    layout: Any,
    spectra: Any,
    samples: Any,
    spectrum: Any,
    factor: Any,
    louder: float,
) -> bool:
    """Do what `filter_windows` does for real signals, two windows in one complex transform.

    They go alone where one has more than `louder` times the energy of the other. `samples` are
    real and imaginary parts in turn.
    """
    room = np.empty((3, samples.size // 2), x.dtype)
    arguments = calls, x, y, rows, layout, spectra, samples, spectrum, factor, louder
    return pair_windows(*arguments, room)


@numba.njit(nogil=True, cache=True)
def pair_windows(
    calls: Any,
    x: Any,
    y: Any,
    rows: Any,
    layout: Any,
    spectra: Any,
    samples: Any,
    spectrum: Any,
    factor: Any,
    louder: float,
    room: Any,
) -> bool:
    """Do what `filter_pairs` does, with room for two windows and for silence."""
    hop, lead, origin, size, length = layout
    first, second, silence = room[0], room[1], room[2]
    silence[:] = 0
    probe = factor * 0
    for row in range(rows.shape[0]):
        start = 0
        load(x, rows[row, 0], size, origin, first)
        energy = energy_of(first)
        while start < length:
            other, after = second, start + hop
            beside = 0.0
            if after < length:
                load(x, rows[row, 0], size, origin + after, second)
                beside = energy_of(second)
            two = after < length and max(energy, beside) <= louder * min(energy, beside)
            other = second if two else silence
            _load_pair(first, other, samples)
            run_plan(calls[0], calls[1])
            multiply(spectrum, spectra[rows[row, 2]])
            run_plan(calls[0], calls[2])
            for i in range(min(4, samples.size)):
                probe += samples[i] * 0
            for part in range(2 if two else 1):
                place = start + part * hop
                count = min(hop, length - place)
                target = y[rows[row, 1] + place : rows[row, 1] + place + count]
                _store_part(samples, 2 * lead + part, factor, target)
            start += 2 * hop if two else hop
            if two and start < length:
                load(x, rows[row, 0], size, origin + start, first)
                energy = energy_of(first)
            elif not two:
                first, second, energy = second, first, beside
    return bool(probe == 0)


@numba.njit(nogil=True, cache=True)
def transform_taps(calls: Any, taps: Any, scratch: Any, spectra: Any, limits: Any) -> Any:
    """Write the spectrum of one kernel's taps; return the factor of outputs, 0 for unsound taps.

    `scratch` are the samples and the spectrum of a transform, `limits` those of `tap_exponent`.
    """
    samples, spectrum = scratch
    exponent = tap_exponent(taps, limits)
    if exponent == UNSOUND:
        return limits[3] * 0
    load(taps, 0, taps.size, 0, samples)
    run_plan(calls[0], calls[1])
    spectra[0, :] = spectrum
    return scale_taps(spectra[0], exponent, limits)


def try_windows(dtype: DType) -> None:
    """Run the loops once on samples of `dtype`."""
    x, y = np.zeros(4, dtype), np.empty(4, dtype)
    x.flags.writeable = False
    rows, layout = np.zeros((1, 3), np.int64), np.array((4, 0, 0, 4, 4))
    one = np.ones((), dtype).real[()]
    real = dtype.kind == "f"
    complexes = np.result_type(dtype, np.complex64)
    for paired in (False, True) if dtype.char == "f" else (False,):
        spec = TransformSpec(1, (4,), complexes if paired else dtype, is_native=True)
        spectra = np.zeros((1, 3 if real and not paired else 4), complexes)
        with borrow_transform(spec) as work:
            samples, spectrum = work.samples[0], work.spectrum[0]
            arguments = work.calls, x, y, rows, layout, spectra
            if paired:
                filter_pairs(*arguments, samples.view(dtype), spectrum, one, 1.0)
            else:
                filter_windows(*arguments, samples, spectrum, one)
            limits = 3, 1e-20, 1e30, one
            transform_taps(work.calls, x, (samples, spectrum), spectra, limits)
