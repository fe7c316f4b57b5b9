"""Compiled loops are loaded when that is worth it, and plans follow."""

import os
import subprocess
import sys
import threading
from dataclasses import replace
from importlib import import_module
from typing import Any

import numpy as np
import pytest

import sigconv as sc
from sigconv import dispatch
from sigconv.engines import compiled
from sigconv.engines.compiled import has_numba
from sigconv.planning import current_machine, make_plan, ready_machine

pytestmark = pytest.mark.skipif(not has_numba(), reason="numba is not installed")

MACHINE, READY = current_machine(), ready_machine()
F8 = np.dtype(float)
lose = compiled.lose


@pytest.fixture
def runs(monkeypatch):
    """No loop is loaded, and loading one only notes its dtype here."""
    noted: list[Any] = []
    monkeypatch.setattr(compiled, "_state", compiled._State())
    monkeypatch.setattr(compiled, "lose", lose)
    monkeypatch.setitem(compiled._RUNS, "taps", noted.append)
    return noted


def wait_for_loading():
    """Return when no thread loads a loop any more."""
    for thread in threading.enumerate():
        if thread.name == "sigconv loop":
            thread.join(30)


def run_python(code, **environment):
    done = subprocess.run(
        [sys.executable, "-c", code],
        check=True,
        capture_output=True,
        text=True,
        timeout=120,
        env={**os.environ, **environment},
    )
    return done.stdout.split()


def test_lost_time_loads_a_loop_once_it_equals_a_quarter_of_the_price(runs):
    for _ in range(3):
        compiled.lose("taps f8", 0.3, 4.0)
    wait_for_loading()
    assert runs == []
    compiled.lose("taps f8", 0.3, 4.0)
    wait_for_loading()
    assert runs == [F8]
    assert compiled.loaded() == {"taps f8"}


def test_each_loop_is_paid_for_by_itself(runs):
    compiled.lose("taps f8", 0.9, 4.0)
    compiled.lose("taps f4", 0.9, 4.0)
    wait_for_loading()
    assert compiled.loaded() == frozenset()


def test_a_loop_that_fails_to_load_is_not_tried_again_behind_the_scenes(runs, monkeypatch):
    def fail(dtype):
        runs.append(dtype)
        raise ImportError("no compiler")

    monkeypatch.setitem(compiled._RUNS, "taps", fail)
    for _ in range(3):
        compiled.lose("taps f8", 2.0, 1.0)
        wait_for_loading()
    assert runs == [F8]
    assert compiled.loaded() == frozenset()
    # Who asks for it hears why.
    with pytest.raises(ImportError, match="no compiler"):
        compiled.load(F8)


def test_loading_costs_nothing_once_it_is_done(runs):
    assert compiled.load_seconds(F8, MACHINE) >= MACHINE.cold_loop
    compiled.load(F8)
    compiled.load(F8)
    assert runs == [F8]
    assert compiled.load_seconds(F8, MACHINE) == 0
    # The compiler has started by then.
    other = compiled.load_seconds(np.dtype("f4"), MACHINE)
    assert other in (0, MACHINE.compile_loop)


def test_loops_on_disk_need_no_compiler(runs, monkeypatch, tmp_path):
    monkeypatch.setenv("NUMBA_CACHE_DIR", str(tmp_path))
    compiled._is_cached.cache_clear()
    try:
        cold = compiled.load_seconds(F8, MACHINE)
        assert cold == MACHINE.cold_loop + MACHINE.compile_loop
        compiled._is_cached.cache_clear()
        (tmp_path / "loops_1").mkdir()
        (tmp_path / "loops_1" / "sums.sum_taps-1.py311.nbi").touch()
        assert compiled.load_seconds(F8, MACHINE) == MACHINE.cold_loop
    finally:
        compiled._is_cached.cache_clear()


def test_cold_plans_count_what_loading_costs(runs):
    problem = sc.plan((1000, 1000), (7, 7)).problem
    cold, warm = make_plan(problem, "direct"), make_plan(problem, "direct", READY)
    assert (cold.loop, warm.loop) == ("numpy", "numba")
    assert warm.cost.load == 0
    assert "to load the loop" not in str(cold)
    long = sc.plan((40_000, 40_000), (25, 25), method="direct")
    assert long.loop == "numba"
    assert long.cost.load == compiled.load_seconds(F8, MACHINE)
    assert long.cost.first == long.cost.seconds + long.cost.load


def test_loading_counts_against_other_engines(runs):
    problem = sc.plan((300, 300), (15, 15)).problem
    # Spectra take longer to multiply than the compiled loop takes, and less than to load it.
    slices = dict.fromkeys(MACHINE.slice_add, 1.0)
    machine = replace(MACHINE, multiply=1e-6, slice_add=slices)
    assert make_plan(problem, "auto", machine).method != "direct"
    ready = replace(machine, cold_loop=0.0, compile_loop=0.0)
    assert make_plan(problem, "auto", ready).method == "direct"


def test_plan_tells_what_loading_costs_beside_little_work(runs):
    plan = sc.plan((1000, 1000), (7, 7), method="direct")
    load = replace(plan, cost=plan.cost._replace(seconds=0.01, load=0.5))
    assert "10 ms on one worker, after 500 ms to load the loop" in str(load)


def test_plans_change_when_the_loop_is_loaded(runs):
    assert sc.plan((200, 200), (5, 5)).loop == "numpy"
    compiled.load(F8)
    assert sc.plan((200, 200), (5, 5)).loop == "numba"


