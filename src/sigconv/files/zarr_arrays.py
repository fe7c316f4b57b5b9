"""Arrays of Zarr, which are directories of chunks."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from itertools import product
from math import prod
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import numpy.typing as npt

from sigconv.core.optional import require
from sigconv.errors import DTypeError, OptionError, SourceError
from sigconv.files.description import (
    DECODING_ERRORS,
    Description,
    Layout,
    described_array,
    source_problem,
)
from sigconv.files.directories import is_store
from sigconv.files.locations import split
from sigconv.files.zarr_chunks import check_chunks

__all__ = ["create", "describe", "load"]

Array = npt.NDArray[Any]

_LISTED = 8


def _zarr() -> ModuleType:
    return require("zarr", "volume")


def _opened(path: Path) -> Any:
    """Return the array at a path; whatever is no such thing becomes a SourceError."""
    root, inner = split(path)
    if not is_store(root):
        problem = "is no directory of Zarr" if root.exists() else "no such directory"
        raise source_problem(path, f"{problem}.", "Check the path.")
    try:
        found = _zarr().open(store=str(root), path=inner, mode="r")
        arrays = {} if isinstance(found, _zarr().Array) else _arrays(found)
    except DECODING_ERRORS as error:
        raise source_problem(
            path,
            f"not a readable Zarr array ({_first_line(error)}).",
            "Check that it is what its name says and that it is whole.",
        ) from error
    if isinstance(found, _zarr().Array):
        return found
    if len(arrays) == 1:
        return next(iter(arrays.values()))
    names = ", ".join([*arrays][:_LISTED]) or "none"
    raise source_problem(
        path,
        f"is a group of {len(arrays)} arrays ({names}).",
        f"Name one, as {path / next(iter(arrays), 'name')}.",
    )


def _arrays(group: Any) -> dict[str, Any]:
    members = group.members(max_depth=None)
    return {name: item for name, item in members if isinstance(item, _zarr().Array)}


def _first_line(error: Exception) -> str:
    return (str(error) or type(error).__name__).partition("\n")[0][:200].rstrip(".")


def describe(path: Path) -> Description:
    """Return what an array holds, and what of it is not stored."""
    array = _opened(path)
    root, inner = split(path)
    try:
        shape, dtype = tuple(int(n) for n in array.shape), np.dtype(array.dtype)
        store = check_chunks(path, _directory(root, inner, array), array)
    except SourceError:
        raise
    except DECODING_ERRORS as error:
        raise source_problem(
            path, f"its metadata makes no sense ({_first_line(error)}).", "Write it again."
        ) from error
    if dtype.kind not in "biufc":
        raise source_problem(
            path, f"holds elements of dtype {dtype}, not numbers.", "Name an array of numbers."
        )
    return described_array(path, "Zarr", shape, dtype, _names(array), store)


def _directory(root: Path, inner: str, array: Any) -> Path:
    """Return where the chunks lie: in the only array of a group, if none was named."""
    return root / inner / str(array.path).removeprefix(inner).strip("/")


def _names(array: Any) -> tuple[str | None, ...]:
    """Return the names of the axes: those of version 3, or xarray's of version 2."""
    names = getattr(array.metadata, "dimension_names", None)
    names = names or array.attrs.get("_ARRAY_DIMENSIONS")
    if not isinstance(names, list | tuple) or len(names) != len(array.shape):
        names = (None,) * len(array.shape)
    return tuple(name if isinstance(name, str) and name else None for name in names)


def load(description: Description) -> Array:
    """Return the values as stored."""
    array = _opened(description.path)
    values: Array = np.empty(array.shape, array.dtype)
    try:
        for box in _boxes(array):
            values[box] = array[box]
    except DECODING_ERRORS as error:
        raise source_problem(
            description.path,
            f"a chunk cannot be decoded ({_first_line(error)}): it is truncated or corrupt.",
            "Fetch or write it again.",
        ) from error
    return values


@contextmanager
def create(path: Path, layout: Layout) -> Iterator[Array]:
    """Yield an array to fill, which is written to the directory `path` when the block ends.

    The chunks, the names of axes and the attributes of a Zarr source are kept.
    """
    if split(path)[1]:
        raise OptionError(
            f"results are written as an array of their own; got a place inside {split(path)[0]}. "
            "Name an output that ends in .zarr"
        )
    if layout.dtype.char in "gG":
        raise DTypeError(
            f"Zarr has no {layout.dtype}. Ask for dtype float64 or complex128, or name an output "
            "that ends in .npy"
        )
    result: Array = np.empty(layout.shape, layout.dtype)
    yield result
    labels = layout.source.labels
    options: dict[str, Any] = {"dimension_names": labels} if any(labels) else {}
    if layout.source.format == "Zarr":
        options = _kept(_opened(layout.source.path), layout)
    made = _zarr().create_array(
        store=str(path),
        shape=layout.shape,
        dtype=layout.dtype,
        fill_value=0,
        # A chunk of zeros is stored like any other: one that is missing is missing.
        config={"write_empty_chunks": True},
        overwrite=True,
        **options,
    )
    for box in _boxes(made):
        made[box] = result[box]


def _boxes(array: Any) -> Iterator[tuple[slice, ...]]:
    """Yield the chunks one by one: of several at once, all failures but the first go unheard."""
    whole = array.shards or array.chunks
    grid = [range(0, n, c) for n, c in zip(array.shape, whole, strict=True)]
    for starts in product(*grid):
        yield tuple(slice(start, start + c) for start, c in zip(starts, whole, strict=True))


def _kept(source: Any, layout: Layout) -> dict[str, Any]:
    version = source.metadata.zarr_format
    kept: dict[str, Any] = {"zarr_format": version, "attributes": dict(source.attrs)}
    if prod(layout.shape):
        kept["chunks"] = tuple(min(c, n) for c, n in zip(source.chunks, layout.shape, strict=True))
        if source.shards and kept["chunks"] == tuple(source.chunks):
            kept["shards"] = source.shards
    names = _names(source)
    if version >= 3 and any(names):
        kept["dimension_names"] = names
    return kept
