"""A stream goes on in another process, with the same bits."""

import pickle
import subprocess
import sys

import numpy as np
import pytest

import sigconv as sc
from tests.streaming.streams import COMPILED

CHILD = """
import pickle, sys
import numpy as np
import sigconv as sc
{before}
given = pickle.load(sys.stdin.buffer)
stream = getattr(sc, given["kind"])(given["kernel"], **given["keywords"])
stream.restore(given["state"])
made = [stream.process(chunk) for chunk in given["chunks"]]
pickle.dump([*made, stream.flush()], sys.stdout.buffer)
"""

# Other FFT plans measured before, and other work done.
OTHERWISE = """
sc.StreamConvolver(np.ones(9000), block_size=700, dtype=float, batch_shape=())
sc.convolve(np.ones(100), np.ones(9))
"""


def in_child(given, before=""):
    """Go on from a state in a process of its own; return what it gives."""
    run = subprocess.run(
        [sys.executable, "-c", CHILD.format(before=before)],
        input=pickle.dumps(given),
        capture_output=True,
        check=True,
    )
    return pickle.loads(run.stdout)


@pytest.mark.parametrize("before", ["", OTHERWISE], ids=["fresh", "used"])
@pytest.mark.parametrize(
    ("kernel", "keywords", "chunk"),
    [
        ((40,), {}, (17,)),
        ((20_000,), {"block_size": 256, "dtype": "float32"}, (256,)),
        ((20_000,), {"block_size": 8192, "dtype": "float64"}, (8192,)),
        ((1001,), {}, (9000,)),
        ((5, 3), {"axis": 0}, (4, 30)),
    ],
    ids=["direct", "stages", "prompt", "windows", "slabs"],
)
def test_another_process_goes_on_with_the_same_bits(kernel, keywords, chunk, before):
    rng = np.random.default_rng(0)
    dtype = keywords.get("dtype", "f8")
    h, first, *rest = (rng.standard_normal(s).astype(dtype) for s in (kernel, *[chunk] * 5))
    stream = sc.StreamConvolver(h, max_taps=kernel[0] + 3, **keywords)
    stream.process(first)
    stream.swap(h * h, fade=3)
    stream.process(first[:1])
    keywords = {**keywords, "max_taps": kernel[0] + 3}
    given = {
        "kind": "StreamConvolver",
        "kernel": h,
        "keywords": keywords,
        "state": stream.state(),
        "chunks": rest,
    }
    made = in_child(given, before)
    expected = [*(stream.process(part) for part in rest), stream.flush()]
    for one, other in zip(made, expected, strict=True):
        np.testing.assert_array_equal(one, other)


@pytest.mark.skipif(not COMPILED, reason="without compiled loops nothing is missing there")
def test_what_is_not_at_hand_is_named():
    stream = sc.StreamConvolver(np.ones(5000), block_size=64, dtype=float, batch_shape=())
    stream.process(np.ones(64))
    given = {"kind": "StreamConvolver", "kernel": np.ones(5000), "keywords": {}, "chunks": []}
    given["keywords"] = {"dtype": float}
    given["state"] = stream.state()
    with pytest.raises(subprocess.CalledProcessError) as failure:
        in_child(given, "sc.set_fft_backend('scipy')")
    assert b"the FFT backend pyfftw (scipy here)" in failure.value.stderr
