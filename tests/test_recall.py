"""Calls are remembered: the same numbers and errors as the first time, whatever came before."""

import sys
import time
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import Any

import numpy as np
import pytest
from hypothesis import given

import sigconv as sc
from sigconv import dispatch
from sigconv.core.dtypes import as_numeric, is_weak
from sigconv.engines import compiled
from sigconv.errors import IntegerOverflowError, NonFiniteError, OptionError, ShapeError
from sigconv.recall import Memory, key_of
from sigconv.testing import assert_close, cases, naive_convolve, tolerance

RNG = np.random.default_rng(21)
SIGNAL, KERNEL = np.ones((3, 4)), np.ones((2, 2))
DEFAULTS = {
    "mode": "full",
    "axes": None,
    "boundary": "zero",
    "fill_value": 0.0,
    "center": None,
    "nan_policy": "propagate",
    "dtype": None,
    "rtol": None,
}

# Also with arguments whose types are wrong.
convolve: Any = sc.convolve
correlate: Any = sc.correlate


@pytest.fixture
def memory(monkeypatch):
    """The memory of calls, empty at first."""
    fresh: Memory[Any] = Memory()
    monkeypatch.setattr(dispatch, "_calls", fresh)
    return fresh


def key(method="auto", signal=SIGNAL, kernel=KERNEL, **keywords):
    arguments = (*{**DEFAULTS, **keywords}.values(), False, None)
    x, h = as_numeric(signal, "signal"), as_numeric(kernel, "kernel")
    return key_of(x, h, is_weak(kernel), method, arguments)


@given(case=cases(dtypes=("float32", "float64", "complex128", "int32", "uint8")))
def test_recalled_call_gives_the_bits_of_the_first(case):
    dispatch._calls = Memory()
    first = convolve(case.signal, case.kernel, **case.keywords)
    second = convolve(case.signal, case.kernel, **case.keywords)
    np.testing.assert_array_equal(first, second)
    assert first.dtype == second.dtype


@given(case=cases(dtypes=("float64",), min_ndim=1, min_size=1))
def test_recalled_call_takes_other_samples(case):
    convolve(case.signal, case.kernel, **case.keywords)
    x, h = case.signal[..., ::-1] + 1, case.kernel[..., ::-1] - 2
    expected = naive_convolve(x, h, **case.keywords)
    fill = case.keywords.get("fill_value", 0.0)
    y = convolve(x, h, **case.keywords)
    assert_close(y, expected, tolerance(x, h, float, fill_value=fill))


def test_second_call_is_not_described_again(memory, monkeypatch):
    x, h = np.arange(12.0).reshape(3, 4), np.ones((2, 2))
    first = convolve(x, h, "same", boundary="edge")
    assert len(memory) == 1

    def refuse(*arguments):
        raise RuntimeError("described")

    monkeypatch.setattr(dispatch, "make_problem", refuse)
    monkeypatch.setattr(dispatch, "choose", refuse)
    np.testing.assert_array_equal(convolve(x, h, "same", boundary="edge"), first)
    with pytest.raises(RuntimeError, match="described"):
        convolve(x, h, "same", boundary="wrap")


def test_numbers_of_the_wrong_type_are_refused_after_their_equals():
    x, h = np.ones((4, 5)), np.ones(3)
    convolve(x, h, axes=1)
    with pytest.raises(ShapeError, match="integers"):
        convolve(x, h, axes=1.0)
    with pytest.raises(ShapeError, match="integers"):
        convolve(x, h, axes=(1.0,))
    convolve(x, h, "same", axes=1, center=1)
    for center in (1.0, 1 + 0j, (1.0,)):
        with pytest.raises(ShapeError):
            convolve(x, h, "same", axes=1, center=center)
    correlate(x, h, axes=1, max_lag=1)
    with pytest.raises(ShapeError, match="integers"):
        correlate(x, h, axes=1, max_lag=1.0)


