"""phase_correlation, estimate_shift and estimate_delay: where the peak is, between samples too."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import sigconv as sc
from sigconv.correlation.peaks import _last_derivatives, confidence_of
from sigconv.correlation.spectra import Spectra
from sigconv.data import path
from sigconv.errors import DTypeError, NonFiniteError, OptionError, ShapeError

RNG = np.random.default_rng(1)
SHAPES = [(64,), (63,), (40, 32), (31, 40), (16, 12, 18), (15, 18, 17)]


def frequencies(shape):
    return np.meshgrid(*(np.fft.fftfreq(n) for n in shape), indexing="ij")


def band_limited(shape, rng=RNG):
    """Noise up to a quarter of the sampling frequency on every axis."""
    spectrum = np.fft.fftn(rng.standard_normal(shape))
    for f in frequencies(shape):
        spectrum[np.abs(f) > 0.25] = 0
    return np.fft.ifftn(spectrum).real


def moved(signal, shift):
    """The signal moved round by fractions of samples."""
    phase = sum(f * s for f, s in zip(frequencies(signal.shape), shift, strict=True))
    return np.fft.ifftn(np.fft.fftn(signal) * np.exp(-2j * np.pi * phase)).real


@pytest.mark.parametrize("shape", [*SHAPES, (1,), (2,), (1, 7), (5, 2)])
def test_phase_correlation_agrees_with_the_definition(shape):
    x, r = RNG.standard_normal(shape), RNG.standard_normal(shape)
    cross = np.fft.fftn(x) * np.conj(np.fft.fftn(r))
    cross.flat[0] = 0
    phases = cross / np.where(cross, np.abs(cross), 1)
    expected = np.fft.ifftn(phases).real * x.size / max(x.size - 1, 1)
    np.testing.assert_allclose(sc.phase_correlation(x, r), expected, atol=1e-12)


@given(st.integers(0, 2**32 - 1), st.lists(st.integers(3, 12), min_size=1, max_size=3))
def test_a_signal_moved_round_has_phase_correlation_one_there(seed, shape):
    rng = np.random.default_rng(seed)
    r = rng.standard_normal(shape)
    shift = tuple(int(rng.integers(n)) for n in shape)
    surface = sc.phase_correlation(np.roll(r, shift, tuple(range(r.ndim))) * 3 + 5, r)
    np.testing.assert_allclose(surface[shift], 1, atol=1e-9)
    assert surface.max() < 1 + 1e-9


def test_frequencies_of_mere_rounding_do_not_count():
    white = RNG.standard_normal((40, 32))
    spectrum = np.fft.fftn(white)
    for f in frequencies(white.shape):
        spectrum[np.abs(f) > 0.25] = 0
    dull = np.roll(np.fft.ifftn(spectrum).real, (3, 5), (0, 1))
    np.testing.assert_allclose(sc.phase_correlation(dull, white)[3, 5], 1, atol=1e-9)
    np.testing.assert_allclose(sc.phase_correlation(white, dull)[-3, -5], 1, atol=1e-9)


@pytest.mark.parametrize("weighting", [None, "phat"])
@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("dtype", [float, "float32"])
def test_fractions_of_a_sample_are_found(shape, weighting, dtype):
    r = band_limited(shape)
    for _ in range(5):
        shift = RNG.uniform(-0.45, 0.45, len(shape)) * shape
        x = moved(r, shift).astype(dtype)
        found = sc.estimate_shift(x, r.astype(dtype), weighting=weighting)
        np.testing.assert_allclose(found.shift, shift, atol=1e-9 if dtype is float else 1e-4)
        assert found.confidence > 1.2


@pytest.mark.parametrize("weighting", [None, "phat"])
@pytest.mark.parametrize("shape", SHAPES)
def test_whole_samples_are_found_to_rounding(shape, weighting):
    r = RNG.standard_normal(shape)
    shift = tuple(int(n * f) for n, f in zip(shape, (0.3, -0.2, 0.4), strict=False))
    x = np.roll(r, shift, tuple(range(len(shape))))
    found = sc.estimate_shift(2 * x - 3, r, weighting=weighting)
    np.testing.assert_allclose(found.shift, shift, atol=1e-12)


@pytest.mark.parametrize("shape", [(400,), (401,), (64, 50), (16, 17, 18)])
def test_noise_of_a_tenth_moves_the_estimate_by_less_than_a_twentieth(shape):
    r = band_limited(shape)
    for _ in range(5):
        shift = RNG.uniform(-0.4, 0.4, len(shape)) * shape
        noise = 0.1 * r.std() * RNG.standard_normal((2, *shape))
        found = sc.estimate_shift(moved(r, shift) + noise[0], r + noise[1])
        np.testing.assert_allclose(found.shift, shift, atol=0.05)


def test_an_offset_does_not_matter():
    r = band_limited((64,))
    found = sc.estimate_shift(moved(r, (5.25,)) + 1e8, r - 1e8)
    np.testing.assert_allclose(found.shift, 5.25, atol=1e-6)


def test_swapped_inputs_have_the_opposite_shift():
    r = band_limited((31, 40))
    x = moved(r, (3.3, -7.8))
    there, back = sc.estimate_shift(x, r), sc.estimate_shift(r, x)
    np.testing.assert_allclose(there.shift, np.negative(back.shift), atol=1e-9)
    np.testing.assert_allclose(there.confidence, back.confidence)


@pytest.mark.parametrize("weighting", [None, "phat"])
@pytest.mark.parametrize("level", [0.0, 0.1, 1e8 / 3])
def test_constant_signals_have_no_shift_and_no_confidence(level, weighting):
    constant = np.full((4, 5), level)
    for other in (constant, RNG.standard_normal((4, 5))):
        assert sc.estimate_shift(constant, other, weighting=weighting) == ((0, 0), 1)
        assert not sc.phase_correlation(constant, other).any()
    assert sc.estimate_delay(constant[0], constant[:, 0]) == (0, 1)


def test_rounding_has_no_shift():
    constant = np.where(RNG.random(50) < 0.5, 0.1, np.nextafter(0.1, 1))
    assert sc.estimate_shift(constant, constant[::-1]) == ((0,), 1)
    assert sc.estimate_delay(constant, constant[::-1]) == (0, 1)


@pytest.mark.parametrize("shape", [(24,), (25,), (10, 12), (9, 12), (7, 9), (6, 5, 4)])
def test_the_estimate_is_the_maximum_of_the_interpolated_correlation(shape):
    factor = 32 if len(shape) < 3 else 12
    r, noise = np.random.default_rng(3).standard_normal((2, *shape))
    # Much of the noise does not vary along the last axis: frequency 0 there has its own weight.
    x = moved(r, (2.3,) * len(shape)) + 0.3 * noise + 0.8 * noise[..., :1]
    cross = np.fft.fftn(x) * np.conj(np.fft.fftn(r))
    fine = np.zeros([n * factor for n in shape], complex)
    for index in np.ndindex(*shape):
        k = [round(n * np.fft.fftfreq(n)[i]) for i, n in zip(index, shape, strict=True)]
        if not any(2 * abs(b) == n for b, n in zip(k, shape, strict=True)) and any(k):
            fine[tuple(k)] = cross[index]
    surface = np.fft.ifftn(fine).real
    coarse = np.fft.ifftn(cross - x.sum() * r.sum() * (np.arange(x.size) == 0).reshape(shape)).real
    peak = np.unravel_index(coarse.argmax(), shape)
    near = np.ix_(*(np.arange((p - 1) * factor, (p + 1) * factor + 1) % (n * factor)
                    for p, n in zip(peak, shape, strict=True)))  # fmt: skip
    best = np.unravel_index(surface[near].argmax(), surface[near].shape)
    expected = [p - 1 + b / factor for p, b in zip(peak, best, strict=True)]
    away = np.subtract(sc.estimate_shift(x, r).shift, expected)
    away -= np.round(away / shape) * shape
    assert np.abs(away).max() <= 0.75 / factor


def test_a_dent_above_half_belongs_to_the_main_lobe():
    line = np.array([0.0, 1, 3, 8, 7, 7.5, 3, 1, 2, 1])
    assert confidence_of(line, (3,), circular=False) == 4
    for turn in range(10):
        assert confidence_of(np.roll(line, turn), ((3 + turn) % 10,), circular=True) == 4


def test_what_rises_above_the_peak_is_outside_its_lobe():
    line = np.array([0.0, 1, 3, 2, 2.5, 5, 6])
    assert confidence_of(line, (2,), circular=False) == 0.5
    assert confidence_of(line[::-1], (4,), circular=False) == 0.5


def test_an_axis_without_variation_has_no_shift():
    r = np.broadcast_to(band_limited((40,)), (9, 40))
    x = np.broadcast_to(moved(r[0], (4.5,)), r.shape)
    np.testing.assert_allclose(sc.estimate_shift(x, r).shift, (0, 4.5), atol=1e-9)


def test_shifts_lie_within_half_a_period():
    r = RNG.standard_normal(8)
    found = [sc.estimate_shift(np.roll(r, n), r).shift[0] for n in range(8)]
    np.testing.assert_allclose(found, [0, 1, 2, 3, 4, -3, -2, -1], atol=1e-12)


@pytest.mark.parametrize("size", [1, 2, 3])
def test_the_shortest_signals_have_a_shift(size):
    r = np.arange(size) == size - 1
    assert sc.estimate_shift(r, r).shift == (0,)


def test_confidence_is_first_peak_over_second():
    # A pulse and its echo of 0.8, in a reference that is the pulse alone.
    r, x = np.zeros(200), np.zeros(200)
    pulse = [1, -3, 4, -3, 1]
    r[20:25] = pulse
    x[60:65] = pulse
    x[120:125] = np.multiply(pulse, 0.8)
    for found in (sc.estimate_shift(x, r), sc.estimate_delay(x, r)):
        np.testing.assert_allclose(found[0], 40, atol=0.01)
        np.testing.assert_allclose(found.confidence, 1.25, rtol=1e-9)
    # Without the echo remain the pulse's own side lobes, 4*1 + 3*3 + 1*4 = 17 beside 36.
    assert sc.estimate_delay(x[:100], r[:100]).confidence == pytest.approx(36 / 17)


@pytest.mark.parametrize("weighting", [None, "phat", "scot"])
@pytest.mark.parametrize(("first", "second"), [(100, 163), (163, 100)])
def test_delays_between_signals_of_different_lengths(first, second, weighting):
    source = RNG.standard_normal(6000)
    x, r = source[first : first + 3000], source[second : second + 1900]
    found = sc.estimate_delay(x, r, fs=100, weighting=weighting)
    np.testing.assert_allclose(found.delay, (second - first) / 100, atol=5e-4)
    assert found.confidence > 5


@pytest.mark.parametrize("weighting", [None, "phat", "scot"])
@pytest.mark.parametrize("delay", [0.0, 12.34, -57.5])
def test_delays_are_found_between_samples_in_noise(delay, weighting):
    r = RNG.standard_normal(4000)
    x = moved(r, (delay,))
    noise = 0.1 * RNG.standard_normal((2, 4000))
    found = sc.estimate_delay(x + noise[0], r + noise[1], weighting=weighting)
    np.testing.assert_allclose(found.delay, delay, atol=0.05)
    assert found.confidence > 3


@pytest.mark.parametrize("weighting", ["phat", "scot"])
def test_whitening_parts_an_echo_from_the_direct_sound(weighting):
    hum = sc.convolve(RNG.standard_normal(4000), sc.kernels.gaussian(5), "same")
    hum += 0.03 * RNG.standard_normal(4000)
    r = hum[1000:3000]
    x = hum[960:2960] + 0.8 * hum[952:2952]
    assert abs(sc.estimate_delay(x, r).delay - 40) > 1
    assert abs(sc.estimate_delay(x, r, weighting=weighting).delay - 40) < 0.2


def test_scot_divides_by_root_means_over_neighbouring_frequencies():
    x, r = RNG.standard_normal((2, 60))
    spectra = Spectra.of(x, r)
    reach = round(np.sqrt(62) / 2)
    powers = [np.abs(np.fft.fft(s)) ** 2 for s in (spectra_input(x), spectra_input(r))]
    around = np.arange(31)[:, None] + np.arange(-reach, reach + 1)
    amplitudes = [np.sqrt(power[around % 60].mean(axis=1)) for power in powers]
    expected = spectra.signal * np.conj(spectra.reference) / np.prod(amplitudes, axis=0)
    expected[0] = 0
    np.testing.assert_allclose(spectra.weighted("scot"), expected, atol=1e-12)


def spectra_input(signal):
    """What is transformed of a signal that repeats: at a scale of 1, less its mean."""
    scaled = np.ldexp(signal, -np.frexp(np.abs(signal).max())[1])
    return scaled - scaled.mean()


PULSE = np.exp(-0.5 * ((np.arange(200) - 100) / 8) ** 2)


@pytest.mark.parametrize("far", [30, -30])
@pytest.mark.parametrize("max_lag", [1, 10, 25, 29])
def test_a_slope_that_the_limit_cuts_is_no_peak(far, max_lag):
    found = sc.estimate_delay(np.roll(PULSE, far), PULSE, max_lag=max_lag)
    assert found == (np.sign(far) * max_lag, 1)


@pytest.mark.parametrize("max_lag", [30, 31, 60, None])
def test_a_peak_at_the_limit_is_found(max_lag):
    found = sc.estimate_delay(np.roll(PULSE, 30), PULSE, max_lag=max_lag)
    np.testing.assert_allclose(found.delay, 30, atol=1e-9)
    assert found.confidence == np.inf


def test_delays_do_not_leave_the_limits():
    x = moved(PULSE, (25.3,))
    assert sc.estimate_delay(x, PULSE).delay == pytest.approx(25.3, abs=1e-6)
    assert sc.estimate_delay(x, PULSE, max_lag=25).delay == 25
    assert sc.estimate_delay(PULSE, x, max_lag=25).delay == -25
    assert sc.estimate_delay(moved(PULSE, (25.7,)), PULSE, max_lag=25) == (25, 1)


def test_a_higher_slope_beyond_a_peak_takes_its_confidence():
    x = np.roll(PULSE, -40) + 4 * np.roll(PULSE, 40)
    found = sc.estimate_delay(x, PULSE, max_lag=45)
    assert found.delay == pytest.approx(40, abs=1e-3)
    assert found.confidence == pytest.approx(4, rel=0.05)
    for limit in (38, 39):
        found = sc.estimate_delay(x, np.roll(PULSE, -2), max_lag=limit)
        assert found.delay == pytest.approx(-38, abs=1e-3)
        assert found.confidence < 0.3


@pytest.mark.parametrize("offsets", [(0, 0), (3, 3), (-7, 4)])
@pytest.mark.parametrize("max_lag", [5, 10, 100, None])
def test_a_pulse_on_any_ground_keeps_its_delay(offsets, max_lag):
    x, r = np.roll(PULSE, 5) + offsets[0], PULSE + offsets[1]
    assert sc.estimate_delay(x, r, max_lag=max_lag).delay == pytest.approx(5, abs=1e-6)


@pytest.mark.parametrize("weighting", ["phat", "scot"])
def test_whitening_finds_a_pulse_without_noise(weighting):
    found = sc.estimate_delay(np.roll(PULSE, 5), PULSE, max_lag=10, weighting=weighting)
    assert found.delay == pytest.approx(5, abs=1e-3)
    assert found.confidence > 3


@pytest.mark.parametrize("weighting", [None, "phat", "scot"])
@pytest.mark.parametrize("max_lag", [None, 60])
def test_an_offset_of_a_recording_does_not_pull_the_delay(weighting, max_lag):
    source = 0.1 * RNG.standard_normal(5000)
    x, r = source[100:4000], source[130:4500]
    plain = sc.estimate_delay(x, r, max_lag=max_lag, weighting=weighting)
    assert plain.delay == pytest.approx(30, abs=0.02)
    found = sc.estimate_delay(x + 5, r - 3, max_lag=max_lag, weighting=weighting)
    np.testing.assert_allclose(found, plain, rtol=1e-3)


@pytest.mark.parametrize("name", ["guit_em9.flac", "perc_door.flac"])
@pytest.mark.parametrize("weighting", [None, "phat", "scot"])
def test_recordings_are_found_within_the_limit_and_not_beyond(name, weighting):
    soundfile = pytest.importorskip("soundfile")
    sound = soundfile.read(path(name), frames=60_000)[0][:, 0] + 0.2
    x, r = sound[300:], sound[500:]
    for max_lag in (None, 1000, 200):
        found = sc.estimate_delay(x, r, max_lag=max_lag, weighting=weighting)
        assert found.delay == pytest.approx(200, abs=0.05)
        assert found.confidence > 1
    found = sc.estimate_delay(x, r, max_lag=199, weighting=weighting)
    assert abs(found.delay) <= 199
    assert found.confidence <= 1


@pytest.mark.parametrize("weighting", [None, "phat", "scot"])
def test_an_inverted_signal_is_found_once_one_input_is_negated(weighting):
    s = RNG.standard_normal(500)
    inverted = -np.roll(s, 7)
    assert abs(sc.estimate_delay(inverted, s, weighting=weighting).delay - 7) > 0.9
    assert sc.estimate_delay(-inverted, s, weighting=weighting).delay == pytest.approx(7, abs=0.05)


@pytest.mark.parametrize("size", [1, 2, 3, 10, 1001])
@pytest.mark.parametrize("place", [0.0, 3.25, -4.5, 997.125])
def test_the_last_axis_is_summed_as_defined(size, place):
    n, c = 2 * size, RNG.standard_normal((size, 2)) @ [1, 1j]
    turn = 2j * np.pi / n * np.arange(size)
    expected = [(turn**order * np.exp(turn * place) * c).sum() for order in range(3)]
    np.testing.assert_allclose(_last_derivatives(c, n, place), expected, rtol=1e-10, atol=1e-10)


def test_max_lag_leaves_other_peaks_out():
    r, x = np.zeros(100), np.zeros(100)
    r[[30, 31]] = 1, -1
    x[[30 + 5, 31 + 5]] = 1, -1
    x[[30 + 40, 31 + 40]] = 2, -2
    assert sc.estimate_delay(x, r).delay == pytest.approx(40, abs=0.05)
    assert sc.estimate_delay(x, r, max_lag=39).delay == pytest.approx(5, abs=0.05)
    assert sc.estimate_delay(r, x, max_lag=39).delay == pytest.approx(-5, abs=0.05)


def test_a_delay_has_the_lag_of_the_highest_correlation():
    x, r = RNG.standard_normal(50), RNG.standard_normal(30)
    x, r = x - x.mean(), r - r.mean()
    lags = sc.correlation_lags(50, 30)
    peak = lags[np.argmax(sc.correlate(x, r))]
    assert abs(sc.estimate_delay(x, r).delay - peak) <= 1


def test_integers_booleans_and_extreme_scales_have_the_same_shift():
    r = RNG.integers(0, 2, 60)
    x = np.roll(r, 7)
    for a, b in ((x, r), (x > 0, r > 0), (x * 1e-200, r * 1e200), (x.astype("f4"), r)):
        np.testing.assert_allclose(sc.estimate_shift(a, b).shift, 7, atol=1e-6)
        np.testing.assert_allclose(sc.phase_correlation(a, b)[7], 1, atol=1e-6)


@pytest.mark.parametrize("function", [sc.phase_correlation, sc.estimate_shift, sc.estimate_delay])
@pytest.mark.parametrize(
    ("signal", "reference", "error", "match"),
    [
        (np.ones(3), [1, np.nan, 2], NonFiniteError, r"reference holds nan at \(1,\)"),
        ([np.inf, 1], np.ones(2), NonFiniteError, r"signal holds inf at \(0,\)"),
        (np.ones(3), np.ones(3) * 1j, DTypeError, "abs"),
        (["a"], [1], DTypeError, "numbers"),
        ([], [], ShapeError, "samples"),
        (1.0, 1.0, ShapeError, "shape"),
    ],
)
def test_inputs_that_have_no_shift_are_refused(function, signal, reference, error, match):
    with pytest.raises(error, match=match):
        function(signal, reference)


def test_arguments_that_do_not_fit_are_refused():
    a, b = np.ones(4), np.ones(5)
    for function in (sc.phase_correlation, sc.estimate_shift):
        with pytest.raises(ShapeError, match="one shape"):
            function(a, b)
    with pytest.raises(ShapeError, match="estimate_shift"):
        sc.estimate_delay(np.ones((2, 2)), a)
    with pytest.raises(OptionError, match="'phat'"):
        sc.estimate_shift(a, a, weighting="scot")
    with pytest.raises(OptionError, match="'scot'"):
        sc.estimate_delay(a, b, weighting="phase")
    bad: Any
    for bad in (0, -1.0, np.nan, np.inf, "1", 1j):
        with pytest.raises(OptionError, match="fs"):
            sc.estimate_delay(a, b, fs=bad)
    for bad in (-1, 1.5, True):
        with pytest.raises(ShapeError, match="max_lag"):
            sc.estimate_delay(a, b, max_lag=bad)


@pytest.mark.parametrize("backend", ["scipy", "auto"])
def test_both_backends_find_the_same(backend):
    r = band_limited((31, 40), np.random.default_rng(2))
    before = sc.set_fft_backend(backend)
    try:
        found = sc.estimate_shift(moved(r, (3.25, -7.5)), r)
        delay = sc.estimate_delay(moved(r[0], (2.5,)), r[0])
    finally:
        sc.set_fft_backend(before)
    np.testing.assert_allclose(found.shift, (3.25, -7.5), atol=1e-9)
    assert abs(delay.delay - 2.5) < 0.5
