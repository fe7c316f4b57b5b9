"""Audio through pipes: the numbers of files, and nothing that is cut short goes unsaid."""

import hashlib
import io
import os
import select
import struct
from pathlib import Path
from typing import Any, BinaryIO, cast

import numpy as np
import pytest
import soundfile

from sigconv.errors import BoundaryError, BudgetError, OptionError, SourceError, TargetError
from sigconv.files import Pipe, audio_streams, convolve_file, describe, headers, pipes, preview_file
from tests.files.helpers import names_in, noise

pytestmark = pytest.mark.extras

RATE = 8000
H = np.array([0.5, 0.25, -0.125, 0.0625])


class Forward(io.RawIOBase):
    """A file that goes on and never back, a little at a time, as a pipe does."""

    def __init__(self, data: bytes = b"") -> None:
        self.data, self.place = bytearray(data), 0

    def readable(self) -> bool:
        return True

    def writable(self) -> bool:
        return True

    def readinto(self, room: Any) -> int:
        part = self.data[self.place : self.place + min(len(room), 1000)]
        room[: len(part)] = part
        self.place += len(part)
        return len(part)

    def write(self, data: Any) -> int:
        self.data += data
        return len(data)


def reading(data: bytes) -> Pipe:
    return Pipe(io.BufferedReader(Forward(data)), "stdin")


def writing(out: Forward) -> Pipe:
    return Pipe(cast("BinaryIO", out), "stdout")


def encoded(x: Any, container: str = "WAV", subtype: str = "PCM_16") -> bytes:
    file = io.BytesIO()
    soundfile.write(file, x, RATE, subtype, format=container)
    return file.getvalue()


def endless(data: bytes) -> bytes:
    """A WAV or AU file with the length of one who could not know it."""
    if data[:4] == b".snd":
        return data[:8] + b"\xff" * 4 + data[12:]
    place = data.index(b"data") + 4
    return data[:place] + b"\xff" * 4 + data[place + 4 :]


def through(data: bytes, **settings: Any) -> tuple[bytes, Any]:
    """Convolve from pipe to pipe; return what comes out, and the record."""
    out = Forward()
    record = convolve_file(reading(data), H, writing(out), **settings)
    return bytes(out.data), record


@pytest.mark.parametrize("container", ["WAV", "AU"])
@pytest.mark.parametrize("subtype", ["PCM_16", "PCM_24", "FLOAT", "DOUBLE", "ULAW"])
@pytest.mark.parametrize("known", [True, False])
@pytest.mark.parametrize("mode", ["full", "same", "valid"])
def test_a_pipe_gives_the_samples_of_a_file(
    container: str, subtype: str, known: bool, mode: str, tmp_path: Path
) -> None:
    # Longer than a piece of what comes through a pipe.
    data = encoded(0.4 * noise(40_000, 2), container, subtype)
    suffix = f".{container.lower()}"
    (tmp_path / f"in{suffix}").write_bytes(data)
    convolve_file(tmp_path / f"in{suffix}", H, tmp_path / f"out{suffix}", mode=mode)
    found, record = through(data if known else endless(data), mode=mode)
    y, rate = soundfile.read(io.BytesIO(found))
    about = soundfile.info(io.BytesIO(found))
    assert (about.format, about.subtype, rate) == (container, subtype, RATE)
    expected = soundfile.read(tmp_path / f"out{suffix}")[0]
    # Sums in another order may round to the next number that is stored.
    atol = {"FLOAT": 5e-7, "PCM_24": 2.0**-23}.get(subtype, 0)
    np.testing.assert_allclose(y, expected, rtol=0, atol=atol)
    assert record.source.shape == (40_000, 2)
    assert record.target.shape == expected.shape


def test_checksums_are_those_of_what_went_through() -> None:
    data = encoded(0.4 * noise(500))
    found, record = through(data)
    assert record.digests == {
        "stdin": hashlib.sha256(data).hexdigest(),
        "stdout": hashlib.sha256(found).hexdigest(),
    }


