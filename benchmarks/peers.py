"""The peers: what each can compute, with how many threads, and its call for given arrays.

What a call needs beforehand (a kernel reversed for peers that correlate, its factors) is made
outside the time.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass
from functools import partial
from importlib import import_module
from importlib.util import find_spec
from typing import Any

import numpy as np
from scipy import fft, ndimage, signal

from benchmarks.work import Array, Call, Work, rank_one_factors

__all__ = ["MOST_PRODUCTS", "PEERS", "THREADS", "Peer"]

THREADS = 2
"""As many as sigconv's workers; peers that have threads are timed with one and with these."""

MOST_PRODUCTS = 2_000_000_000
"""Direct sums beyond this take seconds, where every FFT is far ahead."""

Threads = Callable[[int], AbstractContextManager[Any]]


@dataclass(frozen=True)
class Peer:
    """One function of another library, and the work that it can do.

    `call` makes the call for a work, its arrays and a number of threads; `using` sets that number
    where the library keeps it.
    """

    name: str
    call: Callable[[Work, Array, Array, int], Call]
    package: str = "scipy"
    has_threads: bool = False
    using: Threads = nullcontext
    ndims: tuple[int, ...] = (1, 2, 3)
    only_same: bool = False
    only_odd: bool = False
    only_rank_one: bool = False
    sums_products: bool = False

    @property
    def threads(self) -> tuple[int, ...]:
        return (1, THREADS) if self.has_threads else (1,)

    def refusal(self, work: Work) -> str | None:
        """Say why this peer is not timed for `work`, or return None."""
        if find_spec(self.package) is None:
            return f"{self.package} is not installed"
        if work.ndim not in self.ndims:
            return f"not for {work.ndim} axes"
        if self.only_same and work.mode != "same":
            return f"not for mode {work.mode}"
        if self.only_odd and work.mode == "same" and not all(k % 2 for k in work.taps):
            return "another centre for even widths"
        if self.only_rank_one and not work.is_gaussian:
            return "only for kernels of rank one"
        if self.sums_products and work.products > MOST_PRODUCTS:
            return f"a sum of {work.products:.0e} products"
        return None


# ------------------------------------------------------------------ NumPy, SciPy


def _numpy(work: Work, x: Array, h: Array, _threads: int) -> Call:
    return partial(np.convolve, x, h, work.mode)


def _convolve(work: Work, x: Array, h: Array, _threads: int) -> Call:
    return partial(signal.convolve, x, h, work.mode)


def _convolve2d(work: Work, x: Array, h: Array, _threads: int) -> Call:
    return partial(signal.convolve2d, x, h, work.mode)


def _fftconvolve(work: Work, x: Array, h: Array, _threads: int) -> Call:
    return partial(signal.fftconvolve, x, h, work.mode)


def _oaconvolve(work: Work, x: Array, h: Array, _threads: int) -> Call:
    return partial(signal.oaconvolve, x, h, work.mode)


def _ndimage(_work: Work, x: Array, h: Array, _threads: int) -> Call:
    return partial(ndimage.convolve, x, h, mode="constant")


def _ndimage_by_axis(_work: Work, x: Array, h: Array, _threads: int) -> Call:
    factors = rank_one_factors(h)

    def call() -> Array:
        y = x
        for axis, factor in enumerate(factors):
            y = ndimage.convolve1d(y, factor, axis, mode="constant")
        return y

    return call


# ------------------------------------------------------------------ OpenCV


@contextmanager
def _opencv_threads(threads: int) -> Iterator[None]:
    cv2 = import_module("cv2")
    before = cv2.getNumThreads()
    cv2.setNumThreads(threads)
    try:
        yield
    finally:
        cv2.setNumThreads(before)


def _filter2d(_work: Work, x: Array, h: Array, _threads: int) -> Call:
    cv2 = import_module("cv2")
    taps = np.ascontiguousarray(h[::-1, ::-1])
    return partial(cv2.filter2D, x, -1, taps, borderType=cv2.BORDER_CONSTANT)


