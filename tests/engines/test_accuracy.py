"""Errors: the bound that is stated, its growth, numbers near overflow, and `rtol`."""

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from scipy import fft

import sigconv as sc
from sigconv.core.window_sums import window_sums
from sigconv.errors import MethodError, OptionError

BY_FFT = ("fft", "overlap-save", "overlap-add")
SIZES = [2**e for e in range(6, 21)]


def summed(x, h):
    """Return the full convolution of two short 1-D inputs, summed in long double."""
    wide = np.longdouble if x.dtype.kind == "f" else np.clongdouble
    return np.convolve(x.astype(wide), h.astype(wide))


def exactly(x, h):
    """Return the full convolution through long double transforms, 2000 times finer than double."""
    n = len(x) + len(h) - 1
    size = 1 << (n - 1).bit_length()
    if x.dtype.kind == "c":
        a, b = (fft.fft(v.astype(np.clongdouble), size) for v in (x, h))
        return fft.ifft(a * b)[:n]
    a, b = (fft.rfft(v.astype(np.longdouble), size) for v in (x, h))
    return fft.irfft(a * b, size)[:n]


def noise(rng, size, dtype):
    x = rng.standard_normal(size)
    return (x + 1j * rng.standard_normal(size) if dtype in "FD" else x).astype(dtype)


def norm(x):
    return float(np.sqrt(np.square(np.abs(x.astype(np.clongdouble))).sum()))


def test_the_reference_is_the_sum():
    rng = np.random.default_rng(1)
    x, h = noise(rng, 200, "d"), noise(rng, 77, "d")
    assert np.abs(exactly(x, h) - summed(x, h)).max() < 1e-17 * norm(x) * norm(h)


