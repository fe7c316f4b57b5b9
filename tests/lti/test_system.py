"""What a system does to signals, however it is given, beside scipy.signal."""

from decimal import Decimal
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import signal as untyped_signal

import sigconv as sc
from sigconv.errors import DTypeError, KernelError, NonFiniteError, OptionError, ShapeError
from sigconv.lti import System, delay, feedback

# The stubs know neither all of lfilter's arguments nor dlti's.
signal: Any = untyped_signal

RNG = np.random.default_rng(0)
X = RNG.standard_normal(300)
BUTTER = signal.butter(4, 0.2)
ELLIPTIC = signal.ellip(6, 1, 60, 0.3, output="sos")


def test_an_impulse_response_of_taps_is_the_causal_filter():
    h = RNG.standard_normal(7)
    np.testing.assert_allclose(System(h)(X), signal.lfilter(h, 1, X), atol=1e-13)
    np.testing.assert_allclose(System(h)(X, full=True), np.convolve(X, h), atol=1e-13)


def test_coefficients_sections_zeros_and_dlti_are_the_filters_of_scipy():
    expected = signal.lfilter(*BUTTER, X)
    np.testing.assert_allclose(System(BUTTER)(X), expected, atol=1e-12)
    zeros, poles, gain = signal.tf2zpk(*BUTTER)
    np.testing.assert_allclose(System((zeros, poles, gain))(X), expected, atol=1e-9)
    for made in (signal.dlti(*BUTTER), signal.dlti(zeros, poles, gain)):
        np.testing.assert_allclose(System(made)(X), expected, atol=1e-9)
    np.testing.assert_allclose(System(signal.dlti(*BUTTER).to_ss())(X), expected, atol=1e-9)
    sections = System.from_sos(ELLIPTIC)
    np.testing.assert_allclose(sections(X), signal.sosfilt(ELLIPTIC, X), atol=1e-12)


def test_a_dlti_brings_its_sampling_rate():
    made = signal.dlti([1.0], [1.0, -0.5], dt=0.25)
    assert System(made).fs == 4
    with pytest.raises(OptionError, match="fs=4"):
        System(made, fs=5)


def test_fewer_zeros_than_poles_are_a_delay():
    poles = [0.5, 0.4 + 0.3j, 0.4 - 0.3j]
    late = System(([0.25], poles, 2.0))
    _, (expected,) = signal.dimpulse(signal.dlti([0.25], poles, 2.0), n=8)
    np.testing.assert_allclose(late.impulse_response(8), expected[:, 0], atol=1e-12)
    np.testing.assert_allclose(
        signal.sosfilt(late.to_sos(), X), late(X), atol=1e-12, err_msg="sections delay too"
    )
    np.testing.assert_allclose(System(([], [0.5j], 1.0)).impulse_response(3), [0, 1, 0.5j])
    made = signal.dlti([2.0], [1.0, -0.5, 0.25])
    _, (expected,) = signal.dimpulse(made, n=6)
    np.testing.assert_allclose(System(made).impulse_response(6), expected[:, 0])


def test_first_coefficient_is_divided_by():
    np.testing.assert_allclose(
        System(([2.0, 4.0], [2.0, -1.0])).impulse_response(3), [1, 2.5, 1.25]
    )
    np.testing.assert_allclose(System(([2.0, 4.0], [2.0])).impulse_response(), [1, 2])
    np.testing.assert_allclose(System(([2.0, 4.0], [4.0, 0.0])).impulse_response(), [0.5, 1])


@pytest.mark.parametrize("axis", [0, 1, -1])
def test_other_axes_are_batches(axis):
    x = RNG.standard_normal((5, 40))
    for system, filtered in (
        (System(BUTTER), signal.lfilter(*BUTTER, x, axis=axis)),
        (System([1.0, -2.0, 0.5]) @ delay(3), signal.lfilter([0, 0, 0, 1, -2, 0.5], 1, x, axis)),
    ):
        np.testing.assert_allclose(system(x, axis=axis), filtered, atol=1e-12)


