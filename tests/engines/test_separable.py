"""Passes along one axis after the other: the numbers of the definition, for less work."""

from dataclasses import replace
from typing import Any
from unittest import mock

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import ndimage

import sigconv as sc
from sigconv.core.index import along
from sigconv.engines import ENGINES, compiled, separable
from sigconv.errors import MethodError
from sigconv.planning import MACHINE
from sigconv.testing import naive_convolve, tolerance
from tests.engines.products import LOOPS, checked, gaussian, outer, products, spoiled

RNG = np.random.default_rng(4)
INTEGERS = ("bool", "int8", "uint8", "int16", "int64", "uint64")


@given(case=products())
def test_passes_give_the_numbers_of_the_definition(case):
    ran = checked(case)
    problem = sc.plan(case.signal, case.kernel, **case.keywords).problem
    if len(problem.axes) > 1 and not problem.is_trivial and case.signal.dtype == case.kernel.dtype:
        assert ran == (len(LOOPS) if len(problem.axes) <= 3 else 1)


@pytest.mark.parametrize("constant", [False, True])
@given(data=st.data())
def test_blocks_pieces_of_planes_and_of_rows_fit_together(constant, data):
    case = data.draw(products(constant))
    sizes: dict[str, Any] = {
        "_LEAST_PRODUCTS": 64,
        "_FEW_BLOCKS": 1 << 30,
        "_LEAST_STEP": 3,
        "_WINDOW": 2,
    }
    with mock.patch.multiple(separable, **sizes):
        checked(case, machine=replace(MACHINE, cache_bytes=256))


@pytest.mark.parametrize("constant", [False, True])
@given(data=st.data())
def test_integers_are_exact(constant, data):
    checked(data.draw(products(constant, dtypes=INTEGERS)))


@given(case=spoiled())
def test_nan_and_infinity_reach_what_the_direct_sum_reaches(case):
    checked(case)


def planned(loop, *call, **keywords):
    """Return the plan with the given inner loop."""
    problem = sc.plan(*call, method="separable", **keywords).problem
    (plan,) = (p for p in ENGINES["separable"].candidates(problem, MACHINE) if p.loop == loop)
    return plan


def layouts(x):
    """Yield arrays equal to `x` that lie in memory in other ways."""
    yield np.asfortranarray(x)
    yield np.ascontiguousarray(x.transpose(1, 2, 0)).transpose(2, 0, 1)
    yield from (np.repeat(x, 2, axis=axis)[along(axis, slice(None, None, 2))] for axis in range(3))
    yield x[::-1, :, ::-1].copy()[::-1, :, ::-1]
    yield x.astype(x.dtype.newbyteorder())


@pytest.mark.parametrize("axes", [(0, 1), (1, 2), (2, 0), (0, 1, 2)])
@pytest.mark.parametrize("loop", LOOPS)
def test_samples_may_lie_in_memory_in_any_order(axes, loop):
    x = RNG.standard_normal((14, 15, 16))
    h = outer(*(RNG.standard_normal(k) for k in (5, 4, 3)[: len(axes)]))
    keywords = {"axes": axes, "boundary": "reflect"}
    expected = naive_convolve(x, h, "same", **keywords)
    plan = planned(loop, x, h, "same", **keywords)
    for other in layouts(x):
        y = sc.convolve(other, h, "same", method=plan, **keywords)
        np.testing.assert_allclose(y, expected, atol=1e-12)
        out = np.empty(y.shape[::-1]).T
        sc.convolve(other, h, "same", method=plan, out=out, **keywords)
        np.testing.assert_array_equal(out, y)


@pytest.mark.parametrize("columns", [1, 2, 512])
@pytest.mark.parametrize("loop", LOOPS)
def test_channels_may_come_last(columns, loop, monkeypatch):
    # A block of one channel of three has rows with gaps.
    for name, value in (("_COLUMNS", columns), ("_LEAST_PRODUCTS", 1), ("_FEW_BLOCKS", 1 << 30)):
        monkeypatch.setattr(separable, name, value)
    x = RNG.standard_normal((40, 50, 3))
    h = gaussian(3, 1.5, 2)
    keywords: dict[str, Any] = {"axes": (0, 1), "boundary": "wrap"}
    plan = planned(loop, x, h, "same", **keywords)
    y = sc.convolve(x, h, "same", method=plan, **keywords)
    for channel in range(3):
        one = naive_convolve(x[..., channel], h, "same", boundary="wrap")
        np.testing.assert_allclose(y[..., channel], one, atol=1e-14)


