"""Integers through FFTs: limbs that are sure to round right, and never more than needed."""

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

import sigconv as sc
from sigconv.core.integers import IntegerBits
from sigconv.engines.accuracy import choose_limbs
from sigconv.engines.limbs import _digits
from sigconv.errors import MethodError

BY_FFT = ("fft", "overlap-save", "overlap-add")


def exactly(x, h):
    """Return the full convolution in Python's integers, taken modulo 2**64."""
    return np.convolve(x.astype(object), h.astype(object))


@st.composite
def integers(draw, bits, size):
    """Draw magnitudes below 2**bits: all of the largest, of random sign, or anything between."""
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    top = (1 << bits) - 1
    kind = draw(st.sampled_from(["constant", "signs", "uniform"]))
    if kind == "constant":
        return np.full(size, top, np.int64)
    if kind == "signs":
        return rng.choice(np.array([-top, top]), size)
    return rng.integers(-top, top, size, endpoint=True)


@pytest.mark.parametrize("method", BY_FFT)
@given(st.data())
def test_any_integers_that_fit_are_exact(method, data):
    n, k = data.draw(st.integers(2, 300)), data.draw(st.integers(2, 300))
    room = 63 - min(n, k).bit_length()
    bits = data.draw(st.integers(0, room))
    x = data.draw(integers(bits, n))
    h = data.draw(integers(data.draw(st.integers(0, room - bits)), k))
    np.testing.assert_array_equal(sc.convolve(x, h, method=method), exactly(x, h))


@pytest.mark.parametrize("method", BY_FFT)
@pytest.mark.parametrize(("x_bits", "h_bits"), [(8, 8), (25, 24), (44, 4), (4, 44), (30, 19)])
def test_the_worst_integers_of_a_long_block_are_exact(method, x_bits, h_bits):
    n, k = 20_000, 9000
    rng = np.random.default_rng(3)
    x = rng.choice(np.array([1 - 2**x_bits, 2**x_bits - 1]), n)
    h = rng.choice(np.array([1 - 2**h_bits, 2**h_bits - 1]), k)
    y = sc.convolve(x, h, method=method)
    np.testing.assert_array_equal(y, sc.convolve(x, h, method="direct"))
    # Every sign alike: the largest sums that these widths allow.
    y = sc.convolve(np.abs(x), np.abs(h), "valid", method=method)
    np.testing.assert_array_equal(y, k * int(abs(x[0])) * int(abs(h[0])))


@pytest.mark.parametrize("method", BY_FFT)
def test_the_limits_of_64_bits_pass_through(method):
    for dtype in ("int64", "uint64"):
        info = np.iinfo(dtype)
        low = info.min + 1 if info.min else 0
        x = np.array([low, info.max, 1, 0, info.max - 1] * 40, dtype)
        h = np.zeros(9, np.int8 if dtype == "int64" else np.uint8)
        h[4] = 1
        y = sc.convolve(x, h, "same", method=method)
        assert y.dtype == np.dtype(dtype)
        np.testing.assert_array_equal(y, x)


@pytest.mark.parametrize("method", BY_FFT)
def test_boundaries_modes_and_batches_are_exact(method):
    rng = np.random.default_rng(4)
    x = rng.integers(-(2**30), 2**30, (3, 40, 50))
    h = rng.integers(-(2**20), 2**20, (3, 5, 4))
    for keywords in (
        {"mode": "same", "boundary": "symmetric"},
        {"mode": "full", "boundary": "constant", "fill_value": 2**29 - 1},
        {"mode": "valid"},
    ):
        expected = sc.testing.naive_convolve(x, h, axes=(1, 2), **keywords)
        y = sc.convolve(x, h, axes=(1, 2), method=method, **keywords)
        np.testing.assert_array_equal(y, expected)


