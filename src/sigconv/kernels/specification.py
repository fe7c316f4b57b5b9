"""Kernels from text: ``"gaussian:sigma=2x1x1mm"``. The grammar is in `sigconv.kernels.grammar`."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeAlias, TypeGuard

from sigconv.errors import KernelError
from sigconv.kernels.checks import (
    POSITIVE,
    Kernel,
    PerAxis,
    axis_count,
    number,
    per_axis,
    quoted,
    shown,
)
from sigconv.kernels.derivatives import laplacian, log, prewitt, sobel
from sigconv.kernels.filters import bandpass, highpass, lowpass
from sigconv.kernels.grammar import UNITS, Value, read_items
from sigconv.kernels.smoothing import box, delta, gaussian


@dataclass(frozen=True, slots=True)
class Calibration:
    """The number of axes, and how samples relate to mm and seconds."""

    ndim: int
    spacing: PerAxis | None
    fs: float | None

    def step(self, key: str, unit: str) -> tuple[float, ...]:
        """Distance between samples on each axis in a unit of length or time, else 1."""
        if not unit:
            return (1.0,) * self.ndim
        measured, size = UNITS[unit]
        if measured == "length":
            if self.spacing is None:
                raise _uncalibrated(key, unit, "spacing", "the distance between samples")
            steps = per_axis("spacing", self.spacing, self.ndim, POSITIVE)
            return tuple(step / size for step in steps)
        if self.ndim != 1:
            raise KernelError(
                f"a time belongs to one axis; got {key} in {unit} for a kernel of {self.ndim} "
                f"axes. Give {key} in samples, or convolve along one axis."
            )
        return (1.0 / self.rate(key, unit) / size,)

    def rate(self, key: str, unit: str) -> float:
        """Samples per second."""
        if self.fs is None:
            raise _uncalibrated(key, unit, "fs", "the sampling rate")
        return self.fs


def _uncalibrated(key: str, unit: str, missing: str, meaning: str) -> KernelError:
    if key == "per":
        otherwise = "Leave per out for a derivative per sample"
    else:
        otherwise = f"Give {key} in {_without_unit(unit)}"
    flag = "--rate" if missing == "fs" else "--spacing"
    return KernelError(
        f"{key} in {unit} needs {meaning}, which this input does not tell. "
        f"{otherwise}, or give {missing} ({flag} on the command line)."
    )


def _without_unit(unit: str) -> str:
    return "cycles per sample" if UNITS[unit][0] == "frequency" else "samples"


# What follows turns a value into arguments of the function that makes the kernel.
Reader: TypeAlias = Callable[[str, Value, Calibration], dict[str, Any]]


def _numbers(key: str, value: Value, *kinds: str) -> tuple[float, ...]:
    """The numbers of a value whose unit, if any, measures one of `kinds`."""
    if not value.numbers:
        raise KernelError(f"{key} must be a number; got {quoted(value.text)}. Write {key}=2.")
    allowed = [unit for unit, (measured, _) in UNITS.items() if measured in kinds]
    if value.unit and value.unit not in allowed:
        units = f"a number in {', '.join(allowed)} or without unit" if allowed else "no unit"
        raise KernelError(f"{key} takes {units}; got {quoted(value.text)}. Change the unit.")
    return value.numbers


def _one_number(key: str, value: Value, *kinds: str) -> float:
    numbers = _numbers(key, value, *kinds)
    if len(numbers) != 1:
        raise KernelError(
            f"{key} takes one number; got {quoted(value.text)}. "
            f"Write {key}={shown(numbers[0])}{value.unit}."
        )
    return numbers[0]


def _plain(key: str, value: Value, _: Calibration) -> dict[str, Any]:
    """A number without a unit."""
    return {key: _one_number(key, value)}


def _word(key: str, value: Value, _: Calibration) -> dict[str, Any]:
    if value.numbers:
        raise KernelError(
            f"{key} must be a word; got {quoted(value.text)}. Write a name, such as {key}=hann."
        )
    return {key: value.text}


def _width(key: str, value: Value, calibration: Calibration) -> dict[str, Any]:
    """A standard deviation, with the spacing in the same unit."""
    _numbers(key, value, "length", "time")
    return {key: value.one_or_each, "spacing": calibration.step(key, value.unit)}


def _samples(key: str, value: Value, calibration: Calibration) -> dict[str, Any]:
    """A size that is a whole number of samples."""
    _numbers(key, value, "length", "time")
    if not value.unit:
        return {key: value.one_or_each}
    steps = calibration.step(key, value.unit)
    sizes = per_axis(key, value.one_or_each, calibration.ndim, POSITIVE)
    return {key: tuple(_whole(key, s / d, value) for s, d in zip(sizes, steps, strict=True))}


def _whole(key: str, samples: float, value: Value) -> int:
    count = number(f"{key}={value.text} in samples", samples)
    nearest = max(1, round(count))
    # Calibrations such as 1/44100 s are rounded, so a whole number is met to some digits only.
    if abs(count - nearest) > 1e-9 * nearest:
        raise KernelError(
            f"{key} must be a whole number of samples on every axis; got {quoted(value.text)}, "
            f"{count:.6g} samples. Write it in samples, such as {key}={nearest}."
        )
    return nearest


def _frequency(key: str, value: Value, calibration: Calibration) -> dict[str, Any]:
    """A frequency in Hz, with the sampling rate; without a unit in cycles per sample."""
    given = _one_number(key, value, "frequency")
    if value.unit:
        return {key: given * UNITS[value.unit][1], "fs": calibration.rate(key, value.unit)}
    if not 0 < given < 0.5:
        raise KernelError(
            f"{key} without a unit is in cycles per sample, between 0 and 0.5; got "
            f"{quoted(value.text)}. Write {key}={shown(abs(given))}Hz for a frequency in Hz."
        )
    fs = 1.0 if calibration.fs is None else calibration.fs
    return {key: given * fs, "fs": fs}


def _unit_of_result(key: str, value: Value, calibration: Calibration) -> dict[str, Any]:
    """The unit of length or time that a derivative is taken in."""
    known = [unit for unit, (measured, _) in UNITS.items() if measured != "frequency"]
    if value.text not in known:
        raise KernelError(
            f"{key} must be a unit of length or time; got {quoted(value.text)}. "
            f"Known units: {' '.join(known)}."
        )
    return {"spacing": calibration.step(key, value.text)}


@dataclass(frozen=True, slots=True)
class Recipe:
    """How a kernel is made from text: its function, its keys in order, those needed."""

    make: Callable[..., Kernel]
    keys: dict[str, Reader]
    required: tuple[str, ...]
    example: str
    ndim: int | None  # axes where nothing says how many; None: a filter, along one axis


_SIZE: dict[str, Reader] = {"size": _samples}
_BELL: dict[str, Reader] = {"sigma": _width, "truncate": _plain}
_SECOND: dict[str, Reader] = {"per": _unit_of_result}
_SLOPE: dict[str, Reader] = {"axis": _plain} | _SECOND
_TAPS: dict[str, Reader] = {"taps": _plain, "window": _word}
_EDGE: dict[str, Reader] = {"cutoff": _frequency} | _TAPS
_BAND: dict[str, Reader] = {"low": _frequency, "high": _frequency} | _TAPS

KERNELS: dict[str, Recipe] = {
    "bandpass": Recipe(bandpass, _BAND, ("low", "high", "taps"), "300Hz,3kHz,taps=101", None),
    "box": Recipe(box, _SIZE, ("size",), "5x5x3", 1),
    "delta": Recipe(delta, _SIZE, (), "3", 1),
    "gaussian": Recipe(gaussian, _BELL, ("sigma",), "sigma=2", 1),
    "highpass": Recipe(highpass, _EDGE, ("cutoff", "taps"), "cutoff=100Hz,taps=101", None),
    "laplacian": Recipe(laplacian, _SECOND, (), "per=mm", 2),
    "log": Recipe(log, _BELL, ("sigma",), "sigma=2", 2),
    "lowpass": Recipe(lowpass, _EDGE, ("cutoff", "taps"), "cutoff=1kHz,taps=101", None),
    "prewitt": Recipe(prewitt, _SLOPE, ("axis",), "axis=0", 2),
    "sobel": Recipe(sobel, _SLOPE, ("axis",), "axis=0", 2),
}


def is_spec(text: object) -> TypeGuard[str]:
    """Whether a text is a kernel specification: a known name stands before its first ``:``.

    Parameters
    ----------
    text : str
        A specification, or anything else such as a path.

    Returns
    -------
    bool
        True also where the rest of the specification is wrong: `parse` then says how.

    Notes
    -----
    A file that has the name of a kernel is meant by a path: ``./box``.

    Examples
    --------
    >>> from sigconv.kernels import is_spec
    >>> is_spec("box:5x5"), is_spec("laplacian"), is_spec("./box"), is_spec("room.wav")
    (True, True, False, False)
    """
    return isinstance(text, str) and text.partition(":")[0] in KERNELS


def parse(
    spec: str,
    *,
    spacing: PerAxis | None = None,
    fs: float | None = None,
    ndim: int | None = None,
) -> Kernel:
    """Kernel that a specification such as ``"gaussian:sigma=2mm"`` describes.

    Parameters
    ----------
    spec : str
        ``NAME[:ITEM{,ITEM}]``, each item ``KEY=VALUE``, or a value alone for the keys in order:

        ===================== ===============================
        name                  keys (optional ones in brackets)
        ===================== ===============================
        gaussian, log         sigma, [truncate]
        box                   size
        delta                 [size]
        sobel, prewitt        axis, [per]
        laplacian             [per]
        lowpass, highpass     cutoff, taps, [window]
        bandpass              low, high, taps, [window]
        ===================== ===============================

        A value is a word, or numbers with a unit at the end: ``2``, ``1kHz``, ``2x1x1mm`` (in
        array-axis order). Units are ``s ms Hz kHz um mm``; without one, sizes are in samples and
        frequencies in cycles per sample. ``per`` is the unit of length or time that a derivative is
        taken in, else per sample; for ``log`` that is the unit of sigma.
    spacing : float or sequence of float, optional
        Distance between samples in mm, for all axes or for each.
    fs : float, optional
        Sampling rate in Hz.
    ndim : int, optional
        Number of axes of the array to be filtered. Default: as many as the specification or
        `spacing` has values, else 1 (2 for derivatives). Filters have one axis whatever it is.

    Returns
    -------
    ndarray of float64
        The kernel that the function of that name returns.

    Raises
    ------
    KernelError
        Whatever keeps the text from being a kernel: an unknown name, key or unit, a value that is
        not allowed, a unit without the calibration it needs.

    Examples
    --------
    >>> from sigconv.kernels import parse
    >>> parse("box:2x2")
    array([[0.25, 0.25],
           [0.25, 0.25]])
    >>> parse("gaussian:sigma=2x1x1mm", spacing=(2.0, 0.5, 0.5)).shape  # 1, 2 and 2 samples
    (9, 17, 17)
    >>> parse("lowpass:1kHz,101", fs=44100).shape
    (101,)
    """
    if not is_spec(spec):
        raise KernelError(
            f"a kernel specification starts with a known name; got {quoted(spec)}. "
            f"Known kernels: {', '.join(KERNELS)}."
        )
    name, colon, rest = spec.partition(":")
    recipe = KERNELS[name]
    values = read_items(name, tuple(recipe.keys), rest) if colon else {}
    missing = [key for key in recipe.required if key not in values]
    if missing:
        raise KernelError(
            f"{name} needs {' and '.join(missing)}; got {quoted(spec)}. "
            f"Write for example {name}:{recipe.example}."
        )
    calibration = _calibration(recipe, values, spacing, fs, ndim)
    arguments: dict[str, Any] = {} if recipe.ndim is None else {"ndim": calibration.ndim}
    for key, value in values.items():
        arguments |= recipe.keys[key](key, value, calibration)
    return recipe.make(**arguments)


def _calibration(
    recipe: Recipe,
    values: dict[str, Value],
    spacing: PerAxis | None,
    fs: float | None,
    ndim: int | None,
) -> Calibration:
    rate = None if fs is None else number("fs", fs, POSITIVE)
    if recipe.ndim is None:
        return Calibration(1, None, rate)
    several = {key: value.one_or_each for key, value in values.items() if value.numbers}
    for key, value in values.items():
        if ndim is not None and len(value.numbers) not in (0, 1, ndim):
            raise KernelError(
                f"{key}={value.text} has {len(value.numbers)} values, the array to convolve has "
                f"{ndim} {'axis' if ndim == 1 else 'axes'}. Give one value for all axes together, "
                "or one for each."
            )
    axes = axis_count(ndim, recipe.ndim, spacing=spacing, **several)
    if spacing is not None:
        per_axis("spacing", spacing, axes, POSITIVE)
    return Calibration(axes, spacing, rate)
