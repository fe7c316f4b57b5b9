"""Kernels named on a command line: a file, a JSON array or a specification."""

from __future__ import annotations

import json
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from sigconv import kernels
from sigconv.core.dtypes import as_numeric
from sigconv.core.optional import require
from sigconv.core.units import format_bytes
from sigconv.errors import BudgetError, KernelError, ShapeError
from sigconv.files.description import Description, DType
from sigconv.files.formats import FORMATS, describe, load
from sigconv.files.locations import full_suffix
from sigconv.kernels.checks import at_most

__all__ = ["kernel_path", "load_kernel"]

Array = npt.NDArray[Any]


def kernel_path(kernel: object) -> Path | None:
    """Return the file that `kernel` names, or None where it is something else.

    A text is a specification only if a known name stands before its first ``:``, and an array
    only if it starts with ``[``; everything else is a path.
    """
    if isinstance(kernel, Path):
        return kernel
    if not isinstance(kernel, str) or kernel.lstrip().startswith("[") or kernels.is_spec(kernel):
        return None
    return Path(kernel)


def load_kernel(
    kernel: str | Path | npt.ArrayLike,
    source: Description,
    dtype: DType | None = None,
    *,
    resample: bool = False,
    max_memory: int | None = None,
    fill: bool = False,
) -> Array:
    """Return the taps to convolve the file `source` with.

    Parameters
    ----------
    kernel : str, Path or array_like
        A path, a JSON array such as ``"[1, 2, 1]"``, a specification such as
        ``"gaussian:sigma=2mm"``, or the taps themselves.
    source : Description
        The file to be convolved: it gives units their spacing or rate, and the number of axes.
    dtype : numpy.dtype, optional
        The dtype of the taps. Default: the precision of the source.
    resample : bool
        Whether a recording of another sample rate than the source's is converted to it, with the
        gain of the filter that it is kept.
    max_memory : int, optional
        The bytes that the taps may take, which are checked before they are read or made.
    fill : bool
        Whether what a store of taps does not hold reads as its fill value.

    Returns
    -------
    ndarray
        With one dimension for each convolved axis, or as many as the source.

    Raises
    ------
    KernelError
        The text makes no kernel, or the rates of kernel and source differ.
    DTypeError
        The taps are masked, or no array of numbers.
    ShapeError
        The kernel does not fit the source.
    SourceError
        The kernel's file is missing, truncated or corrupt.
    BudgetError
        The taps take more than `max_memory`.
    """
    dtype = np.dtype(dtype or source.working)
    if isinstance(kernel, str) and not kernel.strip():
        raise KernelError(
            "KERNEL is empty. Give a file, a JSON array such as [1, 2, 1], or a specification "
            "such as gaussian:sigma=2."
        )
    path = kernel_path(kernel)
    if path is not None:
        taps = _from_file(path, source, resample, max_memory, fill)
    elif not isinstance(kernel, str):
        taps = as_numeric(kernel, "kernel")
    elif kernel.lstrip().startswith("["):
        taps = _from_json(kernel)
    else:
        with at_most(max_memory):
            taps = kernels.parse(
                kernel, spacing=source.spacing, fs=source.rate, ndim=len(source.axes)
            )
    return _cast(_fit(taps, source), dtype)


def _from_json(text: str) -> Array:
    try:
        taps = np.array(json.loads(text))
    except (ValueError, RecursionError) as error:
        raise KernelError(
            f"the kernel {_short(text)} is no JSON array of numbers ({error}). "
            "Write for example [1, 2, 1] or [[0, 1], [1, 0]]."
        ) from None
    if taps.dtype.kind not in "iuf":
        raise KernelError(
            f"the kernel {_short(text)} holds more than numbers. "
            "Write for example [1, 2, 1] or [[0, 1], [1, 0]]."
        )
    return taps


