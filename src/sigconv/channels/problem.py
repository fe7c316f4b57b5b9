"""The description of sums over channels, at every so many positions."""

from __future__ import annotations

from dataclasses import dataclass, replace
from math import prod
from typing import Any

from sigconv.core.boundary import Edges, parse_boundary
from sigconv.core.dtypes import Array, DTypes
from sigconv.core.problem import Axis, Shape
from sigconv.errors import BoundaryError

__all__ = ["ChannelProblem", "bias_view", "edges_of"]


@dataclass(frozen=True, slots=True)
class ChannelProblem:
    """A batch of signals of several channels, and weights for each pair of channels.

    Output channel o of its group is the sum over the group's input channels i and all taps k, on
    each axis, of weight[o, i, k] x_ext[i, first + stride*q + dilation*k]. The weights are not
    flipped: `Axis` has the positions of the convolution with the reversed ones.

    Attributes
    ----------
    batch : int
        Signals.
    inputs, outputs : int
        Channels of a signal and of a result.
    groups : int
        Parts of the channels that do not meet; it divides both.
    axes : tuple of Axis
        From 1 to 3, with the sizes of the signal and the taps of the weights.
    dtypes : DTypes
        Of the computation and of the result.
    """

    batch: int
    inputs: int
    outputs: int
    groups: int
    axes: tuple[Axis, ...]
    dtypes: DTypes

    @property
    def signal_shape(self) -> Shape:
        """The shape (batch, inputs, *sizes)."""
        return self.batch, self.inputs, *(axis.size for axis in self.axes)

    @property
    def weight_shape(self) -> Shape:
        """The shape (outputs, inputs of a group, *taps)."""
        return self.outputs, self.inputs // self.groups, *(axis.taps for axis in self.axes)

    @property
    def result_shape(self) -> Shape:
        """The shape (batch, outputs, *lengths)."""
        return self.batch, self.outputs, *(axis.length for axis in self.axes)

    @property
    def firsts(self) -> Shape:
        """The position of the sample that output 0 and tap 0 meet, on each axis."""
        return tuple(axis.start - axis.reach_back for axis in self.axes)

    @property
    def extents(self) -> Shape:
        """How many positions the outputs take, on each axis."""
        return tuple(
            axis.stride * (axis.length - 1) + axis.reach_back + 1 if axis.length else 0
            for axis in self.axes
        )

    @property
    def taps_of_output(self) -> int:
        """How many products an output is the sum of."""
        return prod(self.weight_shape[1:])

    @property
    def products(self) -> int:
        """How many products are added up."""
        return prod(self.result_shape) * self.taps_of_output

    @property
    def is_empty(self) -> bool:
        """Whether there is no result."""
        return 0 in self.result_shape

    @property
    def is_depthwise(self) -> bool:
        """Whether each output channel has one input channel."""
        return self.inputs == self.groups

    def with_axes(self, axes: tuple[Axis, ...]) -> ChannelProblem:
        """Return the same problem with other axes."""
        return replace(self, axes=axes)


def bias_view(problem: ChannelProblem, bias: Array) -> Array:
    """Return a bias in the dtype of computation, to broadcast with results."""
    return bias.astype(problem.dtypes.compute).reshape(-1, *(1,) * len(problem.axes))


def edges_of(boundary: Any, ndim: int) -> tuple[Edges, ...]:
    """Return what the padding consists of, before and after each axis."""
    edges = parse_boundary(boundary, ndim)
    rules = {edge.rule for pair in edges for edge in pair}
    if "absent" in rules:
        raise BoundaryError(
            "boundary='absent' divides by the sum of the weights that are left, which sums over "
            "channels do not: use 'zero', 'edge', 'reflect', 'symmetric' or 'wrap'."
        )
    if "constant" in rules:
        raise BoundaryError(
            "boundary='constant' has no value here; use 'zero', or pad the signal yourself: "
            "np.pad(x, widths, constant_values=value)."
        )
    return edges
