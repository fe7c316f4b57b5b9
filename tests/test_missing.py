"""Missing samples: omit, raise, and the boundary absent, under every engine."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import ndimage

import sigconv as sc
from sigconv.core.boundary import RULES
from sigconv.engines import ENGINES
from sigconv.errors import NonFiniteError, OptionError
from sigconv.testing import assert_close, cases, naive_convolve, tolerance

RNG = np.random.default_rng(4)
FLOATS = ("float32", "float64")
METHODS = tuple(name for name in ENGINES if name not in ("separable", "exact"))
methods = st.sampled_from(METHODS)


@st.composite
def weighted(draw):
    """A case with gaps in the signal and a kernel of weights."""
    case = draw(cases(dtypes=FLOATS, min_size=1, rules=RULES))
    kernel = np.array(np.abs(case.kernel))
    kernel[kernel < 0.3] = 0
    kernel.flat[draw(st.integers(0, kernel.size - 1))] = 1
    # Each kernel of a batch needs a positive sum.
    kernel += kernel.dtype.type(0.01) if (kernel.sum() == 0) else 0
    for _ in range(draw(st.sampled_from([0, 1, 5, 60]))):
        case.signal.flat[draw(st.integers(0, case.signal.size - 1))] = np.nan
    return case.signal, kernel, case.keywords


@given(drawn=weighted(), method=methods)
def test_omit_and_absent_give_the_definition(drawn, method):
    x, h, keywords = drawn
    try:
        y = sc.convolve(x, h, nan_policy="omit", method=method, **keywords)
    except OptionError:
        return
    expected = naive_convolve(x, h, nan_policy="omit", **keywords)
    fill = keywords.get("fill_value", 0.0)
    # Dividing by a light share magnifies the error of the sums.
    atol = 200 * tolerance(x, h, min(x.dtype, h.dtype), fill_value=fill)
    assert_close(y, expected.astype(y.dtype), atol)


@given(case=cases(dtypes=FLOATS), method=methods)
def test_omit_equals_propagate_on_finite_data(case, method):
    kernel = np.abs(case.kernel) + 1
    expected = sc.convolve(case.signal, kernel, method=method, **case.keywords)
    y = sc.convolve(case.signal, kernel, nan_policy="omit", method=method, **case.keywords)
    np.testing.assert_array_equal(y, expected)


def test_absent_keeps_a_constant_constant_up_to_the_edge():
    kernel = sc.kernels.gaussian(2.0, ndim=2)
    y = sc.convolve(np.full((20, 30), 5.0), kernel, "same", boundary="absent")
    np.testing.assert_allclose(y, 5.0, rtol=1e-12)


def test_absent_is_smoothing_over_the_smoothed_mask():
    x, h = RNG.standard_normal((15, 17)), sc.kernels.gaussian(1.5, ndim=2)
    sums = ndimage.convolve(x, h, mode="constant")
    share = ndimage.convolve(np.ones_like(x), h, mode="constant")
    y = sc.convolve(x, h, "same", boundary="absent")
    np.testing.assert_allclose(y, sums / share, atol=1e-12)


@pytest.mark.parametrize("method", METHODS)
def test_a_gap_longer_than_the_kernel_stays_empty(method):
    x = np.ones(300)
    x[100:200] = np.nan
    y = sc.convolve(x, np.ones(21), "same", nan_policy="omit", method=method)
    np.testing.assert_array_equal(np.flatnonzero(np.isnan(y)), np.arange(110, 190))
    inside = y[10:-10]
    np.testing.assert_allclose(inside[np.isfinite(inside)], 21, rtol=1e-9)


@pytest.mark.parametrize("method", METHODS)
def test_tiny_weights_keep_their_relative_accuracy(method):
    # Where only the far tail of the kernel meets a sample, an FFT alone would return noise.
    h = np.exp(-0.5 * (np.arange(-40, 41) / 4.0) ** 2)
    x = np.full(400, np.nan)
    x[200] = 3.0
    y = sc.convolve(x, h, "same", nan_policy="omit", boundary="absent", method=method)
    reached = np.abs(np.arange(400) - 200) <= 40
    np.testing.assert_allclose(y[reached], 3.0 * h.sum(), rtol=1e-9)
    assert np.isnan(y[~reached]).all()


def test_infinity_is_present():
    x = np.array([1.0, np.inf, np.nan, 2.0])
    y = sc.convolve(x, [1, 1], nan_policy="omit")
    np.testing.assert_array_equal(y, [1, np.inf, np.inf, 4, 2])


def test_correlate_omits_too():
    x, t = np.array([1.0, np.nan, 3.0, 4.0]), np.array([1.0, 3.0])
    y = sc.correlate(x, t, "valid", nan_policy="omit")
    np.testing.assert_allclose(y, [4 * 1, 4 * 3, 1 * 3 + 3 * 4])


@given(drawn=weighted())
def test_convolver_omits_and_its_adjoint_holds_for_absent(drawn):
    x, h, keywords = drawn
    keywords.pop("fill_value", None)
    try:
        op = sc.Convolver(h, x.shape, nan_policy="omit", **keywords)
        y = op(x)
    except OptionError:
        return
    np.testing.assert_array_equal(
        np.isnan(y), np.isnan(sc.convolve(x, h, nan_policy="omit", **keywords))
    )
    x = np.where(np.isnan(x), 1, x).astype(float)
    y = op(x)
    if not np.isfinite(y).all():
        return
    dual = np.cos(np.arange(y.size, dtype=float)).reshape(y.shape)
    scale = np.abs(x).sum() * np.abs(h).sum() * np.abs(y).max() + 1
    np.testing.assert_allclose(np.vdot(y, dual), np.vdot(x, op.adjoint(dual)), atol=1e-6 * scale)


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_raise_names_the_first_position(value):
    x = np.ones((3, 4))
    x[1, 2] = x[2, 0] = value
    with pytest.raises(NonFiniteError, match=r"the signal holds .* at \(1, 2\)"):
        sc.convolve(x, np.ones((2, 2)), nan_policy="raise")
    with pytest.raises(NonFiniteError, match=r"the kernel holds .* at \(1, 2\)"):
        sc.convolve(np.ones((5, 5)), x, nan_policy="raise")
    sc.convolve(np.ones((5, 5)), np.ones((2, 2)), nan_policy="raise")


def test_raise_leaves_out_as_it_was():
    x, out = np.ones(5000), np.full(5002, 7.0)
    x[4000] = np.nan
    with pytest.raises(NonFiniteError, match=r"at \(4000,\)"):
        sc.convolve(x, np.ones(3), nan_policy="raise", out=out)
    np.testing.assert_array_equal(out, 7)


def test_raise_sees_samples_that_no_output_depends_on():
    x = np.ones(50)
    x[-1] = np.nan
    assert np.isfinite(sc.correlate(x, np.ones(3), max_lag=1)).all()
    with pytest.raises(NonFiniteError, match=r"at \(49,\)"):
        sc.correlate(x, np.ones(3), max_lag=1, nan_policy="raise")


@pytest.mark.parametrize("policy", ["omit", "raise"])
@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("make", ["convolve", "Convolver"])
def test_the_policies_leave_finite_samples_to_the_engines(make, method, policy, monkeypatch):
    def refuse(array):
        assert array.shape != (300, 200), "the signal is scanned ahead"
        return True

    x, h = np.ones((300, 200)), np.ones((3, 3))
    monkeypatch.setattr("sigconv.missing.is_finite", refuse)
    monkeypatch.setattr("sigconv.missing.has_nan", refuse)
    keywords: dict[str, Any] = {"nan_policy": policy, "method": method}
    if make == "convolve":
        y = sc.convolve(x, h, "same", **keywords)
    else:
        y = sc.Convolver(h, x.shape, "same", **keywords)(x)
    np.testing.assert_allclose(y[1:-1, 1:-1], 9)


@pytest.mark.parametrize("method", METHODS)
def test_omit_lets_infinities_pass(method):
    x, h = np.arange(1.0, 400), np.array([1.0, 2.0, 1.0])
    x[[30, 200]] = np.inf, -np.inf
    expected = naive_convolve(x, h, "same")
    y = sc.convolve(x, h, "same", nan_policy="omit", method=method)
    np.testing.assert_allclose(y, expected, rtol=1e-12)
    x[100] = np.nan
    y = sc.convolve(x, h, "same", nan_policy="omit", method=method)
    np.testing.assert_allclose(y, naive_convolve(x, h, "same", nan_policy="omit"), rtol=1e-12)


@pytest.mark.parametrize("kernel", [[1.0, -1.0], [0.0, 0.0], [1.0, 1j], [1.0, np.inf]])
@pytest.mark.parametrize("keywords", [{"nan_policy": "omit"}, {"boundary": "absent"}])
def test_kernels_that_are_no_weights_are_refused(kernel, keywords):
    with pytest.raises(OptionError, match="taps >= 0 with a positive sum"):
        sc.convolve(np.ones(5), np.array(kernel), **keywords)


def test_absent_of_integers_needs_a_floating_dtype():
    with pytest.raises(OptionError, match="dtype=float"):
        sc.convolve(np.arange(5), np.ones(3, int), boundary="absent")
    y = sc.convolve(np.full(5, 7), np.ones(3, int), "same", boundary="absent", dtype=float)
    np.testing.assert_allclose(y, 21)


def test_a_single_missing_sample_is_missing():
    assert np.isnan(sc.convolve(np.nan, 1.0, nan_policy="omit"))
    assert sc.convolve(2.0, 3.0, nan_policy="omit") == 6


def test_boundaries_of_trimmed_axes_tell_two_calls_apart():
    x, h = np.arange(1.0, 7).reshape(1, 6), np.ones((3, 3))
    for rules in (["absent", "absent"], ["zero", "absent"], ["absent", "zero"]):
        y = sc.convolve(x, h, "same", boundary=rules)
        expected = naive_convolve(x, h, "same", boundary=rules)
        np.testing.assert_allclose(y, expected, rtol=1e-13, err_msg=str(rules))


@pytest.mark.parametrize("dtype", ["float32", "float64", "float16"])
@pytest.mark.parametrize("method", METHODS)
def test_light_outputs_are_right_in_every_precision(method, dtype):
    rng = np.random.default_rng(3)
    kernel = np.exp(-0.5 * (np.arange(-30, 31) / 6) ** 2).astype(dtype)
    x = (10 + rng.standard_normal((3, 4000))).astype(dtype)
    x[1, 500:557] = x[:, 3000:3010] = np.nan
    keywords: dict[str, Any] = {"mode": "same", "axes": -1, "nan_policy": "omit"}
    y = sc.convolve(x, kernel, method=method, **keywords)
    wide = naive_convolve(x.astype(float), kernel.astype(float), **keywords)
    eps = max(float(np.finfo(dtype).eps), 1e-11)
    np.testing.assert_allclose(y, wide, rtol=100 * eps)
    pieces = sc.convolve_pieces(x, kernel, "full", axis=1, boundary="absent", method=method)
    joined = np.concatenate(list(pieces), axis=1)
    wide = naive_convolve(x.astype(float), kernel.astype(float), "full", axes=1, boundary="absent")
    np.testing.assert_allclose(joined[2], wide[2], rtol=100 * eps)
