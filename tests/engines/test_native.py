"""Compiled loops around FFTW, along one axis: the numbers of the definition from any memory."""

from functools import partial
from typing import Any

import numpy as np
import pytest
from scipy import signal

import sigconv as sc
from sigconv.engines import ENGINES, compiled, execute
from sigconv.engines.compiled import has_numba
from sigconv.fft import borrow_transform, is_native, set_fft_backend
from sigconv.planning import READY
from sigconv.testing import naive_convolve
from tests.engines.signals import normal

pytestmark = pytest.mark.skipif(
    not (has_numba() and is_native(np.dtype("f4"))), reason="no compiled loop runs FFTW"
)
RNG = np.random.default_rng(6)
DTYPES = ("f4", "f8", "c8", "c16")


drawn = partial(normal, RNG)


def by_windows(x, h, mode="full", method="overlap-save", **keywords):
    """The shortest windows that go one by one."""
    problem = sc.plan(x, h, mode, method=method, **keywords).problem
    plans = [p for p in ENGINES[method].candidates(problem, READY) if p.loop == "numba"]
    return min(plans, key=lambda plan: plan.nfft)


@pytest.mark.usefixtures("_only_compiled")
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("method", ["fft", "overlap-save"])
@pytest.mark.parametrize("boundary", ["zero", "reflect"])
@pytest.mark.parametrize("mode", ["full", "same", "valid"])
def test_every_signal_of_a_batch_meets_its_own_kernel(mode, boundary, method, dtype):
    x, h = drawn((3, 2, 700), dtype), drawn((3, 1, 90), dtype)
    keywords = {"axes": -1, "boundary": boundary}
    plan = by_windows(x, h, mode, method, **keywords)
    y = sc.convolve(x, h, mode, method=plan, **keywords)
    expected = naive_convolve(x.astype("c16"), h.astype("c16"), mode, **keywords)
    scale = 30 * np.sqrt(90) * np.finfo(dtype).eps
    np.testing.assert_allclose(y, expected, rtol=0, atol=10 * scale)


@pytest.mark.usefixtures("_only_compiled")
def test_memory_of_any_order_gives_the_same_bits():
    x, h = drawn((4, 3000), "f8"), drawn(200, "f8")
    plan = by_windows(x, h, axes=-1)
    expected = sc.convolve(x, h, axes=-1, method=plan)
    strided = np.repeat(x, 2, axis=1)[:, ::2]
    for version in (np.asfortranarray(x), x[::-1, ::-1][::-1, ::-1], strided, x.astype(">f8")):
        out = np.zeros((4, 2 * expected.shape[1]))[:, ::2]
        sc.convolve(version, h, axes=-1, method=plan, out=out)
        np.testing.assert_array_equal(out, expected)
    backwards = np.zeros_like(expected)[:, ::-1]
    np.testing.assert_array_equal(sc.convolve(x, h, axes=-1, method=plan, out=backwards), expected)


def test_what_lies_in_the_scratch_does_not_matter():
    x, h = drawn(5000, "f4"), drawn(100, "f4")
    plan = by_windows(x, h)
    expected = sc.convolve(x, h, method=plan, workers=1)
    prepared: Any = ENGINES["overlap-save"].prepare(plan, h)
    with borrow_transform(prepared.loop.spec) as work:
        work.samples[...] = work.spectrum[...] = np.nan
    np.testing.assert_array_equal(sc.convolve(x, h, method=plan, workers=1), expected)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_nonfinite_samples_of_a_batch_reach_their_outputs_alone(value, dtype):
    x, h = drawn((5, 4000), dtype), drawn(70, dtype)
    x[3, 77] = value
    y = sc.convolve(x, h, axes=-1, method=by_windows(x, h, axes=-1))
    expected = np.zeros(y.shape, bool)
    expected[3, 77:147] = True
    np.testing.assert_array_equal(~np.isfinite(y), expected)


def test_samples_next_to_overflow_are_scaled_row_by_row():
    x, h = drawn((3, 2000), "f4"), drawn(30, "f4") / 16
    x[1] = np.ldexp(x[1], 125)
    y = sc.convolve(x, h, axes=-1, method=by_windows(x, h, axes=-1))
    for row, result in zip(x, y, strict=True):
        exact = np.convolve(row.astype(float), h.astype(float))
        scale = np.abs(exact).max()
        np.testing.assert_allclose(result / scale, exact / scale, rtol=0, atol=1e-5)


