"""Long sums over channels are done in turns, between which Ctrl-C is heard."""

import signal
import subprocess
import sys

import numpy as np
import pytest

from sigconv.channels import driving
from sigconv.engines.compiled import has_numba
from sigconv.layers import conv, conv_weight_grad

pytestmark = pytest.mark.skipif(not has_numba(), reason="numba is not installed")

CHILD = """
import signal
import numpy as np
from sigconv.layers import conv, conv_weight_grad

# Each call would take a minute: large kernels, and one signal many times.
w, large = np.ones((64, 64, 9, 9), np.float32), np.ones((64, 64, 41, 41), np.float32)
x = np.broadcast_to(np.ones((1, 64, 256, 256), np.float32), (8, 64, 256, 256))
g = np.broadcast_to(np.ones((1, 64, 32, 32), np.float32), (20_000, 64, 32, 32))
few = x[:1, :, :40, :40]
small = conv(few, w, method="direct"), conv_weight_grad(g[:1], few, w.shape, method="direct")
signal.signal(signal.SIGALRM, signal.default_int_handler)
try:
    signal.setitimer(signal.ITIMER_REAL, 0.3)
    {call}
except KeyboardInterrupt:
    again = (
        conv(few, w, method="direct", workers=2),
        conv_weight_grad(g[:1], few, w.shape, method="direct", workers=2),
    )
    assert all(np.array_equal(a, b) for a, b in zip(again, small))
    print("usable")
"""
CALLS = {
    "sums": "conv(x, large, method='direct', workers=2)",
    "products": "conv_weight_grad(g, np.broadcast_to(few, (20_000, 64, 40, 40)), w.shape, "
    "method='direct', workers=2)",
}


@pytest.mark.skipif(not hasattr(signal, "setitimer"), reason="timers are POSIX; run on Linux")
@pytest.mark.parametrize("call", CALLS.values(), ids=CALLS)
def test_an_interrupted_layer_ends_and_leaves_the_library_usable(call):
    code = CHILD.format(call=call)
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=120, check=False
    )
    assert (done.returncode, done.stdout) == (0, "usable\n"), done.stderr


@pytest.mark.parametrize("most", [5000, 1 << 40])
@pytest.mark.parametrize("workers", [1, 3])
def test_turns_change_no_bit(monkeypatch, most, workers):
    rng = np.random.default_rng(1)
    x, weight = rng.standard_normal((3, 4, 40, 33)), rng.standard_normal((5, 4, 3, 3))
    y = conv(x, weight, method="direct")
    grad = conv_weight_grad(y, x, weight.shape, method="direct")
    monkeypatch.setattr(driving, "_MOST_PRODUCTS", most)
    assert np.array_equal(conv(x, weight, method="direct", workers=workers), y)
    again = conv_weight_grad(y, x, weight.shape, method="direct", workers=workers)
    assert np.array_equal(again, grad)