@given(
    st.lists(st.integers(-(2**63), 2**63 - 1), min_size=1, max_size=9),
    st.integers(4, 60),
    st.integers(1, 16),
)
@example([2**63 - 1, -(2**63)], 33, 2)
def test_digits_are_small_and_add_up_modulo_64_bits(values, width, count):
    digits = [d.tolist() for d in _digits(np.array(values), width, count)]
    assert len(digits) == count
    assert all(abs(d) <= 2 ** (width - 1) for row in digits[:-1] for d in row)
    for i, value in enumerate(values):
        total = sum(row[i] << (width * j) for j, row in enumerate(digits))
        assert (total - value) % 2**64 == 0


def limbs(n, k, *bits):
    problem = sc.plan((n,), (k,), dtype=np.int64).problem
    return choose_limbs(problem.with_bits(IntegerBits(*bits)), (16384,))


def test_audio_of_16_bits_takes_few_transforms():
    assert limbs(10**6, 1000, 16, 12, 53)[1:] == (1, 1)
    assert limbs(10**6, 1000, 16, 16, 53)[1:] in {(1, 2), (2, 1)}


def test_wider_integers_take_more_limbs_and_wide_ones_serve_any():
    counts = [sum(limbs(10**6, 1000, bits, bits, 64)[1:]) for bits in (12, 24, 32, 48, 64)]
    assert counts == sorted(counts)
    assert counts[0] == 2
    assert counts[-1] <= 10


@pytest.mark.parametrize("nfft", [(4096,), (5 * 7 * 81,), (15552,), (20, 28, 30)])
def test_the_error_of_limbs_stays_far_below_a_half(nfft):
    # What `_round` takes away, at the widest digits that the bound allows.
    taps = tuple(n // 3 for n in nfft)
    problem = sc.plan(nfft, taps, "valid", dtype=np.int64, method="fft").problem
    rng = np.random.default_rng(6)
    worst = 0.0
    for bits in range(4, 28):
        found = choose_limbs(problem.with_bits(IntegerBits(bits, bits, 64)), nfft)
        if found[1:] == (1, 1):
            x = rng.choice([1.0 - 2**bits, 2.0**bits - 1], nfft)
            h = rng.choice([1.0 - 2**bits, 2.0**bits - 1], taps)
            y = sc.convolve(x, h, "valid", method="fft")
            worst = max(worst, float(np.abs(y - np.rint(y)).max()))
    assert 0 < worst < 0.05


def test_the_last_digit_is_no_larger_than_the_others():
    for bits, width in ((28, 15), (24, 9), (63, 11)):
        count = -(-(bits + 1) // width)
        top = 2**bits - 1
        digits = [int(abs(d[0])) for d in _digits(np.array([top]), width, count)]
        assert max(digits) <= 2 ** (width - 1) + 1


def test_a_plan_tells_its_limbs():
    x, h = np.full(10**5, 2**25), np.full(999, 2**20)
    text = str(sc.plan(x, h, method="overlap-save"))
    assert "exact: 2 x 2 limbs, 28-bit samples, 24-bit taps" in text


def test_a_plan_for_smaller_integers_is_refused_and_one_for_any_serves():
    small, large = np.arange(300), np.arange(300) << 40
    h = np.arange(20)
    plan = sc.plan(small, h, method="fft")
    np.testing.assert_array_equal(sc.convolve(small, h, method=plan), np.convolve(small, h))
    with pytest.raises(MethodError, match=r"12-bit samples.*Make a new plan"):
        sc.convolve(large, h, method=plan)
    anything = sc.plan((300,), (20,), dtype=int, method="fft")
    for x in (small, large):
        np.testing.assert_array_equal(sc.convolve(x, h, method=anything), np.convolve(x, h))


def test_a_convolver_meets_integers_of_every_size():
    op = sc.Convolver(np.arange(1, 200), (5000,), method="overlap-save")
    rng = np.random.default_rng(5)
    for bits in (1, 20, 45):
        x = rng.integers(-(2**bits), 2**bits, 5000)
        np.testing.assert_array_equal(op(x), np.convolve(x, np.arange(1, 200)))
        y = rng.integers(-(2**bits), 2**bits, 5198)
        expected = np.correlate(y, np.arange(1, 200), "valid")
        np.testing.assert_array_equal(op.adjoint(y), expected)
