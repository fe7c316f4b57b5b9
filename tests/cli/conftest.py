"""A directory of inputs that several tests share."""

from pathlib import Path

import numpy as np
import pytest

from tests.cli.helpers import RATE
from tests.files.helpers import noise


@pytest.fixture
def directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A directory of a recording, an array and an image, which is the current one."""
    import soundfile
    import tifffile

    monkeypatch.chdir(tmp_path)
    soundfile.write("in.wav", 0.2 * noise(4000, 2), RATE, "PCM_16")
    np.save("in.npy", noise(20, 30))
    tifffile.imwrite("in.tif", np.ones((5, 20, 30), np.uint8), photometric="minisblack")
    return tmp_path
