"""Time sigconv beside its peers, one after the other in every round, and print a table.

The README quotes its ratios: ``python docs/speed.py`` makes them for your machine.
"""

import os
import platform
import sys
from functools import partial
from importlib.metadata import version
from pathlib import Path
from time import perf_counter

import numpy as np
from scipy import ndimage, signal

import sigconv as sc

ROUNDS = 20


def cases():
    """What is timed: a description, sigconv's call, and the peers' calls by name."""
    rng = np.random.default_rng(1)

    def samples(*shape, dtype=np.float32):
        return rng.standard_normal(shape).astype(dtype)

    x, h = samples(1000, dtype=float), samples(9, dtype=float)
    yield (
        "1000 samples, 9 taps",
        partial(sc.convolve, x, h),
        {"numpy.convolve": partial(np.convolve, x, h)},
    )
    for taps in (1000, 48_000):
        x, h = samples(10_000_000, dtype=float), samples(taps, dtype=float)
        yield (
            f"10 million samples, {taps:} taps",
            partial(sc.convolve, x, h),
            {"scipy.signal.oaconvolve": partial(signal.oaconvolve, x, h)},
        )
    image, h = samples(1024, 1024), samples(7, 7)
    yield (
        "1024² image, 7² taps, float32",
        partial(sc.convolve, image, h, "same", boundary="symmetric", center=3),
        {
            "scipy.ndimage.convolve": partial(ndimage.convolve, image, h),
            "scipy.signal.oaconvolve": partial(signal.oaconvolve, image, h, "same"),
        },
    )
    volume, h = samples(128, 128, 128), samples(5, 5, 5)
    yield (
        "128³ volume, 5³ taps, float32",
        partial(sc.convolve, volume, h, "same", boundary="symmetric", center=2),
        {
            "scipy.ndimage.convolve": partial(ndimage.convolve, volume, h),
            "scipy.signal.oaconvolve": partial(signal.oaconvolve, volume, h, "same"),
        },
    )
    h = sc.kernels.gaussian(3.0, ndim=3, dtype=np.float32)
    yield (
        "128³ volume, Gaussian of sigma 3 (25³ taps), float32",
        partial(sc.convolve, volume, h, "same", boundary="symmetric"),
        {
            "scipy.ndimage.gaussian_filter": partial(ndimage.gaussian_filter, volume, 3.0),
            "scipy.signal.oaconvolve": partial(signal.oaconvolve, volume, h, "same"),
        },
    )


def fastest(calls):
    """Seconds of each call: the least of several rounds, in which the calls take turns."""
    best = dict.fromkeys(calls, float("inf"))
    for _ in range(ROUNDS + 1):  # the first round warms up, and is beaten
        for name, call in calls.items():
            begun = perf_counter()
            call()
            best[name] = min(best[name], perf_counter() - begun)
    return best


def processor():
    """Name of the processor, where the system tells it."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="ascii").splitlines()
        return next(line.split(":")[1].strip() for line in lines if "model name" in line)
    except (OSError, StopIteration):
        return platform.processor() or platform.machine()


def table():
    """Yield the machine, and a row of Markdown per peer."""
    packages = [f"{name} {version(name)}" for name in ("numpy", "scipy", "pyfftw", "numba")]
    yield f"{processor()}, {os.cpu_count()} processors; {', '.join(packages)}"
    yield "| signal and kernel | peer | time of the peer / time of sigconv |"
    yield "|---|---|---|"
    for title, own, peers in cases():
        seconds = fastest({"sigconv": own} | peers)
        for name in peers:
            yield f"| {title} | `{name}` | {seconds[name] / seconds['sigconv']:.2g} |"


if __name__ == "__main__":
    sys.stdout.writelines(f"{line}\n" for line in table())
