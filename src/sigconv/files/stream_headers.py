"""The headers of audio that flows through a pipe: WAV and AU of unknown length, or none at all.

A pipe cannot be wound back, so that libsndfile reads and writes few formats there. These headers
are short; the samples behind them are left to libsndfile.

References: Microsoft and IBM, "Multimedia Programming Interface and Data Specifications 1.0" (1991)
and its revision 3 (1994) for WAV; EBU Tech 3306 for RF64; the manual page of Sun's audio(4) for AU.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import Protocol

from sigconv.files.headers import STREAMING

__all__ = ["CONTAINERS", "RAW", "Stream", "read_header", "write_header"]

RAW = {
    f"{letter}{bits}{order}": (subtype, endian)
    for letter, bits, subtype in (
        ("s", 16, "PCM_16"),
        ("s", 24, "PCM_24"),
        ("s", 32, "PCM_32"),
        ("f", 32, "FLOAT"),
        ("f", 64, "DOUBLE"),
    )
    for order, endian in (("le", "LITTLE"), ("be", "BIG"))
} | {
    "u8": ("PCM_U8", "LITTLE"),
    "s8": ("PCM_S8", "LITTLE"),
    "mulaw": ("ULAW", "LITTLE"),
    "alaw": ("ALAW", "LITTLE"),
}
"""The names of samples without a header, as ffmpeg calls them: encoding and byte order."""

SAMPLE_BYTES = {
    "PCM_U8": 1,
    "PCM_S8": 1,
    "PCM_16": 2,
    "PCM_24": 3,
    "PCM_32": 4,
    "FLOAT": 4,
    "DOUBLE": 8,
    "ULAW": 1,
    "ALAW": 1,
}

# The format tags of WAV for integers, floats and companded samples, and of headers that have theirs
# further on.
_TAGS = {"FLOAT": 3, "DOUBLE": 3, "ALAW": 6, "ULAW": 7}
_INTEGERS, _EXTENSIBLE = 1, 0xFFFE

_AU_CODES = {
    1: "ULAW",
    2: "PCM_S8",
    3: "PCM_16",
    4: "PCM_24",
    5: "PCM_32",
    6: "FLOAT",
    7: "DOUBLE",
    27: "ALAW",
}

CONTAINERS = {
    "WAV": tuple(name for name in SAMPLE_BYTES if name != "PCM_S8"),
    "AU": tuple(_AU_CODES.values()),
}
"""What streams are written as, each with the encodings that it knows."""

# What may come before the samples, and the chunks of it.
_MOST_BEFORE, _MOST_CHUNKS = 1 << 24, 1000
_SKIPPED = 1 << 16

_UNKNOWN = 0xFFFFFFFF


@dataclass(frozen=True, slots=True)
class Stream:
    """What flows: its container, encoding and byte order, and the bytes of samples promised."""

    container: str
    subtype: str
    endian: str
    rate: int
    channels: int
    promised: int | None = None

    @property
    def frame_bytes(self) -> int:
        """The bytes of one sample of each channel."""
        return SAMPLE_BYTES[self.subtype] * self.channels


class Readable(Protocol):
    """What bytes are read from, once."""

    def read(self, count: int, /) -> bytes:
        """Return the next bytes, fewer only at the end."""


def read_header(file: Readable) -> Stream:
    """Return what the header says, which is all that is read; raise ValueError if it is none."""
    magic = _read(file, 4)
    if magic in (b"RIFF", b"RIFX", b"RF64"):
        return _read_wav(file, ">" if magic == b"RIFX" else "<")
    if magic == b".snd":
        return _read_au(file)
    raise ValueError(f"it begins with {magic!r}")


def _read_wav(file: Readable, order: str) -> Stream:
    if _read(file, 8)[4:] != b"WAVE":
        raise ValueError("a RIFF file of something else")
    form, wide = None, None
    before = 0
    for _ in range(_MOST_CHUNKS):
        name, length = struct.unpack(f"{order}4sI", _read(file, 8))
        if name == b"data":
            if form is None:
                raise ValueError("no format before the samples")
            subtype, rate, channels, align = form
            if align != SAMPLE_BYTES[subtype] * channels:
                raise ValueError(f"{channels} samples of {subtype} in frames of {align} bytes")
            promised = wide if length == _UNKNOWN else length
            unknown = promised in (None, 0, *STREAMING)
            endian = "LITTLE" if order == "<" else "BIG"
            return Stream("WAV", subtype, endian, rate, channels, None if unknown else promised)
        before += length
        if before > _MOST_BEFORE:
            raise ValueError(f"{before} bytes before the samples")
        if name == b"fmt ":
            form = _form(_read(file, length), order)
        elif name == b"ds64" and length >= 16:
            wide = struct.unpack("<QQ", _read(file, length)[:16])[1]
        else:
            _skip(file, length)
        _skip(file, length & 1)
    raise ValueError("no samples among its chunks")


def _form(chunk: bytes, order: str) -> tuple[str, int, int, int]:
    """Return the encoding, the rate, the number of channels, and the bytes of a frame."""
    if len(chunk) < 16:
        raise ValueError(f"a format of {len(chunk)} bytes")
    chunk = chunk.ljust(26, b"\0")
    tag, channels, rate, _, align, bits = struct.unpack_from(f"{order}HHIIHH", chunk)
    if tag == _EXTENSIBLE:
        (tag,) = struct.unpack_from(f"{order}H", chunk, 24)
    if tag == _INTEGERS:
        subtype = "PCM_U8" if bits == 8 else f"PCM_{bits}"
    elif tag == _TAGS["FLOAT"]:
        subtype = {32: "FLOAT", 64: "DOUBLE"}.get(bits, f"floats of {bits} bits")
    else:
        subtype = {6: "ALAW", 7: "ULAW"}.get(tag, f"format {tag}")
    return (*_checked(subtype, rate, channels), align)


def _read_au(file: Readable) -> Stream:
    offset, promised, code, rate, channels = struct.unpack(">5I", _read(file, 20))
    if not 24 <= offset <= _MOST_BEFORE:
        raise ValueError(f"samples that begin at {offset}")
    _skip(file, offset - 24)
    subtype, rate, channels = _checked(_AU_CODES.get(code, f"code {code}"), rate, channels)
    return Stream("AU", subtype, "BIG", rate, channels, None if promised in STREAMING else promised)


def _checked(subtype: str, rate: int, channels: int) -> tuple[str, int, int]:
    if subtype not in SAMPLE_BYTES:
        raise ValueError(f"samples of {subtype} are not read from a pipe")
    if not (0 < channels <= 1024 and 0 < rate < 1 << 31):
        raise ValueError(f"{channels} channels at {rate} Hz")
    return subtype, rate, channels


def _read(file: Readable, count: int) -> bytes:
    data = file.read(count)
    if len(data) < count:
        raise ValueError(f"it ends within its header, {count - len(data)} bytes too early")
    return data


def _skip(file: Readable, count: int) -> None:
    while count > 0:
        count -= len(_read(file, min(count, _SKIPPED)))


def write_header(stream: Stream) -> bytes:
    """Return the header of samples whose number is not known."""
    if stream.container == "raw":
        return b""
    if stream.container == "AU":
        code = next(n for n, subtype in _AU_CODES.items() if subtype == stream.subtype)
        # Readers want a note of at least four bytes before the samples.
        return struct.pack(">4s6I", b".snd", 28, _UNKNOWN, code, stream.rate, stream.channels, 0)
    tag = _TAGS.get(stream.subtype, _INTEGERS)
    width = SAMPLE_BYTES[stream.subtype]
    form = struct.pack(
        "<HHIIHHH",
        tag,
        stream.channels,
        stream.rate,
        stream.rate * stream.frame_bytes,
        stream.frame_bytes,
        8 * width,
        0,
    )
    # Of integers the last field, the bytes of more that follows, is left out.
    form = form[:16] if tag == _INTEGERS else form
    chunks = struct.pack("<4sI", b"fmt ", len(form)) + form
    return (
        struct.pack("<4sI4s", b"RIFF", _UNKNOWN, b"WAVE")
        + chunks
        + struct.pack("<4sI", b"data", _UNKNOWN)
    )
