"""Values of options, from text with units."""

from __future__ import annotations

import re
from collections.abc import Callable
from fractions import Fraction
from typing import Any

import click

from sigconv.core.boundary import ALIASES, RULES
from sigconv.errors import KernelError
from sigconv.kernels.grammar import UNITS, read_value

__all__ = [
    "AXES",
    "BOUNDARY",
    "CENTER",
    "DURATION",
    "GAIN",
    "MEMORY",
    "RATE",
    "SPACING",
    "Text",
    "parse_shape",
]

_BYTES = {"": 1, "B": 1}
for _power, _prefix in enumerate("kMGT", 1):
    _BYTES |= {f"{_prefix}B": 1000**_power, f"{_prefix.upper()}iB": 1024**_power}


# Only some versions of click have it generic.
class Text(click.ParamType):  # type: ignore[type-arg]
    """A value that a function reads from text, or says why it cannot."""

    def __init__(self, name: str, read: Callable[[str], Any]) -> None:
        self.name = name
        self._read = read

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """Return what `value` means."""
        if not isinstance(value, str):
            return value
        try:
            return self._read(value)
        except (ValueError, KernelError) as error:
            self.fail(str(error), param, ctx)


def parse_shape(text: str) -> tuple[int, ...] | None:
    """Return the shape that a text such as ``256x256x33`` spells, or None where it spells none.

    >>> parse_shape("256x256x33"), parse_shape("1000"), parse_shape("brain.nii")
    ((256, 256, 33), (1000,), None)
    """
    if re.fullmatch(r"[0-9]{1,15}(x[0-9]{1,15})*", text):
        return tuple(int(part) for part in text.split("x"))
    return None


def _quantity(name: str, text: str, measured: str, example: str) -> tuple[float, ...]:
    """Return numbers in s, Hz or mm."""
    if not text.strip():
        raise ValueError(f"{name} is empty. Write for example {example}.")
    value = read_value(name, text)
    kind, size = UNITS.get(value.unit, ("", 1.0))
    if not value.numbers or (value.unit and kind != measured):
        raise ValueError(f"{text!r} is no {measured}. Write for example {example}.")
    # A thousand of a smaller unit is exactly one of a larger one.
    return tuple(n / round(1 / size) if size < 1 else n * size for n in value.numbers)


def _one(name: str, text: str, measured: str, example: str) -> float:
    numbers = _quantity(name, text, measured, example)
    if len(numbers) != 1:
        raise ValueError(f"{text!r} has {len(numbers)} numbers. Write for example {example}.")
    return numbers[0]


def _spacing(text: str) -> tuple[float, ...]:
    if text[-1:].isdigit():
        raise ValueError(f"{text!r} has no unit. Write for example 3x1x1mm.")
    return _quantity("spacing", text, "length", "3x1x1mm")


def _rate(text: str) -> float:
    return _one("rate", text, "frequency", "48kHz")


def _duration(text: str) -> float:
    if text[-1:].isdigit():
        raise ValueError(f"{text!r} has no unit. Write for example 20ms.")
    return _one("duration", text, "time", "20ms")


def _gain(text: str) -> float:
    found = re.fullmatch(r"([+-]?[0-9]*\.?[0-9]+)(dB)?", text)
    if found is None:
        raise ValueError(f"{text!r} is no gain. Write for example -6dB.")
    return float(found[1])


def _memory(text: str) -> int:
    found = re.fullmatch(r"([0-9]+(?:\.[0-9]+)?)([A-Za-z]*)", text)
    if found is None or found[2] not in _BYTES:
        raise ValueError(f"{text!r} is no size. Write for example 1GiB (2^30 bytes) or 1GB (10^9).")
    return int(Fraction(found[1]) * _BYTES[found[2]])


def _axes(text: str) -> tuple[int, ...]:
    if not re.fullmatch(r"-?[0-9]{1,3}(,-?[0-9]{1,3})*", text):
        raise ValueError(f"{text!r} names no axes. Write for example 0,1.")
    return tuple(int(part) for part in text.split(","))


def _center(text: str) -> tuple[int, ...] | int:
    shape = parse_shape(text)
    if shape is None:
        raise ValueError(f"{text!r} is no tap. Write for example 0, or 1x2 for two axes.")
    return shape[0] if len(shape) == 1 else shape


def _boundary(text: str) -> Any:
    from sigconv.files.settings import Sides

    sides = text.split(",")
    known = (*RULES, *ALIASES)
    if not 1 <= len(sides) <= 2 or any(side not in known for side in sides):
        raise ValueError(
            f"{text!r} is no rule, nor two (before, after). Rules: {', '.join(map(repr, known))}."
        )
    return sides[0] if len(sides) == 1 else Sides(*sides)


SPACING = Text("spacing", _spacing)
RATE = Text("rate", _rate)
DURATION = Text("duration", _duration)
GAIN = Text("gain", _gain)
MEMORY = Text("memory", _memory)
AXES = Text("axes", _axes)
CENTER = Text("center", _center)
BOUNDARY = Text("boundary", _boundary)
