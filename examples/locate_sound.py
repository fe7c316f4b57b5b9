"""Hear where a sound comes from: the delay between two microphones gives its direction.

You learn to estimate a delay between samples, to keep the search to what is possible (`max_lag`),
and to whiten (`weighting="phat"`), so that echoes do not pull the estimate. Needs `sigconv[plot]`.
"""

import argparse
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure

import sigconv as sc

FS, SPEED, APART = 16_000, 343.0, 0.2  # Hz, m/s, m between the microphones
ANGLES = np.arange(-60, 61, 10)  # degrees to the left of straight ahead
LONGEST = int(APART / SPEED * FS) + 3  # samples between the microphones, with room for a peak


def late(sound, seconds):
    """Delay a sound by any fraction of a sample, in the spectrum."""
    frequencies = np.fft.rfftfreq(len(sound), 1 / FS)
    return np.fft.irfft(
        np.fft.rfft(sound) * np.exp(-2j * np.pi * frequencies * seconds), len(sound)
    )


def record(angle, rng):
    """Return what the left and the right microphone hear: the sound, echoes, and noise."""
    sound = sc.convolve(rng.standard_normal(FS // 2), sc.kernels.gaussian(1.2), "same")
    sound *= np.hanning(len(sound))
    pair = np.array([sound, late(sound, APART / SPEED * np.sin(np.radians(angle)))])
    for gain, after in ((0.7, 0.0031), (0.5, 0.0052)):
        other = after + APART / SPEED * rng.uniform(-1, 1)
        pair += gain * np.array([late(sound, after), late(sound, other)])
    return pair + 0.02 * sound.std() * rng.standard_normal(pair.shape)


def direction(pair, weighting):
    """Return the angle in degrees, and the confidence."""
    found = sc.estimate_delay(*pair[::-1], fs=FS, max_lag=LONGEST, weighting=weighting)
    return np.degrees(np.arcsin(np.clip(found.delay * SPEED / APART, -1, 1))), found.confidence


def draw(path, pair, found):
    """Save a stretch of both recordings, and the directions that were found."""
    figure = Figure(figsize=(11, 4), layout="constrained")
    wave, angles = figure.subplots(1, 2)
    milliseconds = 1000 * np.arange(4000, 4048) / FS
    for sound, side in zip(pair, ("left", "right"), strict=True):
        wave.plot(milliseconds, sound[4000:4048], ".-", label=f"{side} microphone")
    wave.set(xlabel="time (ms)", ylabel="amplitude", title=f"a sound from {ANGLES[-1]} degrees")
    angles.axhline(0, color="grey", linewidth=0.8)
    for name, marker in (("plain", "x-"), ("PHAT", "o-")):
        angles.plot(ANGLES, found[name][0] - ANGLES, marker, mfc="none", label=name)
    angles.set(xlabel="direction (degrees)", ylabel="error (degrees)", title="among echoes")
    figure.legend(loc="outside lower center", ncols=5)
    figure.savefig(path, dpi=110)


def main(output):
    """Locate a sound at every angle, with and without whitening, and draw both."""
    rng = np.random.default_rng(3)
    pairs = [record(angle, rng) for angle in ANGLES]
    ways = (("plain", None), ("PHAT", "phat"))
    found = {name: np.transpose([direction(pair, way) for pair in pairs]) for name, way in ways}
    worst = {name: np.abs(angles - ANGLES).max() for name, (angles, _) in found.items()}
    for name, error in worst.items():
        print(f"{name}: off by {error:.1f} degrees, confidence {found[name][1].min():.1f}")
    assert worst["PHAT"] < 2 < worst["plain"]
    assert found["PHAT"][1].min() > 1.5
    output.mkdir(parents=True, exist_ok=True)
    draw(output / "locate-sound.png", pairs[-1], found)
    print(f"wrote locate-sound.png in {output}")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--output", type=Path, default=Path("example-output"))
    main(parser.parse_args().output)