def test_images_are_filtered_by_responses_of_two_axes():
    h, x = RNG.standard_normal((3, 4)), RNG.standard_normal((10, 12))
    system = System(h) @ delay((1, 2))
    late = np.pad(h, ((1, 0), (2, 0)))
    np.testing.assert_allclose(system(x), sc.convolve(x, late)[:10, :12], atol=1e-13)
    np.testing.assert_allclose(system(x, full=True), sc.convolve(x, late), atol=1e-13)
    assert np.isclose(system.dc_gain, h.sum())
    with pytest.raises(ShapeError, match="2"):
        system.frequency_response()
    with pytest.raises(ShapeError, match="axes"):
        system @ delay(1)


def test_responses_and_gain():
    system = System(BUTTER)
    _, (impulse,) = signal.dimpulse(signal.dlti(*BUTTER), n=50)
    _, (step,) = signal.dstep(signal.dlti(*BUTTER), n=50)
    np.testing.assert_allclose(system.impulse_response(50), impulse[:, 0], atol=1e-12)
    np.testing.assert_allclose(system.step_response(50), step[:, 0], atol=1e-12)
    assert np.isclose(system.dc_gain, 1)
    np.testing.assert_array_equal(System([1, 2, 3]).step_response(), [1, 3, 6])
    assert System(([1.0], [1.0, -1.0])).dc_gain == np.inf


@pytest.mark.parametrize(
    "system",
    [
        System(BUTTER, fs=100),
        System(RNG.standard_normal(200), fs=100),
        System(RNG.standard_normal(10), fs=100) @ System(BUTTER) + delay(70),
        System.from_sos(ELLIPTIC, fs=100),
    ],
    ids=["recursion", "taps", "network", "sections"],
)
@pytest.mark.parametrize("count", [1, 50, 512])
def test_frequency_response_is_that_of_freqz(system, count):
    b, a = system.to_ba()
    expected_at, expected = signal.freqz(b, a, worN=count, fs=100)
    at, response = system.frequency_response(count)
    np.testing.assert_allclose(at, expected_at)
    np.testing.assert_allclose(response, expected, atol=1e-9)
    np.testing.assert_allclose(system.frequency_response(at)[1], response, atol=1e-9)


def test_frequencies_without_a_rate_are_cycles_a_sample():
    at, response = System([1.0, 1.0]).frequency_response([0.0, 0.5])
    np.testing.assert_array_equal(at, [0, 0.5])
    np.testing.assert_allclose(response, [2, 0], atol=1e-15)


def test_stability_is_about_poles_inside_the_circle():
    assert System([1.0, 1e9]).is_stable
    assert System(BUTTER).is_stable
    assert System.from_sos(ELLIPTIC).is_stable
    assert not System(([1.0], [1.0, -1.0])).is_stable
    assert not System(([1.0], [1.0, 0.0, 1.0])).is_stable
    assert not (System(BUTTER) @ System(([1.0], [1.0, -1.01]))).is_stable
    assert System(([Fraction(1)], [Fraction(1), Fraction(-999, 1000)])).is_stable
    assert not System(([1], [1, Fraction(-1)])).is_stable


roots = st.lists(
    st.tuples(st.floats(0, 1.5), st.floats(0, np.pi)).filter(lambda r: abs(r[0] - 1) > 1e-3),
    min_size=1,
    max_size=4,
)


@given(roots)
def test_stability_is_what_the_roots_say(polar):
    pairs = [r * np.exp(s * 1j * angle) for r, angle in polar for s in (1, -1)]
    a = np.poly(pairs).real
    system = System(([1.0], a)) if a.size > 1 else System([1.0])
    assert system.is_stable == all(r < 1 for r, _ in polar)


def test_series_convolve_parallel_add():
    h, g = RNG.standard_normal(5), RNG.standard_normal(9)
    np.testing.assert_allclose(
        (System(h) @ System(g)).impulse_response(), np.convolve(h, g), atol=1e-13
    )
    np.testing.assert_array_equal((System(h) + System(g)).impulse_response(), np.pad(h, (0, 4)) + g)
    one, other = System(BUTTER), System.from_sos(ELLIPTIC)
    np.testing.assert_allclose((one @ other)(X), one(other(X)), atol=1e-12)
    np.testing.assert_allclose((one + other - 2 * one)(X), other(X) - one(X), atol=1e-12)
    np.testing.assert_allclose((-one * 3 @ delay(4))(X)[4:], -3 * one(X)[:-4], atol=1e-12)


