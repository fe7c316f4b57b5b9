"""One FFT, plane by plane: the numbers of the whole, in bounded memory, by any workers."""

import tracemalloc
from dataclasses import replace
from math import prod

import numpy as np
import pytest
from scipy import signal

import sigconv as sc
from sigconv.engines import ENGINES, prepare
from sigconv.engines.planes import PlaneKernel
from sigconv.errors import NonFiniteError
from sigconv.fft import backend, pool
from sigconv.planning import MACHINE
from sigconv.testing import naive_convolve

RNG = np.random.default_rng(6)


def by_planes(x, h, mode="full", **keywords):
    """The plan that goes plane by plane, whatever it costs."""
    problem = sc.plan(x, h, mode, method="fft", **keywords).problem
    plans = ENGINES["fft"].candidates(problem, MACHINE)
    return next(plan for plan in plans if plan.loop == "planes")


@pytest.mark.parametrize("dtype", ["float32", "float64", "complex64", "complex128"])
@pytest.mark.parametrize(
    ("shape", "taps"),
    [
        ((300, 200), (31, 40)),
        ((70, 60, 50), (5, 20, 3)),
        ((9, 300, 40), (30, 7, 9)),
        ((8,) * 4, (5,) * 4),
    ],
)
@pytest.mark.parametrize("mode", ["full", "same", "valid"])
def test_planes_give_the_convolution(mode, shape, taps, dtype):
    if mode == "valid":
        taps = tuple(map(min, shape, taps))
    x, h = (RNG.standard_normal(n).astype(dtype) for n in (shape, taps))
    y = sc.convolve(x, h, mode, method=by_planes(x, h, mode))
    expected = signal.fftconvolve(x.astype("c16"), h.astype("c16"), mode)
    scale = np.linalg.norm(x) * np.linalg.norm(h)
    np.testing.assert_allclose(y, expected, rtol=0, atol=20 * np.finfo(dtype).eps * scale)


@pytest.mark.parametrize("boundary", ["reflect", "wrap", "edge"])
def test_boundaries_and_batches_are_those_of_every_engine(boundary):
    x, h = RNG.standard_normal((2, 40, 30, 3)), RNG.standard_normal((1, 5, 9, 3))
    keywords = {"axes": (1, 2), "boundary": boundary}
    y = sc.convolve(x, h, "same", method=by_planes(x, h, "same", **keywords), **keywords)
    np.testing.assert_allclose(y, naive_convolve(x, h, "same", **keywords), atol=1e-11)


@pytest.mark.parametrize("shape", [(500, 700), (60, 70, 80)])
def test_bits_do_not_depend_on_the_workers(shape):
    x, h = RNG.standard_normal(shape), RNG.standard_normal((9,) * len(shape))
    plan = by_planes(x, h)
    one, two, five = (sc.convolve(x, h, method=plan, workers=n) for n in (1, 2, 5))
    np.testing.assert_array_equal(one, two)
    np.testing.assert_array_equal(one, five)


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_nonfinite_samples_reach_what_the_sum_gives_them_to(value):
    x, h = RNG.standard_normal((40, 30, 20)), RNG.standard_normal((3, 5, 3))
    x[20, 10, 5] = value
    y = sc.convolve(x, h, "same", method=by_planes(x, h, "same"))
    expected = naive_convolve(x, h, "same")
    np.testing.assert_array_equal(np.isfinite(y), np.isfinite(expected))
    np.testing.assert_allclose(y, expected, atol=1e-11)
    plan = by_planes(np.ones(x.shape), h, "same", nan_policy="raise")
    with pytest.raises(NonFiniteError, match=r"at \(20, 10, 5\)"):
        sc.convolve(x, h, "same", method=plan, nan_policy="raise")


def test_nonfinite_taps_and_one_array_of_a_batch():
    x, h = RNG.standard_normal((3, 30, 20)), RNG.standard_normal((1, 4, 5))
    x[1, 3, 4], h[0, 0, 2] = np.inf, np.nan
    y = sc.convolve(x, h, axes=(1, 2), method=by_planes(x, h, axes=(1, 2)))
    expected = naive_convolve(x, h, axes=(1, 2))
    np.testing.assert_allclose(y, expected, atol=1e-11)


