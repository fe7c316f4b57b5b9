"""Signals and kernels that tests of engines draw."""

from typing import Any

import numpy as np


def normal(rng: np.random.Generator, shape: Any, dtype: Any = "f8") -> np.ndarray:
    """Return normal deviates, of complex dtypes in both parts."""
    parts = rng.standard_normal((2, *np.atleast_1d(shape)))
    is_complex = np.dtype(dtype).kind == "c"
    drawn: np.ndarray = (parts[0] + 1j * parts[1] if is_complex else parts[0]).astype(dtype)
    return drawn
