"""What the functions of layers are asked for, per axis; all messages about it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from sigconv.core.boundary import Edges, parse_boundary
from sigconv.core.dtypes import Array
from sigconv.core.problem import Shape
from sigconv.errors import BoundaryError, OptionError, ShapeError

__all__ = [
    "Sides",
    "as_channels_first",
    "edges_of",
    "in_layout",
    "named_shape",
    "per_axis",
    "sides_of",
    "spatial_axes",
]

Sides = tuple[tuple[int, int], ...]
"""How many samples are put before and after each axis."""

_LAYOUTS = ("channels_first", "channels_last")


def spatial_axes(shape: Shape, name: str) -> int:
    """Return how many axes follow the batch and the channels, from 1 to 3."""
    if not 3 <= len(shape) <= 5:
        raise ShapeError(
            f"{name} needs 3 to 5 axes: batch, channels and 1 to 3 of space; got shape {shape}. "
            "A single signal without channels is x[None, None]."
        )
    return len(shape) - 2


def per_axis(value: Any, ndim: int, name: str, least: int | None = None) -> Shape:
    """Return one integer, of at least `least`, for each axis of space; one value serves all."""
    given = tuple(value) if isinstance(value, Sequence | np.ndarray) else (value,) * ndim
    if len(given) != ndim:
        raise ShapeError(
            f"{name} is an integer, or has one entry per axis of space ({ndim}); got {value!r}."
        )
    if not all(_is_whole(entry) and (least is None or entry >= least) for entry in given):
        rule = "" if least is None else f" of at least {least}"
        raise OptionError(f"{name} must be integers{rule}; got {value!r}.")
    return tuple(int(entry) for entry in given)


def _is_whole(value: Any) -> bool:
    return hasattr(value, "__index__") and not isinstance(value, bool | np.bool_)


def sides_of(padding: Any, taps: Shape, dilation: Shape) -> Sides:
    """Return how many samples `padding` puts before and after each axis."""
    ndim = len(taps)
    if isinstance(padding, str):
        reach = [d * (max(k, 1) - 1) for k, d in zip(taps, dilation, strict=True)]
        if padding == "valid":
            return ((0, 0),) * ndim
        if padding == "same":
            return tuple((r // 2, r - r // 2) for r in reach)
        raise OptionError(
            f"padding is a number, a sequence, 'same' or 'valid'; got {padding!r}. How the signal "
            "continues is the boundary."
        )
    entries = tuple(padding) if isinstance(padding, Sequence | np.ndarray) else (padding,) * ndim
    if len(entries) != ndim:
        pairs = " A pair of sides is one entry: [(1, 2)]." if ndim == 1 else ""
        raise ShapeError(
            f"padding has one entry per axis of space ({ndim}), each a number or a (before, after) "
            f"pair; got {padding!r}.{pairs}"
        )
    return tuple(_sides(entry) for entry in entries)


def _sides(entry: Any) -> tuple[int, int]:
    pair = tuple(entry) if isinstance(entry, Sequence | np.ndarray) else (entry, entry)
    if len(pair) != 2 or not all(_is_whole(side) and side >= 0 for side in pair):
        raise OptionError(
            "each entry of padding is an integer of at least 0, or a (before, after) pair of "
            f"them; got {entry!r}. To crop, slice the result."
        )
    return int(pair[0]), int(pair[1])


def edges_of(boundary: Any, ndim: int) -> tuple[Edges, ...]:
    """Return what the padding consists of, before and after each axis."""
    edges = parse_boundary(boundary, ndim)
    rules = {edge.rule for pair in edges for edge in pair}
    if "absent" in rules:
        raise BoundaryError(
            "boundary='absent' divides by the sum of the weights that are left, which layers do "
            "not: use 'zero', 'edge', 'reflect', 'symmetric' or 'wrap'."
        )
    if "constant" in rules:
        raise BoundaryError(
            "boundary='constant' has no value in a layer; use 'zero', or pad the signal yourself: "
            "np.pad(x, widths, constant_values=value)."
        )
    return edges


def as_channels_first(array: Array, layout: str) -> Array:
    """Return a view of (batch, channels, *space), whatever the layout."""
    if layout not in _LAYOUTS:
        raise OptionError(f"layout must be {' or '.join(map(repr, _LAYOUTS))}; got {layout!r}.")
    return array if layout == "channels_first" or array.ndim < 2 else np.moveaxis(array, -1, 1)


def in_layout(array: Array, layout: str) -> Array:
    """Return the result in the layout that was asked for, from (batch, channels, *space)."""
    return array if layout == "channels_first" else np.moveaxis(array, 1, -1)


def named_shape(shape: Shape, layout: str) -> Shape:
    """Return the shape (batch, channels, *space) in the layout that was asked for."""
    batch, channels, *space = shape
    return (batch, channels, *space) if layout == "channels_first" else (batch, *space, channels)
