"""Put a recording into a hall: a long reverb, block by block, in the memory of one block.

You learn to convolve a file that is read in blocks (`StreamConvolver.process`), and to keep the
sound that is still in the hall when the recording ends (`flush`). Needs `sigconv[audio,plot]`.
"""

import argparse
from pathlib import Path

import numpy as np
import soundfile
from matplotlib.figure import Figure

import sigconv as sc
from sigconv import data

BLOCK = 1024  # frames
SECONDS, DECAY = 2.0, 1.5  # of the hall's response, and until it is 60 dB weaker
WET = 0.3  # amplitude of the hall beside a direct sound of 1


def hall(fs):
    """Return an impulse response: the direct sound, then noise that decays from 20 ms on."""
    time = np.arange(round(SECONDS * fs)) / fs
    taps = np.random.default_rng(5).standard_normal(len(time)) * 10 ** (-3 * time / DECAY)
    taps[time < 0.02] = 0
    taps *= WET / np.linalg.norm(taps)
    taps[0] = 1
    return (0.5 * taps).astype(np.float32)


def levels(sound, fs):
    """Mean power of all channels in spans of 0.1 s, in dB."""
    span = fs // 10
    spans = sound[: len(sound) // span * span].astype(float).reshape(-1, span * sound.shape[1])
    return 10 * np.log10((spans**2).mean(axis=1) + 1e-20)


def draw(path, dry, wet, fs):
    """Save the levels of both over time."""
    figure = Figure(figsize=(9, 4), layout="constrained")
    axes = figure.subplots()
    for sound, name in ((wet, "in the hall"), (dry, "recording")):
        level = levels(sound, fs)
        axes.plot(0.1 * np.arange(len(level)) + 0.05, level, label=name)
    axes.axvline(len(dry) / fs, color="grey", linestyle=":", label="the recording ends")
    axes.set(xlabel="time (s)", ylabel="level (dB)", title="flush gives what the hall still holds")
    figure.legend(loc="outside lower center", ncols=3)
    figure.savefig(path, dpi=110)


def main(output):
    """Convolve block by block into a file, check it against one call, and draw both."""
    source, target = data.path("perc_door.flac"), output / "door-in-hall.wav"
    dry, fs = soundfile.read(source, dtype="float32")
    kernel, channels = hall(fs), dry.shape[1]
    stream = sc.StreamConvolver(kernel, axis=0, block_size=BLOCK, batch_shape=channels)
    output.mkdir(parents=True, exist_ok=True)
    with soundfile.SoundFile(target, "w", fs, channels, subtype="FLOAT") as file:
        for block in soundfile.blocks(source, BLOCK, dtype="float32", always_2d=True):
            file.write(stream.process(block))
        file.write(tail := stream.flush())

    wet, _ = soundfile.read(target, dtype="float32")
    error = abs(wet - sc.convolve(dry, kernel, axes=0)).max() / abs(wet).max()
    fall = np.subtract(*levels(tail, fs)[[0, 10]])
    print(f"{len(dry)} x {channels} samples at {fs} Hz in blocks of {BLOCK}, {len(kernel)} taps")
    print(f"farthest from one call {error:.1e} of the peak")
    print(f"a tail of {len(tail) / fs:.2f} s, which falls by {fall:.0f} dB in a second")
    assert len(wet) == len(dry) + len(kernel) - 1
    assert error < 1e-6
    assert abs(fall - 60 / DECAY) < 5
    draw(output / "door-in-hall.png", dry, wet, fs)
    print(f"wrote door-in-hall.wav and door-in-hall.png in {output}")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--output", type=Path, default=Path("example-output"))
    main(parser.parse_args().output)
