"""Every way to share out the taps gives the convolution, whatever the chunks."""

import random
from typing import Any

import numpy as np
import pytest

import sigconv as sc
from sigconv.engines import compiled
from sigconv.planning import current_machine
from sigconv.streaming import layout, steps
from sigconv.streaming.layout import Layout, Size, Stage, Windows, choose_layout
from sigconv.testing import tolerance
from tests.streaming.streams import COMPILED, choose, late, layouts, through

SIZES = [[1, 7, 0, 33], [64], [100, 3, 257], [1000]]


def check(monkeypatch, chosen, dtype="f8", *, rng, size=2500, sizes=(64,), channels=None):
    choose(monkeypatch, chosen)
    shape = (size,) if channels is None else (size, channels)
    x, h = rng.standard_normal(shape).astype(dtype), rng.standard_normal(chosen.taps).astype(dtype)
    axis = None if channels is None else 0
    stream: Any = sc.StreamConvolver(h, latency=chosen.latency, axis=axis)
    y = through(stream, x, sizes)
    assert stream.plan.way.layout == chosen
    expected = late(sc.convolve(x, h, axes=0, method="direct"), chosen.latency)
    assert y.shape == expected.shape
    np.testing.assert_allclose(y, expected, rtol=0, atol=tolerance(x, h, y.dtype))


@pytest.mark.parametrize("latency", [0, 40, 300])
@pytest.mark.parametrize("taps", [1, 33, 130, 700])
def test_every_layout_gives_the_convolution(taps, latency, monkeypatch):
    rng = np.random.default_rng(taps + latency)
    order = random.Random(taps)
    for chunk in (1, 64, 1000):
        every = layouts(taps, latency, chunk)
        for chosen in order.sample(every, min(12, len(every))):
            check(monkeypatch, chosen, rng=rng, sizes=order.choice(SIZES))


@pytest.mark.parametrize("dtype", ["f4", "f8", "c8", "c16"])
def test_every_dtype_takes_every_layout(dtype, monkeypatch):
    rng, order = np.random.default_rng(3), random.Random(dtype)
    for chosen in order.sample(layouts(300, 0, 64, dtype, 2), 10):
        check(monkeypatch, chosen, dtype, rng=rng, sizes=[50, 1], channels=2)


SHORT_FIRST = Stage(32, 3, 32, 32, 64), Stage(128, 6, 64, 64, 128), Stage(512, 8, 128, 128, 256)
THREE = Layout(0, 1500, 32, SHORT_FIRST, 0)
PROMPT = Layout(0, 1500, 0, (Stage(0, 8, 64, 64, 128), Stage(512, 4, 256, 256, 512)), 0)
LATE = Layout(200, 1500, 0, (Stage(200, 15, 100, 100, 200),), 0)


@pytest.mark.parametrize("chosen", [THREE, PROMPT, LATE], ids=["three", "prompt", "late"])
@pytest.mark.parametrize("sizes", [[1], [31, 33], [64], [640], [2500]], ids=str)
def test_stages_work_ahead_for_any_chunk(chosen, sizes, monkeypatch):
    check(monkeypatch, chosen, rng=np.random.default_rng(5), sizes=sizes)


@pytest.mark.parametrize("channels", [1, 3])
def test_no_call_carries_all_work_on_a_long_block(channels, monkeypatch):
    # Blocks of 128 that are due 128 samples after their last one, in chunks of 16.
    choose(monkeypatch, Layout(0, 600, 256, (Stage(256, 3, 128, 128, 256),), 0))
    stream: Any = sc.StreamConvolver(np.ones(600), axis=0)
    work = list[int]()
    for _ in range(80):
        stream.process(np.ones((16, channels)))
        if not work:
            (stage,) = stream._running._filter._stages
            own = stage._work.do

            def counted(windows, blocks, target, own=own):
                work[-1] += windows.pieces + blocks.pieces
                own(windows, blocks, target)

            stage._work.do = counted
        work.append(0)
    # Of each block, a transform there and one back for every channel: at most two units a call.
    assert sum(work) >= 2 * channels * 6
    assert max(work) <= (1 if channels == 1 else 2)


@pytest.mark.skipif(not COMPILED, reason="compiled loops count them as zeros")
@pytest.mark.parametrize("taps", [20, 1500])
def test_denormal_numbers_count_as_zeros_in_streams_alone(taps, monkeypatch):
    tiny = np.full(4000, 1e-310)
    y = through(sc.StreamConvolver(np.ones(taps)), tiny, [64])
    assert not y.any()
    assert tiny[0] * 0.5 > 0, "arithmetic elsewhere goes on with them"


@pytest.mark.parametrize("chosen", [THREE, PROMPT], ids=["three", "prompt"])
def test_numpy_steps_give_what_compiled_loops_do(chosen, monkeypatch):
    monkeypatch.setattr(compiled, "loop_for", lambda dtype: "numpy")
    monkeypatch.setattr(compiled, "runs_transforms", lambda dtype: False)
    monkeypatch.setattr(steps.CompiledSteps, "work", None)
    check(monkeypatch, chosen, rng=np.random.default_rng(5), sizes=[50, 1, 300], channels=2)


