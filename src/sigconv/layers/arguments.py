"""What the functions of layers are asked for, per axis; all messages about it."""

from __future__ import annotations

from collections.abc import Sequence
from operator import index
from typing import Any

import numpy as np

from sigconv.core.dtypes import Array
from sigconv.core.problem import Shape
from sigconv.errors import OptionError, ShapeError

__all__ = [
    "Sides",
    "as_channels_first",
    "check_flip",
    "check_layout",
    "checked_groups",
    "checked_shape",
    "in_layout",
    "is_whole",
    "named_shape",
    "per_axis",
    "shape_channels_first",
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


def checked_shape(shape: Any, name: str) -> Shape:
    """Return the shape of an array that is not there, as integers of at least 0."""
    if isinstance(shape, np.ndarray) and shape.ndim != 1:
        raise ShapeError(f"{name} is a tuple of integers; got an array: pass its shape, a.shape.")
    given = _entries(shape, 1)
    if not all(is_whole(n) and n >= 0 for n in given):
        raise ShapeError(f"{name} is a tuple of integers of at least 0; got {shape!r:.80}.")
    return tuple(int(n) for n in given)


def per_axis(value: Any, ndim: int, name: str, least: int | None = None) -> Shape:
    """Return one integer, of at least `least`, for each axis of space; one value serves all."""
    given = _entries(value, ndim)
    if len(given) != ndim:
        raise ShapeError(
            f"{name} is an integer, or has one entry per axis of space ({ndim}); got {value!r}."
        )
    if not all(is_whole(entry) and (least is None or entry >= least) for entry in given):
        rule = "" if least is None else f" of at least {least}"
        raise OptionError(f"{name} must be integers{rule}; got {value!r}.")
    return tuple(int(entry) for entry in given)


def _entries(value: Any, count: int) -> tuple[Any, ...]:
    """Return the entries of a sequence; a number, or what should be one, stands for `count`."""
    given = value.tolist() if isinstance(value, np.ndarray) else value
    if isinstance(given, Sequence) and not isinstance(given, str | bytes):
        return tuple(given)
    return (given,) * count


def is_whole(value: Any) -> bool:
    """Tell whether a value is an integer, and no truth value."""
    try:
        index(value)
    except TypeError:
        return False
    return not isinstance(value, bool | np.bool_)


def checked_groups(groups: Any) -> int:
    """Return the number of parts of the channels that do not meet."""
    if not is_whole(groups) or groups < 1:
        raise OptionError(f"groups is an integer of at least 1; got {groups!r}.")
    return int(groups)


def check_flip(flip: Any) -> None:
    """Raise OptionError unless `flip` says whether kernels are flipped."""
    if not isinstance(flip, bool | np.bool_):
        raise OptionError(f"flip is True or False; got {flip!r}.")


def sides_of(padding: Any, taps: Shape, dilation: Shape) -> Sides:
    """Return how many samples `padding` puts before and after each axis."""
    ndim = len(taps)
    if isinstance(padding, str):
        if padding == "valid":
            return ((0, 0),) * ndim
        if padding == "same":
            reach = [d * (k - 1) for k, d in zip(taps, dilation, strict=True)]
            return tuple((r // 2, r - r // 2) for r in reach)
        raise OptionError(
            f"padding is a number, a sequence, 'same' or 'valid'; got {padding!r}. How the signal "
            "continues is the boundary."
        )
    entries = _entries(padding, ndim)
    if len(entries) != ndim:
        pairs = " A pair of sides is one entry: [(1, 2)]." if ndim == 1 else ""
        raise ShapeError(
            f"padding has one entry per axis of space ({ndim}), each a number or a (before, after) "
            f"pair; got {padding!r}.{pairs}"
        )
    return tuple(_sides(entry) for entry in entries)


def _sides(entry: Any) -> tuple[int, int]:
    pair = _entries(entry, 2)
    if len(pair) != 2 or not all(is_whole(side) and side >= 0 for side in pair):
        raise OptionError(
            "each entry of padding is an integer of at least 0, or a (before, after) pair of "
            f"them; got {entry!r}. To crop, slice the result."
        )
    return int(pair[0]), int(pair[1])


def check_layout(layout: Any) -> None:
    """Raise OptionError unless `layout` says where the channels are."""
    if not isinstance(layout, str) or layout not in _LAYOUTS:
        raise OptionError(f"layout must be {' or '.join(map(repr, _LAYOUTS))}; got {layout!r}.")


def as_channels_first(array: Array, layout: str) -> Array:
    """Return a view of (batch, channels, *space), whatever the layout."""
    check_layout(layout)
    return array if layout == "channels_first" or array.ndim < 2 else np.moveaxis(array, -1, 1)


def shape_channels_first(shape: Shape, layout: str) -> Shape:
    """Return the shape (batch, channels, *space) of an array of a shape in a layout."""
    check_layout(layout)
    return shape if layout == "channels_first" else (*shape[:1], *shape[-1:], *shape[1:-1])


def in_layout(array: Array, layout: str) -> Array:
    """Return the result in the layout that was asked for, from (batch, channels, *space)."""
    return array if layout == "channels_first" else np.moveaxis(array, 1, -1)


def named_shape(shape: Shape, layout: str) -> Shape:
    """Return the shape (batch, channels, *space) in the layout that was asked for."""
    batch, channels, *space = shape
    return (batch, channels, *space) if layout == "channels_first" else (batch, *space, channels)
