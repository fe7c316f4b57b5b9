"""Audio files, read and written block by block through libsndfile."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from math import prod
from pathlib import Path
from types import ModuleType, TracebackType
from typing import Any, NoReturn

import numpy as np

from sigconv.core.optional import require
from sigconv.errors import DTypeError, NonFiniteError
from sigconv.files import encodings
from sigconv.files.atomic import TargetError, full_suffix
from sigconv.files.description import Description, DType, check_readable, source_problem
from sigconv.files.headers import check_promise

__all__ = ["SUFFIXES", "AudioSink", "AudioSource", "describe", "load", "target_description"]

Array = encodings.Array

# The container that a suffix names, then the others that it may hold.
SUFFIXES = {
    ".wav": ("WAV", "WAVEX", "RF64"),
    ".rf64": ("RF64",),
    ".flac": ("FLAC",),
    ".ogg": ("OGG",),
    ".aiff": ("AIFF",),
    ".aif": ("AIFF",),
    ".caf": ("CAF",),
    ".au": ("AU",),
}

# A FLAC block of silence, the densest there is, packs 65535 frames into some ten bytes.
_MOST_FRAMES_PER_BYTE = 1 << 16

# Frames to encode in one call; libsndfile's Vorbis encoder overflows the stack on millions.
_BLOCK = 1 << 16

# Above this many bytes of samples the 32-bit sizes of a header no longer hold.
LARGEST_32_BIT = 0xFFFFFFFF - 4096
_SIZED_32_BIT = ("WAV", "WAVEX", "AIFF", "AU")


def _soundfile() -> ModuleType:
    return require("soundfile", "audio")


def describe(path: Path) -> Description:
    """Return what the audio file at `path` holds, having checked its header against its size."""
    size = check_readable(path)
    expected = SUFFIXES[full_suffix(path)]
    try:
        info = _soundfile().info(str(path))
    except _errors() as error:
        _not_audio(path, expected[0], error)
    if info.format == "RAW":
        _not_audio(path, expected[0], ValueError("it has no header"))
    if info.format not in expected:
        raise source_problem(
            path,
            f"the name says {expected[0]}, the content is {info.format}.",
            f"Rename it to end in {_suffix_of(info.format)}, or convert it.",
        )
    # libsndfile reports unknown lengths as 0 or as an enormous number.
    if not 0 <= info.frames < size * _MOST_FRAMES_PER_BYTE or info.samplerate < 1:
        raise source_problem(
            path,
            f"the header makes no sense: {info.frames} frames at {info.samplerate} Hz in {size} "
            "bytes.",
            "Write it again.",
        )
    check_promise(path, info.frames)
    return Description(
        path=path,
        kind="audio",
        format=info.format,
        encoding=info.subtype,
        shape=(info.frames, info.channels),
        dtype=encodings.stored_dtype(info.subtype),
        axes=(0,),
        axis_names=("frames", "channels"),
        rate=float(info.samplerate),
    )


def _errors() -> tuple[type[Exception], ...]:
    # libsndfile's own errors are RuntimeErrors; an unopenable file raises OSError.
    return (_soundfile().LibsndfileError, RuntimeError, OSError, TypeError)


def _not_audio(path: Path, name: str, error: Exception) -> NoReturn:
    reason = str(getattr(error, "error_string", error)).rstrip(".")
    raise source_problem(
        path,
        f"not a readable {name} file (libsndfile: {reason}).",
        "Check that it is what its name says and that it is whole.",
    ) from error


def _suffix_of(container: str) -> str:
    return next((s for s, formats in SUFFIXES.items() if container in formats), "its own suffix")


def load(description: Description) -> Array:
    """Return all samples of an audio file as floats of shape (frames, channels)."""
    with AudioSource(description, description.working) as source:
        return source[:, :]


class AudioSource:
    """Samples of an audio file, sliced like an array and read ahead in the background.

    Only slices of step 1 are served. Frames that were part of the last slice are not read again;
    the frames after it are read while the caller computes.

    Parameters
    ----------
    description : Description
        An audio file.
    dtype : numpy.dtype
        float32 or float64.
    """

    def __init__(self, description: Description, dtype: DType) -> None:
        self.path = description.path
        self.shape = description.shape
        self.dtype = dtype
        self.ndim = 2
        self._file = _soundfile().SoundFile(str(self.path))
        self._pool = ThreadPoolExecutor(1, thread_name_prefix="sigconv-read")
        self._held_from = 0
        self._held: Array = np.empty((0, self.shape[1]), dtype)
        self._ahead: Future[Array] | None = None

    def __getitem__(self, key: slice | tuple[slice, ...]) -> Array:
        slices = key if isinstance(key, tuple) else (key,)
        start, stop, _ = slices[0].indices(self.shape[0])
        samples = self._frames(start, max(start, stop))
        return samples[(slice(None), *slices[1:])]

    def _frames(self, start: int, stop: int) -> Array:
        held_to = self._held_from + len(self._held)
        if self._held_from <= start and stop <= held_to:
            return self._held[start - self._held_from : stop - self._held_from]
        fresh = stop - max(start, held_to)
        self._hold(start, stop)
        held_to = start + len(self._held)
        coming = min(held_to + fresh, self.shape[0])
        if coming > held_to:
            self._ahead = self._pool.submit(self._read_new, held_to, coming)
        return self._held[: stop - start]

    def _hold(self, start: int, stop: int) -> None:
        """Hold the frames from `start` to `stop`, and beyond where they have been read already."""
        held_from, held_to, ahead = self._held_from, self._held_from + len(self._held), None
        if self._ahead is not None:
            ahead, self._ahead = self._ahead.result(), None
        # From here on nothing runs in the background: this thread may use the file.
        known = [] if ahead is None else [ahead]
        known_to = held_to + sum(map(len, known))
        if not held_from <= start < known_to:
            known, known_to = [], start
        elif start < held_to:
            known.insert(0, self._held[start - held_from :])
        else:
            known = [known[0][start - held_to :]]
        samples: Array = np.empty((max(stop, known_to) - start, self.shape[1]), self.dtype)
        filled = 0
        for block in known:
            samples[filled : filled + len(block)] = block
            filled += len(block)
        if filled < len(samples):
            self._read(start + filled, samples[filled:])
        self._held, self._held_from = samples, start

    def _read_new(self, start: int, stop: int) -> Array:
        samples: Array = np.empty((stop - start, self.shape[1]), self.dtype)
        self._read(start, samples)
        return samples

    def _read(self, start: int, samples: Array) -> None:
        try:
            if self._file.tell() != start:
                self._file.seek(start)
            count = self._file.buffer_read_into(samples, dtype=self.dtype.name)
        except _errors() as error:
            raise source_problem(
                self.path,
                f"cannot be decoded after frame {start} ({str(error).rstrip('.')}): it is corrupt.",
                "Fetch or write it again.",
            ) from error
        if count < len(samples):
            raise source_problem(
                self.path,
                f"the header promises {self.shape[0]} frames, only {start + count} can be read: "
                "it is truncated or corrupt.",
                "Fetch or write it again.",
            )

    def __enter__(self) -> AudioSource:
        return self

    def __exit__(self, *_: object) -> None:
        self._pool.shutdown(wait=True, cancel_futures=True)
        self._file.close()


def target_description(
    source: Description, target: Path, frames_channels: tuple[int, int], dtype: DType
) -> Description:
    """Return what an audio file of results at `target` will be.

    The container is the suffix's, the encoding the source's where the container takes it. Floats
    stay floats, in the precision of `dtype`. WAV beyond 4 GB becomes RF64.
    """
    available = _soundfile().available_subtypes
    container = SUFFIXES[full_suffix(target)][0]
    if full_suffix(target) == full_suffix(source.path):
        container = source.format
    wanted = source.encoding
    if encodings.is_float(wanted):
        wanted = "DOUBLE" if dtype == np.float64 else "FLOAT"
    default = _soundfile().default_subtype(container)
    encoding = encodings.choose_subtype(wanted, tuple(available(container)), default)
    nbytes = prod(frames_channels) * encodings.stored_dtype(encoding).itemsize
    if container in _SIZED_32_BIT and nbytes > LARGEST_32_BIT:
        if container not in ("WAV", "WAVEX"):
            raise TargetError(
                f"{target}: {container} holds at most 4 GB, these results need {nbytes} bytes. "
                "Name an output that ends in .caf or .rf64."
            )
        container = "RF64"
    return Description(
        path=target,
        kind="audio",
        format=container,
        encoding=encoding,
        shape=frames_channels,
        dtype=encodings.stored_dtype(encoding),
        axes=(0,),
        axis_names=source.axis_names,
        rate=source.rate,
    )


class AudioSink:
    """An audio file that grows by blocks of float samples, encoded in the background.

    Parameters
    ----------
    description : Description
        What the file shall be, as `target_description` gives it.
    path : Path
        Where to write it.

    Attributes
    ----------
    levels : Levels
        The peak and the clipped samples of what has been written.
    """

    def __init__(self, description: Description, path: Path) -> None:
        self.levels = encodings.Levels()
        self._about = description
        self._pool = ThreadPoolExecutor(1, thread_name_prefix="sigconv-write")
        self._pending: Future[None] | None = None
        try:
            self._file: Any = _soundfile().SoundFile(
                str(path),
                "w",
                int(description.rate or 0),
                description.shape[1],
                description.encoding,
                format=description.format,
            )
        except _errors() as error:
            raise TargetError(
                f"{description.path}: cannot be made as {description.format} of "
                f"{description.shape[1]} channels of {description.encoding} at "
                f"{description.rate:g} Hz ({getattr(error, 'error_string', error)}). Check the "
                "disk, or name an output of another format, such as .wav."
            ) from error

    def write(self, samples: Array) -> None:
        """Append `samples`, of shape (frames, channels); they must not change afterwards."""
        self._wait()
        self._pending = self._pool.submit(self._encode, samples)

    def _wait(self) -> None:
        if self._pending is not None:
            pending, self._pending = self._pending, None
            pending.result()

    def _encode(self, samples: Array) -> None:
        for start in range(0, len(samples), _BLOCK):
            self._encode_block(samples[start : start + _BLOCK])
        # The disk works while the next block is computed, instead of all at the end.
        self._calling(self._file.flush)

    def _encode_block(self, samples: Array) -> None:
        first = self.levels.samples // self._about.shape[1]
        self.levels.add(samples)
        if not np.isfinite(self.levels.peak) and not encodings.is_float(self._about.encoding):
            bad = ~np.isfinite(samples)
            frame = first + int(np.flatnonzero(bad.any(axis=1))[0])
            raise NonFiniteError(
                f"{self._about.path}: {self._about.encoding} cannot store {samples[bad][0]}, first "
                f"at frame {frame} ({frame / (self._about.rate or 1):.3f} s). Write a float "
                "format, or repair the input or the kernel."
            )
        numbers, clipped = encodings.quantise(samples, self._about.encoding)
        self.levels.clipped += clipped
        numbers = np.ascontiguousarray(numbers)
        self._calling(self._file.buffer_write, numbers, dtype=numbers.dtype.name)

    def _calling(self, function: Callable[..., object], *arguments: Any, **keywords: Any) -> None:
        try:
            function(*arguments, **keywords)
        except (RuntimeError, AssertionError) as error:
            # soundfile only asserts that everything was taken.
            reason = getattr(error, "error_string", "") or "the disk took only a part of it"
            raise TargetError(
                f"{self._about.path}: writing failed ({reason.rstrip('.')}). Check the space on "
                "its disk."
            ) from error

    def __enter__(self) -> AudioSink:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        try:
            if kind is None:
                self._wait()
        finally:
            self._pool.shutdown(wait=True, cancel_futures=True)
            self._calling(self._file.close)


def check_working(dtype: DType, target: Path) -> None:
    """Raise DTypeError when audio cannot be computed in `dtype`."""
    if dtype not in encodings.FLOATS.values():
        raise DTypeError(
            f"{target}: audio is computed in float32 or float64; got dtype {dtype}. "
            "Pass one of these, or leave it out."
        )
