"""Outputs that are directories: written to the disk, and put in the place of others, whole."""

from __future__ import annotations

import ctypes
import json
import os
import shutil
from contextlib import suppress
from pathlib import Path

__all__ = ["is_array", "is_store", "remove", "swap", "sync", "sync_tree"]

# What lies in every directory that Zarr makes.
_MARKS = ("zarr.json", ".zarray", ".zgroup")

# Of Linux's renameat2: relative to the current directory, and the two names change places.
_HERE, _EXCHANGE = -100, 2


def is_store(path: Path) -> bool:
    """Tell whether a directory is an array or a group of Zarr."""
    return path.is_dir() and any((path / mark).exists() for mark in _MARKS)


def is_array(path: Path) -> bool:
    """Tell whether a directory is an array of Zarr, and not a group of them."""
    if (path / ".zarray").is_file():
        return True
    with suppress(OSError, ValueError, AttributeError):
        header = json.loads((path / "zarr.json").read_text(encoding="utf-8"))
        return bool(header.get("node_type") == "array")
    return False


def sync_tree(path: Path) -> None:
    """Flush all files of a directory to the disk, and then the directories."""
    for directory, _, files in os.walk(path, topdown=False):
        for name in files:
            sync(Path(directory, name))
        # Not every system lets a directory be opened.
        with suppress(OSError):
            sync(Path(directory))


def sync(path: Path) -> None:
    """Flush a file, or the names in a directory, to the disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def swap(fresh: Path, target: Path) -> None:
    """Put a directory in the place of another, which then lies where it did.

    On Linux nobody ever sees neither of them; elsewhere there is a moment without a target.
    """
    if _exchanged(fresh, target):
        return
    aside = fresh.with_name(f"{fresh.name}.old")
    target.rename(aside)
    try:
        fresh.rename(target)
    except BaseException:
        aside.rename(target)
        raise
    aside.rename(fresh)


def _exchanged(one: Path, other: Path) -> bool:
    # Not in every C library, and not of every file system.
    with suppress(AttributeError, OSError):
        rename = ctypes.CDLL(None, use_errno=True).renameat2
        return bool(rename(_HERE, os.fsencode(one), _HERE, os.fsencode(other), _EXCHANGE) == 0)
    return False


def remove(path: Path) -> None:
    """Remove a file or a directory that may not be there."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)
