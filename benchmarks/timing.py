"""Timing calls in turns, so that a machine whose speed drifts drifts for all of them."""

from __future__ import annotations

import os
import platform
from importlib.metadata import version
from pathlib import Path
from statistics import median
from time import perf_counter
from typing import NamedTuple

import numpy as np

from benchmarks.cases import Case


class Ratio(NamedTuple):
    """The peer's time over sigconv's, round by round."""

    peer: str
    median: float
    low: float
    high: float


def ratios(case: Case, rounds: int) -> list[Ratio]:
    """Compare the results once, then time every call in every round."""
    expected = case.own()
    scale = float(np.abs(expected).max())
    for name, call in case.peers.items():
        error = float(np.abs(call() - expected).max())
        if error > 1e-4 * scale:
            raise AssertionError(f"{case.title}: {name} differs by {error / scale:.1e}")
    calls = {"": case.own, **case.peers}
    seconds: dict[str, list[float]] = {name: [] for name in calls}
    for _ in range(rounds):
        for name, call in calls.items():
            begun = perf_counter()
            call()
            seconds[name].append(perf_counter() - begun)
    rows = []
    for name in case.peers:
        each = [peer / own for peer, own in zip(seconds[name], seconds[""], strict=True)]
        rows.append(Ratio(name, median(each), min(each), max(each)))
    return rows


def machine() -> str:
    """Return the processor and the versions that the figures belong to."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
        processor = next(line.split(":")[1].strip() for line in lines if "model name" in line)
    except (OSError, StopIteration):
        processor = platform.processor() or platform.machine()
    packages = [f"{name} {version(name)}" for name in ("numpy", "scipy", "pyfftw", "numba")]
    return f"{processor}, {os.cpu_count()} processors; {', '.join(packages)}"
