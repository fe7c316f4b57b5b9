"""File to file, whole processes: the command beside programs that do the same."""

from __future__ import annotations

import subprocess
import sys
import tempfile
from pathlib import Path
from shutil import which
from statistics import median
from time import perf_counter
from typing import NamedTuple

import numpy as np
import soundfile

RATE, MINUTES, TAPS = 48_000, 10, 131_072
TOLERANCE = 1e-5

# Frames that are compared at a time.
_BLOCK = 1 << 20

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


class Program(NamedTuple):
    """A program that convolves in.wav, and how its file compares with the full convolution.

    Its results begin at the full position `start`. With `is_scaled` it has a gain of its own.
    """

    title: str
    command: tuple[str, ...]
    output: str
    start: int = 0
    is_scaled: bool = False


class Process(NamedTuple):
    """What one finished process took; the peak is that of Python programs."""

    seconds: float
    peak_mib: float | None


def programs() -> list[Program]:
    """Return sigconv's command, then all others that are installed."""
    python = sys.executable, "-c"
    found = [
        Program("sigconv", (*python, OWN + PEAK), "own.wav"),
        Program("SciPy script", (*python, SCIPY + PEAK), "scipy.wav"),
    ]
    if which("sox"):
        # -V1: it warns of headers that it reads well. Its filters are centred.
        words = "sox -V1 in.wav -e floating-point -b 32 sox.wav fir kernel.txt"
        found.append(Program("sox fir", tuple(words.split()), "sox.wav", (TAPS - 1) // 2))
    if which("ffmpeg"):
        found.append(Program("ffmpeg afir", _afir(), "ffmpeg.wav", is_scaled=True))
    return found


def _afir() -> tuple[str, ...]:
    described = subprocess.run(
        ("ffmpeg", "-hide_banner", "-h", "filter=afir"), capture_output=True, text=True, check=True
    )
    plain = "irnorm=-1" if "irnorm" in described.stdout else "gtype=none"
    graph = f"[0][1]afir={plain}:minp=8192:maxp=8192"
    before = "ffmpeg -y -v error -i in.wav -i stereo.wav -filter_complex"
    return (*before.split(), graph, "-c:a", "pcm_f32le", "ffmpeg.wav")


def file_rows(rounds: int) -> list[str]:
    """Run all in turns, and return lines with the ratios and the peak memory."""
    every = programs()
    with tempfile.TemporaryDirectory() as folder:
        where = Path(folder)
        _make_inputs(where)
        runs: dict[str, list[Process]] = {program.title: [] for program in every}
        for _ in range(rounds):
            for program in every:
                runs[program.title].append(_run(program, where))
        errors = {program.title: _difference(program, where) for program in every[1:]}
    for title, error in errors.items():
        if error > TOLERANCE:
            raise AssertionError(f"the files of sigconv and {title} differ by {error:.1e}")
    own = runs["sigconv"]
    lines = [
        f"{MINUTES} minutes of {RATE} Hz stereo float WAV, {TAPS} taps, whole processes, "
        f"{rounds} rounds: sigconv {60 * MINUTES / median(run.seconds for run in own):.0f} times "
        f"real time, peak memory {_peak(own)}"
    ]
    for title, error in errors.items():
        each = [b.seconds / a.seconds for a, b in zip(own, runs[title], strict=True)]
        lines.append(
            f"{title} / sigconv: {median(each):.2g} ({min(each):.2g} to {max(each):.2g}); largest "
            f"difference {error:.1e}{_peak(runs[title], ', peak memory ')}"
        )
    return lines


def _peak(runs: list[Process], before: str = "") -> str:
    peaks = [run.peak_mib for run in runs if run.peak_mib is not None]
    return f"{before}{max(peaks):.0f} MiB" if peaks else ""


def _make_inputs(where: Path) -> None:
    rng = np.random.default_rng(0)
    with soundfile.SoundFile(where / "in.wav", "w", RATE, 2, "FLOAT") as file:
        for _ in range(60 * MINUTES):
            file.write(0.1 * rng.standard_normal((RATE, 2)).astype(np.float32))
    decay = np.exp(-3 * np.arange(TAPS) / RATE)
    taps = (0.01 * rng.standard_normal(TAPS) * decay).astype(np.float32)
    soundfile.write(where / "kernel.wav", taps, RATE, "FLOAT")
    soundfile.write(where / "stereo.wav", np.stack([taps, taps], axis=1), RATE, "FLOAT")
    np.savetxt(where / "kernel.txt", taps)


def _run(program: Program, where: Path) -> Process:
    begun = perf_counter()
    done = subprocess.run(program.command, cwd=where, check=True, capture_output=True, text=True)
    seconds = perf_counter() - begun
    return Process(seconds, int(done.stdout) / 1024 if done.stdout.strip() else None)


def _difference(program: Program, where: Path) -> float:
    """Return the largest difference from sigconv's file, relative to its loudest sample."""
    largest, loudest, gain = 0.0, 0.0, 1.0
    with (
        soundfile.SoundFile(where / "own.wav") as own,
        soundfile.SoundFile(where / program.output) as other,
    ):
        own.seek(program.start)
        while len(theirs := other.read(_BLOCK, always_2d=True)):
            ours = own.read(len(theirs), always_2d=True)
            if program.is_scaled and not loudest:
                gain = float(np.vdot(ours, theirs) / np.vdot(ours, ours))
            loudest = max(loudest, float(np.abs(ours).max()))
            largest = max(largest, float(np.abs(ours - theirs / gain).max()))
    return largest / loudest
