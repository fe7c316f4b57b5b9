"""Compiled steps of a stream: the first taps as a direct sum, the others as spectra of blocks.

Samples lie in `past`, a row for each input. Connections are rows of (output, input, kernel), those
of output o from `starts[o]` on. Several threads share the pieces of a run by a board, and look
there for the next one for as long as they have `patience`. Denormal numbers count as zeros in here.
"""

from __future__ import annotations

from typing import Any

import numba
import numpy as np

from sigconv.core.dtypes import DType
from sigconv.fft import TransformSpec, borrow_transform
from sigconv.loops.boards import ORDERS, claim, new_board, publish, target_row, withdraw
from sigconv.loops.counting import are_done, count_done, wait_for
from sigconv.loops.denormals import count_as_zeros, restore
from sigconv.loops.fft_windows import filter_windows, pair_windows
from sigconv.loops.fftw import run_plan
from sigconv.loops.memory import address, read

__all__ = [
    "are_finite",
    "run_blocks",
    "run_windows",
    "sum_first_taps",
    "try_blocks",
    "try_heads",
]

# Outputs, and bins, that are summed at a time: their sums stay in the first-level cache.
_OUTPUTS = 2048
_BINS = 1024


# Regrouping the sum lets it vectorise.
@numba.njit(nogil=True, cache=True, fastmath={"reassoc"})
def are_finite(past: Any, start: int, stop: int) -> bool:
    """Tell whether samples [start, stop) of every row are finite."""
    zero = past[0, start] - past[0, start]
    probe = zero
    for row in range(past.shape[0]):
        samples = past[row, start:stop]
        for i in range(samples.size):
            probe += samples[i] * zero
    return bool(probe == 0)


@numba.njit(nogil=True, cache=True, fastmath={"contract"})
def _add_taps(x: Any, taps: Any, y: Any) -> None:
    """Add sum_k taps[k] x[K-1 + n - k] to y[n], the taps in their order."""
    last, count = taps.size - 1, taps.size // 8 * 8
    for low in range(0, y.size, _OUTPUTS):
        target = y[low : low + _OUTPUTS]
        for k in range(0, count, 8):
            # One load and store of a sum for eight products.
            h0, h1, h2, h3 = taps[k], taps[k + 1], taps[k + 2], taps[k + 3]
            h4, h5, h6, h7 = taps[k + 4], taps[k + 5], taps[k + 6], taps[k + 7]
            s = x[low + last - k - 7 : low + last - k + target.size]
            for n in range(target.size):
                total = target[n] + h0 * s[n + 7]
                total = total + h1 * s[n + 6]
                total = total + h2 * s[n + 5]
                total = total + h3 * s[n + 4]
                total = total + h4 * s[n + 3]
                total = total + h5 * s[n + 2]
                total = total + h6 * s[n + 1]
                target[n] = total + h7 * s[n]
        for k in range(count, taps.size):
            h0 = taps[k]
            s = x[low + last - k : low + last - k + target.size]
            for n in range(target.size):
                target[n] += h0 * s[n]


@numba.njit(nogil=True, cache=True)
def sum_first_taps(past: Any, begin: int, taps: Any, table: Any, sums: Any, size: int) -> None:
    """Write sum_k taps[k] past[begin + n - k] for `size` outputs n of every row of `sums`."""
    before = count_as_zeros()
    for row in range(sums.shape[0]):
        sums[row, :size] = 0
    reach = taps.shape[1] - 1
    for pair in range(table.shape[0]):
        output, source, kernel = table[pair]
        x = past[source, begin - reach : begin + size]
        _add_taps(x, taps[kernel], sums[output, :size])
    restore(before)


