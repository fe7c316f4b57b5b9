"""Short signals through FFTs in one step: the bits of blocks, and nothing that they refuse."""

from dataclasses import replace
from functools import partial
from math import prod
from typing import Any

import numpy as np
import pytest

import sigconv as sc
from sigconv import dispatch
from sigconv.engines import ENGINES, compiled, execute, prepare
from sigconv.engines.compiled import has_numba
from sigconv.engines.fft_steps import PlaneStep, WholeStep, WindowStep
from sigconv.engines.small import make_step
from sigconv.engines.window_loops import WindowLoop
from sigconv.errors import NonFiniteError
from sigconv.fft import is_native, set_fft_backend
from sigconv.planning import READY
from sigconv.testing import naive_convolve
from tests.engines.signals import normal

pytestmark = pytest.mark.skipif(
    not (has_numba() and is_native(np.dtype("f4"))), reason="no compiled loop runs FFTW"
)
RNG = np.random.default_rng(5)


drawn = partial(normal, RNG)


def planned(x, h, mode, method, **keywords):
    problem = sc.plan(x, h, mode, method=method, **keywords).problem
    plans = ENGINES[method].candidates(problem, READY)
    return next(plan for plan in plans if plan.loop in ("numba", "pairs"))


@pytest.mark.parametrize("dtype", ["f4", "f8", "c8", "c16"])
@pytest.mark.parametrize("mode", ["full", "same", "valid"])
@pytest.mark.parametrize("method", ["fft", "overlap-save"])
@pytest.mark.parametrize("operation", ["convolve", "correlate"])
def test_a_step_gives_the_bits_of_blocks(operation, method, mode, dtype):
    x, h = drawn(6000, dtype), drawn(500, dtype)
    plan = planned(x, h, mode, method, operation=operation)
    problem = plan.problem
    step: Any = make_step(plan, None)
    assert isinstance(step, WindowStep)
    expected = np.empty(problem.result_shape, dtype)
    execute(prepare(plan, problem.kernel_view(h)), x, expected, grid=plan.grid)
    weights = step.weights(h)
    np.testing.assert_array_equal(step.apply(x, weights), expected)
    out = np.empty_like(expected)
    assert step.apply(x, weights, out) is out
    np.testing.assert_array_equal(out, expected)
    exact = naive_convolve(x[:900], h, mode, correlate=operation == "correlate")
    part = getattr(sc, operation)(x[:900], h, mode, method=method)
    np.testing.assert_allclose(part, exact, rtol=0, atol=2e-3 if dtype in ("f4", "c8") else 1e-11)


def by_fft(x, h, mode, loop, **keywords):
    problem = sc.plan(x, h, mode, method="fft", **keywords).problem
    return next(p for p in ENGINES["fft"].candidates(problem, READY) if p.loop == loop)


@pytest.mark.parametrize("dtype", ["f4", "f8", "c8", "c16"])
@pytest.mark.parametrize("mode", ["full", "same", "valid"])
@pytest.mark.parametrize(("loop", "kind"), [("", WholeStep), ("compiled planes", PlaneStep)])
@pytest.mark.parametrize("operation", ["convolve", "correlate"])
@pytest.mark.parametrize("shapes", [((40, 31), (9, 12)), ((17, 20, 23), (5, 6, 3))])
def test_a_step_over_several_axes_gives_the_bits_of_blocks(
    shapes, operation, loop, kind, mode, dtype
):
    x, h = (drawn(prod(shape), dtype).reshape(shape) for shape in shapes)
    plan = by_fft(x, h, mode, loop, operation=operation)
    step: Any = make_step(plan, None)
    assert type(step) is kind
    expected = np.empty(plan.problem.result_shape, dtype)
    execute(prepare(plan, plan.problem.kernel_view(h)), x, expected, grid=plan.grid)
    weights = step.weights(h)
    np.testing.assert_array_equal(step.apply(x, weights), expected)
    out = np.empty_like(expected)
    assert step.apply(x, weights, out) is out
    np.testing.assert_array_equal(out, expected)
    exact = naive_convolve(x, h, mode, correlate=operation == "correlate")
    np.testing.assert_allclose(out, exact, rtol=0, atol=2e-3 if dtype in ("f4", "c8") else 1e-11)


