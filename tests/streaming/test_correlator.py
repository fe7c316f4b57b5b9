"""Matched filters, and delays as they are known so far."""

import numpy as np
import pytest

import sigconv as sc
from sigconv.errors import DTypeError, NonFiniteError, OptionError, ShapeError
from tests.streaming.streams import late, through


@pytest.mark.parametrize("latency", [0, 30])
def test_results_are_those_of_correlate(latency):
    rng = np.random.default_rng(0)
    t = rng.standard_normal(300) + 1j * rng.standard_normal(300)
    x = rng.standard_normal(2000) + 1j * rng.standard_normal(2000)
    y = through(sc.StreamCorrelator(t, latency=latency), x, [64, 7])
    np.testing.assert_allclose(y, late(sc.correlate(x, t), latency), atol=1e-10)


def test_a_template_peaks_at_the_lag_where_it_begins():
    rng = np.random.default_rng(1)
    ping = rng.standard_normal(200)
    x = 0.1 * rng.standard_normal(3000)
    x[1234:1434] += ping
    stream = sc.StreamCorrelator(ping, latency=5)
    best = -np.inf, 0
    for start in range(0, 3000, 50):
        lag = stream.lag
        made = stream.process(x[start : start + 50])
        best = max(best, (made.max(), lag + int(np.argmax(made))))
    assert best[1] == 1234
    assert stream.lag == 3000 - 199 - 5


def test_other_axes_obey_the_center_of_correlate():
    rng = np.random.default_rng(2)
    t, x = rng.standard_normal((5, 4)), rng.standard_normal((40, 30))
    for center in (None, (0, 1)):
        y = through(sc.StreamCorrelator(t, axis=0, center=center), x, [9])
        expected = sc.correlate(x, t, "same", center=(0, 2 if center is None else 1))
        np.testing.assert_allclose(y[4:], expected, atol=1e-12)


def test_run_has_the_center_of_correlate():
    x, t = np.arange(9.0), np.array([1.0, 2.0, 4.0, 8.0])
    for center in (None, 0, 3):
        y = np.concatenate(list(sc.StreamCorrelator(t).run([x[:4], x[4:]], "same", center)))
        np.testing.assert_allclose(y, sc.correlate(x, t, "same", center=center), atol=1e-13)


def test_a_new_template_takes_over():
    stream = sc.StreamCorrelator([1.0, 2.0])
    stream.process([1.0, 1.0])
    stream.swap([3.0, 0.0])
    np.testing.assert_array_equal(stream.process([5.0]), [3.0])


def delayed(x, delay):
    spectrum = np.fft.rfft(x)
    return np.fft.irfft(spectrum * np.exp(-2j * np.pi * np.fft.rfftfreq(x.size) * delay), x.size)


@pytest.mark.parametrize("delay", [3.3, -17.25, 0.0, 40.7])
def test_a_running_delay_comes_to_that_of_the_whole(delay):
    rng = np.random.default_rng(3)
    reference = rng.standard_normal(30000)
    signal = delayed(reference, delay) + 0.1 * rng.standard_normal(30000)
    estimator = sc.StreamDelayEstimator(50, fs=1000)
    for start in range(0, 30000, 777):
        now = slice(start, start + 777)
        found = estimator.process(signal[now], reference[now])
    assert found.delay == pytest.approx(delay / 1000, abs=1e-5)
    assert found.confidence > 5
    whole = sc.correlate(signal, reference, max_lag=50)
    np.testing.assert_allclose(estimator.correlation, whole, atol=1e-8)


@pytest.mark.parametrize(("delay", "max_lag"), [(20, 30), (20, 2000), (123, 200), (123, 2000)])
def test_music_is_no_white_noise(delay, max_lag):
    # As music is: strong at low frequencies, next to nothing at high ones.
    rng = np.random.default_rng(5)
    music = sc.convolve(rng.standard_normal(60_000), sc.kernels.gaussian(8.0), "same")
    reference, signal = music[delay:], music[:-delay]
    estimator = sc.StreamDelayEstimator(max_lag)
    for start in range(0, len(signal), 1500):
        found = estimator.process(signal[start : start + 1500], reference[start : start + 1500])
    assert found.delay == pytest.approx(delay, abs=0.05)


def test_what_was_long_ago_counts_little():
    rng = np.random.default_rng(4)
    reference = rng.standard_normal(20000)
    signal = np.concatenate([delayed(reference, 5)[:10000], delayed(reference, -8)[10000:]])
    estimator = sc.StreamDelayEstimator(20, half_life=500)
    found = [
        estimator.process(signal[start : start + 500], reference[start : start + 500]).delay
        for start in range(0, 20000, 500)
    ]
    np.testing.assert_allclose(found[:20], 5, atol=0.05)
    np.testing.assert_allclose(found[22:], -8, atol=0.05)
    estimator.reset()
    assert estimator.process([], []) == (0.0, 1.0)


def test_bad_input_changes_nothing():
    estimator = sc.StreamDelayEstimator(3)
    first = estimator.process([0, 1, -1, 0, 0], [1, -1, 0, 0, 0])
    for x, r, error in (
        ([1.0], [1.0, 2.0], ShapeError),
        ([1j], [1.0], DTypeError),
        ([np.nan], [1.0], NonFiniteError),
        ([[1.0]], [[1.0]], ShapeError),
    ):
        with pytest.raises(error):
            estimator.process(x, r)
    assert estimator.process([], []) == first
    huge = np.full(100, 1e200)
    with pytest.raises(NonFiniteError, match="overflow"):
        estimator.process(huge, huge)
    assert estimator.process([], []) == first
    for keywords in ({"fs": 0}, {"half_life": -1}):
        with pytest.raises(OptionError):
            sc.StreamDelayEstimator(3, **keywords)