@pytest.mark.parametrize(
    ("raw", "dtype"), [("f32le", "<f4"), ("f32be", ">f4"), ("f64le", "<f8"), ("s16be", ">i2")]
)
def test_raw_samples_come_and_go_without_a_header(raw: str, dtype: str) -> None:
    x = (noise(3000, 2) * (1000 if "i" in dtype else 1)).astype(dtype)
    found, _ = through(x.tobytes(), raw=raw, rate=RATE, channels=2, mode="same")
    y = np.frombuffer(found, dtype).reshape(-1, 2)
    expected = np.apply_along_axis(np.convolve, 0, x.astype(float), H)[1:3001]
    np.testing.assert_allclose(y, expected, atol=0.51 if "i" in dtype else 1e-5)


@pytest.mark.parametrize("known", [True, False])
def test_a_pipe_into_a_file_is_a_whole_file(known: bool, tmp_path: Path) -> None:
    data = encoded(0.4 * noise(40_000, 1))
    target = tmp_path / "out.wav"
    record = convolve_file(reading(data if known else endless(data)), H, target)
    assert describe(target).shape == record.target.shape == (40_003, 1)
    assert describe(target).format == record.target.format == ("WAV" if known else "WAVEX")
    assert target.read_bytes()[:4] == b"RIFF"
    assert names_in(tmp_path) == ["out.wav"]