@pytest.mark.parametrize("loop", ["", "compiled planes"])
def test_axes_of_one_tap_and_wanted_parts(loop):
    x, h = drawn(40 * 31, "f8").reshape(1, 40, 31), drawn(9 * 12, "f8").reshape(1, 9, 12)
    for arguments in ({"mode": "same"}, {"mode": "same", "center": (0, 0, 11)}, {"mode": "full"}):
        plan = by_fft(x, h, **arguments, loop=loop)
        expected = sc.convolve(x, h, **arguments, method="direct")
        step: Any = make_step(plan, None)
        np.testing.assert_allclose(step.apply(x, step.weights(h)), expected, rtol=0, atol=1e-12)
    expected = sc.correlate(x[0], h[0], max_lag=(3, 2), method="direct")
    y = sc.correlate(x[0], h[0], max_lag=(3, 2), method="fft")
    np.testing.assert_allclose(y, expected, rtol=0, atol=1e-12)


@pytest.mark.parametrize("loop", ["", "compiled planes"])
def test_several_axes_leave_to_blocks_what_is_not_finite(loop):
    x, h = drawn(40 * 31, "f8").reshape(40, 31), drawn(9 * 12, "f8").reshape(9, 12)
    step: Any = make_step(by_fft(x, h, "same", loop), None)
    weights = step.weights(h)
    for bad in (np.nan, np.inf, 1e308):
        spoiled = x.copy()
        spoiled[7, 3] = bad
        spoiled[8, 3] = -bad
        if bad != 1e308:
            assert step.apply(spoiled, weights) is None
        y = sc.convolve(spoiled, h / 8, "same", method=by_fft(x, h, "same", loop))
        expected = sc.convolve(spoiled, h / 8, "same", method="direct")
        np.testing.assert_array_equal(np.isfinite(y), np.isfinite(expected))
    h[0, 0] = np.nan
    assert step.apply(x, step.weights(h)) is None
    assert step.apply(x.T.copy().T, weights) is None
    assert step.apply(x, weights, x) is None


def test_long_work_by_planes_is_left_to_workers_who_share_it():
    problem = sc.plan((1000, 1000), (200, 200), method="fft").problem
    plan = next(p for p in ENGINES["fft"].candidates(problem, READY) if p.loop == "compiled planes")
    assert dispatch.choose(problem, plan).step is None
    assert dispatch.choose(problem, plan).shares


def test_what_is_unusual_is_left_to_the_blocks():
    x, h = drawn(6000, "f8"), drawn(500, "f8")
    step: Any = make_step(planned(x, h, "same", "overlap-save"), None)
    weights = step.weights(h)
    assert step.apply(x, weights) is not None
    assert step.apply(x.astype("f4"), weights) is None
    assert step.apply(x[:99], weights) is None
    assert step.apply(np.repeat(x, 2)[::2], weights) is None
    assert step.apply(x, weights, x) is None
    assert step.apply(x, weights, np.empty(6000), watch=True) is None
    assert step.apply(x, step.weights(np.where(h > 2, np.nan, h))) is None
    for bad in (np.nan, np.inf):
        spoiled = x.copy()
        spoiled[7] = bad
        assert step.apply(spoiled, weights) is None


@pytest.mark.parametrize(
    ("shape", "keywords"),
    [((6000,), {"boundary": "edge"}), ((3, 6000), {"axes": 1}), ((3_000_000,), {})],
)
def test_other_signals_have_no_step(shape, keywords):
    plan = planned(np.ones(shape), np.ones(500), "same", "overlap-save", **keywords)
    assert make_step(plan, None) is None


