"""What an audio container's header promises, against what the file holds.

libsndfile reads a shortened file as if the rest had never been there; these few bytes of each
header tell otherwise.
"""

from __future__ import annotations

import os
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from sigconv.files.description import source_problem

__all__ = ["STREAMING", "Promise", "check_promise", "largest", "narrow_to_wav", "read_promise"]

# A file that is nothing but tiny chunks must not be walked for ever.
_MOST_CHUNKS = 10_000

# Writers to a pipe cannot know the length; they leave one of these, sox and ffmpeg included.
STREAMING = (0xFFFFFFFF, 0x7FFFFFFF, 0x7FFFF000, 0x7FFFFFFF - 36)

# Above this many bytes of samples the 32-bit sizes of a header no longer hold.
LARGEST_32_BIT = 0xFFFFFFFF - 4096
_SIZED_32_BIT = ("WAV", "WAVEX", "AIFF", "AU")


def largest(container: str) -> int | None:
    """Return the bytes of samples that a container's header can tell, None if there is no end."""
    return LARGEST_32_BIT if container in _SIZED_32_BIT else None


@dataclass(frozen=True, slots=True)
class Promise:
    """The bytes of samples that a header promises and those that the file has room for.

    `last` tells that nothing but samples can follow the header.
    """

    promised: int
    held: int
    last: bool = False


def check_promise(path: Path, frames: int) -> None:
    """Raise SourceError when the header and the file disagree about the samples.

    Parameters
    ----------
    path : Path
        An audio file.
    frames : int
        How many frames the decoder found.
    """
    with path.open("rb") as file:
        promise = read_promise(file)
        whole = _ogg_is_whole(file)
    if promise is not None and promise.promised > promise.held:
        raise source_problem(
            path,
            f"the header promises {promise.promised} bytes of samples, the file holds "
            f"{promise.held}: it is truncated.",
            "Fetch or write it again.",
        )
    unclaimed = promise is not None and promise.last and promise.held > 0
    if promise is not None and promise.promised == 0 and (frames > 0 or unclaimed):
        raise source_problem(
            path,
            f"the header promises no samples, the file holds {promise.held} bytes of them: "
            "its writer was interrupted.",
            "Write it again, or repair it with: sox --ignore-length IN OUT.",
        )
    if not whole:
        raise source_problem(
            path,
            "the last page of the Ogg stream is missing or cut: it is truncated.",
            "Fetch or write it again.",
        )


def read_promise(file: BinaryIO) -> Promise | None:
    """Return what the header of `file` promises, or None where it says nothing."""
    size = file.seek(0, os.SEEK_END)
    file.seek(0)
    magic = file.read(12)
    if magic[:4] in (b"RIFF", b"RIFX", b"RF64"):
        return _riff_promise(file, size, magic[:4])
    if magic[:4] == b"FORM":
        return _find(file, size, ">4sI", b"SSND", 12)
    if magic[:4] == b"caff":
        promise = _find(file, size, ">4sq", b"data", 8)
        return None if promise is None or promise.promised < 0 else promise
    if magic[:4] in (b".snd", b"dns.") and len(magic) == 12:
        offset, promised = struct.unpack(">II" if magic[:4] == b".snd" else "<II", magic[4:])
        return (
            None if promised in STREAMING else Promise(promised, max(size - offset, 0), last=True)
        )
    return None


def _riff_promise(file: BinaryIO, size: int, magic: bytes) -> Promise | None:
    header = ">4sI" if magic == b"RIFX" else "<4sI"
    wide = None
    for name, start, length in _chunks(file, size, header, 12):
        if name == b"ds64" and length >= 16:
            file.seek(start)
            wide = struct.unpack("<QQ", file.read(16).ljust(16, b"\0"))[1]
        if name == b"data":
            if length == 0xFFFFFFFF and wide is not None:
                return Promise(wide, size - start)
            return None if length in STREAMING else Promise(length, size - start)
    return None


def _find(file: BinaryIO, size: int, header: str, wanted: bytes, first: int) -> Promise | None:
    for name, start, length in _chunks(file, size, header, first):
        if name == wanted:
            return Promise(length, size - start)
    return None


def _chunks(file: BinaryIO, size: int, header: str, first: int) -> Iterator[tuple[bytes, int, int]]:
    """Yield (name, start of the content, length as promised) of each chunk."""
    position, width = first, struct.calcsize(header)
    for _ in range(_MOST_CHUNKS):
        file.seek(position)
        head = file.read(width)
        if len(head) < width:
            return
        name, length = struct.unpack(header, head)
        position += width
        yield name, position, length
        # Chunks of the RIFF and IFF families are padded to an even length; CAF's are not.
        position += length + (length & 1 if width == 8 else 0)
        if length < 0 or position > size:
            return


def _ogg_is_whole(file: BinaryIO) -> bool:
    """Tell whether an Ogg file ends with a complete page that is marked as the last."""
    file.seek(0)
    if file.read(4) != b"OggS":
        return True
    size = file.seek(0, os.SEEK_END)
    # No page is longer than 27 + 255 + 255*255 bytes.
    file.seek(max(size - 65_307, 0))
    tail = file.read()
    page = tail[tail.rfind(b"OggS") :]
    if len(page) < 27 or len(page) < 27 + page[26]:
        return False
    length = 27 + page[26] + sum(page[27 : 27 + page[26]])
    return len(page) >= length and bool(page[5] & 4)


def narrow_to_wav(path: Path) -> bool:
    """Turn an RF64 file into the WAV that it would be, unless it is too long; tell whether it is.

    The chunk of 64-bit sizes becomes one that readers pass over (EBU Tech 3306, section 3.1).
    """
    with path.open("r+b") as file:
        size = file.seek(0, os.SEEK_END)
        if size > LARGEST_32_BIT:
            return False
        file.seek(0)
        if file.read(4) != b"RF64":
            return True
        for name, start, length in list(_chunks(file, size, "<4sI", 12)):
            if name == b"ds64":
                file.seek(start)
                samples = struct.unpack("<QQ", file.read(16))[1]
                file.seek(start - 8)
                file.write(b"JUNK")
                file.seek(start)
                file.write(bytes(length))
            if name == b"data":
                file.seek(start - 4)
                file.write(struct.pack("<I", samples))
        file.seek(0)
        file.write(struct.pack("<4sI", b"RIFF", size - 8))
    return True
