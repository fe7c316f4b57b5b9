"""How audio formats store samples, and what a float sample becomes in them."""

from __future__ import annotations

from dataclasses import dataclass
from math import floor, inf, log10
from typing import Any

import numpy as np
import numpy.typing as npt

from sigconv.files.description import DType

__all__ = [
    "Levels",
    "choose_subtype",
    "is_float",
    "quantise",
    "stored_dtype",
    "wanted_subtype",
]

Array = npt.NDArray[Any]

INTEGER_BITS = {"PCM_U8": 8, "PCM_S8": 8, "PCM_16": 16, "PCM_24": 24, "PCM_32": 32}
FLOATS: dict[str, DType] = {"FLOAT": np.dtype(np.float32), "DOUBLE": np.dtype(np.float64)}

# Of libsndfile's encodings those that store every frame, and what they are given.
KNOWN = (*INTEGER_BITS, *FLOATS, "ULAW", "ALAW", "VORBIS")

# What to store instead, best first, where a format does not take the source's own encoding.
_INSTEAD = {
    "FLOAT": ("DOUBLE", "PCM_32", "PCM_24", "PCM_16"),
    "DOUBLE": ("FLOAT", "PCM_32", "PCM_24", "PCM_16"),
    "PCM_U8": ("PCM_S8", "PCM_16"),
    "PCM_S8": ("PCM_U8", "PCM_16"),
    "PCM_32": ("PCM_24", "PCM_16"),
    "ALAC_20": ("PCM_24", "PCM_16"),
    "ALAC_24": ("PCM_24", "PCM_16"),
    "ALAC_32": ("PCM_32", "PCM_24", "PCM_16"),
}


@dataclass(slots=True)
class Levels:
    """The loudest sample seen, and how many samples lay beyond what the format stores.

    Attributes
    ----------
    samples, clipped : int
        Samples written, and those of them that were cut off at full scale.
    peak : float
        The largest magnitude, 1 being full scale.
    """

    samples: int = 0
    clipped: int = 0
    peak: float = 0.0

    @property
    def safe_gain_db(self) -> float:
        """The largest gain, in tenths of a dB, that keeps every sample within full scale.

        >>> Levels(peak=2.0).safe_gain_db
        -6.1
        """
        if not 0 < self.peak < inf:
            return 0.0
        # 127/128 is the largest positive sample of the coarsest integer format.
        return floor(-200 * (log10(self.peak) + log10(128 / 127))) / 10

    def add(self, samples: Array) -> None:
        """Take note of the magnitude of `samples`; NaN makes the peak NaN."""
        self.samples += samples.size
        if samples.size:
            # Two reductions need no temporary array, unlike abs().max().
            loudest = np.maximum(samples.max(), -samples.min())
            self.peak = float(np.maximum(self.peak, loudest))


def is_float(subtype: str) -> bool:
    """Tell whether `subtype` stores floats, which have no full scale to clip at."""
    return subtype in FLOATS


def stored_dtype(subtype: str) -> DType:
    """Return the dtype nearest to what `subtype` stores; lossy codecs decode to float32."""
    if subtype in INTEGER_BITS:
        bits = INTEGER_BITS[subtype]
        return np.dtype("int8" if bits == 8 else "int16" if bits == 16 else "int32")
    return FLOATS.get(subtype) or np.dtype(np.float32)


def choose_subtype(wanted: str, available: tuple[str, ...], default: str) -> str:
    """Return `wanted` where the format takes it, else the nearest encoding that it takes.

    >>> choose_subtype("FLOAT", ("PCM_S8", "PCM_16", "PCM_24"), "PCM_16")
    'PCM_24'
    """
    for subtype in (wanted, *_INSTEAD.get(wanted, ())):
        if subtype in available:
            return subtype
    return default


def wanted_subtype(stored: str, dtype: DType) -> str:
    """Return the encoding for results of `dtype`: the source's, floats in their own precision."""
    if is_float(stored):
        return "DOUBLE" if dtype == np.float64 else "FLOAT"
    return stored


def quantise(
    samples: Array, subtype: str, noise: np.random.Generator | None = None
) -> tuple[Array, int]:
    """Return the numbers to hand to the encoder, and how many were clipped on the way.

    Floats pass unchanged. Integers are rounded to nearest and clipped; the result has 16 or 32
    bits with the sample in the upper ones, as libsndfile wants it. Lossy codecs get floats
    within full scale.

    Parameters
    ----------
    samples : ndarray
        Finite floats, 1 being full scale.
    subtype : str
        The encoding.
    noise : numpy.random.Generator, optional
        Where the dither comes from: two uniform deviates of half a step, which make the mean and
        the variance of the rounding error independent of the samples (Lipshitz, Wannamaker and
        Vanderkooy, "Quantization and dither", 1992).

    Examples
    --------
    >>> numbers, clipped = quantise(np.array([0.5, -1.0, 1.0]), "PCM_16")
    >>> numbers.tolist(), clipped
    ([16384, -32768, 32767], 1)
    """
    if is_float(subtype):
        return samples, 0
    bits = INTEGER_BITS.get(subtype)
    if bits is None:
        return np.clip(samples, -1, 1), int(np.count_nonzero(np.abs(samples) > 1))
    full = 1 << (bits - 1)
    # 2^31 - 1 has no float32, every smaller bound does.
    scaled = np.multiply(samples, full, dtype=np.float64 if bits == 32 else samples.dtype)
    if noise is not None:
        scaled += noise.random(scaled.shape, np.float32) - noise.random(scaled.shape, np.float32)
    np.rint(scaled, out=scaled)
    clipped = int(np.count_nonzero((scaled < -full) | (scaled > full - 1)))
    np.clip(scaled, -full, full - 1, out=scaled)
    width = 16 if bits <= 16 else 32
    integers = scaled.astype(np.int16 if width == 16 else np.int32)
    if width > bits:
        np.left_shift(integers, width - bits, out=integers)
    return integers, clipped
