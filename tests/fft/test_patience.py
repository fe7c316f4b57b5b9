"""Long transforms: Ctrl-C is heard while they run, and what is left behind does no harm."""

import signal
import subprocess
import sys
import threading

import numpy as np
import pytest

from sigconv.engines import crew, workers
from sigconv.engines.workers import run_shared
from sigconv.fft import TransformSpec, borrow_transform
from sigconv.fft.patience import LONG_BYTES, Abandoned, abandonable, run_patiently

# The transform ends after the interrupt alone: a call that waited for it would never return.
CHILD = """
import signal, threading
from sigconv.fft.patience import LONG_BYTES, run_patiently

released, ended = threading.Event(), threading.Event()

def transform():
    released.wait()
    ended.set()

signal.signal(signal.SIGALRM, signal.default_int_handler)
signal.setitimer(signal.ITIMER_REAL, 0.2)
try:
    run_patiently(transform, LONG_BYTES)
except KeyboardInterrupt:
    assert not ended.is_set()
    released.set()
    assert ended.wait(10)
    print("left behind")
"""


@pytest.mark.skipif(not hasattr(signal, "setitimer"), reason="timers are POSIX; run on Linux")
def test_ctrl_c_does_not_wait_for_a_long_transform():
    done = subprocess.run(
        [sys.executable, "-c", CHILD], capture_output=True, text=True, timeout=30, check=False
    )
    assert (done.returncode, done.stdout) == (0, "left behind\n"), done.stderr


AT_EXIT = """
import signal, sys, threading
from sigconv.fft.patience import LONG_BYTES, run_patiently

released = threading.Event()

def transform():
    released.wait()
    print("ended", flush=True)

signal.signal(signal.SIGALRM, signal.default_int_handler)
signal.setitimer(signal.ITIMER_REAL, 0.2)
try:
    run_patiently(transform, LONG_BYTES, awaited_at_exit=True)
except KeyboardInterrupt:
    print("left behind", flush=True)
later = threading.Timer(0.3, released.set)
later.daemon = True
later.start()
"""


@pytest.mark.skipif(not hasattr(signal, "setitimer"), reason="timers are POSIX; run on Linux")
def test_the_exit_waits_for_a_transform_that_would_take_it_down():
    done = subprocess.run(
        [sys.executable, "-c", AT_EXIT], capture_output=True, text=True, timeout=30, check=False
    )
    assert (done.returncode, done.stdout) == (0, "left behind\nended\n"), done.stderr


def test_a_worker_left_behind_writes_nothing(monkeypatch):
    monkeypatch.setattr(workers, "_GRACE", 0.01)
    monkeypatch.setattr(crew, "_pool", crew.Pool())
    begun, released, written = threading.Event(), threading.Event(), []

    def transform():
        begun.set()
        assert released.wait(30)

    def work(items):
        for item in items:
            if threading.current_thread() is threading.main_thread():
                assert begun.wait(30)
                raise KeyboardInterrupt
            run_patiently(transform, LONG_BYTES)
            written.append(item)

    with pytest.raises(KeyboardInterrupt):
        run_shared(work, [0, 1, 2, 3], 2)
    released.set()
    # The one helper takes this when it is done with the other.
    free = threading.Event()
    crew.call_helpers([free.set])
    assert free.wait(30)
    assert written == []


def test_an_error_in_a_long_transform_reaches_the_caller():
    def transform():
        raise MemoryError

    with pytest.raises(MemoryError):
        run_patiently(transform, LONG_BYTES)


def test_short_transforms_stay_in_their_thread():
    seen = []
    run_patiently(lambda: seen.append(threading.current_thread()), LONG_BYTES - 1)
    assert seen == [threading.current_thread()]


def test_stopped_work_inside_other_work_ends_alone():
    def inside():
        with abandonable(lambda: False):
            with abandonable(lambda: True), pytest.raises(Abandoned):
                run_patiently(lambda: None, LONG_BYTES)
            run_patiently(lambda: None, LONG_BYTES)
            outcomes.append("went on")

    outcomes: list[str] = []
    thread = threading.Thread(target=inside)
    thread.start()
    thread.join()
    assert outcomes == ["went on"]


@pytest.mark.usefixtures("fresh_transforms")
def test_a_transform_is_not_lent_again_after_ctrl_c():
    spec = TransformSpec(1, (16,), np.dtype(np.float64))
    with pytest.raises(KeyboardInterrupt), borrow_transform(spec) as first:
        raise KeyboardInterrupt
    with borrow_transform(spec) as second:
        assert second is not first
