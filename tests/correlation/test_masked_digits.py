"""Coefficients over the pairs that count keep their digits, whatever lies elsewhere."""

from typing import Any

import numpy as np
import pytest

import sigconv as sc
from sigconv.correlation import masked as module
from tests.correlation.pairs import RNG, drawn, naive


@pytest.mark.parametrize("level", [0.0, 0.1, -1e8 / 3, 1e30])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("masked", [False, True])
def test_constant_windows_give_zero(level, dtype, masked):
    _, t, inside = drawn((30, 40), (7, 6))
    x = np.full((30, 40), level, dtype)
    mask = RNG.random(t.shape) < 0.6 if masked else None
    keywords: dict[str, Any] = {"mask": mask, "signal_mask": inside, "min_overlap": 0}
    y = sc.normalized_correlation(x, t, "full", boundary="absent", **keywords)
    np.testing.assert_array_equal(y, 0)
    half = x.copy()
    half[:, 20:] += RNG.standard_normal((30, 20)).astype(dtype) * (abs(level) + 1)
    y = sc.normalized_correlation(half, t, **keywords)
    np.testing.assert_array_equal(y[:, :15], 0)
    np.testing.assert_allclose(y, naive(half - half[0, 0], inside, t, mask), atol=1e-6)
    # The other way round: parts of the template are constant.
    t[:, :4] = level
    y = sc.normalized_correlation(half, t.astype(dtype), boundary="absent", mode="full", **keywords)
    np.testing.assert_array_equal(y[:, -1], 0)
    assert np.abs(y).max() <= 1


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_what_rounding_leaves_is_constant(dtype):
    x, t, inside = drawn((30, 40), (5, 6))
    level = np.asarray(1e8 / 3, dtype)
    noise = np.where(x < 0, level, np.nextafter(level, np.inf, dtype=dtype))
    assert noise.dtype == dtype
    assert len(np.unique(noise)) == 2
    keywords: dict[str, Any] = {"signal_mask": inside, "min_overlap": 0, "dtype": "float64"}
    np.testing.assert_array_equal(sc.normalized_correlation(noise, t, **keywords), 0)
    np.testing.assert_array_equal(sc.normalized_correlation(x, noise[:5, :6], **keywords), 0)
    # What counts is the left half of the template, whatever is loud under the right one.
    noise[:, 20:] *= x[:, 20:].astype(dtype)
    mask = np.broadcast_to(np.arange(6) < 3, t.shape)
    y = sc.normalized_correlation(noise, t, mask=mask, **keywords)
    np.testing.assert_array_equal(y[:, :18], 0)
    assert y[:, 18:].any()
    # Beyond the right edge of an image, the left half of the template is all that is left.
    y = sc.normalized_correlation(x, noise[:5, 17:23], "full", boundary="absent", **keywords)
    np.testing.assert_array_equal(y[:, -3:], 0)
    assert y[:, -4].any()


def test_steps_are_constant_on_either_side():
    x = np.repeat([[0.1, 0.7, 1e3 / 3]], 40, axis=1) * np.ones((40, 1))
    _, t, inside = drawn(x.shape, (29, 15), 0.8)
    y = sc.normalized_correlation(x, t, signal_mask=inside)
    flat = np.r_[0:26, 40:66, 80:106]
    np.testing.assert_array_equal(y[:, flat], 0)
    assert np.delete(y, flat, axis=1).all()


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_copies_in_gaps_do_not_make_a_window_constant(dtype):
    # Of 100 samples 30 count, and one of these differs; loud ones elsewhere spoil the sums.
    x, t, inside = np.full(400, 1000, dtype), np.arange(100.0), np.zeros(400, bool)
    x[99] += 9000 * np.finfo(dtype).eps
    inside[:29] = inside[99] = inside[200:] = True
    x[200:] = 1e20 * RNG.standard_normal(200)
    y = sc.normalized_correlation(x, t, signal_mask=inside, dtype="float64")
    expected = naive(x[:100], inside[:100], t)[0]
    assert expected > 0.8
    np.testing.assert_allclose(y[0], expected, atol=1e-9)


@pytest.mark.parametrize("scale", [1e-7, 1e-12])
def test_samples_far_below_the_median_of_all_keep_their_digits(scale):
    x, t, inside = np.full(50, 1e8), RNG.standard_normal(5), np.arange(50) != 40
    x[30:] = scale * RNG.standard_normal(20)
    y = sc.normalized_correlation(x, t, signal_mask=inside)
    np.testing.assert_allclose(y, naive(x, inside, t), atol=1e-9)


