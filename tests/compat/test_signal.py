"""`sigconv.compat.signal` gives SciPy's numbers, shapes and dtypes, and its types of errors."""

import itertools
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
import scipy.signal
from hypothesis import given
from hypothesis import strategies as st

from sigconv.compat import signal
from sigconv.testing import assert_close, samples, tolerance

# Untyped: many calls here are wrong on purpose.
PEER: Any = scipy.signal

MODES = ("full", "same", "valid")
DTYPES = [
    "bool",
    "uint8",
    "int8",
    "uint16",
    "int16",
    "uint32",
    "int32",
    "uint64",
    "int64",
    "float16",
    "float32",
    "float64",
    "longdouble",
    "complex64",
    "complex128",
    "clongdouble",
]
PLANAR = [d for d in DTYPES if d not in ("bool", "float16")]


def magnitude(x, h) -> float:
    """The error that results in the coarsest of the dtypes may differ by."""
    kinds = [a.dtype if a.dtype.kind in "fc" else np.dtype(float) for a in (x, h)]
    coarsest = max(kinds, key=lambda dtype: np.finfo(dtype).eps)
    return tolerance(x, h, coarsest)


@st.composite
def pairs(draw, *, ndim=None, dtypes=DTYPES, max_size=9):
    """Two arrays that every mode accepts, of equal numbers of dimensions."""
    count = draw(st.integers(1, 3)) if ndim is None else ndim
    shape = [draw(st.integers(1, max_size)) for _ in range(count)]
    taps = [draw(st.integers(1, n)) for n in shape]
    first, second = draw(st.sampled_from([(shape, taps), (taps, shape)]))
    return (
        draw(samples(tuple(first), draw(st.sampled_from(dtypes)))),
        draw(samples(tuple(second), draw(st.sampled_from(dtypes)))),
    )


def agree(ours, theirs, atol: float) -> None:
    assert type(ours) is type(theirs)
    assert ours.dtype == theirs.dtype
    assert_close(np.asarray(ours), np.asarray(theirs), atol if ours.dtype.kind in "fc" else 0)


@pytest.mark.parametrize("name", ["convolve", "correlate"])
@given(pair=pairs(), mode=st.sampled_from(MODES))
def test_n_dimensional_sums_are_scipys(name: str, pair, mode: str) -> None:
    x, h = pair
    is_refused = np.result_type(x, h).kind == "b" or np.float16 in (x.dtype, h.dtype)
    if is_refused and (x.ndim > 1 or h.size > x.size):
        return  # by SciPy, or left to chance
    theirs = getattr(PEER, name)(x, h, mode, "direct")
    for method in ("auto", "direct", "fft"):
        agree(getattr(signal, name)(x, h, mode, method), theirs, magnitude(x, h))


@pytest.mark.parametrize("name", ["fftconvolve", "oaconvolve"])
@given(pair=pairs(), mode=st.sampled_from(MODES))
def test_fft_convolutions_have_scipys_numbers_and_dtypes(name: str, pair, mode: str) -> None:
    x, h = pair
    theirs = getattr(PEER, name)(x, h, mode)
    scale = max(1.0, float(np.max(np.abs(theirs)).astype(float)))
    agree(
        getattr(signal, name)(x, h, mode),
        theirs,
        magnitude(x, h) + 1e-6 * scale * is_single(theirs),
    )


def is_single(result) -> bool:
    return result.dtype in (np.float32, np.complex64)


@pytest.mark.parametrize("first", DTYPES)
def test_results_have_scipys_dtype_for_each_pair(first: str) -> None:
    for second, name in itertools.product(DTYPES, ("convolve", "correlate", "fftconvolve")):
        x, h = np.ones(3, first), np.ones(2, second)
        theirs = getattr(PEER, name)(x, h).dtype
        assert getattr(signal, name)(x, h).dtype == theirs, (name, second)


AXES = (None, 0, 1, -1, (0, 1), (2, 0), [1, -1])


@pytest.mark.parametrize(("axes", "mode"), list(itertools.product(AXES, MODES)))
@pytest.mark.parametrize(
    ("first", "second"),
    [
        ((4, 3, 5), (2, 3, 2)),
        ((4, 1, 5), (2, 3, 5)),
        ((1, 3, 1), (4, 3, 5)),
        ((3, 4, 2), (3, 1, 2)),
        ((1, 1, 1), (2, 1, 2)),
    ],
)
def test_fft_convolutions_broadcast_as_scipys(first, second, axes, mode: str) -> None:
    rng = np.random.default_rng(1)
    x, h = rng.standard_normal(first), rng.standard_normal(second)
    try:
        theirs = PEER.fftconvolve(x, h, mode, axes)
    except ValueError:
        with pytest.raises(ValueError, match=r"\d"):
            signal.fftconvolve(x, h, mode, axes)
    else:
        agree(signal.fftconvolve(x, h, mode, axes), theirs, magnitude(x, h))