def test_bits_do_not_depend_on_workers():
    x, h = drawn(400_000, "f8"), drawn(500, "f8")
    plan = by_windows(x, h)
    assert len(plan.grid) > 2
    one = sc.convolve(x, h, method=plan, workers=1)
    np.testing.assert_array_equal(sc.convolve(x, h, method=plan, workers=3), one)
    np.testing.assert_allclose(one, signal.oaconvolve(x, h), rtol=0, atol=1e-9)


@pytest.mark.parametrize("shape", [(3000,), (40, 50), (12, 14, 16)])
def test_plans_of_compiled_loops_are_replayed_by_scipy(shape):
    x, h = drawn(shape, "f8"), drawn((7,) * len(shape), "f8")
    before = set_fft_backend("pyfftw")
    try:
        for method in ("fft", "overlap-save"):
            problem = sc.plan(x, h, method=method).problem
            plans = [p for p in ENGINES[method].candidates(problem, READY) if p.loop]
            plan = next(p for p in plans if p.loop in ("numba", "compiled planes"))
            expected = sc.convolve(x, h, method=plan)
            set_fft_backend("scipy")
            y = sc.convolve(x, h, method=plan)
            np.testing.assert_allclose(y, expected, rtol=0, atol=1e-10)
            set_fft_backend("pyfftw")
    finally:
        set_fft_backend(before)


@pytest.mark.parametrize("shape", [(20_000,), (200, 200), (40, 40, 40)])
def test_where_fftw_is_not_shown_numpys_steps_serve(shape, monkeypatch):
    from sigconv.fft import fftw

    monkeypatch.setattr(fftw, "_functions", lambda dtype: None)
    for method in ("fft", "overlap-save"):
        problem = sc.plan(shape, (9,) * len(shape), method=method).problem
        loops = {plan.loop for plan in ENGINES[method].candidates(problem, READY)}
        assert loops <= {"", "planes"}


def test_the_loop_is_loaded_when_it_is_first_used():
    compiled.load(np.dtype("f8"), "windows")
    assert "windows f8" in compiled.loaded()
    assert compiled.load_seconds(np.dtype("f8"), READY, "windows") == 0


def test_transforms_that_take_long_are_left_to_steps_that_hear_ctrl_c():
    for n, loops in ((10**5, {"", "numba"}), (10**7, {""})):
        problem = sc.plan((n,), (n // 2,), method="fft").problem
        assert {plan.loop for plan in ENGINES["fft"].candidates(problem, READY)} == loops


def test_a_convolver_goes_on_when_the_backend_changes():
    for shape in ((20_000,), (200, 300), (30, 40, 50)):
        x, h = drawn(shape, "f8"), drawn((9,) * len(shape), "f8")
        for method in ("fft", "overlap-save"):
            compiled.load(np.dtype("f8"), "windows" if len(shape) == 1 else "planes")
            op = sc.Convolver(h, shape, method=method)
            expected = op(x)
            before = set_fft_backend("scipy")
            try:
                np.testing.assert_allclose(op(x), expected, rtol=0, atol=1e-10)
            finally:
                set_fft_backend(before)
            np.testing.assert_allclose(op(x), expected, rtol=0, atol=1e-10)


def test_a_kernel_prepared_for_fftw_goes_on_by_fftw():
    x, h = drawn(20_000, "f8"), drawn(300, "f8")
    plan = by_windows(x, h)
    prepared = ENGINES["overlap-save"].prepare(plan, h)
    expected, results = np.empty(plan.problem.result_shape), []
    execute(prepared, x, expected, grid=plan.grid)
    before = set_fft_backend("scipy")
    try:
        results.append(np.empty_like(expected))
        execute(prepared, x, results[0], grid=plan.grid)
    finally:
        set_fft_backend(before)
    np.testing.assert_array_equal(results[0], expected)


@pytest.mark.parametrize("dtype", ["f4", "f8"])
def test_windows_of_one_sample(dtype):
    x, h = drawn(50, dtype), drawn(1, dtype)
    # A tap that does not meet every sample keeps its axis.
    y = sc.correlate(x, h, max_lag=0, method="overlap-save")
    np.testing.assert_allclose(y, x[:1] * h, rtol=1e-5)
