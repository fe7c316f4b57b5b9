"""Delays between recordings, and kernels as files."""

from pathlib import Path

import numpy as np
import pytest
import soundfile
import tifffile

import sigconv as sc
from sigconv.errors import OptionError, OutputExistsError, ShapeError
from sigconv.files import delay_of_files, save_kernel
from tests.files.helpers import RATE, names_in, noise

pytestmark = pytest.mark.extras


@pytest.fixture
def pair(tmp_path: Path) -> Path:
    x = noise(4000, 2)
    soundfile.write(tmp_path / "sent.wav", x, RATE, "FLOAT")
    late = np.concatenate([np.zeros((37, 2), np.float32), x])
    soundfile.write(tmp_path / "received.wav", late, RATE, "FLOAT")
    return tmp_path


@pytest.mark.parametrize("weighting", [None, "phat", "scot"])
def test_the_delay_of_a_copy_is_found(pair: Path, weighting: str | None) -> None:
    found = delay_of_files(pair / "received.wav", pair / "sent.wav", weighting=weighting)
    assert found.delay == pytest.approx(37 / RATE, abs=1e-5)
    assert found.samples == pytest.approx(37, abs=0.1)
    assert found.confidence > 2
    back = delay_of_files(pair / "sent.wav", pair / "received.wav", weighting=weighting)
    assert back.delay == pytest.approx(-37 / RATE, abs=1e-5)


def test_delays_beyond_the_limit_are_not_looked_at(pair: Path) -> None:
    found = delay_of_files(pair / "received.wav", pair / "sent.wav", max_delay=0.001)
    assert abs(found.delay) <= 0.001


def test_arrays_have_samples_or_a_rate(pair: Path) -> None:
    x = noise(500)
    np.save(pair / "a.npy", x)
    np.save(pair / "b.npy", np.roll(x, -9))
    assert delay_of_files(pair / "a.npy", pair / "b.npy").delay == pytest.approx(9, abs=0.1)
    found = delay_of_files(pair / "a.npy", pair / "b.npy", rate=1000.0)
    assert found.delay == pytest.approx(0.009, abs=1e-4)


def test_recordings_that_do_not_fit_are_refused(pair: Path) -> None:
    soundfile.write(pair / "other.wav", noise(99, 1), 44_100)
    with pytest.raises(OptionError, match=r"8000 Hz.*44100 Hz"):
        delay_of_files(pair / "sent.wav", pair / "other.wav")
    np.save(pair / "image.npy", noise(9, 9))
    with pytest.raises(ShapeError, match="2 axes"):
        delay_of_files(pair / "image.npy", pair / "sent.wav")
    with pytest.raises(OptionError, match="max_delay"):
        delay_of_files(pair / "sent.wav", pair / "sent.wav", max_delay=-1.0)
    np.save(pair / "a.npy", noise(99))
    with pytest.raises(OptionError, match=r"tell no rate.*--rate"):
        delay_of_files(pair / "a.npy", pair / "a.npy", max_delay=0.02)
    with pytest.raises(OptionError, match=r"a.npy tells none.*--rate"):
        delay_of_files(pair / "sent.wav", pair / "a.npy")
    for rate in (48_000.0, 0.0):
        with pytest.raises(OptionError, match="rate"):
            delay_of_files(pair / "sent.wav", pair / "sent.wav", rate=rate)


@pytest.mark.parametrize("name", ["h.npy", "h.wav", "h.tif"])
def test_kernels_become_files_that_are_kernels(tmp_path: Path, name: str) -> None:
    taps = sc.kernels.gaussian(2.0, ndim=2 if name == "h.tif" else 1)
    save_kernel(taps, tmp_path / name, rate=8000.0)
    if name == "h.wav":
        read, rate = soundfile.read(tmp_path / name)
        assert rate == 8000
    else:
        read = np.load(tmp_path / name) if name == "h.npy" else tifffile.imread(tmp_path / name)
    np.testing.assert_array_equal(read, taps)
    with pytest.raises(OutputExistsError):
        save_kernel(taps, tmp_path / name, rate=8000.0)


@pytest.mark.parametrize(
    ("name", "taps", "rate", "error"),
    [
        ("h.nii", np.ones(3), None, OptionError),
        ("h.xyz", np.ones(3), None, OptionError),
        ("h.wav", np.ones(3), None, OptionError),
        ("h.wav", np.ones(3), 0.5, OptionError),
        ("h.wav", np.ones(3), 8000.7, OptionError),
        ("h.flac", np.array([1.0, -2.0, 1.0]), 8000.0, OptionError),
        ("h.wav", np.ones((3, 3)), 8000.0, ShapeError),
    ],
)
def test_kernels_that_a_format_cannot_hold_leave_nothing(
    tmp_path: Path, name: str, taps: np.ndarray, rate: float | None, error: type[Exception]
) -> None:
    with pytest.raises(error):
        save_kernel(taps, tmp_path / name, rate=rate)
    assert names_in(tmp_path) == []
