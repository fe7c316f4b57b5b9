"""Audio files: what they hold, and what results are stored as."""

from __future__ import annotations

from math import prod
from pathlib import Path
from typing import NoReturn

from sigconv.errors import DTypeError, OptionError, TargetError
from sigconv.files import encodings
from sigconv.files.audio_streams import AudioSource
from sigconv.files.description import Description, DType, check_readable, source_problem
from sigconv.files.headers import check_promise, largest
from sigconv.files.libsndfile import errors, reason, soundfile
from sigconv.files.locations import full_suffix

__all__ = ["SUFFIXES", "check_working", "describe", "load", "target_description"]

Array = encodings.Array

# The container that a suffix names, then the others that it may hold.
SUFFIXES = {
    ".wav": ("WAV", "WAVEX", "RF64"),
    ".flac": ("FLAC",),
    ".ogg": ("OGG",),
    ".aiff": ("AIFF",),
    ".aif": ("AIFF",),
    ".caf": ("CAF",),
    ".au": ("AU",),
    ".rf64": ("RF64",),
}

# A FLAC block of silence, the densest there is, packs 65535 frames into some ten bytes.
_MOST_FRAMES_PER_BYTE = 1 << 16


def describe(path: Path) -> Description:
    """Return what the audio file at `path` holds, having checked its header against its size."""
    size = check_readable(path)
    expected = SUFFIXES[full_suffix(path)]
    try:
        info = soundfile().info(str(path))
    except errors() as error:
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


def _not_audio(path: Path, name: str, error: Exception) -> NoReturn:
    raise source_problem(
        path,
        f"not a readable {name} file (libsndfile: {reason(error)}).",
        "Check that it is what its name says and that it is whole.",
    ) from error


def _suffix_of(container: str) -> str:
    return next((s for s, formats in SUFFIXES.items() if container in formats), "its own suffix")


def load(description: Description) -> Array:
    """Return all samples of an audio file as floats of shape (frames, channels)."""
    with AudioSource(description, description.working) as source:
        return source[:, :]


def target_description(
    source: Description,
    target: Path,
    frames_channels: tuple[int, int],
    dtype: DType,
    subtype: str | None = None,
) -> Description:
    """Return what an audio file of results at `target` will be.

    The container is the suffix's, the encoding `subtype`, or the source's where the container takes
    it. Floats stay floats, in the precision of `dtype`. WAV beyond 4 GB becomes RF64.
    """
    available = soundfile().available_subtypes
    container = SUFFIXES[full_suffix(target)][0]
    if full_suffix(target) == full_suffix(source.path):
        container = source.format
    wanted = encodings.wanted_subtype(source.encoding, dtype)
    default = soundfile().default_subtype(container)
    able = tuple(
        name
        for name in available(container)
        if name in encodings.KNOWN and soundfile().check_format(container, name)
    )
    if subtype is not None and subtype not in able:
        raise OptionError(
            f"{target}: no {container} is written with subtype {subtype!r}. Subtypes: "
            f"{', '.join(able)}."
        )
    encoding = subtype or encodings.choose_subtype(wanted, able, default)
    nbytes = prod(frames_channels) * encodings.stored_dtype(encoding).itemsize
    most = largest(container)
    if most is not None and nbytes > most:
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


def check_working(dtype: DType, target: Path) -> None:
    """Raise DTypeError when audio cannot be computed in `dtype`."""
    if dtype not in encodings.FLOATS.values():
        raise DTypeError(
            f"{target}: audio is computed in float32 or float64; got dtype {dtype}. "
            "Pass one of these, or leave it out."
        )
