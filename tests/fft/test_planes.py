"""Transforms by planes and columns: together the transform of the whole, by either backend."""

import numpy as np
import pytest

from sigconv.fft import ColumnSpec, PlaneSpec, borrow_transform

pytestmark = pytest.mark.usefixtures("fresh_transforms")
RNG = np.random.default_rng(4)


def drawn(shape, dtype):
    array = RNG.standard_normal(shape)
    if np.dtype(dtype).kind == "c":
        array = array + 1j * RNG.standard_normal(shape)
    return array.astype(dtype)


@pytest.mark.parametrize("dtype", ["float32", "float64", "complex64", "complex128", "longdouble"])
@pytest.mark.parametrize(
    ("nfft", "filled"), [((16,), ()), ((12, 16), (5,)), ((6, 10, 8), (6, 3)), ((9, 15), (9,))]
)
def test_planes_are_transformed_with_zeros_where_no_samples_are(nfft, filled, dtype, backend):
    spec = PlaneSpec(3, nfft, filled, tuple((0, n) for n in nfft[:-1]), np.dtype(dtype))
    with borrow_transform(spec) as work:
        samples = drawn((3, *filled, nfft[-1]), dtype)
        work.samples[...] = samples
        work.forward()
        padded = np.zeros((3, *nfft), dtype)
        padded[(slice(None), *(slice(n) for n in filled))] = samples
        axes = tuple(range(1, len(nfft) + 1))
        transform = np.fft.fftn if np.dtype(dtype).kind == "c" else np.fft.rfftn
        expected = transform(padded.astype(np.result_type(dtype, "f8")), axes=axes)
        eps = np.finfo(dtype).eps if dtype != "longdouble" else 1e-15
        np.testing.assert_allclose(work.spectrum, expected, atol=100 * eps)
        work.inverse()
        np.testing.assert_allclose(work.results / np.prod(nfft), padded, atol=100 * eps)


def test_rows_that_are_wanted_back_may_be_few(backend):
    spec = PlaneSpec(2, (12, 16), (7,), ((3, 8),), np.dtype(float))
    with borrow_transform(spec) as work:
        samples = drawn((2, 7, 16), float)
        work.samples[...] = samples
        work.forward()
        work.inverse()
        expected = np.zeros((2, 5, 16))
        expected[:, :4] = samples[:, 3:]
        np.testing.assert_allclose(work.results / (12 * 16), expected, atol=1e-14)


@pytest.mark.parametrize("dtype", ["complex64", "complex128", "clongdouble"])
def test_columns_are_transformed_along_the_first_axis(dtype, backend):
    with borrow_transform(ColumnSpec(24, 5, np.dtype(dtype))) as work:
        samples = drawn((24, 5), dtype)
        work.columns[...] = samples
        work.forward()
        expected = np.fft.fft(samples.astype("c16"), axis=0)
        eps = np.finfo(dtype).eps if dtype != "clongdouble" else 1e-15
        np.testing.assert_allclose(work.columns, expected, atol=100 * eps)
        work.inverse()
        np.testing.assert_allclose(work.columns / 24, samples, atol=100 * eps)


@pytest.mark.parametrize("nfft", [(64, 64), (64, 62)])
@pytest.mark.parametrize("dtype", ["float32", "complex128"])
def test_rows_of_spectra_are_an_odd_number_of_cache_lines_apart(dtype, nfft):
    with borrow_transform(PlaneSpec(1, nfft, (64,), ((0, 64),), np.dtype(dtype))) as work:
        assert work.spectrum.strides[1] % 128 == 64
