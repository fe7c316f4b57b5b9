"""normalized_correlation: Pearson's coefficient of the template with every window."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import sigconv as sc
from sigconv.errors import BoundaryError, DTypeError, ModeError, OptionError, ShapeError

RNG = np.random.default_rng(1)
PADS: dict[str, Any] = {"zero": "constant"} | {
    rule: rule for rule in ("edge", "reflect", "symmetric", "wrap")
}


def naive(signal, template, mask=None):
    """The coefficients of the windows inside the signal, in two passes."""
    windows = np.lib.stride_tricks.sliding_window_view(signal, template.shape)
    counted = np.ones(template.shape, bool) if mask is None else mask
    w, t = windows[..., counted].astype("g"), template[counted].astype("g")
    w, t = w - w.mean(axis=-1, keepdims=True), t - t.mean()
    norms = np.linalg.norm(w, axis=-1) * np.linalg.norm(t)
    return np.divide(w @ t, norms, out=np.zeros(norms.shape, "g"), where=norms > 0)


@pytest.mark.parametrize("masked", [False, True])
@pytest.mark.parametrize(
    ("shape", "taps"), [((40,), (7,)), ((21, 30), (4, 9)), ((9, 8, 7), (3, 2, 4)), ((5,), (5,))]
)
def test_coefficients_agree_with_the_definition(shape, taps, masked):
    x, t = RNG.standard_normal(shape), RNG.standard_normal(taps)
    mask = RNG.random(taps) < 0.6 if masked else None
    y = sc.normalized_correlation(x, t, mask=mask)
    np.testing.assert_allclose(y, naive(x, t, mask), atol=1e-13)


@pytest.mark.parametrize("rule", PADS)
@pytest.mark.parametrize("mode", ["same", "full"])
def test_samples_beyond_the_edges_count_as_data(mode, rule):
    x, t = RNG.standard_normal((12, 11)) + 3, RNG.standard_normal((4, 5))
    before, after = ((2, 2), (1, 2)) if mode == "same" else ((3, 4), (3, 4))
    padded = np.pad(x, tuple(zip(before, after, strict=True)), PADS[rule])
    y = sc.normalized_correlation(x, t, mode, boundary=rule)
    np.testing.assert_allclose(y, naive(padded, t), atol=1e-13)


def test_fill_value_and_center_are_those_of_correlate():
    x, t = RNG.standard_normal(9), RNG.standard_normal(4)
    y = sc.normalized_correlation(x, t, "same", boundary="constant", fill_value=2.5, center=1)
    padded = np.pad(x, (1, 2), constant_values=2.5)
    np.testing.assert_allclose(y, naive(padded, t), atol=1e-13)


def test_a_worked_example():
    # Windows 0 0 1, 0 1 0, 1 0 0 and then 0 0 0; a template that rises by equal steps.
    y = sc.normalized_correlation([0, 0, 1, 0, 0, 0], [1, 2, 3])
    np.testing.assert_allclose(y, [np.sqrt(0.75), 0, -np.sqrt(0.75), 0], atol=1e-15)


def test_a_plus_in_an_image_is_found_upright_and_inverted():
    plus = np.array([[0, 1, 0], [1, 1, 1], [0, 1, 0]])
    image = np.zeros((6, 6), int)
    image[0:3, 0:3], image[3:6, 3:6] = plus, -plus
    surface = sc.normalized_correlation(image, plus)
    np.testing.assert_allclose(surface[[0, 3], [0, 3]], [1, -1], atol=1e-14)
    # At (0, 1) are 4 ones among 9, two of them under the 5 of the plus: covariance 2 - 20/9,
    # squared deviations 4 - 16/9 and 5 - 25/9.
    np.testing.assert_allclose(surface[0, 1], -0.1, atol=1e-14)


@given(
    st.integers(0, 2**32 - 1),
    st.lists(st.tuples(st.integers(1, 14), st.integers(1, 6)), min_size=1, max_size=3),
    st.sampled_from(["full", "same", "valid"]),
    st.sampled_from([1e-12, 1.0, 1e12]),
    st.sampled_from([0.0, 1.0, 1e8]),
    st.booleans(),
)
def test_coefficients_lie_between_minus_one_and_one(seed, sizes, mode, gain, offset, masked):
    rng = np.random.default_rng(seed)
    shape, taps = zip(*((n + k - 1, k) for n, k in sizes), strict=True)
    # Few levels: windows that are constant, or nearly so, come often.
    x = gain * rng.integers(0, 3, shape) + offset
    t = rng.integers(-1, 2, taps)
    mask = rng.random(taps) < 0.7
    mask.flat[0] = True
    y = sc.normalized_correlation(x, t, mode, mask=mask if masked else None)
    assert np.isfinite(y).all()
    assert np.abs(y).max() <= 1


@given(st.integers(0, 2**32 - 1), st.floats(-1e6, 1e6), st.floats(1e-3, 1e3), st.booleans())
def test_gain_and_offset_of_either_input_do_not_matter(seed, offset, gain, masked):
    rng = np.random.default_rng(seed)
    x, t = rng.standard_normal((20, 17)), rng.standard_normal((5, 4))
    mask = rng.random(t.shape) < 0.7 if masked else None
    if mask is not None:
        mask[0] = True
    y = sc.normalized_correlation(x, t, mask=mask)
    np.testing.assert_allclose(sc.normalized_correlation(-x, -t, mask=mask), y, atol=1e-12)
    for signal, template in ((gain * x + offset, t), (x, gain * t + offset)):
        other = sc.normalized_correlation(signal, template, mask=mask)
        # The sum with the offset is rounded before anyone sees it: of that, the definition knows.
        np.testing.assert_allclose(other, naive(signal, template, mask), atol=1e-9)
        if offset == 0:
            np.testing.assert_allclose(other, y, atol=1e-12)


@given(st.integers(0, 2**32 - 1), st.integers(0, 15), st.integers(0, 13))
def test_a_template_cut_from_the_image_scores_one_at_its_place(seed, row, column):
    x = np.random.default_rng(seed).standard_normal((20, 18))
    y = sc.normalized_correlation(x, 3 * x[row : row + 5, column : column + 5] - 7)
    assert np.unravel_index(y.argmax(), y.shape) == (row, column)
    np.testing.assert_allclose(y[row, column], 1, atol=1e-12)


@pytest.mark.parametrize("level", [0.0, 0.1, -1e8 / 3, 1e30])
@pytest.mark.parametrize("mode", ["valid", "same"])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("masked", [False, True])
def test_constant_windows_give_zero(level, mode, dtype, masked):
    x, t = np.full((30, 40), level, dtype), RNG.standard_normal((7, 6))
    mask = RNG.random(t.shape) < 0.6 if masked else None
    y = sc.normalized_correlation(x, t, mode, boundary="edge", mask=mask)
    np.testing.assert_array_equal(y, 0)
    half = x.copy()
    half[:, 20:] += RNG.standard_normal((30, 20)).astype(dtype) * (abs(level) + 1)
    y = sc.normalized_correlation(half, t, mask=mask)
    np.testing.assert_array_equal(y[:, :15], 0)
    np.testing.assert_allclose(y, naive(half - half[0, 0], t, mask), atol=1e-6)


def test_steps_are_constant_on_either_side():
    # Sums of 15 times such a level are rounded, and their mean is not the level.
    x = np.repeat([[0.1, 0.7, 1e3 / 3]], 40, axis=1) * np.ones((40, 1))
    y = sc.normalized_correlation(x, RNG.standard_normal((29, 15)))
    inside = np.r_[0:26, 40:66, 80:106]
    np.testing.assert_array_equal(y[:, inside], 0)
    assert np.delete(y, inside, axis=1).all()


def test_a_constant_template_gives_zero():
    for t in (np.full((3, 3), 0.1), np.ones((2, 2), bool), np.ones((1, 1))):
        np.testing.assert_array_equal(sc.normalized_correlation(RNG.random((9, 9)), t), 0)


@pytest.mark.parametrize("masked", [False, True])
def test_an_offset_of_1e8_costs_no_more_than_it_rounds_away(masked):
    x, t = RNG.standard_normal((60, 50)), RNG.standard_normal((9, 8))
    mask = RNG.random(t.shape) < 0.6 if masked else None
    y = sc.normalized_correlation(x + 1e8, t, mask=mask)
    np.testing.assert_allclose(y, naive(x + 1e8 - 1e8, t, mask), atol=1e-12)
    assert np.abs(y).max() <= 1


def test_a_window_beyond_a_step_is_as_good_under_a_mask():
    x = np.r_[RNG.standard_normal(300), 1e8 + RNG.standard_normal(200)]
    t, mask = x[350:370], np.arange(20) != 5
    for kept in (None, mask):
        y = sc.normalized_correlation(x, t, mask=kept)
        assert y.argmax() == 350
        np.testing.assert_allclose(y[350], 1, atol=1e-12)


LANDSCAPES: dict[str, Any] = {
    # Values in each part, and the rounding of sums that its distance from the median leaves.
    "ramp": (np.linspace(0, 1e8, 90), 1.0, 1e-11),
    "step": (np.where(np.arange(90) > 40, 1e8, 0), 1.0, 1e-6),
    "offset": (np.full(90, 1e8), 1.0, 1e-12),
    "scales": (np.zeros(90), np.where(np.arange(90) > 40, 1e8, 1e-3), 1e-11),
}


@pytest.mark.parametrize("name", LANDSCAPES)
@pytest.mark.parametrize("masked", ["not", "disc", "random"])
def test_what_lies_elsewhere_does_not_cost_digits(name, masked):
    level, scale, error = LANDSCAPES[name]
    x = level + scale * RNG.standard_normal((80, 90))
    t = RNG.standard_normal((16, 16))
    masks = {"disc": np.hypot(*np.mgrid[-7.5:8, -7.5:8]) < 8, "random": RNG.random(t.shape) < 0.5}
    mask = masks.get(masked)
    y = sc.normalized_correlation(x, t, mask=mask)
    np.testing.assert_allclose(y, naive(x, t, mask), atol=error)


def test_every_template_of_a_batch_has_its_own_mask():
    x, t = RNG.standard_normal((1, 60)), RNG.standard_normal((3, 6))
    x[:, 30:] += 1e8
    mask = RNG.random(t.shape) < 0.6
    mask[:, :2] = True
    y = sc.normalized_correlation(x, t, axes=-1, mask=mask)
    expected = [naive(x[0], row, kept) for row, kept in zip(t, mask, strict=True)]
    np.testing.assert_allclose(y, expected, atol=1e-6)
    rows = sc.normalized_correlation(x.repeat(2, 0), t[0], axes=-1, mask=mask[0])
    np.testing.assert_allclose(rows, [expected[0]] * 2, atol=1e-6)


@pytest.mark.parametrize("spike", [1e12, 1e15])
@pytest.mark.parametrize("masked", [False, True])
def test_a_spike_leaves_the_other_windows_right(spike, masked):
    x, t = RNG.standard_normal((200, 180)), RNG.standard_normal((16, 16))
    mask = RNG.random(t.shape) < 0.6 if masked else None
    x[90, 100] = spike
    y = sc.normalized_correlation(x, t, mask=mask)
    np.testing.assert_allclose(y, naive(x, t, mask), atol=1e-9)


@pytest.mark.parametrize("masked", [False, True])
@pytest.mark.parametrize("mode", ["valid", "full"])
def test_windows_with_nan_or_infinity_are_nan_and_the_others_right(masked, mode):
    x, t = RNG.standard_normal((40, 30)), RNG.standard_normal((5, 6))
    mask = np.ones(t.shape, bool)
    if masked:
        mask[1:, 2:4] = False
    holes = x.copy()
    holes[20, 15], holes[3, 4] = np.nan, -np.inf
    y = sc.normalized_correlation(holes, t, mode, mask=mask)
    expected = sc.normalized_correlation(x, t, mode, mask=mask)
    touched = sc.correlate((~np.isfinite(holes)).astype(int), mask.astype(int), mode) > 0
    np.testing.assert_array_equal(np.isnan(y), touched)
    np.testing.assert_allclose(y[~touched], expected[~touched], atol=1e-12)


def test_what_the_mask_leaves_out_does_not_matter():
    x, t = RNG.standard_normal((30, 30)), RNG.standard_normal((5, 5))
    mask = RNG.random(t.shape) < 0.5
    other = np.where(mask, t, np.nan)
    y = sc.normalized_correlation(x, t, mask=mask)
    np.testing.assert_array_equal(sc.normalized_correlation(x, other, mask=mask), y)


def test_a_mask_of_one_sample_leaves_a_constant_template():
    mask = np.arange(5) == 2
    y = sc.normalized_correlation(RNG.standard_normal(30), RNG.standard_normal(5), mask=mask)
    np.testing.assert_array_equal(y, 0)


def test_a_template_with_nan_makes_every_coefficient_nan():
    t = np.array([1, np.nan, 2])
    assert np.isnan(sc.normalized_correlation(RNG.random(9), t)).all()
    assert np.isnan(sc.normalized_correlation(np.ones(9), t)).all()


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("masked", [False, True])
def test_scale_extremes_do_not_overflow(masked):
    x, t = RNG.standard_normal(60), RNG.standard_normal(9)
    mask = np.arange(9) % 4 != 1 if masked else None
    y = sc.normalized_correlation(x, t, mask=mask)
    for gain in (1e-300, 1e-200, 1e-80, 1e80, 1e200, 1e300):
        for signal, template in ((gain * x, t), (x, gain * t)):
            other = sc.normalized_correlation(signal, template, mask=mask)
            np.testing.assert_allclose(other, y, atol=1e-12)
        for level in (np.full(20, gain), np.r_[np.full(20, gain), 0, -gain]):
            other = sc.normalized_correlation(level, t, "full", mask=mask)
            assert np.isfinite(other).all()
            np.testing.assert_array_equal(other[8:20], 0)


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("masked", [False, True])
def test_samples_next_to_the_largest_number_do_not_overflow(masked):
    high = 1.7e308 * np.array([-1.0, 1.0, -1.0, 1.0, 1.0, -1.0, 1.0])
    x, t = np.stack([high, RNG.standard_normal(7)]), RNG.standard_normal((1, 3))
    mask = np.array([[True, True, False]]) if masked else None
    y = sc.normalized_correlation(x, t, axes=-1, mask=mask)
    expected = sc.normalized_correlation(x * [[2.0**-900], [1]], t, axes=-1, mask=mask)
    np.testing.assert_allclose(y, expected, atol=1e-12)
    x[0, 0] = np.inf
    y = sc.normalized_correlation(x, t, axes=-1, mask=mask)
    assert np.isnan(y[0, 0])
    np.testing.assert_allclose(y[:, 1:], expected[:, 1:], atol=1e-12)


@pytest.mark.parametrize("masked", [False, True])
def test_axes_leave_the_others_as_batches(masked):
    x, t = RNG.standard_normal((3, 20, 4)), RNG.standard_normal(6)
    mask = np.arange(6) != 2 if masked else None
    y = sc.normalized_correlation(x, t, axes=1, mask=mask)
    assert y.shape == (3, 15, 4)
    for i in np.ndindex(3, 4):
        np.testing.assert_allclose(y[i[0], :, i[1]], naive(x[i[0], :, i[1]], t, mask), atol=1e-13)


def test_every_element_of_a_batch_may_have_its_own_template():
    x, t = RNG.standard_normal((1, 20)), RNG.standard_normal((3, 6))
    x, t = x + 1e8, t * [[1], [1e9], [1e-9]]
    y = sc.normalized_correlation(x, t, axes=-1)
    expected = [naive(x[0] - 1e8, row) for row in t]
    np.testing.assert_allclose(y, expected, atol=1e-12)


def test_axes_are_taken_in_the_order_given():
    x, t = RNG.standard_normal((2, 9, 8)), RNG.standard_normal((3, 4))
    y = sc.normalized_correlation(x, t, axes=(2, 1))
    np.testing.assert_allclose(y[1], naive(x[1], t.T), atol=1e-13)


@pytest.mark.parametrize(
    ("signal", "template", "result"),
    [("uint8", "uint8", "float64"), ("float32", "float32", "float32"), ("bool", "f4", "float32"),
     ("float16", "float16", "float16"), ("f4", "f8", "float64"), ("g", "f8", "longdouble")],
)  # fmt: skip
def test_result_dtype_is_the_floating_one_of_the_inputs(signal, template, result):
    x, t = RNG.integers(0, 9, 40), RNG.integers(0, 9, 5)
    y = sc.normalized_correlation(x.astype(signal), t.astype(template))
    assert y.dtype == np.dtype(result)
    np.testing.assert_allclose(
        y, naive(x.astype(signal), t.astype(template)), atol=8 * np.finfo(y.dtype).eps + 1e-14
    )
    assert sc.normalized_correlation(x, t, dtype="float32").dtype == np.float32


def test_float32_moments_are_summed_in_float64():
    x = (RNG.standard_normal((60, 60)) + 1000).astype("f4")
    t = RNG.standard_normal((12, 12)).astype("f4")
    np.testing.assert_allclose(sc.normalized_correlation(x, t), naive(x, t), atol=1e-6)


def test_the_result_does_not_depend_on_workers():
    x, t = RNG.standard_normal((400, 300)), RNG.standard_normal((9, 9))
    one, two = (sc.normalized_correlation(x, t, workers=n) for n in (1, 2))
    np.testing.assert_array_equal(one, two)


def test_inputs_stay_as_they_are():
    x, t = RNG.standard_normal((30, 20)), RNG.standard_normal((3, 3))
    x[4, 4] = np.nan
    before = x.copy(), t.copy()
    for array in (x, t):
        array.flags.writeable = False
    sc.normalized_correlation(x, t)
    np.testing.assert_array_equal(x, before[0])
    np.testing.assert_array_equal(t, before[1])


@pytest.mark.parametrize("mode", ["full", "same", "valid"])
def test_empty_inputs_have_empty_surfaces(mode):
    for x, t in ((np.ones((0, 4)), np.ones((2, 2))), (np.ones((3, 4)), np.ones((0, 2)))):
        expected = sc.correlate(x, t, mode).shape
        assert sc.normalized_correlation(x, t, mode).shape == expected
    assert sc.normalized_correlation(np.ones((0, 5)), np.ones(2), axes=1).shape == (0, 4)


def test_scalars_are_windows_of_one_sample():
    assert sc.normalized_correlation(3.0, 2.0) == 0
    assert np.isnan(sc.normalized_correlation(np.nan, 2.0))


@pytest.mark.parametrize(
    ("arguments", "keywords", "error", "match"),
    [
        ((np.ones(3), np.ones(4)), {}, ShapeError, "fits into the signal"),
        ((np.ones((3, 5)), np.ones((4, 4))), {}, ModeError, "transpose"),
        ((np.ones((3, 3)), np.ones(3)), {}, ShapeError, "1-D template .* axes=-1"),
        ((np.ones((3, 3)), np.ones((2, 3, 3))), {}, ShapeError, "signal and template need"),
        ((np.ones(5) * 1j, np.ones(2)), {}, DTypeError, "abs"),
        ((np.ones(5), ["a"]), {}, DTypeError, "numbers"),
        ((np.ones(5), np.ones(2)), {"dtype": int}, DTypeError, "floating"),
        ((np.ones(5), np.ones(2)), {"mask": [1, 0]}, DTypeError, "boolean"),
        ((np.ones(5), np.ones(2)), {"mask": [True]}, ShapeError, "template's shape"),
        ((np.ones(5), np.ones(2)), {"mask": [False, False]}, OptionError, "no sample"),
        ((np.ones(5), np.ones(2), "same"), {"boundary": "missing"}, BoundaryError, "absent"),
        ((np.ones(5), np.ones(2), "same"), {"center": 2}, ShapeError, "center"),
        ((np.ones(5), np.ones(2), "mirror"), {}, ModeError, "boundary"),
        ((np.ones(5), np.ones(2)), {"workers": 0}, OptionError, "workers"),
    ],
)
def test_arguments_that_do_not_fit_are_refused(arguments, keywords, error, match):
    with pytest.raises(error, match=match):
        sc.normalized_correlation(*arguments, **keywords)