@pytest.mark.parametrize(("exponent", "overflows"), [(-100, False), (124, True)])
def test_numbers_near_the_ends_of_their_range_are_scaled(exponent, overflows, monkeypatch):
    ran = []

    def spy(*arguments):
        ran.append(arguments)
        return original(*arguments)

    original = PlaneKernel._convolve_scaled
    monkeypatch.setattr(PlaneKernel, "_convolve_scaled", spy)
    x, h = (RNG.standard_normal(n).astype("f4") for n in ((40, 50), (5, 6)))
    h /= 8
    plan = by_planes(x, h)
    expected = sc.convolve(x, h, method=plan)
    scaled: np.ndarray = np.ldexp(x, exponent)
    y = sc.convolve(scaled, h, method=plan)
    assert bool(ran) == overflows
    atol = 1e-5 * np.linalg.norm(x) * np.linalg.norm(h)
    back: np.ndarray = np.ldexp(y.astype(float), -exponent)
    np.testing.assert_allclose(back, expected, rtol=0, atol=float(atol))


def test_a_prepared_kernel_keeps_its_columns_and_gives_the_same():
    x, h = RNG.standard_normal((64, 50, 40)), RNG.standard_normal((20, 10, 10))
    plan = by_planes(x, h)
    patient = replace(plan, effort="measure")
    for one, rows in ((plan, len(h)), (patient, plan.nfft[0])):
        prepared = prepare(one, h)
        assert isinstance(prepared, PlaneKernel)
        assert prepared.spectra.shape[0] == rows
    op = sc.Convolver(h, x.shape, method=plan)
    np.testing.assert_allclose(op(x), signal.fftconvolve(x, h), atol=1e-11)
    y = RNG.standard_normal(op.result_shape)
    np.testing.assert_allclose(np.vdot(op(x), y), np.vdot(x, op.adjoint(y)), rtol=1e-10)


def test_no_transform_runs_over_the_whole_array(monkeypatch):
    pool.clear_transforms()
    made = []

    def make(spec, name):
        made.append(spec)
        return original(spec, name)

    original = backend.make_transform
    monkeypatch.setattr(pool, "make_transform", make)
    x, h = np.ones((128, 128, 128), np.float32), np.ones((17, 17, 17), np.float32)
    plan = by_planes(x, h, "same")
    sc.convolve(x, h, "same", method=plan)
    assert made
    assert max(spec.nbytes for spec in made) * 8 < prod(plan.nfft) * 4


@pytest.mark.parametrize(
    ("shape", "taps"),
    [((96, 96, 96), (17, 17, 17)), ((200_000, 4), (50_000, 3)), ((2048, 64), (99, 9))],
)
def test_memory_stays_within_what_the_plan_states(shape, taps):
    x, h = np.ones(shape, np.float32), np.ones(taps, np.float32)
    plan = by_planes(x, h, "same")
    out = np.empty_like(x)
    pool.clear_transforms()
    tracemalloc.start()
    try:
        sc.convolve(x, h, "same", method=plan, out=out, workers=1)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert plan.cost.nbytes / 2 < peak < 1.1 * plan.cost.nbytes + (2 << 20)


def test_narrow_arrays_have_few_columns():
    x, h = RNG.standard_normal((3000, 4)), RNG.standard_normal((2000, 3))
    prepared = prepare(by_planes(x, h), h)
    assert isinstance(prepared, PlaneKernel)
    # One line of the cache holds four complex numbers.
    assert (prepared.columns, prepared.column_spec.width) == (4, 4)
    tall = prepare(by_planes(np.ones((10**6, 40)), np.ones((10**5, 9))), np.ones((10**5, 9)))
    assert isinstance(tall, PlaneKernel)
    assert tall.column_spec.width == 1
    expected = signal.fftconvolve(x, h)
    np.testing.assert_allclose(sc.convolve(x, h, method=prepared.plan), expected, atol=1e-10)


def test_auto_goes_plane_by_plane_for_wide_kernels_of_volumes():
    plan = sc.plan((128, 128, 128), (33, 33, 33), "same")
    assert plan.method == "fft"
    assert plan.shares_blocks
    assert replace(plan, loop="").shares_blocks is False
