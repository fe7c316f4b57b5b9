"""What a file holds, said before any sample is read."""

from __future__ import annotations

import stat
import struct
import zlib
from dataclasses import dataclass
from math import prod
from pathlib import Path
from typing import Any, Literal, NamedTuple

import numpy as np

from sigconv.errors import SourceError

__all__ = [
    "DECODING_ERRORS",
    "MOST_PACKED",
    "DType",
    "Description",
    "Kind",
    "Layout",
    "Stored",
    "check_readable",
    "described_array",
    "source_problem",
    "working_dtype",
]

MOST_PACKED = 1 << 16
"""How many times as many bytes compression may promise; what promises more is a bomb."""

# Axes that are convolved only if they are named.
BATCH_NAMES = ("t", "time", "c", "ch", "channel", "channels")

Kind = Literal["audio", "array", "volume", "image"]
DType = np.dtype[Any]

# What the libraries of the formats raise on a header or on samples that make no sense.
DECODING_ERRORS: tuple[type[Exception], ...] = (
    OSError,
    EOFError,
    ValueError,
    TypeError,
    LookupError,
    AttributeError,
    ArithmeticError,
    AssertionError,
    RuntimeError,
    SyntaxError,
    MemoryError,
    struct.error,
    zlib.error,
)


@dataclass(frozen=True, slots=True)
class Description:
    """A file's samples and how they are convolved.

    Attributes
    ----------
    path : Path
        The file.
    kind : {"audio", "array", "volume", "image"}
        What the samples are; it decides the default mode.
    format : str
        The container, such as ``"WAV"`` or ``"NIfTI-1"``.
    encoding : str
        How the container stores samples, such as ``"PCM_16"``.
    shape : tuple of int
        The array's shape; audio is (frames, channels).
    dtype : numpy.dtype
        The stored samples; where a format scales them, the dtype before scaling.
    axes : tuple of int
        The axes that are convolved; every other one is a batch axis.
    axis_names : tuple of str
        A name for each axis, in array order: NIfTI is x, y, z and TIFF z, y, x.
    rate : float or None
        Samples per second, of audio.
    spacing : tuple of float or None
        Millimetres per sample on each convolved axis, of volumes.
    scaling : (float, float) or None
        The slope and the intercept that turn stored values into real ones.
    notes : tuple of str
        What is odd about the header, and how it was read.
    unstored : str
        What of the samples is not stored and would read as a fill value, in words.
    chunk_bytes : int
        The bytes of one chunk of an array that is stored in chunks, as it is unpacked.
    """

    path: Path
    kind: Kind
    format: str
    encoding: str
    shape: tuple[int, ...]
    dtype: DType
    axes: tuple[int, ...]
    axis_names: tuple[str, ...]
    rate: float | None = None
    spacing: tuple[float, ...] | None = None
    scaling: tuple[float, float] | None = None
    notes: tuple[str, ...] = ()
    unstored: str = ""
    chunk_bytes: int = 0

    @property
    def labels(self) -> tuple[str | None, ...]:
        """The names of the axes, None for those that have but a number."""
        named = enumerate(self.axis_names)
        return tuple(None if name == f"axis {axis}" else name for axis, name in named)

    @property
    def working(self) -> DType:
        """The dtype of computation and result: the source's precision, integers in float32."""
        return working_dtype(self.dtype)

    @property
    def nbytes(self) -> int:
        """The bytes of the samples in the working dtype."""
        return prod(self.shape) * self.working.itemsize

    @property
    def seconds(self) -> float | None:
        """The duration of audio."""
        return self.shape[0] / self.rate if self.kind == "audio" and self.rate else None

    @property
    def default_mode(self) -> str:
        """``full`` for audio, whose tail is heard; ``same`` for arrays, volumes and images."""
        return "full" if self.kind == "audio" else "same"


@dataclass(frozen=True, slots=True)
class Layout:
    """The array of results that a file is made to hold.

    Attributes
    ----------
    shape : tuple of int
        Its shape.
    dtype : numpy.dtype
        Its dtype.
    origin : tuple of int
        For each axis, the source index at which its first sample lies.
    source : Description
        The file that it is made from, whose header is kept where the formats agree.
    """

    shape: tuple[int, ...]
    dtype: DType
    origin: tuple[int, ...]
    source: Description


class Stored(NamedTuple):
    """What of an array is not stored, in words, and the bytes of one chunk as it is unpacked."""

    unstored: str
    chunk_bytes: int


def described_array(
    path: Path,
    container: str,
    shape: tuple[int, ...],
    dtype: DType,
    labels: tuple[str | None, ...],
    store: Stored,
) -> Description:
    """Return the description of an array whose axes may have names."""
    axes = range(len(shape))
    names = tuple(label or f"axis {axis}" for axis, label in zip(axes, labels, strict=True))
    return Description(
        path=path,
        kind="array",
        format=container,
        encoding=dtype.name,
        shape=shape,
        dtype=dtype,
        axes=tuple(axis for axis in axes if names[axis].lower() not in BATCH_NAMES),
        axis_names=names,
        unstored=store.unstored,
        chunk_bytes=store.chunk_bytes,
    )


def working_dtype(stored: DType) -> DType:
    """Return the dtype that samples of dtype `stored` are convolved in.

    >>> [str(working_dtype(np.dtype(d))) for d in ("int16", ">f8", "bool", "c8")]
    ['float32', 'float64', 'float32', 'complex64']
    """
    return np.dtype(np.float32) if stored.kind in "biu" else stored.newbyteorder("=")


def source_problem(path: Path, problem: str, remedy: str) -> SourceError:
    """Return the error that says which file is at fault, how, and what to do."""
    return SourceError(f"{path}: {problem} {remedy}")


def check_readable(path: Path) -> int:
    """Return the size of the file in bytes, or raise SourceError when there is none to read."""
    try:
        status = path.stat()
        if stat.S_ISDIR(status.st_mode):
            raise source_problem(path, "is a directory.", "Name a file in it.")
        # Opening a named pipe waits for whoever writes to it, and nothing can be read twice.
        if not stat.S_ISREG(status.st_mode):
            raise source_problem(
                path, "is a pipe or a device, not a regular file.", "Copy it to a file first."
            )
        with path.open("rb"):
            pass
    except FileNotFoundError:
        raise source_problem(
            path, "no such file.", "Check the path, relative to the current directory."
        ) from None
    except SourceError:
        raise
    except ValueError as error:
        name = repr(str(path))
        raise SourceError(f"{name}: no file has such a name ({error}). Check the path.") from error
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        raise source_problem(path, f"{reason}.", "Choose a file that can be read.") from error
    if status.st_size == 0:
        raise source_problem(
            path, "the file is empty (0 bytes).", "Write it again, or fetch a whole copy."
        )
    return status.st_size
