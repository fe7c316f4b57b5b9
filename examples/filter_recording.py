"""Hear a guitar chord through a wall: low-pass filter a stereo recording.

You learn to filter along time with `axes=0`, so that channels stay apart; to get a result that is
as long as the recording and in step with it (`mode="same"` and an odd number of taps); and to check
a filter by what it did to the spectrum. Needs `pip install "sigconv[audio,plot]"`.
"""

import argparse
from pathlib import Path

import numpy as np
import soundfile
from matplotlib.figure import Figure
from scipy.signal import oaconvolve

import sigconv as sc
from sigconv import data

CUTOFF, WIDTH = 500.0, 100.0  # Hz: half the amplitude here; settled this far to either side


def level(sound, fs, low, high):
    """Mean power between two frequencies in dB, 0 being full scale."""
    # Without the window, the steps at both ends would fill the stopped band.
    window = np.hanning(len(sound))[:, None]
    power = (np.abs(np.fft.rfft(window * sound, axis=0)) ** 2).mean(axis=1)
    hertz = np.fft.rfftfreq(len(sound), 1 / fs)
    chosen = (low <= hertz) & (hertz < high)
    return 10 * np.log10(2 * power[chosen].sum() / len(sound) / (window**2).sum())


def draw(path, chord, muffled, fs):
    """Save the waveforms of the first channel and the levels in bands of a sixth of an octave."""
    figure = Figure(figsize=(11, 4), layout="constrained")
    wave, spectrum = figure.subplots(1, 2)
    edges = 50 * 2 ** (np.arange(45) / 6)
    bands = list(zip(edges[:-1], edges[1:], strict=True))
    for sound, name, colour in ((chord, "recording", "tab:blue"), (muffled, "muffled", "tab:red")):
        part = sound[int(0.745 * fs) : int(0.785 * fs), 0]
        wave.plot(745 + 1000 * np.arange(len(part)) / fs, part, colour, label=name)
        levels = [level(sound, fs, *band) for band in bands]
        spectrum.stairs(levels, edges, color=colour, label=name, linewidth=1.5)
    wave.set(xlabel="time (ms)", ylabel="amplitude, channel 1 (1 is full scale)")
    wave.set_title("the second strum: in step, without the sharp attack")
    spectrum.axvline(CUTOFF, color="grey", linestyle=":", label=f"cutoff, {CUTOFF:g} Hz")
    spectrum.set(xscale="log", ylim=(-130, -10), xlabel="frequency (Hz)", ylabel="level (dB)")
    spectrum.set_title("untouched below the cutoff, gone above")
    for axes in (wave, spectrum):
        axes.legend()
        axes.grid(alpha=0.3)
    figure.savefig(path, dpi=110)


def main(output):
    """Filter the chord, check the result, and save it as sound and as picture."""
    chord, fs = soundfile.read(data.path("guit_em9.flac"))
    # The step of a Blackman-windowed filter is 5.5 fs / taps wide: here twice WIDTH.
    taps = 2 * round(5.5 * fs / WIDTH / 4) + 1
    kernel = sc.kernels.lowpass(CUTOFF, taps, fs=fs, window="blackman")
    muffled = sc.convolve(chord, kernel, "same", axes=0)

    peer = oaconvolve(chord, kernel[:, None], "same", axes=0)
    passed = level(muffled, fs, 20, CUTOFF - WIDTH) - level(chord, fs, 20, CUTOFF - WIDTH)
    stopped = level(muffled, fs, CUTOFF + WIDTH, fs) - level(chord, fs, CUTOFF + WIDTH, fs)
    likeness = sc.correlate(muffled[:, 0], chord[:, 0])
    delay = sc.correlation_lags(len(muffled), len(chord))[likeness.argmax()]
    print(f"{chord.shape[0]} x {chord.shape[1]} samples at {fs} Hz, {taps} taps")
    print(f"below {CUTOFF - WIDTH:g} Hz {passed:+.2f} dB, above {CUTOFF + WIDTH:g} {stopped:+.1f} dB")
    print(f"delay {delay} samples; farthest from SciPy {abs(muffled - peer).max():.1e}")
    assert muffled.shape == chord.shape
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
