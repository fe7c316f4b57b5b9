"""Streams beside those of other libraries, in turns in one run.

Processor time, of all threads, is what a stream leaves to others; the time of a call is what a
callback has.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from importlib import import_module
from importlib.util import find_spec
from statistics import median
from time import perf_counter, process_time
from typing import Any, NamedTuple

import numpy as np
from scipy import signal

import sigconv as sc

__all__ = ["StreamRow", "compare_streams", "stream_rows"]

RATE, TAPS = 48_000, 131_072

# Seconds of audio in a round, and in the run whose slowest calls are counted.
_ROUND, _LONG = 4, 60

Array = np.ndarray[Any, Any]
Process = Callable[[Array], Array]


class StreamRow(NamedTuple):
    """What was compared, the figure, the wanted one, and whether it is met."""

    title: str
    figure: str
    target: str
    is_met: bool


def stream_rows(rounds: int) -> Iterator[StreamRow]:
    """Yield all rows."""
    rng = np.random.default_rng(0)
    hall = rng.standard_normal(TAPS) * np.exp(-np.arange(TAPS) / 30_000)
    hall = (hall / np.abs(hall).sum()).astype("f4")
    sound = rng.standard_normal(_ROUND * RATE).astype("f4")
    if find_spec("pedalboard"):
        for chunk, wanted in ((64, 2.0), (256, 1.0), (1024, 1.0)):
            yield _beside_pedalboard(hall, sound, chunk, wanted, rounds)
    yield _slowest_calls(hall, np.resize(sound, _LONG * RATE))
    for taps in (1001, 16_384, TAPS):
        yield _long_chunks(hall[:taps], rounds)
    yield _matrix(rng, rounds)
    for dtype in ("f8", "f4"):
        yield _beside_lfilter(rng, dtype, rounds)
    yield from _quiet(hall, sound, rounds)


def own_stream(kernel: Array, chunk: int) -> Process:
    """Return a stream that is ready for a callback."""
    stream = sc.StreamConvolver(kernel, block_size=chunk, dtype=kernel.dtype, batch_shape=())
    out = np.empty(chunk, kernel.dtype)
    return lambda part: stream.process(part, out)


def pedalboard_stream(kernel: Array, chunk: int) -> Process:
    """Return pedalboard's convolution in the same chunks."""
    board = import_module("pedalboard").Convolution(kernel[np.newaxis], 1.0, RATE)
    return lambda part: board.process(part, RATE, buffer_size=chunk, reset=False)


def compare_streams(kernel: Array, sound: Array, chunk: int) -> None:
    """Raise AssertionError unless both give the convolution, pedalboard's up to a gain."""
    expected = sc.convolve(sound, kernel)[: len(sound)]
    for make in (own_stream, pedalboard_stream):
        process = make(kernel, chunk)
        made = np.concatenate([process(part).copy() for part in _cut(sound, chunk)])
        gain = 1.0 if make is own_stream else made @ expected / (expected @ expected)
        assert np.abs(made - gain * expected).max() < 1e-4 * np.abs(gain * expected).max()


def _cut(sound: Array, chunk: int) -> Iterator[Array]:
    return (sound[i : i + chunk] for i in range(0, len(sound) - chunk + 1, chunk))


def _used(process: Process, sound: Array, chunk: int, clock: Callable[[], float]) -> float:
    """Return the seconds that go by while a sound is processed."""
    began = clock()
    for part in _cut(sound, chunk):
        process(part)
    return clock() - began


