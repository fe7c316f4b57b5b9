"""Find pings in noise as it comes in: a matched filter, block by block.

You learn to search a stream for a known pulse (`StreamCorrelator`), and where in time its results
belong. Needs `sigconv[plot]`.
"""

import argparse
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure

import sigconv as sc

FS, BLOCK = 50_000, 777
LENGTH, SWEEP = 1000, 10_000.0  # samples of a ping, and over how many Hz it rises
COUNT, APART, STRENGTH = 12, 8000, 9.0  # pings, samples for each, strength where noise has 1
THRESHOLD = 4.6  # noise alone has more with probability exp(-4.6**2), once in 10**9 samples


def pulse():
    """Return a chirp about 0 Hz, as a receiver has it that keeps phases; its energy is 1."""
    time = (np.arange(LENGTH) - LENGTH / 2) / FS
    return np.exp(1j * np.pi * SWEEP * FS / LENGTH * time**2) / np.sqrt(LENGTH)


def record(rng):
    """Return complex noise with pings in it, and where they begin."""
    sound = rng.standard_normal((COUNT * APART, 2)) @ [1, 1j] / np.sqrt(2)
    starts = APART * np.arange(COUNT) + rng.integers(0, APART - LENGTH, COUNT)
    for start, turn in zip(starts, rng.random(COUNT), strict=True):
        sound[start : start + LENGTH] += STRENGTH * np.exp(2j * np.pi * turn) * pulse()
    return sound, starts


def search(blocks):
    """Return how strong a ping ends at every sample, and the strength and start of those found."""
    stream = sc.StreamCorrelator(pulse(), block_size=BLOCK)
    strengths, found = [], []
    for block in blocks:
        start = stream.lag
        strengths.append(abs(stream.process(block)))
        for at in np.flatnonzero(strengths[-1] > THRESHOLD):
            here = strengths[-1][at], start + at
            is_new = not found or here[1] >= found[-1][1] + LENGTH
            found.append(here if is_new else max(found.pop(), here))
    return np.concatenate(strengths), *np.transpose(found)


def draw(path, sound, strength, starts):
    """Save what came in and what the filter makes of it."""
    figure = Figure(figsize=(11, 5), layout="constrained")
    wave, matched = figure.subplots(2, 1, sharex=True)
    wave.plot(sound.real, linewidth=0.3)
    wave.set(ylabel="real part", title=f"{len(starts)} pings in noise")
    matched.plot(np.arange(len(sound)) + 1 - LENGTH, strength, linewidth=0.5)
    matched.plot(starts, 0 * starts + 1.3 * STRENGTH, "v", label="a ping")
    matched.axhline(THRESHOLD, color="grey", linestyle=":", label="threshold")
    matched.set(xlabel="begin (samples)", ylabel="strength", title="after the matched filter")
    figure.legend(loc="outside lower center", ncols=2)
    figure.savefig(path, dpi=110)


def main(output):
    """Look for pings block by block, check every one, and draw the search."""
    sound, starts = record(np.random.default_rng(7))
    strength, heights, found = search(np.split(sound, range(BLOCK, len(sound), BLOCK)))
    print(f"{len(found)} of {COUNT} pings among {len(sound)} samples, in blocks of {BLOCK}")
    print(f"the weakest is {heights.min():.1f} times the noise, the threshold {THRESHOLD}")
    assert len(found) == COUNT
    assert abs(found - starts).max() <= 2
    output.mkdir(parents=True, exist_ok=True)
    draw(output / "pings.png", sound, strength, starts)
    print(f"wrote pings.png in {output}")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--output", type=Path, default=Path("example-output"))
    main(parser.parse_args().output)
