"""FIR filters: gain where it is promised, symmetry, and errors that name the remedy."""

import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal

from sigconv.errors import DTypeError, KernelError
from sigconv.kernels import bandpass, highpass, lowpass

FS = 8000.0
TAPS = 129


def gain(kernel: np.ndarray, frequency: float, fs: float = FS) -> float:
    """Magnitude of the discrete-time Fourier transform at a frequency."""
    phase = -2j * np.pi * frequency / fs * np.arange(kernel.size)
    return float(abs((kernel * np.exp(phase)).sum()))


@pytest.mark.parametrize("cutoff", [500.0, 1000.0, 3000.0])
def test_lowpass_passes_dc_halves_the_cutoff_and_stops_nyquist(cutoff):
    kernel = lowpass(cutoff, TAPS, fs=FS)
    assert_allclose(gain(kernel, 0.0), 1.0, rtol=1e-14)
    assert_allclose(gain(kernel, cutoff), 0.5, atol=0.005)
    assert gain(kernel, FS / 2) < 0.003


@pytest.mark.parametrize("cutoff", [500.0, 1000.0, 3000.0])
def test_highpass_stops_dc_halves_the_cutoff_and_passes_nyquist(cutoff):
    kernel = highpass(cutoff, TAPS, fs=FS)
    assert gain(kernel, 0.0) < 0.003
    assert_allclose(gain(kernel, cutoff), 0.5, atol=0.005)
    assert_allclose(gain(kernel, FS / 2), 1.0, rtol=1e-12)


def test_bandpass_passes_its_middle_halves_its_edges_and_stops_both_ends():
    kernel = bandpass(1000.0, 2000.0, TAPS, fs=FS)
    assert_allclose(gain(kernel, 1500.0), 1.0, rtol=1e-12)
    assert_allclose([gain(kernel, f) for f in (1000.0, 2000.0)], 0.5, atol=0.005)
    assert max(gain(kernel, 0.0), gain(kernel, FS / 2)) < 0.003


@given(
    edges=st.lists(st.floats(0.02, 0.48), min_size=2, max_size=2, unique=True).map(sorted),
    half=st.integers(1, 40),
    window=st.sampled_from(["hamming", "blackmanharris", ("kaiser", 5.0), "boxcar"]),
)
def test_filters_have_linear_phase(edges, half, window):
    low, high = edges
    taps = 2 * half + 1
    for kernel in (
        lowpass(low, taps, fs=1.0, window=window),
        highpass(high, taps, fs=1.0, window=window),
        bandpass(low, high, taps, fs=1.0, window=window),
    ):
        assert kernel.shape == (taps,)
        assert_allclose(kernel, kernel[::-1], rtol=1e-9, atol=1e-14 * abs(kernel).max())


def test_only_the_ratio_of_frequencies_to_rate_matters():
    assert_allclose(lowpass(1.0, 31, fs=8.0), lowpass(1000.0, 31, fs=8000.0), rtol=1e-14)


def test_window_narrows_or_widens_the_transition():
    near = 1000.0 + FS / TAPS
    gains = [gain(lowpass(1000.0, TAPS, fs=FS, window=w), near) for w in ("boxcar", "blackman")]
    assert gains[0] < 0.1 < gains[1]


def test_even_taps_are_fine_where_nyquist_is_stopped_anyway():
    assert lowpass(1000.0, 64, fs=FS).shape == (64,)
    assert bandpass(500.0, 1000.0, 64, fs=FS).shape == (64,)


def test_highpass_asks_for_odd_taps_and_offers_the_next():
    with pytest.raises(KernelError, match=r"highpass needs an odd number of taps.*got 64\. Use 65"):
        highpass(1000.0, 64, fs=FS)


def test_cutoff_at_or_above_half_the_rate_is_refused_with_both_numbers():
    with pytest.raises(KernelError) as caught:
        lowpass(30000, 101, fs=44100)
    assert str(caught.value) == (
        "cutoff must lie between 0 and fs/2; got 30000 with fs=44100. "
        "Lower cutoff, or give the right fs."
    )


@pytest.mark.parametrize("make", [lowpass, highpass])
@pytest.mark.parametrize("cutoff", [0.0, -1.0, 4000.0, float("nan"), float("inf"), "1000", None])
def test_cutoffs_outside_the_band_are_refused(make, cutoff):
    with pytest.raises(KernelError, match="cutoff must"):
        make(cutoff, 101, fs=FS)


@pytest.mark.parametrize("fs", [0.0, -1.0, float("nan"), float("inf")])
def test_rates_that_are_not_positive_are_refused(fs):
    with pytest.raises(KernelError, match="fs must be positive"):
        lowpass(1.0, 3, fs=fs)


def test_band_edges_out_of_order_are_refused():
    with pytest.raises(KernelError, match="low must be below high; got low=2000 and high=1000"):
        bandpass(2000.0, 1000.0, 101, fs=FS)
    with pytest.raises(KernelError, match="low must be below high"):
        bandpass(1000.0, 1000.0, 101, fs=FS)
    with pytest.raises(KernelError, match="high must lie between 0 and fs/2"):
        bandpass(1000.0, 5000.0, 101, fs=FS)


@pytest.mark.parametrize("taps", [0, -1, 2.5, float("nan"), 2**22 + 1, "101"])
def test_impossible_taps_are_refused(taps):
    with pytest.raises(KernelError, match="taps must be"):
        lowpass(1000.0, taps, fs=FS)


@pytest.mark.parametrize("window", ["nonsense", "kaiser", (), ("kaiser", 1, 2, 3), object(), ""])
def test_unknown_windows_are_refused(window):
    with pytest.raises(KernelError, match=r"window must name a window .* Use 'hamming'"):
        lowpass(1000.0, 11, fs=FS, window=window)


def test_window_that_leaves_nothing_is_refused_instead_of_nan():
    with pytest.raises(KernelError, match=r"'hann' is 0 on all 2\. Use more taps"):
        lowpass(1000.0, 2, fs=FS, window="hann")


def test_filters_round_to_the_asked_type():
    kernel = lowpass(1000.0, 31, fs=FS, dtype=np.float32)
    assert kernel.dtype == np.float32
    assert_array_equal(kernel, lowpass(1000.0, 31, fs=FS).astype(np.float32))
    with pytest.raises(DTypeError, match="dtype must hold every weight"):
        lowpass(1000.0, 31, fs=FS, dtype=int)


def test_importing_the_kernels_does_not_load_scipy_signal():
    code = "import sys, sigconv.kernels; print('scipy.signal' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert done.stdout.strip() == "False"
