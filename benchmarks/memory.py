"""The memory that overlap methods take beyond signal and result: planned, and measured."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import sigconv as sc
from benchmarks.peers import THREADS

__all__ = ["MOST_BYTES", "Memory", "memory_rows"]

SAMPLES = 10**7
WIDTHS = (1001, 10_001, 100_000)
METHODS = ("overlap-save", "overlap-add")
MOST_BYTES = 32_000_000
"""What a worker may take for widths up to 1e5, whatever the length of the signal."""

# VmHWM is this program's own peak; getrusage may tell its parent's. 5 resets it (proc(5)).
CHILD = """
import sys
import numpy as np
import sigconv as sc
taps, dtype, method, workers = int(sys.argv[1]), *sys.argv[2:4], int(sys.argv[4])

def peak():
    status = open("/proc/self/status").read()
    return int(status.split("VmHWM:")[1].split()[0]) * 1024

x = np.ones({samples}, dtype)
h = np.ones(taps, dtype)
out = np.ones_like(x)
# What is loaded and compiled once does not count.
sc.convolve(x[:20_000], h[:100], "same", method=method, workers=workers, out=out[:20_000])
open("/proc/self/clear_refs", "w").write("5")
before = peak()
sc.convolve(x, h, "same", method=method, workers=workers, out=out)
print(peak() - before)
""".replace("{samples}", str(SAMPLES))


class Memory(NamedTuple):
    """Bytes for each worker; `measured` is None where the system does not tell."""

    taps: int
    dtype: str
    method: str
    planned: int
    measured: int | None

    @property
    def is_met(self) -> bool:
        return max(self.planned, self.measured or 0) <= MOST_BYTES


def memory_rows() -> Iterator[Memory]:
    """Yield the planned bytes for every width, and those measured for the greatest."""
    for taps in WIDTHS:
        for dtype in ("float32", "float64"):
            for method in METHODS:
                plan = sc.plan((SAMPLES,), (taps,), "same", dtype=dtype, method=method)
                measured = _measured(taps, dtype, method) if taps == max(WIDTHS) else None
                yield Memory(taps, dtype, method, plan.cost.nbytes, measured)


def _measured(taps: int, dtype: str, method: str) -> int | None:
    """Return how far a process grows above its arrays, shared out among its workers."""
    if not Path("/proc/self/clear_refs").exists():
        return None
    done = subprocess.run(
        [sys.executable, "-c", CHILD, str(taps), dtype, method, str(THREADS)],
        check=True,
        capture_output=True,
        text=True,
    )
    return int(done.stdout) // THREADS
