"""Kernels longer than the cache: a delay line of spectra gives the numbers of the definition."""

from dataclasses import replace
from functools import partial

import numpy as np
import pytest
from scipy import signal

import sigconv as sc
from sigconv.engines import ENGINES, compiled
from sigconv.engines.accuracy import fft_error
from sigconv.engines.compiled import has_numba
from sigconv.engines.window_loops import PartLoop
from sigconv.errors import NonFiniteError
from sigconv.fft import borrow_transform, is_native, set_fft_backend
from sigconv.planning import READY
from sigconv.testing import naive_convolve
from tests.engines.signals import normal

pytestmark = pytest.mark.skipif(
    not (has_numba() and is_native(np.dtype("f4"))), reason="no compiled loop runs FFTW"
)
RNG = np.random.default_rng(64)
DTYPES = ("f4", "f8", "c8", "c16")

# A cache that few kernels fit.
SMALL = replace(READY, cache_bytes=1 << 15)


drawn = partial(normal, RNG)


def by_parts(x, h, mode="full", **keywords):
    """The plan with the most parts."""
    problem = sc.plan(x, h, mode, method="overlap-save", **keywords).problem
    plans = [p for p in ENGINES["overlap-save"].candidates(problem, SMALL) if p.loop == "parts"]
    return min(plans, key=lambda plan: plan.nfft)


@pytest.mark.usefixtures("_only_compiled")
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("boundary", ["zero", "reflect", "constant"])
@pytest.mark.parametrize("mode", ["full", "same", "valid"])
def test_every_signal_of_a_batch_meets_its_own_kernel(mode, boundary, dtype):
    x, h = drawn((2, 2, 9001), dtype), drawn((2, 1, 4103), dtype)
    keywords = {"axes": -1, "boundary": boundary}
    keywords |= {"fill_value": 2.0} if boundary == "constant" else {}
    plan = by_parts(x, h, mode, **keywords)
    assert plan.parts == 9
    y = sc.convolve(x, h, mode, method=plan, **keywords)
    wide = "c16" if np.dtype(dtype).kind == "c" else "f8"
    expected = sc.convolve(x.astype(wide), h.astype(wide), mode, method="fft", **keywords)
    scale = np.sqrt(4103) * np.finfo(dtype).eps
    np.testing.assert_allclose(y, expected, rtol=0, atol=200 * scale)


@pytest.mark.parametrize("taps", [2049, 2560, 2561, 5000])
@pytest.mark.parametrize("size", [1, 2000, 5119, 5121])
def test_any_lengths_give_the_definition(size, taps):
    x, h = drawn(size, "f8"), drawn(taps, "f8")
    y = sc.convolve(x, h, method=by_parts(x, h))
    np.testing.assert_allclose(y, np.convolve(x, h), rtol=0, atol=1e-10)


@pytest.mark.parametrize("length", [1, 400, 3000])
def test_sound_amid_silence(length):
    x, h = np.zeros(40_000), drawn(4000, "f8")
    x[17_000 : 17_000 + length] = drawn(length, "f8")
    y = sc.convolve(x, h, method=by_parts(x, h))
    np.testing.assert_allclose(y, signal.fftconvolve(x, h), rtol=0, atol=1e-10)
    # Windows that meet none are zero, not noise.
    np.testing.assert_array_equal(y[:16_000], 0)


def test_what_lies_in_the_scratch_does_not_matter():
    x, h = drawn(20_000, "f4"), drawn(4000, "f4")
    plan = by_parts(x, h)
    expected = sc.convolve(x, h, method=plan, workers=1)
    loop = PartLoop(plan)
    with loop.workspace() as (transform, line):
        transform.samples[...] = transform.spectrum[...] = line[...] = np.nan
    np.testing.assert_array_equal(sc.convolve(x, h, method=plan, workers=1), expected)


def test_bits_do_not_depend_on_workers():
    x, h = drawn(400_000, "f8"), drawn(5000, "f8")
    plan = by_parts(x, h)
    assert len(plan.grid) >= 4
    one = sc.convolve(x, h, method=plan, workers=1)
    np.testing.assert_array_equal(sc.convolve(x, h, method=plan, workers=3), one)
    np.testing.assert_allclose(one, signal.oaconvolve(x, h), rtol=0, atol=1e-9)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_nonfinite_samples_reach_their_outputs_alone(value, dtype):
    x, h = drawn((2, 9000), dtype), drawn(3000, dtype)
    x[1, 777] = value
    y = sc.convolve(x, h, axes=-1, method=by_parts(x, h, axes=-1))
    expected = np.zeros(y.shape, bool)
    expected[1, 777:3777] = True
    np.testing.assert_array_equal(~np.isfinite(y), expected)
    watched = by_parts(np.ones(x.shape, dtype), h, axes=-1, nan_policy="raise")
    with pytest.raises(NonFiniteError, match=r"at \(1, 777\)"):
        sc.convolve(x, h, axes=-1, method=watched, nan_policy="raise")


