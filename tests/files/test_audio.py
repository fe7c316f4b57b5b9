"""Recordings: described, read ahead, and written with their encoding kept."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile

from sigconv.errors import DTypeError, NonFiniteError, SourceError
from sigconv.files import Description, TargetError, audio, describe, load
from sigconv.files.audio import check_working, target_description
from sigconv.files.audio_streams import AudioSink, AudioSource
from tests.files.helpers import RATE, noise

pytestmark = pytest.mark.extras

FORMATS = [
    ("wav", "PCM_U8"), ("wav", "PCM_16"), ("wav", "PCM_24"), ("wav", "PCM_32"), ("wav", "FLOAT"),
    ("wav", "DOUBLE"), ("flac", "PCM_16"), ("flac", "PCM_24"), ("aiff", "PCM_16"),
    ("aif", "PCM_24"), ("caf", "FLOAT"), ("caf", "PCM_32"), ("au", "DOUBLE"), ("rf64", "PCM_16"),
]  # fmt: skip


def written(path: Path, samples: np.ndarray, subtype: str) -> Path:
    name = {".aif": "AIFF"}.get(path.suffix)
    soundfile.write(path, samples, RATE, subtype, format=name)
    return path


def write_blocks(about: Description, path: Path, samples: np.ndarray) -> None:
    with AudioSink(about, path) as sink:
        for block in np.array_split(samples, 3):
            sink.write(block)


@pytest.mark.parametrize(("suffix", "subtype"), FORMATS)
def test_description_of_a_recording(tmp_path: Path, suffix: str, subtype: str) -> None:
    about = describe(written(tmp_path / f"a.{suffix}", 0.2 * noise(50, 3), subtype))
    assert (about.kind, about.shape, about.axes) == ("audio", (50, 3), (0,))
    assert about.axis_names == ("frames", "channels")
    assert (about.rate, about.encoding) == (RATE, subtype)
    assert about.seconds == 50 / RATE
    assert about.working == (np.float64 if subtype == "DOUBLE" else np.float32)
    assert about.default_mode == "full"


@pytest.mark.parametrize(("suffix", "subtype"), FORMATS)
def test_what_is_read_is_written_back_bit_for_bit(
    tmp_path: Path, suffix: str, subtype: str
) -> None:
    about = describe(written(tmp_path / f"a.{suffix}", 0.2 * noise(200, 2), subtype))
    samples = load(about)
    target = target_description(about, tmp_path / f"b.{suffix}", (200, 2), about.working)
    write_blocks(target, target.path, samples)
    assert target.encoding == subtype
    # 32-bit integers have no float32; their upper 24 bits are kept.
    bits = 24 if subtype == "PCM_32" else 32
    before, after = (soundfile.read(p, dtype="float64")[0] for p in (about.path, target.path))
    np.testing.assert_allclose(after, before, rtol=0, atol=2.0 ** (1 - bits))


def test_source_serves_any_slices(tmp_path: Path) -> None:
    about = describe(written(tmp_path / "a.wav", 0.2 * noise(1000, 3), "FLOAT"))
    whole = load(about)
    rng = np.random.default_rng(1)
    with AudioSource(about, np.dtype("f4")) as source:
        for _ in range(300):
            start, stop = sorted(rng.integers(0, 1001, 2).tolist())
            first, last = sorted(rng.integers(0, 4, 2).tolist())
            part = source[start:stop, first:last]
            np.testing.assert_array_equal(part, whole[start:stop, first:last])


def test_overlapping_slices_read_every_frame_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    about = describe(written(tmp_path / "a.wav", 0.2 * noise(1000, 1), "FLOAT"))
    frames: list[int] = []
    read = AudioSource._read

    def counted(self: AudioSource, start: int, samples: np.ndarray) -> None:
        frames.extend(range(start, start + len(samples)))
        read(self, start, samples)

    monkeypatch.setattr(AudioSource, "_read", counted)
    with AudioSource(about, np.dtype("f4")) as source:
        for start in range(0, 901, 60):
            assert len(source[start : start + 100, :]) == 100
    assert frames == list(range(1000))


def test_reading_ahead_keeps_errors_for_the_slice_that_meets_them(tmp_path: Path) -> None:
    about = describe(written(tmp_path / "a.flac", 0.2 * noise(60_000, 1), "PCM_16"))
    about.path.write_bytes(about.path.read_bytes()[: about.path.stat().st_size // 2])
    with AudioSource(about, np.dtype("f4")) as source:
        assert len(source[:10_000, :]) == 10_000
        with pytest.raises(SourceError, match="corrupt"):
            [source[start : start + 10_000, :] for start in range(10_000, 60_000, 10_000)]


@pytest.mark.parametrize(
    ("target", "subtype", "dtype", "format_", "encoding"),
    [
        ("b.wav", "PCM_16", "f4", "WAV", "PCM_16"),
        ("b.flac", "PCM_16", "f4", "FLAC", "PCM_16"),
        ("b.flac", "FLOAT", "f4", "FLAC", "PCM_24"),
        ("b.wav", "FLOAT", "f8", "WAV", "DOUBLE"),
        ("b.wav", "DOUBLE", "f4", "WAV", "FLOAT"),
        ("b.ogg", "PCM_16", "f4", "OGG", "VORBIS"),
        ("b.aif", "FLOAT", "f4", "AIFF", "FLOAT"),
    ],
)
def test_encoding_is_kept_where_the_target_takes_it(
    tmp_path: Path, target: str, subtype: str, dtype: str, format_: str, encoding: str
) -> None:
    about = describe(written(tmp_path / "a.wav", 0.2 * noise(9, 1), subtype))
    result = target_description(about, tmp_path / target, (9, 1), np.dtype(dtype))
    assert (result.format, result.encoding) == (format_, encoding)


def test_wav_beyond_4_gb_becomes_rf64(tmp_path: Path) -> None:
    about = describe(written(tmp_path / "a.wav", 0.2 * noise(9, 1), "FLOAT"))
    frames = (1 << 30) + 1
    result = target_description(about, tmp_path / "b.wav", (frames, 1), np.dtype("f4"))
    assert result.format == "RF64"
    with pytest.raises(TargetError, match=r"at most 4 GB.*\.caf"):
        target_description(about, tmp_path / "b.aiff", (frames, 1), np.dtype("f4"))


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_integer_formats_refuse_what_is_no_number_and_say_where(tmp_path: Path, bad: float) -> None:
    about = describe(written(tmp_path / "a.wav", 0.2 * noise(100, 2), "PCM_16"))
    samples = load(about)
    samples[70, 1] = bad
    with pytest.raises(NonFiniteError, match=rf"cannot store {bad}, first at frame 70"):
        write_blocks(about, tmp_path / "b.wav", samples)


def test_float_formats_store_nan(tmp_path: Path) -> None:
    about = describe(written(tmp_path / "a.wav", 0.2 * noise(4, 1), "FLOAT"))
    with AudioSink(about, tmp_path / "b.wav") as sink:
        sink.write(np.array([[np.nan], [1], [np.inf], [9]], np.float32))
    np.testing.assert_array_equal(soundfile.read(tmp_path / "b.wav")[0], [np.nan, 1, np.inf, 9])


def test_failing_write_is_a_target_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(self: Any, data: Any, dtype: str) -> None:
        raise AssertionError  # what soundfile raises when the disk takes only a part

    about = describe(written(tmp_path / "a.wav", 0.2 * noise(4, 1), "FLOAT"))
    samples = load(about)
    monkeypatch.setattr(soundfile.SoundFile, "buffer_write", fail)
    with (
        pytest.raises(TargetError, match="Check the space"),
        AudioSink(about, tmp_path / "b.wav") as sink,
    ):
        sink.write(samples)


@pytest.mark.parametrize(("suffix", "subtype"), FORMATS)
@pytest.mark.parametrize("sixteenths", [1, 8, 13, 15])
def test_truncated_recording_is_refused(
    tmp_path: Path, suffix: str, subtype: str, sixteenths: int
) -> None:
    path = written(tmp_path / f"a.{suffix}", 0.2 * noise(3000, 2), subtype)
    path.write_bytes(path.read_bytes()[: path.stat().st_size * sixteenths // 16])
    with pytest.raises(SourceError, match=rf"a\.{suffix}: "):
        load(describe(path))


def test_truncated_ogg_is_refused(tmp_path: Path) -> None:
    path = written(tmp_path / "a.ogg", 0.2 * noise(30_000, 1), "VORBIS")
    content = path.read_bytes()
    last_page = content.rindex(b"OggS")
    for stop in (last_page, len(content) - 1):
        path.write_bytes(content[:stop])
        with pytest.raises(SourceError, match="last page"):
            describe(path)


def test_wav_that_promises_more_than_it_holds_names_both(tmp_path: Path) -> None:
    path = written(tmp_path / "a.wav", 0.2 * noise(1000, 1), "PCM_16")
    path.write_bytes(path.read_bytes()[:1044])
    with pytest.raises(SourceError, match="promises 2000 bytes of samples, the file holds 1000"):
        describe(path)


def test_au_of_an_interrupted_writer_is_refused(tmp_path: Path) -> None:
    path = written(tmp_path / "a.au", 0.2 * noise(1000, 1), "PCM_16")
    content = bytearray(path.read_bytes())
    content[8:12] = b"\0\0\0\0"
    path.write_bytes(content)
    with pytest.raises(SourceError, match="writer was interrupted"):
        load(describe(path))


def test_wav_from_a_pipe_is_read_to_its_end(tmp_path: Path) -> None:
    path = written(tmp_path / "a.wav", 0.2 * noise(1000, 1), "PCM_16")
    content = bytearray(path.read_bytes())
    content[4:8] = content[40:44] = b"\xff\xff\xff\xff"
    path.write_bytes(content)
    assert load(describe(path)).shape == (1000, 1)


@pytest.mark.parametrize("suffix", ["wav", "flac", "ogg", "aiff", "caf", "au", "rf64"])
def test_text_with_the_name_of_a_recording_is_refused(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"a.{suffix}"
    path.write_text("This is no sound.\n" * 20)
    with pytest.raises(SourceError, match=rf"a\.{suffix}: not a readable"):
        describe(path)


def test_misnamed_recording_is_refused_with_its_real_format(tmp_path: Path) -> None:
    soundfile.write(tmp_path / "a.wav", 0.2 * noise(10, 1), RATE, "PCM_16", format="FLAC")
    with pytest.raises(SourceError, match=r"says WAV, the content is FLAC.*\.flac"):
        describe(tmp_path / "a.wav")


def test_header_of_impossible_length_is_refused(tmp_path: Path) -> None:
    path = written(tmp_path / "a.flac", 0.2 * noise(1000, 1), "PCM_16")
    content = bytearray(path.read_bytes())
    content[21] |= 0x0F  # the upper bits of the number of samples
    path.write_bytes(content)
    with pytest.raises(SourceError, match="makes no sense"):
        describe(path)


@pytest.mark.parametrize("dtype", ["i8", "c8", "f2"])
def test_audio_is_computed_in_floats_only(dtype: str) -> None:
    with pytest.raises(DTypeError, match="float32 or float64"):
        check_working(np.dtype(dtype), Path("a.wav"))


def test_unstorable_target_names_another(tmp_path: Path) -> None:
    about = describe(written(tmp_path / "a.wav", 0.2 * noise(10, 9), "PCM_16"))
    target = target_description(about, tmp_path / "b.flac", (10, 9), about.working)
    with (
        pytest.raises(TargetError, match="cannot be made as FLAC of 9 channels"),
        AudioSink(target, target.path),
    ):
        pass


def test_every_suffix_is_a_known_format() -> None:
    known = soundfile.available_formats()
    assert all(name in known for names in audio.SUFFIXES.values() for name in names)


def test_long_block_is_encoded_as_vorbis(tmp_path: Path) -> None:
    about = describe(written(tmp_path / "a.ogg", 0.2 * noise(900, 2), "VORBIS"))
    with AudioSink(about, tmp_path / "b.ogg") as sink:
        sink.write(np.zeros((3_000_000, 2), np.float32))
    assert describe(tmp_path / "b.ogg").shape == (3_000_000, 2)