def test_keys_tell_shapes_dtypes_and_every_keyword_apart():
    x = np.ones((3, 4))
    keys = [
        key(),
        key(signal=x.T),
        key(signal=x.astype("f4")),
        key(signal=x.astype(">f8")),
        key(kernel=np.ones((2, 1))),
        key(kernel=np.ones((2, 2), "f4")),
        key(kernel=np.ones((2, 2)).tolist()),
        key("direct"),
        key(mode="same"),
        key(axes=(0,)),
        key(axes=(0, 1)),
        key(boundary="edge"),
        key(boundary=("edge", "zero")),
        key(boundary=("edge", ("zero", "wrap"))),
        key(boundary="constant", fill_value=1.0),
        key(boundary="constant", fill_value=2.0),
        key(center=0),
        key(center=(0, None)),
        key(nan_policy="omit"),
        key(dtype="f4"),
        key(dtype="f8"),
        key(rtol=1e-3),
    ]
    assert None not in keys
    assert len(set(keys)) == len(keys)


@pytest.mark.parametrize(
    "keywords",
    [
        {"axes": 1.0},
        {"axes": True},
        {"axes": np.int64(1)},
        {"axes": [0]},
        {"axes": (0, 1.0)},
        {"center": 1.0},
        {"center": (True, 1)},
        {"fill_value": float("nan"), "boundary": "constant"},
        {"fill_value": np.array(1.0), "boundary": "constant"},
        {"fill_value": True, "boundary": "constant"},
        {"rtol": np.float32(0.5)},
        {"rtol": 1},
        {"boundary": ["edge", "zero"]},
        {"boundary": ("edge", ["zero", "wrap"])},
        {"boundary": 1},
        {"mode": 1},
        {"nan_policy": None},
        {"dtype": 1},
    ],
)
def test_rare_types_are_not_remembered(keywords):
    assert key(**keywords) is None


def test_a_plan_is_not_remembered(memory):
    plan = sc.plan((20,), (3,))
    convolve(np.ones(20), np.ones(3), method=plan)
    assert len(memory) == 0


def test_lists_mean_what_tuples_mean(memory):
    x, h = RNG.standard_normal((6, 7)), RNG.standard_normal((2, 3))
    listed = convolve(x, h, "same", boundary=[["edge", "zero"], "wrap"], axes=[0, 1])
    assert len(memory) == 0
    y = convolve(x, h, "same", boundary=(("edge", "zero"), "wrap"), axes=(0, 1))
    assert len(memory) == 1
    np.testing.assert_array_equal(listed, y)


def test_nan_outside_stays_nan():
    for _ in range(2):
        y = convolve([1.0, 2.0], [1.0, 1.0], boundary="constant", fill_value=float("nan"))
        np.testing.assert_array_equal(y, [np.nan, 3, np.nan])


def test_weak_kernel_is_not_taken_for_an_array():
    x = np.ones(5, np.float32)
    for _ in range(2):
        assert convolve(x, [0.5, 0.5]).dtype == np.float32
        assert convolve(x, np.array([0.5, 0.5])).dtype == np.float64


def test_byte_order_is_part_of_the_key(memory):
    x, h = np.arange(5.0), np.array([1.0, 2.0])
    expected = np.convolve(x, h)
    for _ in range(2):
        for a in (x, x.astype(">f8")):
            y = convolve(a, h)
            np.testing.assert_array_equal(y, expected)
            assert y.dtype.isnative
    assert len(memory) == 2


def test_a_number_of_numpy_is_a_number():
    x, h = np.ones((4, 5)), np.ones((2, 3))
    for _ in range(2):
        for rtol in (0.5, np.float32(0.5), np.float64(0.5)):
            convolve(x, h, rtol=rtol)
        y = convolve(x, h, boundary="constant", fill_value=np.float32(0.5))
        assert y[0, 0] == 1 + 5 * 0.5


def test_correlation_is_not_taken_for_convolution():
    x, h = np.array([1.0, 2.0, 4.0]), np.array([1.0, 3.0])
    for _ in range(2):
        np.testing.assert_array_equal(convolve(x, h), [1, 5, 10, 12])
        np.testing.assert_array_equal(correlate(x, h), [3, 7, 14, 4])
        np.testing.assert_array_equal(correlate(x, h, max_lag=0), [7])


