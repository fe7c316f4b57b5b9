"""Two real blocks in one complex transform: the same numbers, however loud the neighbour is."""

import numpy as np
import pytest
from scipy import signal

import sigconv as sc
from sigconv.engines import ENGINES, prepare
from sigconv.engines.accuracy import fft_error
from sigconv.engines.compiled import has_numba
from sigconv.engines.native import NativeKernel
from sigconv.engines.spectral import SpectralKernel
from sigconv.errors import NonFiniteError
from sigconv.fft import is_native
from sigconv.planning import MACHINE
from sigconv.testing import naive_convolve

pytestmark = pytest.mark.skipif(
    not (has_numba() and is_native(np.dtype("c8"))), reason="no compiled loop runs FFTW"
)
RNG = np.random.default_rng(8)
DTYPES = ("float32",)


def paired(x, h, mode="full", **keywords):
    """The shortest blocks that go in pairs."""
    problem = sc.plan(x, h, mode, method="overlap-save", **keywords).problem
    plans = ENGINES["overlap-save"].candidates(problem, MACHINE)
    return min((plan for plan in plans if plan.loop == "pairs"), key=lambda plan: plan.nfft)


def drawn(size, dtype):
    return RNG.standard_normal(size).astype(dtype)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("blocks", [1.0, 1.5, 2.0, 2.2, 3.0, 16.0, 63.7])
@pytest.mark.parametrize("mode", ["full", "same", "valid"])
def test_any_number_of_blocks_gives_the_convolution(mode, blocks, dtype):
    h = drawn(50, dtype)
    hop = paired(np.ones(10**5, dtype), h).hop[0]
    x = drawn(int(blocks * hop), dtype)
    plan = paired(x, h, mode)
    expected = signal.oaconvolve(x.astype(float), h.astype(float), mode)
    y = sc.convolve(x, h, mode, method=plan)
    scale = np.linalg.norm(x) * np.linalg.norm(h)
    np.testing.assert_allclose(y, expected, rtol=0, atol=10 * np.finfo(dtype).eps * scale)


def test_channels_are_not_paired_with_one_another():
    x, h = drawn((3, 20_000), "float32"), drawn((3, 40), "float32")
    x[1] *= 1e-6
    y = sc.convolve(x, h, axes=1, method=paired(x, h, axes=1))
    expected = signal.oaconvolve(x.astype(float), h.astype(float), axes=1)
    np.testing.assert_allclose(y[1], expected[1], rtol=0, atol=1e-10)
    swapped = np.ascontiguousarray(x.T)
    z = sc.convolve(swapped, h.T, axes=0, method=paired(swapped, h.T, axes=0))
    np.testing.assert_array_equal(z.T, y)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("louder", [3.0, 5.0, 1e3, 1e6])
def test_a_loud_neighbour_does_not_spoil_a_quiet_block(louder, dtype):
    h = drawn(30, dtype)
    hop = paired(np.ones(10**5, dtype), h).hop[0]
    x = drawn(21 * hop, dtype)
    plan = paired(x, h)
    levels = np.repeat(np.where(np.arange(21) % 3 == 1, louder, 1.0), hop)
    x = (levels * x).astype(dtype)
    # That of a block for itself, and of one with a neighbour of four times its norm.
    factor = fft_error(np.dtype(dtype), plan.nfft) * np.sqrt(1 + 4**2)
    assert plan.error_bound == factor
    error = np.abs(sc.convolve(x, h, method=plan) - np.convolve(x.astype("g"), h.astype("g")))
    for i in range(21):
        block = x[max(0, i * hop - 29) : (i + 1) * hop].astype(float)
        bound = factor * np.linalg.norm(block) * np.linalg.norm(h)
        # Noise stays far below what is proved.
        assert error[i * hop : (i + 1) * hop].max() < bound / 30


def test_silence_beside_sound_stays_silent():
    h = drawn(30, "float32")
    hop = paired(np.ones(10**5, "float32"), h).hop[0]
    x = drawn(40 * hop, "float32")
    x[hop * 7 - 29 : hop * 8] = 0
    y = sc.convolve(x, h, method=paired(x, h))
    np.testing.assert_array_equal(y[hop * 7 : hop * 8], 0)


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_nonfinite_samples_reach_their_outputs_alone(value):
    x, h = drawn(30_000, "float32"), drawn(20, "float32")
    plan = paired(x, h)
    x[[5, 12_000]] = value
    y = sc.convolve(x, h, method=plan)
    expected = naive_convolve(x, h)
    np.testing.assert_array_equal(np.isnan(y), np.isnan(expected))
    np.testing.assert_array_equal(np.isfinite(y), np.isfinite(expected))
    finite = np.ones(x.size, "float32")
    watched = paired(finite, h, nan_policy="raise")
    with pytest.raises(NonFiniteError, match=r"at \(5,\)"):
        sc.convolve(x, h, method=watched, nan_policy="raise")


def test_numbers_near_overflow_are_scaled(monkeypatch):
    ran = []

    def spy(*arguments, **keywords):
        ran.append(arguments)
        return original(*arguments, **keywords)

    original = SpectralKernel.apply
    monkeypatch.setattr(SpectralKernel, "apply", spy)
    x, h = drawn(20_000, "float32"), drawn(20, "float32") / 16
    plan = paired(x, h)
    y = sc.convolve(np.ldexp(x, 125), h, method=plan)
    assert ran
    expected = np.convolve(x.astype(float), h.astype(float))
    np.testing.assert_allclose(np.ldexp(y.astype(float), -125), expected, atol=1e-4)


def test_float64_does_not_go_in_pairs():
    problem = sc.plan((10**6,), (100,), method="overlap-save").problem
    assert not any(p.loop == "pairs" for p in ENGINES["overlap-save"].candidates(problem, MACHINE))


def test_bits_do_not_depend_on_workers_or_layout():
    x, h = drawn(300_000, "float32"), drawn(500, "float32")
    plan = paired(x, h)
    one = sc.convolve(x, h, method=plan, workers=1)
    np.testing.assert_array_equal(sc.convolve(x, h, method=plan, workers=3), one)
    strided = np.repeat(x, 2)[::2]
    out = np.zeros(2 * one.size, "float32")[::-2]
    np.testing.assert_array_equal(sc.convolve(strided, h, method=plan, out=out), one)


def test_a_pair_is_one_complex_transform():
    x, h = np.ones(10**6, "float32"), np.ones(100, "float32")
    plan = paired(x, h)
    prepared = prepare(plan, h)
    assert isinstance(prepared, NativeKernel)
    assert prepared.loop.spec.dtype == np.complex64
    assert prepared.loop.spec.count == 1
