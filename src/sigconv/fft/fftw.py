"""Transforms by pyFFTW, with the care that its planner and its objects need.

Plans are made on scratch of their own only, because planning may overwrite the arrays or
write to a read-only map; `execute` is used, because calling the object may scale; FFTW runs
one thread inside, because a threaded FFTW hangs after a fork; one object serves one user at
a time, because it holds its arrays.
"""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from functools import cache, cached_property
from importlib import import_module
from importlib.machinery import ModuleSpec, PathFinder
from importlib.util import find_spec, module_from_spec
from typing import Any

import numpy as np

from sigconv.core.dtypes import DType
from sigconv.fft.native import find_functions, find_plan
from sigconv.fft.patience import run_patiently
from sigconv.fft.transform import TransformSpec

__all__ = [
    "FftwTransform",
    "calibrated",
    "calls_of",
    "empty_aligned",
    "export_wisdom",
    "import_wisdom",
    "is_available",
    "is_native",
    "is_wise",
    "learn",
    "library_version",
    "planning",
    "use_calibrated",
]

Wisdom = tuple[bytes, bytes, bytes]

MEASURE_SECONDS = 1.0
"""The longest that FFTW may time algorithms for one direction of one size, unless told more."""

# What a stream runs again and again: a search that is cut short may leave it slower by half.
_LEARN_SECONDS = 3.0

_FLAGS = {
    "estimate": "FFTW_ESTIMATE",
    "measure": "FFTW_MEASURE",
    "wisdom": "FFTW_WISDOM_ONLY",
}


def library() -> Any:
    """Return pyFFTW's extension module."""
    # Two threads must not initialise it at once: one would see it half made.
    with _planner.lock:
        return _load()


@cache
def _load() -> Any:
    """Load the extension module without its package.

    The package imports dask and scipy.fftpack for interfaces that are not used here, which
    takes thirty times as long as the extension alone. The module is not left in `sys.modules`:
    there, it would keep a later ``import pyfftw`` from binding it to its package.
    """
    spec = _extension()
    if "pyfftw" in sys.modules or spec is None or spec.loader is None:
        return import_module("pyfftw")
    module = module_from_spec(spec)
    sys.modules[spec.name] = module
    try:
        spec.loader.exec_module(module)
    finally:
        del sys.modules[spec.name]
    return module


@cache
def _extension() -> ModuleSpec | None:
    """Return where the extension module lies."""
    package = find_spec("pyfftw")
    locations = package.submodule_search_locations if package else None
    return PathFinder.find_spec("pyfftw.pyfftw", locations)


@cache
def _functions(dtype: DType) -> tuple[int, int] | None:
    """Return the addresses of FFTW's `execute` and `execute_dft`, None without those of plans."""
    spec = _extension()
    try:
        # Once loaded by Python, it is initialised.
        library()
    except ImportError:
        return None
    functions = find_functions(spec.origin, dtype) if spec and spec.origin else None
    if functions is None:
        return None
    array = empty_aligned((8,), np.result_type(dtype, np.complex64))
    with planning("estimate") as plan:
        tried = plan(array, array, (0,), "FORWARD")
    return functions if find_plan(tried) else None


class _Planner:
    """The process-wide lock around FFTW's planner, and wisdom.

    There is the wisdom that `measure` gathered in this process, and the `calibrated` one, which
    stays as it is, so that plans by it give the same bits whatever else has been measured.
    """

    def __init__(self) -> None:
        self.lock = threading.RLock()
        self.wisdom: Wisdom | None = None
        self.calibrated: Wisdom | None = None

    @contextmanager
    def own_wisdom(self, effort: str, given: Wisdom | None = None) -> Iterator[None]:
        """Plan with the wisdom that is given or `effort` is for, and leave the caller's as it was.

        Wisdom kept in FFTW would change later ``estimate`` plans, and with them the last
        bits of results, depending on what ran before.
        """
        if effort == "estimate" and "pyfftw" not in sys.modules:
            # Nobody else has used FFTW's planner, and no wisdom of ours is left in it.
            yield
            return
        fftw = library()
        callers = fftw.export_wisdom()
        fftw.forget_wisdom()
        try:
            known = self.calibrated if given is None else given
            if effort != "estimate" and known is not None:
                fftw.import_wisdom(known)
            if effort == "measure" and self.wisdom is not None:
                fftw.import_wisdom(self.wisdom)
            yield
            if effort == "measure":
                self.wisdom = fftw.export_wisdom()
        finally:
            fftw.forget_wisdom()
            fftw.import_wisdom(callers)


_planner = _Planner()


@cache
def is_available() -> bool:
    """Tell whether pyFFTW is installed, without importing it."""
    return find_spec("pyfftw") is not None


def is_native(dtype: DType) -> bool:
    """Tell whether compiled loops can run FFTW's transforms of `dtype`."""
    return is_available() and _functions(dtype) is not None


def library_version() -> str:
    """Return the versions of pyFFTW and of FFTW, with what FFTW was built for."""
    from importlib.metadata import version

    return f"pyFFTW {version('pyfftw')}, {library()._fftw_version_dict['64']}"


def export_wisdom() -> Wisdom | None:
    """Return what ``measure`` planning has learnt, or None."""
    with _planner.lock:
        return _planner.wisdom


