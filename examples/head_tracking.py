"""Move a sound around a listener's head: one pair of filters after another, without clicks.

You learn to change a kernel while sound runs (`swap`), and why it needs a `fade`: a sudden change
puts a step into the sound, which is heard as a click. Needs `sigconv[plot]`.
"""

import argparse
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure
from scipy.signal.windows import tukey

import sigconv as sc

FS, SPEED, RADIUS = 48_000, 343.0, 0.0875  # Hz, m/s, m of a head
BLOCK, EVERY = 256, 4  # frames of a block, and blocks from one position to the next
TAPS, TONE, CUTOFF = 96, 400.0, 4000.0  # Hz: a tone, and from where on clicks are all there is
ANGLES = np.arange(-90, 91, 5)  # degrees to the left of straight ahead


def ears(angle):
    """Return the kernels to the left and the right ear, of shape (2 outputs, 1 input, TAPS)."""
    toward = np.radians([[[angle]], [[-angle]]])
    # Woodworth's sphere: sound goes around the head to the ear that is turned away.
    way = np.where(toward > 0, -np.sin(toward), -toward)
    at = np.arange(TAPS) - TAPS / 2 - RADIUS / SPEED * way * FS
    taps = np.sinc(at) * np.cos(np.pi / 2 * np.clip(at / 28, -1, 1)) ** 2
    return 10 ** (0.25 * np.sin(toward)) * taps  # 5 dB louder, or fainter.


def listen(sound, fade):
    """Return what both ears hear of a sound that moves from right to left."""
    stream = sc.StreamMatrixConvolver(ears(ANGLES[0]), block_size=BLOCK, dtype=float)
    heard = []
    for number, block in enumerate(sound.reshape(-1, BLOCK, 1)):
        if number and number % EVERY == 0:
            stream.swap(ears(ANGLES[number // EVERY]), fade=fade)
        heard.append(stream.process(block))
    return np.concatenate([*heard, stream.flush()])


def draw(path, heard, clicks):
    """Save both ears' sound with fades, and what lies above the cutoff in the left one."""
    figure = Figure(figsize=(11, 4), layout="constrained")
    wave, above = figure.subplots(1, 2)
    seconds = np.arange(len(heard["fades"])) / FS
    wave.plot(seconds, heard["fades"], linewidth=0.3, label=("left ear", "right ear"))
    wave.set(xlabel="time (s)", ylabel="amplitude", title="from the right to the left")
    for colour, (name, sound) in zip(("tab:red", "tab:green"), clicks.items(), strict=True):
        above.semilogy(seconds, abs(sound[:, 0]) + 1e-9, colour, linewidth=0.5, label=name)
    above.set(xlabel="time (s)", ylabel="amplitude", title=f"left ear, above {CUTOFF:g} Hz")
    figure.legend(loc="outside lower center", ncols=4)
    figure.savefig(path, dpi=110)


def main(output):
    """Move a tone with and without fades, compare the clicks, and draw them."""
    size = len(ANGLES) * EVERY * BLOCK
    tone = np.sin(2 * np.pi * TONE * np.arange(size) / FS) * tukey(size, 0.02)
    heard = {"sudden": listen(tone, 0), "fades": listen(tone, BLOCK)}
    kernel = sc.kernels.highpass(CUTOFF, 513, fs=FS, window="blackman")
    clicks = {name: sc.convolve(sound, kernel, "same", axes=0) for name, sound in heard.items()}
    energy = {name: 10 * np.log10((sound**2).sum()) for name, sound in clicks.items()}
    last = np.transpose([sc.convolve(tone, taps) for taps in ears(ANGLES[-1])[:, 0]])
    error = abs(heard["fades"] - last)[-3 * BLOCK :].max()
    print(f"{len(ANGLES)} positions, one in {1000 * EVERY * BLOCK / FS:.0f} ms")
    print(f"above {CUTOFF:g} Hz: {energy['sudden']:.1f} dB sudden, {energy['fades']:.1f} dB faded")
    print(f"at last {error:.0e} off a convolution with the last kernels alone")
    assert energy["fades"] < energy["sudden"] - 20
    assert error < 1e-14
    output.mkdir(parents=True, exist_ok=True)
    draw(output / "head-tracking.png", heard, clicks)
    print(f"wrote head-tracking.png in {output}")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--output", type=Path, default=Path("example-output"))
    main(parser.parse_args().output)