def _from_file(
    path: Path, source: Description, resample: bool, most: int | None, fill: bool
) -> Array:
    known = [suffix for form in FORMATS for suffix in form.suffixes]
    if full_suffix(path) not in known and not _exists(path):
        raise KernelError(
            f"the kernel {_short(str(path))} is neither a file, nor a JSON array, nor a known "
            f"kernel. Known kernels: {', '.join(kernels.specification.KERNELS)}."
        )
    about = describe(path)
    if most is not None and about.nbytes > most:
        raise BudgetError(
            f"the kernel {path}, of shape {about.shape}, needs {format_bytes(about.nbytes)}, more "
            f"than the {format_bytes(most)} that are allowed. Allow more, with --max-memory "
            "(max_memory=), or use a smaller one."
        )
    if about.rate is None or source.rate is None or about.rate == source.rate:
        taps = load(about, fill=fill)
        # The one channel of a recording is an axis of recordings alone.
        is_line = about.kind == "audio" and source.kind != "audio" and taps.shape[1] == 1
        return taps[:, 0] if is_line else taps
    if not resample:
        raise KernelError(
            f"the kernel {path} has {about.rate:g} Hz, the input {source.path} {source.rate:g} Hz. "
            "Pass --resample (resample=True) to convert the kernel, or convert one of them."
        )
    converted: Array = require("soxr", "audio").resample(load(about), about.rate, source.rate)
    if not len(converted):
        raise KernelError(
            f"the kernel {path}, of {about.shape[0]} taps at {about.rate:g} Hz, has none left at "
            f"{source.rate:g} Hz. Give a longer one."
        )
    # Taps are samples of h(t) dt: as many more of them are as much smaller.
    scaled: Array = converted * converted.dtype.type(about.rate / source.rate)
    return scaled


def _exists(path: Path) -> bool:
    # A misspelt specification may be no possible name of a file.
    with suppress(OSError, ValueError):
        return path.exists()
    return False


def _fit(taps: Array, source: Description) -> Array:
    """Return `taps` with the dimensions that the source's axes need."""
    if taps.size == 0:
        raise KernelError("the kernel is empty. Give it at least one tap.")
    ndim, axes = len(source.shape), len(source.axes)
    if source.kind == "audio" and source.axes == (0,):
        return _fit_channels(taps, source)
    if taps.ndim in (axes, ndim):
        return taps
    raise ShapeError(
        f"{source.path} is convolved on {axes} axes ({', '.join(_names(source))}), the kernel "
        f"has {taps.ndim}. Give a kernel of {axes} axes, such as {_example(axes)}."
    )


def _names(source: Description) -> list[str]:
    return [source.axis_names[axis] for axis in source.axes]


def _example(axes: int) -> str:
    return "gaussian:sigma=2" if axes != 1 else "[1, 2, 1]"


def _fit_channels(taps: Array, source: Description) -> Array:
    channels = source.shape[1]
    if taps.ndim == 1:
        return taps[:, np.newaxis]
    if taps.ndim == 2 and taps.shape[1] in (1, channels):
        return taps
    got = f"got shape {taps.shape} (frames, channels)"
    if channels == 1:
        raise ShapeError(
            f"{source.path} has 1 channel, a kernel for it needs 1 as well; {got}. "
            "Choose one of its channels first."
        )
    raise ShapeError(
        f"a kernel for {source.path} needs 1 channel, which serves all, or {channels}, one for "
        f"each; {got}. Choose among its channels first."
    )


def _cast(taps: Array, dtype: DType) -> Array:
    if taps.dtype.kind == "c" and dtype.kind != "c":
        raise KernelError(
            f"the kernel is complex, the results are {dtype}. Ask for a complex dtype "
            "(--dtype complex64)."
        )
    with np.errstate(over="ignore"):
        cast = taps.astype(dtype)
    if dtype.kind in "iu" and not np.array_equal(cast, taps):
        raise KernelError(
            f"the kernel's values do not fit {dtype}. Ask for a floating dtype (--dtype float32)."
        )
    if np.isfinite(taps).all() and not np.isfinite(cast).all():
        raise KernelError(
            f"the kernel's largest value {np.abs(taps).max():g} overflows {dtype}. "
            "Scale the kernel, or ask for --dtype float64."
        )
    return cast


def _short(text: str) -> str:
    return repr(text if len(text) <= 60 else text[:57] + "...")
