"""Every fact about transforms holds for both backends."""

import pytest

from sigconv.fft import clear_transforms, fftw, set_fft_backend

BACKENDS = [
    pytest.param(
        "pyfftw",
        marks=pytest.mark.skipif(not fftw.is_available(), reason="pyfftw is not installed"),
    ),
    "scipy",
]


@pytest.fixture
def fresh_transforms():
    """Start and end without idle transforms."""
    clear_transforms()
    yield
    clear_transforms()


@pytest.fixture(params=BACKENDS)
def backend(request, fresh_transforms):
    """Run the test once by each installed backend."""
    before = set_fft_backend(request.param)
    yield request.param
    set_fft_backend(before)