LANDSCAPES: dict[str, Any] = {
    # Values in each part, and the rounding that differences of such values leave.
    "ramp": (np.linspace(0, 1e8, 90), 1.0, 1e-9),
    "step": (np.where(np.arange(90) > 40, 1e8, 0), 1.0, 1e-6),
    "offset": (np.full(90, 1e8), 1.0, 1e-9),
    "scales": (np.zeros(90), np.where(np.arange(90) > 40, 1e8, 1e-3), 1e-9),
}


@pytest.mark.parametrize("name", LANDSCAPES)
@pytest.mark.parametrize("masked", [False, True])
def test_what_lies_elsewhere_does_not_cost_digits(name, masked):
    level, scale, error = LANDSCAPES[name]
    x, t, inside = drawn((80, 90), (16, 16))
    x = level + scale * x
    mask = np.hypot(*np.mgrid[-7.5:8, -7.5:8]) < 8 if masked else None
    y = sc.normalized_correlation(x, t, mask=mask, signal_mask=inside)
    np.testing.assert_allclose(y, naive(x, inside, t, mask), atol=error)


@pytest.mark.parametrize("spike", [1e6, 1e12, 1e15])
@pytest.mark.parametrize("masked", [False, True])
def test_a_spike_leaves_the_other_windows_right(spike, masked):
    x, t, inside = drawn((200, 180), (16, 16))
    mask = RNG.random(t.shape) < 0.6 if masked else None
    x[90, 100], inside[90, 100] = spike, True
    y = sc.normalized_correlation(x, t, mask=mask, signal_mask=inside)
    np.testing.assert_allclose(y, naive(x, inside, t, mask), atol=1e-9)


@pytest.mark.parametrize("spike", [1e6, 1e12])
def test_a_spike_in_a_template_leaves_the_windows_that_miss_it_right(spike):
    x, t = RNG.standard_normal((40, 30)), RNG.standard_normal((8, 8))
    t[0, 0] = spike
    y = sc.normalized_correlation(x, t, "full", boundary="absent")
    padded, inside = (np.pad(array, 7) for array in (x, np.ones(x.shape, bool)))
    np.testing.assert_allclose(y, naive(padded, inside, t, None, 0.3), atol=1e-9)


@pytest.fixture
def by_definition(monkeypatch):
    """How many windows each step by the definition has computed, two of them at a time."""
    seen = []
    function = module._by_definition

    def counting(call, windows, pattern, lost, surface):
        seen.append(np.count_nonzero(lost))
        function(call, windows, pattern, lost, surface)

    monkeypatch.setattr(module, "_by_definition", counting)
    monkeypatch.setattr(module, "_PRODUCTS", 150)
    return seen


def test_noise_is_left_to_sums(by_definition):
    x, t, inside = drawn((90, 100), (9, 8), 0.8)
    for image in (x, x + 1e8, 1e-9 * x):
        y = sc.normalized_correlation(image, t, signal_mask=inside)
        np.testing.assert_allclose(y, naive(image, inside, t), atol=1e-9)
    assert not sum(by_definition)


def test_what_is_constant_is_left_to_sums(by_definition):
    x, t, inside = drawn((90, 100), (9, 8), 0.8)
    sc.normalized_correlation(x, np.full(t.shape, 0.1), signal_mask=inside)
    # Single samples, of which no two lie in one window.
    apart = (np.mgrid[:90, :100] % 10 == 0).all(axis=0)
    sc.normalized_correlation(x, t, signal_mask=apart, min_overlap=0)
    # Plateaus of which neither is the median of all, with holes and missing rows.
    x = np.repeat([0.1, 0.7, 5.3], [20, 35, 45]) + np.zeros((90, 1))
    inside[40:43] = False
    y = sc.normalized_correlation(x, t, signal_mask=inside)
    assert not sum(by_definition)
    np.testing.assert_allclose(y, naive(x, inside, t), atol=1e-9)