def _sep_filter2d(_work: Work, x: Array, h: Array, _threads: int) -> Call:
    cv2 = import_module("cv2")
    rows, columns = (np.ascontiguousarray(factor[::-1]) for factor in rank_one_factors(h))
    return partial(cv2.sepFilter2D, x, -1, columns, rows, borderType=cv2.BORDER_CONSTANT)


# ------------------------------------------------------------------ ducc0


def _ducc(work: Work, x: Array, h: Array, threads: int) -> Call:
    """One transform of everything by ducc0: it has FFTs, and this is what one writes on them."""
    ducc = import_module("ducc0").fft
    extents = tuple(zip(work.starts, work.results, work.shape, work.taps, strict=True))
    # Results p..q-1 of the full convolution stay clear of what wraps around.
    least = (max(p + n_out, n + k - 1 - p) for p, n_out, n, k in extents)
    nfft = tuple(ducc.good_size(n, True) for n in least)
    wanted = tuple(slice(p, p + n_out) for p, n_out, _, _ in extents)

    def spectrum(array: Array) -> Any:
        padded = np.zeros(nfft, array.dtype)
        padded[tuple(map(slice, array.shape))] = array
        return ducc.r2c(padded, nthreads=threads)

    def call() -> Any:
        product = spectrum(x)
        product *= spectrum(h)
        full = ducc.c2r(
            product,
            lastsize=nfft[-1],
            forward=False,
            inorm=2,
            nthreads=threads,
            allow_overwriting_input=True,
        )
        return full[wanted]

    return call


# ------------------------------------------------------------------ torch


@contextmanager
def _torch_threads(threads: int) -> Iterator[None]:
    torch = import_module("torch")
    before = torch.get_num_threads()
    torch.set_num_threads(threads)
    try:
        with torch.inference_mode():
            yield
    finally:
        torch.set_num_threads(before)


def _torch(work: Work, x: Array, h: Array, _threads: int) -> Call:
    torch = import_module("torch")
    layer = getattr(torch.nn.functional, f"conv{work.ndim}d")
    samples = torch.from_numpy(x)[None, None]
    taps = torch.from_numpy(np.flip(h).copy())[None, None]
    padding = [k // 2 if work.mode == "same" else k - 1 for k in work.taps]

    def call() -> Any:
        return layer(samples, taps, padding=padding)[0, 0].numpy()

    return call


_SCIPY_FFT: dict[str, Any] = {"has_threads": True, "using": fft.set_workers}
_OPENCV: dict[str, Any] = {
    "package": "cv2",
    "has_threads": True,
    "using": _opencv_threads,
    "ndims": (2,),
    "only_same": True,
    "only_odd": True,
}

PEERS: dict[str, Peer] = {
    peer.name: peer
    for peer in (
        Peer("numpy.convolve", _numpy, package="numpy", ndims=(1,), sums_products=True),
        Peer("scipy.signal.convolve", _convolve, **_SCIPY_FFT),
        Peer("scipy.signal.convolve2d", _convolve2d, ndims=(2,), sums_products=True),
        Peer("scipy.signal.fftconvolve", _fftconvolve, **_SCIPY_FFT),
        Peer("scipy.signal.oaconvolve", _oaconvolve, **_SCIPY_FFT),
        Peer("scipy.ndimage.convolve", _ndimage, only_same=True, only_odd=True, sums_products=True),
        Peer(
            "scipy.ndimage.convolve1d",
            _ndimage_by_axis,
            only_same=True,
            only_odd=True,
            only_rank_one=True,
        ),
        Peer("cv2.filter2D", _filter2d, **_OPENCV),
        Peer("cv2.sepFilter2D", _sep_filter2d, **_OPENCV, only_rank_one=True),
        Peer("ducc0.fft", _ducc, package="ducc0", has_threads=True),
        Peer(
            "torch.nn.functional",
            _torch,
            package="torch",
            has_threads=True,
            using=_torch_threads,
            only_odd=True,
            sums_products=True,
        ),
    )
}
