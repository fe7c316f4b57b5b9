"""overlap-save in tiles by compiled loops: the numbers of the definition, however it is cut."""

import tracemalloc
from dataclasses import replace
from functools import partial
from itertools import islice
from typing import Any

import numpy as np
import pytest
from scipy import signal

import sigconv as sc
from sigconv.engines import ENGINES, prepare
from sigconv.engines.compiled import has_numba
from sigconv.engines.spectral import SpectralKernel
from sigconv.engines.tile_costs import tile_shapes
from sigconv.engines.tiles import TileKernel
from sigconv.fft import clear_transforms, is_native
from sigconv.planning import READY
from sigconv.testing import naive_convolve
from tests.engines.signals import normal

pytestmark = pytest.mark.skipif(
    not (has_numba() and is_native(np.dtype("f4"))), reason="no compiled loop runs FFTW"
)
RNG = np.random.default_rng(11)


drawn = partial(normal, RNG)


def tiled(x, h, mode="full", **keywords):
    """Plans in tiles, the smallest ones first."""
    problem = sc.plan(x, h, mode, method="overlap-save", **keywords).problem
    plans = [p for p in ENGINES["overlap-save"].candidates(problem, READY) if p.loop == "numba"]
    return sorted(plans, key=lambda plan: np.prod(plan.nfft))


