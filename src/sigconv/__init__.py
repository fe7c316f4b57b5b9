"""Convolution and correlation of signals, images and volumes."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from sigconv.convolution import circular_convolve, convolve, plan
from sigconv.convolver import Convolver
from sigconv.correlation import correlate, correlation_lags
from sigconv.engines import Plan
from sigconv.engines.workers import set_workers
from sigconv.fft import set_fft_backend
from sigconv.pieces import convolve_pieces

if TYPE_CHECKING:
    from sigconv import errors, kernels, testing

__version__ = "0.1.0"

__all__ = [
    "Convolver",
    "Plan",
    "circular_convolve",
    "convolve",
    "convolve_pieces",
    "correlate",
    "correlation_lags",
    "errors",
    "kernels",
    "plan",
    "set_fft_backend",
    "set_workers",
    "testing",
]

_ROOMS = ("errors", "kernels", "testing", "plots", "files")


def __getattr__(name: str) -> Any:
    """Import a room when it is first used."""
    if name in _ROOMS:
        return import_module(f"sigconv.{name}")
    raise AttributeError(f"module 'sigconv' has no attribute {name!r}")
