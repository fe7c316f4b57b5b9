"""What the FFT libraries would get wrong if they met the caller's arrays or threads."""

from concurrent.futures import ThreadPoolExecutor
from itertools import product
from threading import Barrier

import numpy as np
import pytest

from sigconv import Convolver, convolve
from sigconv.fft import clear_transforms, pool

METHODS = ("fft", "overlap-save", "overlap-add")


@pytest.fixture
def x():
    return np.random.default_rng(1).standard_normal(5000)


@pytest.fixture
def h():
    return np.random.default_rng(2).standard_normal(300)


@pytest.mark.parametrize("method", METHODS)
def test_planning_and_computing_leave_the_inputs_alone(backend, method, x, h):
    before = x.copy(), h.copy()
    for _ in range(2):
        clear_transforms()  # Planning happens again, with data in the arrays.
        convolve(x, h, method=method)
        Convolver(h, x.shape, method=method)(x)
    np.testing.assert_array_equal(x, before[0])
    np.testing.assert_array_equal(h, before[1])


@pytest.mark.parametrize("method", METHODS)
def test_a_read_only_memory_map_is_read(backend, method, x, h, tmp_path):
    x.tofile(tmp_path / "x.raw")
    content = (tmp_path / "x.raw").read_bytes()
    mapped = np.memmap(tmp_path / "x.raw", np.float64, "r")
    found = convolve(mapped, h, method=method)
    np.testing.assert_array_equal(found, convolve(x, h, method=method))
    measured = Convolver(h, x.shape, method=method)(mapped)
    np.testing.assert_allclose(measured, found, atol=1e-9)
    assert (tmp_path / "x.raw").read_bytes() == content


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("dtype", ["f4", "f8", "F", "D"])
def test_other_byte_orders_and_layouts_give_the_same_bits(backend, method, dtype, x, h):
    x, h = x[:1200].astype(dtype), h[:100].astype(dtype)
    expected = convolve(x, h, method=method)
    unaligned = np.frombuffer(b"\0" + x.tobytes(), np.uint8)[1:].view(dtype)
    assert not unaligned.flags.aligned
    layouts = [
        x.astype(np.dtype(dtype).newbyteorder()),
        np.repeat(x, 2)[::2],
        x[::-1].copy()[::-1],
        unaligned,
    ]
    for layout in layouts:
        found = convolve(layout, h.astype(np.dtype(dtype).newbyteorder()), method=method)
        np.testing.assert_array_equal(found, expected)
        assert found.dtype.isnative


@pytest.mark.parametrize("method", METHODS)
def test_results_are_copied_out_of_the_scratch(backend, method, x, h):
    op = Convolver(h, x.shape, method=method)
    for call in (lambda s: convolve(s, h, method=method), op):
        first = call(x)
        kept = first.copy()
        second = call(-2 * x)
        np.testing.assert_array_equal(first, kept)
        assert not np.shares_memory(first, second)


def test_results_do_not_depend_on_what_the_scratch_held(backend, x, h):
    for method in METHODS:
        expected = convolve(x, h, method=method)
        convolve(np.full_like(x, np.nan), h, method=method)
        np.testing.assert_array_equal(convolve(x, h, method=method), expected)


def test_many_threads_get_the_results_of_one(backend):
    rng = np.random.default_rng(3)
    cases = []
    for n, k, method in product((400, 1500), (60, 61, 200), METHODS):
        signal, kernel = rng.standard_normal(n), rng.standard_normal(k)
        cases.append((signal, kernel, method, convolve(signal, kernel, method=method)))
    start = Barrier(8)

    def check(seed):
        order = np.random.default_rng(seed)
        start.wait()
        wrong = 0
        for i in order.integers(0, len(cases), 120):
            signal, kernel, method, expected = cases[i]
            wrong += not np.array_equal(convolve(signal, kernel, method=method), expected)
        return wrong

    with ThreadPoolExecutor(8) as threads:
        assert sum(threads.map(check, range(8))) == 0


def test_many_threads_share_one_convolver(backend, x, h):
    op = Convolver(h, x.shape, method="overlap-save", workers=1)
    signals = [x * (i + 1) for i in range(8)]
    expected = [op(signal) for signal in signals]
    start = Barrier(8)

    def check(i):
        start.wait()
        return sum(not np.array_equal(op(signals[i]), expected[i]) for _ in range(25))

    with ThreadPoolExecutor(8) as threads:
        assert sum(threads.map(check, range(8))) == 0


def test_calls_of_many_sizes_leave_bounded_scratch(backend):
    for n in range(2000, 400_000, 39_000):
        convolve(np.ones(n), np.ones(n), method="fft")
        assert pool.idle_bytes() <= pool.IDLE_BYTES


def test_a_transform_above_the_bound_is_freed(backend):
    n = pool.IDLE_BYTES // 16 + 1
    convolve(np.ones(n, np.float32), np.ones(2, np.float32), method="fft", dtype=np.float64)
    assert pool.idle_bytes() < pool.IDLE_BYTES // 2
