"""NumPy's .npy files, memory-mapped; pickles are never loaded."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from math import prod
from pathlib import Path
from tokenize import TokenError
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
from numpy.lib import format as npy

from sigconv.files.description import (
    DECODING_ERRORS,
    Description,
    DType,
    Layout,
    check_readable,
    source_problem,
)

__all__ = ["create", "describe", "load"]

Array = npt.NDArray[Any]

# The header is a Python literal.
_HEADER_ERRORS: tuple[type[Exception], ...] = (*DECODING_ERRORS, TokenError)


def describe(path: Path) -> Description:
    """Return what the .npy file at `path` holds, having checked its header against its size."""
    size = check_readable(path)
    try:
        shape, dtype, offset = _read_header(path, size)
    except _HEADER_ERRORS as error:
        raise source_problem(
            path,
            f"not a readable .npy file ({_first_line(error)}).",
            "Check that it is what its name says and that it is whole.",
        ) from error
    if dtype.kind not in "biufc":
        what = "pickled objects" if dtype.hasobject else f"elements of dtype {dtype}"
        raise source_problem(
            path,
            f"holds {what}, not numbers.",
            "Save numbers: np.save(path, array.astype(float)).",
        )
    needed = offset + prod(shape) * dtype.itemsize
    if needed > size:
        raise source_problem(
            path,
            f"the header promises {needed} bytes (shape {shape} of {dtype}), the file has {size}: "
            "it is truncated.",
            "Fetch or write it again.",
        )
    return Description(
        path=path,
        kind="array",
        format="npy",
        encoding=dtype.name,
        shape=shape,
        dtype=dtype,
        axes=tuple(range(len(shape))),
        axis_names=tuple(f"axis {i}" for i in range(len(shape))),
    )


def _read_header(path: Path, size: int) -> tuple[tuple[int, ...], DType, int]:
    with path.open("rb") as file:
        version = npy.read_magic(file)
        if version not in ((1, 0), (2, 0), (3, 0)):
            raise ValueError(f"version {version}")
        start = file.tell()
        length = int.from_bytes(file.read(2 if version == (1, 0) else 4), "little")
        if length > size - start:
            # NumPy would make room for as much.
            raise ValueError(f"a header of {length} bytes in a file of {size}")
        file.seek(start)
        if version == (1, 0):
            shape, _, dtype = npy.read_array_header_1_0(file)
        else:
            shape, _, dtype = npy.read_array_header_2_0(file)
        if any(length < 0 for length in shape):
            raise ValueError(f"shape {shape}")
        return shape, dtype, file.tell()


def _first_line(error: Exception) -> str:
    return str(error).partition("\n")[0][:100].rstrip(".") or type(error).__name__


def load(description: Description) -> Array:
    """Return the array, mapped and read-only where it has samples to map."""
    mapped: Literal["r"] | None = "r" if prod(description.shape) else None
    array: Array = np.load(description.path, mmap_mode=mapped, allow_pickle=False)
    return array


def _reserve(path: Path) -> None:
    """Claim the disk space of a file with holes: filling a mapped hole on a full disk kills."""
    if hasattr(os, "posix_fallocate"):
        with path.open("r+b") as file:
            os.posix_fallocate(file.fileno(), 0, path.stat().st_size)


@contextmanager
def create(path: Path, layout: Layout) -> Iterator[Array]:
    """Yield a mapped array to fill, which lies at `path` when the block ends."""
    if not prod(layout.shape):
        np.save(path, np.empty(layout.shape, layout.dtype))
        yield np.empty(layout.shape, layout.dtype)
        return
    result = npy.open_memmap(path, mode="w+", dtype=layout.dtype, shape=layout.shape)
    _reserve(path)
    yield result
    result.flush()
