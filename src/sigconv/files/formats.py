"""The file formats by suffix, each with the module that knows it."""

from __future__ import annotations

from contextlib import AbstractContextManager
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any, Protocol, cast

import numpy as np
import numpy.typing as npt

from sigconv.errors import OptionError, SourceError
from sigconv.files import audio
from sigconv.files.description import Description, DType, Kind, Layout, source_problem
from sigconv.files.locations import full_suffix

__all__ = [
    "FORMATS",
    "Format",
    "check_stored",
    "describe",
    "format_of",
    "load",
    "target_format",
]

Array = npt.NDArray[Any]


class Codec(Protocol):
    """What the module of a format offers."""

    def describe(self, path: Path) -> Description:
        """Return what the file holds, checked as far as its header goes."""

    def load(self, description: Description) -> Array:
        """Return the samples as stored; audio as floats."""

    def create(self, path: Path, layout: Layout) -> AbstractContextManager[Array]:
        """Yield an array to fill, which lies in the file at `path` when the block ends."""


@dataclass(frozen=True, slots=True)
class Format:
    """One file format.

    Attributes
    ----------
    name : str
        Its name for people.
    kind : {"audio", "array", "volume", "image"}
        What it holds.
    suffixes : tuple of str
        The suffixes it is known by, in lower case.
    module : str
        Where its `Codec` is.
    maps : bool
        Whether its samples are read and written in place, and take no memory.
    """

    name: str
    kind: Kind
    suffixes: tuple[str, ...]
    module: str
    maps: bool = False

    @property
    def codec(self) -> Codec:
        """The module that reads and writes it, imported at use."""
        return cast("Codec", import_module(f"sigconv.files.{self.module}"))


FORMATS = (
    Format("audio", "audio", tuple(audio.SUFFIXES), "audio"),
    Format("NumPy array", "array", (".npy",), "arrays", maps=True),
    Format("HDF5 dataset", "array", (".h5", ".hdf5"), "hdf5"),
    Format("Zarr array", "array", (".zarr",), "zarr_arrays"),
    Format("NIfTI volume", "volume", (".nii", ".nii.gz"), "volumes"),
    Format("TIFF image", "image", (".tif", ".tiff"), "images"),
)

# What results of each kind can be written as: the sample rate of audio and the place of a volume
# are not made up for a source that has none.
_TARGETS: dict[Kind, tuple[Kind, ...]] = {
    "audio": ("audio",),
    "array": ("array", "image"),
    "volume": ("volume", "array"),
    "image": ("image", "array"),
}


def format_of(path: Path) -> Format:
    """Return the format that the suffix of `path` names, or raise SourceError."""
    suffix = full_suffix(path)
    for form in FORMATS:
        if suffix in form.suffixes:
            return form
    known = " ".join(suffix for form in FORMATS for suffix in form.suffixes)
    said = f"the suffix {suffix!r} names no known format" if suffix else "the name has no suffix"
    raise SourceError(f"{path}: {said}. Known suffixes: {known}")


def target_format(target: Path, kind: Kind) -> Format:
    """Return the format to write results of a source of `kind` in, or raise OptionError."""
    try:
        form = format_of(target)
    except SourceError as error:
        raise OptionError(str(error)) from None
    if form.kind not in _TARGETS[kind]:
        suffixes = [s for f in FORMATS if f.kind in _TARGETS[kind] for s in f.suffixes]
        raise OptionError(
            f"{target}: results of {kind} files cannot be written as {form.name}. "
            f"Name an output that ends in {' '.join(suffixes)}"
        )
    return form


def describe(path: str | Path) -> Description:
    """Return what a file holds: its shape, sample type, convolved axes, rate and spacing.

    Parameters
    ----------
    path : path-like
        A file whose suffix is in `FORMATS`.

    Returns
    -------
    Description
        Known from the header alone, which has been checked against the size of the file.

    Raises
    ------
    SourceError
        The file is missing, truncated, corrupt or not what its name says.
    MissingDependencyError
        The format needs an extra that is not installed.
    """
    path = Path(path)
    return format_of(path).codec.describe(path)


def check_stored(description: Description, *, fill: bool = False) -> None:
    """Raise SourceError where a part of the samples is not stored, unless one wants it filled.

    A store may leave out chunks that hold nothing but its fill value; one that got lost looks as if
    it were such a chunk.
    """
    if description.unstored and not fill:
        raise source_problem(
            description.path,
            f"{description.unstored}, and would read as a fill value.",
            "Fetch or write it again; or, if it was written without what is empty, pass "
            "--missing-chunks fill (missing_chunks='fill').",
        )


def load(description: Description, dtype: DType | None = None, *, fill: bool = False) -> Array:
    """Return the samples that `describe` described.

    Parameters
    ----------
    description : Description
        A file.
    dtype : numpy.dtype, optional
        The dtype of samples that the format scales; its working dtype by default. All others
        come as they are stored, memory-mapped where the format allows it.
    fill : bool
        Whether what is not stored reads as the fill value.

    Returns
    -------
    ndarray
        Of the described shape.
    """
    check_stored(description, fill=fill)
    stored = format_of(description.path).codec.load(description)
    if description.scaling is None:
        return stored
    slope, intercept = description.scaling
    scaled = np.empty_like(stored, dtype or description.working, subok=False)
    wide = np.complex128 if stored.dtype.kind == "c" else np.float64
    with np.errstate(over="ignore", invalid="ignore"):
        for i in range(stored.shape[-1]):
            # In double precision, so that the values are rounded once.
            scaled[..., i] = stored[..., i].astype(wide) * slope + intercept
    return scaled