def test_a_long_pipe_into_a_wav_file_becomes_rf64(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(headers, "LARGEST_32_BIT", 10_000)
    data = endless(encoded(0.4 * noise(8000)))
    record = convolve_file(reading(data), H, tmp_path / "out.wav")
    assert describe(tmp_path / "out.wav").format == record.target.format == "RF64"
    with pytest.raises(TargetError, match=r"AIFF holds at most 4 GB.*\.caf"):
        convolve_file(reading(data), H, tmp_path / "out.aiff")
    assert names_in(tmp_path) == ["out.wav"]


@pytest.mark.parametrize("known", [True, False])
def test_a_pipe_that_ends_too_soon_leaves_no_file(known: bool, tmp_path: Path) -> None:
    data = encoded(0.4 * noise(40_000, 2))
    data = (data if known else endless(data))[:-1001]
    said = r"promises 160000 bytes of samples, 158999 came" if known else "within frame 39749"
    with pytest.raises(SourceError, match=said):
        convolve_file(reading(data), H, tmp_path / "out.wav")
    assert names_in(tmp_path) == []


def test_an_empty_pipe_gives_an_empty_result() -> None:
    found, record = through(b"", raw="f32le", rate=RATE, channels=1)
    assert found == b""
    assert record.target.shape == (0, 1)


def test_what_follows_the_samples_is_no_sample() -> None:
    data = encoded(0.4 * noise(100)) + struct.pack("<4sI", b"LIST", 4) + b"INFO"
    assert through(data)[1].source.shape == (100, 1)


@pytest.mark.parametrize("rule", ["edge", "reflect", "symmetric", "constant"])
def test_boundaries_beyond_both_ends_of_a_pipe(rule: str, tmp_path: Path) -> None:
    data = encoded(0.3 * noise(40_000), subtype="DOUBLE")
    (tmp_path / "in.wav").write_bytes(data)
    convolve_file(tmp_path / "in.wav", H, tmp_path / "out.wav", boundary=rule)
    found, _ = through(endless(data), boundary=rule)
    expected = soundfile.read(tmp_path / "out.wav")[0]
    np.testing.assert_allclose(soundfile.read(io.BytesIO(found))[0], expected, atol=1e-14)


def test_what_a_pipe_cannot_do_is_said_before_anything_is_read(tmp_path: Path) -> None:
    data = encoded(0.4 * noise(100))
    cases: list[tuple[dict[str, Any], type[Exception], str]] = [
        ({"boundary": "wrap"}, BoundaryError, "end of a pipe"),
        ({"nan_policy": "omit"}, OptionError, "nan_policy propagate"),
        ({"axes": (0, 1)}, OptionError, "along time"),
        ({"channels": 2}, OptionError, "for raw samples"),
        ({"rate": 44_100}, OptionError, "8000 Hz"),
        ({"max_memory": 1000}, BudgetError, "need"),
    ]
    for settings, kind, said in cases:
        out = Forward()
        with pytest.raises(kind, match=said):
            convolve_file(
                reading(data),
                H if "axes" not in settings else np.ones((2, 1)),
                writing(out),
                **settings,
            )
        assert not out.data
    with pytest.raises(OptionError, match=r"rate and channels.*--channels 2"):
        through(data, raw="f32le")
    with pytest.raises(OptionError, match=r"one of .*f32le.*got 'f32'"):
        through(data, raw="f32", rate=1, channels=1)
    with pytest.raises(OptionError, match="subtype PCM_16"):
        through(data, raw="f32le", rate=1, channels=1, subtype="PCM_16")
    with pytest.raises(OptionError, match=r"no WAV stream.*VORBIS.*PCM_16"):
        through(data, subtype="VORBIS")
    with pytest.raises(SourceError, match=r"no header of WAV or AU.*--raw f32le"):
        through(b"fLaC" * 20)
    np.save(tmp_path / "in.npy", noise(3, 3))
    with pytest.raises(OptionError, match="only audio goes to a pipe"):
        convolve_file(tmp_path / "in.npy", "[1]", writing(Forward()))
    with pytest.raises(OptionError, match="neither input nor output"):
        convolve_file(tmp_path / "in.npy", "[1]", tmp_path / "out.npy", raw="f32le")


def test_a_preview_reads_the_header_alone() -> None:
    data = encoded(0.4 * noise(100))
    pipe = reading(data)
    preview = preview_file(pipe, H, writing(Forward()))
    assert preview.target.shape == (103, 1)
    assert len(pipe.file.read()) == 200


def test_memory_stays_that_of_a_few_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    held: list[int] = []
    read = audio_streams.AudioSink.write

    def write(self: Any, samples: Any) -> None:
        held.append(sum(map(len, sources[0]._blocks)))
        read(self, samples)

    from sigconv.files import audio_convolve

    sources: list[Any] = []

    class Kept(pipes.PipeSource):
        def __init__(self, *arguments: Any) -> None:
            super().__init__(*arguments)
            sources.append(self)

    monkeypatch.setattr(audio_convolve, "PipeSource", Kept)
    monkeypatch.setattr(audio_streams.AudioSink, "write", write)
    through(endless(encoded(0.1 * noise(400_000))))
    assert len(held) > 5
    assert max(held) < 3 * (1 << 15)


class Reluctant(Forward):
    """Takes a few bytes at a time, and none at first."""

    def write(self, data: Any) -> Any:
        self.asked = not getattr(self, "asked", False)
        return None if self.asked else super().write(bytes(data[:1000]))


def test_files_that_take_a_part_get_all(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(select, "select", lambda *files: None)
    data, out = encoded(0.4 * noise(5000)), Reluctant()
    record = convolve_file(reading(data), H, writing(out))
    assert len(out.data) == 44 + 2 * 5003
    assert record.digests["stdout"] == hashlib.sha256(out.data).hexdigest()


def test_a_pipe_that_has_nothing_yet_has_not_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    data = encoded(0.4 * noise(3000))
    reader, writer = os.pipe()
    os.set_blocking(reader, False)
    os.write(writer, data[:1000])

    def write_the_rest(*files: Any) -> None:
        os.write(writer, data[1000:])
        os.close(writer)

    monkeypatch.setattr(select, "select", write_the_rest)
    with open(reader, "rb", buffering=0) as file:  # noqa: PTH123 - a descriptor
        out = Forward()
        record = convolve_file(Pipe(cast("BinaryIO", file), "stdin"), H, writing(out))
    assert record.source.shape == (3000, 1)


def test_checksums_are_of_all_that_came_and_the_writer_is_not_cut_off() -> None:
    data = encoded(0.4 * noise(100)) + struct.pack("<4sI", b"LIST", 200_000) + bytes(200_000)
    pipe = reading(data)
    record = convolve_file(pipe, H, writing(Forward()))
    assert record.source.shape == (100, 1)
    assert record.digests["stdin"] == hashlib.sha256(data).hexdigest()
    assert pipe.file.read() == b""


def test_frames_of_other_bytes_than_their_samples_are_refused() -> None:
    data = bytearray(encoded(0.4 * noise(100), subtype="PCM_24"))
    place = data.index(b"fmt ") + 20
    assert data[place] == 3
    data[place] = 4
    with pytest.raises(SourceError, match="1 samples of PCM_24 in frames of 4 bytes"):
        through(bytes(data))


def test_samples_near_the_end_of_floats_have_a_gain() -> None:
    x = np.array([[1.7e308], [-1e308]])
    _, record = through(x.tobytes(), raw="f64le", rate=RATE, channels=1)
    assert record.safe_gain_db < -6000
