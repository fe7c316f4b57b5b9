"""Derivatives under true convolution: signs, units, scipy.ndimage's numbers, and exactness."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal
from scipy import ndimage

from sigconv.errors import DTypeError, KernelError
from sigconv.kernels import laplacian, log, prewitt, sobel

SHAPES = [(17,), (9, 11), (6, 7, 8)]
SHAPE_AXIS = [(shape, axis) for shape in SHAPES for axis in range(-len(shape), len(shape))]
GRADIENTS = [(sobel, ndimage.sobel), (prewitt, ndimage.prewitt)]


def grid(shape: tuple[int, ...], spacing: tuple[float, ...]) -> list[np.ndarray]:
    """Coordinates of the samples along each axis."""
    axes = [step * np.arange(size) for size, step in zip(shape, spacing, strict=True)]
    return list(np.meshgrid(*axes, indexing="ij"))


def inside(result: np.ndarray, margin: int = 1) -> np.ndarray:
    """The samples that no boundary reaches."""
    return result[(slice(margin, -margin),) * result.ndim]


@pytest.mark.parametrize(("shape", "axis"), SHAPE_AXIS)
@pytest.mark.parametrize(("kernel", "peer"), GRADIENTS)
def test_convolution_with_a_gradient_equals_that_of_ndimage(kernel, peer, shape, axis):
    image = np.random.default_rng(1).normal(size=shape)
    ours = ndimage.convolve(image, kernel(axis, len(shape)), mode="reflect")
    assert_allclose(ours, peer(image, axis), atol=1e-12)


@pytest.mark.parametrize("kernel", [sobel, prewitt])
def test_gradients_are_positive_where_values_rise(kernel):
    rising = np.array([0.0, 0.0, 1.0, 1.0])
    assert_array_equal(np.convolve(rising, kernel(0, 1), mode="valid"), [1.0, 1.0])


@pytest.mark.parametrize(("kernel", "across"), [(sobel, 4), (prewitt, 3)])
@pytest.mark.parametrize("ndim", [1, 2, 3])
def test_unscaled_gain_on_a_ramp_is_as_documented(kernel, across, ndim):
    (ramp, *_) = grid((5,) * ndim, (1.0,) * ndim)
    slope = inside(ndimage.convolve(ramp, kernel(0, ndim)))
    assert_array_equal(slope, np.full(slope.shape, 2.0 * across ** (ndim - 1)))


@pytest.mark.parametrize("kernel", [sobel, prewitt])
@given(
    spacing=st.lists(st.floats(0.01, 100.0), min_size=1, max_size=3),
    slope=st.floats(-10.0, 10.0),
    data=st.data(),
)
def test_gradient_with_spacing_is_the_slope_per_unit(kernel, spacing, slope, data):
    axis = data.draw(st.integers(0, len(spacing) - 1))
    coordinates = grid((4,) * len(spacing), tuple(spacing))
    image = slope * coordinates[axis] + 3.0
    result = ndimage.convolve(image, kernel(axis, len(spacing), spacing=spacing))
    assert_allclose(inside(result), slope, atol=1e-9 * (1 + 10 / min(spacing)))


def test_scalar_spacing_serves_every_axis():
    assert_array_equal(sobel(1, 2, spacing=0.5), sobel(1, 2, spacing=(9.0, 0.5)))
    assert_array_equal(laplacian(2, spacing=0.5), laplacian(spacing=(0.5, 0.5)))


@pytest.mark.parametrize("dtype", [np.int8, np.int64, np.float32, np.float64, np.longdouble])
def test_derivatives_have_the_asked_type_and_sum_to_zero(dtype):
    for kernel in (sobel(0, dtype=dtype), prewitt(1, 3, dtype=dtype), laplacian(3, dtype=dtype)):
        assert kernel.dtype == dtype
        assert kernel.sum() == 0


@pytest.mark.parametrize("dtype", [np.uint8, bool])
def test_unsigned_types_do_not_hold_derivatives(dtype):
    with pytest.raises(DTypeError, match=r"dtype must hold every weight .* signed integer"):
        sobel(0, dtype=dtype)
    with pytest.raises(DTypeError, match="dtype must hold every weight"):
        laplacian(dtype=dtype)


def test_weights_beyond_a_type_are_refused():
    assert sobel(0, 7, dtype=np.int8).max() == 64
    with pytest.raises(DTypeError, match="from -128 to 128"):
        sobel(0, 8, dtype=np.int8)
    with pytest.raises(DTypeError, match="float16"):
        laplacian(spacing=1e-4, dtype=np.float16)


@pytest.mark.parametrize("axis", [2, -3, 0.5, float("nan"), "0"])
def test_axis_out_of_range_is_refused(axis):
    with pytest.raises(KernelError, match="axis must"):
        sobel(axis, 2)


@pytest.mark.parametrize("spacing", [0.0, -1.0, float("nan"), float("inf")])
@pytest.mark.parametrize(
    "make",
    [lambda s: sobel(0, spacing=s), lambda s: laplacian(spacing=s), lambda s: log(1, spacing=s)],
)
def test_spacings_that_are_not_positive_are_refused(make, spacing):
    with pytest.raises(KernelError, match="spacing must be positive"):
        make(spacing)


@pytest.mark.parametrize("spacing", [1e-200, 1e200])
@pytest.mark.parametrize("make", [laplacian, lambda spacing: log(spacing, spacing=spacing)])
def test_spacings_that_no_weight_can_express_are_refused(make, spacing):
    with pytest.raises(KernelError, match=r"spacing\*\*2 must be finite and not all 0"):
        make(spacing=spacing)


def test_spacing_for_another_number_of_axes_is_refused():
    with pytest.raises(KernelError, match="got ndim=2, 3 values of spacing"):
        sobel(0, 2, spacing=(1.0, 1.0, 1.0))
    with pytest.raises(KernelError, match="got ndim=2, 3 values of spacing"):
        laplacian(2, spacing=(1.0, 1.0, 1.0))


@pytest.mark.parametrize("make", [lambda n: sobel(0, n), laplacian, lambda n: log(0.5, ndim=n)])
def test_too_many_axes_are_refused(make):
    with pytest.raises(KernelError, match="at most 67108864 elements"):
        make(17)
    with pytest.raises(KernelError, match="has 1 to 32 axes"):
        make(33)


@pytest.mark.parametrize("shape", SHAPES)
def test_convolution_with_laplacian_equals_that_of_ndimage(shape):
    image = np.random.default_rng(2).normal(size=shape)
    ours = ndimage.convolve(image, laplacian(len(shape)), mode="reflect")
    assert_allclose(ours, ndimage.laplace(image), atol=1e-12)


def test_laplacian_of_a_paraboloid_is_exact_on_any_grid():
    spacing = (2.0, 0.5, 0.25)
    z, y, x = grid((5, 5, 5), spacing)
    result = ndimage.convolve(z**2 + 3 * y**2 - 5 * x**2 + x - y, laplacian(spacing=spacing))
    assert_allclose(inside(result), 2 + 6 - 10, atol=1e-10)


def test_laplacian_and_log_are_negative_on_a_bright_spot():
    spot = np.zeros((9, 9))
    spot[4, 4] = 1.0
    assert ndimage.convolve(spot, laplacian())[4, 4] == -4.0
    assert ndimage.convolve(spot, log(1.0))[4, 4] < 0


@pytest.mark.parametrize("ndim", [1, 2, 3])
def test_log_without_smoothing_is_the_laplacian(ndim):
    assert_array_equal(log(0.0, ndim=ndim, spacing=0.5), laplacian(ndim, spacing=0.5))


@pytest.mark.parametrize("sigma", [(2.0,), (3.0, 2.0), (2.0, 2.5, 3.0)])
def test_log_agrees_with_ndimage_where_sampling_and_cut_do_not_matter(sigma):
    shape = tuple(2 * int(8 * s + 0.5) + 1 for s in sigma)
    impulse = np.zeros(shape)
    impulse[tuple(size // 2 for size in shape)] = 1.0
    peer = ndimage.gaussian_laplace(impulse, sigma, mode="constant", truncate=8)
    assert_allclose(log(sigma, truncate=8), peer, atol=1e-10 * abs(peer).max())


def test_log_agrees_with_ndimage_to_one_percent_at_four_sigmas():
    impulse = np.zeros((25, 25))
    impulse[12, 12] = 1.0
    peer = ndimage.gaussian_laplace(impulse, 3.0, mode="constant")
    assert_allclose(log(3.0), peer, atol=0.01 * abs(peer).max())


@given(
    sigma=st.lists(st.floats(0.0, 2.5), min_size=1, max_size=3),
    truncate=st.sampled_from([1.0, 3.0, 4.0, 6.0]),
    data=st.data(),
)
def test_log_answers_constants_with_0_and_squares_with_2(sigma, truncate, data):
    ndim = len(sigma)
    steps = data.draw(st.lists(st.sampled_from([0.5, 1.0, 3.0]), min_size=ndim, max_size=ndim))
    sigma = [s * d for s, d in zip(sigma, steps, strict=True)]
    kernel = log(sigma, spacing=steps, truncate=truncate)
    size = abs(kernel).sum()
    assert abs(kernel.sum()) <= 1e-14 * size
    radii = [k // 2 for k in kernel.shape]
    for axis in range(ndim):
        assert_array_equal(kernel, np.flip(kernel, axis))
        coordinate = grid(kernel.shape, tuple(steps))[axis] - radii[axis] * steps[axis]
        scale = (radii[axis] * steps[axis]) ** 2
        assert_allclose((kernel * coordinate**2).sum(), 2.0, atol=1e-13 * size * scale)


def test_log_in_float32_is_the_rounded_float64_kernel():
    kernel = log(1.5, dtype=np.float32)
    assert kernel.dtype == np.float32
    assert_array_equal(kernel, log(1.5).astype(np.float32))


def test_log_per_unit_squared_scales_with_the_unit():
    assert_allclose(log(2000.0, spacing=1000.0, ndim=2), log(2.0, ndim=2) / 1e6, rtol=1e-12)
