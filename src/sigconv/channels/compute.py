"""Sums over channels and their two adjoints: which engine, and what lies around it.

| method | taken where | by |
|---|---|---|
| direct | always, with numba | compiled loops over taps, several channels or rows sharing loads |
| gemm | small planes, many channels; without numba | columns of samples, and BLAS |
| fft | long kernels without a stride | spectra of tiles; channels that do not meet one by one |
| taps | objects and extended precision | one product of matrices for each tap |
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import NamedTuple

import numpy as np

from sigconv.channels.adjoint import phases_of, region_of, transposed
from sigconv.channels.apart import problem_apart, refusal_apart, sum_apart
from sigconv.channels.costs import direct_seconds, gemm_seconds, product_seconds, tap_seconds
from sigconv.channels.direct import sum_directly
from sigconv.channels.gemm import multiply_columns, sum_columns
from sigconv.channels.problem import ChannelProblem
from sigconv.channels.products import multiply_directly
from sigconv.channels.spectral import Spectra, multiply_spectra, sum_spectra
from sigconv.channels.taps import sum_by_taps, weights_by_taps
from sigconv.core.dtypes import Array
from sigconv.core.gather import scatter_add
from sigconv.core.index import trailing
from sigconv.core.nonfinite import is_finite
from sigconv.engines import NonFiniteSamples, compiled
from sigconv.engines.base import dtype_key
from sigconv.engines.workers import resolve_workers
from sigconv.errors import MethodError, OptionError
from sigconv.planning import current_machine, make_plan

__all__ = ["METHODS", "adjoint", "forward", "weight_gradient"]

METHODS = ("auto", "direct", "gemm", "fft", "taps")

_BLAS = ("f4", "f8", "c8", "c16")


class _Offer(NamedTuple):
    """An engine's answer to a problem: why not, or in how many seconds, and the work itself.

    `price` is what loading its compiled loop would take, and `loop` its name, if it has one.
    """

    method: str
    refusal: str | None
    seconds: float
    write: Callable[[Array, int], None]
    price: float = 0.0
    loop: str = ""


def forward(
    problem: ChannelProblem,
    x: Array,
    weight: Array,
    bias: Array | None = None,
    *,
    method: str = "auto",
    workers: int | None = None,
) -> Array:
    """Return the sums for a signal (batch, inputs, *space), with a bias for each output channel."""
    out = np.empty(problem.result_shape, problem.dtypes.result)
    _write(_sum_offers(problem, x, weight, bias), out, method, workers)
    return out


def adjoint(
    problem: ChannelProblem,
    grad: Array,
    weight: Array,
    *,
    method: str = "auto",
    workers: int | None = None,
) -> Array:
    """Return what the adjoint of `forward` makes of an array like its result."""
    turned = transposed(weight.conj() if weight.dtype.kind == "c" else weight, problem.groups)
    region = region_of(problem)
    sizes = tuple((0, axis.size) for axis in problem.axes)
    shape = problem.batch, problem.inputs, *(stop - start for start, stop in region)
    dtypes = problem.dtypes
    whole = np.empty(shape, dtypes.result if region == sizes else dtypes.compute)
    for place, taps, phase in phases_of(problem):
        part = whole[trailing(place)]
        if phase is None:
            part[...] = 0
        elif part.size:
            offers = _sum_offers(phase, grad, turned[trailing(taps)], None)
            _write(offers, part, method, workers)
    if region == sizes:
        return whole
    out = np.zeros(problem.signal_shape, dtypes.compute)
    with np.errstate(all="ignore"):
        scatter_add(whole, problem.axes, region, out)
        return out.astype(dtypes.result, copy=False)


def weight_gradient(
    problem: ChannelProblem,
    x: Array,
    grad: Array,
    *,
    method: str = "auto",
    workers: int | None = None,
) -> Array:
    """Return the sums over the batch and all outputs of grad[..., q] conj(x[..., s*q + d*k])."""
    out = np.zeros(problem.weight_shape, problem.dtypes.result)
    _write(_product_offers(problem, x, grad), out, method, workers)
    return out


def _sum_offers(
    problem: ChannelProblem, x: Array, weight: Array, bias: Array | None
) -> Iterable[_Offer]:
    """Yield what each engine offers for the sums."""
    machine, dtype = current_machine(), problem.dtypes.compute
    sure = None if _is_sure(problem, weight) else "weights that are not finite meet missing samples"

    def write_directly(out: Array, workers: int) -> None:
        sum_directly(problem, x, weight, bias, out, workers=workers)

    refusal, price = sure or _uncompiled(problem), compiled.load_seconds(dtype, machine, "channels")
    seconds = direct_seconds(problem, machine)
    loop = compiled.name_of(dtype, "channels")
    yield _Offer("direct", refusal, seconds, write_directly, price, loop)

    def write_columns(out: Array, workers: int) -> None:
        sum_columns(problem, x, weight, bias, out, workers=workers)

    refusal = sure or _without_blas(problem)
    yield _Offer("gemm", refusal, gemm_seconds(problem, machine), write_columns)

    def write_taps(out: Array, workers: int) -> None:
        del workers
        sum_by_taps(problem, x, weight, out)
        _add_bias(out, bias)

    yield _Offer("taps", None, tap_seconds(problem, machine), write_taps)
    yield _spectral_offer(problem, x, weight, bias, sure)


def _spectral_offer(
    problem: ChannelProblem, x: Array, weight: Array, bias: Array | None, sure: str | None
) -> _Offer:
    machine, apart = current_machine(), refusal_apart(problem)
    if apart is None and _without_blas(problem) is None:
        single = problem_apart(problem)

        def write_apart(out: Array, workers: int) -> None:
            sum_apart(problem, x, weight, out, workers=workers)
            _add_bias(out, bias)

        return _Offer("fft", None, make_plan(single, "auto").cost.seconds, write_apart)
    refusal = sure or _without_blas(problem) or _strided(problem)
    if refusal:
        return _Offer("fft", refusal, np.inf, _nothing)
    spectra = Spectra.of(problem, machine)

    def write_spectra(out: Array, workers: int) -> None:
        sum_spectra(problem, x, weight, out, spectra, workers=workers)
        _add_bias(out, bias)

    return _Offer("fft", None, spectra.seconds, write_spectra)


def _product_offers(problem: ChannelProblem, x: Array, grad: Array) -> Iterable[_Offer]:
    """Yield what each engine offers for the weights' gradient."""
    machine, dtype = current_machine(), problem.dtypes.compute
    sure = None if _is_sure(problem, grad) else "errors that are not finite meet missing samples"

    def write_directly(out: Array, workers: int) -> None:
        multiply_directly(problem, x, grad, out, workers=workers)

    real = None if dtype.kind == "f" else f"{dtype} is no real floating dtype"
    refusal = sure or real or _uncompiled(problem)
    price = compiled.load_seconds(dtype, machine, "products")
    seconds = product_seconds(problem, machine)
    loop = compiled.name_of(dtype, "products")
    yield _Offer("direct", refusal, seconds, write_directly, price, loop)

    def write_columns(out: Array, workers: int) -> None:
        multiply_columns(problem, x, grad, out, workers=workers)

    refusal = sure or _without_blas(problem)
    yield _Offer("gemm", refusal, gemm_seconds(problem, machine), write_columns)

    def write_taps(out: Array, workers: int) -> None:
        del workers
        weights_by_taps(problem, x, grad, out)

    yield _Offer("taps", None, tap_seconds(problem, machine), write_taps)
    refusal = sure or _without_blas(problem) or _strided(problem)
    if refusal:
        yield _Offer("fft", refusal, np.inf, _nothing)
        return
    spectra = Spectra.of(problem, machine)

    def write_spectra(out: Array, workers: int) -> None:
        multiply_spectra(problem, x, grad, out, spectra, workers=workers)

    yield _Offer("fft", None, spectra.seconds, write_spectra)


