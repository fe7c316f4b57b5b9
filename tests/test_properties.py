"""The laws of convolution, over drawn shapes, dtypes, modes and boundaries."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import sigconv as sc
from sigconv.testing import assert_close, cases, naive_convolve, samples, tolerance

METHODS = ("auto", "direct", "fft", "overlap-save", "overlap-add")
INTEGERS = ("bool", "int8", "uint8", "int32", "int64", "uint64")
methods = st.sampled_from(METHODS)
dtypes = st.sampled_from(["float32", "float64", "complex64", "complex128"])


@st.composite
def shapes(draw, count=2, max_ndim=3):
    """Draw `count` shapes of one number of dimensions."""
    ndim = draw(st.integers(1, max_ndim))
    side = {1: 40, 2: 9, 3: 5}[ndim]
    return [tuple(draw(st.integers(1, side)) for _ in range(ndim)) for _ in range(count)]


@st.composite
def arrays(draw, count=2):
    """Draw arrays of one dtype that convolve with one another."""
    dtype = draw(dtypes)
    return [draw(samples(shape, dtype)) for shape in draw(shapes(count))]


def bound(*arrays):
    """An error bound for the convolution of several arrays, whatever the order."""
    total = tolerance(arrays[0], arrays[1], arrays[0].dtype)
    for array in arrays[2:]:
        total *= 4 * float(np.abs(array).sum())
    return total


def _precision(dtype):
    return -np.finfo(dtype).eps


@given(case=cases(), method=methods)
def test_convolve_equals_the_definition(case, method):
    y = sc.convolve(case.signal, case.kernel, method=method, **case.keywords)
    expected = naive_convolve(case.signal, case.kernel, **case.keywords)
    fill = case.keywords.get("fill_value", 0.0)
    assert y.dtype == np.result_type(case.signal, case.kernel)
    assert_close(y, expected, tolerance(case.signal, case.kernel, y.dtype, fill_value=fill))


@given(case=cases(), method=methods)
def test_correlate_equals_the_definition(case, method):
    y = sc.correlate(case.signal, case.kernel, method=method, **case.keywords)
    expected = naive_convolve(case.signal, case.kernel, correlate=True, **case.keywords)
    fill = case.keywords.get("fill_value", 0.0)
    assert_close(y, expected, tolerance(case.signal, case.kernel, y.dtype, fill_value=fill))


@given(case=cases(dtypes=INTEGERS))
def test_integers_are_exact(case):
    y = sc.convolve(case.signal, case.kernel, **case.keywords)
    expected = naive_convolve(
        case.signal.astype(object), case.kernel.astype(object), dtype=object, **case.keywords
    )
    np.testing.assert_array_equal(y, expected)


@given(pair=arrays(), method=methods)
def test_convolution_commutes(pair, method):
    x, h = pair
    np.testing.assert_allclose(
        sc.convolve(x, h, method=method), sc.convolve(h, x, method=method), rtol=0, atol=bound(x, h)
    )


@given(triple=arrays(3), method=methods)
def test_convolution_is_associative(triple, method):
    x, g, h = triple
    left = sc.convolve(sc.convolve(x, g, method=method), h, method=method)
    right = sc.convolve(x, sc.convolve(g, h, method=method), method=method)
    np.testing.assert_allclose(left, right, rtol=0, atol=bound(x, g, h))


@given(case=cases(min_size=1), method=methods, scale=st.integers(-3, 3))
def test_convolution_is_linear(case, method, scale):
    x, h = case.signal, case.kernel
    case.keywords.pop("fill_value", None)
    other = np.flip(np.roll(x, 1))
    mixed = sc.convolve(scale * x + other, h, method=method, **case.keywords)
    parts = scale * sc.convolve(x, h, method=method, **case.keywords)
    parts = parts + sc.convolve(other, h, method=method, **case.keywords)
    # Scaling and adding round in the signal's own precision.
    atol = 8 * (abs(scale) + 1) * tolerance(x, h, min(x.dtype, mixed.dtype, key=_precision))
    np.testing.assert_allclose(mixed, parts, rtol=0, atol=atol)


@given(pair=arrays(), method=methods, delay=st.integers(0, 9))
def test_delayed_input_gives_delayed_output(pair, method, delay):
    x, h = pair
    width = [(delay, 0)] + [(0, 0)] * (x.ndim - 1)
    delayed = sc.convolve(np.pad(x, width), h, method=method)
    expected = np.pad(sc.convolve(x, h, method=method), width)
    np.testing.assert_allclose(delayed, expected, rtol=0, atol=bound(x, h))


@given(pair=arrays(), method=methods)
def test_delta_changes_nothing(pair, method):
    x, h = pair
    delta = np.zeros(h.shape, h.dtype)
    delta[tuple((k - 1) // 2 for k in h.shape)] = 1
    for boundary in ("zero", "wrap", "reflect", "edge"):
        y = sc.convolve(x, delta, "same", boundary=boundary, method=method)
        np.testing.assert_allclose(y, x, rtol=0, atol=bound(x, delta))


@given(pair=arrays())
def test_correlation_is_convolution_with_the_reversed_conjugate(pair):
    x, t = pair
    expected = sc.convolve(x, np.conj(np.flip(t)))
    np.testing.assert_allclose(sc.correlate(x, t), expected, rtol=0, atol=bound(x, t))


@given(pair=arrays(), method=methods)
def test_sum_of_the_result_is_the_product_of_the_sums(pair, method):
    x, h = pair
    y = sc.convolve(x, h, method=method)
    atol = bound(x, h) * np.sqrt(y.size) + 1e-30
    np.testing.assert_allclose(y.sum(dtype=complex), x.sum() * h.sum(), rtol=1e-4, atol=atol)


@given(pair=arrays(), method=methods)
def test_convolution_theorem_full(pair, method):
    x, h = pair
    shape = [n + k - 1 for n, k in zip(x.shape, h.shape, strict=True)]
    axes = range(x.ndim)
    product = np.fft.fftn(x, shape, axes) * np.fft.fftn(h, shape, axes)
    spectrum = np.fft.fftn(sc.convolve(x, h, method=method))
    np.testing.assert_allclose(spectrum, product, rtol=0, atol=bound(x, h) * np.sqrt(product.size))


@given(pair=arrays(), method=methods)
def test_convolution_theorem_circular(pair, method):
    x, h = pair
    axes = range(x.ndim)
    folded = sc.circular_convolve(h, np.ones((1,) * h.ndim, h.dtype), shape=x.shape)
    product = np.fft.fftn(x) * np.fft.fftn(folded, x.shape, axes)
    y = sc.circular_convolve(x, h, method=method)
    atol = bound(x, h) * np.sqrt(product.size)
    np.testing.assert_allclose(np.fft.fftn(y), product, rtol=0, atol=atol)


@given(pair=arrays(), method=methods)
def test_circular_equals_linear_for_long_periods(pair, method):
    x, h = pair
    period = tuple(n + k - 1 for n, k in zip(x.shape, h.shape, strict=True))
    circular = sc.circular_convolve(x, h, shape=period, method=method)
    np.testing.assert_allclose(circular, sc.convolve(x, h), rtol=0, atol=bound(x, h))


@given(pair=arrays(), shift=st.integers(1, 5))
def test_circular_convolution_turns_with_its_input(pair, shift):
    x, h = pair
    turned = sc.circular_convolve(np.roll(x, shift, axis=0), h)
    expected = np.roll(sc.circular_convolve(x, h), shift, axis=0)
    np.testing.assert_allclose(turned, expected, rtol=0, atol=bound(x, h))


@pytest.mark.parametrize("mode", ["full", "same", "valid"])
@given(pair=arrays())
def test_separable_kernel_equals_one_pass_per_axis(mode, pair):
    x, h = pair
    if x.ndim != 2 or (
        mode == "valid" and any(n < k for n, k in zip(x.shape, h.shape, strict=True))
    ):
        return
    column, row = h[:, 0], h[0]
    twice = sc.convolve(sc.convolve(x, column, mode, axes=0), row, mode, axes=1)
    once = sc.convolve(x, np.outer(column, row), mode)
    np.testing.assert_allclose(twice, once, rtol=0, atol=4 * bound(x, np.outer(column, row)))