@pytest.mark.parametrize("dtype", "fdFD")
def test_one_block_keeps_the_stated_bound_and_grows_as_a_good_transform_does(dtype):
    rng = np.random.default_rng(2)
    eps = float(np.finfo(dtype).eps)
    growth = []
    for n in SIZES:
        x, h = noise(rng, n // 2, dtype), noise(rng, n // 2 + 1, dtype)
        plan = sc.plan(x, h, method="fft")
        # Among lengths of nearly the same cost the faster one is taken.
        assert n <= plan.nfft[0] <= 1.5 * n
        assert plan.error_bound == 15 * eps * np.log2(plan.nfft[0])
        error = np.abs(sc.convolve(x, h, method=plan) - exactly(x, h))
        # The bound is for the worst signal; noise stays far below it.
        assert error.max() < plan.error_bound * norm(x) * norm(h) / 100
        growth.append(norm(error) / (norm(x) * norm(h)) / eps)
    # The root of the mean square grows with sqrt(log2 n): by its power of 1/2, not 1.
    growth, logs = growth[2:], np.log2(SIZES[2:])
    slope, _ = np.polyfit(np.log(logs), np.log(growth), 1)
    assert 0.3 < slope < 0.9
    assert max(growth / np.sqrt(logs)) < 1.0


@pytest.mark.parametrize("method", ["overlap-save", "overlap-add"])
@pytest.mark.parametrize("taps", [50, 700, 5000])
@pytest.mark.parametrize("dtype", "fdF")
def test_every_block_keeps_the_stated_bound(method, taps, dtype):
    rng = np.random.default_rng(3)
    x, h = noise(rng, 60_000, dtype), noise(rng, taps, dtype)
    # Each stretch has its own level: a block is measured against its own samples.
    x *= np.repeat(10.0 ** rng.integers(-6, 6, 60), 1000).astype(x.real.dtype)
    plan = sc.plan(x, h, method=method)
    error = np.abs(sc.convolve(x, h, method=plan) - summed(x, h))
    (hop,), (nfft,) = plan.hop, plan.nfft
    for start in range(0, len(error), hop):
        # What overlap-add adds to these outputs reaches one block further back.
        first = start - taps + 1 if method == "overlap-save" else start - hop
        samples = x[max(0, first) : start + hop]
        bound = plan.error_bound * norm(samples) * norm(h)
        assert error[start : start + hop].max() <= bound * (1 if method == "overlap-save" else 2)
    assert nfft >= hop + taps - 1


def test_quiet_samples_far_from_a_spike_keep_their_digits():
    rng = np.random.default_rng(4)
    x, h = noise(rng, 200_000, "d"), noise(rng, 500, "d")
    expected = np.convolve(x, h)
    x[100_000] = 1e12
    plan = sc.plan(x, h, method="overlap-save")
    y = sc.convolve(x, h, method=plan)
    block = plan.nfft[0]
    far = np.abs(np.arange(len(y)) - 100_000) > 2 * block
    assert far.sum() > 100_000
    assert np.abs(y - expected)[far].max() < 1e-11
    # One block over everything cannot: the spike is its loudest sample.
    assert np.abs(sc.convolve(x, h, method="fft") - expected)[far].max() > 1e-7


LARGE = [
    ("f", 3e38, 0.25),
    ("f", 1e38, 1e-3),
    ("f", 1e-3, 3e38),
    ("d", 1.7e308, 0.25),
    ("F", 3e38, 0.25),
    ("D", 1e-9, 1e308),
]


@pytest.mark.parametrize("method", BY_FFT)
@pytest.mark.parametrize(("dtype", "sample", "tap"), LARGE)
@pytest.mark.parametrize("signs", ["alike", "alternating", "random"])
def test_numbers_near_overflow_are_scaled_and_not_lost(method, dtype, sample, tap, signs):
    rng = np.random.default_rng(5)
    x = np.full(3000, sample, dtype)
    if signs != "alike":
        x *= (-1) ** np.arange(3000) if signs == "alternating" else rng.choice([-1, 1], 3000)
    h = np.array([tap, -tap / 2, tap / 4], dtype)
    y = sc.convolve(x, h, method=method)
    expected = np.convolve(x.astype("G"), h.astype("G"))
    assert np.isfinite(y).all()
    assert np.abs(y - expected).max() < 1e-5 * abs(sample) * abs(tap)


@pytest.mark.parametrize("method", BY_FFT)
def test_overflow_beside_nan_and_true_overflow_stay_apart(method):
    x = np.full(3000, 2e38, np.float32)
    x[1500] = np.nan
    y = sc.convolve(x, np.array([0.5, 0.5], np.float32), method=method)
    assert np.flatnonzero(np.isnan(y)).tolist() == [1500, 1501]
    np.testing.assert_allclose(y[1:1500], 2e38, rtol=1e-5)
    y = sc.convolve(x[:1000], np.array([1, 1], np.float32), method=method)
    assert np.isinf(y[1:-1]).all()


@pytest.mark.parametrize("method", BY_FFT)
@given(st.data())
def test_no_finite_result_is_lost_near_overflow(method, data):
    rng = np.random.default_rng(data.draw(st.integers(0, 2**32 - 1)))
    dtype = data.draw(st.sampled_from("fF"))
    n, k = data.draw(st.integers(2, 200)), data.draw(st.integers(2, 40))
    x = rng.integers(-1, 2, n) * 10.0 ** rng.uniform(30, 38)
    h = rng.integers(-100, 100, k) * 10.0 ** rng.uniform(-3, 3)
    x = (x * (1 + 1j) if dtype == "F" else x).astype(dtype)
    h = h.astype(dtype)
    expected = np.convolve(x.astype("D"), h.astype("D"))
    if max(np.abs(expected.real).max(), np.abs(expected.imag).max()) < 3.3e38:
        y = sc.convolve(x, h, method=method)
        assert np.abs(y - expected).max() <= 1e-5 * norm(x) * norm(h)


@pytest.mark.parametrize("method", BY_FFT)
def test_a_loud_channel_leaves_its_neighbours_alone(method):
    rng = np.random.default_rng(9)
    x = (rng.standard_normal((40, 3000)) * 1e-3).astype(np.float32)
    x[0, 5], x[0, 50] = 3e38, np.nan
    h = np.full(50, 0.01, np.float32)
    y = sc.convolve(x, h, axes=-1, method=method)
    expected = sc.convolve(x, h, axes=-1, method="direct")
    assert np.abs(y - expected)[1:].max() < 1e-5 * np.abs(expected[1:]).max()


@pytest.mark.parametrize("method", BY_FFT)
def test_tiny_taps_keep_their_digits(method):
    rng = np.random.default_rng(10)
    x = (rng.standard_normal(60_000) * 1e30).astype(np.float32)
    h = (rng.standard_normal(300) * 1e-37).astype(np.float32)
    wide = x.astype(float), h.astype(float)
    error = np.abs(sc.convolve(x, h, method=method) - sc.convolve(*wide, method="direct"))
    scale = np.linalg.norm(wide[0]) * np.linalg.norm(wide[1])
    assert error.max() < sc.plan(x, h, method=method).error_bound * scale / 100


def test_rtol_is_kept_beside_the_largest_complex_numbers():
    rng = np.random.default_rng(11)
    x, h = noise(rng, 3000, "D"), 1e-3 * noise(rng, 50, "D")
    x[1500] = 1.7e308 * (1 + 1j)
    y = sc.convolve(x, h, method="fft", rtol=1e-10)
    expected = sc.convolve(x, h, method="direct")
    assert np.abs(y - expected)[:1400].max() < 1e-12


def test_an_fft_under_rtol_needs_direct_sums_that_keep_it():
    x, h = np.ones(2**17, np.longdouble), np.ones(2**15, np.longdouble)
    plan = sc.plan(x, h, rtol=1e-14)
    assert "fft" in {c.method for c in plan.candidates if c.cost}
    with pytest.raises(OptionError, match="no method keeps rtol"):
        sc.convolve(x, h, rtol=1e-16)


def window_norms(x, taps):
    padding = [(k - 1, k - 1) for k in taps]
    return np.sqrt(window_sums(np.square(np.abs(np.pad(x, padding).astype("G"))), taps).real)


def assert_kept(x, h, rtol, **keywords):
    """Assert that every output errs by rtol at most, relative to the samples under the kernel."""
    y = sc.convolve(x, h, rtol=rtol, **keywords)
    wide = [a.astype("G" if a.dtype.kind == "c" else "g") for a in (x, h)]
    error = np.abs(y - sc.convolve(*wide, method="direct"))
    limit = rtol * window_norms(x, h.shape) * norm(h)
    assert (error <= limit).all(), float((error / np.maximum(limit, 1e-300)).max())


@pytest.mark.parametrize("method", ["auto", "direct", "fft", "overlap-save"])
@given(
    seed=st.integers(0, 2**32 - 1),
    dtype=st.sampled_from("fdFD"),
    digits=st.integers(0, 14),
    shape=st.sampled_from([((900,), (40,)), ((2500,), (300,)), ((40, 50), (7, 9))]),
)
@example(seed=0, dtype="d", digits=14, shape=((2500,), (300,)))
@example(seed=1, dtype="f", digits=6, shape=((40, 50), (7, 9)))
def test_rtol_is_kept_however_the_level_changes(method, seed, dtype, digits, shape):
    rng = np.random.default_rng(seed)
    x, h = (noise(rng, size, dtype) for size in shape)
    levels = 10.0 ** rng.integers(-12, 12, 5)
    x *= rng.choice(levels, x.shape[0]).reshape(-1, *(1,) * (x.ndim - 1)).astype(x.real.dtype)
    x[: x.shape[0] // 3] *= 1e-8
    rtol = max(10.0**-digits / 2, 1.01 * float(np.finfo(dtype).eps))
    assert_kept(x, h, rtol, method=method)


@pytest.mark.parametrize("method", ["fft", "overlap-save"])
def test_without_rtol_a_spike_would_break_it(method):
    rng = np.random.default_rng(6)
    x, h = noise(rng, 3000, "d"), noise(rng, 100, "d")
    x[1500] = 1e12
    assert_kept(x, h, 1e-9, method=method)
    error = np.abs(sc.convolve(x, h, method=method) - summed(x, h))
    assert (error > 1e-9 * window_norms(x, h.shape) * norm(h)).any()


def test_only_the_spoiled_outputs_are_summed_tap_by_tap(monkeypatch):
    from sigconv.engines.guard import GuardedKernel

    boxes = []
    repair = GuardedKernel._repair

    def noted(self, tile, write, out):
        boxes.append(write)
        repair(self, tile, write, out)

    monkeypatch.setattr(GuardedKernel, "_repair", noted)
    rng = np.random.default_rng(7)
    x, h = noise(rng, 3000, "d"), noise(rng, 100, "d")
    sc.convolve(x, h, method="fft", rtol=1e-8, workers=1)
    assert boxes == []
    x[1500] = 1e12
    sc.convolve(x, h, method="fft", rtol=1e-8, workers=1)
    assert boxes == [((0, 1500),), ((1600, 3099),)]


@given(st.data())
def test_a_nan_stays_where_it_is_under_rtol(data):
    rng = np.random.default_rng(data.draw(st.integers(0, 2**32 - 1)))
    x, h = noise(rng, 800, "d"), noise(rng, 60, "d")
    x[100] = 1e14
    x[data.draw(st.integers(0, 799))] = data.draw(st.sampled_from([np.nan, np.inf]))
    for method in ("fft", "overlap-save"):
        y = sc.convolve(x, h, rtol=1e-10, method=method)
        np.testing.assert_array_equal(np.isnan(y), np.isnan(np.convolve(x, h)))


def test_a_wider_dtype_serves_where_the_bound_asks():
    x, h = np.ones(5000, np.float32), np.ones(300, np.float32)
    assert sc.plan(x, h, method="fft").problem.dtypes.compute == np.float32
    plan = sc.plan(x, h, method="fft", rtol=1e-6)
    assert plan.problem.dtypes.compute == np.float64
    assert plan.error_bound <= 1e-6
    y = sc.convolve(x, h, method=plan, rtol=1e-6)
    assert y.dtype == np.float32
    with pytest.raises(MethodError, match="differs"):
        sc.convolve(x, h, method=plan)


def test_plans_print_the_bound():
    plan = sc.plan((10**5,), (500,), method="fft")
    bound = 15 * 2.0**-52 * np.log2(plan.nfft[0])
    assert f"at most {bound:.1e} |samples block| |kernel|" in str(plan)
    text = str(sc.plan((100,), (9,), method="direct"))
    assert f"at most {10 * 2.0**-52:.1e} |samples under the kernel| |kernel|" in text
    assert "rtol 1e-09 kept" in str(sc.plan((100,), (9,), rtol=1e-9))
    assert "error       exact" in str(sc.plan(np.arange(9), np.arange(3)))


def test_refusals_under_rtol_say_why():
    assert "added up" in str(sc.plan((10**5,), (500,), rtol=1e-9))
    with pytest.raises(MethodError, match="added up"):
        sc.convolve(np.ones(100), np.ones(9), method="overlap-add", rtol=1e-9)


@pytest.mark.parametrize("rtol", [0, -1e-3, 1, 2.0, np.nan, "1e-3", True])
def test_rtol_lies_between_0_and_1(rtol):
    with pytest.raises(OptionError, match="between 0 and 1"):
        sc.convolve(np.ones(4), np.ones(2), rtol=rtol)


def test_rtol_is_no_finer_than_the_result_resolves():
    with pytest.raises(OptionError, match=r"float32 resolves.*wider dtype"):
        sc.convolve(np.ones(4, np.float32), np.ones(2, np.float32), rtol=1e-8)
    x, h = np.ones(2**16, np.longdouble), np.ones(2**15, np.longdouble)
    with pytest.raises(OptionError, match="no method keeps rtol"):
        sc.convolve(x, h, rtol=1.1e-19)


def test_exact_results_need_no_rtol():
    np.testing.assert_array_equal(sc.convolve([1, 2], [3, 4], rtol=1e-30), [3, 10, 8])


@pytest.mark.parametrize("name", ["direct", "fft", "overlap-save"])
def test_a_convolver_and_circular_convolution_keep_rtol(name):
    rng = np.random.default_rng(8)
    x, h = noise(rng, 500, "d"), noise(rng, 31, "d")
    x[250] = 1e13
    limit = 1e-9 * window_norms(x, (31,)) * norm(h)
    op = sc.Convolver(h, (500,), rtol=1e-9, method=name)
    assert (np.abs(op(x) - summed(x, h)) <= limit).all()
    y = sc.circular_convolve(x, h, shape=530, rtol=1e-9, method=name)
    assert (np.abs(y - summed(x, h)) <= limit + 1e-9 * 1e-3).all()
