"""First calls in fresh processes with empty caches, beside SciPy's: ``python -m benchmarks.cold``.

Each side imports what a user would import. numba's cache is an empty directory, so that nothing is
compiled yet.
"""

from __future__ import annotations

import os
import subprocess
import sys
from statistics import median
from tempfile import TemporaryDirectory

from benchmarks.host import machine

__all__ = ["main"]

ALLOWED = 0.2
"""Seconds that a first call may take beyond SciPy's."""

_CASES = (
    ("1024² image, 3² taps, float32", (1024, 1024), (3, 3), "f4"),
    ("1024² image, 7² taps, float32", (1024, 1024), (7, 7), "f4"),
    ("1024² image, 31² taps, float32", (1024, 1024), (31, 31), "f4"),
    ("10⁶ samples, 64 taps, float64", (10**6,), (64,), "f8"),
    ("10⁶ samples, 1000 taps, float64", (10**6,), (1000,), "f8"),
    ("128³ volume, 5³ taps, float32", (128,) * 3, (5,) * 3, "f4"),
    ("128³ volume, 17³ taps, float32", (128,) * 3, (17,) * 3, "f4"),
    ("1024² image, 7² taps, uint8", (1024, 1024), (7, 7), "u1"),
    ("12 x 15 image, 3² taps, float64", (12, 15), (3, 3), "f8"),
)

_RUN = """
import time
import numpy as np
shape, taps, dtype = {case!r}
rng = np.random.default_rng(0)
x, h = ((100 * rng.random(n)).astype(dtype) for n in (shape, taps))
begun = time.perf_counter()
from {module} import convolve
convolve(x, h, "same")
print(time.perf_counter() - begun)
"""


def first_call(module: str, case: tuple[object, ...], rounds: int) -> float:
    """Return the median of the seconds of a first call, imports included."""
    seconds = []
    for _ in range(rounds):
        with TemporaryDirectory() as empty:
            done = subprocess.run(
                [sys.executable, "-c", _RUN.format(case=case, module=module)],
                env={**os.environ, "NUMBA_CACHE_DIR": empty},
                capture_output=True,
                check=True,
                text=True,
            )
        seconds.append(float(done.stdout))
    return median(seconds)


def main(rounds: int = 5) -> None:
    """Print the table."""
    print(machine())
    print(f"{'first call in a fresh process':36} {'sigconv':>9} {'SciPy':>9}")
    for title, *case in _CASES:
        own, peer = (first_call(m, tuple(case), rounds) for m in ("sigconv", "scipy.signal"))
        verdict = "" if own <= peer + ALLOWED else f"  more than {ALLOWED} s beyond"
        print(f"{title:36} {own:7.3f} s {peer:7.3f} s{verdict}")


if __name__ == "__main__":
    main()
