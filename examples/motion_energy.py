"""Tell which way, and how fast, patterns in a video move, by their motion energy.

You learn that motion is a slant in space and time, that a pair of kernels a quarter of a wave apart
answers to it whatever its phase, and to run a layer in 3-D (`layers.conv`). Needs `sigconv[plot]`.
"""

import argparse
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure

from sigconv.layers import avg_pool, conv

SPEEDS, WAVE = (-3, -2, -1, 0, 1, 2, 3), np.pi / 4  # pixels a frame, and radians a pixel
FRAMES, ROWS, WIDTH = 24, 16, 96  # each strip of so many rows moves at a speed of its own


def moving(strips):
    """Return a video (t, y, x) of strips, each at its speed; what leaves comes in again."""
    pairs = list(zip(strips, SPEEDS, strict=True))
    frames = [[np.roll(strip, speed * t, axis=1) for strip, speed in pairs] for t in range(FRAMES)]
    return np.reshape(frames, (FRAMES, -1, WIDTH)).astype("f4")


def bank():
    """Return kernels (2 * speeds, 1, t, y, x): for each speed a cosine and a sine in a bell."""
    t, y, x = np.mgrid[-5:6, -3:4, -8:9]
    bell = np.exp(-((t / 2) ** 2 + (y / 1.5) ** 2 + (x / 3.5) ** 2) / 2)
    phases = [WAVE * (x - speed * t) for speed in SPEEDS]
    kernels = [bell * wave(phase) for phase in phases for wave in (np.cos, np.sin)]
    return np.array(kernels, "f4")[:, None]


def energies(video):
    """Return what the cosines answer, and the energies of the pairs, each (speeds, t, y, x)."""
    found = conv(video[None, None], bank(), padding=(0, 3, 8), boundary=("zero", "zero", "wrap"))
    return found[0, ::2], found[0, ::2] ** 2 + found[0, 1::2] ** 2


def draw(path, video, mean, strongest):
    """Save slices in (x, t), the speeds that were found, and the energies of each strip."""
    figure = Figure(figsize=(13, 7.4), layout="constrained")
    above, below = figure.subfigures(2, 1, height_ratios=(1, 3))
    for strip, axes in enumerate(above.subplots(1, len(SPEEDS))):
        axes.imshow(video[:, ROWS * strip + ROWS // 2, : WIDTH // 2], cmap="gray")
        axes.set(title=f"moving at {SPEEDS[strip]}", xlabel="x", ylabel="t", xticks=[], yticks=[])
    found, tuned = below.subplots(1, 2)
    found.set(title="speed of the largest energy, all over the video", xticks=[], yticks=[])
    below.colorbar(found.imshow(strongest, cmap="RdBu_r", aspect=0.5), label="pixels a frame")
    tuned.set(title="mean energy of each strip", xlabel="speed that the kernels are made for")
    tuned.plot(SPEEDS, mean, "o-", label=[f"moving at {speed}" for speed in SPEEDS])
    tuned.legend()
    figure.savefig(path, dpi=110)


def main(output):
    """Find the speeds of strips of noise, check that phase does not matter, and draw all."""
    video = moving(np.random.default_rng(0).standard_normal((len(SPEEDS), ROWS, WIDTH)))
    cells = avg_pool(energies(video)[1][None], (FRAMES - 10, ROWS // 4, 8))[0, :, 0]
    mean = cells.reshape(len(SPEEDS), len(SPEEDS), -1).mean(axis=-1)  # (kernels, strips)
    for strip, speed in enumerate(SPEEDS):
        print(f"moving at {speed:2}: energies", *(f"{value:4.0f}" for value in mean[:, strip]))
        assert mean[:, strip].argmax() == strip
    truth, strongest = np.repeat(SPEEDS, 4)[:, None], np.take(SPEEDS, cells.argmax(axis=0))
    assert np.mean(strongest == truth) > 0.9
    assert ((cells[4:].sum(axis=0) - cells[:3].sum(axis=0)) * truth >= 0).all()  # right, or left
    waves = np.cos(WAVE * np.arange(WIDTH)) * np.ones((len(SPEEDS), 8, 1))
    cosines, energy = (values[4, :, 4 * 8 + 4] for values in energies(moving(waves)))
    assert energy.std() < 1e-3 * energy.mean()  # at all phases, where the cosine alone swings:
    assert cosines.min() < -0.99 * cosines.max() < 0
    output.mkdir(parents=True, exist_ok=True)
    draw(output / "motion.png", video, mean, strongest)
    print(f"wrote motion.png in {output}")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--output", type=Path, default=Path("example-output"))
    main(parser.parse_args().output)
