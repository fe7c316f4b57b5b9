"""Bars in the terminal."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from shutil import get_terminal_size
from typing import NamedTuple

__all__ = ["Bar", "draw_bars", "fits_terminal"]

# The part that is asked for, and the rest: told apart without colours.
_FULL, _PALE = "█", "░"
_PLAIN = str.maketrans({_FULL: "#", _PALE: "-"})

# Longer lines are hard to follow.
_WIDEST = 100


class Bar(NamedTuple):
    """A bar with a label before it and a note behind it; `marked` of its height is filled."""

    label: str
    height: float
    marked: float
    note: str


def fits_terminal() -> int:
    """Return the columns of the terminal, 80 where there is none."""
    return min(get_terminal_size().columns, _WIDEST)


def draw_bars(bars: Sequence[Bar], columns: int) -> list[str]:
    """Return a line for each bar; the highest one is as long as `columns` allow."""
    before = max(len(bar.label) for bar in bars)
    behind = max(len(bar.note) for bar in bars)
    room = max(columns - before - behind - 2, 1)
    highest = max(bar.height for bar in bars)
    lines = []
    for bar in bars:
        length = round(room * bar.height / highest)
        filled = round(room * bar.marked / highest)
        drawn = _FULL * filled + _PALE * (length - filled)
        lines.append(f"{bar.label:>{before}} {drawn:<{room}} {bar.note:>{behind}}")
    return [_printable(line) for line in lines]


def _printable(line: str) -> str:
    """Return a line in characters that the output has."""
    try:
        line.encode(getattr(sys.stdout, "encoding", None) or "ascii")
    except UnicodeEncodeError:
        return line.translate(_PLAIN)
    return line
