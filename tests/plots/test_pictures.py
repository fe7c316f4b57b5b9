"""Pictures: what is drawn, with which labels and units."""

import io
from typing import Any

import numpy as np
import pytest

from sigconv import plots
from sigconv.plots.recordings import spectrogram
from tests.files.helpers import noise

pytestmark = pytest.mark.extras

RATE = 8000


def rendered(figure: Any) -> int:
    """The size of the picture in bytes, having been drawn."""
    file = io.BytesIO()
    figure.savefig(file, format="png")
    return len(file.getvalue())


@pytest.mark.parametrize("shape", [(6000,), (6000, 2)])
def test_recordings_are_drawn_as_waveforms_and_spectrograms(shape: tuple[int, ...]) -> None:
    x = 0.1 * noise(*shape)
    figure = plots.draw_filtering(x, x[:900], x, RATE, ("voice", "room", "voice in room"))
    panels = figure.axes[:6]
    assert [panel.get_title() for panel in panels[:3]] == ["voice", "room", "voice in room"]
    assert [panel.get_xlabel() for panel in panels[3:]] == ["time (s)"] * 3
    assert "full scale" in panels[0].get_ylabel()
    assert panels[3].get_ylabel() == "frequency (Hz)"
    assert "dB" in figure.axes[6].get_ylabel()
    assert panels[0].get_xlim() == (0, 6000 / RATE)
    assert rendered(figure) > 10_000


@pytest.mark.parametrize("frames", [1, 100])
def test_short_and_silent_recordings_are_drawn(frames: int) -> None:
    silence = np.zeros(frames)
    assert rendered(plots.draw_filtering(silence, silence, silence, RATE)) > 1000


def test_spectrogram_shows_a_tone_at_its_frequency() -> None:
    tone = np.sin(2 * np.pi * 1000 * np.arange(RATE) / RATE).astype(np.float32)
    times, frequencies, levels = spectrogram(tone, RATE)
    middle = levels[:, len(times) // 2]
    assert frequencies[middle.argmax()] == pytest.approx(1000, abs=RATE / 4096)
    assert levels.max() == 0
    assert middle[frequencies > 2000].max() < -60
    assert times[-1] <= 1.0


def test_volumes_are_drawn_in_millimetres_with_their_difference() -> None:
    before = np.abs(noise(20, 10, 8))
    figure = plots.draw_smoothing(before, before / 2, (2.0, 3.0, 5.0), name="halved")
    panels = figure.axes[:12]
    assert [panel.get_ylabel() for panel in panels[::4]] == [
        "original\n\ny (mm)",
        "halved\n\ny (mm)",
        "after − before\n\ny (mm)",
    ]
    assert panels[0].get_title() == "slice 1, z = 5 mm"
    assert panels[0].get_xlim() == (0, 40)
    assert panels[0].get_ylim() == (0, 30)
    drawn = panels[8].images[0].get_array()
    np.testing.assert_allclose(drawn, -before[:, :, 1].T / 2, rtol=1e-6)
    assert rendered(figure) > 10_000


def test_chosen_slices_are_drawn() -> None:
    volume = noise(5, 5, 9)
    figure = plots.draw_smoothing(volume, volume, (1.0, 1.0, 1.0), slices=(0, 8))
    assert [panel.get_title() for panel in figure.axes[:2]] == [
        "slice 0, z = 0 mm",
        "slice 8, z = 8 mm",
    ]