def test_samples_that_are_not_finite_are_as_ever():
    compiled.load(np.dtype(float), "windows")
    x, h = drawn(6000, "f8"), drawn(500, "f8")
    x[1000] = np.nan
    y = sc.convolve(x, h, "same", method="overlap-save")
    expected = sc.convolve(x, h, "same", method="direct")
    np.testing.assert_array_equal(np.isnan(y), np.isnan(expected))
    np.testing.assert_allclose(y, expected, atol=1e-11)
    out = np.full(6000, 5.0)
    with pytest.raises(NonFiniteError, match=r"at \(1000,\)"):
        sc.convolve(x, h, "same", method="overlap-save", nan_policy="raise", out=out)
    np.testing.assert_array_equal(out, 5.0)


def test_a_call_takes_the_step_and_a_convolver_its_spectrum(monkeypatch):
    compiled.load(np.dtype(float), "windows")
    x, h = drawn(6000, "f8"), drawn(500, "f8")
    plan = planned(x, h, "same", "overlap-save")
    plan = replace(plan, candidates=())
    expected = sc.convolve(x, h, "same", method=plan)
    op = sc.Convolver(h, x.shape, "same", method=plan)
    first = op(x)

    def refuse(*arguments, **keywords):
        raise RuntimeError("a spectrum is made")

    monkeypatch.setattr(WindowLoop, "spectrum", refuse)
    monkeypatch.setattr("sigconv.loops.fft_windows.transform_taps", refuse)
    np.testing.assert_array_equal(op(x), first)
    np.testing.assert_allclose(first, expected, atol=1e-12)
    monkeypatch.setattr(dispatch, "execute", refuse)
    with pytest.raises(RuntimeError, match="a spectrum is made"):
        sc.convolve(x, h, "same", method=plan)


@pytest.mark.parametrize("taps", [(31, 31), (8, 8), (9, 2)])
@pytest.mark.parametrize("mode", ["full", "same", "valid"])
def test_plans_of_prepared_kernels_are_replayed(mode, taps):
    compiled.load(np.dtype(float), "planes")
    x, h = drawn(90 * 80, "f8").reshape(90, 80), drawn(prod(taps), "f8").reshape(taps)
    op = sc.Convolver(h, x.shape, mode, method="fft")
    expected = sc.convolve(x, h, mode, method="direct")
    np.testing.assert_allclose(op(x), expected, rtol=0, atol=1e-11)
    np.testing.assert_allclose(sc.convolve(x, h, mode, method=op.plan), expected, atol=1e-11)
    measured = replace(by_fft(x, h, mode, "compiled planes"), effort="measure")
    np.testing.assert_allclose(sc.convolve(x, h, mode, method=measured), expected, atol=1e-11)


@pytest.mark.parametrize("shapes", [((4001,), (2001,)), ((41, 41), (21, 21))])
def test_results_may_replace_the_kernel(shapes):
    compiled.load(np.dtype(float), "windows")
    x, h = (drawn(prod(shape), "f8").reshape(shape) for shape in shapes)
    x.reshape(-1)[3] = np.nan
    expected = sc.convolve(x, h, "valid", method="direct")
    sc.convolve(x, h, "valid", method="fft", out=h)
    np.testing.assert_allclose(h, expected, rtol=0, atol=1e-10)


@pytest.mark.parametrize("loop", ["numba", "compiled planes"])
def test_steps_go_by_the_backend_in_force(loop, monkeypatch):
    shapes = ((6000,), (500,)) if loop == "numba" else ((40, 31), (9, 12))
    x, h = (drawn(prod(shape), "f8").reshape(shape) for shape in shapes)
    plan = by_fft(x, h, "same", loop)
    expected = sc.convolve(x, h, "same", method=plan)
    before = set_fft_backend("scipy")
    try:
        assert dispatch.choose(plan.problem, plan).step is None
        np.testing.assert_allclose(sc.convolve(x, h, "same", method=plan), expected, atol=1e-11)
    finally:
        set_fft_backend(before)
    monkeypatch.setattr(compiled, "has_numba", lambda: False)
    assert make_step(plan, None) is None