def test_integers_are_checked_each_time():
    h = np.array([1, 1])
    for largest in (3, 2**30, 2**52, 2**61, 3):
        y = convolve(np.array([largest, largest]), h)
        assert y.tolist() == [largest, 2 * largest, largest]
    with pytest.raises(IntegerOverflowError):
        convolve(np.array([2**62, 2**62]), h)


def test_policies_look_at_each_signal():
    h = np.array([1.0, 1.0])
    good, bad = np.ones(4), np.array([1.0, np.nan, 1.0, 1.0])
    for _ in range(2):
        np.testing.assert_array_equal(convolve(good, h, nan_policy="raise"), [1, 2, 2, 2, 1])
        with pytest.raises(NonFiniteError, match=r"\(1,\)"):
            convolve(bad, h, nan_policy="raise")
        np.testing.assert_array_equal(convolve(bad, h, nan_policy="omit"), [1, 2, 2, 2, 1])


def test_out_is_checked_each_time():
    x, h = np.ones(4), np.ones(2)
    out = np.empty(5)
    for _ in range(2):
        assert convolve(x, h, out=out) is out
        with pytest.raises(ShapeError, match="out must have"):
            convolve(x, h, out=np.empty(4))


def test_workers_are_checked_each_time():
    for _ in range(2):
        convolve([1.0], [1.0], workers=1)
        with pytest.raises(OptionError, match="workers"):
            convolve([1.0, 2.0], [1.0, 2.0], workers=0)


def test_calls_are_planned_again_when_a_loop_is_loaded(memory, monkeypatch):
    x, h = np.ones((4, 5)), np.ones((2, 3))
    convolve(x, h)
    convolve(x, h)
    assert len(memory) == 1
    monkeypatch.setattr(compiled._state, "loaded", compiled.loaded() | {"taps other"})
    convolve(x, h)
    assert len(memory) == 2


def test_memory_forgets_the_oldest():
    memory: Memory[str] = Memory(3)
    for number in range(5):
        memory.keep(number, str(number))
    assert [memory.find(number) for number in range(5)] == [None, None, "2", "3", "4"]
    memory.keep(None, "nothing")
    assert memory.find(None) is None
    assert len(memory) == 3


class Interrupted(tuple[int, int]):
    """A key during whose look-up other threads may run."""

    def __hash__(self):
        time.sleep(0)
        return super().__hash__()


def test_memory_stays_within_its_size_under_many_threads():
    memory: Memory[int] = Memory(8)
    threads, rounds = 8, 1000
    start = Barrier(threads)
    previous = sys.getswitchinterval()

    def one(thread):
        start.wait()
        for number in range(rounds):
            key = Interrupted((thread, number % 13))
            memory.keep(key, number % 13)
            assert memory.find(key) in (None, number % 13)

    sys.setswitchinterval(1e-6)
    try:
        with ThreadPoolExecutor(threads) as pool:
            list(pool.map(one, range(threads)))
    finally:
        sys.setswitchinterval(previous)
    # Each of the threads may add one key after it has found room.
    assert len(memory) < 8 + threads
    memory.keep("last", 1)
    assert len(memory) <= 8
    assert memory.find("last") == 1
    # A child that is forked while another thread keeps a key must not wait for it.
    assert not any(hasattr(part, "acquire") for part in vars(memory).values())


def test_threads_share_the_memory(monkeypatch):
    monkeypatch.setattr(dispatch, "_calls", Memory(4))
    signals = [RNG.standard_normal((n, 6)) for n in range(2, 12)] * 20
    h = RNG.standard_normal((2, 3))

    def one(x):
        return convolve(x, h, "same", boundary="reflect")

    expected = [one(x) for x in signals[:10]] * 20
    with ThreadPoolExecutor(8) as pool:
        for y, e in zip(pool.map(one, signals), expected, strict=True):
            np.testing.assert_array_equal(y, e)
