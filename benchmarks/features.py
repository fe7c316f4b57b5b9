"""More rows: exact integers, gaps, templates, beside the nearest peer or beside sigconv itself."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from importlib import import_module
from importlib.util import find_spec
from typing import Any, NamedTuple

import numpy as np
from scipy import fft, ndimage, signal

import sigconv as sc
from benchmarks.peers import THREADS
from benchmarks.timing import Entry, Patience, Ratio, Times, compare, ratio, time_in_turns
from benchmarks.work import Call

__all__ = ["Case", "Feature", "cases", "measure_case"]

Samples = Callable[..., Any]


class Case(NamedTuple):
    """Two calls that compute the same thing."""

    title: str
    own: Call
    peer: str
    call: Call


class Feature(NamedTuple):
    """A case and its ratio."""

    title: str
    peer: str
    own: Times
    ratio: Ratio


def measure_case(case: Case, patience: Patience) -> Feature:
    """Compare the results of both, then time them in turns."""
    peer = Entry(case.peer, case.call, THREADS, fft.set_workers)
    entries = [Entry("sigconv", case.own, THREADS), peer]
    compare(entries, case.title)
    own, other = time_in_turns(entries, patience)
    return Feature(case.title, case.peer, own, ratio(own, other))


def cases() -> Iterator[Case]:
    """Yield all, with the arrays of one at a time."""
    rng = np.random.default_rng(1)

    def samples(*shape: int, dtype: Any = np.float32) -> Any:
        return rng.standard_normal(shape).astype(dtype)

    yield _short_call(samples)
    yield _smoothing(samples)
    yield _long_kernel(samples)
    yield from _converted(rng)
    yield from _integers(rng)
    yield from _policies(samples)
    if find_spec("skimage"):
        yield from _matching(samples)


def _short_call(samples: Samples) -> Case:
    x, h = samples(1000, dtype=float), samples(9, dtype=float)
    own = partial(sc.convolve, x, h)
    return Case("1000 samples, 9 taps", own, "numpy.convolve", partial(np.convolve, x, h))


def _long_kernel(samples: Samples) -> Case:
    x, h = (samples(n, dtype=np.complex64) for n in (10_000_000, 1_000_000))
    return Case(
        "10^7 samples, 10^6 taps, complex64",
        partial(sc.convolve, x, h),
        "scipy.signal.oaconvolve",
        partial(signal.oaconvolve, x, h),
    )


def _smoothing(samples: Samples) -> Case:
    volume = samples(128, 128, 128)
    h = sc.kernels.gaussian(3.0, ndim=3, dtype=np.float32)
    return Case(
        "128³ volume, Gaussian of sigma 3 (25³ taps), float32",
        partial(sc.convolve, volume, h, "same", boundary="symmetric"),
        "scipy.ndimage.gaussian_filter",
        partial(ndimage.gaussian_filter, volume, 3.0),
    )


def _converted(rng: np.random.Generator) -> Iterator[Case]:
    """Whole numbers to float32, as cameras and scanners give them: in C and in Fortran order."""
    volume = np.asfortranarray(rng.integers(-1000, 1000, (128, 128, 128), np.int16))
    h = rng.standard_normal((5, 5, 5)).astype(np.float32)
    yield Case(
        "128³ volume of int16 in Fortran order, 5³ taps, to float32",
        partial(sc.convolve, volume, h, "same", dtype=np.float32),
        "scipy.ndimage.convolve",
        partial(ndimage.convolve, volume, h, np.float32, "constant", origin=0),
    )
    if find_spec("cv2"):
        cv2: Any = import_module("cv2")
        for shape, text in (((1024, 1024), "1024²"), ((1024, 1024, 3), "1024² colour")):
            image = rng.integers(0, 256, shape, np.uint8)
            h = rng.standard_normal((7, 7)).astype(np.float32)
            flipped = np.ascontiguousarray(h[::-1, ::-1])
            zero = cv2.BORDER_CONSTANT
            yield Case(
                f"{text} image of uint8, 7² taps, to float32",
                partial(sc.convolve, image, h, "same", axes=(0, 1), dtype=np.float32),
                "cv2.filter2D",
                partial(cv2.filter2D, image, cv2.CV_32F, flipped, borderType=zero),
            )


def _integers(rng: np.random.Generator) -> Iterator[Case]:
    # SciPy's default takes an FFT here and gives wrong integers: our direct sum is the peer.
    for bits, text in ((12, "12-bit"), (23, "23-bit")):
        x, h = (rng.integers(-(2**bits), 2**bits, n) for n in (10**6, 10**4))
        direct = partial(sc.convolve, x, h, method="direct")
        title = f"10^6 {text} integers, 10^4 taps, exact"
        yield Case(title, partial(sc.convolve, x, h), "sigconv, direct", direct)


def _policies(samples: Samples) -> Iterator[Case]:
    """Finite data under the policies that look for NaN, beside the one that does not."""
    for shape, taps in (((10**7,), (1000,)), ((1024, 1024), (7, 7)), ((1024, 1024), (31, 31))):
        x, h = samples(*shape), np.abs(samples(*taps))
        plain = partial(sc.convolve, x, h, "same")
        for policy in ("omit", "raise"):
            own = partial(plain, nan_policy=policy)
            size, width = (" x ".join(map(str, n)) for n in (shape, taps))
            title = f"{size} finite samples, {width} taps, under {policy!r}"
            yield Case(title, own, "sigconv, propagate", plain)


def _matching(samples: Samples) -> Iterator[Case]:
    from skimage.feature import match_template

    for dtype in ("float64", "float32"):
        image = samples(512, 512, dtype=dtype)
        template = image[100:164, 200:264]
        yield Case(
            f"512² image, template of 64², {dtype}",
            partial(sc.normalized_correlation, image, template),
            "skimage.feature.match_template",
            partial(match_template, image, template),
        )
