"""examples/live_convolution.py, driven as an audio host would, without a device."""

import importlib.util
import re
import sys
import threading
import tracemalloc
from pathlib import Path
from types import ModuleType, SimpleNamespace

import numpy as np
import pytest

import sigconv as sc

BLOCK, DEPTH, CHANNELS = 64, 2, 2
ROOM = 2 * DEPTH  # blocks that may wait for the worker


def load() -> ModuleType:
    """The example as a module: it is a program, and in no package."""
    path = Path(__file__).parents[1] / "examples" / "live_convolution.py"
    spec = importlib.util.spec_from_file_location(path.stem, path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


example = load()


class Host:
    """An audio host that calls back when the test says so, for one block after another."""

    def __init__(self, callback, blocks):
        self.callback = callback
        self.heard = np.random.default_rng(4).standard_normal((blocks, BLOCK, CHANNELS))
        self.heard = self.heard.astype(np.float32)
        self.played = np.full_like(self.heard, np.nan)
        self.count = 0

    def call(self, status=None):
        here, self.count = self.count, self.count + 1
        self.callback(self.heard[here], self.played[here], BLOCK, None, status)

    def results(self, kernel):
        """What is to be played: the convolution of all that was heard, DEPTH blocks late."""
        sound = self.heard.reshape(-1, CHANNELS)
        late = np.zeros((DEPTH * BLOCK, CHANNELS), np.float32)
        full = np.concatenate([late, sc.convolve(sound, kernel, axes=0)])
        return full[: len(sound)].reshape(self.heard.shape)


def kernel_of(taps):
    return np.random.default_rng(taps).standard_normal(taps).astype(np.float32)


def make(kernel, blocks):
    live = example.LiveConvolver(kernel, BLOCK, CHANNELS, DEPTH)
    return live, Host(live.callback, blocks)


def catch_up(live):
    while live.step():
        pass


def assert_close(played, wanted):
    np.testing.assert_allclose(played, wanted, rtol=0, atol=1e-5 * abs(wanted).max())


@pytest.mark.parametrize("taps", [1, 50, 64, 1000])
def test_outputs_are_the_convolution_a_known_number_of_blocks_late(taps):
    kernel = kernel_of(taps)
    live, host = make(kernel, 30)
    for _ in host.heard:
        host.call()
        assert live.step()
        assert not live.step()
    assert_close(host.played, host.results(kernel))
    assert (live.underruns, live.overruns, live.warnings, live.late) == (0, 0, 0, 0)


def test_worker_may_be_late_by_all_blocks_that_are_ready():
    kernel = kernel_of(300)
    live, host = make(kernel, 30)
    for number in range(len(host.heard)):
        host.call()
        if number % DEPTH == DEPTH - 1:
            catch_up(live)
    assert_close(host.played, host.results(kernel))
    assert (live.underruns, live.overruns) == (0, 0)


def test_stalled_worker_gives_silence_and_later_outputs_are_in_time_again():
    kernel = kernel_of(300)
    live, host = make(kernel, 30)
    for number in range(len(host.heard)):
        host.call()
        if not 5 <= number < 8:
            catch_up(live)
    # Calls 5 and 6 have blocks that were ready; call 8 comes before the worker goes on.
    silent = [7, 8]
    assert not host.played[silent].any()
    wanted = host.results(kernel)
    others = np.delete(np.arange(len(wanted)), silent)
    assert_close(host.played[others], wanted[others])
    assert (live.underruns, live.overruns, live.late) == (2, 0, 0)


def test_block_that_comes_late_is_played_while_no_other_is_ready():
    live, host = make(np.ones(1, np.float32), 12)
    for number in range(len(host.heard)):
        host.call()
        if number >= DEPTH:  # From now on one block for each: what was missed is not made up.
            live.step()
    assert live.underruns == 1
    assert live.late == 1
    np.testing.assert_array_equal(host.played[DEPTH + 1 :], host.heard[: -DEPTH - 1])


def test_full_queue_loses_blocks_and_counts_them():
    live, host = make(np.ones(1, np.float32), 40)
    stalled = 20
    for _ in range(stalled):
        host.call()
    assert not host.played[:stalled].any()
    assert live.underruns == stalled - DEPTH
    assert live.overruns == stalled - ROOM
    catch_up(live)
    assert live.stream.tail == 0
    for _ in range(stalled, len(host.heard)):
        host.call()
        catch_up(live)
    # What waited comes out, the oldest too late for its place; what follows is in time.
    np.testing.assert_array_equal(host.played[stalled : stalled + DEPTH], host.heard[DEPTH:ROOM])
    np.testing.assert_array_equal(host.played[stalled + DEPTH :], host.heard[stalled:-DEPTH])
    assert live.underruns == stalled - DEPTH
    assert live.overruns == stalled - ROOM


def test_any_stalls_leave_outputs_in_time_once_the_worker_has_caught_up():
    rng = np.random.default_rng(8)
    for _ in range(50):
        live, host = make(np.ones(1, np.float32), 60)
        for number in range(len(host.heard)):
            host.call()
            for _ in range(rng.integers(0, 4) if number < 50 else ROOM):
                live.step()
        np.testing.assert_array_equal(host.played[-5:], host.heard[-5 - DEPTH : -DEPTH])
        assert live.late == 0


def test_what_the_host_warns_of_is_counted():
    live, host = make(kernel_of(10), 3)
    for status in (None, "input overflow", ""):
        host.call(status)
    assert live.warnings == 1


def test_callback_allocates_no_array():
    live = example.LiveConvolver(np.ones(1, np.float32), 8192, CHANNELS, DEPTH)
    indata = np.ones((8192, CHANNELS), np.float32)
    outdata = np.empty_like(indata)
    live.callback(indata, outdata, 8192, None, None)
    tracemalloc.start()
    try:
        before = tracemalloc.get_traced_memory()[0]
        for _ in range(10):  # Blocks that are ready, underruns, and a full queue.
            live.callback(indata, outdata, 8192, None, None)
        peak = tracemalloc.get_traced_memory()[1] - before
    finally:
        tracemalloc.stop()
    assert live.overruns
    assert peak < 4096


def test_worker_thread_convolves_what_the_host_brings():
    kernel, made = kernel_of(500), threading.Semaphore(0)
    live, host = make(kernel, 20)
    step = live.step

    def watched():
        is_made = step()
        if is_made:
            made.release()
        return is_made

    live.step = watched

    class Opened:
        def __init__(self, samplerate, blocksize, *, channels, dtype, callback):
            assert callback == live.callback
            assert dtype == "float32"

        def __enter__(self):
            return self

        def __exit__(self, *exception):
            return None

    def wait():
        for _ in host.heard:
            host.call()
            assert made.acquire(timeout=60)

    example.play(live, Opened, wait)
    assert_close(host.played, host.results(kernel))
    assert (live.underruns, live.overruns) == (0, 0)


def test_worker_ends_when_the_host_cannot_be_opened():
    live, _ = make(kernel_of(10), 1)

    def no_device(*arguments, **options):
        raise OSError("no device")

    threads = threading.active_count()
    with pytest.raises(OSError, match="no device"):
        example.play(live, no_device, lambda: None)
    assert threading.active_count() == threads


def test_program_without_sounddevice_says_what_to_install(monkeypatch, capsys):
    monkeypatch.setitem(sys.modules, "sounddevice", None)
    with pytest.raises(SystemExit, match="pip install sounddevice"):
        example.main(1.0)
    assert "rehearsed" in capsys.readouterr().out


def test_program_reports_what_went_wrong(monkeypatch, capsys):
    silence = np.zeros((example.BLOCK, 1), np.float32)

    class Stream:
        def __init__(self, *arguments, callback, **options):
            self.callback = callback

        def __enter__(self):
            self.callback(silence, np.empty_like(silence), len(silence), None, "input overflow")

        def __exit__(self, *exception):
            return None

    slept: list[int] = []
    fake = SimpleNamespace(Stream=Stream, sleep=slept.append)
    monkeypatch.setitem(sys.modules, "sounddevice", fake)
    example.main(0.25)
    assert slept == [250]
    last = capsys.readouterr().out.splitlines()[-1]
    assert re.fullmatch("0 underruns, 0 overruns, 1 of the host", last)
