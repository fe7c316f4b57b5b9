"""Damaged files: a typed error or an answer, never a traceback, nor memory beyond the budget."""

import tracemalloc
from collections.abc import Callable, Iterator
from pathlib import Path

import nibabel
import numpy as np
import pytest
import soundfile
import tifffile

from sigconv.errors import SigconvError
from sigconv.files import convolve_file
from tests.files.helpers import RATE, names_in, noise

pytestmark = pytest.mark.extras

# The samples are 2400 bytes and less; what a damaged header promises may not be allocated.
_BUDGET = 32 << 20

_HEADER = 360


def _write_audio(path: Path) -> None:
    subtype = "PCM_16" if path.suffix == ".flac" else "FLOAT"
    soundfile.write(path, 0.1 * noise(300, 2), RATE, subtype)


def _write_volume(path: Path) -> None:
    nibabel.save(nibabel.Nifti1Image(noise(8, 9, 8), np.eye(4)), path)


WRITERS: dict[str, tuple[Callable[[Path], object], str]] = {
    ".wav": (_write_audio, "[0.5, 0.25]"),
    ".flac": (_write_audio, "[0.5, 0.25]"),
    ".au": (_write_audio, "[0.5, 0.25]"),
    ".nii": (_write_volume, "[[[0.5, 0.25]]]"),
    ".npy": (lambda path: np.save(path, noise(20, 30)), "[[0.5, 0.25]]"),
    ".tif": (lambda path: tifffile.imwrite(path, noise(20, 30)), "[[0.5, 0.25]]"),
}


@pytest.fixture(params=sorted(WRITERS))
def whole(request: pytest.FixtureRequest, tmp_path: Path) -> tuple[Path, str]:
    """A whole small file, and a kernel for it."""
    write, kernel = WRITERS[request.param]
    path = tmp_path / f"in{request.param}"
    write(path)
    return path, kernel


def _outcome(path: Path, kernel: str) -> tuple[str, tuple[int, ...]]:
    """Convolve a file; return the class of the error or nothing, and the shape of the result."""
    target = path.with_name(f"out{path.suffix}")
    tracemalloc.start()
    try:
        record = convolve_file(path, kernel, target)
        outcome = "", record.target.shape
        target.unlink()
    except SigconvError as error:
        outcome = type(error).__name__, ()
    finally:
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
    assert peak < _BUDGET
    assert names_in(path.parent) == [path.name]
    return outcome


def test_file_that_is_whole_gives_a_result(whole: tuple[Path, str]) -> None:
    assert _outcome(*whole)[0] == ""


def test_file_that_is_cut_is_refused(whole: tuple[Path, str]) -> None:
    path, kernel = whole
    good = path.read_bytes()
    for part in range(64):
        path.write_bytes(good[: len(good) * part // 64])
        error, shape = _outcome(path, kernel)
        assert error == "SourceError", (part, error, shape)


def _damaged(good: bytes) -> Iterator[bytes]:
    for place in range(min(len(good), _HEADER)):
        for mask in (0x01, 0x80, 0xFF):
            yield good[:place] + bytes([good[place] ^ mask]) + good[place + 1 :]


def test_header_with_a_flipped_byte_is_refused_or_read(whole: tuple[Path, str]) -> None:
    path, kernel = whole
    good = path.read_bytes()
    refused = 0
    for damaged in _damaged(good):
        path.write_bytes(damaged)
        refused += bool(_outcome(path, kernel)[0])
    # Magic numbers and sizes are among the bytes.
    assert refused > 8
