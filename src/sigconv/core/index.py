"""Index tuples for arrays whose number of axes varies."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

__all__ = ["along", "leading", "trailing"]

Index = tuple[Any, ...]


def along(axis: int, *parts: Any) -> Index:
    """Return the index that takes `parts` from axis `axis` on, and everything before it."""
    return (slice(None),) * axis + parts


def leading(parts: Iterable[Any]) -> Index:
    """Return the index that takes `parts` on the first axes; always a view, never a scalar."""
    return (*parts, ...)


def trailing(parts: Iterable[Any]) -> Index:
    """Return the index that takes `parts` on the last axes, and everything before them."""
    return (..., *parts)
