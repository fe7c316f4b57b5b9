"""NIfTI volumes through nibabel; the header and the affine are kept."""

from __future__ import annotations

import gzip
from collections.abc import Iterator
from contextlib import contextmanager
from math import prod
from pathlib import Path
from types import ModuleType
from typing import Any, NoReturn

import numpy as np
import numpy.typing as npt

from sigconv.core.optional import require
from sigconv.files.complaints import listening
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

AXIS_NAMES = ("x", "y", "z", "time", "dim 5", "dim 6", "dim 7")

MILLIMETRES = {"meter": 1000.0, "mm": 1.0, "micron": 0.001, "unknown": 1.0}

# Deflate makes data smaller by at most this factor.
_LARGEST_COMPRESSION = 1032

_CHUNK = 1 << 22

# What may come behind the samples before it is a bomb.
_MOST_BEHIND = 1 << 24


def _nibabel() -> ModuleType:
    return require("nibabel", "volume")


def _errors() -> tuple[type[Exception], ...]:
    nibabel = _nibabel()
    return (
        *DECODING_ERRORS,
        nibabel.filebasedimages.ImageFileError,
        nibabel.spatialimages.HeaderDataError,
        nibabel.spatialimages.HeaderTypeError,
    )


def _open(path: Path) -> tuple[Any, tuple[str, ...]]:
    """Return the image, of which only the header is read, and what nibabel repaired in it."""
    nibabel = _nibabel()
    try:
        with listening("nibabel.global") as repairs:
            image = nibabel.load(path)
    except _errors() as error:
        _corrupt(path, error)
    if not isinstance(image, nibabel.Nifti1Image):
        raise source_problem(
            path,
            f"the name says NIfTI, the content is {type(image).__name__}.",
            "Convert it to NIfTI.",
        )
    return image, tuple(dict.fromkeys(repairs))


def _corrupt(path: Path, error: Exception) -> NoReturn:
    reason = str(error).partition("\n")[0].rstrip(".") or type(error).__name__
    raise source_problem(
        path,
        f"not a readable NIfTI file ({reason[:200]}).",
        "Check that it is what its name says and that it is whole.",
    ) from error


def describe(path: Path) -> Description:
    """Return what the NIfTI file at `path` holds, having checked its header against its size."""
    size = check_readable(path)
    image, repairs = _open(path)
    header = image.header
    try:
        stored, shape = header.get_data_dtype(), tuple(int(n) for n in image.shape)
        offset = int(image.dataobj.offset)
        spacing = _spacing(header)
    except _errors() as error:
        _corrupt(path, error)
    if stored.kind not in "biufc":
        raise source_problem(
            path, f"holds elements of dtype {stored}, not numbers.", "Convert it to grey values."
        )
    if any(length < 1 for length in shape):
        raise source_problem(
            path, f"the header makes no sense: shape {shape}.", "Fetch or write it again."
        )
    _check_size(path, offset + prod(shape) * stored.itemsize, size)
    return Description(
        path=path,
        kind="volume",
        format="NIfTI-2" if isinstance(image, _nibabel().Nifti2Image) else "NIfTI-1",
        encoding=stored.name,
        shape=shape,
        dtype=stored,
        axes=tuple(range(min(len(shape), 3))),
        axis_names=AXIS_NAMES[: len(shape)],
        spacing=spacing[: len(shape)],
        scaling=_scaling(image.dataobj),
        notes=repairs,
    )


def _spacing(header: Any) -> tuple[float, ...]:
    unit, _ = header.get_xyzt_units()
    return tuple(abs(float(zoom)) * MILLIMETRES[unit] for zoom in header.get_zooms()[:3])


def _scaling(proxy: Any) -> tuple[float, float] | None:
    # The header has it no longer: nibabel moves it to the proxy on loading.
    scaling = (float(proxy.slope), float(proxy.inter))
    return None if scaling == (1.0, 0.0) else scaling


def _check_size(path: Path, needed: int, size: int) -> None:
    # The real length of a compressed file shows on reading; what cannot be in it shows now.
    compressed = path.suffix.lower() == ".gz"
    most = size * _LARGEST_COMPRESSION if compressed else size
    if needed > most:
        held = f"{size} compressed bytes, at most {most}" if compressed else f"{size}"
        raise source_problem(
            path,
            f"the header promises {needed} bytes, the file has {held}: it is truncated or corrupt.",
            "Fetch or write it again.",
        )


def load(description: Description) -> Array:
    """Return the values as stored, before any scaling; memory-mapped unless compressed."""
    path, shape = description.path, description.shape
    image, _ = _open(path)
    offset = int(image.dataobj.offset)
    if path.suffix.lower() != ".gz":
        mapped: Array = np.memmap(path, description.dtype, "r", offset, shape, "F")
        return mapped
    try:
        return _decompress(path, offset, prod(shape), description.dtype).reshape(shape, order="F")
    except _errors() as error:
        reason = str(error).partition("\n")[0].rstrip(".")
        raise source_problem(
            path,
            f"the samples cannot be read ({reason}): it is truncated or corrupt.",
            "Fetch or write it again.",
        ) from error


def _decompress(path: Path, offset: int, count: int, dtype: DType) -> Array:
    """Return `count` values from a compressed file, which is read to its end.

    At the end lies the checksum; nibabel, which stops after the values, would not see it.
    """
    values: Array = np.empty(count, dtype)
    room = values.view(np.uint8).data
    with gzip.open(path) as stream:
        stream.seek(offset)
        filled = 0
        while filled < len(room):
            got = stream.readinto(room[filled : filled + _CHUNK])
            if not got:
                raise EOFError(f"{len(room)} bytes of samples promised, {filled} found")
            filled += got
        behind = 0
        while more := len(stream.read(_CHUNK)):
            behind += more
            if behind > _MOST_BEHIND:
                raise ValueError(
                    f"{offset + len(room)} bytes promised, {behind} and more behind them"
                )
    return values


@contextmanager
def create(path: Path, layout: Layout) -> Iterator[Array]:
    """Yield an array to fill, which is saved at `path` when the block ends.

    A result that starts before or inside the source keeps its place in the scanner's space.
    """
    original, _ = _open(layout.source.path)
    header = original.header.copy()
    header.set_data_dtype(layout.dtype)
    header.set_slope_inter(None, None)
    try:
        _shift(header, (*layout.origin, 0, 0, 0)[:3])
    except _errors() as error:
        _corrupt(layout.source.path, error)
    result: Array = np.empty(layout.shape, layout.dtype, order="F")
    yield result
    # Given an affine unlike the header's, nibabel would replace both forms and their codes.
    _nibabel().save(type(original)(result, None, header), path)


def _shift(header: Any, origin: tuple[int, ...]) -> None:
    """Move voxel 0 of the header's two forms, each by its own axes, to the voxel `origin`."""
    if not any(origin):
        return
    sform, _ = header.get_sform(coded=True)
    if sform is not None:
        for row, offset in zip(("srow_x", "srow_y", "srow_z"), sform @ (*origin, 1), strict=False):
            header[row][3] = offset
    qform, _ = header.get_qform(coded=True)
    if qform is not None:
        fields = ("qoffset_x", "qoffset_y", "qoffset_z")
        for field, offset in zip(fields, qform @ (*origin, 1), strict=False):
            header[field] = offset
