"""Files that cannot be convolved: nothing is lost and nothing half-made is left."""

import os
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile

import sigconv
from sigconv.errors import (
    DTypeError,
    KernelError,
    NonFiniteError,
    OptionError,
    OutputExistsError,
    ShapeError,
    SourceError,
)
from sigconv.files import (
    TargetError,
    atomic,
    audio_convolve,
    convolve_file,
    describe,
    directories,
    plan_file,
)
from sigconv.files import convolve as room
from sigconv.files.audio_streams import AudioSink
from tests.files.helpers import RATE, names_in, noise

pytestmark = pytest.mark.extras


@pytest.mark.parametrize(
    ("kernel", "target", "keywords", "error"),
    [
        ("[1]", "out.xyz", {}, OptionError),
        ("[1]", "out.npy", {}, OptionError),
        ("[1]", "out.nii", {}, OptionError),
        ("nowhere.wav", "out.wav", {}, SourceError),
        ("nothing", "out.wav", {}, KernelError),
        ("[[[1]]]", "out.wav", {}, ShapeError),
        ("[1]", "out.wav", {"dtype": "int64"}, DTypeError),
        ("[1]", "out.wav", {"method": "magic"}, sigconv.errors.MethodError),
        ("[1]", "out.wav", {"mode": "half"}, sigconv.errors.ModeError),
        ("[1]", "out.wav", {"boundary": "none"}, sigconv.errors.BoundaryError),
        ("[1]", "nowhere/out.wav", {}, TargetError),
        ("[1]", "in.wav", {"force": True}, OutputExistsError),
    ],
)
def test_refusals_leave_nothing_behind(
    wav: Path, kernel: str, target: str, keywords: dict[str, Any], error: type[Exception]
) -> None:
    before = wav.read_bytes()
    with pytest.raises(error):
        convolve_file(wav, kernel, wav.parent / target, **keywords)
    assert names_in(wav.parent) == ["in.wav"]
    assert wav.read_bytes() == before


def test_rates_that_differ_are_both_named(wav: Path) -> None:
    soundfile.write(wav.with_name("h.wav"), noise(9, 1), 44_100, "FLOAT")
    with pytest.raises(KernelError, match=r"44100 Hz.*8000 Hz"):
        convolve_file(wav, wav.with_name("h.wav"), wav.with_name("out.wav"))


def test_kernel_file_is_not_overwritten(wav: Path) -> None:
    soundfile.write(wav.with_name("h.wav"), noise(9, 1), RATE, "FLOAT")
    with pytest.raises(OutputExistsError, match="input"):
        convolve_file(wav, wav.with_name("h.wav"), wav.with_name("h.wav"), force=True)


def test_existing_target_is_refused_before_anything_is_read(wav: Path) -> None:
    wav.with_name("out.wav").write_bytes(b"old")
    wav.write_bytes(b"damaged")
    with pytest.raises(OutputExistsError):
        convolve_file(wav, "[1]", wav.with_name("out.wav"))
    assert wav.with_name("out.wav").read_bytes() == b"old"


@pytest.mark.parametrize("failure", [OSError(28, "No space left"), KeyboardInterrupt()])
@pytest.mark.parametrize("old", [None, b"old"])
def test_failure_half_way_leaves_the_old_target_and_no_partial_file(
    wav: Path, monkeypatch: pytest.MonkeyPatch, failure: BaseException, old: bytes | None
) -> None:
    # Several blocks long, whatever the block.
    soundfile.write(wav, noise(200_000, 2), RATE, "FLOAT")
    target = wav.with_name("out.wav")
    if old is not None:
        target.write_bytes(old)
    encode, calls = AudioSink._encode, []

    def fail_later(self: AudioSink, samples: np.ndarray) -> None:
        calls.append(len(samples))
        if len(calls) == 2:
            raise failure
        encode(self, samples)

    short = partial(sigconv.convolve_pieces, piece=4096)
    monkeypatch.setattr(audio_convolve, "convolve_pieces", short)
    monkeypatch.setattr(AudioSink, "_encode", fail_later)
    with pytest.raises(type(failure)):
        convolve_file(wav, noise(100, 1), target, method="overlap-save", force=True)
    assert len(calls) >= 2
    assert names_in(wav.parent) == (["in.wav"] if old is None else ["in.wav", "out.wav"])
    assert old is None or target.read_bytes() == old


@pytest.mark.parametrize("failure", [MemoryError, KeyboardInterrupt])
def test_failure_while_computing_an_array_leaves_nothing(
    npy: Path, monkeypatch: pytest.MonkeyPatch, failure: type[BaseException]
) -> None:
    def fail(*_: object, **__: object) -> None:
        raise failure

    monkeypatch.setattr(room, "convolve", fail)
    with pytest.raises(failure):
        convolve_file(npy, "[[1]]", npy.with_name("out.npy"))
    assert names_in(npy.parent) == ["in.npy"]


