"""The demo: real input, files, pictures and what it says about them."""

import re
from pathlib import Path

import numpy as np
import pytest
import soundfile

import sigconv
from sigconv import data
from sigconv.cli import main
from sigconv.files import describe
from sigconv.testing import assert_close, tolerance
from tests.files.helpers import names_in, opened

pytestmark = pytest.mark.extras

OUTPUTS = ["chord-in-room.flac", "chord-in-room.png", "smoothed-mri.nii.gz", "smoothed-mri.png"]


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Path:
    output = tmp_path_factory.mktemp("demo") / "made" / "here"
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(output.parents[1])
        assert main(["demo", "--output", str(output)]) == 0
    return output


def test_demo_writes_files_and_pictures(demo: Path) -> None:
    assert names_in(demo) == OUTPUTS
    assert all((demo / name).stat().st_size > 10_000 for name in OUTPUTS)


def test_chord_in_the_room_is_the_convolution_as_loud_as_it_fits(demo: Path) -> None:
    x, _ = soundfile.read(data.path("guit_em9.flac"), dtype="float32")
    h, _ = soundfile.read(data.path("perc_door.flac"), dtype="float32")
    y, _ = soundfile.read(demo / "chord-in-room.flac", dtype="float32")
    expected = sigconv.convolve(x, h, axes=0)
    gain = np.vdot(y, expected) / np.vdot(expected, expected)
    assert_close(y, gain * expected, gain * tolerance(x, h, np.float32) + 1 / 32768)
    assert 0.97 < np.abs(y).max() < 1


def test_volume_keeps_its_place_and_its_sum(demo: Path) -> None:
    image = opened(demo / "smoothed-mri.nii.gz")
    assert image.shape == (128, 96, 24, 2)
    assert image.get_data_dtype() == np.float32
    assert describe(demo / "smoothed-mri.nii.gz").spacing == pytest.approx((2, 2, 2.2), rel=1e-3)


def test_demo_says_how_fast_by_which_method_and_where(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for _ in range(2):  # the second time it replaces its own files
        assert main(["demo", "--output", str(tmp_path)]) == 0
    out = capsys.readouterr().out
    assert re.search(r"speed .*\d+ times real time, [\d.]+ MB/s", out)
    assert len(re.findall(r"method +(direct|fft|overlap-save|overlap-add|separable)", out)) == 4
    for name in OUTPUTS:
        assert str(tmp_path / name) in out
