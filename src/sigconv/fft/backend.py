"""Which library transforms: pyFFTW where it is installed, scipy.fft otherwise."""

from __future__ import annotations

import os
from typing import Any

import numpy as np

from sigconv.core.dtypes import DType
from sigconv.errors import MissingDependencyError, OptionError
from sigconv.fft import fftw
from sigconv.fft.fftw_planes import FftwColumns, FftwPlanes
from sigconv.fft.planes import ColumnSpec, PlaneSpec, ScipyColumns, ScipyPlanes
from sigconv.fft.scipy_fft import ScipyTransform
from sigconv.fft.transform import TransformSpec

__all__ = [
    "Spec",
    "backend_version",
    "current_backend",
    "is_native",
    "make_transform",
    "set_fft_backend",
]

BACKENDS = ("auto", "pyfftw", "scipy")

_chosen: str | None = None

# What transforms now, once that has been asked.
_current: str | None = None


def set_fft_backend(name: str) -> str:
    """Choose the library behind every FFT, and return the choice before.

    Parameters
    ----------
    name : {"auto", "pyfftw", "scipy"}
        ``auto`` takes pyFFTW where it is installed and scipy.fft otherwise, and is what the
        environment variable ``SIGCONV_FFT``, read once, changes.

    Returns
    -------
    str
        The name that was in force, to restore it with another call.

    Raises
    ------
    OptionError
        `name` is none of the three.
    MissingDependencyError
        pyFFTW is asked for and not installed.

    Notes
    -----
    Long double always runs on scipy.fft.

    Examples
    --------
    >>> before = set_fft_backend("scipy")
    >>> set_fft_backend(before)
    'scipy'
    """
    global _chosen, _current
    before = _chosen if _chosen is not None else _from_environment()
    _chosen = _checked(name, "the FFT backend")
    _current = None
    return before


def current_backend() -> str:
    """Return ``"pyfftw"`` or ``"scipy"``, whichever transforms now."""
    global _current
    if _current is None:
        name = _chosen if _chosen is not None else _from_environment()
        if name == "auto":
            name = "pyfftw" if fftw.is_available() else "scipy"
        _current = name
    return _current


def is_native(dtype: DType) -> bool:
    """Tell whether compiled loops can run the transforms of `dtype`."""
    return current_backend() == "pyfftw" and fftw.is_native(dtype)


def backend_version() -> str:
    """Return the versions of what transforms now, as ``"SciPy 1.17.1"``."""
    if current_backend() == "pyfftw":
        return fftw.library_version()
    from importlib.metadata import version

    return f"SciPy {version('scipy')}"


def _from_environment() -> str:
    return _checked(os.environ.get("SIGCONV_FFT") or "auto", "SIGCONV_FFT")


def _checked(name: str, what: str) -> str:
    if name not in BACKENDS:
        raise OptionError(f"{what} must be one of {', '.join(BACKENDS)}; got {name!r}.")
    if name == "pyfftw" and not fftw.is_available():
        raise MissingDependencyError(
            f"{what} is 'pyfftw', which is not installed. Install it with pip install pyfftw, "
            "or choose 'scipy'."
        )
    return name


Spec = TransformSpec | PlaneSpec | ColumnSpec


def make_transform(spec: Spec, backend: str, wisdom: fftw.Wisdom | None = None) -> Any:
    """Return a new transform by `backend`, or by scipy.fft where that has no such type.

    Compiled loops go on with FFTW's, whatever has been chosen since they were prepared. With effort
    ``wisdom``, lines go by the one that is given.
    """
    by_fftw = (backend == "pyfftw" or spec.is_native) and spec.dtype in _FFTW_DTYPES
    if isinstance(spec, PlaneSpec):
        return FftwPlanes(spec) if by_fftw else ScipyPlanes(spec)
    if isinstance(spec, ColumnSpec):
        return FftwColumns(spec) if by_fftw else ScipyColumns(spec)
    return fftw.FftwTransform(spec, wisdom=wisdom) if by_fftw else ScipyTransform(spec)


_FFTW_DTYPES = tuple(np.dtype(name) for name in ("f4", "f8", "c8", "c16"))