def test_calls_count_what_they_lose(runs, monkeypatch):
    lost = []
    monkeypatch.setattr(compiled, "lose", lambda *what: lost.append(what))
    x, h = np.ones((90, 90)), np.ones((5, 5))
    for _ in range(2):
        sc.convolve(x, h)
    sc.Convolver(h, x.shape)(x)
    (name, seconds, price), *others = lost
    assert others == [(name, seconds, price)] * 2
    assert name == "taps f8"
    assert 0 < seconds < 1e-2
    assert price == compiled.load_seconds(F8, MACHINE)


def test_calls_that_lose_nothing_count_nothing(runs, monkeypatch):
    def refuse(*what):
        raise AssertionError(what)

    monkeypatch.setattr(compiled, "lose", refuse)
    sc.convolve(np.ones(100), np.ones(5))
    sc.convolve(np.ones((9, 9)), np.ones((3, 3)), dtype=np.longdouble)
    sc.convolve(np.ones((9, 9)), np.ones((3, 3)), method="fft", dtype=np.longdouble)
    compiled.load(F8)
    dispatch.choose(sc.plan((90, 90), (5, 5)).problem, "auto").count_loss()


# Of a process of its own, whose main thread waits: pytest's workers may test in another one.
INTERRUPTED = """
import _thread, threading
import numpy as np
from sigconv.engines import compiled

go, done = threading.Event(), threading.Event()

def interrupted(dtype):
    _thread.interrupt_main()
    assert go.wait(30)

def watch():
    while not compiled.loaded():
        compiled._state.busy.acquire()
        compiled._state.busy.release()
    done.set()

compiled._RUNS["taps"] = interrupted
try:
    compiled.load(np.dtype("f8"))
except KeyboardInterrupt:
    assert not compiled.loaded()
    go.set()
    threading.Thread(target=watch, daemon=True).start()
    assert done.wait(30)
    print(*compiled.loaded())
"""


def test_ctrl_c_ends_the_wait_and_not_the_loading():
    assert run_python(INTERRUPTED) == ["taps", "f8"]


FIRST_CALLS = """
import sys, threading
import numpy as np
import sigconv as sc

sc.convolve(np.ones(1000), np.ones(9))
sc.convolve(np.ones((40, 40)), np.ones((3, 3)), "same", boundary="reflect")
sc.convolve(np.ones((40, 40), np.uint8), np.ones((3, 3), np.uint8), "same")
sc.Convolver(np.ones((3, 3)), (40, 40))(np.ones((40, 40)))
print("numba" in sys.modules, threading.active_count())
"""


def test_small_first_calls_load_nothing_and_start_no_thread():
    assert run_python(FIRST_CALLS) == ["False", "1"]


FLIPS = """
import threading
import numpy as np
import sigconv as sc
from sigconv.engines import compiled

x, h = np.arange(900.0).reshape(30, 30), np.arange(9.0).reshape(3, 3)
first = sc.convolve(x, h, "same")
print(sc.plan(x, h, "same").loop)
compiled._state.lost["taps f8"] = 1e9
sc.convolve(x, h, "same")
for thread in threading.enumerate():
    if thread is not threading.main_thread():
        thread.join()
print(sc.plan(x, h, "same").loop)
print(np.array_equal(sc.convolve(x, h, "same"), first))
"""


def test_a_loop_loaded_behind_the_scenes_serves_the_next_call():
    assert run_python(FLIPS) == ["numpy", "numba", "True"]


FORKS = """
import os, signal, threading
import numpy as np
from sigconv.engines import compiled

begun, go = threading.Event(), threading.Event()

def slow(dtype):
    begun.set()
    assert go.wait(30)

compiled._RUNS["taps"] = slow
compiled.lose("taps f8", 2.0, 1.0)
assert begun.wait(30)
# The fork waits for what is being loaded; this lets it be done meanwhile.
threading.Timer(0.01, go.set).start()
child = os.fork()
if child == 0:
    signal.alarm(30)
    compiled.load(np.dtype(float))
    os._exit(0 if "taps f8" in compiled.loaded() else 1)
print(os.waitpid(child, 0)[1])
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system cannot fork")
def test_a_fork_waits_for_a_loop_that_is_being_loaded():
    assert run_python(FORKS, PYTHONWARNINGS="ignore") == ["0"]


ENDS = """
import threading
from sigconv.engines import compiled

begun = threading.Event()

def slow(dtype):
    begun.set()
    for _ in range(10_000):
        threading.Event().wait(1e-5)
    print("loaded", flush=True)

compiled._RUNS["taps"] = slow
compiled.lose("taps f8", 2.0, 1.0)
assert begun.wait(30)
"""


def test_the_interpreter_ends_after_a_loop_that_is_being_loaded():
    assert run_python(ENDS) == ["loaded"]


def test_every_kind_of_loop_is_looked_for_by_the_name_of_one():
    for name in compiled._CACHED.values():
        module, loop = name.removesuffix("-*.nbi").split(".")
        assert callable(getattr(import_module(f"sigconv.loops.{module}"), loop))
    assert compiled._CACHED.keys() == compiled._RUNS.keys()


COLD = """
import numpy as np
from sigconv.engines import compiled

compiled.load(np.dtype("f4"))
from sigconv.loops import sums
print(compiled._is_cached("taps"), len(sums.sum_taps.signatures), len(sums.sum_at.signatures))
"""


def test_loading_leaves_what_the_next_process_looks_for(tmp_path, monkeypatch):
    monkeypatch.setenv("NUMBA_CACHE_DIR", str(tmp_path))
    assert run_python(COLD) == ["True", "1", "1"]
