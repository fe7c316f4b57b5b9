"""Audio through a pipe: samples that come once, and samples that cannot be taken back."""

from __future__ import annotations

import hashlib
import select
from dataclasses import dataclass, field
from io import BytesIO
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import numpy.typing as npt

from sigconv.errors import OptionError
from sigconv.files import encodings
from sigconv.files.description import Description, DType, source_problem
from sigconv.files.libsndfile import errors, reason, soundfile
from sigconv.files.settings import Settings
from sigconv.files.stream_headers import (
    CONTAINERS,
    RAW,
    Stream,
    read_header,
    write_header,
)

__all__ = ["PLANNED_FRAMES", "Pipe", "PipeFile", "PipeSource", "describe_pipe", "outgoing"]

Array = npt.NDArray[Any]

# Bytes that are read at a time of what is not wanted.
_DRAINED = 1 << 16

PLANNED_FRAMES = 1 << 22
"""The frames that a stream is planned for whose length is not known; it may have more or fewer."""


@dataclass(slots=True)
class Pipe:
    """One end of a pipe.

    Attributes
    ----------
    file : binary file
        What is read, or written to; it need not be able to seek.
    name : str
        What errors call it.
    digest : hashlib hash
        The SHA-256 of the bytes that went through so far.
    is_begun : bool
        Whether something has been written.
    """

    file: BinaryIO
    name: str
    digest: Any = field(default_factory=hashlib.sha256)
    is_begun: bool = False

    def read(self, count: int) -> bytes:
        """Return the next bytes, fewer than `count` only at the end."""
        parts, left = list[bytes](), count
        while left:
            # Files without a buffer read what is there, and None where nothing is yet.
            part = self.file.read(left)
            if part is None:
                select.select([self.file], [], [])
                continue
            if not part:
                break
            parts.append(part)
            left -= len(part)
        data = parts[0] if len(parts) == 1 else b"".join(parts)
        self.digest.update(data)
        return data

    def drain(self) -> None:
        """Read to the end, so that who writes is not cut off."""
        while self.read(_DRAINED):
            pass

    def write(self, data: bytes) -> None:
        """Write all of the bytes."""
        rest = memoryview(data)
        self.is_begun = self.is_begun or bool(data)
        while rest:
            # Files without a buffer take a part, and None where they can take nothing yet.
            try:
                count = self.file.write(rest)
            except BlockingIOError as error:
                count = error.characters_written
            if not count:
                select.select([], [self.file], [])
            rest = rest[count or 0 :]
        self.digest.update(data)

    def flush(self) -> None:
        """Pass on what has been written."""
        self.file.flush()


def describe_pipe(pipe: Pipe, settings: Settings) -> tuple[Description, Stream]:
    """Return what comes through a pipe, whose header is read if it has one.

    Raises
    ------
    SourceError
        The header is missing, cut, or of nothing that a pipe carries.
    OptionError
        Samples without a header whose rate or channels are not told.
    """
    path = Path(pipe.name)
    if settings.raw is None:
        try:
            # What is read of a header counts as read of the pipe.
            stream = read_header(pipe)
        except ValueError as error:
            raise source_problem(
                path,
                f"no header of WAV or AU ({error}).",
                "Pipe one of these, or name the format of samples without header: --raw f32le "
                "--rate 48kHz --channels 2.",
            ) from None
    else:
        subtype, endian = _raw(settings.raw)
        if settings.rate is not None and settings.rate != round(settings.rate):
            raise OptionError(
                f"audio has a whole number of samples a second; got {settings.rate:g}."
            )
        if settings.rate is None or settings.channels is None:
            raise OptionError(
                f"{pipe.name}: raw samples do not tell their rate and channels; got "
                f"rate={settings.rate} and channels={settings.channels}. Give both: --rate 48kHz "
                "--channels 2."
            )
        stream = Stream("raw", subtype, endian, round(settings.rate), settings.channels)
    about = Description(
        path=path,
        kind="audio",
        format=stream.container,
        encoding=stream.subtype,
        shape=(_frames(stream), stream.channels),
        dtype=encodings.stored_dtype(stream.subtype),
        axes=(0,),
        axis_names=("frames", "channels"),
        rate=float(stream.rate),
    )
    return about, stream


def _frames(stream: Stream) -> int:
    """Return the frames that are promised, or those that are planned for."""
    return PLANNED_FRAMES if stream.promised is None else stream.promised // stream.frame_bytes


def _raw(name: str) -> tuple[str, str]:
    if name not in RAW:
        raise OptionError(f"raw must be one of {', '.join(RAW)}; got {name!r}.")
    return RAW[name]


