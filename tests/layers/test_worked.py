"""Rows 18-22, 25, 26 and 28 of the worked examples, with their numbers."""

import numpy as np
import pytest

from sigconv.layers import conv, conv_output_shape
from tests.layers.cases import each


@pytest.mark.parametrize(
    ("image", "kernel", "expected"),
    [
        (np.arange(9).reshape(3, 3), [[0, 1], [2, 3]], [[19, 25], [37, 43]]),
        (np.arange(1, 10).reshape(3, 3), [[1, 2], [3, 4]], [[37, 47], [67, 77]]),
        ([[0, 0, 0], [0, 1, 1], [0, 1, 2]], [[4, 0, 0], [0, 0, 0], [0, 0, -4]], [[-8]]),
    ],
)
def test_images_are_correlated_with_one_kernel(image, kernel, expected):
    for _, y in each(conv, np.asarray(image)[None, None], np.asarray(kernel)[None, None]):
        assert y[0, 0].tolist() == expected
    floats = np.asarray(image, "f4")[None, None], np.asarray(kernel, "f4")[None, None]
    for _, y in each(conv, *floats):
        np.testing.assert_allclose(y[0, 0], expected, atol=1e-5)


def test_a_pair_of_taps_finds_vertical_edges_and_its_transpose_none():
    image = np.ones((1, 1, 6, 8))
    image[..., 2:6] = 0
    kernel = np.array([[[[1.0, -1.0]]]])
    for _, y in each(conv, image, kernel):
        assert y.shape == (1, 1, 6, 7)
        np.testing.assert_allclose(y[0, 0], [[0, 1, 0, 0, 0, -1, 0]] * 6, atol=1e-15)
    for _, y in each(conv, image, kernel.swapaxes(2, 3)):
        assert y.shape == (1, 1, 5, 8)
        np.testing.assert_allclose(y, 0, atol=1e-15)


def test_a_kernel_of_25_taps_makes_10_of_14_pixels():
    image = np.arange(196).reshape(1, 1, 14, 14)
    assert conv_output_shape(image.shape, (1, 1, 5, 5)) == (1, 1, 10, 10)
    for _, y in each(conv, image, np.ones((1, 1, 5, 5), int)):
        # A sum over a window of a ramp is 25 times its middle pixel.
        assert y.tolist() == (25 * image[..., 2:-2, 2:-2]).tolist()


def test_two_filters_of_three_channels_at_every_second_pixel():
    """5 x 5 x 3, padded by 1, stride 2: 3 x 3 x 2."""
    row, column = np.mgrid[:5, :5]
    image = np.stack([row, column, row * column])[None]
    mean = np.ones((3, 3, 3), int)
    middle = np.zeros((3, 3, 3), int)
    middle[:, 1, 1] = 1, 10, 100
    weight, bias = np.stack([mean, middle]), np.array([0, 1])
    shape = conv_output_shape(image.shape, weight.shape, padding=1, stride=2)
    assert shape == (1, 2, 3, 3)
    for _, y in each(conv, image, weight, bias, padding=1, stride=2):
        assert y.shape == shape
        # Sums over 3 x 3 windows of rows, columns and products, cut off at the edges.
        sums, counts = np.array([1, 6, 7]), np.array([2, 3, 2])
        rows = np.multiply.outer(sums, counts) + np.multiply.outer(counts, sums)
        assert y[0, 0].tolist() == (rows + np.multiply.outer(sums, sums)).tolist()
        places = np.array([0, 2, 4])
        products = np.multiply.outer(places, places)
        middles = places[:, None] + 10 * places[None, :] + 100 * products + 1
        assert y[0, 1].tolist() == middles.tolist()


def test_the_sums_over_channels_and_the_bias_by_hand():
    """Row 26: 1 x 1 kernels mix channels, groups keep them apart, dilation skips samples."""
    x = np.array([[[1, 2, 3, 4], [10, 20, 30, 40]]])
    mixed = np.array([[[1], [1]], [[2], [-1]]])
    for _, y in each(conv, x, mixed, [0, 5]):
        assert y.tolist() == [[[11, 22, 33, 44], [-3, -11, -19, -27]]]
    for _, y in each(conv, x, np.array([[[1, 1]], [[1, -1]]]), groups=2):
        assert y.tolist() == [[[3, 5, 7], [-10, -10, -10]]]
    for _, y in each(conv, x[:, :1], np.array([[[1, 10]]]), dilation=3):
        assert y.tolist() == [[[41]]]


def test_a_layer_is_a_toeplitz_matrix():
    """Row 28: each row of the matrix is the kernel, moved on by the stride."""
    kernel, x = [2, 3, 5], np.array([1, -1, 4, 0, 7])
    matrix = np.array([[2, 3, 5, 0, 0], [0, 0, 2, 3, 5]])
    for _, y in each(conv, x[None, None], [[kernel]], stride=2):
        assert y[0, 0].tolist() == (matrix @ x).tolist()
