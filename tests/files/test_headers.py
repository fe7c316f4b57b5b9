"""What the headers of audio containers promise, byte by byte."""

import io
import struct

import pytest

from sigconv.files.headers import Promise, read_promise


def chunk(name: bytes, length: int, content: bytes = b"", order: str = "<") -> bytes:
    return name + struct.pack(f"{order}I", length) + content


def riff(*chunks: bytes, magic: bytes = b"RIFF") -> bytes:
    return magic + b"\0\0\0\0WAVE" + b"".join(chunks)


DS64 = chunk(b"ds64", 28, struct.pack("<QQQI", 0, 6_000_000_000, 0, 0))

CASES = {
    "riff": (riff(chunk(b"fmt ", 4, b"\0" * 4), chunk(b"data", 8, b"\0" * 6)), Promise(8, 6)),
    "odd chunks are padded": (
        riff(chunk(b"LIST", 3, b"abc\0"), chunk(b"data", 2, b"\0\0")),
        Promise(2, 2),
    ),
    "big-endian": (riff(chunk(b"data", 4, b"\0" * 4, ">"), magic=b"RIFX"), Promise(4, 4)),
    "rf64": (
        riff(DS64, chunk(b"data", 0xFFFFFFFF, b"\0" * 8), magic=b"RF64"),
        Promise(6_000_000_000, 8),
    ),
    "streamed riff": (riff(chunk(b"data", 0xFFFFFFFF, b"\0" * 8)), None),
    "riff without data": (riff(chunk(b"fmt ", 4, b"\0" * 4)), None),
    "aiff": (b"FORM\0\0\0\0AIFF" + chunk(b"SSND", 16, b"\0" * 12, ">"), Promise(16, 12)),
    "au": (
        b".snd" + struct.pack(">IIIII", 24, 10, 3, 8000, 1) + b"\0" * 4,
        Promise(10, 4, last=True),
    ),
    "streamed au": (b".snd" + struct.pack(">II", 24, 0xFFFFFFFF) + b"\0" * 16, None),
    "caf": (
        b"caff\0\1\0\0" + struct.pack(">4sq", b"desc", 1) + b"x"
        + struct.pack(">4sq", b"data", 20) + b"\0" * 12,
        Promise(20, 12),
    ),
    "streamed caf": (b"caff\0\1\0\0" + struct.pack(">4sq", b"data", -1) + b"\0" * 12, None),
    "something else": (b"fLaC" + b"\0" * 40, None),
    "nothing": (b"", None),
    "half a header": (b"RIFF\0", None),
}  # fmt: skip


@pytest.mark.parametrize("name", CASES)
def test_promise(name: str) -> None:
    content, promise = CASES[name]
    assert read_promise(io.BytesIO(content)) == promise


def test_a_file_of_countless_chunks_is_given_up() -> None:
    content = riff(chunk(b"junk", 0) * 20_000, chunk(b"data", 4, b"\0" * 4))
    assert read_promise(io.BytesIO(content)) is None
