"""From the arguments of a layer to the sums over channels that it asks for."""

from __future__ import annotations

from functools import lru_cache
from math import prod
from sys import maxsize
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from sigconv.channels import ChannelProblem, edges_of
from sigconv.core.dtypes import Array, DTypes, as_numeric, is_weak
from sigconv.core.problem import Axis, Shape
from sigconv.errors import OptionError, ShapeError
from sigconv.layers.arguments import (
    Sides,
    check_flip,
    checked_groups,
    named_shape,
    per_axis,
    sides_of,
    spatial_axes,
)

__all__ = ["Form", "Numbers", "numbers_of"]

# Of the widest dtype, complex long doubles of 32 bytes.
_MOST_ELEMENTS = maxsize // 32

_ALONE = {1: " One signal is a batch of one: x[None].", -2: " One kernel is weight[None, None]."}
"""What is missing where the weights have so many axes more than the signal."""


class Numbers(NamedTuple):
    """An array, and whether it was a list or a number, which never widens a float."""

    array: Array
    weak: bool


def numbers_of(value: npt.ArrayLike, name: str) -> Numbers:
    """Return an argument as an array."""
    return Numbers(as_numeric(value, name), is_weak(value))


class Form(NamedTuple):
    """The keywords of a layer."""

    stride: Any = 1
    padding: Any = 0
    boundary: Any = "zero"
    dilation: Any = 1
    groups: int = 1
    flip: bool = False
    layout: str = "channels_first"

    def problem(self, shape: Shape, weight: Shape, dtypes: DTypes) -> ChannelProblem:
        """Return the sums for a signal of a shape (batch, channels, *space), and weights."""
        # 1, 1.0 and True are equal keys, and only one of them is a stride.
        kinds = tuple(map(type, self))
        told = repr(self) if tuple in kinds else kinds
        try:
            return _remembered(self, told, shape, weight, dtypes)
        except TypeError:
            # Lists among the keywords have no hash.
            pass
        return self._problem(shape, weight, dtypes)

    def _problem(self, shape: Shape, weight: Shape, dtypes: DTypes) -> ChannelProblem:
        ndim = spatial_axes(shape, "x")
        _check_weight(shape, weight)
        groups = self._checked_groups(shape, weight)
        check_flip(self.flip)
        stride = per_axis(self.stride, ndim, "stride", 1)
        dilation = per_axis(self.dilation, ndim, "dilation", 1)
        taps = weight[2:]
        sides = sides_of(self.padding, taps, dilation)
        edges = edges_of(self.boundary, ndim)
        axes = []
        for j, (size, (before, after)) in enumerate(zip(shape[2:], sides, strict=True)):
            reach = dilation[j] * (taps[j] - 1)
            free = size + before + after - reach - 1
            if free < 0:
                raise ShapeError(
                    f"the kernel reaches over {reach + 1} samples, but axis {j} of space has "
                    f"{size} and {before + after} of padding. Pad more, or use a smaller kernel."
                )
            if not size and not all(edge.is_zero for edge in edges[j]):
                raise ShapeError("an axis without samples continues by boundary='zero' alone.")
            start = reach - before
            axes.append(
                Axis(j, size, taps[j], start, start + free + 1, edges[j], stride[j], dilation[j])
            )
        _check_extent(shape, weight, sides)
        return ChannelProblem(shape[0], shape[1], weight[0], groups, tuple(axes), dtypes)

    def transposed_shape(self, shape: Shape, weight: Shape, extra: Any) -> Shape:
        """Return the shape of a signal, `extra` longer than need be, whose result has `shape`."""
        ndim = spatial_axes(shape, "x")
        stride = per_axis(self.stride, ndim, "stride", 1)
        dilation = per_axis(self.dilation, ndim, "dilation", 1)
        added = per_axis(extra, ndim, "output_padding", 0)
        groups = checked_groups(self.groups)
        _check_weight(shape, weight)
        if shape[1] != weight[0]:
            raise ShapeError(
                f"the transposed layer takes as many channels as weight.shape[0]; got {shape[1]} "
                f"and weight.shape {weight}."
            )
        if any(more >= step for more, step in zip(added, stride, strict=True)):
            raise OptionError(
                "output_padding is less than stride: it tells apart the sizes that the stride "
                f"rounds to one; got output_padding={extra!r}, stride={self.stride!r}."
            )
        if 0 in shape[2:]:
            raise ShapeError(
                f"x needs at least one sample on each axis of space, as every result of the layer "
                f"has; got the shape {named_shape(shape, self.layout)}."
            )
        sides: Sides = sides_of(self.padding, weight[2:], dilation)
        sizes = []
        for j, (before, after) in enumerate(sides):
            reach = dilation[j] * (weight[2 + j] - 1)
            size = (shape[2 + j] - 1) * stride[j] + reach + 1 - before - after + added[j]
            if size < 0:
                raise ShapeError(
                    f"padding {(before, after)} leaves nothing of axis {j} of space. Pad less."
                )
            sizes.append(size)
        return shape[0], weight[1] * groups, *sizes

    def view(self, weight: Array) -> Array:
        """Return the weights in the order in which samples are met."""
        turned: Array = np.flip(weight, tuple(range(2, weight.ndim)))
        return turned if self.flip else weight

    def _checked_groups(self, shape: Shape, weight: Shape) -> int:
        groups = checked_groups(self.groups)
        if shape[1] != weight[1] * groups:
            last = self.layout == "channels_first" and shape[-1] == weight[1] * groups
            remedy = " Channels that come last need layout='channels_last'." if last else ""
            raise ShapeError(
                "x has as many channels as weight.shape[1] times groups; got "
                f"{shape[1]} channels, weight.shape {weight} and groups={groups} (x has the shape "
                f"{named_shape(shape, self.layout)}, {self.layout}).{remedy}"
            )
        if weight[0] % groups:
            raise ShapeError(
                f"groups must divide the output channels, weight.shape[0]; got groups={groups} "
                f"and weight.shape {weight}."
            )
        return groups


def _check_weight(shape: Shape, weight: Shape) -> None:
    if len(weight) != len(shape):
        raise ShapeError(
            f"weight needs {len(shape)} axes, as x has: (out, in/groups) and one per axis of "
            f"space; got shapes {weight} and {shape}.{_ALONE.get(len(weight) - len(shape), '')}"
        )
    if 0 in weight[2:]:
        raise ShapeError(f"weight needs at least one tap on each axis; got shape {weight}.")


def _check_extent(shape: Shape, weight: Shape, sides: Sides) -> None:
    """Raise ShapeError where no array has as many elements as the signal with its padding."""
    padded = [size + sum(pair) for size, pair in zip(shape[2:], sides, strict=True)]
    channels = max(shape[1], weight[0], 1)
    if max(shape[0], 1) * channels * prod(max(n, 1) for n in padded) > _MOST_ELEMENTS:
        raise ShapeError(
            f"with its padding the signal has {channels} channels of {tuple(padded)} samples, more "
            "than an array holds. Pad less, or use a smaller stride."
        )


@lru_cache(maxsize=1024)
def _remembered(
    form: Form, told: object, shape: Shape, weight: Shape, dtypes: DTypes
) -> ChannelProblem:
    del told
    return form._problem(shape, weight, dtypes)
