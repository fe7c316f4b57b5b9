"""Convolution and correlation of signals, images and volumes.

Names are imported when they are first used, so that importing sigconv costs next to nothing.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from sigconv import compat, errors, kernels, layers, lti, plots, probability, testing
    from sigconv.convolution import circular_convolve, convolve, plan
    from sigconv.convolver import Convolver
    from sigconv.correlation import correlate, correlation_lags
    from sigconv.correlation.matching import normalized_correlation
    from sigconv.correlation.registration import estimate_delay, estimate_shift, phase_correlation
    from sigconv.engines import Plan
    from sigconv.engines.workers import set_workers
    from sigconv.fft import set_fft_backend
    from sigconv.pieces import convolve_pieces
    from sigconv.resampling import resample_conv
    from sigconv.streaming import (
        StreamConvolver,
        StreamCorrelator,
        StreamDelayEstimator,
        StreamMatrixConvolver,
        StreamPlan,
    )

__version__ = "0.1.0"

__all__ = [
    "Convolver",
    "Plan",
    "StreamConvolver",
    "StreamCorrelator",
    "StreamDelayEstimator",
    "StreamMatrixConvolver",
    "StreamPlan",
    "circular_convolve",
    "compat",
    "convolve",
    "convolve_pieces",
    "correlate",
    "correlation_lags",
    "errors",
    "estimate_delay",
    "estimate_shift",
    "kernels",
    "layers",
    "lti",
    "normalized_correlation",
    "phase_correlation",
    "plan",
    "plots",
    "probability",
    "resample_conv",
    "set_fft_backend",
    "set_workers",
    "testing",
]

_HOMES = {
    "Convolver": "convolver",
    "Plan": "engines",
    "StreamConvolver": "streaming",
    "StreamCorrelator": "streaming",
    "StreamDelayEstimator": "streaming",
    "StreamMatrixConvolver": "streaming",
    "StreamPlan": "streaming",
    "circular_convolve": "convolution",
    "convolve": "convolution",
    "convolve_pieces": "pieces",
    "correlate": "correlation",
    "correlation_lags": "correlation",
    "estimate_delay": "correlation.registration",
    "estimate_shift": "correlation.registration",
    "normalized_correlation": "correlation.matching",
    "phase_correlation": "correlation.registration",
    "plan": "convolution",
    "resample_conv": "resampling",
    "set_fft_backend": "fft",
    "set_workers": "engines.workers",
}

_ROOMS = ("compat", "errors", "kernels", "layers", "lti", "plots", "probability", "testing")


def __getattr__(name: str) -> Any:
    if name in _ROOMS:
        return import_module(f"sigconv.{name}")
    if name not in _HOMES:
        raise AttributeError(f"module 'sigconv' has no attribute {name!r}")
    value = getattr(import_module(f"sigconv.{_HOMES[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return [*__all__, "__version__"]
