"""How many workers there may be, and how they share a list of work."""

import os
import subprocess
import sys
import threading
import weakref
from functools import partial

import pytest

from sigconv.engines import crew, workers
from sigconv.engines.workers import available_workers, resolve_workers, run_shared, set_workers
from sigconv.errors import OptionError


@pytest.fixture(autouse=True)
def _default(monkeypatch):
    monkeypatch.setattr(workers._state, "default", None)
    monkeypatch.delenv("SIGCONV_WORKERS", raising=False)


def run(script):
    """Run a program of its own, which a hang would end as a failure."""
    command = [sys.executable, "-W", "ignore", "-c", script]
    return subprocess.run(command, check=False, capture_output=True, text=True, timeout=60)


def test_by_default_every_available_processor_works():
    assert resolve_workers(None) == available_workers() >= 1


@pytest.mark.skipif(not hasattr(os, "sched_getaffinity"), reason="no affinity on this system")
def test_available_processors_are_those_of_this_process(monkeypatch):
    monkeypatch.setattr(os, "sched_getaffinity", lambda pid: {2, 5, 7})
    assert resolve_workers(None) == resolve_workers(-1) == 3


def test_without_affinity_all_processors_count(monkeypatch):
    monkeypatch.delattr(os, "sched_getaffinity", raising=False)
    monkeypatch.setattr(os, "cpu_count", lambda: 6)
    assert available_workers() == 6
    monkeypatch.setattr(os, "cpu_count", lambda: None)
    assert available_workers() == 1


@pytest.mark.parametrize("number", [1, 2, 100])
def test_a_positive_number_is_taken(number):
    assert resolve_workers(number) == number


def test_minus_1_is_every_processor():
    assert resolve_workers(-1) == available_workers()


@pytest.mark.parametrize("bad", [0, -2, 1.0, "2", True, [1]])
def test_another_value_is_an_error_with_the_rule(bad):
    for call in (resolve_workers, set_workers):
        with pytest.raises(OptionError, match="positive integer, -1 for every") as caught:
            call(bad)
        assert repr(bad) in str(caught.value)
    assert workers._state.default is None


def test_set_workers_lasts():
    set_workers(3)
    assert resolve_workers(None) == 3
    assert resolve_workers(2) == 2
    set_workers(None)
    assert resolve_workers(None) == available_workers()


def test_set_workers_lasts_as_long_as_its_with_statement():
    set_workers(5)
    with set_workers(3):
        assert resolve_workers(None) == 3
        with set_workers(-1):
            assert resolve_workers(None) == available_workers()
        assert resolve_workers(None) == 3
    assert resolve_workers(None) == 5
    with pytest.raises(KeyError), set_workers(2):
        raise KeyError
    assert resolve_workers(None) == 5


def test_the_environment_sets_the_default(monkeypatch):
    monkeypatch.setenv("SIGCONV_WORKERS", "7")
    assert resolve_workers(None) == 7
    assert resolve_workers(2) == 2
    with set_workers(3):
        assert resolve_workers(None) == 3
    monkeypatch.setenv("SIGCONV_WORKERS", "-1")
    assert resolve_workers(None) == available_workers()
    monkeypatch.setenv("SIGCONV_WORKERS", "")
    assert resolve_workers(None) == available_workers()


@pytest.mark.parametrize("text", ["two", "1.5", "0", "-3"])
def test_an_error_in_the_environment_names_the_variable(monkeypatch, text):
    monkeypatch.setenv("SIGCONV_WORKERS", text)
    with pytest.raises(OptionError, match="SIGCONV_WORKERS must be"):
        resolve_workers(None)


@pytest.mark.parametrize("number", [1, 2, 3, 8])
@pytest.mark.parametrize("length", [0, 1, 2, 7, 1000])
def test_every_item_is_taken_exactly_once(number, length):
    taken: list[int] = []
    run_shared(taken.extend, range(length), number)
    assert sorted(taken) == list(range(length))


class Generated(list[int]):
    """A list whose iterator, a generator, refuses to be entered by two threads."""

    def __iter__(self):
        for i in range(len(self)):
            sum(range(500))  # Time for another thread to come by.
            yield i


def test_items_are_drawn_by_one_worker_at_a_time():
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    try:
        taken: list[int] = []
        run_shared(taken.extend, Generated(range(300)), 4)
    finally:
        sys.setswitchinterval(before)
    assert sorted(taken) == list(range(300))


