"""One kernel made ready for many signals, with the adjoint of the map."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace
from math import prod
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from sigconv.core.arguments import make_problem
from sigconv.core.blocks import input_range
from sigconv.core.boundary import ZERO
from sigconv.core.dtypes import (
    Array,
    DType,
    as_numeric,
    is_weak,
)
from sigconv.core.gather import scatter_add
from sigconv.core.index import trailing
from sigconv.core.integers import (
    absolute_sum,
    check_integer_bound,
    check_integer_range,
    check_signs,
)
from sigconv.core.options import as_shape, options_from
from sigconv.core.problem import Operand, Problem
from sigconv.dispatch import (
    Choice,
    check_out,
    check_samples,
    choose,
    choose_plan,
    compute_into,
    forward_by,
    is_settled,
)
from sigconv.engines import Plan, Prepared, compiled, execute, prepare
from sigconv.engines.small import make_step
from sigconv.engines.workers import resolve_workers
from sigconv.errors import DTypeError, ShapeError
from sigconv.fft import current_backend
from sigconv.missing import check_weights, is_watched, weight_ratio
from sigconv.planning import looked_at, make_plan, needs_a_look

__all__ = ["Convolver"]

# Blocks at least this long are transformed often enough for FFTW to time its algorithms.
_MEASURED_BLOCK = 4096


class _Ready(NamedTuple):
    """How a problem is computed, with the weights of the kernel where that is one step."""

    problem: Problem
    choice: Choice
    weights: Array


class _Decided:
    """How problems are computed by an FFT backend and with the compiled loops that are loaded."""

    def __init__(self, backend: str, loaded: frozenset[str]) -> None:
        self.backend = backend
        self.loaded = loaded
        self.settled: dict[DType, _Ready] = {}
        self.ready: dict[Problem, _Ready] = {}


class Convolver:
    """Convolution with one kernel, planned and prepared once: ``op(x)`` is ``convolve(x, h)``.

    Parameters
    ----------
    kernel : array_like
        The taps, as in `convolve`; copied.
    signal_shape : tuple of int
        The shape of the signals to come.
    mode, axes, boundary, fill_value, center, method, nan_policy, rtol, workers
        As in `convolve`.
    dtype : dtype, optional
        The dtype of computation and result. By default it follows from kernel and signal, and
        the kernel is prepared for each precision that it meets.

    Attributes
    ----------
    plan : Plan
        The plan for signals of the kernel's own dtype (float64 for a list), or of int64, float64
        or complex128 where `fill_value` needs one of these.
    signal_shape, result_shape : tuple of int
        What the map takes and gives.

    Raises
    ------
    ShapeError, ModeError, BoundaryError, MethodError, DTypeError
        As in `convolve`.

    See Also
    --------
    convolve : The same for one signal.

    Notes
    -----
    Calls may come from several threads at once. A Convolver pickles; the copy prepares its
    kernel again. Planning is more patient than for a single call: FFTW times its algorithms
    for blocks of 4096 samples and more, for a second at most. Plans change once more when the
    compiled loop of a dtype has been loaded; with a `Plan` as `method` they stay.

    Examples
    --------
    >>> import numpy as np
    >>> op = Convolver([1.0, -1.0], (4,), "valid")
    >>> op(np.array([1.0, 4.0, 9.0, 16.0]))
    array([3., 5., 7.])
    >>> op.adjoint(np.array([1.0, 0.0, 0.0]))
    array([-1.,  1.,  0.,  0.])
    """

    def __init__(
        self,
        kernel: npt.ArrayLike,
        signal_shape: int | tuple[int, ...],
        mode: str = "full",
        *,
        axes: int | tuple[int, ...] | None = None,
        boundary: Any = "zero",
        fill_value: complex = 0.0,
        center: int | tuple[int | None, ...] | None = None,
        method: str | Plan = "auto",
        nan_policy: str = "propagate",
        rtol: float | None = None,
        dtype: npt.DTypeLike | None = None,
        workers: int | None = None,
    ) -> None:
        self._weak = is_weak(kernel)
        self._kernel = as_numeric(kernel, "kernel").copy()
        self._kernel.flags.writeable = False
        self.signal_shape = as_shape(signal_shape, "signal")
        self._options = options_from(
            mode,
            axes=axes,
            boundary=boundary,
            fill_value=fill_value,
            center=center,
            nan_policy=nan_policy,
            rtol=rtol,
            dtype=dtype,
        )
        self._method = method
        self._workers = workers
        resolve_workers(workers)
        self._prepared: dict[tuple[Plan, bool], Prepared] = {}
        self._decided = _Decided(current_backend(), compiled.loaded())
        self._problems: dict[DType, Problem] = {}
        undecided = dtype is None and self._weak and self._kernel.dtype.kind in "biu"
        self._own = self._first_problem(np.dtype(float) if undecided else self._kernel.dtype)
        self.result_shape = self._own.result_shape
        self._prepare(self._own)

    @property
    def plan(self) -> Plan:
        """The plan for signals of the kernel's own dtype (float64 for a list)."""
        return self._patient(choose_plan(self._own, self._method))

    def __call__(self, signal: npt.ArrayLike, out: Array | None = None) -> Array:
        """Convolve one signal of shape `signal_shape`, into `out` if given."""
        x = self._checked(signal, "signal", self.signal_shape)
        decided, watch = self._up_to_date(), False
        ready = decided.settled.get(x.dtype)
        if ready is None:
            problem = self._problem(x.dtype)
            watch = is_watched(problem, out)
            problem = check_samples(problem, x, self._kernel, watched=watch)
            ready = self._ready(problem)
            if is_settled(problem):
                decided.settled[x.dtype] = ready
        ready.choice.count_loss()
        if out is not None:
            check_out(ready.problem, out)
        if ready.choice.step is not None:
            workers = resolve_workers(self._workers) if ready.choice.shares else 1
            step, weights = ready.choice.step, ready.weights
            done = step.apply(x, weights, out, watch=watch, workers=workers)
            if done is not None:
                return done
        result = check_out(ready.problem, out)
        if result.size:
            workers = resolve_workers(self._workers)
            prepared = self._prepare(ready.problem)
            compute_into(result, prepared, x, self._kernel, workers, watch=watch)
        return result

    def adjoint(self, samples: npt.ArrayLike) -> Array:
        """Apply the adjoint map: sum(conj(op(x)) * y) equals sum(conj(x) * op.adjoint(y)).

        Parameters
        ----------
        samples : array_like
            An array y of shape `result_shape`.

        Returns
        -------
        ndarray
            An array of shape `signal_shape`.

        Notes
        -----
        Samples that the boundary repeats add up where they came from. Under ``constant`` with
        a non-zero `fill_value` the map is affine, and under ``omit`` it depends on where samples
        are missing; this is the adjoint of the linear part, for signals without gaps.
        """
        y = self._checked(samples, "samples", self.result_shape)
        problem = self._problem(y.dtype)
        result = np.zeros(self.signal_shape, problem.dtypes.result)
        if not (y.size and self._kernel.size):
            return result
        if problem.dtypes.is_integer:
            rules = {edge.rule for axis in problem.axes for edge in axis.edges}
            check_signs(problem.dtypes, y, self._kernel)
            if not rules <= {"zero", "constant"}:
                # Folding may add every product of a sample of y to one result.
                check_integer_bound(absolute_sum(y) * absolute_sum(self._kernel), problem.dtypes)
            problem = problem.with_bits(check_integer_range(y, self._kernel, problem.dtypes))
        check_weights(problem, self._kernel)
        workers = resolve_workers(self._workers)
        if problem.has_absent_edges:
            forward = forward_by(self._prepare(problem), workers)
            present = np.ones(self.signal_shape, bool)
            ratio = weight_ratio(problem, present, self._kernel, forward)
            y = y / ratio.astype(problem.dtypes.real)
        backward, regions = _adjoint_problem(problem)
        prepared = self._prepare(problem, backward)
        extended = np.empty(backward.result_shape, problem.dtypes.compute)
        view = problem.result_view(extended)
        grid = prepared.plan.grid
        execute(prepared, problem.result_view(y), view, grid=grid, workers=workers)
        target = result.transpose(problem.order)
        # Batch axes that the signal was broadcast along collect their sums.
        summed = tuple(i for i, n in enumerate(problem.batch) if target.shape[i] == 1 and n != 1)
        with np.errstate(all="ignore"):
            view = view.sum(axis=summed, keepdims=True, dtype=view.dtype)
            scatter_add(view, problem.axes, regions, target)
        return result

    def _checked(self, value: npt.ArrayLike, name: str, shape: tuple[int, ...]) -> Array:
        array = as_numeric(value, name)
        if array.shape != shape:
            raise ShapeError(
                f"this Convolver takes {name} of shape {shape}; got {array.shape}. "
                "Make one for that shape, or use convolve."
            )
        return array

    def _problem(self, dtype: DType) -> Problem:
        problem = self._problems.get(dtype)
        if problem is None:
            kernel = Operand(self._kernel.shape, self._kernel.dtype, self._weak)
            problem = make_problem(Operand(self.signal_shape, dtype), kernel, self._options)
            if needs_a_look(problem, self._method):
                problem = looked_at(problem, problem.kernel_view(self._kernel), patient=True)
            self._problems[dtype] = problem
        return problem

    def _first_problem(self, dtype: DType) -> Problem:
        """Return the problem of signals of `dtype`, or of wider ones that `fill_value` needs."""
        wider = [np.dtype(char) for char in "qdD"] if self._options.dtype is None else []
        for other in (dtype, *wider):
            with suppress(DTypeError):
                return self._problem(other)
        return self._problem(dtype)

    def _up_to_date(self) -> _Decided:
        """Return what has been decided, which begins anew with another loop or backend."""
        decided, backend = self._decided, current_backend()
        if decided.loaded is not compiled.loaded() or decided.backend != backend:
            decided = self._decided = _Decided(backend, compiled.loaded())
        return decided

    def _ready(self, problem: Problem) -> _Ready:
        """Return how to compute `problem`, decided when first used."""
        decided = self._up_to_date()
        ready = decided.ready.get(problem)
        if ready is None:
            choice = choose(problem, self._method)
            # Scratch of its own, of any size: nothing but results is allocated.
            # Spectra are prepared: a step would make its own for every signal.
            alone = choice.step is not None and not choice.plan.nfft
            step = make_step(choice.plan, None) if alone else None
            weights = np.empty(0) if step is None else step.weights(self._kernel)
            ready = _Ready(problem, choice._replace(step=step), weights)
            decided.ready[problem] = ready
        return ready

    def _prepare(self, problem: Problem, backward: Problem | None = None) -> Prepared:
        """Return the kernel prepared for `problem`, or for its adjoint, made when first used."""
        if backward is None:
            plan = self._ready(problem).choice.plan
        else:
            method = self._method
            plan = make_plan(backward, method.method if isinstance(method, Plan) else method)
        key = (plan, backward is not None)
        prepared = self._prepared.get(key)
        if prepared is None:
            kernel = problem.kernel_view(self._kernel)
            if backward is not None:
                reversed_taps = (slice(None, None, -1),) * len(problem.axes)
                kernel = np.conj(kernel[trailing(reversed_taps)])
            prepared = self._prepared[key] = prepare(self._patient(plan), kernel)
        return prepared

    def _patient(self, plan: Plan) -> Plan:
        """Return the plan with transforms for many calls, unless it replays one as it is."""
        return plan if isinstance(self._method, Plan) else replace(plan, effort=_effort(plan))

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_prepared": {}, "_decided": _Decided("", frozenset())}

    def __repr__(self) -> str:
        return (
            f"<Convolver {self.signal_shape} * {self._kernel.shape} -> {self.result_shape}, "
            f"mode {self._options.mode}, method {self.plan.method}>"
        )


def _effort(plan: Plan) -> str:
    if plan.effort == "wisdom":
        # What measuring would find is known.
        return plan.effort
    return "measure" if prod(plan.nfft) >= _MEASURED_BLOCK else "estimate"


def _adjoint_problem(problem: Problem) -> tuple[Problem, tuple[tuple[int, int], ...]]:
    """Return the convolution that gives every extended sample its share, and its region.

    With y of L results from position `start`, u[j] = sum_n conj(h[n-j]) y[n] is position
    j + K-1 - start of the convolution of y with the reversed, conjugated kernel.
    """
    regions = tuple(input_range(axis) for axis in problem.axes)
    axes = tuple(
        axis._replace(
            size=axis.length,
            start=low + axis.taps - 1 - axis.start,
            stop=high + axis.taps - 1 - axis.start,
            edges=(ZERO, ZERO),
        )
        for axis, (low, high) in zip(problem.axes, regions, strict=True)
    )
    return problem.with_axes(axes), regions