def test_nan_in_a_float_recording_cannot_become_an_integer(tmp_path: Path) -> None:
    x = noise(500, 1)
    x[123] = np.nan
    soundfile.write(tmp_path / "in.wav", x, RATE, "FLOAT")
    with pytest.raises(NonFiniteError, match="frame 123"):
        convolve_file(tmp_path / "in.wav", "[1]", tmp_path / "out.flac")
    assert names_in(tmp_path) == ["in.wav"]
    convolve_file(tmp_path / "in.wav", "[1]", tmp_path / "out.wav")
    assert np.flatnonzero(np.isnan(soundfile.read(tmp_path / "out.wav")[0])).tolist() == [123]


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no named pipes here")
@pytest.mark.parametrize("name", ["p.wav", "p.npy", "p.nii", "p.tif"])
def test_named_pipe_is_refused_unopened(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    os.mkfifo(tmp_path / name)
    # Opening it would wait for a writer for ever.
    monkeypatch.setattr(Path, "open", lambda *_: pytest.fail("opened"))
    with pytest.raises(SourceError, match="not a regular file"):
        describe(tmp_path / name)
    np.save(tmp_path / "in.npy", noise(9))
    monkeypatch.undo()
    with pytest.raises(SourceError, match="not a regular file"):
        convolve_file(tmp_path / "in.npy", tmp_path / name, tmp_path / "out.npy")


@pytest.mark.parametrize("gain", ["a", None, float("nan"), float("inf"), 1e9, 800.0])
def test_gain_that_is_no_gain_is_refused(npy: Path, gain: Any) -> None:
    with pytest.raises(OptionError, match="gain_db"):
        convolve_file(npy, "[[1]]", npy.with_name("out.npy"), gain_db=gain)
    assert names_in(npy.parent) == ["in.npy"]


def test_gain_of_integers_is_refused(npy: Path) -> None:
    np.save(npy, np.ones((3, 3), int))
    with pytest.raises(OptionError, match=r"gain_db .*int64"):
        convolve_file(npy, "[[1]]", npy.with_name("out.npy"), dtype="int64", gain_db=-6)


@pytest.mark.parametrize("name", ["a\0b.npy", "a" * 300 + ".npy"])
def test_name_that_no_file_can_have_is_refused(npy: Path, name: str) -> None:
    odd = npy.with_name(name)
    with pytest.raises(SourceError, match="npy"):
        convolve_file(odd, "[[1]]", npy.with_name("out.npy"))
    with pytest.raises(TargetError, match="npy"):
        convolve_file(npy, "[[1]]", odd)
    with pytest.raises(SourceError, match="npy"):
        convolve_file(npy, str(odd), npy.with_name("out.npy"))
    npy.with_name("out.npy").write_bytes(b"old")
    with pytest.raises(SourceError, match="npy"):
        convolve_file(npy, str(odd), npy.with_name("out.npy"), force=True)
    assert names_in(npy.parent) == ["in.npy", "out.npy"]


@pytest.mark.parametrize("dtype", ["float31", object])
def test_unknown_dtype_is_refused(npy: Path, dtype: Any) -> None:
    with pytest.raises(DTypeError, match="dtype"):
        convolve_file(npy, "[[1]]", npy.with_name("out.npy"), dtype=dtype)
    with pytest.raises(DTypeError, match="dtype"):
        plan_file(npy, "[[1]]", dtype=dtype)


def test_vector_does_not_become_an_image(tmp_path: Path) -> None:
    np.save(tmp_path / "in.npy", noise(9))
    with pytest.raises(OptionError, match="2 axes"):
        convolve_file(tmp_path / "in.npy", "[1]", tmp_path / "out.tif")
    assert names_in(tmp_path) == ["in.npy"]


@pytest.mark.parametrize("old", [None, b"old"])
def test_a_file_that_cannot_be_closed_is_no_output(
    wav: Path, monkeypatch: pytest.MonkeyPatch, old: bytes | None
) -> None:
    target = wav.with_name("out.wav")
    if old is not None:
        target.write_bytes(old)
    close = soundfile.SoundFile.close

    def fail(self: Any) -> None:
        is_target = self.mode == "w" and not self.closed
        close(self)
        if is_target:
            raise RuntimeError("closing failed")

    monkeypatch.setattr(soundfile.SoundFile, "close", fail)
    with pytest.raises(TargetError, match="closing failed"):
        convolve_file(wav, "[1]", target, force=True)
    assert names_in(wav.parent) == (["in.wav"] if old is None else ["in.wav", "out.wav"])
    assert old is None or target.read_bytes() == old


@pytest.mark.parametrize("call", ["fsync", "close"])
@pytest.mark.parametrize("suffix", [".npy", ".tif", ".h5", ".zarr"])
def test_what_does_not_reach_the_disk_is_no_output(
    npy: Path, monkeypatch: pytest.MonkeyPatch, suffix: str, call: str
) -> None:
    real = getattr(os, call)

    def fail(descriptor: int) -> None:
        real(descriptor)
        raise OSError(5, "Input/output error")

    def failing(path: Path) -> None:
        with monkeypatch.context() as patch:
            patch.setattr(os, call, fail)
            sync(path)

    sync = directories.sync
    monkeypatch.setattr(directories, "sync", failing)
    monkeypatch.setattr(atomic, "sync", failing)
    with pytest.raises(TargetError, match="writing failed"):
        convolve_file(npy, "[[1]]", npy.with_name(f"out{suffix}"))
    assert names_in(npy.parent) == ["in.npy"]
