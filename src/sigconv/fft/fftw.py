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
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from importlib import import_module
from importlib.machinery import PathFinder
from importlib.util import find_spec, module_from_spec
from typing import Any

from sigconv.fft.patience import run_patiently
from sigconv.fft.transform import TransformSpec

__all__ = ["FftwTransform", "export_wisdom", "import_wisdom", "is_available"]

MEASURE_SECONDS = 1.0
"""The longest that FFTW may time algorithms for one direction of one size."""

_FLAGS = {"estimate": "FFTW_ESTIMATE", "measure": "FFTW_MEASURE"}


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
    package = find_spec("pyfftw")
    locations = package.submodule_search_locations if package else None
    spec = PathFinder.find_spec("pyfftw.pyfftw", locations)
    if "pyfftw" in sys.modules or spec is None or spec.loader is None:
        return import_module("pyfftw")
    module = module_from_spec(spec)
    sys.modules[spec.name] = module
    try:
        spec.loader.exec_module(module)
    finally:
        del sys.modules[spec.name]
    return module


class _Planner:
    """The process-wide lock around FFTW's planner, and the wisdom that `measure` gathered."""

    def __init__(self) -> None:
        self.lock = threading.RLock()
        self.wisdom: tuple[bytes, bytes, bytes] | None = None

    @contextmanager
    def own_wisdom(self, measured: bool) -> Iterator[None]:
        """Plan with sigconv's wisdom (`measured`) or with none, and leave the caller's as it was.

        Wisdom kept in FFTW would change later ``estimate`` plans, and with them the last
        bits of results, depending on what ran before.
        """
        if not measured and "pyfftw" not in sys.modules:
            # Nobody else has used FFTW's planner, and no wisdom of ours is left in it.
            yield
            return
        fftw = library()
        callers = fftw.export_wisdom()
        fftw.forget_wisdom()
        try:
            if measured and self.wisdom is not None:
                fftw.import_wisdom(self.wisdom)
            yield
            if measured:
                self.wisdom = fftw.export_wisdom()
        finally:
            fftw.forget_wisdom()
            fftw.import_wisdom(callers)


_planner = _Planner()


@cache
def is_available() -> bool:
    """Tell whether pyFFTW is installed, without importing it."""
    return find_spec("pyfftw") is not None


def export_wisdom() -> tuple[bytes, bytes, bytes] | None:
    """Return what ``measure`` planning has learnt, or None."""
    with _planner.lock:
        return _planner.wisdom


def import_wisdom(wisdom: tuple[bytes, bytes, bytes]) -> None:
    """Use `wisdom`, as given by `export_wisdom`, in later ``measure`` planning."""
    with _planner.lock:
        _planner.wisdom = wisdom


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


class FftwTransform:
    """A transform by FFTW on its own aligned scratch."""

    def __init__(self, spec: TransformSpec) -> None:
        pyfftw = library()
        self.spec = spec
        self.samples = pyfftw.empty_aligned((spec.count, *spec.nfft), spec.dtype)
        self.spectrum = pyfftw.empty_aligned((spec.count, *spec.bins), spec.spectrum_dtype)
        with _planner.lock, _planner.own_wisdom(spec.effort == "measure"):
            self._forward = self._plan(self.samples, self.spectrum, "FFTW_FORWARD")
            self._inverse = self._plan(self.spectrum, self.samples, "FFTW_BACKWARD")

    def _plan(self, source: Any, target: Any, direction: str) -> Any:
        return library().FFTW(
            source,
            target,
            axes=self.spec.axes,
            direction=direction,
            flags=(_FLAGS[self.spec.effort], "FFTW_DESTROY_INPUT"),
            threads=1,
            planning_timelimit=MEASURE_SECONDS,
        )

    def forward(self) -> None:
        """Transform `samples` into `spectrum`."""
        run_patiently(self._forward.execute, self.spec.nbytes)

    def inverse(self) -> None:
        """Transform `spectrum` into `samples`, without the factor 1/prod(nfft)."""
        run_patiently(self._inverse.execute, self.spec.nbytes)