def import_wisdom(wisdom: Wisdom) -> None:
    """Use `wisdom`, as given by `export_wisdom`, in later ``measure`` planning."""
    with _planner.lock:
        _planner.wisdom = wisdom


def learn(specs: Iterable[TransformSpec]) -> Wisdom | None:
    """Time FFTW's algorithms for transforms, and return the wisdom that tells the best ones.

    What it does not hold, as the search took too long, is estimated by it.
    """
    for spec in specs:
        FftwTransform(replace(spec, effort="measure"), _LEARN_SECONDS)
    return export_wisdom()


def calibrated() -> Wisdom | None:
    """Return the wisdom behind ``wisdom`` planning, or None."""
    return _planner.calibrated


def use_calibrated(wisdom: Wisdom | None) -> None:
    """Use `wisdom` in later ``wisdom`` and ``measure`` planning, in place of what was used."""
    with _planner.lock:
        _planner.calibrated = wisdom


def is_wise(spec: TransformSpec) -> bool:
    """Tell whether the calibrated wisdom holds the transform of `spec`, both ways."""
    samples = empty_aligned((spec.count, *spec.nfft), spec.dtype)
    spectrum = empty_aligned((spec.count, *spec.bins), spec.spectrum_dtype)
    with _planner.lock, _planner.own_wisdom("wisdom"):
        try:
            _plan(samples, spectrum, spec.axes, "FORWARD", "wisdom")
            _plan(spectrum, samples, spec.axes, "BACKWARD", "wisdom")
        except RuntimeError:
            return False
    return True


def _acquire_before_fork() -> None:
    _planner.lock.acquire()


def _release_after_fork() -> None:
    _planner.lock.release()


def _renew_after_fork() -> None:
    _planner.lock = threading.RLock()


if hasattr(os, "register_at_fork"):
    # A child forked in the midst of planning would wait for locks that no thread of it holds.
    os.register_at_fork(
        before=_acquire_before_fork,
        after_in_parent=_release_after_fork,
        after_in_child=_renew_after_fork,
    )


@contextmanager
def planning(
    effort: str, limit: float = MEASURE_SECONDS, wisdom: Wisdom | None = None
) -> Iterator[Callable[..., Any]]:
    """Lend FFTW's planner: a function of source, target, axes and direction that returns a plan.

    Source and target are scratch, which planning may overwrite. What takes longer to measure than
    `limit` seconds, and what wisdom does not hold, is estimated. `wisdom` takes the place of the
    calibrated one.
    """

    def plan(source: Any, target: Any, axes: tuple[int, ...], direction: str) -> Any:
        try:
            return _plan(source, target, axes, direction, effort, limit)
        except RuntimeError:
            if effort != "wisdom":
                raise
            return _plan(source, target, axes, direction, "estimate", limit)

    with _planner.lock, _planner.own_wisdom(effort, wisdom):
        yield plan


def _plan(
    source: Any,
    target: Any,
    axes: tuple[int, ...],
    direction: str,
    effort: str,
    limit: float = MEASURE_SECONDS,
) -> Any:
    return library().FFTW(
        source,
        target,
        axes=axes,
        direction=f"FFTW_{direction}",
        flags=(_FLAGS[effort], "FFTW_DESTROY_INPUT"),
        threads=1,
        planning_timelimit=limit,
    )


def calls_of(*plans: Any) -> Any:
    """Return the addresses of FFTW's `execute`, of plans, 0 for None, and of `execute_dft`."""
    functions = _functions(plans[0].input_dtype)
    found = [find_plan(plan) if plan else 0 for plan in plans]
    if functions is None or None in found:
        raise RuntimeError("compiled loops cannot run these transforms")
    return np.array([functions[0], *found, functions[1]], np.uintp)


def empty_aligned(shape: tuple[int, ...], dtype: Any) -> Any:
    """Return a new array that begins where FFTW's vector instructions want it."""
    return library().empty_aligned(shape, dtype)


class FftwTransform:
    """A transform by FFTW on its own aligned scratch; `limit` is the longest to measure a way.

    Effort ``wisdom`` goes by the one that is given, or by the calibrated one.
    """

    def __init__(
        self,
        spec: TransformSpec,
        limit: float = MEASURE_SECONDS,
        wisdom: Wisdom | None = None,
    ) -> None:
        self.spec = spec
        self.samples = empty_aligned((spec.count, *spec.nfft), spec.dtype)
        self.spectrum = empty_aligned((spec.count, *spec.bins), spec.spectrum_dtype)
        with planning(spec.effort, limit, wisdom) as plan:
            self._forward = plan(self.samples, self.spectrum, spec.axes, "FORWARD")
            self._inverse = plan(self.spectrum, self.samples, spec.axes, "BACKWARD")

    @cached_property
    def calls(self) -> Any:
        """FFTW's `execute` and the plans there and back, of a native transform."""
        return calls_of(self._forward, self._inverse)

    def forward(self) -> None:
        """Transform `samples` into `spectrum`."""
        run_patiently(self._forward.execute, self.spec.nbytes)

    def inverse(self) -> None:
        """Transform `spectrum` into `samples`, without the factor 1/prod(nfft)."""
        run_patiently(self._inverse.execute, self.spec.nbytes)
