"""Black boxes: LTI systems of many kinds hold, the others are refuted by a true counter-example."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import ndimage
from scipy.signal import filtfilt, lfilter, medfilt

from sigconv import StreamConvolver, circular_convolve, convolve
from sigconv.errors import DTypeError, NonFiniteError, OptionError, ShapeError
from sigconv.lti.checks import Check, check_linearity, check_time_invariance
from sigconv.lti.verdicts import Counterexample, described

Box = Callable[[Any], Any]

BOUNDARIES = ("zero", "edge", "reflect", "symmetric", "wrap", "absent")
TAPS = np.array([0.5, -1.0, 2.0, 0.25, 3.0])


def convolver(mode: str, boundary: str) -> Box:
    # Under `absent` taps are weights.
    taps = abs(TAPS) if boundary == "absent" else TAPS
    return lambda x: convolve(x, taps, mode, boundary=boundary)


LTI: dict[str, Box] = {
    **{
        f"convolve {mode} {boundary}": convolver(mode, boundary)
        for mode in ("full", "same", "valid")
        for boundary in BOUNDARIES
    },
    "circular": lambda x: circular_convolve(x, TAPS),
    "by FFT": lambda x: convolve(x, np.hanning(40), method="fft"),
    "recursion": lambda x: lfilter([1, 0.5], [1, -0.9], x),
    "both ways": lambda x: filtfilt([0.1], [1, -0.5], x),
    "integral": np.cumsum,
    "difference": np.diff,
    "delay": lambda x: np.concatenate([[0, 0, 0], x]),
    "advance": lambda x: x[3:],
    "roll": lambda x: np.roll(x, 5),
    "identity": lambda x: x,
    "nothing": np.zeros_like,
    "gain of 1e-12": lambda x: 1e-12 * x,
    "Gaussian": lambda x: ndimage.gaussian_filter1d(x, 2),
    "a fresh stream": lambda x: StreamConvolver(TAPS, block_size=16).process(x),
    "list": lambda x: [2 * sample for sample in x.tolist()],
    "blind at the start": lambda x: np.concatenate([[np.nan] * 2, x[2:] + x[:-2]]),
    "single precision": lambda x: np.cumsum(x.astype(np.float32)),
}


def ramped(x: np.ndarray) -> np.ndarray:
    return x * np.linspace(0, 1, len(x))


def reset(x: np.ndarray) -> np.ndarray:
    """Sums that start anew every 16 samples."""
    return np.concatenate([np.cumsum(part) for part in np.split(x, len(x) // 16)])


NOT_LINEAR: dict[str, tuple[Box, str]] = {
    "square": (np.square, "homogeneity"),
    "magnitude": (np.abs, "homogeneity"),
    "clip": (lambda x: np.clip(x, -1, 1), "homogeneity"),
    "clip at 500": (lambda x: np.clip(x, -500, 500), "homogeneity"),
    "dead zone": (lambda x: np.where(np.abs(x) > 0.01, x, 0), "additivity"),
    "sort": (np.sort, "homogeneity"),
    "median": (lambda x: medfilt(x, 3), "additivity"),
    "offset": (lambda x: x + 1, "homogeneity"),
    "small offset": (lambda x: x + 1e-6, "homogeneity"),
    "rounding": (np.round, "homogeneity"),
    "16 bits": (lambda x: np.round(x * 2**15) / 2**15, "homogeneity"),
    "largest of three": (lambda x: ndimage.maximum_filter1d(x, 3), "homogeneity"),
    "comparison": (lambda x: x > 0, "homogeneity"),
    "positive part": (lambda x: np.maximum(x, 0), "homogeneity"),
    "scaled to 1": (lambda x: x / np.abs(x).max(), "homogeneity"),
    "logarithm": (lambda x: np.log(np.abs(x)), "homogeneity"),
    "NaN above 1.5": (lambda x: np.where(x > 1.5, np.nan, x), "homogeneity"),
    "what is not 0": (lambda x: x[x != 0], "homogeneity"),
    "homogeneous": (lambda x: np.cbrt(x**2 * np.roll(x, 1)), "additivity"),
}

NOT_TIME_INVARIANT: dict[str, Box] = {
    "modulator": lambda x: x * np.cos(0.3 * np.arange(len(x))),
    "alternating sign": lambda x: x * (-1.0) ** np.arange(len(x)),
    "gain ramp": ramped,
    "decimator": lambda x: x[::2],
    "decimator by 100": lambda x: x[::100],
    "up-sampler": lambda x: np.repeat(x, 2),
    "reversal": lambda x: x[::-1],
    "resets": reset,
    "sort": np.sort,
    "spectrum": lambda x: np.abs(np.fft.rfft(x * np.arange(len(x)))),
    "stretch": lambda x: np.interp(np.arange(len(x)) * 0.99, np.arange(len(x)), x),
    "added ramp": lambda x: x + np.arange(len(x)),
    "length by content": lambda x: np.trim_zeros(x, "f"),
}


def refutation(check: Check) -> Counterexample:
    assert not check
    assert check.counterexample is not None
    return check.counterexample


def breaks(f: Box, check: Check) -> bool:
    """Whether f, asked again, breaks the law at the place that the counter-example tells."""
    example = refutation(check)
    with np.errstate(all="ignore"):
        if example.law == "homogeneity":
            (x,) = example.inputs
            expected, got = example.factor * np.asarray(f(x.copy())), f(example.factor * x)
        elif example.law == "additivity":
            x, y = example.inputs
            expected, got = np.asarray(f(x.copy())) + f(y.copy()), f(x + y)
        else:
            x, delayed = example.inputs
            assert example.shift
            np.testing.assert_array_equal(delayed, np.roll(x, example.shift))
            expected, got = np.roll(f(x.copy()), example.shift), f(delayed.copy())
        expected, got = np.asarray(expected, float), np.asarray(got, float)
    if example.where is None:
        return expected.shape != got.shape and example.got.shape == got.shape
    np.testing.assert_array_equal(example.got, got)
    gap = abs(got[example.where] - expected[example.where])
    assert gap == example.deviation or not np.isfinite(gap)
    assert example.expected[example.where] != example.got[example.where]
    return not gap <= 1e-7 * np.abs(got).max()


@pytest.mark.parametrize("name", LTI)
def test_an_lti_system_is_linear_and_time_invariant(name: str) -> None:
    linear, invariant = check_linearity(LTI[name]), check_time_invariance(LTI[name])
    assert linear, str(linear)
    assert invariant, str(invariant)
    assert linear.counterexample is invariant.counterexample is None
    assert linear.trials > 50
    assert invariant.trials > 30


@pytest.mark.parametrize("name", NOT_LINEAR)
def test_what_is_not_linear_is_refuted(name: str) -> None:
    f, law = NOT_LINEAR[name]
    check = check_linearity(f)
    assert not check
    assert refutation(check).law == law
    assert breaks(f, check)


@pytest.mark.parametrize("name", NOT_TIME_INVARIANT)
def test_what_varies_with_time_is_refuted(name: str) -> None:
    f = NOT_TIME_INVARIANT[name]
    check = check_time_invariance(f)
    assert not check
    assert breaks(f, check)


@pytest.mark.parametrize(
    "name", ["square", "clip", "median", "offset", "rounding", "largest of three"]
)
def test_a_system_may_be_time_invariant_without_being_linear(name: str) -> None:
    f, _ = NOT_LINEAR[name]
    assert check_time_invariance(f)


@pytest.mark.parametrize(
    "name", ["modulator", "gain ramp", "decimator", "up-sampler", "reversal", "resets", "stretch"]
)
def test_a_system_may_be_linear_without_being_time_invariant(name: str) -> None:
    assert check_linearity(NOT_TIME_INVARIANT[name])


@given(st.integers(0, 2**32 - 1))
def test_random_filters_hold_for_every_seed(seed: int) -> None:
    rng = np.random.default_rng(seed)
    taps = rng.standard_normal(rng.integers(1, 40)) * 10.0 ** rng.integers(-8, 9)

    boundary = str(rng.choice([rule for rule in BOUNDARIES if rule != "absent"]))

    def f(x: np.ndarray) -> np.ndarray:
        return convolve(x, taps, "same", boundary=boundary)

    assert check_linearity(f, trials=3, seed=seed)
    assert check_time_invariance(f, trials=3, seed=seed)


@given(st.integers(0, 2**32 - 1), st.floats(1e-6, 1e6), st.sampled_from([-1, 1]))
def test_a_little_of_a_square_is_found_at_every_gain(seed: int, gain: float, sign: int) -> None:
    assert not check_linearity(lambda x: gain * (x + sign * 1e-6 * x**2), seed=seed)


def test_the_first_counterexample_is_the_simplest() -> None:
    example = refutation(check_linearity(np.square))
    assert example.factor == 2
    assert np.flatnonzero(example.inputs[0]).tolist() == [32]
    assert example.where == (32,)
    assert (example.expected[32], example.got[32], example.deviation) == (2, 4, 2)


def test_the_zero_signal_refutes_an_offset() -> None:
    assert str(check_linearity(lambda x: x + 3)) == (
        "not linear: f(0) is not 0\nat sample 0: expected 0, got 3"
    )


def test_nothing_is_expected_of_the_zero_signal_but_zeros() -> None:
    assert "f(0) is not 0\nat sample 0: expected 0, got -inf" in str(check_linearity(np.log))


def test_a_verdict_has_no_negative_zeros() -> None:
    assert "at sample 0: expected 0, got -1" in str(check_linearity(np.sort))


def test_a_verdict_tells_both_signals_of_a_sum() -> None:
    assert str(check_linearity(lambda x: medfilt(x, 3))) == (
        "not linear: f(x + y) differs from f(x) + f(y)\n"
        "at sample 32: expected 0, got 1\n"
        "x = 1 at sample 32 of 64, 0 elsewhere\n"
        "y = 1 at sample 33 of 64, 0 elsewhere"
    )


def test_a_verdict_tells_the_delay() -> None:
    check = check_time_invariance(lambda x: x[::-1], shape=64)
    assert str(check) == (
        "not time-invariant: f(x delayed by 1) differs from f(x) delayed by 1\n"
        "at sample 30: expected 0, got 1\n"
        "x = 1 at sample 32 of 64, 0 elsewhere"
    )
    assert np.isnan(refutation(check).expected[0])


def test_a_verdict_tells_shapes_that_differ() -> None:
    assert "expected the shape (1,), got (0,)" in str(check_linearity(lambda x: x[x != 0]))


def test_outputs_of_different_lengths_do_not_add() -> None:
    def parity(x: np.ndarray) -> np.ndarray:
        return x[: 60 + np.argmax(np.abs(x)) % 2]

    example = refutation(check_linearity(parity))
    assert example.law == "additivity"
    assert example.where is None
    assert (example.expected.shape, example.got.shape) == ((60,), (61,))


def test_what_cancels_leaves_rounding_which_passes() -> None:
    # The alternating signal meets a zero of the filter: its response is 1e-17, and not linear.
    assert check_linearity(lambda x: circular_convolve(x, [0.1, 0.3, 0.2]), dtype=np.int64)


def test_a_verdict_without_counterexample_promises_no_proof() -> None:
    text = str(check_linearity(np.cumsum))
    assert text.startswith("linear, as far as 65 comparisons tell")
    assert "never prove" in text


def test_examples_prove_nothing() -> None:
    # A limiter above all that was tried.
    assert check_linearity(lambda x: np.clip(x, -1e9, 1e9))
    # A fade at the very start, where no input was.
    assert check_time_invariance(lambda x: x * np.minimum(np.arange(len(x)) / 8, 1))


@pytest.mark.parametrize("check", [check_linearity, check_time_invariance])
def test_a_random_box_is_told_as_such(check) -> None:
    rng = np.random.default_rng(0)
    verdict = check(lambda x: x + rng.standard_normal(x.shape))
    assert not verdict
    assert refutation(verdict).law == "repeatability"
    assert str(verdict).startswith("not repeatable: two calls of f with the same x differ")


def test_a_box_that_keeps_a_state_is_told_as_such() -> None:
    stream = StreamConvolver(TAPS, block_size=64)
    verdict = check_linearity(stream.process)
    assert refutation(verdict).law == "repeatability"


def test_a_box_that_drifts_is_told_as_such() -> None:
    calls = iter(range(10**6))
    verdict = check_linearity(lambda x: x * (1 if next(calls) < 40 else 1 + 0.01 * next(calls)))
    assert refutation(verdict).law == "repeatability"


@pytest.mark.parametrize("check", [check_linearity, check_time_invariance])
def test_a_box_may_change_its_input(check) -> None:
    def in_place(x: np.ndarray) -> np.ndarray:
        x *= 2
        return x

    assert check(in_place)


@pytest.mark.parametrize("check", [check_linearity, check_time_invariance])
def test_a_box_may_return_the_same_memory_each_time(check) -> None:
    memory = np.empty(256)
    assert check(lambda x: np.multiply(x, 3, out=memory), shape=256)


def test_what_a_box_raises_comes_through_with_the_input() -> None:
    def normalised(x: np.ndarray):
        if not x.any():
            raise ArithmeticError("silence")
        return x / np.abs(x).max()

    with pytest.raises(ArithmeticError, match="silence") as caught:
        check_linearity(normalised)
    assert caught.value.__notes__ == ["f was called with x = 0 at all 64 samples."]


def test_conjugation_is_linear_over_the_real_numbers_alone() -> None:
    assert check_linearity(np.conj)
    check = check_linearity(np.conj, dtype=complex)
    assert refutation(check).factor == 1j
    assert str(check).startswith("not linear: f(1j x) differs from 1j f(x)")
    assert check_time_invariance(np.conj, dtype=complex)


@pytest.mark.parametrize("dtype", ["f2", "f4", "f8", "g", "c8", "c16", np.int64])
def test_inputs_have_the_dtype_asked_for(dtype) -> None:
    seen = set()

    def f(x: np.ndarray) -> np.ndarray:
        seen.add(x.dtype)
        return convolve(x, np.array([1, 2, 1], x.dtype))

    assert check_linearity(f, dtype=dtype)
    assert check_time_invariance(f, dtype=dtype)
    assert seen == {np.dtype(dtype)}


def test_whole_numbers_hide_rounding_but_not_division() -> None:
    assert check_linearity(np.round, dtype=np.int64)
    assert not check_linearity(lambda x: x // 2, dtype=np.int64)


def test_single_precision_passes_as_rounding_unless_told_otherwise() -> None:
    def f(x: np.ndarray) -> np.ndarray:
        return np.asarray(x, np.float32)

    assert check_linearity(f)
    assert not check_linearity(f, rtol=1e-10)
    assert check_linearity(lambda x: x + 1e-5 * x**2 / 1e3, rtol=0.1)


def test_images_are_checked_along_either_axis() -> None:
    def rows_fade(x: np.ndarray) -> np.ndarray:
        return x * np.arange(len(x))[:, None]

    assert check_linearity(rows_fade, shape=(8, 6))
    assert check_time_invariance(rows_fade, shape=(8, 32), axis=1)
    check = check_time_invariance(rows_fade, shape=(32, 8), axis=0)
    assert not check
    assert "at sample (17, 4): expected 16, got 17" in str(check)
    example = refutation(check)
    np.testing.assert_array_equal(example.inputs[1], np.roll(example.inputs[0], 1, 0))


def test_a_sum_is_linear_and_has_no_time() -> None:
    assert check_linearity(np.sum)
    with pytest.raises(ShapeError, match="no delay to look for"):
        check_time_invariance(np.sum)


def test_a_filter_longer_than_the_margins_needs_longer_inputs() -> None:
    def f(x: np.ndarray) -> np.ndarray:
        return convolve(x, np.ones(201), "same", boundary="reflect")

    assert not check_time_invariance(f)
    assert check_time_invariance(f, shape=512)


@pytest.mark.parametrize("check", [check_linearity, check_time_invariance])
def test_a_seed_repeats_a_check(check) -> None:
    def f(x: np.ndarray) -> np.ndarray:
        return np.where(np.abs(x) > 2.5, 0, x) * np.sign(np.arange(len(x)) - 130)

    first, again = (refutation(check(f, seed=5)) for _ in range(2))
    np.testing.assert_array_equal(first.inputs, again.inputs)
    assert first.factor == again.factor


@pytest.mark.parametrize("check", [check_linearity, check_time_invariance])
def test_bad_arguments_are_refused(check) -> None:
    with pytest.raises(DTypeError, match="callable"):
        check(3)
    with pytest.raises(OptionError, match="rtol must lie between"):
        check(np.cumsum, rtol=-1)
    for trials in (0, 2.5, True):
        with pytest.raises(OptionError, match="trials must be a whole number"):
            check(np.cumsum, trials=trials)
    for dtype in ("u1", "U3", bool):
        with pytest.raises(DTypeError, match="floating, complex or int64"):
            check(np.cumsum, dtype=dtype)
    for shape in (0, (64, 0), ()):
        with pytest.raises(ShapeError):
            check(np.cumsum, shape=shape)


def test_time_needs_sixteen_samples_and_an_axis() -> None:
    with pytest.raises(ShapeError, match="at least 16 samples"):
        check_time_invariance(np.cumsum, shape=15)
    assert check_time_invariance(np.cumsum, shape=16)
    for axis in (1, -2, True):
        with pytest.raises(ShapeError, match="axis must be one of"):
            check_time_invariance(np.cumsum, axis=axis)


@pytest.mark.parametrize("check", [check_linearity, check_time_invariance])
def test_a_box_returns_numbers(check) -> None:
    for output in ("text", {"a": 1}, [[1], [1, 2]], np.ma.array([1.0])):
        with pytest.raises(DTypeError, match="what f returns"):
            check(lambda x, output=output: output)
    with pytest.raises(DTypeError, match="got None"):
        check(lambda x: None)
    with pytest.raises(ShapeError, match="at least one sample"):
        check(lambda x: x[:0])
    with pytest.raises(NonFiniteError, match="no finite number"):
        check(lambda x: x * np.nan)


def test_one_sample_is_enough_for_linearity() -> None:
    assert check_linearity(lambda x: 3 * x, shape=1)
    assert not check_linearity(np.square, shape=1)


@pytest.mark.parametrize(
    ("x", "words"),
    [
        (np.zeros((2, 3)), "0 at all 2 x 3 samples"),
        (np.array([0, 0, -1.5]), "-1.5 at sample 2 of 3, 0 elsewhere"),
        (np.ones(4), "1 at samples 0 to 3 of 4"),
        (np.array([0, 1, 2.0]), "[1. 2.] at samples 1 to 2 of 3, 0 elsewhere"),
        (np.array([[1, -2], [0, 0]]), "2 x 2 samples, 2 of them not 0, the largest 2"),
    ],
)
def test_signals_are_told_in_words(x, words: str) -> None:
    assert described(x) == words


def test_a_prompt_shows_the_verdict_in_a_line():
    assert repr(check_linearity(np.abs)).startswith("<Check: linear, refuted after ")
    assert repr(check_linearity(np.cumsum)).startswith("<Check: linear, holds after ")


def test_numbers_that_differ_are_told_apart():
    text = str(check_linearity(lambda x: x * (1 + 1e-6 * np.sin(x))))
    expected, got = text.split("expected ")[1].split("\n")[0].split(", got ")
    assert expected != got