def test_systems_keep_their_sampling_rate():
    assert (System([1.0], fs=8) @ delay(3)).fs == 8
    assert (delay(3) + System([1.0], fs=8)).fs == 8
    assert (2 * System([1.0], fs=8)).fs == 8
    with pytest.raises(OptionError, match="one sampling rate"):
        System([1.0], fs=8) @ System([1.0], fs=9)


def test_feedback_solves_the_loop():
    forward, backward = System(BUTTER) @ System([1.0, 0.5]), 0.3 * delay(1) @ System([1.0, 2.0])
    for sign in (1, -1):
        loop = feedback(forward, backward, sign=sign)
        y = loop(X)
        np.testing.assert_allclose(y, forward(X + sign * backward(y)), atol=1e-9)
    np.testing.assert_allclose(feedback(System([1.0]), 3).impulse_response(), [0.25])


def test_a_loop_without_a_delay_and_a_gain_of_one_has_no_answer():
    with pytest.raises(KernelError, match="later"):
        feedback(System([1.0]), 1, sign=1)


def test_integers_and_fractions_stay_exact():
    assert System([1, 2])([1, 1]).tolist() == [1, 3]
    account = System(([1], [1, Fraction(-21, 20)]))
    assert account([100, 0, 0])[-1] == Fraction(441, 4)
    assert (account @ delay(1)).impulse_response(3).tolist() == [0, 1, Fraction(21, 20)]
    assert (account + account).dc_gain == -40
    loop = feedback(System([1]), Fraction(21, 20) * delay(1), sign=1)
    assert loop.impulse_response(3)[-1] == Fraction(441, 400)
    half = System(([1], [2, -1]))
    assert isinstance(half.impulse_response(2)[0], float)
    half = System(([Fraction(1)], [2, -1]))
    assert half.impulse_response(2).tolist() == [Fraction(1, 2), Fraction(1, 4)]
    np.testing.assert_allclose(account(np.array([100.0, 0.0])), [100, 105])
    with pytest.raises(DTypeError, match="exact"):
        System(BUTTER)([Fraction(1), Fraction(2)])


@pytest.mark.parametrize("tol", [1e-2, 1e-6, 1e-12])
@pytest.mark.parametrize(
    "system",
    [
        System(BUTTER),
        System(signal.butter(2, 0.001)),
        System(([1.0], [1.0, -0.9999])),
        System(([1.0, 0.0, 3.0], [1.0, 0.999])),
        System(([1.0, 2.0], [1.0, -1.2j, -0.5])),
        System.from_sos(ELLIPTIC),
        System.from_sos(signal.butter(8, 0.01, output="sos")),
        System(RNG.standard_normal(50)) @ System(BUTTER) + 3 * System(([1.0], [1.0, -0.9])),
    ],
    ids=["butter", "slow", "slowest", "alternating", "complex", "ellip", "butter8", "network"],
)
def test_fir_leaves_out_no_more_than_it_proves(system, tol):
    short = system.to_fir(tol)
    assert 0 < short.cut_bound <= tol
    count = short.impulse_response().size
    whole = system.impulse_response(2 * count + 1000)
    kept = short.impulse_response()
    scale = np.abs(whole).sum()
    np.testing.assert_allclose(kept, whole[:count], atol=1e-13 * scale)
    assert np.abs(whole[count:]).sum() <= short.cut_bound + 1e-13 * scale


def test_fir_is_no_longer_than_it_must_be():
    short = System(([1.0], [1.0, -0.5])).to_fir(1e-6)
    assert short.impulse_response().size <= 24
    short = System(signal.butter(2, 0.01)).to_fir(1e-6)
    whole = np.abs(System(signal.butter(2, 0.01)).impulse_response(5000))
    needed = np.flatnonzero(np.cumsum(whole[::-1])[::-1] > 1e-6)[-1]
    assert short.impulse_response().size < 1.5 * needed


def test_what_does_not_die_out_is_not_cut():
    for a in ([1.0, -1.0], [1.0, -1.5], [1.0, 0.0, 1.0]):
        with pytest.raises(ValueError, match="die out"):
            System(([1.0], a)).to_fir(1e-3)
    with pytest.raises(ValueError, match="die out"):
        System(([1.0], [1.0, -1.0]))([1.0], full=True)
    with pytest.raises(OptionError, match="tol"):
        System(BUTTER).to_fir(0)
    with pytest.raises(ValueError, match="too near"):
        System(([1.0], [1.0, -(1 - 1e-12)])).to_fir(1e-3)


