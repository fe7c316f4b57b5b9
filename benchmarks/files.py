"""File to file, whole processes: the command beside a script on SciPy that does the same."""

from __future__ import annotations

import subprocess
import sys
import tempfile
from pathlib import Path
from statistics import median
from time import perf_counter
from typing import NamedTuple

import numpy as np
import soundfile

RATE, MINUTES, TAPS = 48_000, 10, 131_072
TOLERANCE = 1e-6

SCIPY = """
import sys
import soundfile
from scipy import fft, signal
x, rate = soundfile.read("in.wav", dtype="float32", always_2d=True)
h, _ = soundfile.read("kernel.wav", dtype="float32")
with fft.set_workers(2):
    y = signal.oaconvolve(x, h[:, None], axes=0)
soundfile.write("scipy.wav", y, rate, "FLOAT")
"""

OWN = """
from sigconv.cli import main
assert main("convolve in.wav -k kernel.wav -o own.wav --force -q".split()) == 0
"""

# Of this program's own memory: what the system accounts to a child may include its parent's.
PEAK = """
status = open("/proc/self/status").read()
print(status.split("VmHWM:")[1].split()[0])
"""

PROGRAMS = {"sigconv": OWN + PEAK, "scipy": SCIPY + PEAK}


class Process(NamedTuple):
    """What one finished process took."""

    seconds: float
    peak_mib: float


def file_rows(rounds: int) -> list[str]:
    """Run both in turns, and return lines with the ratio and the peak memory of each."""
    with tempfile.TemporaryDirectory() as folder:
        where = Path(folder)
        _make_inputs(where)
        runs: dict[str, list[Process]] = {name: [] for name in PROGRAMS}
        for _ in range(rounds):
            for name, program in PROGRAMS.items():
                runs[name].append(_run(program, where))
        error = _largest_difference(where)
    if error > TOLERANCE:
        raise AssertionError(f"the files differ by {error:.1e}")
    each = [b.seconds / a.seconds for a, b in zip(runs["sigconv"], runs["scipy"], strict=True)]
    own = median(run.seconds for run in runs["sigconv"])
    peaks = {name: max(run.peak_mib for run in done) for name, done in runs.items()}
    return [
        f"{MINUTES} minutes of {RATE} Hz stereo float WAV, {TAPS} taps, whole processes, "
        f"{rounds} rounds",
        f"SciPy script / sigconv: {median(each):.2g} ({min(each):.2g} to {max(each):.2g}); "
        f"sigconv {60 * MINUTES / own:.0f} times real time",
        f"peak memory: sigconv {peaks['sigconv']:.0f} MiB, SciPy script {peaks['scipy']:.0f} MiB; "
        f"largest difference {error:.1e}",
    ]


def _make_inputs(where: Path) -> None:
    rng = np.random.default_rng(0)
    with soundfile.SoundFile(where / "in.wav", "w", RATE, 2, "FLOAT") as file:
        for _ in range(60 * MINUTES):
            file.write(0.1 * rng.standard_normal((RATE, 2)).astype(np.float32))
    decay = np.exp(-3 * np.arange(TAPS) / RATE)
    taps = 0.01 * rng.standard_normal(TAPS) * decay
    soundfile.write(where / "kernel.wav", taps.astype(np.float32), RATE, "FLOAT")


def _run(program: str, where: Path) -> Process:
    begun = perf_counter()
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=where, check=True, capture_output=True, text=True
    )
    return Process(perf_counter() - begun, int(done.stdout) / 1024)


def _largest_difference(where: Path) -> float:
    largest = 0.0
    own = soundfile.blocks(where / "own.wav", 1 << 20)
    other = soundfile.blocks(where / "scipy.wav", 1 << 20)
    for a, b in zip(own, other, strict=True):
        largest = max(largest, float(np.abs(a - b).max()))
    return largest
