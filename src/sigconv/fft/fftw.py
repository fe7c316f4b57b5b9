"""Transforms by pyFFTW, with the care that its planner and its objects need.

Plans are made on scratch of their own only, because planning may overwrite the arrays or
write to a read-only map; `execute` is used, because calling the object may scale; FFTW runs
one thread inside, because a threaded FFTW hangs after a fork; one object serves one user at
a time, because it holds its arrays.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from functools import cache
from importlib.util import find_spec
from typing import Any

from sigconv.fft.transform import TransformSpec

__all__ = ["FftwTransform", "export_wisdom", "import_wisdom", "is_available"]

MEASURE_SECONDS = 1.0
"""The longest that FFTW may time algorithms for one direction of one size."""

_FLAGS = {"estimate": "FFTW_ESTIMATE", "measure": "FFTW_MEASURE"}


class _Planner:
    """The process-wide lock around FFTW's planner, and the wisdom that `measure` gathered."""

    def __init__(self) -> None:
        self.lock = threading.RLock()
        self.wisdom: tuple[bytes, bytes, bytes] | None = None

    @contextmanager
    def own_wisdom(self) -> Iterator[None]:
        """Plan with sigconv's wisdom alone, and leave the caller's as it was.

        Wisdom kept in FFTW would change later ``estimate`` plans, and with them the last
        bits of results, depending on what ran before.
        """
        import pyfftw

        callers = pyfftw.export_wisdom()
        pyfftw.forget_wisdom()
        try:
            if self.wisdom is not None:
                pyfftw.import_wisdom(self.wisdom)
            yield
            self.wisdom = pyfftw.export_wisdom()
        finally:
            pyfftw.forget_wisdom()
            pyfftw.import_wisdom(callers)


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


def renew_after_fork() -> None:
    """Give a forked child a planner lock that no vanished thread can hold."""
    _planner.lock = threading.RLock()


class FftwTransform:
    """A transform by FFTW on its own aligned scratch."""

    def __init__(self, spec: TransformSpec) -> None:
        import pyfftw

        self.spec = spec
        self.samples = pyfftw.empty_aligned((spec.count, *spec.nfft), spec.dtype)
        self.spectrum = pyfftw.empty_aligned((spec.count, *spec.bins), spec.spectrum_dtype)
        with _planner.lock:
            wisdom = _planner.own_wisdom() if spec.effort == "measure" else nullcontext()
            with wisdom:
                self._forward = self._plan(self.samples, self.spectrum, "FFTW_FORWARD")
                self._inverse = self._plan(self.spectrum, self.samples, "FFTW_BACKWARD")

    def _plan(self, source: Any, target: Any, direction: str) -> Any:
        import pyfftw

        return pyfftw.FFTW(
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
        self._forward.execute()

    def inverse(self) -> None:
        """Transform `spectrum` into `samples`, without the factor 1/prod(nfft)."""
        self._inverse.execute()
