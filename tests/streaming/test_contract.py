"""What a stream promises beside its sums: shapes, dtypes, ends, turns, memory and messages."""

import pickle
import subprocess
import sys
import threading
import tracemalloc
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import sigconv as sc
from sigconv.errors import (
    BoundaryError,
    DTypeError,
    IntegerOverflowError,
    OptionError,
    ShapeError,
    StreamError,
)
from sigconv.testing import naive_convolve
from tests.streaming.streams import COMPILED, late, through


def test_chunks_give_as_many_results_and_flush_the_rest():
    stream = sc.StreamConvolver([1.0, 1.0, 2.0])
    assert stream.process([]).shape == (0,)
    np.testing.assert_array_equal(stream.process([3.0]), [3.0])
    np.testing.assert_array_equal(stream.process([2.0, 1.0]), [5.0, 9.0])
    assert stream.tail == 2
    np.testing.assert_array_equal(stream.flush(), [5.0, 2.0])


def test_a_stream_that_heard_nothing_has_no_tail():
    assert sc.StreamConvolver([1.0, 2.0], latency=5).flush().shape == (0,)
    stream = sc.StreamConvolver([1.0, 2.0], axis=0, batch_shape=(3,))
    assert stream.flush().shape == (0, 3)


def test_a_kernel_longer_than_the_stream_is_heard_whole():
    h = np.arange(1.0, 5001)
    stream = sc.StreamConvolver(h)
    y = through(stream, np.array([2.0, 1.0]), [1])
    np.testing.assert_allclose(y, np.convolve(h, [2.0, 1.0]), rtol=1e-12)


def test_reset_forgets_the_past_and_the_end():
    stream = sc.StreamConvolver([1.0, 1.0])
    stream.process([5.0])
    stream.flush()
    stream.reset()
    np.testing.assert_array_equal(stream.process([1.0]), [1.0])


def test_interleaved_streams_are_those_alone():
    rng = np.random.default_rng(0)
    h, x, y = rng.standard_normal(3000), rng.standard_normal(9000), rng.standard_normal(9000)
    alone = [through(sc.StreamConvolver(h), part, [64]) for part in (x, y)]
    streams = sc.StreamConvolver(h), sc.StreamConvolver(h)
    made: Any = [[], []]
    for start in range(0, 9000, 64):
        for stream, part, parts in zip(streams, (x, y), made, strict=True):
            parts.append(stream.process(part[start : start + 64]))
    for stream, parts, expected in zip(streams, made, alone, strict=True):
        np.testing.assert_array_equal(np.concatenate([*parts, stream.flush()]), expected)


@pytest.mark.parametrize("mode", ["full", "same", "valid"])
@pytest.mark.parametrize("latency", [0, 3, 200])
def test_run_gives_the_modes_of_convolve(mode, latency):
    rng = np.random.default_rng(1)
    x, h = rng.standard_normal((500, 2)), rng.standard_normal(60)
    stream = sc.StreamConvolver(h, axis=0, latency=latency)
    parts = list(stream.run([x[:10], x[10:10], x[10:400], x[400:]], mode))
    np.testing.assert_allclose(np.concatenate(parts), sc.convolve(x, h, mode, axes=0), atol=1e-12)


def test_run_valid_needs_as_many_samples_as_taps():
    with pytest.raises(ShapeError, match="3 samples and 5 taps"):
        list(sc.StreamConvolver(np.ones(5)).run([np.ones(3)], "valid"))


# ------------------------------------------------------------------------------ dtypes


