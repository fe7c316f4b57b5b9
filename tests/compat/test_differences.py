"""What docs/ports.md lists as different from SciPy is different, and as it says."""

import subprocess
import sys
from typing import Any

import numpy as np
import pytest
import scipy.ndimage
import scipy.signal

from sigconv.compat import ndimage, signal
from sigconv.errors import SigconvError

IMAGE = np.random.default_rng(7).standard_normal((6, 5))


def test_gaussian_laplace_into_its_image_reads_the_image() -> None:
    image = IMAGE.copy()
    expected = scipy.ndimage.gaussian_laplace(IMAGE, 1)
    ndimage.gaussian_laplace(image, 1, output=image)
    np.testing.assert_allclose(image, expected, rtol=0, atol=1e-12)
    theirs = IMAGE.copy()
    scipy.ndimage.gaussian_laplace(theirs, 1, output=theirs)
    assert np.abs(theirs - expected).max() > 0.1


def test_nan_taps_of_images_meet_samples_alone() -> None:
    small, large = np.array([[np.nan, 1.0]]), np.ones((1, 3))
    result = signal.convolve(small, large, method="direct")
    np.testing.assert_array_equal(np.isnan(result), [[True, True, True, False]])
    assert np.isnan(scipy.signal.convolve(small, large, method="direct")).all()


def test_boolean_output_holds_booleans() -> None:
    sums = np.array([0.5, -0.5, 2.0, -2.0, 256.0, 0.0])
    ours = ndimage.correlate1d(sums, [1.0], output=bool)
    assert ours.view(np.uint8).tolist() == [0, 0, 1, 1, 1, 0]
    theirs = scipy.ndimage.correlate1d(sums, [1.0], output=bool)
    assert theirs.view(np.uint8).tolist() == [0, 0, 2, 254, 0, 0]


def test_choice_of_a_method_follows_sigconvs_costs() -> None:
    pairs = [((1800,), (1800,), "direct", "fft"), ((100, 100), (3, 3), "fft", "direct")]
    for first, second, theirs, ours in pairs:
        x, h = np.ones(first), np.ones(second)
        assert scipy.signal.choose_conv_method(x, h, "same") == theirs
        assert signal.choose_conv_method(x, h, "same") == ours


def test_a_fillvalue_is_read_where_it_is_used() -> None:
    image, square = np.ones((4, 4), np.uint8), np.ones((2, 2), np.uint8)
    unused: list[Any] = [-1, 300, None, "x", [1, 2], object()]
    for value in unused:
        for boundary in ("symm", "wrap"):
            result = signal.convolve2d(image, square, "same", boundary, value)
            np.testing.assert_array_equal(result, np.full((4, 4), 4))
    refused: list[Any] = [None, "3", b"1"]
    for value in refused:
        with pytest.raises(ValueError, match="fillvalue must be one number"):
            signal.convolve2d(image, square, "same", "fill", value)


def test_empty_inputs_give_lags_of_no_results() -> None:
    assert signal.convolve2d(np.zeros((0, 3)), IMAGE).shape == (0, 7)
    assert scipy.signal.convolve2d(np.zeros((0, 3)), IMAGE).shape == (5, 7)
    for mode in ("full", "same", "valid"):
        assert signal.correlation_lags(0, 2, mode).size == 0
        assert signal.correlate([], [1.0, 2.0], mode).size == 0
    assert scipy.signal.correlation_lags(0, 2).tolist() == [-1]
    with pytest.raises(ValueError, match="integers"):
        signal.correlation_lags(3.0, 2.0)  # type: ignore[arg-type]


def test_masked_arrays_are_plain_unless_they_hide_a_sample() -> None:
    for mask in (np.ma.nomask, np.zeros(IMAGE.shape, bool)):
        masked = np.ma.array(IMAGE, mask=mask)
        result = ndimage.uniform_filter(masked, 3)
        assert type(result) is np.ndarray
        np.testing.assert_array_equal(result, ndimage.uniform_filter(IMAGE, 3))
        for name in ("convolve", "fftconvolve", "convolve2d"):
            result = getattr(signal, name)(masked, masked)
            np.testing.assert_array_equal(result, getattr(signal, name)(IMAGE, IMAGE))
        np.testing.assert_array_equal(
            ndimage.correlate(IMAGE, masked), ndimage.correlate(IMAGE, IMAGE)
        )
    hidden = np.ma.array(IMAGE, mask=IMAGE > 0)
    for call in (ndimage.laplace, lambda x: signal.convolve(IMAGE, x)):
        with pytest.raises(TypeError, match="filled"):
            call(hidden)


