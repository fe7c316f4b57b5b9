"""Kernels as files."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from sigconv.errors import OptionError, ShapeError, SourceError
from sigconv.files.atomic import replacing
from sigconv.files.description import Description, Layout
from sigconv.files.encodings import is_float
from sigconv.files.formats import format_of

__all__ = ["save_kernel"]

Array = npt.NDArray[Any]


def save_kernel(
    taps: Array, target: str | Path, *, rate: float | None = None, force: bool = False
) -> None:
    """Write a kernel to a file, whole or not at all.

    Parameters
    ----------
    taps : ndarray
        The kernel; audio takes one of one axis.
    target : path-like
        The file: .npy, .tif, or audio.
    rate : float, optional
        Samples per second, which audio needs.
    force : bool
        Whether an existing file may be replaced.

    Raises
    ------
    OptionError
        The suffix names no format that a kernel can be written in, or audio lacks its rate.
    OutputExistsError, TargetError
        As in `convolve_file`.
    """
    target = Path(target)
    try:
        form = format_of(target)
    except SourceError as error:
        raise OptionError(str(error)) from None
    if form.kind == "volume":
        raise OptionError(
            f"{target}: a kernel has no place in a scanner's space. Name an output in .npy"
        )
    with replacing(target, force=force) as temporary:
        if form.kind == "audio":
            _save_audio(taps, target, temporary, rate)
            return
        layout = Layout(taps.shape, taps.dtype, (0,) * taps.ndim, _described(target, taps, rate))
        with form.codec.create(temporary, layout) as out:
            out[...] = taps


def _save_audio(taps: Array, target: Path, temporary: Path, rate: float | None) -> None:
    from sigconv.files.audio import target_description
    from sigconv.files.audio_streams import AudioSink

    if rate is None:
        raise OptionError(f"{target}: audio has a sample rate. Give one, as --rate 48kHz.")
    if taps.ndim != 1:
        raise ShapeError(f"{target}: audio holds kernels of one axis; got shape {taps.shape}.")
    source = _described(Path("kernel"), taps, rate)
    if not (rate >= 1 and rate == int(rate)):
        raise OptionError(f"{target}: audio has a whole number of samples a second; got {rate:g}.")
    about = target_description(source, target, (taps.size, 1), taps.dtype)
    if not is_float(about.encoding):
        raise OptionError(
            f"{target}: {about.format} stores samples as {about.encoding}, which rounds taps. "
            "Name an output that ends in .wav or .npy"
        )
    with AudioSink(about, temporary) as sink:
        sink.write(np.ascontiguousarray(taps[:, None]))


def _described(target: Path, taps: Array, rate: float | None) -> Description:
    axes = tuple(range(taps.ndim))
    names = tuple(f"axis {axis}" for axis in axes)
    encoding = "DOUBLE" if taps.dtype == np.float64 else "FLOAT"
    return Description(
        target, "array", "kernel", encoding, taps.shape, taps.dtype, axes, names, rate
    )