def test_a_spike_leaves_distant_windows_to_sums(by_definition):
    x, t, inside = drawn((90, 100), (9, 8), 0.8)
    x[40, 40], inside[40, 40] = 1e9, True
    y = sc.normalized_correlation(x, t, signal_mask=inside)
    np.testing.assert_allclose(y, naive(x, inside, t), atol=1e-9)
    # In tiles no larger than a window, those beside it share its sums.
    assert 0 < sum(by_definition) <= 18 * 16
    by_definition.clear()
    # Unless they are constant; here no gap is filled with a copy of the spike.
    inside[60:, 60:] = True
    x = np.where(np.arange(100) < 60, 0.1, 0.7) + 1e9 * (np.mgrid[:90, :100] == 80).all(axis=0)
    y = sc.normalized_correlation(x, t, signal_mask=inside)
    np.testing.assert_allclose(y, naive(x, inside, t), atol=1e-9)
    assert not sum(by_definition)


def test_levels_are_those_of_samples_that_count(by_definition):
    # The median of samples at even places is 0.
    x, t, inside = drawn((47, 47), (24, 24), 0)
    inside[1::2, 1::2] = True
    x = np.where(inside, x + 1e8, 0)
    y = sc.normalized_correlation(x, t, signal_mask=inside, min_overlap=0)
    np.testing.assert_allclose(y, naive(x - 1e8, inside, t), atol=1e-12)
    assert not sum(by_definition)


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("masked", [False, True])
def test_scale_extremes_do_not_overflow(masked):
    x, t, inside = drawn(60, 9, 0.8)
    mask = np.arange(9) % 4 != 1 if masked else None
    keywords: dict[str, Any] = {"mask": mask, "signal_mask": inside}
    y = sc.normalized_correlation(x, t, **keywords)
    for gain in (1e-300, 1e-200, 1e-80, 1e80, 1e200, 1e300):
        for signal, template in ((gain * x, t), (x, gain * t)):
            other = sc.normalized_correlation(signal, template, **keywords)
            np.testing.assert_allclose(other, y, atol=1e-12)
        level = np.r_[np.full(20, gain), 0, -gain]
        other = sc.normalized_correlation(level, t, "full", mask=mask, boundary="absent")
        assert np.isfinite(other).all()
        np.testing.assert_array_equal(other[8:20], 0)


@pytest.mark.filterwarnings("error")
def test_samples_next_to_the_largest_number_do_not_overflow():
    high = 1.7e308 * np.array([-1.0, 1.0, -1.0, 1.0])
    x, inside = RNG.standard_normal(20), np.arange(20) != 7
    y = sc.normalized_correlation(x, high, signal_mask=inside)
    np.testing.assert_allclose(y, naive(x, inside, high / 1e300), atol=1e-12)
    x[:8] = np.tile(high, 2)
    y = sc.normalized_correlation(x, np.arange(4.0), signal_mask=inside)
    np.testing.assert_allclose(y[:5], naive(x[:8] / 1e300, inside[:8], np.arange(4.0)), atol=1e-12)


@pytest.mark.parametrize("products", [1, 1 << 20])
def test_every_template_of_a_batch_has_its_own_mask_and_share(products, monkeypatch):
    # With one product a step, halves are taken, and windows one by one.
    monkeypatch.setattr(module, "_PRODUCTS", products)
    x, t, inside = drawn((1, 60), (3, 6))
    x[:, 30:] += 1e8
    mask = RNG.random(t.shape) < 0.6
    mask[:, :2] = True
    y = sc.normalized_correlation(x, t, axes=-1, mask=mask, signal_mask=inside)
    expected = [naive(x[0], inside[0], row, kept, 0.3) for row, kept in zip(t, mask, strict=True)]
    np.testing.assert_allclose(y, expected, atol=1e-6)
    rows, marks = x.repeat(2, 0) * [[1], [1e-9]], np.vstack([inside, ~inside])
    y = sc.normalized_correlation(rows, t[0], axes=-1, mask=mask[0], signal_mask=marks)
    expected = [naive(row, own, t[0], mask[0], 0.3) for row, own in zip(rows, marks, strict=True)]
    np.testing.assert_allclose(y, expected, atol=1e-6)


def test_the_result_does_not_depend_on_workers():
    x, t, inside = drawn((400, 300), (9, 9))
    x[200, 200] = 1e10
    one, two = (sc.normalized_correlation(x, t, signal_mask=inside, workers=n) for n in (1, 2))
    np.testing.assert_array_equal(one, two)
