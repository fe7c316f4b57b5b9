"""Kernels that are sums of a few products: as many passes, and what they leave out is stated."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import sigconv as sc
from sigconv.testing import naive_convolve, tolerance
from tests.engines.products import gaussian, outer, structure_of

RNG = np.random.default_rng(6)


def band_pass(ndim, dtype=float):
    """A difference of Gaussians: two products."""
    return (gaussian(8, 1.5, ndim) - 0.9 * gaussian(8, 3.0, ndim)).astype(dtype)


def summed(rng, taps, terms, fall=1.0):
    return sum(fall**i * outer(*(rng.standard_normal(k) for k in taps)) for i in range(terms))


@pytest.mark.parametrize("dtype", "fdFD")
@pytest.mark.parametrize("shape", [(40, 50), (20, 24, 28)])
@pytest.mark.parametrize("boundary", ["zero", "constant", "reflect", ("wrap", "edge")])
def test_a_convolver_adds_the_products_up(shape, boundary, dtype):
    keywords = {"boundary": [boundary] * len(shape), "fill_value": 2.0 * (boundary == "constant")}
    x, h = RNG.standard_normal(shape).astype(dtype), band_pass(len(shape), dtype)
    op = sc.Convolver(h, shape, "same", method="separable", **keywords)
    assert structure_of(op.plan).terms >= 2
    atol = tolerance(x, h, dtype, fill_value=keywords["fill_value"])
    np.testing.assert_allclose(op(x), naive_convolve(x, h, "same", **keywords), atol=atol)


@given(
    seed=st.integers(0, 2**32 - 1),
    mode=st.sampled_from(["full", "same", "valid"]),
    boundary=st.sampled_from(["zero", "constant", "reflect", "wrap"]),
    count=st.sampled_from([1, 3, 50]),
)
def test_nan_and_infinity_reach_what_the_kernel_reaches(seed, mode, boundary, count):
    rng = np.random.default_rng(seed)
    x, h = rng.standard_normal((30, 35)), summed(rng, (9, 10), 2)
    h[rng.integers(9), rng.integers(10)] = 0
    x.flat[rng.integers(0, x.size, count)] = rng.choice([np.nan, np.inf, -np.inf], count)
    op = sc.Convolver(h, x.shape, mode, boundary=boundary, method="separable")
    y, expected = op(x), naive_convolve(x, h, mode, boundary=boundary)
    finite = np.isfinite(expected)
    np.testing.assert_array_equal(y[~finite], expected[~finite])
    np.testing.assert_allclose(y[finite], expected[finite], atol=1e-10)


def test_a_single_call_adds_products_up_where_rtol_allows_what_they_leave_out():
    x, h = RNG.standard_normal((300, 300)), band_pass(2)
    assert "not a product" in str(sc.plan(x, h))
    plan = sc.plan(x, h, rtol=1e-9, method="separable")
    assert plan.error_bound <= 1e-9
    text = str(plan)
    assert "kernel      2 products of 1-D kernels, truncated by" in text
    assert "rtol 1e-09 kept" in text


@given(seed=st.integers(0, 2**32 - 1), digits=st.integers(2, 12), dtype=st.sampled_from("fdD"))
def test_rtol_is_kept(seed, digits, dtype):
    rng = np.random.default_rng(seed)
    x = rng.standard_normal((70, 80)) * 10.0 ** rng.integers(-9, 9, (70, 1))
    h = summed(rng, (12, 13), 12, fall=0.1)
    x, h = x.astype(dtype), h.astype(dtype)
    rtol = max(10.0**-digits, 1.01 * float(np.finfo(dtype).eps))
    try:
        y = sc.convolve(x, h, "valid", rtol=rtol, method="separable")
    except sc.errors.MethodError:
        # So fine that only as many products as taps would do.
        assert digits > 4
        return
    wide = "G" if dtype == "D" else "g"
    exact = sc.convolve(x.astype(wide), h.astype(wide), "valid", method="direct")
    windows = np.lib.stride_tricks.sliding_window_view(np.abs(x.astype(wide)), h.shape)
    norms = np.sqrt(np.square(windows).sum(axis=(2, 3))) * np.linalg.norm(np.abs(h))
    assert (np.abs(y - exact) <= rtol * norms).all()


def test_fewer_products_serve_a_larger_rtol():
    x, h = np.ones((200, 200)), summed(np.random.default_rng(1), (20, 20), 8, fall=0.03)
    terms = [
        structure_of(sc.plan(x, h, rtol=rtol, method="separable")).terms
        for rtol in (1e-1, 1e-3, 1e-6, 1e-9)
    ]
    assert terms == sorted(set(terms))


def test_a_plan_for_few_products_refuses_a_kernel_of_more():
    x = RNG.standard_normal((90, 80))
    two, three = (summed(RNG, (15, 15), terms) for terms in (2, 3))
    plan = sc.plan(x, two, rtol=1e-9, method="separable")
    sc.convolve(x, summed(RNG, (15, 15), 2), rtol=1e-9, method=plan)
    with pytest.raises(sc.errors.MethodError, match=r"2 products .* this one is 3 products"):
        sc.convolve(x, three, rtol=1e-9, method=plan)


def test_the_adjoint_adds_up_the_reversed_products():
    h = band_pass(2, "complex128") * (0.6 - 0.8j)
    op = sc.Convolver(h, (30, 40), "same", boundary="wrap", method="separable")
    x, y = (RNG.standard_normal((30, 40)) + 1j * RNG.standard_normal((30, 40)) for _ in range(2))
    left, right = complex(np.vdot(op(x), y)), complex(np.vdot(x, op.adjoint(y)))
    assert abs(left - right) < 1e-12 * np.linalg.norm(x) * np.linalg.norm(y)


def test_long_doubles_have_no_singular_values():
    op = sc.Convolver(band_pass(2).astype(np.longdouble), (200, 200))
    assert structure_of(op.plan).kind == ""


def test_integers_are_never_truncated():
    h = RNG.integers(-9, 10, (15, 1)) * RNG.integers(-9, 10, 15) + np.eye(15, dtype=int)
    op = sc.Convolver(h, (200, 200), "same")
    assert structure_of(op.plan).kind == ""
    x = RNG.integers(-9, 10, (200, 200))
    np.testing.assert_array_equal(op(x), naive_convolve(x, h, "same"))
