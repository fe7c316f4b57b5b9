"""Gaussian, box and delta: scipy.ndimage's weights, unit sums, and errors that name the remedy."""

import math
import tracemalloc

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal
from scipy import ndimage

from sigconv.errors import DTypeError, KernelError
from sigconv.kernels import box, delta, gaussian

SIGMAS = [(1.0,), (0.3,), (2.6,), (1.5, 0.7), (3.0, 0.0), (2.0, 1.0, 0.5), (0.0, 1.2, 2.4)]
REAL_TYPES = [np.float32, np.float64, np.longdouble]


def impulse_response(sigma: tuple[float, ...], truncate: float) -> np.ndarray:
    """scipy.ndimage's Gaussian weights, without the zeros around them."""
    radii = [int(truncate * s + 0.5) for s in sigma]
    impulse = np.zeros([2 * r + 5 for r in radii])
    impulse[tuple(r + 2 for r in radii)] = 1.0
    response = ndimage.gaussian_filter(impulse, sigma, mode="constant", truncate=truncate)
    return response[(slice(2, -2),) * len(sigma)]


@pytest.mark.parametrize("sigma", SIGMAS)
@pytest.mark.parametrize("truncate", [4.0, 2.5])
def test_gaussian_equals_the_weights_of_ndimage_to_the_last_bit(sigma, truncate):
    assert_array_equal(gaussian(sigma, truncate=truncate), impulse_response(sigma, truncate))


def test_gaussian_on_anisotropic_voxels_is_the_gaussian_in_samples():
    assert_array_equal(gaussian(3.0, spacing=(2.0, 1.0, 0.5)), gaussian((1.5, 3.0, 6.0)))


def test_sigma_and_spacing_share_their_unit():
    assert_array_equal(gaussian(2.0, spacing=0.5), gaussian(2000.0, spacing=500.0))


@pytest.mark.parametrize(("width", "radius"), [(0.12, 0), (0.125, 1), (1.0, 4), (1.2, 5)])
def test_gaussian_radius_is_four_sigmas_rounded(width, radius):
    assert gaussian(width).shape == (2 * radius + 1,)


def test_sigma_zero_does_not_smooth_that_axis():
    assert_array_equal(gaussian((0, 1.0)), gaussian(1.0)[np.newaxis])


def test_number_of_axes_comes_from_ndim_sigma_or_spacing():
    assert gaussian(1.0).ndim == 1
    assert gaussian(1.0, ndim=3).ndim == 3
    assert gaussian([1.0, 2.0]).ndim == 2
    assert gaussian(1.0, spacing=np.ones(4), truncate=1).ndim == 4
    assert gaussian(np.array(1.0), ndim=2).ndim == 2


@given(
    st.lists(st.floats(0.0, 3.0), min_size=1, max_size=3),
    st.sampled_from([0.5, 1.0, 4.0, 8.0]),
    st.sampled_from(REAL_TYPES),
)
def test_gaussian_is_symmetric_on_every_axis_and_sums_to_one(sigma, truncate, dtype):
    kernel = gaussian(sigma, truncate=truncate, dtype=dtype)
    assert kernel.dtype == dtype
    assert (kernel >= 0).all()
    for axis in range(kernel.ndim):
        assert_array_equal(kernel, np.flip(kernel, axis))
    assert abs(kernel.sum(dtype=np.longdouble) - 1) <= 8 * np.finfo(dtype).eps


def test_longdouble_gaussian_is_finer_than_float64():
    wide = gaussian(2.0, dtype=np.longdouble)
    assert_allclose(wide, gaussian(2.0), rtol=1e-14)
    if np.finfo(np.longdouble).eps < np.finfo(float).eps:
        assert (wide != wide.astype(float)).any()


@pytest.mark.parametrize("sigma", [-1.0, math.nan, math.inf, "2", None, 1j, [1.0, -1.0], [[1.0]]])
def test_gaussian_refuses_sigmas_that_are_no_width(sigma):
    with pytest.raises(KernelError, match=r"sigma must be at least 0 and finite; got .*\. Give"):
        gaussian(sigma)


