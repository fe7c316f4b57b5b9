"""FFTs in fresh, forked and spawned processes, and beside other users of pyFFTW."""

import os
import subprocess
import sys

import pytest

from sigconv.fft import fftw

FORKS = pytest.mark.skipif(not hasattr(os, "fork"), reason="this system cannot fork")
FFTW = pytest.mark.skipif(not fftw.is_available(), reason="pyfftw is not installed")

COMMON = """
import os, signal, threading
import numpy as np
from sigconv import convolve
from sigconv.fft import pool

rng = np.random.default_rng(0)
x, h = rng.standard_normal(300_000), rng.standard_normal(3000)

def run(workers=2):
    return convolve(x, h, method="overlap-save", workers=workers)

def check(expected):
    return np.array_equal(run(), expected)

def in_child(work):
    \"\"\"Return how a forked child ends that exits with 0 where `work` returns true.\"\"\"
    child = os.fork()
    if child == 0:
        signal.alarm(30)  # A hang ends as a killed child.
        try:
            os._exit(0 if work() else 1)
        finally:
            os._exit(2)
    return os.waitpid(child, 0)[1]
"""

AFTER_FFT = """
expected = run()
assert in_child(lambda: check(expected)) == 0
# A grandchild, and the parent afterwards.
assert in_child(lambda: check(expected) and in_child(lambda: check(expected)) == 0) == 0
assert check(expected)
"""

OWN_TRANSFORMS = """
run()
assert pool.idle_bytes() > 0
assert in_child(lambda: pool.idle_bytes() == 0) == 0
assert pool.idle_bytes() > 0
"""

LENT_MEANWHILE = """
expected = run()
stop, started = threading.Event(), threading.Event()

def busy():
    while not stop.is_set():
        run(1)
        started.set()

thread = threading.Thread(target=busy)
thread.start()
started.wait()
ends = [in_child(lambda: check(expected)) for _ in range(5)]
stop.set()
thread.join()
assert ends == [0] * 5, ends
"""

POOLS = """
import multiprocessing

def main(method):
    expected = run()
    with multiprocessing.get_context(method).Pool(2) as workers:
        assert all(workers.map(check, [expected] * 4))

if __name__ == "__main__":
    import sys
    main(sys.argv[1])
"""

PLANNING = """
from sigconv.fft import TransformSpec, fftw

fftw.MEASURE_SECONDS = 0.4
library = fftw.library()
planning, real = threading.Event(), library.FFTW

def announced(*args, **keywords):
    planning.set()
    return real(*args, **keywords)

library.FFTW = announced
spec = TransformSpec(1, (3 << 18,), np.dtype("f8"), "measure")
thread = threading.Thread(target=fftw.FftwTransform, args=(spec,))
thread.start()
planning.wait()
end = in_child(lambda: fftw.FftwTransform(TransformSpec(1, (96,), np.dtype("f8"))) is not None)
thread.join()
assert end == 0, end
# The parent plans on.
fftw.FftwTransform(TransformSpec(1, (97,), np.dtype("f8")))
"""


FIRST_USE = """
import sys
from sigconv.fft import TransformSpec, fftw

sys.setswitchinterval(1e-6)
start, failures = threading.Barrier(8), []

def use():
    start.wait()
    try:
        fftw.FftwTransform(TransformSpec(1, (96,), np.dtype("f8")))
    except BaseException as failure:
        failures.append(failure)

threads = [threading.Thread(target=use) for _ in range(8)]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
assert not failures, failures
"""

CALLER_LATER = """
import sys
from sigconv.fft import TransformSpec, fftw

def bits(n, effort="estimate"):
    work = fftw.FftwTransform(TransformSpec(1, (n,), np.dtype("f8"), effort))
    work.samples[...] = np.random.default_rng(n).standard_normal(n)
    work.forward()
    return work.spectrum.copy()

lengths = (96, 243, 500)
before = {n: bits(n) for n in lengths}
for n in lengths:
    bits(2 * n), bits(n, "measure")
assert all(np.array_equal(bits(n), before[n]) for n in lengths)

# Other code begins to use pyFFTW, and fills the planner with wisdom.
import pyfftw

for n in lengths:
    samples = pyfftw.empty_aligned((1, n), "f8")
    spectrum = pyfftw.empty_aligned((1, n // 2 + 1), "D")
    pyfftw.FFTW(samples, spectrum, axes=(1,), flags=("FFTW_MEASURE", "FFTW_DESTROY_INPUT"))
assert all(np.array_equal(bits(n), before[n]) for n in lengths)
assert np.allclose(pyfftw.interfaces.numpy_fft.fft(np.ones(8)), np.fft.fft(np.ones(8)))
"""


def run(folder, script, *arguments):
    """Run a program of its own, with warnings about forks beside threads left out."""
    path = folder / "program.py"
    path.write_text(COMMON + script)
    return subprocess.run(
        [sys.executable, "-W", "ignore", str(path), *arguments],
        check=False,
        capture_output=True,
        text=True,
        timeout=300,
    )


@FORKS
@pytest.mark.parametrize("name", ["scipy", "auto"])
@pytest.mark.parametrize("script", [AFTER_FFT, OWN_TRANSFORMS, LENT_MEANWHILE])
def test_a_forked_child_computes_as_its_parent(tmp_path, monkeypatch, script, name):
    monkeypatch.setenv("SIGCONV_FFT", name)
    done = run(tmp_path, script)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("method", [pytest.param("fork", marks=FORKS), "spawn"])
def test_multiprocessing_computes_as_its_parent(tmp_path, method):
    done = run(tmp_path, POOLS, method)
    assert done.returncode == 0, done.stderr


@FORKS
@FFTW
def test_a_child_forked_while_a_thread_plans_can_plan(tmp_path):
    done = run(tmp_path, PLANNING)
    assert done.returncode == 0, done.stderr


@FFTW
def test_threads_may_begin_with_ffts_at_the_same_moment(tmp_path):
    for _ in range(3):
        done = run(tmp_path, FIRST_USE)
        assert done.returncode == 0, done.stderr


@FFTW
def test_a_caller_may_import_pyfftw_before_or_later(tmp_path):
    for script in (CALLER_LATER, "import pyfftw" + CALLER_LATER):
        done = run(tmp_path, script)
        assert done.returncode == 0, done.stderr