def test_taps_that_are_not_finite_reach_their_outputs_alone():
    x, h = drawn(5000, "f8"), drawn(2600, "f8")
    h[100] = np.inf
    y = sc.convolve(x, h, method=by_parts(x, h))
    np.testing.assert_array_equal(np.isfinite(y), np.isfinite(naive_convolve(x, h)))


def test_numbers_near_overflow_are_scaled():
    x, h = drawn(20_000, "f4"), drawn(3000, "f4") / 64
    y = sc.convolve(np.ldexp(x, 124), h, method=by_parts(x, h))
    expected = np.convolve(x.astype(float), h.astype(float))
    np.testing.assert_allclose(np.ldexp(y.astype(float), -124), expected, rtol=0, atol=1e-4)
    tiny = sc.convolve(x, np.ldexp(h, -120), method=by_parts(x, h))
    np.testing.assert_allclose(np.ldexp(tiny.astype(float), 120), expected, rtol=0, atol=1e-4)


@pytest.mark.parametrize("dtype", ["f4", "f8"])
def test_the_bound_is_that_of_shorter_transforms_and_more_sums(dtype):
    x, h = drawn(50_000, dtype), drawn(9000, dtype)
    plan = by_parts(x, h)
    eps = np.finfo(dtype).eps
    expected = np.sqrt(2) * fft_error(np.dtype(dtype), plan.nfft) + (plan.parts - 1) * eps
    assert plan.error_bound == pytest.approx(expected)
    exact = np.convolve(x.astype("g"), h.astype("g"))
    error = np.abs(sc.convolve(x, h, method=plan) - exact).max()
    # The samples that one output depends on, and not those of all windows.
    assert error < plan.error_bound * np.linalg.norm(x[:9000]) * np.linalg.norm(h) / 30


def test_a_plan_is_replayed_by_scipy():
    x, h = drawn(30_000, "f8"), drawn(3000, "f8")
    plan = by_parts(x, h)
    expected = sc.convolve(x, h, method=plan)
    before = set_fft_backend("scipy")
    try:
        y = sc.convolve(x, h, method=plan)
    finally:
        set_fft_backend(before)
    np.testing.assert_allclose(y, expected, rtol=0, atol=1e-10)


def test_a_convolver_and_its_adjoint():
    x, h = drawn(30_000, "f8"), drawn(3000, "f8")
    op = sc.Convolver(h, x.shape, "same", method=by_parts(x, h, "same"))
    np.testing.assert_allclose(op(x), signal.fftconvolve(x, h, "same"), rtol=0, atol=1e-10)
    y = drawn(30_000, "f8")
    assert np.vdot(y, op(x)) == pytest.approx(np.vdot(op.adjoint(y), x))


def test_the_plan_says_what_a_worker_needs():
    x, h = drawn(100_000, "f8"), drawn(9000, "f8")
    plan = by_parts(x, h)
    with PartLoop(plan).workspace() as (transform, line):
        assert plan.cost.nbytes == pytest.approx(transform.spec.nbytes + line.nbytes, rel=0.01)
    assert f"the kernel in {plan.parts} parts" in str(plan)
    with borrow_transform(transform.spec) as again:
        assert again is transform


def test_kernels_that_fit_the_cache_are_not_cut():
    for taps, cut in ((60_000, False), (70_000, True)):
        problem = sc.plan((1 << 22,), (taps,), method="overlap-save").problem
        loops = {plan.loop for plan in ENGINES["overlap-save"].candidates(problem, READY)}
        assert ("parts" in loops) is cut


def test_parts_are_taken_where_transforms_of_the_whole_are_slow():
    slow = {
        k: tuple(r * (1 if n < 200_000 else 4) for n, r in zip(READY.fft_samples, v, strict=True))
        for k, v in READY.fft.items()
    }
    problem = sc.plan((1 << 22,), (400_000,), method="overlap-save").problem
    plan = next(ENGINES["overlap-save"].candidates(problem, replace(READY, fft=slow)))
    assert plan.loop == "parts"
    # Each block begins with as many windows as there are parts, which give no outputs.
    assert plan.grid.cuts[0][1] >= 4 * 400_000


def test_the_loop_is_loaded_when_it_is_first_used():
    compiled.load(np.dtype("f8"), "parts")
    assert compiled.load_seconds(np.dtype("f8"), READY, "parts") == 0
