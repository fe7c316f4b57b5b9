"""The same files from other programs: sox, ffmpeg, and a script on SciPy."""

import subprocess
from pathlib import Path
from shutil import which

import numpy as np
import pytest
import soundfile
from scipy import signal

from sigconv.files import convolve_file
from tests.files.helpers import noise

pytestmark = pytest.mark.extras

RATE, TAPS = 48_000, 4096


@pytest.fixture
def recording(tmp_path: Path) -> Path:
    """A directory with a stereo recording, a kernel for it, and what sigconv makes of them."""
    taps = 0.01 * noise(TAPS, seed=1)
    soundfile.write(tmp_path / "in.wav", 0.1 * noise(50_000, 2), RATE, "FLOAT")
    soundfile.write(tmp_path / "h.wav", taps, RATE, "FLOAT")
    soundfile.write(tmp_path / "stereo.wav", np.stack([taps, taps], axis=1), RATE, "FLOAT")
    np.savetxt(tmp_path / "h.txt", taps)
    convolve_file(tmp_path / "in.wav", tmp_path / "h.wav", tmp_path / "own.wav")
    return tmp_path


def run(command: list[str], directory: Path) -> None:
    subprocess.run(command, cwd=directory, check=True, capture_output=True, timeout=300)


def read(path: Path) -> np.ndarray:
    samples: np.ndarray = soundfile.read(path, always_2d=True)[0]
    return samples


def test_script_on_scipy_gives_the_same_samples(recording: Path) -> None:
    x, h = read(recording / "in.wav"), read(recording / "h.wav")
    y = read(recording / "own.wav")
    np.testing.assert_allclose(y, signal.oaconvolve(x, h, axes=0), rtol=0, atol=1e-6)


@pytest.mark.skipif(which("sox") is None, reason="needs sox: apt install sox")
def test_sox_gives_the_same_samples(recording: Path) -> None:
    words = "sox -V1 in.wav -e floating-point -b 32 sox.wav fir h.txt"
    run(words.split(), recording)
    other = read(recording / "sox.wav")
    # Its filters are centred, and its samples have 32 bits.
    own = read(recording / "own.wav")[(TAPS - 1) // 2 :][: len(other)]
    assert len(other) == 50_000
    np.testing.assert_allclose(own, other, rtol=0, atol=1e-6)


@pytest.mark.skipif(which("ffmpeg") is None, reason="needs ffmpeg: apt install ffmpeg")
def test_ffmpeg_gives_the_same_samples(recording: Path) -> None:
    help_text = subprocess.run(
        ["ffmpeg", "-hide_banner", "-h", "filter=afir"], capture_output=True, text=True, check=True
    ).stdout
    plain = "irnorm=-1" if "irnorm" in help_text else "gtype=none"
    graph = f"[0][1]afir={plain}:minp=8192:maxp=8192"
    before = "ffmpeg -y -v error -i in.wav -i stereo.wav -filter_complex"
    run([*before.split(), graph, "-c:a", "pcm_f32le", "ffmpeg.wav"], recording)
    other = read(recording / "ffmpeg.wav")
    own = read(recording / "own.wav")[: len(other)]
    assert len(other) == 50_000
    # Some versions have a gain that depends on the number of channels.
    gain = np.vdot(own, other) / np.vdot(own, own)
    assert gain in (pytest.approx(1, rel=1e-5), pytest.approx(2, rel=1e-5))
    np.testing.assert_allclose(own, other / gain, rtol=0, atol=1e-6)