def test_single_precision_meets_wide_integers_in_double() -> None:
    rng = np.random.default_rng(8)
    x, h = rng.standard_normal(500).astype(np.float32), rng.integers(-9, 9, 400)
    exact = np.convolve(x.astype(float), h.astype(float))
    errors = [
        np.abs(module.convolve(x, h, method="fft") - exact).max()
        for module in (signal, scipy.signal)
    ]
    assert errors[0] < 1e-11 < errors[1] * 1e7


CALLS: list[tuple[type[Exception], str, dict[str, Any], str]] = [
    (IndexError, "gaussian_filter", {"sigma": 1, "axes": 4}, "axes lie between -2 and 1; got 4"),
    (IndexError, "gaussian_laplace", {"sigma": 1, "axes": 4}, "got 4"),
    (IndexError, "laplace", {"axes": -3}, "got -3"),
    (IndexError, "uniform_filter", {"axes": 2}, "got 2"),
    (IndexError, "sobel", {"axis": 2}, "got 2"),
    (np.exceptions.AxisError, "correlate1d", {"weights": [1], "axis": 2}, "got 2"),
    (TypeError, "sobel", {"cval": "a"}, "cval must be a real number; got 'a'"),
    (TypeError, "uniform_filter", {"cval": None, "mode": "constant"}, "cval .* got None"),
    (TypeError, "laplace", {"cval": [1]}, "cval"),
    (OverflowError, "laplace", {"cval": 10**400}, "cval must fit double precision"),
    (RuntimeError, "sobel", {"output": complex}, "output must be a real number or an integer"),
    (RuntimeError, "uniform_filter", {"output": object}, "got object"),
    (RuntimeError, "laplace", {"output": np.zeros((6, 5), complex)}, "got complex128"),
    (RuntimeError, "gaussian_filter", {"sigma": 1, "output": "M8[s]"}, "M8"),
    (TypeError, "correlate1d", {"weights": [1, 1, 1], "origin": 0.5}, "origin must be an integer"),
    (TypeError, "gaussian_filter", {"sigma": None}, "sigma must be a real number"),
    (OverflowError, "gaussian_filter", {"sigma": np.inf}, "must be finite"),
    (ZeroDivisionError, "gaussian_filter1d", {"sigma": 0}, "sigma must not be 0"),
    (TypeError, "gaussian_filter1d", {"sigma": 1, "order": 0.5}, "order must be an integer"),
]


@pytest.mark.parametrize(("error", "name", "keywords", "words"), CALLS)
def test_errors_are_scipys_types_and_sigconvs_in_the_callers_words(
    error, name: str, keywords, words: str
) -> None:
    with pytest.raises(error):
        getattr(scipy.ndimage, name)(IMAGE, **keywords)
    with pytest.raises(error, match=words) as caught:
        getattr(ndimage, name)(IMAGE, **keywords)
    assert isinstance(caught.value, SigconvError)


def test_import_forms() -> None:
    for module, peer in ((signal, scipy.signal), (ndimage, scipy.ndimage)):
        assert set(peer.__all__) <= set(dir(module))
        assert set(module.__all__) <= set(dir(module))
    code = (
        "from scipy.signal import *\n"
        "from sigconv.compat.signal import *\n"
        "from sigconv.compat.signal import windows\n"
        "from scipy.signal.windows import hann\n"
        "print(butter.__module__.split('.')[0], convolve.__module__.split('.')[0])\n"
        "print(windows.hann is hann)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60
    )
    assert done.stdout.split() == ["scipy", "sigconv", "True"]
    with pytest.raises(ModuleNotFoundError):
        __import__("sigconv.compat.signal.windows")
