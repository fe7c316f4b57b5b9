"""`import sigconv` is cheap: what is heavy or optional loads when it is first needed."""

import importlib.resources
import subprocess
import sys

import pytest

import sigconv

HEAVY = ("numba", "pyfftw", "scipy.signal", "matplotlib", "soundfile", "dask")
BOUND_SECONDS = 0.050
TRIES = 7

LIST_LOADED = "import sys, sigconv; sigconv.convolve, sigconv.plan; print(*sys.modules)"
TIME_IMPORT = """
import time
import numpy
started = time.perf_counter()
import sigconv
print(time.perf_counter() - started)
"""


def run_python(code: str) -> str:
    """Standard output of `code` in a fresh interpreter."""
    done = subprocess.run(
        [sys.executable, "-c", code], check=True, capture_output=True, text=True, timeout=60
    )
    return done.stdout


@pytest.fixture(scope="module")
def loaded_modules() -> set[str]:
    return set(run_python(LIST_LOADED).split())


@pytest.mark.parametrize("module", HEAVY)
def test_import_leaves_heavy_package_unloaded(loaded_modules: set[str], module: str) -> None:
    assert "sigconv" in loaded_modules
    assert module not in loaded_modules


def test_import_adds_under_50_ms_to_numpy() -> None:
    # Noise only adds time, so the minimum estimates the cost; the first try may compile bytecode.
    fastest = float("inf")
    for _ in range(TRIES):
        fastest = min(fastest, float(run_python(TIME_IMPORT)))
        if fastest < BOUND_SECONDS:
            break
    assert fastest < BOUND_SECONDS


def test_package_declares_its_types() -> None:
    assert importlib.resources.files(sigconv).joinpath("py.typed").is_file()