def _write(offers: Iterable[_Offer], out: Array, method: str, workers: int | None) -> None:
    """Let the engine that was asked for, or the fastest, write the result."""
    if method not in METHODS:
        raise OptionError(f"method must be one of {', '.join(METHODS)}; got {method!r}.")
    threads = resolve_workers(workers)
    if not out.size:
        return
    given = {offer.method: offer for offer in offers}
    if method != "auto":
        chosen = given[method]
        if chosen.refusal:
            raise MethodError(f"method={method!r} does not serve: {chosen.refusal}. Use 'auto'.")
    else:
        chosen = _cheapest(given.values())
    try:
        chosen.write(out, threads)
    except NonFiniteSamples:
        others = (offer for offer in given.values() if offer.method != "fft")
        _cheapest(others).write(out, threads)


def _cheapest(offers: Iterable[_Offer]) -> _Offer:
    """Return the fastest offer; what is lost while its loop is not loaded adds up."""
    able = [offer for offer in offers if not offer.refusal]
    best = min(able, key=lambda offer: offer.seconds + offer.price)
    fastest = min(able, key=lambda offer: offer.seconds)
    if fastest is not best and fastest.loop:
        compiled.lose(fastest.loop, best.seconds - fastest.seconds, fastest.price)
    return best


def _nothing(out: Array, workers: int) -> None:
    del out, workers


def _add_bias(out: Array, bias: Array | None) -> None:
    if bias is not None:
        with np.errstate(all="ignore"):
            out += bias.reshape(-1, *(1,) * (out.ndim - 2)).astype(out.dtype)


def _is_sure(problem: ChannelProblem, weights: Array) -> bool:
    """Tell whether zeros may stand for samples that do not exist: no weight makes them NaN."""
    whole = all(
        axis.start >= axis.reach_back and axis.stop <= axis.size
        for axis in problem.axes
        if any(edge.is_zero for edge in axis.edges)
    )
    return whole or weights.dtype.kind not in "fc" or is_finite(weights)


def _uncompiled(problem: ChannelProblem) -> str | None:
    if compiled.loop_for(problem.dtypes.compute) == "numba":
        return None
    if not compiled.has_numba():
        return "numba is not installed"
    return f"numba does not compile {problem.dtypes.compute}"


def _without_blas(problem: ChannelProblem) -> str | None:
    if dtype_key(problem.dtypes.compute) in _BLAS:
        return None
    return f"{problem.dtypes.compute} has no BLAS and no FFT"


def _strided(problem: ChannelProblem) -> str | None:
    if any(axis.stride > 1 or axis.dilation > 1 for axis in problem.axes):
        return "an FFT would make all the outputs that a stride leaves out, or taps that are zero"
    return None
