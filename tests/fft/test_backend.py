"""Which library transforms: by call, by environment, by what is installed."""

import os
import subprocess
import sys

import numpy as np
import pytest

from sigconv import convolve
from sigconv.errors import MissingDependencyError, OptionError
from sigconv.fft import backend as backends
from sigconv.fft import clear_transforms, current_backend, fftw, set_fft_backend
from sigconv.fft.scipy_fft import ScipyTransform

INSTALLED = pytest.mark.skipif(not fftw.is_available(), reason="pyfftw is not installed")


@pytest.fixture(autouse=True)
def _undecided(monkeypatch, fresh_transforms):
    """Start as a fresh process does, whatever chose before."""
    monkeypatch.setattr(backends, "_chosen", None)
    monkeypatch.setattr(backends, "_current", None)
    monkeypatch.delenv("SIGCONV_FFT", raising=False)


@pytest.fixture
def without_pyfftw(monkeypatch):
    monkeypatch.setattr(fftw, "is_available", lambda: False)


def spoil(monkeypatch, kind):
    def refuse(self, spec, **keywords):
        raise AssertionError(f"{kind.__name__} ran")

    monkeypatch.setattr(kind, "__init__", refuse)


def test_auto_takes_pyfftw_where_it_is_installed():
    assert current_backend() == ("pyfftw" if fftw.is_available() else "scipy")


def test_auto_takes_scipy_where_pyfftw_is_missing(without_pyfftw):
    assert current_backend() == "scipy"
    set_fft_backend("auto")
    assert current_backend() == "scipy"


def test_setting_returns_the_choice_before():
    assert set_fft_backend("scipy") == "auto"
    assert current_backend() == "scipy"
    assert set_fft_backend("auto") == "scipy"
    assert set_fft_backend("auto") == "auto"


@INSTALLED
def test_setting_pyfftw_takes_pyfftw():
    assert set_fft_backend("pyfftw") == "auto"
    assert current_backend() == "pyfftw"
    assert set_fft_backend("scipy") == "pyfftw"


@pytest.mark.parametrize("name", ["fftw", "", "SciPy", "numpy", None])
def test_an_unknown_name_is_an_error_that_lists_the_known(name):
    with pytest.raises(OptionError, match="one of auto, pyfftw, scipy") as caught:
        set_fft_backend(name)
    assert repr(name) in str(caught.value)
    assert isinstance(caught.value, ValueError)


def test_a_refused_name_changes_nothing(without_pyfftw):
    set_fft_backend("scipy")
    for name, error in (("fftw", OptionError), ("pyfftw", MissingDependencyError)):
        with pytest.raises(error):
            set_fft_backend(name)
        assert current_backend() == "scipy"


def test_asking_for_a_missing_pyfftw_says_how_to_install_it(without_pyfftw):
    with pytest.raises(MissingDependencyError, match="pip install pyfftw") as caught:
        set_fft_backend("pyfftw")
    assert isinstance(caught.value, ImportError)


def test_the_environment_changes_the_default(monkeypatch):
    monkeypatch.setenv("SIGCONV_FFT", "scipy")
    assert current_backend() == "scipy"
    assert set_fft_backend("auto") == "scipy"
    assert current_backend() == ("pyfftw" if fftw.is_available() else "scipy")


def test_an_empty_environment_variable_is_none(monkeypatch):
    expected = current_backend()
    monkeypatch.setattr(backends, "_current", None)
    monkeypatch.setenv("SIGCONV_FFT", "")
    assert current_backend() == expected


def test_an_error_in_the_environment_names_the_variable(monkeypatch, without_pyfftw):
    monkeypatch.setenv("SIGCONV_FFT", "fftw3")
    with pytest.raises(OptionError, match=r"SIGCONV_FFT must be one of .*got 'fftw3'"):
        current_backend()
    monkeypatch.setenv("SIGCONV_FFT", "pyfftw")
    with pytest.raises(MissingDependencyError, match="SIGCONV_FFT is 'pyfftw'"):
        current_backend()


def test_scipy_ran_when_scipy_was_chosen(monkeypatch):
    set_fft_backend("scipy")
    spoil(monkeypatch, fftw.FftwTransform)
    x, h = np.arange(40.0), np.ones(30)
    np.testing.assert_allclose(convolve(x, h, method="fft"), np.convolve(x, h), atol=1e-10)
    clear_transforms()
    spoil(monkeypatch, ScipyTransform)
    with pytest.raises(AssertionError, match="ScipyTransform ran"):
        convolve(x, h, method="fft")


@INSTALLED
def test_pyfftw_ran_when_pyfftw_was_chosen(monkeypatch):
    set_fft_backend("pyfftw")
    spoil(monkeypatch, ScipyTransform)
    x, h = np.arange(40.0), np.ones(30)
    np.testing.assert_allclose(convolve(x, h, method="fft"), np.convolve(x, h), atol=1e-10)
    with pytest.raises(AssertionError, match="ScipyTransform ran"):
        convolve(x.astype("g"), h, method="fft")
    clear_transforms()
    spoil(monkeypatch, fftw.FftwTransform)
    with pytest.raises(AssertionError, match="FftwTransform ran"):
        convolve(x, h, method="fft")


SCRIPT = """
import sys, numpy as np
from sigconv import convolve
from sigconv.fft import current_backend
assert current_backend() == "scipy"
convolve(np.ones(50), np.ones(40), method="fft")
assert "pyfftw" not in sys.modules
"""


def test_a_process_told_to_use_scipy_never_imports_pyfftw():
    environment = {**os.environ, "SIGCONV_FFT": "scipy"}
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT],
        check=False,
        env=environment,
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