@pytest.mark.parametrize("spacing", [0.0, -1.0, math.nan, math.inf, (1.0, 0.0)])
def test_gaussian_refuses_spacings_that_are_not_positive(spacing):
    with pytest.raises(KernelError, match="spacing must be positive and finite; got"):
        gaussian(1.0, spacing=spacing)


@pytest.mark.parametrize("truncate", [0.0, -4.0, math.nan, 41.0])
def test_gaussian_refuses_truncations_without_meaning(truncate):
    with pytest.raises(KernelError, match="truncate must be"):
        gaussian(1.0, truncate=truncate)


def test_gaussian_refuses_values_for_another_number_of_axes():
    with pytest.raises(KernelError, match="got 2 values of sigma, 3 values of spacing"):
        gaussian((1.0, 2.0), spacing=(1.0, 1.0, 1.0))
    with pytest.raises(KernelError, match="got ndim=3, 2 values of sigma"):
        gaussian((1.0, 2.0), ndim=3)


@pytest.mark.parametrize("ndim", [0, -1, 1.5, 33, math.nan, "2"])
def test_kernels_refuse_impossible_numbers_of_axes(ndim):
    with pytest.raises(KernelError, match=r"ndim must be|has 1 to 32 axes"):
        gaussian(1.0, ndim=ndim)


@pytest.mark.parametrize(
    "make",
    [
        lambda: gaussian(1e300, spacing=1e-300),
        lambda: gaussian(100.0, ndim=3),
        lambda: gaussian(1.0, ndim=32),
        lambda: box(2**14, ndim=2),
        lambda: delta(10**12),
        lambda: box(10**400),
    ],
)
def test_huge_kernels_are_refused_before_memory_is_taken(make):
    tracemalloc.start()
    try:
        with pytest.raises(KernelError, match=r"elements; got|size must be"):
            make()
        assert tracemalloc.get_traced_memory()[1] < 2**20
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("dtype", [int, bool, np.uint8])
def test_integer_types_do_not_hold_fractions(dtype):
    with pytest.raises(DTypeError, match="dtype must hold every weight"):
        gaussian(1.0, dtype=dtype)
    with pytest.raises(DTypeError, match="dtype must hold every weight"):
        box(3, dtype=dtype)


@pytest.mark.parametrize("dtype", [object, str, "datetime64[s]", "nonsense"])
@pytest.mark.parametrize("make", [gaussian, box, delta])
def test_kernels_are_made_of_numbers(make, dtype):
    with pytest.raises(DTypeError, match="number"):
        make(3, dtype=dtype)


def test_complex_kernels_are_the_real_ones():
    assert_array_equal(gaussian(1.0, dtype=complex), gaussian(1.0))


@given(st.lists(st.integers(1, 9), min_size=1, max_size=3), st.sampled_from(REAL_TYPES))
def test_box_weights_are_equal_and_sum_to_one(size, dtype):
    kernel = box(size, dtype=dtype)
    assert kernel.shape == tuple(size)
    assert kernel.dtype == dtype
    assert (kernel == kernel.flat[0]).all()
    assert abs(kernel.sum(dtype=np.longdouble) - 1) <= 8 * np.finfo(dtype).eps


def test_box_averages():
    assert_array_equal(np.convolve([3.0, 5.0, 7.0], box(2), mode="valid"), [4.0, 6.0])


def test_scalar_size_serves_every_axis():
    assert_array_equal(box(3, ndim=2), box((3, 3)))
    assert_array_equal(delta(3, ndim=2), delta((3, 3)))


@pytest.mark.parametrize("size", [0, -3, 2.5, math.nan, "3", (3, 0), None])
@pytest.mark.parametrize("make", [box, delta])
def test_sizes_are_whole_numbers_from_one(make, size):
    with pytest.raises(KernelError, match=r"size must be a whole number, 1 or more; got .*\. Give"):
        make(size)


@given(st.lists(st.integers(1, 6), min_size=1, max_size=3))
def test_delta_is_one_at_the_default_centre(size):
    kernel = delta(size, dtype=np.int16)
    assert kernel.dtype == np.int16
    assert kernel.sum() == 1
    assert kernel[tuple((k - 1) // 2 for k in size)] == 1


def test_delta_is_the_neutral_element():
    signal = np.arange(12.0).reshape(3, 4)
    assert_array_equal(ndimage.convolve(signal, delta((3, 5))), signal)