@pytest.mark.parametrize("dtype", ["float16", "longdouble", "clongdouble"])
def test_every_width_of_numbers_takes_passes(dtype):
    x = RNG.standard_normal((20, 23)).astype(dtype)
    for h in (outer([1, 2, 1], [1, 0, -1, 3]), np.full((9, 11), 0.25)):
        h = h.astype(dtype)
        y = sc.convolve(x, h, boundary="edge", method="separable")
        assert y.dtype == np.dtype(dtype)
        wide = np.result_type(dtype, np.float32)
        expected = naive_convolve(x, h, boundary="edge", dtype=wide)
        np.testing.assert_allclose(y, expected.astype(dtype), atol=tolerance(x, h, dtype))


def test_integers_take_floating_lanes_where_these_are_exact():
    x = RNG.integers(0, 256, (60, 70)).astype(np.uint8)
    h = outer([1, 4, 6, 4, 1], [1, 2, 0, -2, -1])
    for scale, lane in ((1, "f4"), (1 << 30, "f8"), (1 << 40, "i8")):
        plan = sc.plan(x, h * scale, "same", method="separable")
        assert plan.problem.dtypes.compute == np.dtype(lane)
        y = sc.convolve(x, h * scale, "same", method=plan)
        np.testing.assert_array_equal(y, naive_convolve(x, h * scale, "same"))


@pytest.mark.parametrize("shape", [(40, 50), (12, 20, 30)])
def test_gaussians_are_those_of_ndimage(shape):
    x = RNG.standard_normal(shape)
    h = gaussian(8, 2.0, len(shape))
    names: dict[str, Any] = {
        "symmetric": "reflect",
        "reflect": "mirror",
        "edge": "nearest",
        "wrap": "wrap",
        "zero": "constant",
    }
    for boundary, mode in names.items():
        y = sc.convolve(x, h, "same", boundary=boundary, method="separable")
        expected = ndimage.gaussian_filter(x, 2.0, mode=mode, radius=8)
        np.testing.assert_allclose(y, expected, atol=1e-14)


def test_underflow_of_a_product_is_no_structure():
    # The corner taps are 0, the factors are not: 0 * inf is NaN and the passes would give inf.
    g = np.exp(-0.5 * np.arange(-11.0, 12) ** 2).astype(np.float32)
    h = outer(g, g).astype(np.float32)
    assert h[0, 0] == 0 != g[0]
    x = np.ones((400, 400), np.float32)
    assert "not a product" in str(sc.plan(x, h))
    x[200, 200] = np.inf
    y = sc.convolve(x, h)
    np.testing.assert_array_equal(np.isnan(y[200:223, 200:223]), h == 0)


def refuse_others(monkeypatch, name):
    for other, engine in ENGINES.items():
        if other != name:
            monkeypatch.setattr(
                type(engine), "prepare", mock.Mock(side_effect=AssertionError(other))
            )


@pytest.mark.skipif("numba" not in LOOPS, reason="NumPy slices are slower than an FFT")
def test_auto_takes_passes_for_a_gaussian(monkeypatch):
    compiled.load(np.dtype(float), "passes")
    refuse_others(monkeypatch, "separable")
    x, h = RNG.standard_normal((500, 600)), gaussian(12, 4.0, 2)
    y = sc.convolve(x, h, "same", boundary="reflect")
    expected = ndimage.gaussian_filter(x, 4.0, radius=12, mode="mirror")
    np.testing.assert_allclose(y, expected, atol=1e-14)


def test_refusals_say_why():
    x, h = RNG.standard_normal((200, 200)), RNG.standard_normal((15, 15))
    for call, reason in (
        ((x.shape, h.shape), "values have not been looked at"),
        ((x, h), "not a product of 1-D kernels"),
        ((np.ones(400_000), np.arange(1.0, 200)), "not constant"),
    ):
        assert reason in str(sc.plan(*call))
        with pytest.raises(MethodError, match=reason):
            sc.plan(*call, method="separable")
    batch = RNG.standard_normal((5, 20, 20)), np.ones((5, 3, 3))
    with pytest.raises(MethodError, match="factors of their own"):
        sc.convolve(*batch, axes=(1, 2), method="separable")


def test_a_plan_serves_kernels_of_its_structure_alone():
    x, h = RNG.standard_normal((90, 80)), gaussian(7, 2.0, 2)
    plan = sc.plan(x, h, "same", method="separable")
    other = outer(RNG.standard_normal(15), RNG.standard_normal(15))
    for kernel in (other, np.full((15, 15), 0.5)):
        y = sc.convolve(x, kernel, "same", method=plan)
        np.testing.assert_allclose(y, sc.convolve(x, kernel, "same", method="direct"), atol=1e-11)
    for kernel in (RNG.standard_normal((15, 15)), np.full((15, 15), np.nan), other * 0):
        with pytest.raises(MethodError, match=r"made for .* a product of 1-D.*Make a new plan"):
            sc.convolve(x, kernel, "same", method=plan)
    box = sc.plan(x, np.ones((15, 15)), "same", method="separable")
    with pytest.raises(MethodError, match=r"made for .* a constant; this one is a product"):
        sc.convolve(x, h, "same", method=box)
    direct = sc.plan(x, h, "same", method="direct")
    sc.convolve(x, RNG.standard_normal((15, 15)), "same", method=direct)


