"""What is timed: a title, sigconv's call, and the peers' calls by name."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any, NamedTuple

import numpy as np
from scipy import ndimage, signal

import sigconv as sc

Call = Callable[[], Any]


class Case(NamedTuple):
    """One row: calls that compute the same thing."""

    title: str
    own: Call
    peers: dict[str, Call]


def cases() -> Iterator[Case]:
    """Yield the core rows, small ones first."""
    rng = np.random.default_rng(1)

    def samples(*shape: int, dtype: Any = np.float32) -> Any:
        return rng.standard_normal(shape).astype(dtype)

    x, h = samples(1000, dtype=float), samples(9, dtype=float)
    yield Case(
        "1000 samples, 9 taps",
        partial(sc.convolve, x, h),
        {"numpy.convolve": partial(np.convolve, x, h)},
    )
    for n, k in ((10**6, 64), (10**6, 1000), (10**7, 1000), (10**7, 48_000)):
        x, h = samples(n, dtype=float), samples(k, dtype=float)
        yield Case(
            f"10^{len(str(n)) - 1} samples, {k} taps",
            partial(sc.convolve, x, h),
            {"scipy.signal.oaconvolve": partial(signal.oaconvolve, x, h)},
        )
    yield from _images(samples)
    yield from _volumes(samples)


def _images(samples: Callable[..., Any]) -> Iterator[Case]:
    image = samples(1024, 1024)
    for k in (3, 7, 31):
        h = samples(k, k)
        peers: dict[str, Call] = {
            "scipy.signal.oaconvolve": partial(signal.oaconvolve, image, h, "same")
        }
        if k < 10:
            peers["scipy.ndimage.convolve"] = partial(ndimage.convolve, image, h, mode="constant")
        yield Case(
            f"1024² image, {k}² taps, float32", partial(sc.convolve, image, h, "same"), peers
        )


def _volumes(samples: Callable[..., Any]) -> Iterator[Case]:
    volume = samples(128, 128, 128)
    for k in (3, 5, 17):
        h = samples(k, k, k)
        peers: dict[str, Call] = {
            "scipy.signal.fftconvolve": partial(signal.fftconvolve, volume, h, "same")
        }
        if k < 10:
            peers["scipy.ndimage.convolve"] = partial(ndimage.convolve, volume, h, mode="constant")
        yield Case(
            f"128³ volume, {k}³ taps, float32", partial(sc.convolve, volume, h, "same"), peers
        )
    h = sc.kernels.gaussian(3.0, ndim=3, dtype=np.float32)
    yield Case(
        "128³ volume, Gaussian of sigma 3 (25³ taps), float32",
        partial(sc.convolve, volume, h, "same", boundary="symmetric"),
        {"scipy.ndimage.gaussian_filter": partial(ndimage.gaussian_filter, volume, 3.0)},
    )
