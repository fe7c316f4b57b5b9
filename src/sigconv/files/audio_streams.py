"""Samples of audio files as streams: read ahead and encoded in the background."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from types import TracebackType
from typing import Any

import numpy as np
import numpy.typing as npt

from sigconv.errors import NonFiniteError, TargetError
from sigconv.files import encodings
from sigconv.files.description import Description, DType, source_problem
from sigconv.files.headers import largest
from sigconv.files.libsndfile import errors, reason, soundfile

__all__ = ["AudioSink", "AudioSource"]

Array = npt.NDArray[Any]

# Frames to encode in one call; libsndfile's Vorbis encoder overflows the stack on millions.
_BLOCK = 1 << 16


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
        self._file = soundfile().SoundFile(str(self.path))
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
        except errors() as error:
            raise source_problem(
                self.path,
                f"cannot be decoded after frame {start} ({reason(error)}): it is corrupt.",
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


class AudioSink:
    """Audio that grows by blocks of float samples, encoded in the background.

    Parameters
    ----------
    description : Description
        What it shall be, as `target_description` gives it.
    target : Path or PipeFile
        Where it goes: a file to be made, or what is open already. It is closed in the end.
    dither : bool
        Whether triangular noise, the same in every run, is added before samples are rounded.

    Attributes
    ----------
    levels : Levels
        The peak and the clipped samples of what has been written.
    """

    def __init__(
        self, description: Description, target: Path | Any, *, dither: bool = False
    ) -> None:
        self._noise = np.random.default_rng(0) if dither else None
        self.levels = encodings.Levels()
        self._width = encodings.stored_dtype(description.encoding).itemsize
        self._about = description
        self._pool = ThreadPoolExecutor(1, thread_name_prefix="sigconv-write")
        self._pending: Future[None] | None = None
        self._is_file = isinstance(target, Path)
        self._file = _made(description, target) if isinstance(target, Path) else target

    def write(self, samples: Array) -> None:
        """Append `samples`, of shape (frames, channels); they must not change afterwards."""
        if not self._is_file:
            # A thread that waits for whoever reads a pipe could not be ended.
            self._encode(samples)
            return
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
        numbers, clipped = encodings.quantise(samples, self._about.encoding, self._noise)
        self.levels.clipped += clipped
        numbers = np.ascontiguousarray(numbers)
        self._check_size()
        self._calling(self._file.buffer_write, numbers, dtype=numbers.dtype.name)

    def _check_size(self) -> None:
        """Refuse what a header cannot tell, of audio whose length was not known ahead."""
        most, nbytes = largest(self._about.format), self.levels.samples * self._width
        if most is not None and nbytes > most:
            raise TargetError(
                f"{self._about.path}: {self._about.format} holds at most 4 GB. Name an output that "
                "ends in .caf or .rf64."
            )

    def _calling(self, function: Callable[..., object], *arguments: Any, **keywords: Any) -> None:
        try:
            function(*arguments, **keywords)
        except (RuntimeError, AssertionError) as error:
            # soundfile only asserts that everything was taken.
            why = reason(error) or "the disk took only a part of it"
            raise TargetError(
                f"{self._about.path}: writing failed ({why}). Check the space on its disk."
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
            # What is left for a pipe whose reader stalls could not be got rid of.
            if kind is None or self._is_file:
                self._calling(self._file.close)


def _made(description: Description, path: Path) -> Any:
    """Return a new file to write audio to."""
    try:
        return soundfile().SoundFile(
            str(path),
            "w",
            int(description.rate or 0),
            description.shape[1],
            description.encoding,
            format=description.format,
        )
    except errors() as error:
        raise TargetError(
            f"{description.path}: cannot be made as {description.format} of "
            f"{description.shape[1]} channels of {description.encoding} at "
            f"{description.rate:g} Hz ({reason(error)}). Check the "
            "disk, or name an output of another format, such as .wav."
        ) from error
