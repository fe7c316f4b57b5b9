"""How the samples of a file are convolved: everything beside the kernel and the names of files."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from math import isfinite
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from sigconv.core.dtypes import as_dtype
from sigconv.errors import DTypeError, OptionError, ShapeError
from sigconv.files.description import Description, DType

__all__ = [
    "NORMALISATIONS",
    "OPERATIONS",
    "Settings",
    "Sides",
    "adjusted",
    "result_dtype",
    "with_rate",
]

OPERATIONS = ("convolve", "correlate")
NORMALISATIONS = ("none", "peak", "energy")


class Sides(NamedTuple):
    """A boundary's rule before the first sample and after the last, the same on every axis."""

    before: str
    after: str


@dataclass(frozen=True, slots=True)
class Settings:
    """How the samples of a file are convolved.

    Attributes
    ----------
    operation : {"convolve", "correlate"}
        Whether the kernel is flipped, or is a template to be found.
    mode : {"full", "same", "valid"}, optional
        Default: ``full`` for audio, whose tail is heard; ``same`` for everything else.
    axes : tuple of int, optional
        The axes to convolve, in the order of the kernel's axes, of `center` and of `spacing`.
        Default: time, space, or all axes of an array.
    center, fill_value, nan_policy, method, workers
        As in `sigconv.convolve` and `sigconv.correlate`.
    boundary : str, sequence or Sides
        As in `sigconv.convolve`, or the two `Sides` of every axis.
    dtype : dtype, optional
        The dtype of computation and result. Default: the source's precision, integers in float32.
    gain_db : float
        A gain that the kernel is multiplied by, in decibels.
    normalize : {"none", "peak", "energy"}
        What of the kernel becomes 1 before the gain: nothing, its largest magnitude, or the sum
        of its squares, which keeps the level of noise. Channels keep their balance.
    resample : bool
        Whether a kernel of another sample rate is converted to the source's.
    subtype : str, optional
        How audio samples are stored, such as ``"PCM_24"``. Default: as the source's.
    dither : bool
        Whether triangular noise of one step is added before samples are rounded to integers.
    rate : float, optional
        Samples per second, of a source that does not tell.
    raw : str, optional
        The samples that a pipe carries without a header, as ffmpeg names them: ``"f32le"``.
    channels : int, optional
        The channels of samples without a header.
    spacing : tuple of float, optional
        Millimetres per sample: one number, or one for each convolved axis.
    missing_chunks : {"refuse", "fill"}
        What becomes of chunks of Zarr and HDF5 that are not stored: they got lost, or were left out
        as empty and read as the fill value.
    max_memory : int, optional
        The bytes that samples, results and scratch may take together.
    """

    operation: str = "convolve"
    mode: str | None = None
    axes: tuple[int, ...] | None = None
    center: int | tuple[int, ...] | None = None
    boundary: Any = "zero"
    fill_value: complex = 0.0
    nan_policy: str = "propagate"
    method: str = "auto"
    dtype: npt.DTypeLike | None = None
    workers: int | None = None
    gain_db: float = 0.0
    normalize: str = "none"
    resample: bool = False
    subtype: str | None = None
    dither: bool = False
    rate: float | None = None
    raw: str | None = None
    channels: int | None = None
    spacing: tuple[float, ...] | None = None
    missing_chunks: str = "refuse"
    max_memory: int | None = None

    def __post_init__(self) -> None:
        choices = {
            "operation": OPERATIONS,
            "normalize": NORMALISATIONS,
            "missing_chunks": ("refuse", "fill"),
        }
        for name, known in choices.items():
            if getattr(self, name) not in known:
                given = getattr(self, name)
                raise OptionError(f"{name} must be one of {', '.join(known)}; got {given!r}.")

    def edges(self, count: int) -> Any:
        """Return the boundary of `count` axes, as `sigconv.convolve` takes it."""
        return [tuple(self.boundary)] * count if isinstance(self.boundary, Sides) else self.boundary

    @classmethod
    def of(cls, settings: Settings | None, changes: dict[str, Any]) -> Settings:
        """Return `settings`, or those by default, with `changes` by name."""
        known = [field.name for field in fields(cls)]
        unknown = [name for name in changes if name not in known]
        if unknown:
            raise TypeError(f"no setting is called {unknown[0]!r}. Settings: {', '.join(known)}.")
        return replace(settings or cls(), **changes)


def result_dtype(about: Description, wanted: npt.DTypeLike | None) -> DType:
    """Return the dtype to compute the samples of a file in, and to write."""
    if wanted is None:
        return about.working
    dtype = as_dtype(wanted)
    if dtype.kind not in "biufc":
        raise DTypeError(f"dtype must be a number type; got {dtype}. Ask for float32 or float64.")
    return dtype


def adjusted(about: Description, settings: Settings) -> Description:
    """Return a description with the axes, the rate and the spacing that settings give it."""
    about = _with_axes(about, settings.axes)
    if settings.rate is not None:
        about = with_rate(about, settings.rate)
    if settings.spacing is not None:
        about = _with_spacing(about, settings.spacing)
    return about


def _with_axes(about: Description, wanted: tuple[int, ...] | None) -> Description:
    if wanted is None:
        return about
    ndim = len(about.shape)
    if any(not -ndim <= axis < ndim for axis in wanted) or not wanted:
        raise ShapeError(
            f"{about.path} has {ndim} axes, 0 to {ndim - 1} ({', '.join(about.axis_names)}); got "
            f"axes {', '.join(map(str, wanted))}. Name axes that it has."
        )
    axes = tuple(axis % ndim for axis in wanted)
    if len(set(axes)) < len(axes):
        raise ShapeError(f"each axis is named once; got {', '.join(map(str, wanted))}.")
    spacing = about.spacing
    if spacing is not None:
        known = dict(zip(about.axes, spacing, strict=True))
        spacing = tuple(known[a] for a in axes) if all(a in known for a in axes) else None
    return replace(about, axes=axes, spacing=spacing)


def with_rate(about: Description, rate: float) -> Description:
    """Return a description of a file that does not tell its rate, with one."""
    _check_positive("rate", rate)
    if about.rate is not None and about.rate != rate:
        raise OptionError(
            f"{about.path} says that it has {about.rate:g} Hz; got a rate of {rate:g} Hz. "
            "Leave the rate out, or write the file with the right one."
        )
    return replace(about, rate=float(rate))


def _with_spacing(about: Description, spacing: tuple[float, ...]) -> Description:
    for step in spacing:
        _check_positive("spacing", step)
    count = len(about.axes)
    if len(spacing) not in (1, count):
        raise OptionError(
            f"spacing is one number, or one for each of the {count} convolved axes of "
            f"{about.path}; got {len(spacing)}."
        )
    steps = tuple(map(float, spacing)) * (count if len(spacing) == 1 else 1)
    return replace(about, spacing=steps)


def _check_positive(name: str, value: float) -> None:
    if not (isinstance(value, int | float | np.number) and isfinite(value) and value > 0):
        raise OptionError(f"{name} must be a positive number; got {value!r}.")