@pytest.mark.parametrize("name", ["convolve2d", "correlate2d"])
@given(
    pair=pairs(ndim=2, dtypes=PLANAR),
    mode=st.sampled_from(MODES),
    boundary=st.sampled_from(["fill", "pad", "wrap", "circular", "symm", "symmetric"]),
    fill=st.sampled_from([0, 3, 2.75]),
)
def test_planar_sums_are_scipys(name: str, pair, mode: str, boundary: str, fill: float) -> None:
    x, h = pair
    swapped = mode == "valid" and h.size > x.size
    if name == "correlate2d" and swapped and "c" in x.dtype.kind + h.dtype.kind:
        return  # SciPy conjugates the other input: see below
    theirs = getattr(PEER, name)(x, h, mode, boundary, fill)
    ours = getattr(signal, name)(x, h, mode, boundary, fill)
    agree(ours, theirs, 4 * magnitude(x, h) + magnitude(np.full_like(x, fill), h))


@pytest.mark.parametrize("mode", MODES)
def test_scalars_multiply(mode: str) -> None:
    scalars: list[Any] = [3, 2.5, 2 + 1j, np.float32(2), np.int8(100)]
    for first, second in itertools.product(scalars, repeat=2):
        with np.errstate(over="ignore"):
            theirs = (
                PEER.convolve(first, second, mode),
                PEER.correlate(first, second),
            )
        agree(signal.convolve(first, second, mode), theirs[0], 0)
        agree(signal.correlate(first, second), theirs[1], 0)


def test_narrow_integers_wrap_around_as_in_scipy() -> None:
    x = np.array([100, 100], np.int8)
    np.testing.assert_array_equal(signal.convolve(x, x), np.array([16, 32, 16], np.int8))


def test_wide_integers_raise_instead_of_wrapping_around() -> None:
    x = np.array([2**40], np.int64)
    assert PEER.convolve(x, x, method="direct")[0] == 0
    with pytest.raises(OverflowError, match=str(2**80)):
        signal.convolve(x, x)


def test_nan_stays_where_it_belongs_under_fft() -> None:
    x = np.ones(40)
    x[20] = np.nan
    result = signal.convolve(x, np.ones(3), "same", "fft")
    np.testing.assert_array_equal(np.flatnonzero(np.isnan(result)), [19, 20, 21])


def test_empty_inputs_give_empty_results() -> None:
    for function in (signal.convolve, signal.correlate, signal.fftconvolve, signal.oaconvolve):
        assert function([], [1.0, 2.0]).shape == (0,)
        assert function([1.0], []).dtype == float
    assert signal.convolve(np.zeros((0, 3)), np.zeros((2, 2))).shape == (0, 4)


def test_booleans_in_the_plane_are_or_of_and() -> None:
    result = signal.convolve2d([[True, False, True]], [[True, True]])
    np.testing.assert_array_equal(result, [[True, True, True, True]])
    assert result.dtype == bool


def test_few_products_of_whole_floats_stay_whole() -> None:
    x, h = np.arange(64.0), np.arange(64.0)
    np.testing.assert_array_equal(signal.convolve(x, h), np.convolve(x, h))
    np.testing.assert_array_equal(signal.fftconvolve(x, h), np.convolve(x, h))
    image, square = np.arange(64.0).reshape(8, 8), np.ones((6, 6))
    assert signal.choose_conv_method(image, square) == "direct"
    for function in (signal.convolve, signal.fftconvolve):
        np.testing.assert_array_equal(function(image, square) % 1, 0)


def test_exact_numbers_stay_exact() -> None:
    result = signal.convolve(np.array([Fraction(1, 2), Fraction(1, 3)]), np.array([1, 2]))
    assert result.tolist() == [Fraction(1, 2), Fraction(4, 3), Fraction(2, 3)]


SIZES = list(itertools.product(range(1, 8), repeat=2))