@pytest.mark.parametrize("policy", ["omit", "raise"])
def test_missing_samples_are_left_out_or_named(policy):
    x, h = RNG.standard_normal((70, 60)), gaussian(5, 2.0, 2)
    x[30, 20] = x[0, 59] = np.nan
    if policy == "raise":
        with pytest.raises(sc.errors.NonFiniteError, match=r"\(0, 59\)"):
            sc.convolve(x, h, method="separable", nan_policy=policy)
        return
    # Rounded to float32, the Gaussian is a product in float32 and not in float64.
    for kernel in (h, h.astype(np.float32), np.full((11, 12), 0.5)):
        for boundary in ("edge", "absent"):
            keywords = {"boundary": boundary, "nan_policy": policy}
            samples = x.astype(kernel.dtype)
            y = sc.convolve(samples, kernel, "same", method="separable", **keywords)
            expected = naive_convolve(samples, kernel, "same", **keywords)
            np.testing.assert_allclose(y, expected, atol=20 * np.finfo(kernel.dtype).eps)


@pytest.mark.parametrize("dtype", ["float32", "complex128"])
@pytest.mark.parametrize("boundary", ["zero", "wrap", "reflect"])
def test_the_adjoint_takes_passes_too(dtype, boundary):
    h = outer(RNG.standard_normal(5), RNG.standard_normal(4)).astype(dtype)
    op = sc.Convolver(h, (30, 40), "same", boundary=boundary, method="separable")
    x, y = (RNG.standard_normal((30, 40)).astype(dtype) for _ in range(2))
    back = op.adjoint(y)
    left, right = np.vdot(op(x), y), np.vdot(x, back)
    assert abs(left - right) < 1e-4 * np.linalg.norm(x) * np.linalg.norm(y)


def test_plans_print_what_the_kernel_is():
    x = np.ones((300, 300))
    for h, words in (
        (gaussian(9, 3.0, 2), "product of 1-D kernels"),
        (np.ones((9, 9)), "constant"),
    ):
        assert f"kernel      a {words}\n" in str(sc.plan(x, h, method="separable"))


@pytest.mark.parametrize("dtype", "fdFD")
@pytest.mark.parametrize("loop", LOOPS)
def test_results_keep_the_stated_bound(dtype, loop):
    x = RNG.standard_normal((60, 50)).astype(dtype)
    for h in (outer(RNG.standard_normal(9), RNG.standard_normal(16)), np.full((12, 13), 0.3)):
        h = h.astype(dtype)
        plan = planned(loop, x, h, "valid")
        wide = np.clongdouble if dtype in "FD" else np.longdouble
        exact = sc.convolve(x.astype(wide), h.astype(wide), "valid", method="direct")
        error = np.abs(sc.convolve(x, h, "valid", method=plan) - exact)
        windows = np.lib.stride_tricks.sliding_window_view(np.abs(x.astype(wide)), h.shape)
        norms = np.sqrt(np.square(windows).sum(axis=(2, 3))) * np.linalg.norm(np.abs(h))
        assert (error <= plan.error_bound * norms).all()
        assert plan.error_bound < 100 * np.finfo(dtype).eps


def test_a_kernel_alone_tells_its_structure():
    plan = sc.plan((800, 900), gaussian(9, 3.0, 2), "same", method="separable")
    x = RNG.standard_normal((800, 900))
    y = sc.convolve(x, gaussian(9, 2.0, 2), "same", method=plan)
    expected = ndimage.gaussian_filter(x, 2.0, radius=9, mode="constant")
    np.testing.assert_allclose(y, expected, atol=1e-14)


def test_a_kernel_looked_at_in_one_dtype_may_be_summed_in_a_wider_one():
    g = np.r_[np.hanning(17)[1:-1], 1e-200]
    x = RNG.standard_normal((300, 300)).astype("f4")
    y = sc.convolve(x, np.outer(g, g), "same", dtype="f4", rtol=4e-6, method="auto")
    expected = sc.convolve(x, np.outer(g, g), "same", method="direct")
    np.testing.assert_allclose(y, expected, rtol=0, atol=4e-6 * float(np.linalg.norm(x)))


def test_taps_that_overflow_meet_samples_as_direct_sums_do():
    u = np.array([1e25, 1, 1] * 4)
    x = np.abs(RNG.standard_normal((500, 500))).astype("f4")
    y = sc.convolve(x, np.outer(u, u), "same", dtype="f4")
    expected = sc.convolve(x, np.outer(u, u), "same", dtype="f4", method="direct")
    np.testing.assert_array_equal(np.isnan(y), np.isnan(expected))
    np.testing.assert_array_equal(np.isinf(y), np.isinf(expected))
