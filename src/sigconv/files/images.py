"""TIFF images and stacks of pages through tifffile."""

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
from sigconv.errors import DTypeError, OptionError, SourceError
from sigconv.files.complaints import listening
from sigconv.files.description import (
    DECODING_ERRORS,
    Description,
    Layout,
    check_readable,
    source_problem,
)

__all__ = ["check_layout", "create", "describe", "load"]

Array = npt.NDArray[Any]

# tifffile's codes; pages that nothing else is said about are I or Q.
AXIS_NAMES = {"X": "x", "Y": "y", "Z": "z", "I": "z", "Q": "z", "S": "samples", "C": "channels"}
AXIS_NAMES["T"] = "time"
BATCH_CODES = "SCT"


def _tifffile() -> ModuleType:
    return require("tifffile", "volume")


@contextmanager
def _reading(path: Path) -> Iterator[Any]:
    """Yield the opened TIFF; whatever fails or is complained about becomes a SourceError."""
    tifffile = _tifffile()
    try:
        # tifffile meets a cut file with a message and returns an array of another shape.
        with listening("tifffile") as complaints, tifffile.TiffFile(path) as file:
            yield file
    except SourceError:
        raise
    except DECODING_ERRORS as error:
        _corrupt(path, str(error) or type(error).__name__, error)
    if complaints:
        _corrupt(path, complaints[0], None)


def _corrupt(path: Path, reason: str, error: Exception | None) -> NoReturn:
    raise source_problem(
        path,
        f"not a readable TIFF file, or a truncated one ({reason.partition(chr(10))[0][:200]}).",
        "Check that it is what its name says and that it is whole.",
    ) from error


def describe(path: Path) -> Description:
    """Return what the TIFF file at `path` holds, having checked its pages against its size."""
    size = check_readable(path)
    with _reading(path) as file:
        series = _only_series(path, file)
        _check_pages(path, series, file, size)
        shape, codes, dtype = tuple(int(n) for n in series.shape), series.axes, series.dtype
        container = "BigTIFF" if file.is_bigtiff else "TIFF"
    if dtype is None or dtype.kind not in "biufc":
        raise source_problem(
            path, f"holds elements of dtype {dtype}, not numbers.", "Convert it to grey values."
        )
    return Description(
        path=path,
        kind="image",
        format=container,
        encoding=dtype.name,
        shape=shape,
        dtype=dtype,
        axes=tuple(i for i, code in enumerate(codes) if code not in BATCH_CODES),
        axis_names=tuple(AXIS_NAMES.get(code, code.lower()) for code in codes),
    )


def _only_series(path: Path, file: Any) -> Any:
    if not file.series:
        _corrupt(path, "no image in it", None)
    if len(file.series) != 1:
        shapes = ", ".join(str(tuple(series.shape)) for series in file.series[:4])
        raise source_problem(
            path,
            f"holds {len(file.series)} images of unlike shapes ({shapes}).",
            "Split it into one file for each.",
        )
    series = file.series[0]
    if getattr(series[0], "photometric", None) == _tifffile().PHOTOMETRIC.PALETTE:
        raise source_problem(
            path, "holds colour indices, whose sums mean nothing.", "Convert it to RGB or grey."
        )
    return series


def _check_pages(path: Path, series: Any, file: Any, size: int) -> None:
    pages = [page for page in series if page is not None]
    end = max(
        (
            start + count
            for page in pages
            for start, count in zip(page.dataoffsets, page.databytecounts, strict=True)
        ),
        default=0,
    )
    if end > size:
        raise source_problem(
            path,
            f"its pages promise samples up to byte {end}, the file has {size}: it is truncated.",
            "Fetch or write it again.",
        )
    for promised in file.shaped_metadata or ():
        if prod(promised["shape"]) != prod(series.shape):
            raise source_problem(
                path,
                f"its first page promises shape {tuple(promised['shape'])}, its pages make "
                f"{tuple(series.shape)}: it is truncated.",
                "Fetch or write it again.",
            )


def load(description: Description) -> Array:
    """Return the values as stored."""
    with _reading(description.path) as file:
        array: Array = file.series[0].asarray()
    return array


@contextmanager
def create(path: Path, layout: Layout) -> Iterator[Array]:
    """Yield an array to fill, which is saved at `path` when the block ends.

    The axes and the resolution of a TIFF source are kept.
    """
    check_layout(layout)
    result: Array = np.empty(layout.shape, layout.dtype)
    yield result
    options: dict[str, Any] = {"photometric": "minisblack"}
    if layout.source.kind == "image":
        with _reading(layout.source.path) as file:
            options |= _kept(file)
    try:
        _tifffile().imwrite(path, result, software="sigconv", **options)
    except OSError:
        raise
    except DECODING_ERRORS as error:
        raise source_problem(
            layout.source.path,
            f"its tags make no {layout.source.format} of shape {layout.shape} ({error}).",
            "Name an output that ends in .npy",
        ) from error


def check_layout(layout: Layout) -> None:
    """Refuse what a TIFF image cannot hold."""
    if len(layout.shape) < 2 or not prod(layout.shape):
        rule = "at least 2 axes" if len(layout.shape) < 2 else "at least one sample"
        raise OptionError(
            f"a TIFF image has {rule}; got shape {layout.shape}. Name an output that ends in .npy"
        )
    if layout.dtype.char in "gG":
        raise DTypeError(
            f"a TIFF image holds floats of at most 8 bytes; got {layout.dtype}. "
            "Ask for dtype float64 or complex128, or name an output that ends in .npy"
        )


def _kept(file: Any) -> dict[str, Any]:
    """Return the options that make the output look like the source to other programs."""
    codes, page = file.series[0].axes, file.series[0][0]
    kept: dict[str, Any] = {"photometric": "minisblack", "metadata": {"axes": codes}}
    if file.is_bigtiff:
        kept["bigtiff"] = True
    if "S" in codes:
        kept["photometric"] = page.photometric if page.photometric in (1, 2) else "rgb"
        kept["planarconfig"] = "contig" if codes.endswith("S") else "separate"
    if "XResolution" in page.tags and "YResolution" in page.tags:
        kept["resolution"] = (page.tags["XResolution"].value, page.tags["YResolution"].value)
        kept["resolutionunit"] = page.resolutionunit
    return kept
