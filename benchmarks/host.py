"""What the figures belong to: the machine, the versions and the day."""

from __future__ import annotations

import os
import platform
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import numpy as np

from sigconv.engines import compiled
from sigconv.engines.compiled import has_numba

__all__ = ["load_loops", "machine", "today", "versions"]

_PACKAGES = (
    "numpy",
    "scipy",
    "pyfftw",
    "numba",
    "opencv-python-headless",
    "ducc0",
    "torch",
    "scikit-image",
)


def machine() -> str:
    """Return the processor, how many there are, and the system."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        lines = []
    facts = dict(line.replace("\t", "").split(":", 1) for line in lines if ":" in line)
    name = facts.get("model name", platform.processor() or platform.machine()).strip()
    if "model" in facts:
        # Virtual machines often hide the name and tell the family and the model.
        name += f" (family {facts['cpu family'].strip()}, model {facts['model'].strip()})"
    system = f"{platform.system()} {platform.machine()}"
    return f"{name}, {os.cpu_count()} processors, {system}"


def versions() -> str:
    """Return Python's version and those of sigconv and every installed peer."""
    found = [f"Python {platform.python_version()}", f"sigconv {version('sigconv')}"]
    for package in _PACKAGES:
        try:
            found.append(f"{package} {version(package)}")
        except PackageNotFoundError:
            found.append(f"no {package}")
    return ", ".join(found)


def today() -> str:
    """Return the date in UTC."""
    return datetime.now(UTC).date().isoformat()


def load_loops() -> None:
    """Load the compiled loops, which calls do once they have lost enough time without."""
    if has_numba():
        for dtype in ("f4", "f8"):
            for kind in ("taps", "windows", "planes", "passes"):
                compiled.load(np.dtype(dtype), kind)
