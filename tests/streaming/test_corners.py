"""What went wrong once: rare arguments, failures half-way, numbers at the limits."""

import copy
import gc
import pickle
import tracemalloc
import weakref
from typing import Any

import numpy as np
import pytest

import sigconv as sc
from sigconv.errors import DTypeError, ShapeError, StreamError
from sigconv.testing import naive_convolve
from tests.streaming.streams import COMPILED, through


@pytest.mark.parametrize("mode", ["full", "same", "valid"])
def test_run_along_the_last_axis(mode):
    x, h = np.random.default_rng(0).standard_normal((2, 70)), np.ones(3)
    parts = list(sc.StreamConvolver(h, axis=-1, latency=4).run([x[:, :40], x[:, 40:]], mode))
    np.testing.assert_allclose(
        np.concatenate(parts, axis=1), sc.convolve(x, h, mode, axes=-1), atol=1e-13
    )


@pytest.mark.parametrize(
    ("taps", "samples"),
    [
        ([3e38], [0, 1e-3, 1e-10]),
        ([1e-30] * 4, [3e38] * 8),
        ([1e-39, 2e-38], [1e30, 1e10, 1.0]),
    ],
)
def test_taps_at_the_limits_of_float32(taps, samples):
    h, x = np.array(taps, "f4"), np.array(samples, "f4")
    expected = np.convolve(x.astype("f8"), h.astype("f8"))
    y = through(sc.StreamConvolver(h), x, [2])
    np.testing.assert_allclose(y, expected, rtol=1e-6, atol=1e-37)


def test_taps_at_the_limits_of_float64():
    for h, x in (([1.5e308], [1e-3, 1.0]), ([1e-310, 1e-312], [0.0, 1e300, 1e-10])):
        y = through(sc.StreamConvolver(h), np.array(x), [1])
        np.testing.assert_allclose(y, np.convolve(x, h), rtol=1e-9, atol=1e-306)


@pytest.mark.parametrize(("dtype", "scale"), [("f4", 1e36), ("f8", 1e306)])
@pytest.mark.parametrize("sizes", [[80_000], [64]], ids=["long", "short"])
def test_loud_samples_overflow_no_transform(dtype, scale, sizes):
    rng = np.random.default_rng(4)
    h = (rng.standard_normal(3000) * 1e-3).astype(dtype)
    x = rng.standard_normal(9000).astype(dtype) * np.dtype(dtype).type(scale)
    y = through(sc.StreamConvolver(h), x, sizes)
    expected = sc.convolve(x / scale, h)
    np.testing.assert_allclose(y / scale, expected, atol=1e-5 * np.abs(expected).max())


def test_nan_is_heard_behind_a_latency_and_through_a_mirror():
    y = through(sc.StreamConvolver(np.ones(3), latency=5), np.array([np.nan, 1.0]), [1])
    np.testing.assert_array_equal(np.isnan(y), [0] * 5 + [1, 1, 1, 0])
    x, h = np.array([np.nan, 1, 2, 3, 4]), np.array([1, np.inf, 1, 1])
    stream = sc.StreamConvolver(h, boundary="reflect", latency=3)
    expected = naive_convolve(x, h, boundary="reflect")
    np.testing.assert_array_equal(through(stream, x, [1])[3:], expected)


def test_what_is_cut_short_breaks_the_stream(monkeypatch):
    for name in ("reset", "swap", "restore"):
        stream: Any = sc.StreamConvolver(np.ones(9), max_taps=9)
        stream.process(np.ones(3))
        state = stream.state()

        def cut_short(*what):
            raise KeyboardInterrupt

        with monkeypatch.context() as patch:
            part = {"reset": "forget", "swap": "swap"}.get(name)
            if part:
                patch.setattr(stream._running, part, cut_short)
            else:
                patch.setattr(stream, "_start", cut_short)
            with pytest.raises(KeyboardInterrupt):
                getattr(stream, name)(*{"swap": ([1.0],), "restore": (state,)}.get(name, ()))
        if name == "restore":
            np.testing.assert_array_equal(stream.process(np.ones(1)), [4.0])
        else:
            with pytest.raises(StreamError, match="interrupted"):
                stream.process(np.ones(1))


def test_a_stream_is_its_own_again_after_an_interrupt_between_its_steps():
    stream: Any = sc.StreamConvolver(np.ones(2))
    # Ctrl-C came before the turn was given back.
    stream._turns.__enter__()
    np.testing.assert_array_equal(stream.process([1.0]), [1.0])


def test_streams_are_not_copied_and_are_freed_at_once():
    stream: Any = sc.StreamConvolver(np.ones(2))
    stream.process([1.0])
    for copied in (copy.copy, copy.deepcopy, pickle.dumps):
        with pytest.raises(StreamError, match=r"restore\(stream.state\(\)\)"):
            copied(stream)
    gc.collect()
    gc.disable()
    try:
        past = weakref.ref(stream._running.body)
        del stream
        assert past() is None
    finally:
        gc.enable()


def test_a_new_state_is_that_of_a_new_stream():
    stream = sc.StreamConvolver(np.ones(3, "f4"))
    stream.process(np.ones(3))
    stream.restore(sc.StreamConvolver(np.ones(3, "f4")).state())
    assert stream.process(np.ones(3, "f4")).dtype == np.float32


