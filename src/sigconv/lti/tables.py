"""Numbers and tables as text: columns aligned, long ones abbreviated."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

import numpy as np

from sigconv.core.dtypes import Array

__all__ = [
    "GAP",
    "MOST",
    "Line",
    "aligned",
    "cells",
    "factors",
    "joined",
    "lagged",
    "selected",
    "texts",
]

GAP = "..."

MOST, _EDGE = 12, 5

_DECIMALS = 4


class Line(NamedTuple):
    """A heading, its cells, and what follows them."""

    heading: str
    cells: Sequence[str]
    note: str = ""


def selected(indices: range) -> list[int | None]:
    """Return the indices to show: all up to 12, else five at each end with None between."""
    if len(indices) <= MOST:
        return list(indices)
    return [*indices[:_EDGE], None, *indices[-_EDGE:]]


def texts(values: Array) -> list[str]:
    """Return numbers as texts whose decimal points align when they are set flush right.

    >>> texts(np.array([1.0, 0.25, -30.0]))
    ['1   ', '0.25', '-30   ']
    """
    kind = values.dtype.kind
    if kind == "c":
        return [f"{value + 0:.{_DECIMALS}g}" for value in values]  # + 0: no -0j
    if kind != "f":
        return [str(value) for value in values]
    sizes = np.abs(values[np.isfinite(values) & (values != 0)])
    # Half a unit in the last place shows as 0.
    if sizes.size and not (sizes.min() > 0.5 * 10.0**-_DECIMALS and sizes.max() < 1e6):
        return [f"{value:.{_DECIMALS}g}" for value in values]
    short = [f"{value + 0.0:.{_DECIMALS}f}".rstrip("0").rstrip(".") for value in values]
    tails = [len(text) - text.find(".") if "." in text else 0 for text in short]
    longest = max(tails, default=0)
    return [text + " " * (longest - tail) for text, tail in zip(short, tails, strict=True)]


def joined(values: Array) -> str:
    """Return values as one line, abbreviated."""
    shown = selected(range(len(values)))
    some = iter(texts(values[[index for index in shown if index is not None]]))
    return ", ".join(GAP if index is None else next(some).strip() for index in shown)


def factors(values: Array) -> list[str]:
    """Return numbers as factors of a product: what has a sign or a slash stands in brackets."""
    plain = [text.strip() for text in texts(values)]
    always = values.dtype.kind == "c"
    return [f"({text})" if always or text[0] == "-" or "/" in text else text for text in plain]


def aligned(lines: Iterable[Line | None], *, even: bool = False) -> str:
    """Return a table as text, cells flush right, columns `even` if asked; None is a rule."""
    rows = list(lines)
    filled = [row for row in rows if row is not None]
    heading = max(len(row.heading) for row in filled)
    widths = [max(map(len, column)) for column in zip(*(row.cells for row in filled), strict=True)]
    if even:
        widths = [max(widths)] * len(widths)
    width = sum(widths) + 2 * len(widths) - 1
    drawn = []
    for row in rows:
        if row is None:
            drawn.append("-" * (heading + 1) + "+" + "-" * width)
            continue
        line = "  ".join(cell.rjust(n) for cell, n in zip(row.cells, widths, strict=True))
        note = f" | {row.note}" if row.note else ""
        drawn.append(f"{row.heading:<{heading}} | {line}{note}".rstrip())
    return "\n".join(drawn)


def lagged(name: str, shift: int) -> str:
    """Return a name, less the shift if there is one: ``n``, ``n-3``."""
    return f"{name}-{shift}" if shift else name


def cells(values: Mapping[int, object], shown: Iterable[int | None]) -> list[str]:
    """Return the texts at the indices shown, blank where there is none."""
    return [GAP if index is None else str(values.get(index, "")) for index in shown]