@pytest.mark.parametrize("number", [2, 4])
def test_as_many_workers_run_at_once_as_were_asked_for(number):
    # Every worker waits for the others with its first item in hand.
    together = threading.Barrier(number, timeout=60)
    names = set()

    def work(items):
        for _ in items:
            if threading.get_ident() not in names:
                names.add(threading.get_ident())
                together.wait()

    run_shared(work, range(50), number)
    assert len(names) == number
    assert threading.get_ident() in names


def test_one_worker_or_one_item_stays_on_the_calling_thread():
    threads = []

    def work(items):
        threads.append(threading.get_ident())

    for items, number in ((range(9), 1), (range(1), 4), (range(0), 4)):
        run_shared(work, items, number)
    assert threads == [threading.get_ident()] * 3


@pytest.mark.parametrize("culprit", ["caller", "helper"])
def test_an_error_in_any_worker_is_raised_and_stops_the_others(culprit):
    here, length = threading.get_ident(), 2_000_000
    ready = threading.Barrier(2, timeout=60)
    taken = []

    def work(items):
        next(items)
        ready.wait()
        if (threading.get_ident() == here) == (culprit == "caller"):
            raise KeyError("boom")
        taken.append(sum(1 for _ in items))

    with pytest.raises(KeyError, match="boom"):
        run_shared(work, range(length), 2)
    # The other worker has ended, and before it had taken everything.
    assert len(taken) == 1
    assert taken[0] < length - 2


def test_the_workers_are_free_again_after_an_error():
    def fail(items):
        for item in items:
            raise KeyError(item)

    for _ in range(5):
        with pytest.raises(KeyError):
            run_shared(fail, range(8), 3)
    test_every_item_is_taken_exactly_once(3, 100)


def test_many_callers_at_once_share_the_threads():
    totals = []

    def call():
        for _ in range(20):
            taken: list[int] = []
            run_shared(taken.extend, range(100), 3)
            totals.append(sum(taken))

    callers = [threading.Thread(target=call) for _ in range(6)]
    for caller in callers:
        caller.start()
    for caller in callers:
        caller.join()
    assert totals == [sum(range(100))] * 120


def test_a_helper_that_fails_lives_to_be_called_again(monkeypatch):
    monkeypatch.setattr(crew, "_pool", crew.Pool())

    def fail():
        raise MemoryError

    for _ in range(5):
        crew.call_helpers([fail])
    free = threading.Event()
    crew.call_helpers([free.set])
    assert free.wait(30)


def test_what_is_withdrawn_is_not_run_nor_kept():
    class Kept:
        pass

    kept = Kept()
    seen = weakref.ref(kept)
    offer = crew.Offer(partial(refuse, kept))
    del kept
    offer.withdraw()
    offer()
    assert seen() is None


def refuse(*arguments):
    raise AssertionError(arguments)


NESTED = """
from sigconv.engines.workers import run_shared

taken = []

def outer(items):
    for _ in items:
        run_shared(taken.extend, range(3), 2)

run_shared(outer, range(20), 2)
assert sorted(taken) == sorted([*range(3)] * 20)
"""

FORK = """
import os, signal, threading
from sigconv.engines import crew
from sigconv.engines.workers import resolve_workers, run_shared, set_workers

def both_work():
    together = threading.Barrier(2, timeout=20)
    first = set()

    def work(items):
        for _ in items:
            if threading.get_ident() not in first:
                first.add(threading.get_ident())
                together.wait()

    run_shared(work, range(10), 2)
    return len(first) == 2

set_workers(2)
assert both_work()
with crew._pool.lock:  # A lock that a fork may find taken.
    child = os.fork()
    if child == 0:
        signal.alarm(40)
        try:
            os._exit(0 if both_work() and resolve_workers(None) == 2 else 1)
        finally:
            os._exit(2)
assert os.waitpid(child, 0)[1] == 0
assert both_work()
"""

AT_EXIT = """
import atexit
from sigconv.engines.workers import run_shared

def last():
    taken = []
    run_shared(taken.extend, range(9), 2)
    print(sorted(taken) == list(range(9)))

atexit.register(last)
"""


def test_work_that_shares_work_does_not_wait_for_itself():
    done = run(NESTED)
    assert done.returncode == 0, done.stderr


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system cannot fork")
def test_a_forked_child_starts_workers_of_its_own_and_keeps_the_default():
    done = run(FORK)
    assert done.returncode == 0, done.stderr


def test_work_goes_on_while_the_interpreter_exits():
    done = run(AT_EXIT)
    assert (done.stdout.strip(), done.stderr) == ("True", "")
