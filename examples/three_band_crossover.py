"""Split a sound into low, middle and high, for a loudspeaker of three ways.

You learn to filter one input into several outputs at once (`StreamMatrixConvolver`), with bands
that add up to the input again, late by half the taps. Needs `sigconv[plot]`.
"""

import argparse
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure

import sigconv as sc

FS, TAPS, BLOCK = 48_000, 1025, 512
LOW, HIGH = 400.0, 3000.0  # Hz: where one way hands over to the next
NAMES = ("low", "middle", "high")


def crossover():
    """Return kernels of shape (3 outputs, 1 input, TAPS), whose sum is a delayed impulse."""
    below = [sc.kernels.lowpass(cutoff, TAPS, fs=FS) for cutoff in (LOW, HIGH)]
    return np.diff([0 * below[0], *below, sc.kernels.delta(TAPS)], axis=0)[:, np.newaxis]


def sweep(seconds):
    """Return a tone that rises from 50 Hz to 20 kHz by equal ratios, and its frequencies."""
    frequencies = 50 * 400 ** (np.arange(round(seconds * FS)) / (seconds * FS))
    return np.sin(2 * np.pi * np.cumsum(frequencies) / FS), frequencies


def split(sound):
    """Return the three bands of a sound, of shape (frames, 3), from blocks of it."""
    stream = sc.StreamMatrixConvolver(crossover(), block_size=BLOCK, dtype=float)
    blocks = (sound[at : at + BLOCK, np.newaxis] for at in range(0, len(sound), BLOCK))
    return np.concatenate(list(stream.run(blocks)))


def draw(path, bands, frequencies):
    """Save the level of each band as the tone rises, and the kernels' answer to an impulse."""
    figure = Figure(figsize=(11, 4), layout="constrained")
    level, impulse = figure.subplots(1, 2)
    spans = np.abs(bands[TAPS // 2 :][: len(frequencies) // 480 * 480]).reshape(-1, 480, 3)
    for name, peak, kernel in zip(NAMES, spans.max(axis=1).T, crossover()[:, 0], strict=True):
        level.plot(frequencies[240::480], 20 * np.log10(peak + 1e-9), label=name)
        impulse.plot(1000 * (np.arange(TAPS) - TAPS // 2) / FS, kernel / abs(kernel).max())
    level.set(xscale="log", xlabel="frequency (Hz)", ylabel="peak (dB)", ylim=(-80, 5))
    level.set_title("a rising tone goes from way to way")
    impulse.set(xlabel="time (ms)", ylabel="tap / largest", xlim=(-3, 3), title="the kernels")
    figure.legend(loc="outside lower center", ncols=3)
    figure.savefig(path, dpi=110)


def main(output):
    """Split a sweep and noise, check that the bands add up, and draw the sweep's."""
    tone, frequencies = sweep(4.0)
    noise = np.random.default_rng(2).standard_normal(2 * FS)
    for name, sound in (("sweep", tone), ("white noise", noise)):
        bands = split(sound)
        error = abs(bands.sum(axis=1) - np.pad(sound, TAPS // 2)).max()
        shares = (bands**2).sum(axis=0) / (bands**2).sum()
        told = ", ".join(f"{way} {share:.1%}" for way, share in zip(NAMES, shares, strict=True))
        print(f"{name}: {told}; the sum is {error:.0e} off the input")
        assert error < 1e-12
    # White noise has its energy where there is bandwidth.
    assert np.allclose(shares, np.diff([0, LOW, HIGH, FS / 2]) / (FS / 2), atol=0.01)
    bands = split(tone)
    for way, frequency in enumerate((100, 1000, 10_000)):
        at = np.searchsorted(frequencies, frequency) + TAPS // 2
        peaks = abs(bands[at - 480 : at + 480]).max(axis=0)
        assert peaks[way] > 0.99 > 100 * np.delete(peaks, way).max()
    output.mkdir(parents=True, exist_ok=True)
    draw(output / "crossover.png", bands, frequencies)
    print(f"wrote crossover.png in {output}")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--output", type=Path, default=Path("example-output"))
    main(parser.parse_args().output)
