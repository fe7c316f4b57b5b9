"""Hear a guitar chord through a wall: low-pass filter a stereo recording.

You learn to filter along time alone (`axes=0`), to stay in step with the recording (`mode="same"`,
an odd number of taps), and to check a filter in the spectrum. Needs `sigconv[audio,plot]`.
"""

import argparse
from itertools import pairwise
from pathlib import Path

import numpy as np
import soundfile
from matplotlib.figure import Figure
from scipy.signal import oaconvolve

import sigconv as sc
from sigconv import data

CUTOFF, WIDTH = 500.0, 100.0  # Hz: half the amplitude here; settled this far to either side


def levels(sound, fs, edges):
    """Mean power of the channels between consecutive frequencies, in dB."""
    # Without the window, the steps at both ends would fill the stopped band.
    window = np.hanning(len(sound))[:, None]
    power = (np.abs(np.fft.rfft(window * sound, axis=0)) ** 2).mean(axis=1)
    bins = np.searchsorted(np.fft.rfftfreq(len(sound), 1 / fs), edges)
    sums = [power[low:high].sum() for low, high in pairwise(bins)]
    return 10 * np.log10(2 * np.array(sums) / len(sound) / (window**2).sum())


def draw(path, chord, muffled, fs):
    """Save a stretch of the first channel, and the levels in bands of a sixth of an octave."""
    figure = Figure(figsize=(11, 4), layout="constrained")
    wave, spectrum = figure.subplots(1, 2)
    edges = 50 * 2 ** (np.arange(45) / 6)
    for sound, name, colour in ((chord, "recording", "tab:blue"), (muffled, "muffled", "tab:red")):
        part = sound[int(0.745 * fs) : int(0.785 * fs), 0]
        wave.plot(745 + 1000 * np.arange(len(part)) / fs, part, colour, label=name)
        spectrum.plot(np.sqrt(edges[:-1] * edges[1:]), levels(sound, fs, edges), colour, label=name)
    wave.set(xlabel="time (ms)", ylabel="amplitude, channel 1 (1 is full scale)")
    wave.set_title("as a string is struck: in step, and slower to change")
    spectrum.axvline(CUTOFF, color="grey", linestyle=":", label=f"cutoff, {CUTOFF:g} Hz")
    spectrum.set(xscale="log", ylim=(-125, -10), xlabel="frequency (Hz)", ylabel="level (dB)")
    spectrum.set_xticks(ticks := [50, 100, 200, 500, 1000, 2000, 5000], map(str, ticks))
    spectrum.set_title("the same below the cutoff, nothing left above")
    figure.legend(*spectrum.get_legend_handles_labels(), loc="outside lower center", ncols=3)
    figure.savefig(path, dpi=110)


def main(output):
    """Filter the chord, check the result, and save it as sound and as picture."""
    chord, fs = soundfile.read(data.path("guit_em9.flac"))
    taps = 2 * round(5.5 * fs / WIDTH / 4) + 1  # Blackman's step, 5.5 fs / taps, is 2 WIDTH
    kernel = sc.kernels.lowpass(CUTOFF, taps, fs=fs, window="blackman")
    muffled = sc.convolve(chord, kernel, "same", axes=0)

    peer = oaconvolve(chord, kernel[:, None], "same", axes=0)
    edges = (20, CUTOFF - WIDTH, CUTOFF + WIDTH, fs / 2)
    passed, _, stopped = levels(muffled, fs, edges) - levels(chord, fs, edges)
    likeness = sc.correlate(muffled[:, 0], chord[:, 0])
    delay = sc.correlation_lags(len(muffled), len(chord))[likeness.argmax()]
    print(f"{chord.shape[0]} x {chord.shape[1]} samples at {fs} Hz, {taps} taps")
    print(f"below {edges[1]:g} Hz {abs(passed):.2f} dB off, above {edges[2]:g} Hz {stopped:.1f} dB")
    print(f"delay {delay} samples; farthest from SciPy {abs(muffled - peer).max():.1e}")
    assert np.allclose(muffled, peer, rtol=0, atol=1e-13)
    assert abs(passed) < 0.05
    assert stopped < -70
    assert delay == 0

    output.mkdir(parents=True, exist_ok=True)
    soundfile.write(output / "muffled-chord.flac", muffled, fs)
    draw(output / "muffled-chord.png", chord, muffled, fs)
    print(f"wrote muffled-chord.flac and muffled-chord.png in {output}")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--output", type=Path, default=Path("example-output"))
    main(parser.parse_args().output)
