"""`sigconv.compat.ndimage` gives SciPy's numbers and dtypes, and its types of errors."""

import itertools
from typing import Any

import numpy as np
import pytest
import scipy.ndimage
from hypothesis import given
from hypothesis import strategies as st

from sigconv.compat import ndimage
from sigconv.testing import assert_close, samples, tolerance

# Untyped: many calls here are wrong on purpose.
PEER: Any = scipy.ndimage

WHOLE = ("uint8", "int8", "uint16", "int16", "uint32", "int32", "uint64", "int64")
FLOATS = ("float32", "float64", "complex64", "complex128")
RULES = ["reflect", "mirror", "nearest", "wrap", "constant"]
RULES += ["grid-mirror", "grid-wrap", "grid-constant"]

FILTERS: dict[str, dict[str, Any]] = {
    "gaussian_filter": {"sigma": 1.2},
    "gaussian_laplace": {"sigma": 0.9},
    "laplace": {},
    "prewitt": {},
    "sobel": {},
    "uniform_filter": {"size": 4},
}


@st.composite
def weighted_calls(draw, dtypes):
    """An image, weights and keywords for `convolve` and `correlate`, even kernels included."""
    ndim = draw(st.integers(1, 3))
    shape = tuple(draw(st.integers(1, 8)) for _ in range(ndim))
    taps = tuple(draw(st.integers(1, 5)) for _ in range(ndim))
    image = draw(samples(shape, draw(st.sampled_from(dtypes))))
    weights = draw(samples(taps, draw(st.sampled_from(("int8", "float32", "float64")))))
    origin = tuple(draw(st.integers(-((k - 1) // 2), (k - 1) // 2)) for k in taps)
    mode = draw(st.sampled_from(RULES))
    return image, weights, {"mode": mode, "origin": origin, "cval": draw(st.sampled_from([0, 2.5]))}


def bound(image, weights) -> float:
    """The error of double precision, and of storing in the dtype of a floating image."""
    coarsest = image.dtype if image.dtype.kind in "fc" else np.dtype(float)
    return 4 * tolerance(np.append(np.abs(image), 2.5), weights, coarsest)


@pytest.mark.parametrize("name", ["convolve", "correlate"])
@given(call=weighted_calls(FLOATS))
def test_weighted_sums_of_floats_are_ndimages(name: str, call) -> None:
    image, weights, keywords = call
    theirs = getattr(PEER, name)(image, weights, **keywords)
    ours = getattr(ndimage, name)(image, weights, **keywords)
    assert ours.dtype == theirs.dtype
    assert_close(ours, theirs, bound(image, weights))


@pytest.mark.parametrize("name", ["convolve", "correlate"])
@given(call=weighted_calls(("bool", *WHOLE)), output=st.sampled_from((None, *WHOLE, "float32")))
def test_weighted_sums_of_integers_are_ndimages(name: str, call, output) -> None:
    image, weights, keywords = call
    weights = np.rint(4 * weights) / 4  # whose sums are exact
    theirs = getattr(PEER, name)(image, weights, output, **keywords)
    ours = getattr(ndimage, name)(image, weights, output, **keywords)
    assert ours.dtype == theirs.dtype
    np.testing.assert_array_equal(ours, theirs)


@pytest.mark.parametrize("name", ["convolve1d", "correlate1d"])
@given(call=weighted_calls(FLOATS), axis=st.integers(-3, 2))
def test_sums_along_one_axis_are_ndimages(name: str, call, axis: int) -> None:
    image, weights, keywords = call
    axis %= image.ndim
    taps = weights[(0,) * axis][(slice(None), *[0] * (image.ndim - axis - 1))]
    keywords["origin"] = keywords["origin"][axis]
    theirs = getattr(PEER, name)(image, taps, axis, **keywords)
    assert_close(getattr(ndimage, name)(image, taps, axis, **keywords), theirs, bound(image, taps))


@pytest.mark.parametrize("name", FILTERS)
@given(
    image=st.sampled_from(FLOATS).flatmap(lambda dtype: samples((7, 5), dtype)),
    mode=st.sampled_from(RULES) | st.lists(st.sampled_from(RULES), min_size=2, max_size=2),
    cval=st.sampled_from([0.0, 1.5]),
)
def test_filters_of_floats_are_ndimages(name: str, image, mode, cval: float) -> None:
    theirs = getattr(PEER, name)(image, mode=mode, cval=cval, **FILTERS[name])
    ours = getattr(ndimage, name)(image, mode=mode, cval=cval, **FILTERS[name])
    assert ours.dtype == theirs.dtype
    assert_close(ours, theirs, bound(image, np.ones(30)))


@pytest.mark.parametrize("name", ["laplace", "prewitt", "sobel", "uniform_filter"])
@given(
    image=st.sampled_from(WHOLE).flatmap(lambda dtype: samples((6, 7), dtype)),
    mode=st.sampled_from(RULES),
    output=st.sampled_from((None, *WHOLE, "float32")),
)
def test_filters_of_integers_cut_fractions_after_each_pass(name: str, image, mode, output) -> None:
    if output == "uint64" and (image < 0).any():
        return  # wrapped around to more than double precision holds, before the next pass
    keywords = {"mode": mode, "output": output, **FILTERS[name]}
    theirs = getattr(PEER, name)(image, **keywords)
    ours = getattr(ndimage, name)(image, **keywords)
    assert ours.dtype == theirs.dtype
    np.testing.assert_array_equal(ours, theirs)


@given(image=st.sampled_from(WHOLE).flatmap(lambda dtype: samples((40,), dtype)))
def test_gaussian_of_integers_differs_only_where_rounding_decides(image) -> None:
    theirs = PEER.gaussian_filter(image, 1.3)
    ours = ndimage.gaussian_filter(image, 1.3)
    exact = PEER.gaussian_filter(image.astype(float), 1.3)
    decided = np.abs(exact - np.rint(exact)) > 1e-9
    np.testing.assert_array_equal(ours[decided], theirs[decided])
    np.testing.assert_array_equal(ours[~decided], np.rint(exact[~decided]).astype(image.dtype))


@pytest.mark.parametrize("sigma", [0.3, 0.4, 1.05, 2.35, 3.0])
def test_flat_integer_images_stay_flat(sigma: float) -> None:
    image = np.full((20, 30), 255, np.uint8)
    np.testing.assert_array_equal(ndimage.gaussian_filter(image, sigma), image)


def test_scipy_darkens_flat_integer_images() -> None:
    assert PEER.gaussian_filter(np.full(50, 255, np.uint8), 0.3)[25] == 254


def test_zeros_stay_zeros_and_nothing_turns_negative() -> None:
    image = np.zeros((60, 60))
    image[30, 30] = 1e6
    smooth = ndimage.gaussian_filter(image, 2.0)
    assert (smooth >= 0).all()
    assert np.count_nonzero(smooth) == 17 * 17


@pytest.mark.parametrize("size", [1, 2, 3, 4])
@pytest.mark.parametrize("origin", [-1, 0, 1])
def test_uniform_filter1d_is_ndimages(size: int, origin: int) -> None:
    image = np.random.default_rng(2).integers(-50, 50, (5, 6))
    for axis, mode in itertools.product((0, 1), RULES):
        try:
            theirs = PEER.uniform_filter1d(image, size, axis, None, mode, 7, origin)
        except ValueError:
            with pytest.raises(ValueError, match="origin"):
                ndimage.uniform_filter1d(image, size, axis, None, mode, 7, origin)
        else:
            ours = ndimage.uniform_filter1d(image, size, axis, None, mode, 7, origin)
            np.testing.assert_array_equal(ours, theirs)


def test_boxes_have_a_size_per_axis_and_one_leaves_it_alone() -> None:
    image = np.random.default_rng(6).integers(-50, 50, (5, 6, 7))
    for size in ((2, 1, 3), (1, 1, 1), (0, 2, 2)):
        theirs = PEER.uniform_filter(image, size)
        np.testing.assert_array_equal(ndimage.uniform_filter(image, size), theirs)


def test_negative_sums_wrap_around_in_unsigned_output() -> None:
    for dtype in ("uint8", "uint16", "uint32", "uint64"):
        result = ndimage.correlate1d([-3.7, 0.9, 2.2], [1.0], output=dtype)
        assert result.tolist() == [int(np.iinfo(dtype).max) - 2, 0, 2]


@pytest.mark.parametrize("order", range(5))
@pytest.mark.parametrize("keywords", [{}, {"truncate": 2.5}, {"radius": 3}])
def test_gaussian_derivatives_are_ndimages(order: int, keywords) -> None:
    image = np.random.default_rng(3).standard_normal((12, 10))
    for axis in (0, 1):
        theirs = PEER.gaussian_filter1d(image, 1.4, axis, order, **keywords)
        ours = ndimage.gaussian_filter1d(image, 1.4, axis, order, **keywords)
        np.testing.assert_allclose(ours, theirs, rtol=0, atol=1e-12)
    if "radius" not in keywords:
        theirs = PEER.gaussian_laplace(image, (1.4, 0.8), **keywords)
        np.testing.assert_allclose(
            ndimage.gaussian_laplace(image, (1.4, 0.8), **keywords), theirs, rtol=0, atol=1e-12
        )


CALLS = [
    ("convolve", (np.ones((2, 3)),)),
    ("correlate", (np.ones((2, 3)),)),
    ("convolve1d", ([1, 2, 3],)),
    ("correlate1d", ([1, 2, 3],)),
    ("gaussian_filter1d", (1.0,)),
    *[(name, tuple(arguments.values())) for name, arguments in FILTERS.items()],
]


@pytest.mark.parametrize(("name", "arguments"), CALLS)
def test_output_is_an_array_or_a_dtype(name: str, arguments) -> None:
    image = np.arange(30, dtype=np.int16).reshape(5, 6)
    expected = getattr(PEER, name)(image, *arguments, output=float)
    call = getattr(ndimage, name)
    for dtype in (float, np.float64, "float64", np.dtype(float)):
        result = call(image, *arguments, output=dtype)
        assert result.dtype == float
        np.testing.assert_allclose(result, expected, rtol=0, atol=1e-12)
    for given_output in (
        np.full((5, 6), 9.0),
        np.full((6, 5), 9.0).T,
        np.full((5, 12), 9.0)[:, ::2],
    ):
        assert call(image, *arguments, output=given_output) is given_output
        np.testing.assert_allclose(given_output, expected, rtol=0, atol=1e-12)


@pytest.mark.parametrize(("name", "arguments"), CALLS)
def test_output_may_be_the_image(name: str, arguments) -> None:
    image = np.random.default_rng(4).standard_normal((5, 6))
    expected = getattr(ndimage, name)(image, *arguments)
    getattr(ndimage, name)(image, *arguments, output=image)
    np.testing.assert_array_equal(image, expected)


def test_axes_and_origins_meet_as_in_ndimage() -> None:
    image = np.random.default_rng(5).standard_normal((4, 5, 6))
    weights = np.arange(6.0).reshape(2, 3)
    for axes in itertools.permutations(range(3), 2):
        for name in ("convolve", "correlate"):
            theirs = getattr(PEER, name)(image, weights, origin=(-1, 0), axes=axes)
            ours = getattr(ndimage, name)(image, weights, origin=(-1, 0), axes=axes)
            np.testing.assert_allclose(ours, theirs, rtol=0, atol=1e-12)
    np.testing.assert_array_equal(ndimage.laplace(image, axes=()), image)
    np.testing.assert_array_equal(ndimage.correlate(np.array(3), 2), 6)


def test_complex_weights_are_conjugated_by_correlate_alone() -> None:
    np.testing.assert_array_equal(ndimage.correlate([1.0], [2j]), [-2j])
    np.testing.assert_array_equal(ndimage.correlate1d([1.0], [2j]), [-2j])
    np.testing.assert_array_equal(ndimage.correlate(np.array(1.0), 2j), -2j)
    np.testing.assert_array_equal(ndimage.convolve([1.0], [2j]), [2j])
    np.testing.assert_array_equal(ndimage.convolve1d([1.0], [2j]), [2j])


def test_real_output_of_complex_sums_is_promoted_with_a_warning() -> None:
    with pytest.warns(UserWarning, match="complex"):
        assert ndimage.correlate1d([1.0], [2j], output=np.float32).dtype == np.complex64


def test_nan_reaches_through_zero_weights_in_every_number_of_dimensions() -> None:
    image = np.zeros((1, 5))
    image[0, 2] = np.nan
    # SciPy's correlate1d does so too, its correlate leaves zero weights out.
    expected = [False, True, True, True, False]
    np.testing.assert_array_equal(np.isnan(ndimage.correlate(image, [[1, 0, 1]]))[0], expected)
    np.testing.assert_array_equal(np.isnan(ndimage.correlate1d(image, [1, 0, 1]))[0], expected)
    theirs = np.isnan(PEER.correlate1d(image, [1, 0, 1]))[0]
    np.testing.assert_array_equal(theirs, expected)


def test_sixteen_bit_and_long_floats_are_filtered() -> None:
    for dtype in (np.float16, np.longdouble):
        result = ndimage.uniform_filter(np.array([0, 3, 6], dtype), 3)
        np.testing.assert_array_equal(result, np.array([1, 3, 5], dtype))
        assert result.dtype == dtype


FLAT, SQUARE = np.ones(5), np.ones((5, 5))

ERRORS = [
    (RuntimeError, "correlate", (SQUARE, FLAT), {}),
    (RuntimeError, "correlate", (FLAT, []), {}),
    (RuntimeError, "correlate1d", (FLAT, SQUARE), {}),
    (RuntimeError, "correlate1d", (FLAT, []), {}),
    (RuntimeError, "convolve", (FLAT, FLAT), {"mode": "edge"}),
    (RuntimeError, "convolve", (FLAT, FLAT), {"mode": 3}),
    (RuntimeError, "convolve", (FLAT, FLAT), {"mode": ["reflect"]}),
    (RuntimeError, "convolve", (FLAT, FLAT), {"output": np.ones(3)}),
    (RuntimeError, "convolve", (FLAT, FLAT), {"output": "U"}),
    (RuntimeError, "convolve", (FLAT, FLAT * 1j), {"output": "float64"}),
    (RuntimeError, "convolve", (FLAT, FLAT * 1j), {"output": np.ones(5)}),
    (RuntimeError, "convolve", (SQUARE, SQUARE), {"origin": (0, 0, 0)}),
    (RuntimeError, "gaussian_filter", (SQUARE, (1, 2, 3)), {}),
    (RuntimeError, "sobel", (SQUARE,), {"mode": ["reflect"]}),
    (RuntimeError, "uniform_filter1d", (FLAT, 0), {}),
    (RuntimeError, "sobel", (SQUARE * 1j,), {"output": float}),
    (RuntimeError, "correlate1d", (np.array([1, None]), [1]), {}),
    (ValueError, "convolve", (FLAT, np.ones(3)), {"origin": 2}),
    (ValueError, "correlate1d", (FLAT, np.ones(4)), {"origin": 2}),
    (ValueError, "uniform_filter", (FLAT, 3), {"origin": -2}),
    (ValueError, "convolve", (SQUARE, SQUARE), {"axes": (0, 0)}),
    (ValueError, "gaussian_filter", (SQUARE, 1), {"axes": (0, 0)}),
    (ValueError, "convolve", (SQUARE, SQUARE), {"axes": (0, 2)}),
    (ValueError, "correlate1d", (FLAT, [1]), {"axis": 1}),
    (IndexError, "correlate1d", (np.array(3), [1]), {}),
    (ValueError, "sobel", (FLAT,), {"axis": 1}),
    (ValueError, "gaussian_filter1d", (FLAT, 1), {"order": -1}),
    (ValueError, "gaussian_filter1d", (FLAT, 1), {"radius": 1.5}),
    (ValueError, "gaussian_filter1d", (FLAT, 1), {"radius": -1}),
    (ValueError, "correlate", (FLAT, [1j]), {"cval": 1j}),
    (TypeError, "correlate", (FLAT, [1]), {"cval": 1j}),
    (TypeError, "uniform_filter", (FLAT,), {"cval": 1j}),
    (TypeError, "laplace", (SQUARE,), {"axes": (0.5,)}),
    (ZeroDivisionError, "gaussian_filter1d", (FLAT, 0), {}),
]


@pytest.mark.parametrize(("error", "name", "arguments", "keywords"), ERRORS)
def test_what_scipy_refuses_is_an_error_of_the_same_type(error, name, arguments, keywords) -> None:
    for module in (PEER, ndimage):
        with pytest.raises(error, match=r"\w"):
            getattr(module, name)(*arguments, **keywords)
