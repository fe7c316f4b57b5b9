"""Headers of streams: what libsndfile writes is read, and what is written libsndfile reads."""

import io
import struct
from contextlib import suppress

import numpy as np
import pytest
import soundfile

from sigconv.files.stream_headers import CONTAINERS, Stream, read_header, write_header
from tests.files.helpers import noise

pytestmark = pytest.mark.extras

WAVE = b"RIFF" + bytes(4) + b"WAVE"
WRITTEN = [(name, subtype) for name, subtypes in CONTAINERS.items() for subtype in subtypes]


def written(container, subtype, channels=2, frames=50, endian="FILE"):
    file = io.BytesIO()
    x = 0.5 * noise(frames, channels)
    soundfile.write(file, x, 22_050, subtype, endian, container)
    return file.getvalue()


@pytest.mark.parametrize(("container", "subtype"), [*WRITTEN, ("WAVEX", "PCM_24")])
def test_a_header_of_libsndfile_tells_all(container, subtype):
    data = written(container, subtype)
    file = io.BytesIO(data)
    stream = read_header(file)
    assert (stream.container, stream.subtype) == (container[:3].rstrip(), subtype)
    assert (stream.rate, stream.channels) == (22_050, 2)
    assert stream.promised == 50 * stream.frame_bytes
    # What follows are the samples.
    samples, _ = soundfile.read(
        io.BytesIO(file.read(stream.promised)),
        format="RAW",
        subtype=subtype,
        samplerate=22_050,
        channels=2,
        endian=stream.endian,
    )
    np.testing.assert_array_equal(samples, soundfile.read(io.BytesIO(data))[0])


def test_big_endian_and_64_bit_riff_are_read():
    stream = read_header(io.BytesIO(written("WAV", "PCM_16", endian="BIG")))
    assert (stream.endian, stream.promised) == ("BIG", 200)
    stream = read_header(io.BytesIO(written("RF64", "FLOAT")))
    assert (stream.container, stream.promised) == ("WAV", 400)


@pytest.mark.parametrize("length", [0xFFFFFFFF, 0x7FFFFFFF, 0x7FFFF000, 0x7FFFFFFF - 36, 0])
def test_lengths_of_those_who_cannot_know_promise_nothing(length):
    data = written("WAV", "PCM_16")
    place = data.index(b"data") + 4
    data = data[:place] + struct.pack("<I", length) + data[place + 4 :]
    assert read_header(io.BytesIO(data)).promised is None


@pytest.mark.parametrize(("container", "subtype"), WRITTEN)
@pytest.mark.parametrize("channels", [1, 6])
def test_a_written_header_is_read_by_libsndfile(container, subtype, channels):
    endian = "BIG" if container == "AU" else "LITTLE"
    stream = Stream(container, subtype, endian, 48_000, channels)
    header = write_header(stream)
    assert read_header(io.BytesIO(header)) == stream
    samples = bytes(range(240)) * stream.frame_bytes
    found = soundfile.info(io.BytesIO(header + samples))
    assert (found.format, found.subtype) == (container, subtype)
    assert (found.samplerate, found.channels, found.frames) == (48_000, channels, 240)


def test_raw_samples_have_no_header():
    assert write_header(Stream("raw", "FLOAT", "LITTLE", 48_000, 1)) == b""


@pytest.mark.parametrize("container", ["WAV", "AU", "RF64"])
def test_every_byte_flipped_and_every_cut_is_read_or_refused(container):
    data = written(container, "PCM_16", frames=5)
    header = len(data) - 20
    for place in range(header):
        for flip in (0xFF, 0x80, 0x01):
            damaged = bytearray(data)
            damaged[place] ^= flip
            _read_or_refuse(bytes(damaged))
        _read_or_refuse(data[:place])


def _read_or_refuse(data):
    with suppress(ValueError):
        assert read_header(io.BytesIO(data)).frame_bytes > 0


@pytest.mark.parametrize(
    ("data", "what"),
    [
        (b"", "4 bytes too early"),
        (b"fLaC" + bytes(40), "begins with b'fLaC'"),
        (b"RIFF" + bytes(4) + b"AVI " + bytes(40), "something else"),
        (WAVE + b"data" + bytes(40), "no format before"),
        (WAVE + struct.pack("<4sI", b"LIST", 1 << 31), "before the samples"),
        (WAVE + struct.pack("<4sI4x", b"fmt ", 4), "format of 4 bytes"),
        (b".snd" + struct.pack(">5I", 1 << 31, 0, 3, 8000, 1), "begin at 2147483648"),
        (b".snd" + struct.pack(">5I", 24, 0, 99, 8000, 1), "code 99"),
        (b".snd" + struct.pack(">5I", 24, 0, 3, 8000, 0), "0 channels"),
    ],
)
def test_what_is_no_header_is_named(data, what):
    with pytest.raises(ValueError, match=what):
        read_header(io.BytesIO(data))