def test_the_tail_of_a_recursion_is_kept_until_it_is_nothing():
    y = System(([1.0], [1.0, -0.5]))([1.0, 1.0], full=True)
    np.testing.assert_allclose(y[:3], [1, 1.5, 0.75])
    assert y.size > 40
    assert y[-1] < 1e-11


def test_round_trips_to_scipy():
    system = System(BUTTER, fs=50) @ delay(2)
    again = System(system.to_scipy())
    assert again.fs == 50
    np.testing.assert_allclose(again(X), system(X), atol=1e-12)
    np.testing.assert_allclose(System(system.to_ba())(X), system(X), atol=1e-12)
    np.testing.assert_allclose(signal.sosfilt(system.to_sos(), X), system(X), atol=1e-9)
    np.testing.assert_allclose(System(system.to_zpk())(X), system(X), atol=1e-9)
    np.testing.assert_array_equal(System.from_sos(ELLIPTIC).to_sos(), ELLIPTIC)
    np.testing.assert_allclose(System([1.0, 2.0]).to_ba()[0], [1, 2])
    assert System([0.0, 0.0, 1.0]).to_scipy().num.size == 1


def test_definitions_that_make_no_system():
    with pytest.raises(KernelError, match="begin with 0"):
        System(([1.0], [0.0, 1.0]))
    with pytest.raises(KernelError, match="to_discrete"):
        System(signal.lti([1.0], [1.0, 1.0]))
    with pytest.raises(KernelError, match="later inputs"):
        System(([1.0, 2.0], [0.5], 1.0))
    with pytest.raises(ShapeError, match="sequences of coefficients"):
        System((np.ones((2, 2)), [1.0]))
    with pytest.raises(ShapeError, match="at least one sample"):
        System([])
    with pytest.raises(ShapeError, match="section"):
        System.from_sos([1.0, 0, 0, 1, 0, 0])
    with pytest.raises(ShapeError, match="from_sos"):
        System(ELLIPTIC)
    assert System(np.ones((3, 6))).ndim == 2
    with pytest.raises(NonFiniteError, match="finite"):
        System([1.0, np.nan])
    with pytest.raises(OptionError, match="fs"):
        System([1.0], fs=0)
    with pytest.raises(KernelError, match="parts"):
        System(([1.0], [1.0], [1.0], [1.0]))
    with pytest.raises(OptionError, match="delay"):
        delay(-1)
    with pytest.raises(DTypeError, match="@"):
        System([1.0]) * System([1.0])


def test_calls_that_make_no_sense():
    with pytest.raises(ShapeError, match="at least"):
        System([1.0])(3.0)
    with pytest.raises(ShapeError, match="axis"):
        System([1.0])([1.0], axis=1)
    with pytest.raises(OptionError, match="never ends"):
        System(BUTTER).impulse_response()
    assert System(BUTTER)([]).shape == (0,)
    assert System([1, 2])(np.zeros((0, 4), int)).dtype == np.int64


@pytest.mark.parametrize(
    "system",
    [
        System(RNG.standard_normal(100)) @ delay(7),
        System(BUTTER),
        System.from_sos(ELLIPTIC) @ System(RNG.standard_normal(30)),
        System(BUTTER) + delay(20),
        System(([1], [1, Fraction(-1, 2)])),
    ],
    ids=["taps", "recursion", "series", "parallel", "exact"],
)
@pytest.mark.parametrize("shape", [(400,), (2, 400)])
def test_a_stream_gives_what_one_call_does(system, shape):
    x = RNG.standard_normal(shape)
    stream = system.stream()
    parts = [stream.process(x[..., i:j]) for i, j in ((0, 1), (1, 1), (1, 130), (130, 400))]
    np.testing.assert_allclose(np.concatenate(parts, -1), system(x), atol=1e-12)
    stream.reset()
    np.testing.assert_allclose(
        np.concatenate(list(stream.run([x[..., :9], x[..., 9:]])), -1), system(x), atol=1e-12
    )
    if system.length is not None:
        tail = stream.flush()
        np.testing.assert_allclose(tail, system(x, full=True)[..., 400:], atol=1e-12)


