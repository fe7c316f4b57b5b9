"""What of a Zarr array is stored: the files of its chunks, counted and measured.

Reading a chunk that is not there gives the fill value, and unpacking one may give more than memory
holds; the files themselves tell beforehand. References: the specifications of Zarr 2 and 3, and of
the sharding codec 1.0.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from math import prod
from pathlib import Path
from typing import Any

import numpy as np

from sigconv.files.description import MOST_PACKED, Stored, source_problem

__all__ = ["check_chunks"]

Index = tuple[int, ...]

# Bytes of an unpacked chunk that harm nobody.
_HARMLESS = 1 << 28

# Offset and length of an inner chunk that a shard does not hold, and the bytes of a checksum.
_NOTHING, _CHECKSUM = np.iinfo(np.uint64).max, 4


def check_chunks(path: Path, directory: Path, array: Any) -> Stored:
    """Return what is not stored of the array in a directory; refuse files that cannot be chunks.

    `path` is what errors call it.
    """
    whole = tuple(array.shards or array.chunks)
    nbytes = prod(whole) * np.dtype(array.dtype).itemsize
    grid = tuple(-(-n // c) for n, c in zip(array.shape, whole, strict=True))
    stored, inner = 0, 0
    for index, file in _files(directory, grid):
        stored += 1
        if array.shards:
            inner += _missing_in(path, index, file, array)
        else:
            _check_size(path, index, file.stat().st_size, nbytes, array)
    missing = prod(grid) - stored
    if missing:
        what = "shards" if array.shards else "chunks"
        return Stored(f"{missing} of its {prod(grid)} {what} are not stored", nbytes)
    chunks = prod(-(-n // c) for n, c in zip(array.shape, array.chunks, strict=True))
    return Stored(f"{inner} of its {chunks} chunks are not stored" if inner else "", nbytes)


def _files(directory: Path, grid: Index) -> Iterator[tuple[Index, Path]]:
    """Yield the chunks that have a file."""
    seen = set[Index]()
    walked = os.walk(directory, followlinks=True)
    for file in (Path(place, name) for place, _, names in walked for name in names):
        key = file.relative_to(directory).as_posix()
        index = _index(key, len(grid))
        inside = index is not None and all(i < n for i, n in zip(index, grid, strict=True))
        if index is not None and inside and index not in seen:
            seen.add(index)
            yield index, file


def _index(key: str, ndim: int) -> Index | None:
    """Return the chunk of a key such as ``c/0/1``, ``0.1`` or ``0/1``."""
    if ndim == 0:
        return () if key in ("c", "0") else None
    if not re.fullmatch(r"(c[/.])?\d+([/.]\d+)*", key):
        return None
    index = tuple(map(int, re.findall(r"\d+", key)))
    return index if len(index) == ndim else None


def _check_size(path: Path, index: Index, held: int, nbytes: int, array: Any) -> None:
    """Refuse a file that is too short for its chunk, whatever packed it."""
    plain = not (array.compressors or array.filters)
    # Constants may be packed without end; what is small does no harm.
    most = held if plain else max(held * MOST_PACKED, _HARMLESS if held else 0)
    if most < nbytes:
        raise source_problem(
            path,
            f"chunk {index} promises {nbytes} bytes, its file holds {held}: it is truncated, "
            "corrupt or a bomb.",
            "Fetch or write it again.",
        )


def _missing_in(path: Path, index: Index, file: Path, array: Any) -> int:
    """Return how many chunks a shard does not hold, of those that the array reaches."""
    codec = next(c for c in array.metadata.codecs if hasattr(c, "index_codecs"))
    checksums = any("crc32c" in type(one).__name__.lower() for one in codec.index_codecs)
    inside = tuple(s // c for s, c in zip(array.shards, array.chunks, strict=True))
    length, size = 16 * prod(inside), file.stat().st_size
    if size < length:
        raise source_problem(
            path,
            f"shard {index} needs an index of {length} bytes, its file holds {size}: it is "
            "truncated.",
            "Fetch or write it again.",
        )
    with file.open("rb") as opened:
        if "end" in str(codec.index_location):
            opened.seek(max(0, size - length - _CHECKSUM * checksums))
        table = np.frombuffer(opened.read(length), np.uint8)
    entries = table.view("<u8").reshape(*inside, 2)
    empty = (entries == _NOTHING).all(axis=-1)
    packed = entries[~empty][:, 1]
    if packed.size:
        nbytes = prod(array.chunks) * np.dtype(array.dtype).itemsize
        _check_size(path, index, int(packed.min()), nbytes, array)
    reached = (
        slice(0, max(0, -(-(n - i * s) // c)))
        for n, i, s, c in zip(array.shape, index, array.shards, array.chunks, strict=True)
    )
    return int(empty[tuple(reached)].sum())