def test_prepare_takes_any_shape():
    stream = sc.StreamConvolver(np.ones(3), axis=0)
    stream.prepare((0, 2), float)
    stream.prepare((5, 0), float)
    with pytest.raises(DTypeError, match="nonsense"):
        stream.prepare((4, 2), "nonsense")
    stream.prepare((64, 2), float)
    assert stream.plan.method == "direct"


def test_a_damaged_state_is_refused_and_changes_nothing():
    stream = sc.StreamConvolver(np.ones(3))
    stream.process(np.ones(5))
    state = stream.state()
    del state["running"], state["plan"]
    with pytest.raises(StreamError, match="lacks plan, running"):
        stream.restore(state)
    np.testing.assert_array_equal(stream.process([1.0]), [3.0])


def test_a_state_keeps_to_its_batch_shape():
    two, three = (sc.StreamConvolver(np.ones(3), axis=0, batch_shape=(n,)) for n in (2, 3))
    two.process(np.ones((4, 2)))
    with pytest.raises(StreamError, match=r"batch_shape \(\(2,\) there, \(3,\) here\)"):
        three.restore(two.state())
    three.restore(three.state())
    with pytest.raises(ShapeError, match=r"\(any, 3\)"):
        three.process(np.ones((4, 2)))


def test_fills_are_numbers_of_the_result():
    with pytest.raises(DTypeError, match="complex"):
        sc.StreamConvolver([1.0], boundary="constant", fill_value=1j).process([1.0])
    stream = sc.StreamConvolver(np.array([1]), boundary="constant", fill_value=np.nan)
    with pytest.raises(DTypeError, match="no integer"):
        stream.process(np.ones(2, "i4"))
    stream = sc.StreamConvolver([1.0, 1.0], boundary="constant", fill_value=np.nan)
    stream.process([1.0])
    stream.restore(stream.state())


def test_no_channels_and_no_samples():
    stream = sc.StreamConvolver(np.ones(3), axis=0)
    assert stream.process(np.zeros((5, 0))).shape == (5, 0)
    assert sc.StreamConvolver([1, 2], dtype=int).flush().dtype == int
    assert sc.StreamConvolver(np.array([1, 2], object)).flush().size == 0
    assert sc.StreamConvolver(np.ones(3, "f4")).flush().dtype == np.float32
    assert not list(sc.StreamConvolver([1.0]).run([], "valid"))
    other = sc.StreamConvolver(np.ones(3, "f4"))
    other.process(np.ones(2, "f4"))
    assert other.process(np.array([])).dtype == np.float32


def test_a_refused_first_chunk_settles_nothing():
    stream = sc.StreamConvolver(np.ones(3, "f4"))
    with pytest.raises(ShapeError, match="out"):
        stream.process(np.ones(5, "f4"), out=np.empty(3, "f4"))
    assert stream.process(np.ones(5)).dtype == np.float64


def test_lists_take_the_dtype_of_chunks_before_them():
    stream = sc.StreamConvolver(np.ones(2, "f4"))
    stream.process(np.ones(2, "f4"))
    assert stream.process([0.1, 2.0]).dtype == np.float32
    whole = sc.StreamConvolver(np.array([1, 1]))
    whole.process(np.ones(2, "i2"))
    np.testing.assert_array_equal(whole.process([1, 2]), [2, 3])


def test_a_separable_kernel_may_give_way_to_any_other():
    rng = np.random.default_rng(1)
    first, then = (
        np.outer(rng.standard_normal(5), rng.standard_normal(7)),
        rng.standard_normal((5, 7)),
    )
    stream = sc.StreamConvolver(first, axis=0)
    x = rng.standard_normal((300, 200))
    stream.process(x[:150])
    stream.swap(then)
    y = stream.process(x[150:])
    np.testing.assert_allclose(y, sc.convolve(x, then)[150:300, 3:203], atol=1e-11)


def test_a_fade_of_any_length_takes_no_memory():
    stream = sc.StreamConvolver([1.0])
    stream.swap([0.0], fade=10**13)
    np.testing.assert_allclose(stream.process(np.ones(3)), 1.0)


@pytest.mark.skipif(not COMPILED, reason="NumPy's steps allocate")
def test_channels_side_by_side_allocate_nothing_either():
    rng = np.random.default_rng(2)
    stream = sc.StreamConvolver(
        rng.standard_normal(3000), axis=-1, block_size=512, dtype=float, batch_shape=(8,), workers=1
    )
    chunk = rng.standard_normal((8, 512))
    out = np.empty_like(chunk)
    for _ in range(3):
        stream.process(chunk, out)
    tracemalloc.start()
    for _ in range(40):
        stream.process(chunk, out)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 32 << 10


@pytest.mark.skipif(not COMPILED, reason="needs pyFFTW and numba")
def test_workers_change_no_bit():
    rng = np.random.default_rng(3)
    x, h = rng.standard_normal((6, 1 << 16)), rng.standard_normal(5000)
    made = [
        through(sc.StreamConvolver(h, axis=-1, workers=workers), x, [20_000, 70], 1)
        for workers in (1, 2, 5)
    ]
    np.testing.assert_array_equal(made[0], made[1])
    np.testing.assert_array_equal(made[0], made[2])
