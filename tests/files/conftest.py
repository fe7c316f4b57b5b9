"""Input files that several tests share."""

from pathlib import Path

import numpy as np
import pytest

from tests.files.helpers import RATE, noise


@pytest.fixture
def wav(tmp_path: Path) -> Path:
    import soundfile

    soundfile.write(tmp_path / "in.wav", noise(20_000, 2), RATE, "FLOAT")
    return tmp_path / "in.wav"


@pytest.fixture
def npy(tmp_path: Path) -> Path:
    np.save(tmp_path / "in.npy", noise(30, 40))
    return tmp_path / "in.npy"