@pytest.mark.parametrize(
    ("chunk", "kernel", "result"),
    [
        ("f4", "f4", "f4"),
        ("f2", "f2", "f2"),
        ("f4", "f8", "f8"),
        ("f4", "c8", "c8"),
        ("g", "f8", "g"),
        ("i2", "i2", "i8"),
        ("u1", "u1", "u8"),
        ("?", "?", "i8"),
        ("i2", "f4", "f4"),
        (">f4", ">f4", "f4"),
        ("O", "O", "O"),
    ],
)
def test_dtypes_are_those_of_convolve(chunk, kernel, result):
    rng = np.random.default_rng(2)
    x = rng.integers(0, 2, 300).astype(chunk)
    h = rng.integers(0, 2, 40).astype(kernel)
    y = through(sc.StreamConvolver(h), x, [7, 64])
    expected = sc.convolve(x, h)
    assert y.dtype == expected.dtype
    assert y.dtype == np.dtype(result) or result == "f4"
    np.testing.assert_allclose(y.astype(complex), expected.astype(complex), atol=1e-4)


def test_exact_objects_stay_exact():
    x = np.array([Fraction(1, 3), Fraction(2, 5), Fraction(1, 7)], object)
    h = np.array([Fraction(1, 2), Fraction(1, 9)], object)
    np.testing.assert_array_equal(through(sc.StreamConvolver(h), x, [1, 2]), sc.convolve(x, h))


def test_a_list_of_taps_widens_nothing():
    assert sc.StreamConvolver([0.5, 0.5]).process(np.ones(4, "f4")).dtype == np.float32


def test_later_chunks_of_another_kind_change_nothing():
    stream, twin = (sc.StreamConvolver([1.0, 2.0, 3.0], axis=0) for _ in range(2))
    first, then = np.ones((4, 2), "f4"), np.full((3, 2), 2.0, "f4")
    for one in (stream, twin):
        one.process(first)
    with pytest.raises(DTypeError, match="complex64"):
        stream.process(then.astype("c8"))
    with pytest.raises(DTypeError, match="float64"):
        stream.process(then.astype("f8"))
    with pytest.raises(ShapeError, match=r"\(any, 2\); got \(3, 3\)"):
        stream.process(np.ones((3, 3), "f4"))
    with pytest.raises(ShapeError, match="got"):
        stream.process(np.ones(3, "f4"))
    np.testing.assert_array_equal(stream.process(then), twin.process(then))


def test_integers_that_may_overflow_are_refused_whatever_they_are():
    stream = sc.StreamConvolver(np.full(3, 1 << 50))
    with pytest.raises(IntegerOverflowError, match=r"samples of int16 may reach 110\d+ with"):
        stream.process(np.zeros(4, "i2"))
    assert stream.process(np.ones(4, "i1")).dtype == np.int64
    with pytest.raises(IntegerOverflowError, match="int32"):
        stream.process(np.zeros(4, "i4"))
    with pytest.raises(DTypeError, match="unsigned"):
        sc.StreamConvolver([-1], dtype="u8").process(np.ones(3, "u1"))


# ------------------------------------------------------------------------------ boundaries

RULES = ("zero", "constant", "edge", "symmetric", "reflect", "absent")


@pytest.mark.parametrize("size", [3, 30, 400])
@pytest.mark.parametrize("latency", [50, 77])
@pytest.mark.parametrize("after", RULES)
@pytest.mark.parametrize("before", RULES)
def test_every_boundary_is_that_of_convolve(before, after, latency, size):
    rng = np.random.default_rng(3)
    x, h = rng.standard_normal(size), np.abs(rng.standard_normal(51)) + 0.1
    fill = 1.5 if "constant" in (before, after) else 0.0
    keywords: Any = {"boundary": [(before, after)], "fill_value": fill}
    y = through(sc.StreamConvolver(h, latency=latency, **keywords), x, [1, 20, 64])
    expected = late(naive_convolve(x, h, **keywords), latency)
    np.testing.assert_allclose(y, expected, atol=1e-12)


@pytest.mark.parametrize("before", ["constant", "edge", "absent"])
def test_some_boundaries_need_no_latency(before):
    rng = np.random.default_rng(4)
    x, h = rng.standard_normal(900), np.abs(rng.standard_normal(600))
    keywords: Any = {"boundary": [(before, "zero")], "fill_value": 2.0 * (before == "constant")}
    y = through(sc.StreamConvolver(h, **keywords), x, [33])
    np.testing.assert_allclose(y, naive_convolve(x, h, **keywords), atol=1e-12)


