"""What is timed: a title, sigconv's call, and the peers' calls by name."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from importlib.util import find_spec
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
    yield from _arrays("1024² image", samples(1024, 1024), samples, (3, 7, 31))
    volume = samples(128, 128, 128)
    yield from _arrays("128³ volume", volume, samples, (3, 5, 17))
    h = sc.kernels.gaussian(3.0, ndim=3, dtype=np.float32)
    yield Case(
        "128³ volume, Gaussian of sigma 3 (25³ taps), float32",
        partial(sc.convolve, volume, h, "same", boundary="symmetric"),
        {"scipy.ndimage.gaussian_filter": partial(ndimage.gaussian_filter, volume, 3.0)},
    )
    yield from _integers(rng)
    yield from _policies(samples)
    if find_spec("skimage"):
        yield from _matching(samples)


def _integers(rng: np.random.Generator) -> Iterator[Case]:
    # SciPy's default takes an FFT here and gives wrong integers: our direct sum is the peer.
    for bits, text in ((12, "12-bit"), (23, "23-bit")):
        x, h = (rng.integers(-(2**bits), 2**bits, n) for n in (10**6, 10**4))
        direct = partial(sc.convolve, x, h, method="direct")
        title = f"10^6 {text} integers, 10^4 taps, exact"
        yield Case(title, partial(sc.convolve, x, h), {"sigconv, direct": direct})


def _policies(samples: Callable[..., Any]) -> Iterator[Case]:
    """Finite data under the policies that look for NaN, beside the one that does not."""
    for shape, taps in (((10**7,), (1000,)), ((1024, 1024), (7, 7)), ((1024, 1024), (31, 31))):
        x, h = samples(*shape), np.abs(samples(*taps))
        plain = partial(sc.convolve, x, h, "same")
        for policy in ("omit", "raise"):
            own = partial(plain, nan_policy=policy)
            title = f"{' x '.join(map(str, shape))} finite samples under {policy!r}"
            yield Case(title, own, {"sigconv, propagate": plain})


def _matching(samples: Callable[..., Any]) -> Iterator[Case]:
    from skimage.feature import match_template

    for dtype in ("float64", "float32"):
        image = samples(512, 512, dtype=dtype)
        template = image[100:164, 200:264]
        yield Case(
            f"512² image, template of 64², {dtype}",
            partial(sc.normalized_correlation, image, template),
            {"skimage.feature.match_template": partial(match_template, image, template)},
        )


def _arrays(
    name: str, array: Any, samples: Callable[..., Any], widths: tuple[int, ...]
) -> Iterator[Case]:
    # SciPy's better method for each: overlap-add on images, one FFT on volumes.
    by_fft = signal.oaconvolve if array.ndim == 2 else signal.fftconvolve
    power = "²" if array.ndim == 2 else "³"
    for k in widths:
        h = samples(*(k,) * array.ndim)
        peers: dict[str, Call] = {
            f"scipy.signal.{by_fft.__name__}": partial(by_fft, array, h, "same")
        }
        if k < 10:
            peers["scipy.ndimage.convolve"] = partial(ndimage.convolve, array, h, mode="constant")
        own = partial(sc.convolve, array, h, "same")
        yield Case(f"{name}, {k}{power} taps, float32", own, peers)