@pytest.mark.parametrize(("first", "second"), SIZES)
@pytest.mark.parametrize("mode", MODES)
def test_lags_find_the_peak(first: int, second: int, mode: str) -> None:
    x, t = np.zeros(first), np.zeros(second)
    x[first // 2] = t[second // 2] = 1
    values = signal.correlate(x, t, mode)
    lags = signal.correlation_lags(first, second, mode)
    assert lags.shape == values.shape
    if values.max() > 0.5:
        assert lags[values.argmax()] == first // 2 - second // 2


@pytest.mark.parametrize(("first", "second"), SIZES)
@pytest.mark.parametrize("mode", MODES)
def test_lags_are_scipys_but_for_odd_inputs_and_even_templates_in_same(
    first: int, second: int, mode: str
) -> None:
    theirs = PEER.correlation_lags(first, second, mode)
    if mode == "same" and first % 2 and second % 2 == 0:
        theirs = theirs - 1
    np.testing.assert_array_equal(signal.correlation_lags(first, second, mode), theirs)


def test_second_image_is_conjugated_whichever_is_larger() -> None:
    small, large = np.array([[1 + 1j, 2]]), np.array([[1j, 1, 2, 3j]])
    expected = PEER.correlate(small, large, "valid")
    np.testing.assert_array_equal(signal.correlate2d(small, large, "valid"), expected)
    # SciPy conjugates the first image where the second is larger.
    theirs = PEER.correlate2d(small, large, "valid")
    np.testing.assert_array_equal(theirs, expected.conj())


def test_choice_of_a_method_is_the_one_taken() -> None:
    small, large = np.ones(8), np.ones(2**15)
    assert signal.choose_conv_method(small, small) == "direct"
    assert signal.choose_conv_method(large, large) == "fft"
    assert signal.choose_conv_method([2**51], [2**51]) == "direct"
    chosen: Any = signal.choose_conv_method(small, small, measure=True)
    method, seconds = chosen
    assert set(seconds) == {"direct", "fft"}
    assert method == min(seconds, key=seconds.__getitem__)


ONE, TWO = np.ones(3), np.ones((3, 3))

ERRORS = [
    ("convolve", (ONE, ONE, "circular"), {}),
    ("convolve", (ONE, ONE), {"method": "overlap-save"}),
    ("convolve", (ONE, TWO), {}),
    ("convolve", (np.ones((3, 2)), np.ones((2, 3)), "valid"), {}),
    ("correlate", (ONE, ONE, "circular"), {}),
    ("correlate", (ONE, 1.0), {}),
    ("fftconvolve", ([1], [2], "chips"), {}),
    ("fftconvolve", (TWO, TWO), {"axes": []}),
    ("fftconvolve", (TWO, TWO), {"axes": [0, 0]}),
    ("fftconvolve", (TWO, TWO), {"axes": 2}),
    ("oaconvolve", (TWO, TWO), {"axes": [0.5]}),
    ("oaconvolve", (np.ones((2, 3)), np.ones((3, 3))), {"axes": 1}),
    ("convolve2d", (ONE, ONE), {}),
    ("convolve2d", (TWO, TWO, "circular"), {}),
    ("convolve2d", (TWO, TWO), {"boundary": "reflect"}),
    ("convolve2d", ([[1]], [[1, 2]]), {"fillvalue": [1, 2]}),
    ("convolve2d", ([[1]], [[1, 2]]), {"fillvalue": []}),
    ("convolve2d", ([[1]], [[1, 2]]), {"fillvalue": np.nan}),
    ("convolve2d", ([[1]], [[1, 2]]), {"fillvalue": np.inf}),
    ("convolve2d", (np.ones((1, 1), np.uint8), np.ones((1, 2), np.uint8)), {"fillvalue": 300}),
    ("correlate2d", (TWO, TWO, "nearest"), {}),
    ("correlation_lags", (3, 3, "nearest"), {}),
    ("choose_conv_method", (ONE, ONE, "nearest"), {}),
]


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
@pytest.mark.parametrize(("name", "arguments", "keywords"), ERRORS)
def test_what_scipy_refuses_is_an_error_of_the_same_type(name: str, arguments, keywords) -> None:
    for module in (PEER, signal):
        with pytest.raises(ValueError, match=r"\w"):
            getattr(module, name)(*arguments, **keywords)


def test_inputs_are_not_written_to() -> None:
    x, h = np.arange(20.0).reshape(4, 5), np.ones((2, 2))
    x.flags.writeable = h.flags.writeable = False
    for name in ("convolve", "correlate", "fftconvolve", "oaconvolve", "convolve2d", "correlate2d"):
        assert getattr(signal, name)(x, h).flags.writeable
