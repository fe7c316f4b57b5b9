"""Measuring this computer: its speeds, and FFTW's wisdom for the blocks that plans use most."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from itertools import islice
from math import inf
from statistics import median
from time import monotonic

import numpy as np

from sigconv.core.arguments import make_problem
from sigconv.core.problem import Operand, Options
from sigconv.engines import ENGINES, Machine
from sigconv.engines.base import dtype_key
from sigconv.engines.transformed import block_transform
from sigconv.fft import TransformSpec, backend_version, clear_transforms, current_backend, fftw
from sigconv.planning import loops, processor, rates
from sigconv.planning.calibration import Calibration, wisdom_name
from sigconv.planning.machine import MACHINE
from sigconv.planning.rates import Progress, silent

__all__ = ["calibrate", "measure_machine"]

# Seconds for each figure, and for those of calls and threads, which vary more.
_EACH, _VARYING = 5e-3, 5e-2

# Seconds in which all is done, and those of them in which speeds are; seconds that these take at
# the speeds as shipped, after calls and sums.
_ALL, _SPEEDS = 50.0, 30.0
_NEEDED = 10.0

# What loading loops takes, in times of all speeds before: compilers are slow where the rest is.
_LOADING = 1.5

# The longest that FFTW may search for one direction; the lengths for which that is enough.
_SEARCH = 3.0
_LONGEST = 1 << 16

# Long signals and kernels whose blocks are worth a search.
_SIGNAL = 10_000_000
_TAPS = (1000, 64, 300, 3000, 10_000)
_CHOICES = 2

# Wisdom that saves less than this is not kept.
_GAIN = 0.97


def calibrate(progress: Progress = silent) -> Calibration:
    """Measure this computer's speeds and gather FFTW's wisdom, in about a minute.

    Parameters
    ----------
    progress : callable, optional
        Is told what is measured next.

    Returns
    -------
    Calibration
        To be stored, or not.
    """
    begun = monotonic()
    machine = measure_machine(progress, limit=_SPEEDS)
    if current_backend() != "pyfftw":
        return Calibration(machine)
    return with_wisdom(machine, _ALL - (monotonic() - begun), progress)


def measure_machine(
    progress: Progress = silent,
    *,
    each: float = _EACH,
    varying: float = _VARYING,
    limit: float = inf,
) -> Machine:
    """Measure this computer's speeds, without wisdom.

    Parameters
    ----------
    progress : callable, optional
        Is told what is measured next.
    each, varying : float
        Seconds for one figure, and for one that varies much from try to try.
    limit : float
        Seconds for all figures: a slow computer takes fewer tries for each.

    Returns
    -------
    Machine
        What could not be measured is as shipped.
    """
    begun = monotonic()
    machine = replace(MACHINE, cache_bytes=loops.cache_bytes(MACHINE.cache_bytes))
    progress("calls, copies, threads")
    call, block = loops.measure_block(machine, varying)
    thread = loops.measure_thread(machine, varying)
    copy, multiply = loops.measure_copy(machine, each), loops.measure_multiply(machine, each)
    multiply_add, slice_add = loops.measure_sums(machine, each, progress)
    slowness = median(slice_add[key] / MACHINE.slice_add[key] for key in slice_add)

    def paced() -> float:
        """Return the seconds for a figure, fewer where what is left of the limit is short."""
        left = max(0.0, limit - (monotonic() - begun))
        return each * min(1.0, left / (_NEEDED * slowness))

    measured = replace(
        machine,
        name=processor.name(),
        measured=_provenance(),
        fft_samples=rates.LENGTHS,
        fft=rates.measure_transforms(machine, paced(), progress),
        fft_nd=rates.measure_transforms_nd(machine, paced(), progress),
        axis_lengths=rates.AXIS_LENGTHS,
        fft_columns=rates.measure_columns(paced(), progress),
        fft_rows=rates.measure_rows(paced(), progress),
        multiply_add=multiply_add,
        slice_add=slice_add,
        convolve=loops.measure_convolve(paced(), progress),
        multiply=multiply,
        copy=copy,
        call=call,
        block=block,
        thread=thread,
    )
    took = monotonic() - begun
    if took * (1 + _LOADING) > limit:
        return measured
    cold_loop, compile_loop = loops.measure_loading(machine, progress)
    return replace(measured, cold_loop=cold_loop, compile_loop=compile_loop)


def with_wisdom(machine: Machine, seconds: float, progress: Progress) -> Calibration:
    """Return `machine` with FFTW's wisdom for useful blocks, as many as it finds in the time."""
    begun, before = monotonic(), fftw.calibrated()
    specs = []
    for spec in useful_blocks(machine):
        left = seconds - (monotonic() - begun)
        if left <= 0:
            break
        (n,) = spec.nfft
        progress(f"FFTW's algorithms for {spec.count} x {n} {spec.dtype}")
        fftw.FftwTransform(replace(spec, effort="measure"), min(_SEARCH, left / 2))
        specs.append(spec)
    wisdom = fftw.export_wisdom()
    if not specs or wisdom is None:
        return Calibration(machine)
    try:
        fftw.use_calibrated(wisdom)
        found = dict(_gains(specs))
    finally:
        fftw.use_calibrated(before)
        # Those by this wisdom are not for plans by the wisdom of before.
        clear_transforms()
    return Calibration(replace(machine, wisdom=found, wisdom_name=wisdom_name(wisdom)), wisdom)


def useful_blocks(machine: Machine) -> list[TransformSpec]:
    """Return the transforms of overlap-save's best plans for long signals, the best first.

    Lengths that FFTW estimates badly are those that gain most by wisdom: each counts as fast as
    the fastest beside it.
    """
    fft = {
        key: tuple(min(rates[max(0, i - 2) : i + 3]) for i in range(len(rates)))
        for key, rates in machine.fft.items()
    }
    machine = replace(machine, fft=fft)
    plans = {}
    for taps in _TAPS:
        for dtype in (np.dtype("f4"), np.dtype("f8")):
            problem = make_problem(Operand((_SIGNAL,), dtype), Operand((taps,), dtype), Options())
            candidates = list(ENGINES["overlap-save"].candidates(problem, machine))
            for loop in ("pairs", "numba", ""):
                fitting = (p for p in candidates if p.loop == loop and p.nfft[0] <= _LONGEST)
                plans[taps, dtype, loop] = list(islice(fitting, _CHOICES))
    ranked = (one[rank] for rank in range(_CHOICES) for one in plans.values() if rank < len(one))
    # What FFTW times for one serves all kernels that take the same blocks.
    return list(dict.fromkeys(replace(block_transform(p), effort="wisdom") for p in ranked))


def _gains(specs: list[TransformSpec]) -> Iterator[tuple[tuple[str, int, int], float]]:
    """Yield what wisdom makes faster, and its rate."""
    for spec in specs:
        (n,) = spec.nfft
        if not fftw.is_wise(spec):
            # The search took longer than it may.
            continue
        before = rates.measure_spec(replace(spec, effort="estimate"), _EACH)
        rate = rates.measure_spec(spec, _EACH)
        if rate < _GAIN * before:
            yield (dtype_key(spec.dtype), n, spec.count), rate


def _provenance() -> str:
    parts = [datetime.now(UTC).date().isoformat(), backend_version()]
    for package, title in (("numba", "numba"), ("numpy", "NumPy")):
        try:
            parts.append(f"{title} {version(package)}")
        except PackageNotFoundError:
            parts.append(f"no {title}")
    return ", ".join(parts)