def _beside_pedalboard(
    kernel: Array, sound: Array, chunk: int, wanted: float, rounds: int
) -> StreamRow:
    compare_streams(kernel, sound[: 3 * RATE // 2 // chunk * chunk], chunk)
    streams = own_stream(kernel, chunk), pedalboard_stream(kernel, chunk)
    loads = [
        [_used(process, sound, chunk, process_time) / _ROUND for process in streams]
        for _ in range(rounds)
    ]
    ratios = [theirs / own for own, theirs in loads]
    own = median(row[0] for row in loads)
    return StreamRow(
        f"{TAPS} taps, chunks of {chunk}, 48 kHz mono float32: processor time of pedalboard's "
        "`Convolution` over sigconv's",
        f"{_show(ratios)}; sigconv's load {own:.3f}",
        f"{wanted:g}",
        median(ratios) >= wanted,
    )


def _slowest_calls(kernel: Array, sound: Array) -> StreamRow:
    chunk, process = 256, own_stream(kernel, 256)
    times = []
    for part in _cut(sound, chunk):
        began = perf_counter()
        process(part)
        times.append(perf_counter() - began)
    share = np.quantile(times, 0.999) * RATE / chunk
    return StreamRow(
        f"{TAPS} taps, chunks of 256, {_LONG} s of audio: 99.9th percentile of a call over the "
        "chunk's duration",
        f"{share:.3f}; the slowest {max(times) * RATE / chunk:.2f}",
        "1 at most",
        bool(share < 1),
    )


def _long_chunks(kernel: Array, rounds: int) -> StreamRow:
    chunk = 65_536
    x = np.resize(np.random.default_rng(1).standard_normal(1 << 20), 64 * chunk).astype("f4")
    out = np.empty(len(x) + len(kernel) - 1, "f4")
    process = own_stream(kernel, chunk)
    ratios = []
    for _ in range(max(rounds, 3)):
        began = perf_counter()
        sc.convolve(x, kernel, out=out)
        once = perf_counter() - began
        ratios.append(once / _used(process, x, chunk, perf_counter))
    return StreamRow(
        f"{len(kernel)} taps, chunks of {chunk} float32: speed over that of one call for all",
        _show(ratios),
        "0.85",
        median(ratios) >= 0.85,
    )


def _matrix(rng: np.random.Generator, rounds: int) -> StreamRow:
    chunk, channels, taps = 512, 16, 8192
    kernels = rng.standard_normal((channels, channels, taps)).astype("f4")
    stream = sc.StreamMatrixConvolver(kernels, block_size=chunk, dtype="f4")
    part, out = rng.standard_normal((2, chunk, channels)).astype("f4")
    speeds = []
    for _ in range(rounds):
        began = perf_counter()
        for _ in range(RATE // chunk):
            stream.process(part, out)
        speeds.append(RATE // chunk * chunk / RATE / (perf_counter() - began))
    return StreamRow(
        "16 x 16 matrix of 8192 taps, chunks of 512, float32: times real time at 48 kHz",
        _show(speeds),
        "3",
        median(speeds) >= 3,
    )


def _beside_lfilter(rng: np.random.Generator, dtype: str, rounds: int) -> StreamRow:
    chunk = 4096
    kernel, sound = (rng.standard_normal(n).astype(dtype) for n in (1001, 64 * chunk))
    held = [np.zeros(1000, dtype)]

    def filtered(part: Array) -> Array:
        made, held[0] = signal.lfilter(kernel, np.ones(1, dtype), part, zi=held[0])
        return np.asarray(made)

    own = own_stream(kernel, chunk)
    np.testing.assert_allclose(
        own(sound[:chunk]), filtered(sound[:chunk]), atol=1e-3 if dtype == "f4" else 1e-9
    )
    ratios = [
        _used(filtered, sound, chunk, perf_counter) / _used(own, sound, chunk, perf_counter)
        for _ in range(rounds)
    ]
    return StreamRow(
        f"1001 taps, chunks of 4096, {np.dtype(dtype)}: time of `lfilter` over sigconv's",
        _show(ratios),
        "8",
        median(ratios) >= 8,
    )


def _quiet(kernel: Array, sound: Array, rounds: int) -> Iterator[StreamRow]:
    """Yield what silence, and numbers next to nothing, cost beside noise."""
    process = own_stream(kernel, 256)
    for name, scale in (("silence", 0.0), ("denormal numbers", 1e-40)):
        other = (sound * scale).astype("f4")
        ratios = [
            _used(process, other, 256, process_time) / _used(process, sound, 256, process_time)
            for _ in range(rounds)
        ]
        yield StreamRow(
            f"{TAPS} taps, chunks of 256: processor time of {name} over that of noise",
            _show(ratios),
            "1.1 at most",
            median(ratios) <= 1.1,
        )


def _show(ratios: list[float]) -> str:
    return f"{median(ratios):.2f} ({min(ratios):.2f} to {max(ratios):.2f})"