def test_mirrors_need_the_latency_in_which_they_show():
    sc.StreamConvolver(np.ones(10), boundary="symmetric", latency=8)
    with pytest.raises(BoundaryError, match="latency of at least 8"):
        sc.StreamConvolver(np.ones(10), boundary="symmetric", latency=7)
    with pytest.raises(BoundaryError, match="latency of at least 9"):
        sc.StreamConvolver(np.ones(10), boundary="reflect", latency=8)
    sc.StreamConvolver(np.ones(10), boundary=[("zero", "reflect")])
    for boundary in ("wrap", [("zero", "wrap")], [("wrap", "zero")]):
        with pytest.raises(BoundaryError, match="does not know its end"):
            sc.StreamConvolver(np.ones(10), boundary=boundary, latency=100)


# ------------------------------------------------------------------------------ NaN, infinity


@pytest.mark.parametrize(("taps", "chunk"), [(50, 7), (700, 16), (3000, 64), (900, 3000)])
def test_nan_and_infinity_reach_what_the_direct_sum_gives(taps, chunk):
    rng = np.random.default_rng(taps)
    h = rng.standard_normal(taps)
    h[taps // 2] = 0
    x = rng.standard_normal(9000)
    x[[100, 101, 4000]] = np.inf, -np.inf, np.nan
    for kernel in (h, np.where(np.arange(taps) == 5, np.inf, h)):
        y = through(sc.StreamConvolver(kernel), x, [chunk])
        expected = sc.convolve(x, kernel, method="direct")
        finite = np.isfinite(expected)
        np.testing.assert_array_equal(y[~finite], expected[~finite])
        np.testing.assert_allclose(y[finite], expected[finite], atol=1e-10)


def test_many_nans_and_a_clean_end():
    x, h = np.ones(6000), np.ones(500)
    x[1000:3000] = np.nan
    y = through(sc.StreamConvolver(h, boundary="edge"), x, [64])
    np.testing.assert_array_equal(np.isnan(y), np.isnan(naive_convolve(x, h, boundary="edge")))
    np.testing.assert_allclose(y[4000:4100], 500.0)


@pytest.mark.parametrize("scale", [1e-35, 1e30])
def test_kernels_of_any_size_keep_their_precision(scale):
    rng = np.random.default_rng(6)
    x, h = rng.standard_normal(3000).astype("f4"), rng.standard_normal(700).astype("f4")
    y = through(sc.StreamConvolver(h * np.float32(scale)), x, [64])
    np.testing.assert_allclose(y / scale, sc.convolve(x, h), atol=1e-3)


# ------------------------------------------------------------------------------ swaps


def high_energy(y, fs, above):
    spectrum = np.abs(np.fft.rfft(y * np.hanning(len(y)))) ** 2
    return spectrum[np.fft.rfftfreq(len(y), 1 / fs) > above].sum()


def test_a_fade_keeps_a_tone_clean():
    fs = 48000
    tone = np.sin(2 * np.pi * 100 * np.arange(fs) / fs)
    first, second = np.array([1.0]), np.array([-0.5])
    energy = []
    for fade in (0, 480):
        stream = sc.StreamConvolver(first)
        y = [stream.process(tone[: fs // 2 + 120])]
        stream.swap(second, fade=fade)
        y.append(stream.process(tone[fs // 2 + 120 :]))
        energy.append(high_energy(np.concatenate(y), fs, 1000))
    assert 10 * np.log10(energy[0] / energy[1]) > 30


def test_a_swap_has_all_of_the_past_behind_it():
    rng = np.random.default_rng(7)
    x, h, g = rng.standard_normal(4000), rng.standard_normal(100), rng.standard_normal(2000)
    stream = sc.StreamConvolver(h, max_taps=2000)
    stream.process(x[:3001])
    stream.swap(g)
    np.testing.assert_allclose(stream.process(x[3001:]), np.convolve(x, g)[3001:4000], atol=1e-10)
    assert stream.tail == 1999


def test_swaps_are_checked():
    stream = sc.StreamConvolver(np.ones(4, "f4"), max_taps=8)
    stream.process(np.ones(3, "f4"))
    with pytest.raises(ShapeError, match="max_taps=8"):
        stream.swap(np.ones(9, "f4"))
    with pytest.raises(DTypeError, match="kernel of float64"):
        stream.swap(np.ones(4))
    other = sc.StreamConvolver(np.ones(4), dtype="f4")
    other.process(np.ones(3, "f4"))
    other.swap(np.ones(4))
    with pytest.raises(ShapeError, match=r"got shape \(2, 2\)"):
        stream.swap(np.ones((2, 2), "f4"))
    with pytest.raises(OptionError, match="fade must be an integer"):
        stream.swap([1.0], fade=-1)
    stream.swap([0.5, 0.5])


def test_swaps_change_no_dtype_and_overflow_nothing():
    stream = sc.StreamConvolver(np.array([1, 2, 3]))
    stream.process(np.array([1, 2, 3], "i4"))
    with pytest.raises(IntegerOverflowError, match="whatever comes"):
        stream.swap(np.array([1 << 60, 1 << 62]))
    with pytest.raises(DTypeError, match="a fade mixes"):
        stream.swap(np.array([1]), fade=4)
    with pytest.raises(DTypeError, match="kernel of complex128"):
        sc.StreamConvolver(np.ones(3)).swap(np.full(3, 1j), fade=2)
    early = sc.StreamConvolver(np.array([1]))
    early.swap(np.array([0.5]), fade=2)
    with pytest.raises(DTypeError, match="int64 with the first kernel and float64"):
        early.process(np.array([100], "i4"))
    early = sc.StreamConvolver([1.0], max_taps=3)
    early.swap(np.full(3, 1j))
    assert early.process(np.ones(2)).dtype == complex


def test_run_gives_as_many_results_after_a_swap_to_fewer_taps():
    stream = sc.StreamConvolver(np.ones(9))

    def chunks():
        yield np.ones(10)
        stream.swap(np.ones(3))
        yield np.ones(10)

    y = np.concatenate(list(stream.run(chunks(), "same")))
    np.testing.assert_array_equal(y[-6:], [3, 3, 2, 1, 0, 0])
    assert len(y) == 20


# ------------------------------------------------------------------------------ state


def test_a_state_of_another_stream_is_refused_by_name():
    stream: Any = sc.StreamConvolver(np.ones(4), latency=2)
    stream.process(np.ones(3))
    state = stream.state()
    with pytest.raises(StreamError, match=r"latency \(2 there, 3 here\)"):
        sc.StreamConvolver(np.ones(4), latency=3).restore(state)
    with pytest.raises(StreamError, match="another kernel"):
        sc.StreamConvolver(np.ones(5), max_taps=5, latency=2).restore(
            {**state, "about": {**state["about"], "max_taps": 5}}
        )
    with pytest.raises(StreamError, match="kind"):
        sc.StreamCorrelator(np.ones(4), latency=2).restore(state)
    with pytest.raises(StreamError, match="no state"):
        stream.restore({"a": 1})
    broken = {**state, "computed_by": "FFTW 1"}
    if stream.plan.way.layout.stages:
        with pytest.raises(StreamError, match="FFTW 1"):
            stream.restore(broken)


def test_a_state_after_the_end_is_the_end():
    stream = sc.StreamConvolver([1.0, 2.0])
    stream.process([1.0])
    stream.flush()
    other = sc.StreamConvolver([1.0, 2.0])
    other.restore(pickle.loads(pickle.dumps(stream.state())))
    with pytest.raises(StreamError, match="ended"):
        other.process([1.0])
    other.reset()
    np.testing.assert_array_equal(other.process([1.0]), [1.0])


# ------------------------------------------------------------------------------ turns


def test_two_threads_at_once_are_refused():
    stream: Any = sc.StreamConvolver(np.ones(4))
    stream.process(np.ones(3))
    inside, leave = threading.Event(), threading.Event()
    hear = stream._running.body.hear

    def slowly(chunk):
        inside.set()
        leave.wait(60)
        hear(chunk)

    stream._running.body.hear = slowly
    thread = threading.Thread(target=stream.process, args=(np.ones(2),))
    thread.start()
    inside.wait(60)
    for call in (stream.flush, stream.reset, stream.state, lambda: stream.process(np.ones(1))):
        with pytest.raises(StreamError, match="another thread"):
            call()
    leave.set()
    thread.join()
    stream._running.body.hear = hear
    np.testing.assert_array_equal(stream.process(np.ones(1)), [4.0])


def test_an_interrupted_stream_says_so(monkeypatch):
    stream: Any = sc.StreamConvolver(np.ones(4))
    stream.process(np.ones(3))

    def interrupted(start, stop, target=None):
        raise KeyboardInterrupt

    monkeypatch.setattr(stream._running._filter, "outputs", interrupted)
    with pytest.raises(KeyboardInterrupt):
        stream.process(np.ones(2))
    for call in (lambda: stream.process(np.ones(2)), stream.flush, stream.state):
        with pytest.raises(StreamError, match="interrupted"):
            call()
    stream.reset()
    np.testing.assert_array_equal(stream.process(np.ones(2)), [1.0, 2.0])


# ------------------------------------------------------------------------------ arrays


def test_any_layout_of_chunks_works():
    rng = np.random.default_rng(8)
    x, h = rng.standard_normal((300, 4)), rng.standard_normal(20)
    expected = sc.convolve(x, h, axes=0)[:300]
    read_only = x.copy()
    read_only.flags.writeable = False
    for chunk in (np.asfortranarray(x), np.repeat(x, 2, axis=0)[::2], x.astype(">f8"), read_only):
        np.testing.assert_allclose(
            sc.StreamConvolver(h, axis=0).process(chunk), expected, atol=1e-13
        )
    deep = rng.standard_normal((2, 300, 3))
    np.testing.assert_allclose(
        sc.StreamConvolver(h, axis=1).process(deep),
        sc.convolve(deep, h, axes=1)[:, :300],
        atol=1e-13,
    )


@pytest.mark.parametrize("taps", [5, 900])
def test_out_may_be_the_chunk_or_overlap_it(taps):
    rng = np.random.default_rng(9)
    x, h = rng.standard_normal(3000), rng.standard_normal(taps)
    expected = np.convolve(x, h)[:3000]
    memory = x.copy()
    stream = sc.StreamConvolver(h)
    assert stream.process(memory, memory) is memory
    np.testing.assert_allclose(memory, expected, atol=1e-11)
    memory = np.concatenate([x, [0.0]])
    sc.StreamConvolver(h).process(memory[:-1], memory[1:])
    np.testing.assert_allclose(memory[1:], expected, atol=1e-11)
    with pytest.raises(ShapeError, match=r"shape \(3000,\)"):
        stream.process(x, np.empty(2999))
    with pytest.raises(DTypeError, match="float64"):
        stream.process(x, np.empty(3000, "f4"))


@pytest.mark.skipif(not COMPILED, reason="NumPy's steps allocate")
@pytest.mark.parametrize(("taps", "block"), [(30, 64), (5000, 64), (1001, 4096), (20000, 1024)])
def test_a_stream_that_is_planned_ahead_allocates_nothing(taps, block):
    rng = np.random.default_rng(10)
    stream = sc.StreamConvolver(
        rng.standard_normal(taps), block_size=block, dtype=float, batch_shape=(), workers=1
    )
    chunk, out = rng.standard_normal(block), np.empty(block)
    for _ in range(3):
        stream.process(chunk, out)
    tracemalloc.start()
    for _ in range(2 * taps // block + 10):
        stream.process(chunk, out)
    tracemalloc.reset_peak()
    held, _ = tracemalloc.get_traced_memory()
    stream.process(chunk, out)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak - held < 4096


LONG_RUN = """
import numpy as np, sigconv as sc
taps = np.ones(200)
stream = sc.StreamConvolver(taps, block_size=4, dtype=float, batch_shape=(), latency=64, workers=1)
chunk, out = np.ones(4), np.empty(4)
def held(pages=open("/proc/self/statm")):
    pages.seek(0)
    return int(pages.read().split()[1]) * 4096
for number in range(1_000_000):
    stream.process(chunk, out)
    if number == 1_000:
        before = held()
print(held() - before, out[0])
"""


@pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="needs Linux's /proc")
def test_memory_does_not_grow_from_a_thousand_chunks_to_a_million():
    run = subprocess.run(
        [sys.executable, "-c", LONG_RUN], capture_output=True, text=True, check=True
    )
    grown, last = run.stdout.split()
    assert int(grown) < 64 << 10
    assert float(last) == 200.0


# ------------------------------------------------------------------------------ messages


NOT_AN_AXIS: Any = {"axis": "time"}


@pytest.mark.parametrize(
    ("make", "error", "message"),
    [
        (lambda: sc.StreamConvolver([]), ShapeError, "at least one tap"),
        (lambda: sc.StreamConvolver(np.ones((2, 2))), ShapeError, "pass axis"),
        (lambda: sc.StreamConvolver([1], **NOT_AN_AXIS), ShapeError, "an integer"),
        (lambda: sc.StreamConvolver([1], latency=-1), OptionError, "latency"),
        (lambda: sc.StreamConvolver([1], block_size=0), OptionError, "block_size"),
        (lambda: sc.StreamConvolver([1, 2], max_taps=1), OptionError, "max_taps"),
        (lambda: sc.StreamConvolver([1], boundary="round"), BoundaryError, "round"),
        (lambda: sc.StreamConvolver([1.0]).plan, StreamError, "process a chunk first"),
        (lambda: sc.StreamConvolver([1.0]).run([], "large"), ValueError, "mode"),
    ],
)
def test_bad_arguments_are_told(make, error, message):
    with pytest.raises(error, match=message):
        make()


def test_chunks_without_axis_are_told_how():
    told = (
        r"chunk has shape \(1024, 2\); pass axis=0 for \(frames, channels\) or axis=-1 for "
        r"\(channels, frames\)"
    )
    with pytest.raises(ShapeError, match=told):
        sc.StreamConvolver([1.0]).process(np.ones((1024, 2)))


def test_the_plan_is_a_table():
    stream = sc.StreamConvolver(np.ones(20000), block_size=64, dtype="f4", batch_shape=())
    text = str(stream.plan)
    assert stream.plan.method == "partitioned"
    for fact in ("20000", "stage 1", "float32", "64 samples"):
        assert fact in text


@pytest.mark.parametrize("taps", [20, 1001, 16384])
def test_one_channel_is_written_whatever_the_strides_of_its_results(taps):
    rng = np.random.default_rng(taps)
    h, x = rng.standard_normal(taps), rng.standard_normal(40_000)
    expected = sc.convolve(x, h)[: x.size]
    y = sc.StreamConvolver(h, axis=0).process(x[:, np.newaxis])
    np.testing.assert_allclose(y[:, 0], expected, atol=1e-9)
    out = np.zeros(x.size)
    for view in (out[np.newaxis], out[:, np.newaxis].T):
        out[:] = 0
        sc.StreamConvolver(h, axis=-1).process(x[np.newaxis], view)
        np.testing.assert_allclose(out, expected, atol=1e-9)
