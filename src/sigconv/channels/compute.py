"""Sums over channels and their two adjoints, each by the engine that is expected to be fastest."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np

from sigconv.channels.adjoint import phases_of, region_of, transposed
from sigconv.channels.engines import PRODUCTS, SUMS, Engine, load_seconds
from sigconv.channels.problem import ChannelProblem, bias_view
from sigconv.core.dtypes import Array
from sigconv.core.gather import scatter_add
from sigconv.core.index import trailing
from sigconv.core.nonfinite import is_finite
from sigconv.engines import NonFiniteSamples, compiled
from sigconv.engines.workers import resolve_workers
from sigconv.errors import MethodError
from sigconv.fft import current_backend
from sigconv.planning import current_machine

__all__ = ["METHODS", "adjoint", "chosen", "forward", "weight_gradient"]

METHODS = ("auto", *(engine.name for engine in SUMS))

# Work below so many seconds is not worth a second thread.
_ALONE = 1e-4

# Elements that are folded onto the signal at a time.
_FOLDED = 1 << 18


def forward(
    problem: ChannelProblem,
    x: Array,
    weight: Array,
    bias: Array | None = None,
    *,
    out: Array | None = None,
    method: str = "auto",
    workers: int | None = None,
) -> Array:
    """Return the sums for a signal (batch, inputs, *space), with a bias for each output channel."""
    if out is None:
        out = np.empty(problem.result_shape, problem.dtypes.result)
    _sum(problem, x, weight, bias, out, _Way(method, workers))
    return out


def adjoint(
    problem: ChannelProblem,
    grad: Array,
    weight: Array,
    bias: Array | None = None,
    *,
    method: str = "auto",
    workers: int | None = None,
) -> Array:
    """Return what the adjoint of `forward` makes of an array like its result, with a bias."""
    turned = transposed(weight.conj() if weight.dtype.kind == "c" else weight, problem.groups)
    region = region_of(problem)
    sizes = tuple((0, axis.size) for axis in problem.axes)
    shape = problem.batch, problem.inputs, *(stop - start for start, stop in region)
    dtypes, way = problem.dtypes, _Way(method, workers)
    # Where samples are added up afterwards, the bias is added once, at the end.
    early, late = (bias, None) if region == sizes else (None, bias)
    whole = np.empty(shape, dtypes.result if region == sizes else dtypes.compute)
    for place, taps, phase in phases_of(problem):
        part = whole[trailing(place)]
        if phase is None:
            part[...] = 0 if early is None else bias_view(problem, early)
        else:
            _sum(phase, grad, turned[trailing(taps)], early, part, way)
    if region == sizes:
        return whole
    out = _folded(problem, whole, region)
    with np.errstate(all="ignore"):
        if late is not None:
            out += bias_view(problem, late)
        return out.astype(dtypes.result, copy=False)


def _folded(problem: ChannelProblem, whole: Array, region: tuple[tuple[int, int], ...]) -> Array:
    """Return the sums of what belongs to one sample, of a few channels at a time."""
    out = np.zeros(problem.signal_shape, whole.dtype)
    source = whole.reshape(-1, *whole.shape[2:])
    target = out.reshape(-1, *out.shape[2:])
    step = max(1, _FOLDED * len(source) // max(1, whole.size))
    with np.errstate(all="ignore"):
        for first in range(0, len(source), step):
            part = slice(first, first + step)
            scatter_add(source[part], problem.axes, region, target[part])
    return out


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

    def write(engine: Engine, threads: int) -> None:
        engine.write(problem, x, grad, out, workers=threads)

    way = _Way(method, workers)
    _check(way)
    if problem.products:
        _run(problem, PRODUCTS, way, write, sure=_is_sure(problem, grad))
    return out


class _Way(NamedTuple):
    """How a caller wants the work to be done."""

    method: str
    workers: int | None


def chosen(problem: ChannelProblem, engines: tuple[Engine, ...]) -> Engine:
    """Return the engine that "auto" takes here and now."""
    return _chosen(problem, engines, "auto", _setting()).engine


def _sum(
    problem: ChannelProblem, x: Array, weight: Array, bias: Array | None, out: Array, way: _Way
) -> None:
    def write(engine: Engine, threads: int) -> None:
        engine.write(problem, x, weight, bias, out, workers=threads)

    _check(way)
    if problem.products:
        _run(problem, SUMS, way, write, sure=_is_sure(problem, weight))
    else:
        out[...] = 0 if bias is None else bias_view(problem, bias)


def _check(way: _Way) -> None:
    if way.method not in METHODS:
        raise MethodError(f"method must be one of {', '.join(METHODS)}; got {way.method!r}.")
    resolve_workers(way.workers)


def _run(
    problem: ChannelProblem,
    engines: tuple[Engine, ...],
    way: _Way,
    write: Callable[[Engine, int], Any],
    *,
    sure: bool,
) -> None:
    """Let an engine write the result; where a number is not finite, one that is exact in that."""
    workers = resolve_workers(way.workers)
    choice = _chosen(problem, engines, way.method, _setting())
    if not sure:
        # Zeros that stand for missing samples would turn such weights into NaN.
        choice = _chosen(problem, engines, "taps", _setting())
    choice.count_loss()
    with np.errstate(all="ignore"):
        try:
            write(choice.engine, workers if choice.seconds > _ALONE else 1)
        except NonFiniteSamples:
            others = tuple(engine for engine in engines if engine.name != "fft")
            write(_chosen(problem, others, "auto", _setting()).engine, workers)


class _Choice(NamedTuple):
    """An engine, its seconds, and what is lost while the loop of another is not loaded."""

    engine: Engine
    seconds: float
    loop: str = ""
    loss: float = 0.0
    price: float = 0.0

    def count_loss(self) -> None:
        """Add what a call loses to what calls before it have lost."""
        if self.loop:
            compiled.lose(self.loop, self.loss, self.price)


def _setting() -> tuple[str, frozenset[str]]:
    """Return what costs depend on beside the problem: the FFT backend, and the loaded loops."""
    return current_backend(), compiled.loaded()


@lru_cache(maxsize=1024)
def _chosen(
    problem: ChannelProblem,
    engines: tuple[Engine, ...],
    method: str,
    setting: tuple[str, frozenset[str]],
) -> _Choice:
    """Return the engine that was asked for, or the fastest with the loops that are loaded."""
    del setting
    machine, dtype = current_machine(), problem.dtypes.compute
    named = {engine.name: engine for engine in engines}
    if method != "auto":
        refusal = named[method].refusal(problem)
        if refusal:
            raise MethodError(f"method={method!r} does not serve: {refusal}. Use method='auto'.")
        return _Choice(named[method], named[method].seconds(problem, machine))
    able = [engine for engine in engines if engine.refusal(problem) is None]
    seconds = [engine.seconds(problem, machine) for engine in able]
    prices = [load_seconds(engine, problem, machine) for engine in able]
    best = min(range(len(able)), key=lambda k: seconds[k] + prices[k])
    fastest = min(range(len(able)), key=seconds.__getitem__)
    if fastest == best or not able[fastest].loop:
        return _Choice(able[best], seconds[best])
    loop = compiled.name_of(dtype, able[fastest].loop)
    loss = seconds[best] - seconds[fastest]
    return _Choice(able[best], seconds[best], loop, loss, prices[fastest])


def _is_sure(problem: ChannelProblem, weights: Array) -> bool:
    """Tell whether zeros may stand for samples that do not exist: no weight makes them NaN."""
    whole = all(
        axis.start >= axis.reach_back and axis.stop <= axis.size
        for axis in problem.axes
        if any(edge.is_zero for edge in axis.edges)
    )
    return whole or weights.dtype.kind not in "fc" or is_finite(weights)