def test_streams_refuse_what_does_not_fit():
    stream = System(BUTTER).stream()
    stream.process(np.ones((2, 3)))
    with pytest.raises(ShapeError, match="channels"):
        stream.process(np.ones((3, 3)))
    with pytest.raises(DTypeError, match="one dtype"):
        stream.process(np.ones((2, 3), complex))
    with pytest.raises(sc.errors.StreamError, match="never ends"):
        stream.flush()
    ended = System([1.0, 2.0]).stream()
    assert ended.flush().size == 0
    with pytest.raises(sc.errors.StreamError, match="ended"):
        ended.process([1.0])


def test_what_a_system_shows():
    assert repr(System([1, 2, 3], fs=8)) == "<System of 3 taps, fs=8>"
    assert repr(System(BUTTER)) == "<System with feedback of order 4>"


# ------------------------------------------------------------------ numbers


def test_whole_taps_add_as_whole_numbers():
    narrow = System(np.array([200], np.uint8))
    assert (narrow + narrow).impulse_response().tolist() == [400]
    assert (System([True]) + System([True])).impulse_response().tolist() == [2]
    loop = feedback(narrow, System(np.array([0, 200], np.uint8)), sign=1)
    assert loop.impulse_response(2).tolist() == [200, 200 * 200 * 200]
    with pytest.raises(sc.errors.IntegerOverflowError, match="int64"):
        System([2**62]) + System([2**62])
    with pytest.raises(sc.errors.IntegerOverflowError, match="int64"):
        System(np.array([2**64 - 1], np.uint64))


def test_numbers_of_python_do_not_widen_float32():
    x = np.ones(4, np.float32)
    taps, recursion = System(np.ones(2, np.float32)), System(np.array([1, -0.5], np.float32))
    for system in (taps, recursion, System((np.ones(1, "f4"), np.array([1, -0.5], "f4")))):
        for made in (2 * system, -system, system * 0.5, system - system, system @ delay(1)):
            assert made(x).dtype == np.float32
    assert (np.float64(2) * taps)(x).dtype == np.float64


def test_half_precision_is_computed_in_float32():
    a = np.array([1, -0.5], np.float16)
    assert System((a[:1], a))(np.ones(3, np.float16)).tolist() == [1, 1.5, 1.75]
    assert System(np.full(3000, 255, np.float16)).dc_gain == 765_000


def test_floats_among_fractions_make_floats_everywhere():
    exact, half = System([Fraction(1)]), 0.5 * delay(1)
    for made in (exact + half, exact @ half, feedback(exact, half), half * Fraction(1)):
        assert made.impulse_response(3).dtype == float
    assert feedback(exact, 0.5).impulse_response().tolist() == [2 / 3]
    assert System(([Fraction(1)], [2.0, 0.5])).impulse_response(2).tolist() == [0.5, -0.125]


def test_fractions_and_decimals_do_not_mix():
    one, other = System([Fraction(1)]), System([Decimal(1)])
    loop = System(([1], [1, Fraction(1, 2)]))
    for call in (
        lambda: one + other,
        lambda: one @ other,
        lambda: System(([Decimal(1)], [Fraction(2), Fraction(1, 2)])),
        lambda: loop([Decimal(1), Decimal(2)]),
        lambda: (loop @ System(([1], [1, Decimal(1)]))).impulse_response(3),
    ):
        with pytest.raises(DTypeError, match="Fraction and Decimal"):
            call()


def test_exact_images_combine():
    half, one = Fraction(1, 2), Fraction(1)
    h = System([[half, one], [one, one]])
    assert (h + h).impulse_response().tolist() == [[1, 2], [2, 2]]
    assert (-h * 2).impulse_response().tolist() == [[-1, -2], [-2, -2]]
    assert (h @ delay((1, 0))).impulse_response().tolist() == [[0, 0], [half, one], [one, one]]
    assert (h @ h).dc_gain == Fraction(49, 4)


def test_gains_of_exact_recursions_are_exact():
    assert System((np.array([1], object), np.array([1, 2], object))).dc_gain == Fraction(1, 3)
    assert System(([2**70], [1, 1])).dc_gain == 2**69


def test_wide_floats_are_stable_or_not_too():
    for kind in (np.longdouble, np.clongdouble):
        system = System((np.array([1], kind), np.array([1, -0.5], kind)))
        assert system.is_stable
        assert system(np.ones(3), full=True).size > 30
    assert not System(([1.0], np.array([1, -1.5], np.longdouble))).is_stable


