"""Measuring this computer: its speeds, and FFTW's wisdom for the blocks that plans use most."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from itertools import islice
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

# Seconds in which all is done, and the least that is left to FFTW.
_ALL, _LEAST = 50.0, 10.0

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
    machine = measure_machine(progress)
    if current_backend() != "pyfftw":
        return Calibration(machine)
    left = max(_LEAST, _ALL - (monotonic() - begun))
    return with_wisdom(machine, left, progress)


def measure_machine(
    progress: Progress = silent, *, each: float = _EACH, varying: float = _VARYING
) -> Machine:
    """Measure this computer's speeds, without wisdom.

    Parameters
    ----------
    progress : callable, optional
        Is told what is measured next.
    each, varying : float
        Seconds for one figure, and for one that varies much from try to try.

    Returns
    -------
    Machine
        What could not be measured is as shipped.
    """
    machine = replace(MACHINE, cache_bytes=loops.cache_bytes(MACHINE.cache_bytes))
    progress("calls, copies, threads")
    call, block = loops.measure_block(machine, varying)
    thread = loops.measure_thread(machine, varying)
    copy, multiply = loops.measure_copy(machine, each), loops.measure_multiply(machine, each)
    multiply_add, slice_add = loops.measure_sums(machine, each, progress)
    cold_loop, compile_loop = loops.measure_loading(machine, progress)
    return replace(
        machine,
        name=processor.name(),
        measured=_provenance(),
        fft_samples=rates.LENGTHS,
        fft=rates.measure_transforms(machine, each, progress),
        fft_nd=rates.measure_transforms_nd(machine, each, progress),
        fft_columns=rates.measure_columns(each, progress),
        multiply_add=multiply_add,
        slice_add=slice_add,
        convolve=loops.measure_convolve(each, progress),
        multiply=multiply,
        copy=copy,
        call=call,
        block=block,
        cold_loop=cold_loop,
        compile_loop=compile_loop,
        thread=thread,
    )


def with_wisdom(machine: Machine, seconds: float, progress: Progress) -> Calibration:
    """Return `machine` with FFTW's wisdom for useful blocks, as many as it finds in the time."""
    begun, before = monotonic(), fftw.calibrated()
    specs = []
    for spec in useful_blocks(machine):
        if monotonic() - begun > seconds:
            break
        (n,) = spec.nfft
        progress(f"FFTW's algorithms for {spec.count} x {n} {spec.dtype}")
        fftw.FftwTransform(replace(spec, effort="measure"), _SEARCH)
        specs.append(spec)
    wisdom = fftw.export_wisdom()
    if wisdom is None:
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
            for loop in ("pairs", ""):
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