@numba.njit(nogil=True, cache=True)
def run_windows(
    board: Any,
    patience: int,
    calls: Any,
    scratch: Any,
    places: Any,
    x: Any,
    spectra: Any,
    factor: Any,
    louder: float,
) -> None:
    """Overlap-save over a chunk: each output is the convolution of the input of its number.

    `places` are the length of a row of `x`, the outputs of a window, and where these begin in a
    transform. Orders are where in a row of `x` the first window begins, how many samples there are
    from there on, and the outputs of a row. Unless `louder` is 0, windows go in pairs, as in
    `filter_pairs`.
    """
    before, orders = count_as_zeros(), address(board)
    samples, spectrum, room = scratch
    long, hop, lead = places
    each = 2 * hop if louder > 0 else hop
    one = np.zeros((1, 3), np.int64)
    while True:
        piece = claim(orders, patience)
        if piece < 0:
            break
        begin, known = read(orders, ORDERS), read(orders, ORDERS + 1)
        size = read(orders, ORDERS + 2)
        per_row = -(-size // each)
        row, low = piece // per_row, piece % per_row * each
        y = target_row(orders, row, x)
        one[0, 0], one[0, 1] = row * long + begin + low, low
        layout = hop, lead, 0, known - low, min(each, size - low)
        if louder > 0:
            pair_windows(calls, x, y, one, layout, spectra, samples, spectrum, factor, louder, room)
        else:
            filter_windows(calls, x, y, one, layout, spectra, samples, spectrum, factor)
        count_done(orders, 1)
    restore(before)


@numba.njit(nogil=True, cache=True)
def _forward(calls: Any, scratch: Any, x: Any, line: Any, heard: Any, at: int) -> None:
    """Write the spectrum of one window, of which there are the samples `x`."""
    samples, spectrum = scratch
    loud = False
    for i in range(x.size):
        loud |= x[i] != 0
    heard[at] = loud
    if loud:
        for i in range(x.size):
            samples[i] = x[i]
        samples[x.size :] = 0
        run_plan(calls[0], calls[1])
        line[at, :] = spectrum


@numba.njit(nogil=True, cache=True, fastmath={"contract"})
def _add_product(target: Any, x: Any, h: Any) -> None:
    for i in range(target.size):
        target[i] += x[i] * h[i]


@numba.njit(nogil=True, cache=True, fastmath={"contract"})
def _add_four(
    target: Any, x0: Any, x1: Any, x2: Any, x3: Any, h0: Any, h1: Any, h2: Any, h3: Any
) -> None:
    # One load and store of a sum for four products.
    for i in range(target.size):
        total = target[i] + x0[i] * h0[i]
        total = total + x1[i] * h1[i]
        total = total + x2[i] * h2[i]
        target[i] = total + x3[i] * h3[i]


@numba.njit(nogil=True, cache=True)
def _add_products(sums: Any, line: Any, heard: Any, spectra: Any, used: Any, newest: int) -> bool:
    """Add sum_p line[newest - p] spectra[p], without what is silent; tell whether there is any."""
    some, slots, parts = False, line.shape[0], spectra.shape[0]
    for low in range(0, sums.size, _BINS):
        target = sums[low : low + _BINS]
        high, part = low + target.size, 0
        while part < parts:
            ready = 0
            while ready < min(4, parts - part):
                if not (heard[(newest - part - ready) % slots] and used[part + ready]):
                    break
                ready += 1
            at = newest - part
            if ready == 4:
                _add_four(
                    target,
                    line[at % slots, low:high],
                    line[(at - 1) % slots, low:high],
                    line[(at - 2) % slots, low:high],
                    line[(at - 3) % slots, low:high],
                    spectra[part, low:high],
                    spectra[part + 1, low:high],
                    spectra[part + 2, low:high],
                    spectra[part + 3, low:high],
                )
            else:
                for k in range(ready):
                    _add_product(
                        target, line[(at - k) % slots, low:high], spectra[part + k, low:high]
                    )
            some |= ready > 0
            # What stopped the search is silent.
            part += ready if ready == 4 else ready + 1
    return some


@numba.njit(nogil=True, cache=True)
def _combine(
    calls: Any, scratch: Any, line: Any, heard: Any, kernels: Any, pairs: Any, at: int
) -> None:
    """Leave the sum of one output's blocks, transformed back, in the samples of the scratch."""
    samples, spectrum = scratch
    spectra, used, _ = kernels
    spectrum[:] = 0
    some = False
    for pair in range(pairs.shape[0]):
        source, kernel = pairs[pair, 1], pairs[pair, 2]
        some |= _add_products(
            spectrum, line[source], heard[source], spectra[kernel], used[kernel], at
        )
    if some:
        run_plan(calls[0], calls[2])
    else:
        samples[:] = 0


@numba.njit(nogil=True, cache=True)
def _store(made: Any, factor: Any, row: Any, begin: int, size: int) -> None:
    """Write a block's outputs from `begin` on: those below `size`, or around a ring."""
    length = size or row.size
    if size == 0:
        begin %= length
    first, split = max(0, -begin), min(made.size, length - begin)
    for i in range(first, split):
        row[begin + i] = made[i] * factor
    if size == 0:
        for i in range(split, made.size):
            row[i - split] = made[i] * factor


@numba.njit(nogil=True, cache=True)
def run_blocks(
    board: Any,
    patience: int,
    calls: Any,
    scratch: Any,
    block: int,
    past: Any,
    delays: Any,
    kernels: Any,
    connections: Any,
) -> None:
    """Transform windows of inputs, and when all of these are done, make blocks of outputs.

    Orders are two runs: low and high, between which the rows are; the slot of the first window, and
    how many there are; a place and an end. A piece is one window, or block, of one row. `place` is
    where in `past` the first window begins, which ends at `end`; or where in the target the first
    block goes, whose rows end there, or are rings if it is 0. `delays` are the spectra of windows
    and which of them are not zero, `kernels` the spectra of parts, which of them are not zero, and
    the factor of outputs.
    """
    before, orders = count_as_zeros(), address(board)
    line, heard = delays
    table, starts = connections
    lead = scratch[0].size - block
    while True:
        piece = claim(orders, patience)
        if piece < 0:
            break
        low, high, slot, count, place, end = _run_at(orders, ORDERS)
        ahead = (high - low) * count
        if piece < ahead:
            source, number = low + piece // count, piece % count
            begin = place + number * block
            x = past[source, begin : min(begin + scratch[0].size, end)]
            at = (slot + number) % line.shape[1]
            _forward(calls, scratch, x, line[source], heard[source], at)
        else:
            piece -= ahead
            wait_for(orders, ahead)
            down, _, since, many, to, size = _run_at(orders, ORDERS + 6)
            output, number = down + piece // many, piece % many
            own = table[starts[output] : starts[output + 1]]
            _combine(calls, scratch, line, heard, kernels, own, since + number)
            made = scratch[0][lead:]
            row = target_row(orders, output, past)
            _store(made, kernels[2], row, to + number * block, size)
        count_done(orders, 1)
    restore(before)


@numba.njit(nogil=True, cache=True)
def _run_at(board: int, first: int) -> Any:
    """Return the run that six of the orders are."""
    low, high, slot = read(board, first), read(board, first + 1), read(board, first + 2)
    return low, high, slot, read(board, first + 3), read(board, first + 4), read(board, first + 5)


def try_heads(dtype: DType) -> None:
    """Run the loops that need no transform once on samples of `dtype`."""
    past, taps, table = np.zeros((1, 8), dtype), np.zeros((1, 8), dtype), np.zeros((1, 3), np.int64)
    sum_first_taps(past, 7, taps, table, np.empty((1, 1), dtype), 1)
    are_finite(past, 0, 1)


def try_blocks(dtype: DType) -> None:
    """Run the loops around transforms once on samples of `dtype`."""
    board, past = new_board(), np.zeros((1, 4), dtype)
    connections = np.zeros((1, 3), np.int64), np.array((0, 1))
    spec = TransformSpec(1, (4,), dtype, is_native=True)
    line = np.zeros((1, 1, *spec.bins), spec.spectrum_dtype)
    heard, factor = np.zeros((1, 1), np.bool_), np.ones((), dtype).real[()]
    kernels, target = (np.zeros_like(line), np.zeros((1, 1), np.bool_), factor), past.copy()
    with borrow_transform(spec) as work:
        calls, scratch = work.calls, (work.samples[0], work.spectrum[0])
        run = 0, 1, 0, 1, 0, 4
        publish(board, 2, (*run, *run), target)
        run_blocks(board, 0, calls, scratch, 2, past, (line, heard), kernels, connections)
        publish(board, 1, (0, 4, 4), target)
        beside = *scratch, past
        run_windows(board, 0, calls, beside, (4, 4, 0), past.ravel(), line[0], factor, 0.0)
        withdraw(board)
        assert are_done(board, 1)