@pytest.mark.parametrize("dtype", ["f4", "f8", "c8", "c16"])
@pytest.mark.parametrize("boundary", ["zero", "symmetric", [("zero", "edge")]])
@pytest.mark.parametrize("mode", ["full", "same", "valid"])
@pytest.mark.parametrize(("shape", "taps"), [((37, 41), (6, 3)), ((14, 17, 19), (3, 4, 5))])
def test_tiles_of_any_shape_give_the_convolution(shape, taps, mode, boundary, dtype):
    if not isinstance(boundary, str):
        boundary = boundary * len(shape)
    x, h = drawn(shape, dtype), drawn(taps, dtype)
    expected = naive_convolve(x.astype("c16"), h.astype("c16"), mode, boundary=boundary)
    tolerance = 30 * np.finfo(dtype).eps * np.linalg.norm(h) * np.linalg.norm(x)
    plans = tiled(x, h, mode, boundary=boundary)
    assert len(plans[0].grid) > 1
    for plan in islice(plans, 0, None, max(1, len(plans) // 4)):
        y = sc.convolve(x, h, mode, boundary=boundary, method=plan)
        np.testing.assert_allclose(y, expected, rtol=0, atol=float(tolerance))


def test_batches_and_memory_of_any_order_give_the_same_bits():
    x, h = drawn((3, 60, 50), "f8"), drawn((3, 5, 4), "f8")
    plan = tiled(x, h, axes=(1, 2))[0]
    expected = sc.convolve(x, h, axes=(1, 2), method=plan)
    for i in range(3):
        alone = signal.fftconvolve(x[i], h[i])
        np.testing.assert_allclose(expected[i], alone, rtol=0, atol=1e-11)
    for version in (np.asfortranarray(x), np.repeat(x, 2, axis=2)[..., ::2], x.astype(">f8")):
        out = np.zeros(expected.shape, order="F")
        sc.convolve(version, h, axes=(1, 2), method=plan, out=out, workers=3)
        np.testing.assert_array_equal(out, expected)


@pytest.mark.parametrize("value", [np.nan, -np.inf])
@pytest.mark.parametrize(("shape", "taps"), [((60, 70), (5, 6)), ((20, 22, 24), (3, 3, 3))])
def test_nonfinite_samples_reach_their_outputs_alone(shape, taps, value):
    x, h = drawn(shape, "f8"), drawn(taps, "f8")
    at = tuple(n // 2 for n in shape)
    x[at] = value
    y = sc.convolve(x, h, method=tiled(x, h)[0])
    expected = np.zeros(y.shape, bool)
    expected[tuple(slice(a, a + k) for a, k in zip(at, taps, strict=True))] = True
    np.testing.assert_array_equal(~np.isfinite(y), expected)
    finite = np.where(np.isfinite(x), x, 0)
    exact = signal.fftconvolve(finite, h)
    np.testing.assert_allclose(y[~expected], exact[~expected], rtol=0, atol=1e-10)


def test_samples_next_to_overflow_are_scaled():
    x, h = np.ldexp(drawn((70, 80), "f4"), 124), drawn((5, 5), "f4") / 32
    y = sc.convolve(x, h, method=tiled(x, h)[0])
    exact = signal.convolve2d(np.ldexp(x.astype(float), -124), h.astype(float))
    np.testing.assert_allclose(np.ldexp(y.astype(float), -124), exact, rtol=0, atol=1e-5)


def test_numpys_steps_do_not_run_for_finite_samples(monkeypatch):
    def refuse(*arguments, **keywords):
        raise AssertionError("NumPy's steps ran")

    monkeypatch.setattr(SpectralKernel, "apply", refuse)
    x, h = drawn((90, 80), "f4"), drawn((7, 7), "f4")
    plan = tiled(x, h, "same")[0]
    assert isinstance(prepare(plan, h), TileKernel)
    y = sc.convolve(x, h, "same", method=plan)
    expected = signal.fftconvolve(x.astype(float), h.astype(float), "same")
    np.testing.assert_allclose(y, expected, rtol=0, atol=1e-4)


def test_bits_do_not_depend_on_workers_nor_on_calls_before():
    x, h = drawn((300, 200), "f4"), drawn((9, 9), "f4")
    prepared = sc.Convolver(h, x.shape, "same", method=tiled(x, h, "same")[0])
    first = prepared(x)
    prepared(np.full_like(x, 1e30))
    np.testing.assert_array_equal(prepared(x), first)
    for workers in (1, 2, 3):
        y = sc.convolve(x, h, "same", method=prepared.plan, workers=workers)
        np.testing.assert_array_equal(y, first)


@pytest.mark.parametrize(("shape", "taps"), [((2000, 900), (31, 31)), ((96, 96, 96), (9, 9, 9))])
def test_memory_of_a_worker_stays_within_what_the_plan_states(shape, taps):
    x, h = np.ones(shape, np.float32), np.ones(taps, np.float32)
    plan = tiled(x, h, "same")[-1]
    out = np.empty_like(x)
    spectrum = np.prod(plan.nfft[:-1]) * (plan.nfft[-1] // 2 + 1) * 8
    clear_transforms()
    tracemalloc.start()
    try:
        sc.convolve(x, h, "same", method=plan, out=out, workers=1)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    # Beside the scratch there are the kernel's spectrum and, before it, that of its planes.
    assert peak < 1.1 * (plan.cost.nbytes + 2 * spectrum) + (2 << 20)


@pytest.mark.parametrize(("shape", "taps"), [((1000, 1000), (31, 31)), ((100,) * 3, (9,) * 3)])
def test_shapes_worth_considering_hold_the_kernel_and_few_samples_too_many(shape, taps):
    problem: Any = sc.plan(shape, taps, "same").problem
    shapes = list(tile_shapes(problem, READY))
    assert 0 < len(shapes) <= 4 ** len(shape)
    for nfft in shapes:
        assert all(n >= k for n, k in zip(nfft, taps, strict=True))
        assert all(n in READY.axis_lengths for n in nfft)


def test_auto_takes_tiles_for_large_images_and_kernels_of_middle_size():
    problem = sc.plan((1000, 1000), (31, 31), "same").problem
    plan = next(ENGINES["overlap-save"].candidates(problem, READY))
    assert plan.loop == "numba"
    assert len(plan.grid) > 1


@pytest.mark.parametrize("nfft", [(64, 64), (128, 128), (64, 64, 72)])
def test_no_plane_is_transformed_that_is_not_there(nfft):
    shape = tuple(2 * n for n in nfft)
    problem: Any = sc.plan(shape, (9,) * len(nfft), "same", method="overlap-save").problem
    plans = ENGINES["overlap-save"].candidates(problem, READY)
    plan = next(p for p in plans if p.loop == "numba")
    hop = tuple(n - 8 for n in nfft)
    prepared: Any = prepare(replace(plan, nfft=nfft, hop=hop), np.ones((9,) * len(nfft)))
    with prepared.workspace() as work:
        count = work.planes.spec.count
    assert count * -(-nfft[0] // count) < nfft[0] + count
    assert count <= nfft[0]
