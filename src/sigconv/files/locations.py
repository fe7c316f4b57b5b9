"""Where samples lie: in a file of their own, or in one of the arrays of a file."""

from __future__ import annotations

import re
from pathlib import Path

__all__ = ["full_suffix", "joined", "name_of", "split"]

# An HDF5 file, and behind a colon the dataset in it.
_HDF5 = re.compile(r"(.+\.(?:h5|hdf5))(?::(.*))?", re.IGNORECASE | re.DOTALL)


def split(path: Path) -> tuple[Path, str]:
    """Return the file or the directory, and the place of an array in it, "" if none is named.

    >>> [
    ...     (str(file), inner)
    ...     for file, inner in map(
    ...         split, map(Path, ("brain.nii.gz", "scan.h5:/raw/first", "scan.h5", "cells.zarr/0"))
    ...     )
    ... ]
    [('brain.nii.gz', ''), ('scan.h5', 'raw/first'), ('scan.h5', ''), ('cells.zarr', '0')]
    """
    found = _HDF5.fullmatch(str(path))
    if found:
        return Path(found[1]), (found[2] or "").strip("/")
    for place in (path, *path.parents):
        if place.suffix.lower() == ".zarr":
            inner = path.relative_to(place)
            return place, "" if inner == Path() else inner.as_posix()
    return path, ""


def joined(file: Path, inner: str) -> Path:
    """Return the path that `split` takes apart."""
    if not inner:
        return file
    return file / inner if file.suffix.lower() == ".zarr" else Path(f"{file}:/{inner}")


def full_suffix(path: Path) -> str:
    """Return the suffix in lower case, with the one before it where the last is ``.gz``.

    >>> full_suffix(Path("brain.v2.nii.gz")), full_suffix(Path("a.b.WAV"))
    ('.nii.gz', '.wav')
    """
    suffixes = split(path)[0].suffixes
    return "".join(suffixes[-2:] if suffixes[-1:] in ([".gz"], [".GZ"]) else suffixes[-1:]).lower()


def name_of(path: Path) -> str:
    """Return what an output of the same name is called in another directory.

    >>> name_of(Path("a/scan.h5:/raw")), name_of(Path("a/cells.zarr/0"))
    ('scan.h5:/raw', 'cells.zarr')
    """
    file, inner = split(path)
    return (
        file.name if file.suffix.lower() == ".zarr" else joined(Path(file.name), inner).as_posix()
    )
