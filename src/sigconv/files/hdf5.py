"""Datasets of HDF5 files through h5py."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from math import prod
from pathlib import Path
from types import ModuleType
from typing import Any, NoReturn

import numpy as np
import numpy.typing as npt

from sigconv.core.optional import require
from sigconv.errors import DTypeError, SourceError, TargetError
from sigconv.files.description import (
    DECODING_ERRORS,
    MOST_PACKED,
    Description,
    Layout,
    Stored,
    check_readable,
    described_array,
    source_problem,
)
from sigconv.files.locations import split

__all__ = ["create", "describe", "load"]

Array = npt.NDArray[Any]

# The name of a dataset in a new file, unless one is given, and how many are listed in errors.
_NAME, _LISTED = "data", 8

# HDF5's numbers of deflate, shuffle and checksums, and the most that deflate packs.
_KNOWN_FILTERS, _LARGEST_COMPRESSION = {1, 2, 3}, 1100

# Attributes that tie a dataset to others of its file.
_TIES = {"CLASS", "NAME", "DIMENSION_LIST", "REFERENCE_LIST", "DIMENSION_LABELS"}


def _h5py() -> ModuleType:
    return require("h5py", "volume")


@contextmanager
def _reading(path: Path) -> Iterator[Any]:
    """Yield the dataset at a path; whatever fails becomes a SourceError."""
    file, inner = split(path)
    check_readable(file)
    try:
        with _h5py().File(file, "r") as opened:
            dataset = _dataset(path, opened, inner)
            if dataset.file.filename != opened.filename:
                raise source_problem(
                    path,
                    f"leads to another file, {dataset.file.filename}.",
                    f"Name the dataset there: {dataset.file.filename}:{dataset.name}.",
                )
            yield dataset
    except SourceError:
        raise
    except DECODING_ERRORS as error:
        _corrupt(path, str(error) or type(error).__name__, error)


def _corrupt(path: Path, reason: str, error: Exception | None) -> NoReturn:
    raise source_problem(
        path,
        f"not a readable HDF5 file, or a truncated one ({reason.partition(chr(10))[0][:200]}).",
        "Check that it is what its name says and that it is whole.",
    ) from error


def _dataset(path: Path, opened: Any, inner: str) -> Any:
    """Return the dataset that is named, or the only one."""
    if inner:
        with_name = opened.get(inner)
        if isinstance(with_name, _h5py().Dataset):
            return with_name
        problem = f"has no dataset /{inner}"
    else:
        names = _names(opened)
        if len(names) == 1:
            return opened[names[0]]
        problem = "names no dataset"
    names = _names(opened)
    listed = ", ".join(f"/{name}" for name in names[:_LISTED]) or "none"
    more = f" and {len(names) - _LISTED} more" if len(names) > _LISTED else ""
    file = split(path)[0]
    raise source_problem(
        path, f"{problem}; the file holds {listed}{more}.", f"Name one, as {file}:/name."
    )


def _names(opened: Any) -> list[str]:
    names: list[str] = []

    def note(name: str, item: Any) -> None:
        if isinstance(item, _h5py().Dataset):
            names.append(name)

    opened.visititems(note)
    return names


def describe(path: Path) -> Description:
    """Return what a dataset holds, and what of it is not stored."""
    with _reading(path) as dataset:
        if dataset.shape is None or dataset.dtype.kind not in "biufc":
            raise source_problem(
                path,
                f"holds elements of dtype {dataset.dtype}, not numbers.",
                "Name a dataset of numbers.",
            )
        _check_size(path, dataset)
        labels = tuple(dim.label or None for dim in dataset.dims)
        shape = tuple(int(n) for n in dataset.shape)
        chunk_bytes = prod(dataset.chunks or (0,)) * dataset.dtype.itemsize
        store = Stored(_unstored(dataset), chunk_bytes)
        return described_array(path, "HDF5", shape, dataset.dtype, labels, store)


def _check_size(path: Path, dataset: Any) -> None:
    """Refuse a dataset that is larger than what the file holds of it can become."""
    held = dataset.id.get_storage_size()
    if not held or dataset.is_virtual or dataset.external:
        return
    recipe = dataset.id.get_create_plist()
    filters = {recipe.get_filter(i)[0] for i in range(recipe.get_nfilters())}
    known = filters <= _KNOWN_FILTERS
    most = held * (1 if not filters else _LARGEST_COMPRESSION if known else MOST_PACKED)
    whole = prod(dataset.shape) if not _unstored(dataset) else 0
    needed = max(whole, prod(dataset.chunks or (0,))) * dataset.dtype.itemsize
    if needed > most:
        raise source_problem(
            path,
            f"shape {dataset.shape} of {dataset.dtype} needs {needed} bytes, the file holds {held} "
            f"of it, at most {most} unpacked: it is truncated or corrupt.",
            "Fetch or write it again.",
        )


def _unstored(dataset: Any) -> str:
    """Return what reads as the fill value, in words."""
    if not prod(dataset.shape):
        return ""
    if dataset.is_virtual:
        return "it is put together from other files, of which missing ones read as a fill value"
    if dataset.external:
        return "its samples are in other files, of which missing parts read as zeros"
    if dataset.chunks is None:
        whole = dataset.id.get_storage_size() > 0 or dataset.id.get_create_plist().get_layout() == 0
        return "" if whole else "none of its samples is stored"
    grid = (-(-n // c) for n, c in zip(dataset.shape, dataset.chunks, strict=True))
    chunks, stored = prod(grid), dataset.id.get_num_chunks()
    return "" if stored >= chunks else f"{chunks - stored} of its {chunks} chunks are not stored"


def load(description: Description) -> Array:
    """Return the values as stored."""
    with _reading(description.path) as dataset:
        array: Array = np.asarray(dataset[()])
    return array


@contextmanager
def create(path: Path, layout: Layout) -> Iterator[Array]:
    """Yield an array to fill, which becomes a dataset of the file at `path` when the block ends.

    Other datasets that the file holds stay. The names of axes are kept, and the attributes of an
    HDF5 source.
    """
    if layout.dtype.char in "gG":
        raise DTypeError(
            f"HDF5 files of longdouble are not read elsewhere; got {layout.dtype}. Ask for dtype "
            "float64 or complex128."
        )
    result: Array = np.empty(layout.shape, layout.dtype)
    yield result
    file, inner = split(path)
    name = inner or _NAME
    mode = "r+" if file.stat().st_size else "w"
    kept = _kept(layout.source.path) if layout.source.format == "HDF5" else {}
    try:
        with _h5py().File(file, mode) as opened:
            _make_room(opened, name)
            made = opened.create_dataset(name, data=result)
            for key, value in kept.items():
                made.attrs[key] = value
            for axis, label in enumerate(layout.source.labels):
                if label is not None:
                    made.dims[axis].label = label
    except (KeyError, TypeError, ValueError) as error:
        raise TargetError(
            f"{layout.source.path}: its results cannot be written as /{name} ({error}). Name "
            "another dataset."
        ) from error
    except RuntimeError as error:
        raise OSError(f"{error}".partition("\n")[0]) from error


def _make_room(opened: Any, name: str) -> None:
    """Remove the dataset of a name; refuse what is more than one, or lies in another file."""
    parts = name.split("/")
    for count in range(1, len(parts) + 1):
        place = "/".join(parts[:count])
        link = opened.get(place, getlink=True)
        if link is None:
            return
        if not isinstance(link, _h5py().HardLink):
            raise ValueError(f"/{place} is a link")
        if isinstance(opened[place], _h5py().Group) and count == len(parts):
            raise ValueError(f"/{place} is a group of datasets")
    del opened[name]


def _kept(source: Path) -> dict[str, Any]:
    """Return the attributes that mean something in another file."""
    with _reading(source) as dataset:
        names = [
            name
            for name in dataset.attrs
            if name not in _TIES and not _refers(dataset.attrs.get_id(name).dtype)
        ]
        return {name: dataset.attrs[name] for name in names}


def _refers(dtype: Any) -> bool:
    """Tell whether elements refer to places in their file."""
    if dtype.names:
        return any(_refers(dtype[name]) for name in dtype.names)
    base = _h5py().check_vlen_dtype(dtype)
    if isinstance(base, np.dtype):
        return _refers(base)
    return _h5py().check_ref_dtype(dtype) is not None