@pytest.mark.skipif(not COMPILED, reason="needs pyFFTW and numba")
@pytest.mark.parametrize("loop", ["numba", "pairs"])
def test_windows_over_chunks_give_the_convolution(loop, monkeypatch):
    chosen = Layout(0, 90, 90, (), 0, Windows(256, 160, loop))
    dtype = "f4" if loop == "pairs" else "f8"
    check(monkeypatch, chosen, dtype, rng=np.random.default_rng(5), sizes=[300, 7], channels=3)
    behind = Layout(0, 900, 128, (Stage(128, 7, 128, 128, 256),), 0, Windows(512, 300, loop))
    check(monkeypatch, behind, dtype, rng=np.random.default_rng(5), sizes=[300, 7])


def test_bits_do_not_depend_on_chunks_where_first_taps_are_summed_directly(monkeypatch):
    choose(monkeypatch, THREE)
    rng = np.random.default_rng(1)
    x, h = rng.standard_normal(4000), rng.standard_normal(1500)
    whole = through(sc.StreamConvolver(h), x, [4000])
    for sizes in ([1, 2, 3], [64], [1000, 1]):
        np.testing.assert_array_equal(through(sc.StreamConvolver(h), x, sizes), whole)


def test_zero_parts_and_silence_are_skipped(monkeypatch):
    choose(monkeypatch, THREE)
    h = np.zeros(1500)
    h[[3, 700, 1400]] = 1.0, -2.0, 0.5
    stream: Any = sc.StreamConvolver(h)
    x = np.zeros(3000)
    x[10] = 1.0
    y = through(stream, x, [50])
    np.testing.assert_allclose(y[[13, 710, 1410]], [1.0, -2.0, 0.5], atol=1e-12)
    first, *_ = stream._running._filter._stages
    assert not first._outputs.used.any(), "taps 32 to 128 are zero"
    assert not stream._running.body.lines[0].delays.heard.any(), "nothing has been heard for long"


def test_short_kernels_go_direct_long_chunks_by_windows_long_kernels_in_parts():
    def method(taps, chunk, latency=0, loops=("numba",)):
        size = Size(taps, latency, 1, 1, 1, np.dtype("f8"), loops)
        return choose_layout(size, chunk, current_machine(), 3e-11).method

    assert method(100, 64) == method(20, 65536) == "direct"
    assert method(1001, 65536) == "overlap-save"
    assert method(131072, 64) == method(131072, 65536) == method(8192, 256, 300) == "partitioned"


def test_latency_spares_the_direct_sum():
    size = Size(20000, 4096, 1, 1, 1, np.dtype("f8"))
    chosen = choose_layout(size, 64, current_machine(), 3e-11)
    assert chosen.first_taps == 0
    without = choose_layout(size._replace(latency=0), 64, current_machine(), 3e-11)
    assert chosen.seconds < without.seconds


def test_later_stages_have_a_block_of_time_for_their_work():
    for taps, chunk in ((131072, 256), (50000, 64), (400000, 512)):
        chosen = choose_layout(
            Size(taps, 0, 1, 1, 1, np.dtype("f4")), chunk, current_machine(), 2e-11
        )
        covered = chosen.head
        for number, stage in enumerate(chosen.stages):
            assert stage.first == covered
            assert stage.nfft >= stage.block + stage.part - 1
            assert number == 0 or stage.slack == stage.block
            covered += stage.parts * stage.part
        assert covered >= taps


def test_a_stream_plans_anew_when_chunks_turn_out_otherwise():
    rng = np.random.default_rng(2)
    x, h = rng.standard_normal(400_000), rng.standard_normal(30_000)
    stream = sc.StreamConvolver(h)
    y = [stream.process(x[:300_000])]
    assert stream.plan.block_size > 30_000
    y += [stream.process(x[start : start + 20]) for start in range(300_000, 400_000, 20)]
    assert stream.plan.block_size == 32
    np.testing.assert_allclose(
        np.concatenate([*y, stream.flush()]), sc.convolve(x, h), rtol=0, atol=tolerance(x, h, "f8")
    )
    settled = sc.StreamConvolver(h, block_size=1 << 17, dtype="f8", batch_shape=())
    plan = settled.plan
    for start in range(0, 4000, 20):
        settled.process(x[start : start + 20])
    assert settled.plan is plan


def test_costs_count_what_a_chunk_leaves_unfinished():
    costs = layout.Costs(Size(4000, 0, 1, 1, 1, np.dtype("f8")), 1000, current_machine(), 1e-9)
    prompt = Stage(0, 4, 1000, 1000, 2000)
    ragged = layout.Costs(costs.size, 999, current_machine(), 1e-9)
    assert ragged.priced(0, (prompt,)).seconds > 1.5 * costs.priced(0, (prompt,)).seconds


@pytest.mark.parametrize("seed", range(6))
def test_errors_keep_to_the_bound_of_the_plan(seed, monkeypatch):
    rng, order = np.random.default_rng(seed), random.Random(seed)
    taps = order.choice([40, 900, 3000])
    choose(monkeypatch, order.choice(layouts(taps, 0, order.choice([1, 64, 1000]), "f4")))
    x, h = (rng.standard_normal(n) * 10.0 ** rng.integers(-2, 3, n) for n in (5000, taps))
    x, h = x.astype("f4"), h.astype("f4")
    stream = sc.StreamConvolver(h)
    y = through(stream, x, [257])
    exact = sc.convolve(x.astype("f8"), h.astype("f8"))
    error = np.abs(y - exact).max()
    assert 0 < error <= stream.plan.error_bound * np.linalg.norm(x) * np.linalg.norm(h)
