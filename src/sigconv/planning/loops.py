"""Measuring everything but transforms: sums, copies, calls, threads, and loading of loops."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np

from sigconv.core.arguments import make_problem
from sigconv.core.blocks import BlockGrid, batch_cuts, cut
from sigconv.core.dtypes import Array, DType
from sigconv.core.problem import Operand, Options, Problem
from sigconv.engines import ENGINES, Machine, Plan, compiled, execute, prepare
from sigconv.engines.compiled import loop_for
from sigconv.engines.rows import TapList, compiled_sums, sliced_sums
from sigconv.engines.workers import run_shared
from sigconv.planning.rates import Progress, best_seconds

__all__ = [
    "cache_bytes",
    "measure_block",
    "measure_convolve",
    "measure_copy",
    "measure_loading",
    "measure_multiply",
    "measure_sums",
    "measure_thread",
]

_SUMMED = ("f4", "f8", "c8", "c16", "i8", "u8")

# Outputs and taps of a sum that stays in the second-level cache.
_OUTPUTS, _TAPS = (64, 1024), (15, 15)

# A block of the grids by which the cost of a block is measured, and how many there are.
_TINY, _BLOCKS = 64, 64

# Seconds to wait for a thread that may never come.
_PATIENCE = 1.0

_CACHES = Path("/sys/devices/system/cpu/cpu0/cache")


def measure_sums(
    machine: Machine, seconds: float, progress: Progress
) -> tuple[dict[str, float], dict[str, float]]:
    """Return seconds per tap and output, of the compiled loop and of NumPy slices.

    Where there is no compiled loop, the first are those of `machine`.
    """
    by_loop, by_slices = dict(machine.multiply_add), {}
    for key in _SUMMED:
        dtype = np.dtype(key)
        progress(f"sums over taps, {dtype}")
        # Ones: products of small numbers become smaller, and slow when they are subnormal.
        taps, out = np.ones(_TAPS, dtype), np.empty(_OUTPUTS, dtype)
        reach = tuple(k - 1 for k in _TAPS)
        data = np.ones(tuple(n + r for n, r in zip(_OUTPUTS, reach, strict=True)), dtype)
        products = out.size * taps.size
        by_slices[key] = _best(sliced_sums, data, taps, out, seconds=seconds) / products
        if loop_for(dtype) == "numba":
            compiled.load(dtype)
            listed = TapList.of(taps)
            took = _best(compiled_sums, data, listed, out, reach, seconds=seconds)
            by_loop[key] = took / products
    return by_loop, by_slices


def measure_convolve(seconds: float, progress: Progress) -> dict[str, tuple[float, float]]:
    """Return the seconds that `np.convolve` takes per output and per product."""
    progress("np.convolve")
    found = {}
    for key in _SUMMED:
        samples, few, many = 4096, 16, 128
        x = np.ones(samples, key)
        a, b = (
            _best(np.convolve, x, np.ones(taps, key), seconds=seconds) / (samples + taps - 1)
            for taps in (few, many)
        )
        product = max((b - a) / (many - few), b / many / 4)
        found[key] = (max(a - few * product, a / 50), product)
    return found


def measure_multiply(machine: Machine, seconds: float) -> float:
    """Return the seconds to multiply a bin of a spectrum, in single precision, by the kernel's."""
    spectrum = np.ones((4, max(1, machine.cache_bytes // 64)), np.complex64)
    kernel = np.ones(spectrum.shape[1:], spectrum.dtype)
    return _best(np.multiply, spectrum, kernel, spectrum, seconds=seconds) / spectrum.size


def measure_copy(machine: Machine, seconds: float) -> float:
    """Return the seconds per byte that is read or written, beyond the second-level cache."""
    source = np.ones(4 * machine.cache_bytes, np.uint8)
    target = np.ones_like(source)
    return _best(np.copyto, target, source, seconds=seconds) / (2 * source.size)


def measure_block(machine: Machine, seconds: float) -> tuple[float, float]:
    """Return the seconds of a call and of a block, beside the work on its samples."""
    many, one = _tiny_problem(_BLOCKS), _tiny_problem(1)
    overlap = next(ENGINES["overlap-save"].candidates(many, machine))
    overlap = replace(overlap, nfft=(_TINY + 2,), hop=(_TINY,), group=1, loop="")
    block = _best(_run(_in_tiny_blocks(overlap, many)), seconds=seconds) / _BLOCKS
    direct = replace(overlap, method="direct", nfft=(), hop=(), loop="numpy")
    several = _best(_run(_in_tiny_blocks(direct, many)), seconds=seconds) / _BLOCKS
    single = _best(_run(_in_tiny_blocks(direct, one)), seconds=seconds)
    return max(single - several, block / 10), block


def measure_thread(machine: Machine, seconds: float) -> float:
    """Return the seconds until another thread has taken its share of work, and all is done."""

    def call() -> None:
        both = threading.Barrier(2)

        def share(items: Iterator[int]) -> None:
            for _ in items:
                both.wait(_PATIENCE)

        run_shared(share, range(2), 2)

    try:
        # The first call starts the thread.
        call()
        return best_seconds(call, seconds)
    except threading.BrokenBarrierError:
        return machine.thread


def measure_loading(machine: Machine, progress: Progress) -> tuple[float, float]:
    """Return the seconds to load a first compiled loop from its cache, and to compile one.

    They are measured in new processes, and are those of `machine` where none can be started.
    """
    progress("loading and compiling loops")
    if loop_for(np.dtype("f4")) == "numba":
        with suppress(OSError, ValueError, subprocess.SubprocessError), TemporaryDirectory() as at:
            compiling, _ = _loading_times(at)
            cold, _ = _loading_times(at)
            return cold, max(compiling - cold, 0.0)
    return machine.cold_loop, machine.compile_loop


_LOAD = """
from time import perf_counter
import numpy as np
from sigconv.engines import compiled
begun = perf_counter()
compiled.load(np.dtype("f4"))
first = perf_counter()
compiled.load(np.dtype("f8"))
print(first - begun, perf_counter() - first)
"""


def _loading_times(cache: str) -> tuple[float, float]:
    """Return the seconds to load a first and a second loop in a process of their own."""
    done = subprocess.run(
        [sys.executable, "-P", "-c", _LOAD],
        env={**os.environ, "NUMBA_CACHE_DIR": cache},
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    first, second = map(float, done.stdout.split())
    return first, second


def cache_bytes(default: int) -> int:
    """Return the size of a core's second-level cache, or `default` where nothing tells it.

    Groups of that size spill a little, but threads meet in Python half as often.
    """
    size = 0
    with suppress(OSError, ValueError):
        for index in _CACHES.glob("index*"):
            if index.joinpath("level").read_text().strip() == "2":
                size = int(index.joinpath("size").read_text().strip().removesuffix("K")) << 10
    if size <= 0 and hasattr(os, "sysconf"):
        with suppress(OSError, ValueError):
            size = os.sysconf("SC_LEVEL2_CACHE_SIZE")
    return size if size > 0 else default


def _best(call: Callable[..., Any], *arguments: Any, seconds: float) -> float:
    return best_seconds(lambda: call(*arguments), seconds)


def _tiny_problem(blocks: int) -> Problem:
    dtype: DType = np.dtype(np.float32)
    signal, kernel = Operand((blocks * _TINY,), dtype), Operand((3,), dtype)
    return make_problem(signal, kernel, Options(mode="same"))


def _in_tiny_blocks(plan: Plan, problem: Problem) -> Plan:
    cuts = tuple(cut(axis.start, axis.stop, _TINY) for axis in problem.axes)
    grid = BlockGrid(problem.axes, batch_cuts(problem, 1), cuts)
    return replace(plan, problem=problem, grid=grid)


def _run(plan: Plan) -> Callable[[], None]:
    """Return what prepares the kernel, on one worker, and convolves by the plan."""
    (size,), (taps,) = plan.problem.signal_shape, plan.problem.kernel_shape
    signal: Array = np.ones(size, np.float32)
    kernel, out = np.ones(taps, np.float32), np.empty_like(signal)

    def run() -> None:
        execute(prepare(plan, kernel), signal, out, grid=plan.grid)

    return run
