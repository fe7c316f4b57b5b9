"""The sum of a hundred dice, into tails where an FFT finds nothing but noise.

You learn to add random variables (`sigconv.probability`), to ask for probabilities that no float
holds, and why a spectrum does not know them. Needs `sigconv[plot]`.
"""

import argparse
from fractions import Fraction
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure

from sigconv.probability import dice

COUNT, SIDES = 100, 6


def by_fft():
    """Return the same probabilities from the spectrum of one die to the power of a hundred."""
    size = COUNT * (SIDES - 1) + 1
    spectrum = np.fft.rfft(np.full(SIDES, 1 / SIDES), size)
    return np.fft.irfft(spectrum**COUNT, size)


def draw(path, total, noisy):
    """Save both on a scale of logarithms, and where they part."""
    figure = Figure(figsize=(10, 5), layout="constrained")
    axes = figure.subplots()
    logs = total.logpmf(total.values) / np.log(10)
    axes.plot(total.values, np.log10(np.maximum(abs(noisy), 1e-30)), ".", ms=3, label="by an FFT")
    axes.plot(total.values, logs, label="sigconv")
    axes.annotate(
        f"P(sum = {COUNT}) = 6^-100, about 10^{logs[0]:.1f}",
        (COUNT, logs[0]),
        (COUNT + 60, logs[0] + 5),
        arrowprops={"arrowstyle": "->"},
        va="center",
    )
    axes.set(xlabel="sum", ylabel="log10 of its probability", title=f"{COUNT} dice")
    axes.legend()
    figure.savefig(path, dpi=110)


def main(output):
    """Add dice, check the ends and a middle, and draw the tails."""
    total = dice(COUNT, SIDES)
    least = total.pmf(COUNT)
    print(f"P({COUNT} dice show {COUNT}) = {least:.10g}, 6^-100 = {6.0**-100:.10g}")
    assert abs(least / 6.0**-100 - 1) < 1e-10
    exact = dice(COUNT, SIDES, exact=True)
    value = exact.pmf(350)
    assert isinstance(value, Fraction)
    assert abs(total.pmf(350) / float(value) - 1) < 1e-12
    noisy = by_fft()
    print(f"an FFT says {noisy[0]:.1g} there, and less than nothing {np.sum(noisy < 0)} times")
    assert noisy.min() < 0 < total.pmf(total.values).min()
    large = dice(1000, 1000)
    first = large.logpmf(1000)
    print(f"1000 dice of 1000 sides all show 1 with probability 10^{first / np.log(10):.6f}")
    assert abs(first / (1000 * np.log(1e-3)) - 1) < 1e-13
    output.mkdir(parents=True, exist_ok=True)
    draw(output / "dice.png", total, noisy)
    print(f"wrote dice.png in {output}")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--output", type=Path, default=Path("example-output"))
    main(parser.parse_args().output)
