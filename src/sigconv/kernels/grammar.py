"""The grammar of kernel specifications, without a word on what the values mean.

White space around items, keys and values is ignored::

    KERNEL := NAME[:ITEM{,ITEM}]
    ITEM   := [KEY=]VALUE            without KEY: the keys of the kernel in their order
    VALUE  := NUM{xNUM}[UNIT] | WORD
    UNIT   := s | ms | Hz | kHz | um | mm
"""

from __future__ import annotations

import re
import string
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from sigconv.errors import KernelError
from sigconv.kernels.checks import number, quoted

#: What a unit measures, and its size in s, Hz or mm.
UNITS: dict[str, tuple[str, float]] = {
    "s": ("time", 1.0),
    "ms": ("time", 1e-3),
    "Hz": ("frequency", 1.0),
    "kHz": ("frequency", 1e3),
    "um": ("length", 1e-3),
    "mm": ("length", 1.0),
}

_NUMBER = re.compile(r"[+-]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]+)?")
_WORD = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


@dataclass(frozen=True, slots=True)
class Value:
    """What stands after a key: numbers with a unit, or a word."""

    text: str
    numbers: tuple[float, ...] = ()
    unit: str = ""

    @property
    def one_or_each(self) -> float | tuple[float, ...]:
        """The only number, or one for each axis."""
        return self.numbers[0] if len(self.numbers) == 1 else self.numbers


def read_items(name: str, keys: Sequence[str], text: str) -> dict[str, Value]:
    """The values of the text after ``NAME:`` by key."""
    values: dict[str, Value] = {}
    for key, value in _keyed(keys, text):
        if key not in keys:
            raise KernelError(
                f"{name} has no key {quoted(key)}. Known keys of {name}: {', '.join(keys)}."
            )
        if key in values:
            raise KernelError(f"{name} takes {key} once; got it twice. Remove one.")
        values[key] = read_value(key, value)
    return values


def _keyed(keys: Sequence[str], text: str) -> Iterator[tuple[str, str]]:
    """Key and value of each item; values without a key come first."""
    named = False
    for position, item in enumerate(text.split(",")):
        key, equals, value = (part.strip() for part in item.rpartition("="))
        named = named or bool(equals)
        if named and not equals:
            raise KernelError(
                f"values without a key come before those with one; got {quoted(value)} as item "
                f"{position + 1}. Write KEY={value[:20]}."
            )
        if not named and position >= len(keys):
            raise KernelError(
                f"at most {len(keys)} values, for {', '.join(keys)}; got {quoted(value)} as item "
                f"{position + 1}. Remove it; x joins the values for several axes."
            )
        yield (key if named else keys[position]), value


def read_value(key: str, text: str) -> Value:
    """A word, or numbers with their unit."""
    if _WORD.fullmatch(text):
        return Value(text)
    digits = text.rstrip(string.ascii_letters)
    unit = text[len(digits) :]
    parts = digits.split("x")
    if not all(_NUMBER.fullmatch(part) for part in parts):
        raise KernelError(
            f"{key} must be a word, or numbers joined by x with a unit at the end; got "
            f"{quoted(text)}. Write for example {key}=2 or {key}=2x1x1."
        )
    if unit and unit not in UNITS:
        raise KernelError(
            f"{key} has an unknown unit {quoted(unit)}. Known units: {' '.join(UNITS)}."
        )
    return Value(text, tuple(number(key, float(part)) for part in parts), unit)
