"""`scipy.ndimage`'s linear filters: its signatures, defaults and dtypes on sigconv's engines.

Names that are no linear filters (`label`, `zoom`, ...) are SciPy's own. What differs on purpose: on
integer images a sum that is a whole number but for rounding is that number, so that flat areas stay
flat; NaN reaches through zero weights in every number of dimensions; float16 and longdouble images
work.
"""

from __future__ import annotations

from typing import Any

from sigconv.compat.averages import uniform_filter, uniform_filter1d
from sigconv.compat.derivatives import (
    gaussian_filter,
    gaussian_filter1d,
    gaussian_laplace,
    laplace,
    prewitt,
    sobel,
)
from sigconv.compat.weights import convolve, convolve1d, correlate, correlate1d

__all__ = [
    "convolve",
    "convolve1d",
    "correlate",
    "correlate1d",
    "gaussian_filter",
    "gaussian_filter1d",
    "gaussian_laplace",
    "laplace",
    "prewitt",
    "sobel",
    "uniform_filter",
    "uniform_filter1d",
]


def __getattr__(name: str) -> Any:
    if name.startswith("__"):
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from scipy import ndimage

    return getattr(ndimage, name)


def __dir__() -> list[str]:
    from scipy import ndimage

    return sorted({*globals(), *ndimage.__all__})