def test_coefficients_that_overflow_are_refused():
    for make in (
        lambda: System(([1.0], [1e-300, 1e300])),
        lambda: System(([1e300], [1e-300, 1e-301])),
        lambda: System(np.ones(1, np.float32)) * 1e300,
    ):
        with pytest.raises(NonFiniteError, match="finite"):
            make()
    huge = [Fraction(1)] + [Fraction(0)] * 13 + [Fraction(10) ** 400]
    assert not System(([Fraction(1)], huge)).is_stable


def test_zeros_and_poles_may_be_fractions():
    exact = System(([Fraction(1, 2)], [Fraction(1, 4)], 1))
    np.testing.assert_allclose(
        exact.impulse_response(3), System(([0.5], [0.25], 1.0)).impulse_response(3)
    )
    assert System(([], [], 2)).impulse_response().tolist() == [2]


def test_a_stream_that_heard_nothing_flushes_nothing():
    for axis in (0, 1, -1):
        assert System([1, 2, 3]).stream(axis=axis).flush().shape == (0,)


def test_a_system_has_arrays_of_its_own():
    h, a = np.ones(3), np.array([1.0, -0.5])
    taps, recursion = System(h), System((h, a))
    h[0] = a[1] = 9
    recursion.to_ba()[1][1] = 7
    taps.impulse_response()[0] = 7
    np.testing.assert_array_equal(taps.impulse_response(), [1, 1, 1])
    np.testing.assert_array_equal(recursion.to_ba()[1], [1, -0.5])


def test_numbers_must_be_finite():
    for make in (
        lambda: System([Decimal("nan")]),
        lambda: System([1.0]) * np.nan,
        lambda: System([1.0]).frequency_response([np.inf]),
    ):
        with pytest.raises(NonFiniteError, match="finite"):
            make()
    with pytest.raises(DTypeError, match="real"):
        System([1.0]).frequency_response([1j])


def test_nothing_has_no_tail():
    assert System([1.0, 2, 3])([], full=True).shape == (0,)
    assert System(BUTTER)(np.zeros((0, 5)), axis=0, full=True).shape == (0, 5)


# ------------------------------------------------------------------ high orders

STEEP = signal.butter(12, 0.01, output="sos")


@pytest.mark.parametrize(
    ("order", "cutoff"), [(12, 0.01), (8, 0.005), (6, 0.001)], ids=["12", "8", "6"]
)
def test_sections_keep_their_gain_at_zero(order, cutoff):
    system = System.from_sos(signal.butter(order, cutoff, output="sos"))
    assert np.isclose(system.dc_gain, 1, rtol=1e-6)
    assert np.isclose((system + 2 * system).dc_gain, 3, rtol=1e-6)


@pytest.mark.parametrize(
    "front",
    [
        System([2.0]),
        delay(3),
        System([1.0, 0.5]),
        System(RNG.standard_normal(9)),
        System([0, 0, 1.5]),
    ],
    ids=["gain", "delay", "two", "nine", "late"],
)
def test_sections_behind_others_stay_sections(front):
    system = front @ System.from_sos(STEEP)
    x = RNG.standard_normal(3000)
    expected = signal.sosfilt(STEEP, front(x))
    for again in (
        System.from_sos(system.to_sos()),
        System(system.to_zpk()),
        System(system.to_scipy()),
    ):
        assert again.is_stable
        np.testing.assert_allclose(again(x), expected, atol=1e-6 * np.abs(expected).max())


def test_systems_without_sections_say_so():
    for system in (System([1.0, 1j]), System(([1.0], [1.0, -0.5j]))):
        with pytest.raises(KernelError, match="complex"):
            system.to_sos()
    for nothing in (System([0.0]), System(([0.0], [1.0, -0.5]))):
        assert not System.from_sos(nothing.to_sos())(X).any()
        assert not System(nothing.to_zpk())(X).any()
        assert not System(nothing.to_scipy())(X).any()


@pytest.mark.parametrize(
    "a",
    [
        [1.0, -2 * (1 - 1e-6) * np.cos(1e-6), (1 - 1e-6) ** 2],
        [1.0, -1.9999998378201713, 0.9999999999974541],
        np.poly([0.999, 0.998, 0.9] + [0.5] * 9),
        np.array([1, -2.9724886417, 2.9450697899, -0.9725810885], np.float32),
    ],
)
def test_stability_next_to_the_circle(a):
    exact = [Fraction(float(value)) for value in a]
    assert System(([1.0], a)).is_stable == System(([1], exact)).is_stable
    assert System(([1.0], a)).is_stable


