"""The engines for sums over channels, and for the weights' gradients.

| method | serves | by |
|---|---|---|
| direct | what numba compiles | loops over taps, in which channels or rows share what they load |
| gemm | float and complex | the samples that outputs meet as columns, and BLAS |
| fft | long kernels without a stride | spectra of tiles, or of each channel where none meet |
| taps | every dtype | one product of matrices for each tap |
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import NamedTuple

from sigconv.channels.apart import problem_apart, refusal_apart, sum_apart
from sigconv.channels.costs import direct_seconds, gemm_seconds, product_seconds, tap_seconds
from sigconv.channels.direct import sum_directly
from sigconv.channels.gemm import multiply_columns, sum_columns
from sigconv.channels.problem import ChannelProblem
from sigconv.channels.products import multiply_directly
from sigconv.channels.spectral import Spectra, multiply_spectra, sum_spectra
from sigconv.channels.taps import sum_by_taps, weights_by_taps
from sigconv.core.dtypes import Array
from sigconv.engines import compiled
from sigconv.engines.base import Machine, dtype_key
from sigconv.planning import make_plan

__all__ = ["PRODUCTS", "SUMS", "Engine", "load_seconds"]

# Seconds to make a kernel ready that one channel has for itself.
_KERNEL = 3e-5

_BLAS = ("f4", "f8", "c8", "c16")


class Engine(NamedTuple):
    """One algorithm.

    `refusal` says why it does not serve a problem, `seconds` is what it is predicted to take on one
    worker, and `write` does it. `loop` is the kind of the compiled loop that it needs, if any.
    """

    name: str
    refusal: Callable[[ChannelProblem], str | None]
    seconds: Callable[[ChannelProblem, Machine], float]
    write: Callable[..., None]
    loop: str = ""


def load_seconds(engine: Engine, problem: ChannelProblem, machine: Machine) -> float:
    """Return what loading an engine's loop would take, 0 where it is loaded or has none."""
    if not engine.loop:
        return 0.0
    return compiled.load_seconds(problem.dtypes.compute, machine, engine.loop)


def _uncompiled(problem: ChannelProblem) -> str | None:
    if compiled.loop_for(problem.dtypes.compute) == "numba":
        return None
    if not compiled.has_numba():
        return "numba is not installed"
    return f"numba does not compile {problem.dtypes.compute}"


def _not_real(problem: ChannelProblem) -> str | None:
    dtype = problem.dtypes.compute
    return _uncompiled(problem) if dtype.kind == "f" else f"{dtype} is no real floating dtype"


def _without_blas(problem: ChannelProblem) -> str | None:
    if dtype_key(problem.dtypes.compute) in _BLAS:
        return None
    return f"{problem.dtypes.compute} has neither BLAS nor an FFT"


def _untransformed(problem: ChannelProblem) -> str | None:
    if any(axis.stride > 1 for axis in problem.axes):
        return "an FFT would make all the outputs that the stride leaves out"
    if any(axis.dilation > 1 for axis in problem.axes):
        return "an FFT would transform the zeros between dilated taps"
    return _without_blas(problem)


def _never(problem: ChannelProblem) -> None:
    del problem


def _spectral_seconds(problem: ChannelProblem, machine: Machine) -> float:
    return Spectra.of(problem, machine).seconds


def _fft_seconds(problem: ChannelProblem, machine: Machine) -> float:
    if refusal_apart(problem) is None:
        single = make_plan(problem_apart(problem), "auto")
        return single.cost.seconds + problem.outputs * _KERNEL
    return _spectral_seconds(problem, machine)


def _sum_by_fft(
    problem: ChannelProblem,
    x: Array,
    weight: Array,
    bias: Array | None,
    out: Array,
    *,
    workers: int,
) -> None:
    write = sum_spectra if refusal_apart(problem) else sum_apart
    write(problem, x, weight, bias, out, workers=workers)


SUMS = (
    Engine("direct", _uncompiled, direct_seconds, sum_directly, "channels"),
    Engine("gemm", _without_blas, gemm_seconds, sum_columns),
    Engine("fft", _untransformed, _fft_seconds, _sum_by_fft),
    Engine("taps", _never, tap_seconds, sum_by_taps),
)
"""What computes a result: `write(problem, x, weight, bias, out, workers=n)`."""

PRODUCTS = (
    Engine("direct", _not_real, product_seconds, multiply_directly, "products"),
    Engine("gemm", _without_blas, partial(gemm_seconds, of_weights=True), multiply_columns),
    Engine("fft", _untransformed, _spectral_seconds, multiply_spectra),
    Engine("taps", _never, tap_seconds, weights_by_taps),
)
"""What computes the weights' gradient: `write(problem, x, grad, out, workers=n)`."""
