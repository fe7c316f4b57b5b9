"""Ctrl-C in the middle of a long call: it ends, and the library goes on."""

import signal
import subprocess
import sys

import pytest

CHILD = """
import signal
import numpy as np
import sigconv as sc

shape, taps, method = {shape}, {taps}, {method!r}
x, h = np.ones(shape, np.float32), np.ones(taps, np.float32)
corner = x[(slice(64),) * x.ndim], h[(slice(9),) * x.ndim]
small = sc.convolve(*corner, method=method)
# What Ctrl-C does, three tenths of a second from now.
signal.signal(signal.SIGALRM, signal.default_int_handler)
try:
    signal.setitimer(signal.ITIMER_REAL, 0.3)
    while True:
        sc.convolve(x, h, method=method, workers=2)
except KeyboardInterrupt:
    again = sc.convolve(*corner, method=method, workers=2)
    assert np.array_equal(again, small)
    print("usable")
"""

# The first three would take minutes; the others repeat themselves without end. In the last two a
# transform is left behind that takes seconds.
CALLS = [
    ((2000, 4000), (900, 900), "direct"),
    ((2, 1_000_000), (2, 300_000), "direct"),
    ((1_000_000,), (800_000,), "direct"),
    ((4_000_000,), (5000,), "overlap-save"),
    ((4_000_000,), (5000,), "overlap-add"),
    ((300, 300), (90, 90), "fft"),
    ((20_000_000,), (20_000_000,), "fft"),
    ((2, 10_000_000), (1, 10_000_000), "fft"),
]


@pytest.mark.skipif(not hasattr(signal, "setitimer"), reason="timers are POSIX; run on Linux")
@pytest.mark.parametrize(("shape", "taps", "method"), CALLS)
def test_an_interrupted_call_ends_and_leaves_the_library_usable(shape, taps, method):
    code = CHILD.format(shape=shape, taps=taps, method=method)
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=20, check=False
    )
    assert (done.returncode, done.stdout) == (0, "usable\n"), done.stderr