def test_instability_next_to_the_circle():
    a = [
        1.0, -1.7370526779649578, -0.999999998910376, 3.474105352051792,
        -0.9999999977945374, -1.7370526740868344, 0.9999999967049135,
    ]  # fmt: skip
    assert not System(([1.0], a)).is_stable


@pytest.mark.parametrize("radius", [1 - 1e-9, 1 + 1e-9])
def test_stability_of_complex_poles(radius):
    system = System(([1.0], np.poly([radius * np.exp(1j), 0.5j])))
    assert system.is_stable == (radius < 1)


@pytest.mark.parametrize("lags", [(100,), (700, 900), (64, 100)])
def test_outputs_that_feed_back_late(lags):
    a = np.zeros(max(lags) + 1)
    a[0], a[list(lags)] = 1, [0.5, -0.4][: len(lags)]
    x = RNG.standard_normal((2, 3000))
    system = System(([1.0, 0.3], a))
    expected = signal.lfilter([1.0, 0.3], a, x)
    np.testing.assert_allclose(system(x), expected, atol=1e-12)
    stream = system.stream()
    parts = [stream.process(x[:, i : i + 77]) for i in range(0, 3000, 77)]
    np.testing.assert_allclose(np.concatenate(parts, -1), expected, atol=1e-12)
    assert system(x.astype("f4")).dtype == signal.lfilter([1.0], a, x.astype("f4")).dtype
    np.testing.assert_allclose((1j * system)(x), 1j * expected, atol=1e-12)


def test_long_loops_are_cut_too():
    comb = feedback(System([1.0]), 0.97 * delay(4410), sign=1)
    assert comb.is_stable
    short = comb.to_fir(1e-3)
    taps = short.impulse_response()
    assert short.cut_bound <= 1e-3
    beyond = 0.97 ** -(-taps.size // 4410)
    assert beyond / (1 - 0.97) <= short.cut_bound


def test_state_spaces_of_several_inputs_or_outputs_are_refused():
    twice = signal.dlti(np.diag([0.5, 0.25]), np.eye(2), np.ones((1, 2)), np.zeros((1, 2)), dt=True)
    with pytest.raises(ShapeError, match="2 and 1"):
        System(twice)
    with pytest.raises(ShapeError, match="1 and 2"):
        System(signal.dlti([[1.0, 2.0], [3.0, 4.0]], [1.0, -0.5], dt=True))


@pytest.mark.parametrize("system", [delay(2), System([1.0, 0.5]) @ delay(2)])
def test_a_delay_keeps_infinity_where_it_is(system):
    x = np.array([np.inf, 1.0, 2.0, 3.0])
    y = system(x)
    assert y[:2].tolist() == [0, 0]
    stream = system.stream()
    np.testing.assert_array_equal(np.concatenate([stream.process(x[:1]), stream.process(x[1:])]), y)


@pytest.mark.parametrize("system", [System(BUTTER), System([1.0, 0.5, 2.0]) @ delay(3)])
def test_streams_of_frames_and_channels(system):
    x = RNG.standard_normal((500, 2))
    stream = system.stream(axis=0)
    parts = list(stream.run([x[:100], x[100:100], x[100:]]))
    if system.length is not None:
        parts.append(stream.flush())
    expected = system(x, axis=0, full=system.length is not None)
    np.testing.assert_allclose(np.concatenate(parts), expected, atol=1e-12)
    with pytest.raises(ShapeError, match="axis=0"):
        list(system.stream(axis=0).run([x, x.T]))


def test_roots_of_long_polynomials_are_not_looked_for():
    echo = feedback(System([1.0]), 0.5 * delay(5000), sign=1)
    for call in (echo.to_sos, echo.to_zpk):
        with pytest.raises(KernelError, match="to_ba"):
            call()
    assert delay(5000).to_zpk()[1].size == 5000


def test_streams_round_whole_numbers():
    stream = (System([1, 2]) @ delay(1)).stream()
    made = stream.process([3, 1])
    assert made.dtype == float
    assert made.tolist() == [0, 3]
    assert stream.flush().tolist() == [7, 2]
