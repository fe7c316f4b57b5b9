"""Transforms agree with numpy.fft, and the inverse leaves the factor to the caller."""

from itertools import product
from math import log2, prod

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sigconv.fft import TransformSpec, fftw
from sigconv.fft.backend import make_transform
from sigconv.fft.scipy_fft import ScipyTransform

LENGTHS = [
    (1,),
    (2,),
    (7,),
    (12,),
    (13,),
    (250,),
    (4, 6),
    (5, 1),
    (1, 3),
    (9, 10),
    (3, 4, 5),
    (2, 3, 7),
]
DTYPES = ["f4", "f8", "g", "F", "D", "G"]


def transform(count, nfft, dtype, backend, effort="estimate"):
    return make_transform(TransformSpec(count, nfft, np.dtype(dtype), effort), backend)


def noise(shape, dtype, seed=0):
    rng = np.random.default_rng(seed)
    samples = rng.standard_normal(shape)
    if np.dtype(dtype).kind == "c":
        samples = samples + 1j * rng.standard_normal(shape)
    return samples.astype(dtype)


def assert_close(found, expected, n):
    """Compare with an error that grows with log n, relative to the norm."""
    eps = np.finfo(found.dtype).eps
    atol = 4 * eps * (1 + log2(n)) * np.sqrt((np.abs(expected) ** 2).mean())
    np.testing.assert_allclose(found, expected, rtol=0, atol=float(atol))


def spectrum_by_numpy(samples):
    axes = tuple(range(1, samples.ndim))
    if samples.dtype.kind == "c":
        return np.fft.fftn(samples, axes=axes)
    return np.fft.rfftn(samples, axes=axes)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("nfft", LENGTHS, ids=str)
def test_forward_is_numpys(backend, nfft, dtype):
    for count in range(1, 6):
        work = transform(count, nfft, dtype, backend)
        samples = noise((count, *nfft), dtype)
        work.samples[...] = samples
        work.forward()
        assert work.spectrum.shape == (count, *work.spec.bins)
        assert work.spectrum.dtype == work.spec.spectrum_dtype
        assert_close(work.spectrum, spectrum_by_numpy(samples), prod(nfft))


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("nfft", LENGTHS, ids=str)
def test_inverse_undoes_forward_up_to_the_number_of_samples(backend, nfft, dtype):
    for count in range(1, 6):
        work = transform(count, nfft, dtype, backend)
        samples = noise((count, *nfft), dtype, seed=count)
        work.samples[...] = samples
        work.forward()
        work.inverse()
        assert work.samples.shape == samples.shape
        assert work.samples.dtype == samples.dtype
        assert_close(work.samples, samples * prod(nfft), prod(nfft))


@pytest.mark.parametrize(("nfft", "dtype"), list(product([(8,), (9,), (4, 6), (2, 3, 4)], DTYPES)))
def test_a_flat_spectrum_is_an_unscaled_impulse(backend, nfft, dtype):
    work = transform(2, nfft, dtype, backend)
    work.spectrum[...] = 1
    work.inverse()
    expected = np.zeros((2, *nfft), dtype)
    expected.reshape(2, -1)[:, 0] = prod(nfft)
    assert_close(work.samples, expected, prod(nfft))


@given(
    nfft=st.lists(st.integers(1, 12), min_size=1, max_size=3).map(tuple),
    count=st.integers(1, 5),
    dtype=st.sampled_from(DTYPES),
)
def test_backends_take_scratch_of_the_same_shape(nfft, count, dtype):
    spec = TransformSpec(count, nfft, np.dtype(dtype))
    work = ScipyTransform(spec)
    assert work.samples.shape == (count, *nfft)
    assert work.spectrum.shape == (count, *spec.bins)
    assert spectrum_by_numpy(np.zeros(work.samples.shape, dtype)).shape == work.spectrum.shape
    assert spec.nbytes == work.samples.nbytes + work.spectrum.nbytes


@pytest.mark.parametrize("dtype", ["f4", "f8", "F", "D"])
@pytest.mark.parametrize("nfft", [(96,), (8, 6)], ids=str)
def test_a_transform_repeats_its_bits_and_shares_them_with_its_twin(backend, nfft, dtype):
    samples = noise((3, *nfft), dtype)
    results = []
    one, twin = (transform(3, nfft, dtype, backend) for _ in range(2))
    for work in (one, one, twin, one):
        work.samples[...] = samples
        work.forward()
        spectrum = work.spectrum.copy()
        work.inverse()
        results.append((spectrum, work.samples.copy()))
    for spectrum, inverse in results[1:]:
        np.testing.assert_array_equal(spectrum, results[0][0])
        np.testing.assert_array_equal(inverse, results[0][1])


def test_scratch_is_contiguous_before_and_after_each_step(backend):
    # Engines view groups of transforms as batches: reshaping must not copy.
    for nfft, dtype in product([(6,), (4, 6), (3, 4, 5)], DTYPES):
        work = transform(4, nfft, dtype, backend)
        for step in (None, work.forward, work.inverse, work.forward):
            if step is not None:
                work.samples[...] = 1
                step()
            assert work.samples.flags.c_contiguous
            assert work.spectrum.flags.c_contiguous


@pytest.mark.parametrize("dtype", ["g", "G"])
def test_long_double_runs_on_scipy_under_either_backend(backend, dtype):
    assert isinstance(transform(1, (8,), dtype, backend), ScipyTransform)


@pytest.mark.parametrize("dtype", ["f4", "f8", "F", "D"])
def test_other_dtypes_run_on_the_backend(backend, dtype):
    kind = fftw.FftwTransform if backend == "pyfftw" else ScipyTransform
    assert isinstance(transform(1, (8,), dtype, backend), kind)


@pytest.mark.parametrize("effort", ["estimate", "measure"])
def test_both_efforts_compute_the_same_transform(backend, effort):
    work = transform(2, (64,), "f8", backend, effort)
    samples = noise((2, 64), "f8")
    work.samples[...] = samples
    work.forward()
    assert_close(work.spectrum, np.fft.rfft(samples), 64)
