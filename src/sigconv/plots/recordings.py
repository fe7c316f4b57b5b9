"""A recording, an impulse response and their convolution, side by side."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from sigconv.plots.style import BLUE, GREY, ORANGE, new_figure

__all__ = ["draw_filtering", "spectrogram"]

Array = npt.NDArray[Any]

_DECIBELS = 90
_LOWEST_HZ = 40.0


def draw_filtering(
    signal: Array,
    impulse_response: Array,
    result: Array,
    rate: float,
    names: tuple[str, str, str] = ("recording", "impulse response", "recording * response"),
) -> Any:
    """Return a figure of three sounds: waveforms above, spectrograms below.

    Parameters
    ----------
    signal, impulse_response, result : ndarray
        Sounds of shape (frames,) or (frames, channels), 1 being full scale; the first channel is
        drawn.
    rate : float
        Samples per second of all three.
    names : tuple of str
        The titles of the three columns.

    Returns
    -------
    matplotlib.figure.Figure
        The figure; all spectrograms share one time scale a column and one range of levels.
    """
    sounds = [_first_channel(sound) for sound in (signal, impulse_response, result)]
    figure = new_figure(13, 6.2)
    # Column widths follow the durations, within what stays legible.
    widths = [max(len(sound), len(sounds[2]) / 3) for sound in sounds]
    axes = figure.subplots(2, 3, sharex="col", width_ratios=widths, height_ratios=(1, 1.5))
    image = None
    for column, (sound, name) in enumerate(zip(sounds, names, strict=True)):
        colour = (BLUE, GREY, ORANGE)[column]
        _draw_waveform(axes[0, column], sound, rate, colour)
        axes[0, column].set_title(name, fontsize=12, fontweight="bold", color=colour)
        image = _draw_spectrogram(axes[1, column], sound, rate)
        axes[1, column].set_xlabel("time (s)")
        if column:
            axes[1, column].tick_params(labelleft=False)
    axes[0, 0].set_ylabel("amplitude of channel 1\n(1 = full scale)")
    axes[1, 0].set_ylabel("frequency (Hz)")
    bar = figure.colorbar(image, ax=axes[1, :], pad=0.01, aspect=25)
    bar.set_label("level (dB, 0 is the maximum of each)")
    return figure


def _first_channel(sound: Array) -> Array:
    values = np.asarray(sound, dtype=np.float32)
    return values if values.ndim == 1 else values[:, 0]


def _draw_waveform(axes: Any, sound: Array, rate: float, colour: str) -> None:
    # The extremes of each stretch draw the same picture as all samples, a thousand times faster.
    stretch = max(len(sound) // 1200, 1)
    whole = sound[: len(sound) // stretch * stretch].reshape(-1, stretch)
    times = np.arange(len(whole)) * stretch / rate
    axes.fill_between(times, whole.min(axis=1), whole.max(axis=1), color=colour, linewidth=0.4)
    axes.set_xlim(0, len(sound) / rate)
    limit = 1.05 * max(float(np.abs(sound).max(initial=0)), 1e-9)
    axes.set_ylim(-limit, limit)
    axes.grid(alpha=0.25)


def _draw_spectrogram(axes: Any, sound: Array, rate: float) -> Any:
    times, frequencies, levels = spectrogram(sound, rate)
    # A logarithmic axis shows many high bins in one row of pixels: draw the loudest of each.
    rows = np.unique(np.searchsorted(frequencies, np.geomspace(_LOWEST_HZ, rate / 2, 300)))
    rows = rows[rows < len(frequencies)]
    frequencies, levels = frequencies[rows], np.maximum.reduceat(levels, rows)
    image = axes.pcolormesh(
        times,
        frequencies,
        levels,
        vmin=-_DECIBELS,
        vmax=0,
        cmap="magma",
        shading="nearest",
        rasterized=True,
    )
    axes.set_yscale("log")
    axes.set_ylim(_LOWEST_HZ, rate / 2)
    ticks = [hertz for hertz in (50, 100, 200, 500, 1000, 2000, 5000, 10_000) if hertz < rate / 2]
    axes.set_yticks(
        ticks, [f"{hertz // 1000}k" if hertz >= 1000 else str(hertz) for hertz in ticks]
    )
    axes.minorticks_off()
    return image


def spectrogram(
    sound: Array, rate: float, *, window: int = 4096, columns: int = 500
) -> tuple[Array, Array, Array]:
    """Return times, frequencies and the levels of a sound in dB below its loudest bin.

    Parameters
    ----------
    sound : ndarray
        Samples of one channel.
    rate : float
        Samples per second.
    window : int
        Samples in each Hann-weighted stretch.
    columns : int
        About how many stretches to look at.

    Returns
    -------
    times, frequencies : ndarray
        In seconds (the middle of each stretch) and Hz.
    levels : ndarray
        Of shape (frequencies, times), 0 at the maximum.
    """
    hop = max(len(sound) // columns, 1)
    padded = np.pad(sound, (window // 2, window))
    starts = np.arange(0, max(len(sound), 1), hop)
    stretches = np.lib.stride_tricks.sliding_window_view(padded, window)[starts]
    power = np.abs(np.fft.rfft(stretches * np.hanning(window).astype(np.float32))).T ** 2
    top = max(float(power.max()), np.finfo(np.float32).tiny)
    levels: Array = 10 * np.log10(np.maximum(power / top, 1e-20))
    return starts / rate, np.fft.rfftfreq(window, 1 / rate), levels
