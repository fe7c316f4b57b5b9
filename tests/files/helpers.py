"""What the tests of files and of the command share."""

from pathlib import Path
from typing import Any

import numpy as np

from sigconv.core.optional import require

RATE = 8000
"""Samples a second of the recordings."""


def names_in(directory: Path) -> list[str]:
    """Everything in a directory, hidden files included."""
    return sorted(path.name for path in directory.iterdir())


def noise(*shape: int, seed: int = 0) -> np.ndarray:
    """Normal deviates in float32."""
    return np.random.default_rng(seed).standard_normal(shape).astype(np.float32)


def opened(path: Path) -> Any:
    """The image at `path`; nibabel types it as something without data or affine."""
    return require("nibabel", "volume").load(path)
