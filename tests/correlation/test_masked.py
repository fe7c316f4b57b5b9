"""normalized_correlation over the pairs that count in a mask of the signal, or inside its edges."""

from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import sigconv as sc
from sigconv.correlation import matching
from sigconv.errors import DTypeError, OptionError, ShapeError
from tests.correlation.pairs import RNG, drawn, naive

RULES = ("zero", "constant", "edge", "reflect", "symmetric", "wrap", "absent")
PADS: dict[str, Any] = {"zero": "constant", "constant": "constant", "absent": "constant"}
FILL = 2.5


def extended(x, inside, taps, mode, edges):
    """The samples that windows cover, and which of them count, from NumPy's indices."""
    beyond, absent = np.zeros(x.shape), np.zeros(x.shape, bool)
    for axis, (k, rules) in enumerate(zip(taps, edges, strict=True)):
        n = x.shape[axis]
        widths = {"valid": (0, 0), "same": (k // 2, k - 1 - k // 2), "full": (k - 1, k - 1)}[mode]
        places, outside = np.arange(-widths[0], n + widths[1]), []
        index = np.empty(len(places), int)
        for side, rule in zip((places < n, places >= n), rules, strict=True):
            mapped = np.pad(np.arange(n), widths, PADS.get(rule, rule))
            index[side] = mapped[side]
            outside.append(side & ((places < 0) | (places >= n)))
        x, inside, beyond, absent = (a.take(index, axis) for a in (x, inside, beyond, absent))
        for marks, rule in zip(outside, rules, strict=True):
            at = (slice(None),) * axis + (marks,)
            # In corners zero beats constant, and both the copies; what is absent beats them all.
            if rule == "constant":
                beyond[at] = np.where(beyond[at] == 2, 2, 1)
            elif rule in ("zero", "absent"):
                beyond[at] = 2
            absent[at] |= rule == "absent"
    x = np.choose(beyond.astype(int), (x, FILL, 0.0))
    return x, (inside | (beyond > 0)) & ~absent


@given(
    st.integers(0, 2**32 - 1),
    st.lists(
        st.tuples(st.integers(1, 12), st.integers(1, 5), st.sampled_from(RULES),
                  st.sampled_from(RULES)), min_size=1, max_size=3,
    ),
    st.sampled_from(["full", "same", "valid"]),
    st.booleans(),
    st.sampled_from([0.0, 0.3, 0.6, 1.0]),
)  # fmt: skip
def test_coefficients_agree_with_the_definition(seed, axes, mode, masked, share):
    rng = np.random.default_rng(seed)
    shape, taps = zip(*((n + k - 1, k) for n, k, *_ in axes), strict=True)
    x, t = rng.standard_normal(shape) + 3, rng.standard_normal(taps)
    inside, mask = rng.random(shape) < 0.7, (rng.random(taps) < 0.7) | (not masked)
    mask.flat[0] = True
    edges = [(before, after) for *_, before, after in axes]
    used = any("constant" in rules for rules in edges)
    y = sc.normalized_correlation(
        x, t, mode, boundary=edges, fill_value=FILL if used else 0, mask=mask,
        signal_mask=inside, min_overlap=share,
    )  # fmt: skip
    samples, marks = extended(x, inside, taps, mode, edges)
    np.testing.assert_allclose(y, naive(samples, marks, t, mask, share), atol=1e-8)


def test_a_worked_example():
    # 9 1 2 against 1 2 3, 1 2 4 against 1 2 4, 2 4 9 against 1 3 4.
    x, t = [9, 1, 2, 8, 4, 9], [1, 2, 3, 4]
    y = sc.normalized_correlation(x, t, signal_mask=[True, True, True, False, True, True])
    expected = [-7 / np.sqrt(38 * 2), 1, 10 / np.sqrt(26 * 14 / 3)]
    np.testing.assert_allclose(y, expected, atol=1e-15)


@given(
    st.integers(0, 2**32 - 1),
    st.lists(st.tuples(st.integers(1, 14), st.integers(1, 6)), min_size=1, max_size=3),
    st.sampled_from(["full", "same", "valid"]),
    st.sampled_from([1e-12, 1.0, 1e12]),
    st.sampled_from([0.0, 0.1, 1e8]),
    st.booleans(),
)
def test_coefficients_lie_between_minus_one_and_one(seed, sizes, mode, gain, offset, masked):
    rng = np.random.default_rng(seed)
    shape, taps = zip(*((n + k - 1, k) for n, k in sizes), strict=True)
    # Few levels: windows that are constant, or nearly so, come often.
    x, t = gain * rng.integers(0, 3, shape) + offset, rng.integers(-1, 2, taps)
    inside, mask = rng.random(shape) < 0.6, rng.random(taps) < 0.7
    mask.flat[0] = True
    y = sc.normalized_correlation(
        x, t, mode, boundary="absent", mask=mask if masked else None, signal_mask=inside,
        min_overlap=0,
    )  # fmt: skip
    assert np.isfinite(y).all()
    assert np.abs(y).max() <= 1
    samples, marks = extended(x, inside, taps, mode, [("absent", "absent")] * len(taps))
    view = np.lib.stride_tricks.sliding_window_view
    pairs = view(marks, taps) & (mask if masked else True)
    window = tuple(range(-t.ndim, 0))
    for side in (view(samples, taps), np.broadcast_to(t.astype(float), pairs.shape)):
        # The spread of nothing is -inf - inf.
        spread = np.subtract(
            side.max(axis=window, where=pairs, initial=-np.inf),
            side.min(axis=window, where=pairs, initial=np.inf),
        )
        np.testing.assert_array_equal(y[spread <= 0], 0)


@given(st.integers(0, 2**32 - 1), st.floats(-1e6, 1e6), st.floats(1e-3, 1e3), st.booleans())
def test_gain_and_offset_of_either_input_do_not_matter(seed, offset, gain, masked):
    rng = np.random.default_rng(seed)
    x, t, inside = rng.standard_normal((20, 17)), rng.standard_normal((5, 4)), rng.random((20, 17))
    mask = rng.random(t.shape) < 0.8
    mask[0] = True
    keywords: dict[str, Any] = {"signal_mask": inside < 0.6, "mask": mask if masked else None}
    y = sc.normalized_correlation(x, t, **keywords)
    np.testing.assert_allclose(sc.normalized_correlation(-x, -t, **keywords), y, atol=1e-12)
    for signal, template in ((gain * x + offset, t), (x, gain * t + offset)):
        other = sc.normalized_correlation(signal, template, **keywords)
        # The sum with the offset is rounded before anyone sees it: of that, the definition knows.
        expected = naive(signal, keywords["signal_mask"], template, keywords["mask"], 0.3)
        np.testing.assert_allclose(other, expected, atol=1e-8)
        np.testing.assert_allclose(other, y, atol=1e-5)


@pytest.mark.parametrize("mode", ["full", "same", "valid"])
def test_a_mask_that_marks_all_changes_nothing(mode, monkeypatch):
    monkeypatch.setattr(matching, "masked_coefficients", None)
    x, t = RNG.standard_normal((30, 20)), RNG.standard_normal((5, 6))
    y = sc.normalized_correlation(x, t, mode)
    whole = sc.normalized_correlation(x, t, mode, signal_mask=np.ones(x.shape, bool), min_overlap=1)
    np.testing.assert_array_equal(whole, y)


def test_windows_without_gaps_are_as_without_a_mask():
    x, t = RNG.standard_normal((60, 50)), RNG.standard_normal((5, 6))
    inside = np.ones(x.shape, bool)
    inside[-1, -1] = False
    expected = sc.normalized_correlation(x, t)
    y = sc.normalized_correlation(x, t, signal_mask=inside)
    np.testing.assert_allclose(y[:-1, :-1], expected[:-1, :-1], atol=1e-13)
    assert abs(y[-1, -1] - expected[-1, -1]) > 1e-6


@pytest.mark.parametrize("masked", [False, True])
def test_what_the_mask_leaves_out_does_not_matter(masked):
    x, t, inside = drawn((30, 25), (5, 4))
    mask = RNG.random(t.shape) < 0.7 if masked else None
    y = sc.normalized_correlation(x, t, "same", boundary="reflect", mask=mask, signal_mask=inside)
    for value in (np.nan, np.inf, 1e300):
        other = sc.normalized_correlation(
            np.where(inside, x, value), t, "same", boundary="reflect", mask=mask, signal_mask=inside
        )
        np.testing.assert_array_equal(other, y)


@pytest.mark.parametrize("masked", [False, True])
@pytest.mark.parametrize("boundary", ["absent", "zero", "wrap"])
def test_samples_of_pairs_that_are_not_finite_give_nan(boundary, masked):
    x, t, inside = drawn((40, 30), (5, 6))
    mask = RNG.random(t.shape) < 0.7 if masked else np.ones(t.shape, bool)
    inside[[20, 3], [15, 4]], mask[2, 3] = True, True
    x[20, 15], x[3, 4], x[~inside] = np.nan, -np.inf, np.nan
    keywords: dict[str, Any] = {"boundary": boundary, "mask": mask, "signal_mask": inside}
    y = sc.normalized_correlation(x, t, "full", **keywords)
    bad = inside & ~np.isfinite(x)
    rule = "wrap" if boundary == "wrap" else "zero"
    counts = sc.correlate(bad.astype(int), mask.astype(int), "full", boundary=rule)
    np.testing.assert_array_equal(np.isnan(y), counts > 0)
    good = np.where(np.isfinite(x), x, 0)
    expected = sc.normalized_correlation(good, t, "full", **keywords)
    np.testing.assert_allclose(y[counts == 0], expected[counts == 0], atol=1e-12)

    t[2, 3] = np.nan
    y = sc.normalized_correlation(good, t, **{**keywords, "boundary": "zero"})
    np.testing.assert_array_equal(np.isnan(y), inside[2:38, 3:28])


def test_a_single_pair_and_equal_samples_give_zero():
    x, t = np.array([1.0, 5, 2, 7, 7, 3]), np.array([1.0, 2, 2])
    inside = np.array([True, False, False, True, True, True])
    # Pairs with 1; with 2; 7 7 with 2 2 (and 2 7 7 without the 2); 7 7 3 with 1 2 2.
    y = sc.normalized_correlation(x, t, signal_mask=inside, min_overlap=0)
    np.testing.assert_allclose(y, [0, 0, 0, -0.5], atol=1e-15)


def test_windows_with_too_few_pairs_give_zero():
    x, t = RNG.standard_normal(40), RNG.standard_normal(10)
    inside = np.arange(40) < 20
    whole = naive(x, inside, t)
    for share, kept in ((0, 19), (0.3, 18), (0.31, 17), (0.7, 14), (1, 11)):
        y = sc.normalized_correlation(x, t, signal_mask=inside, min_overlap=share)
        np.testing.assert_allclose(y[:kept], whole[:kept], atol=1e-12)
        np.testing.assert_array_equal(y[kept:], 0)
    np.testing.assert_array_equal(
        sc.normalized_correlation(x, t, signal_mask=inside),
        sc.normalized_correlation(x, t, signal_mask=inside, min_overlap=0.3),
    )


@pytest.mark.parametrize("dtype", ["float64", "longdouble"])
def test_a_share_that_is_just_reached_is_enough(dtype):
    x, t = RNG.standard_normal(300).astype(dtype), RNG.standard_normal(100)
    for n in range(2, 101):
        y = sc.normalized_correlation(x, t, signal_mask=np.arange(300) < n, min_overlap=n / 100)
        assert y[0] != 0
        assert not y[1:].any()


def test_the_share_may_be_an_exact_fraction():
    x, t, inside = RNG.standard_normal(30), RNG.standard_normal(10), np.arange(30) < 3
    shares: tuple[Any, ...] = (Fraction(3, 10), 0.3)
    exact, rounded = (
        sc.normalized_correlation(x, t, signal_mask=inside, min_overlap=share) for share in shares
    )
    np.testing.assert_array_equal(exact, rounded)
    assert exact[0]


def test_the_share_is_that_of_the_samples_the_template_counts():
    x, t, mask = RNG.standard_normal(30), RNG.standard_normal(10), np.arange(10) % 2 == 0
    inside = np.arange(30) % 10 < 5
    y = sc.normalized_correlation(x, t, mask=mask, signal_mask=inside, min_overlap=0.6)
    # Of 0, 2, 4, 6, 8 three meet a sample that exists at even places, and two at odd ones.
    assert y[::2].all()
    assert not y[1::2].any()


def test_no_sample_at_all_gives_zero():
    x = np.full((9, 9), np.nan)
    y = sc.normalized_correlation(x, RNG.random((3, 3)), signal_mask=np.zeros(x.shape, bool))
    np.testing.assert_array_equal(y, 0)


def test_absent_edges_give_what_a_mask_of_the_padded_signal_gives():
    x, t = RNG.standard_normal((12, 11)) + 3, RNG.standard_normal((4, 5))
    y = sc.normalized_correlation(x, t, "full", boundary=[("absent", "edge"), "absent"])
    padded = np.pad(np.pad(x, ((0, 3), (0, 0)), "edge"), ((3, 0), (4, 4)), constant_values=np.nan)
    expected = sc.normalized_correlation(padded, t, signal_mask=np.isfinite(padded))
    np.testing.assert_allclose(y, expected, atol=1e-12)
    same = sc.normalized_correlation(x, t, "same", boundary="absent", center=0)
    whole = sc.normalized_correlation(x, t, "full", boundary="absent")
    np.testing.assert_allclose(same, whole[3:, 4:], atol=1e-12)


def test_a_constant_beyond_the_edges_counts_as_data():
    x, t, inside = drawn(30, 8)
    y = sc.normalized_correlation(x, t, "full", signal_mask=inside)
    other = sc.normalized_correlation(x, t, "full", boundary="constant", signal_mask=inside)
    np.testing.assert_array_equal(other, y)


def test_valid_windows_have_no_edges():
    x, t = RNG.standard_normal(30), RNG.standard_normal(5)
    y = sc.normalized_correlation(x, t, boundary="absent", min_overlap=1)
    np.testing.assert_array_equal(y, sc.normalized_correlation(x, t))


@pytest.mark.parametrize("masked", [False, True])
def test_axes_leave_the_others_as_batches(masked):
    x, t, inside = drawn((3, 20, 4), 6)
    x = x * [1, 1e9, 1e-9, 1] + [0, 0, 0, 1e8]
    mask = np.arange(6) != 2 if masked else None
    y = sc.normalized_correlation(x, t, axes=1, mask=mask, signal_mask=inside)
    assert y.shape == (3, 15, 4)
    for i, j in np.ndindex(3, 4):
        expected = naive(x[i, :, j], inside[i, :, j], t, mask, 0.3)
        np.testing.assert_allclose(y[i, :, j], expected, atol=1e-9)


def test_axes_are_taken_in_the_order_given():
    x, t, inside = drawn((2, 9, 8), (3, 4))
    y = sc.normalized_correlation(x, t, axes=(2, 1), signal_mask=inside)
    np.testing.assert_allclose(y[1], naive(x[1], inside[1], t.T, None, 0.3), atol=1e-12)


@pytest.mark.parametrize(
    ("signal", "template", "result"),
    [("uint8", "uint8", "float64"), ("float32", "float32", "float32"), ("bool", "f4", "float32"),
     ("float16", "float16", "float16"), (">f4", "f8", "float64"), ("g", "f8", "longdouble"),
     ("int64", "int8", "float64")],
)  # fmt: skip
def test_result_dtype_is_the_floating_one_of_the_inputs(signal, template, result):
    x, t = RNG.integers(0, 9, 40).astype(signal), RNG.integers(0, 9, 5).astype(template)
    inside = RNG.random(40) < 0.8
    y = sc.normalized_correlation(x, t, signal_mask=inside)
    assert y.dtype == np.dtype(result)
    expected = naive(x, inside, t, None, 0.3)
    np.testing.assert_allclose(y, expected, atol=8 * np.finfo(y.dtype).eps + 1e-14)


def test_inputs_stay_as_they_are():
    arrays = drawn((30, 20), (3, 3))
    arrays[0][4, 4] = np.nan
    before = [array.copy() for array in arrays]
    for array in arrays:
        array.flags.writeable = False
    x, t, inside = arrays
    sc.normalized_correlation(x, t, "same", boundary="absent", signal_mask=inside)
    for array, kept in zip(arrays, before, strict=True):
        np.testing.assert_array_equal(array, kept)


@pytest.mark.parametrize("mode", ["full", "same", "valid"])
def test_empty_inputs_have_empty_surfaces(mode):
    for x, t in ((np.ones((0, 4)), np.ones((2, 2))), (np.ones((3, 4)), np.ones((0, 2)))):
        y = sc.normalized_correlation(x, t, mode, signal_mask=np.zeros(x.shape, bool))
        assert y.shape == sc.correlate(x, t, mode).shape


def test_scalars_are_windows_of_one_sample():
    assert sc.normalized_correlation(3.0, 2.0, signal_mask=True) == 0
    assert sc.normalized_correlation(np.nan, 2.0, signal_mask=False) == 0
    assert np.isnan(sc.normalized_correlation(np.nan, 2.0, signal_mask=True))


@pytest.mark.parametrize(
    ("keywords", "error", "match"),
    [
        ({"signal_mask": np.ones(5)}, DTypeError, "mask of the signal must be boolean"),
        ({"signal_mask": [True] * 2}, ShapeError, r"signal's shape \(5,\)"),
        ({"signal_mask": [[True] * 5]}, ShapeError, r"got \(1, 5\)"),
        ({"mask": [False, False], "signal_mask": [True] * 5}, OptionError, "no sample"),
        ({"min_overlap": -0.1}, OptionError, r"from 0 to 1; got -0\.1\. Divide"),
        ({"min_overlap": 2}, OptionError, "got 2"),
        ({"min_overlap": np.nan}, OptionError, "got nan"),
        ({"min_overlap": True}, OptionError, "got True"),
        ({"min_overlap": "half"}, OptionError, "got 'half'"),
        ({"min_overlap": None}, OptionError, "got None"),
    ],
)
def test_arguments_that_do_not_fit_are_refused(keywords, error, match):
    with pytest.raises(error, match=match):
        sc.normalized_correlation(np.ones(5), np.ones(2), **keywords)
    if "signal_mask" in keywords and "mask" not in keywords:
        with pytest.raises(error, match="mask"):
            sc.normalized_correlation(np.ones((3, 5)), np.ones(2), axes=-1, **keywords)