def outgoing(source: Description, settings: Settings, dtype: DType) -> Stream:
    """Return what results of `source` are written to a pipe as.

    That is a WAV stream, or AU where the source is, in the source's encoding or the nearest one;
    samples alone if that is asked for.
    """
    rate, channels = round(source.rate or 0), source.shape[1]
    if settings.raw is not None:
        subtype, endian = _raw(settings.raw)
        if settings.subtype not in (None, subtype):
            raise OptionError(
                f"raw {settings.raw} is {subtype}; got subtype {settings.subtype}. Leave one out."
            )
        return Stream("raw", subtype, endian, rate, channels)
    container = "AU" if source.format == "AU" else "WAV"
    able = CONTAINERS[container]
    if settings.subtype is not None and settings.subtype not in able:
        raise OptionError(
            f"no {container} stream is written with subtype {settings.subtype!r}. Subtypes: "
            f"{', '.join(able)}."
        )
    wanted = encodings.wanted_subtype(source.encoding, dtype)
    subtype = settings.subtype or encodings.choose_subtype(wanted, able, "PCM_16")
    return Stream(container, subtype, "BIG" if container == "AU" else "LITTLE", rate, channels)


class PipeSource:
    """The samples of a pipe, sliced like an array as far as they are held.

    Frames are held until they are let go of; `shape` has as many as will have come.

    Parameters
    ----------
    pipe : Pipe
        What is read, behind its header.
    stream : Stream
        What comes.
    dtype : numpy.dtype
        float32 or float64.
    """

    def __init__(self, pipe: Pipe, stream: Stream, dtype: DType) -> None:
        self._pipe, self._stream = pipe, stream
        self.shape = (_frames(stream), stream.channels)
        self.dtype = dtype
        self.ndim = 2
        self.frames: int | None = None
        self._from, self._to = 0, 0
        self._blocks: list[Array] = []

    def reaches(self, stop: int, keep: int) -> int | None:
        """Read up to frame `stop`, let go of those before `keep`; return the length once known."""
        self._drop(keep)
        while self.frames is None and self._to < stop:
            self._read(stop - self._to)
        return self.frames

    def _drop(self, keep: int) -> None:
        while self._blocks and self._from + len(self._blocks[0]) <= keep:
            self._from += len(self._blocks.pop(0))

    def _read(self, count: int) -> None:
        size = self._stream.frame_bytes
        promised = self._stream.promised
        wanted = count if promised is None else min(count, self.shape[0] - self._to)
        data = self._pipe.read(wanted * size)
        frames, rest = divmod(len(data), size)
        if frames < wanted:
            if promised is not None:
                got = self._to * size + len(data)
                self._cut(f"the header promises {promised} bytes of samples, {got} came")
            if rest:
                self._cut(f"it ends within frame {self._to + frames}, after {rest} of {size} bytes")
        if frames:
            self._blocks.append(self._decode(data))
            self._to += frames
        if frames < count:
            self.frames = self._to
            # What may follow the samples that were promised.
            self._pipe.drain()

    def _cut(self, problem: str) -> None:
        raise source_problem(
            Path(self._pipe.name),
            f"{problem}: it is truncated.",
            "See what ended the program that writes it.",
        )

    def _decode(self, data: bytes) -> Array:
        stream = self._stream
        try:
            samples, _ = soundfile().read(
                BytesIO(data),
                dtype=self.dtype.name,
                always_2d=True,
                samplerate=stream.rate,
                channels=stream.channels,
                format="RAW",
                subtype=stream.subtype,
                endian=stream.endian,
            )
        except errors() as error:
            raise source_problem(
                Path(self._pipe.name),
                f"cannot be decoded after frame {self._to} ({reason(error)}).",
                "Check the format that it has.",
            ) from error
        decoded: Array = samples
        return decoded

    def __getitem__(self, key: tuple[slice, ...]) -> Array:
        start, stop = key[0].start, key[0].stop
        if not self._from <= start <= stop <= self._to:
            raise AssertionError(f"frames {start} to {stop} of {self._from} to {self._to}")
        parts, first = [], self._from
        for block in self._blocks:
            low, high = max(start - first, 0), min(stop - first, len(block))
            if low < high:
                parts.append(block[low:high])
            first += len(block)
        if not parts:
            return np.empty((0, self.shape[1]), self.dtype)[:, key[1]]
        samples = parts[0] if len(parts) == 1 else np.concatenate(parts)
        return samples[:, key[1]]


class PipeFile:
    """What is written to a pipe, called as an open file of soundfile is."""

    def __init__(self, pipe: Pipe, stream: Stream) -> None:
        self._pipe, self._stream = pipe, stream
        pipe.write(write_header(stream))

    def buffer_write(self, samples: Array, dtype: str) -> None:
        """Encode samples and write them."""
        stream, encoded = self._stream, BytesIO()
        with soundfile().SoundFile(
            encoded,
            "w",
            stream.rate,
            stream.channels,
            stream.subtype,
            stream.endian,
            "RAW",
            closefd=False,
        ) as file:
            file.buffer_write(samples, dtype=dtype)
        self._pipe.write(encoded.getvalue())

    def flush(self) -> None:
        """Pass on what has been written."""
        self._pipe.flush()

    def close(self) -> None:
        """Pass on what has been written; the pipe stays open."""
        self._pipe.flush()
