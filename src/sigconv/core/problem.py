"""The description of one convolution: made once from the arguments, then only read.

Engines see the canonical layout: batch axes first, then the convolved axes that have more
than one tap.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from math import prod
from typing import Any, NamedTuple

import numpy as np

from sigconv.core.boundary import ZERO, Edges
from sigconv.core.dtypes import Array, DType, DTypes
from sigconv.core.integers import IntegerBits
from sigconv.core.structure import Structure

__all__ = ["Axis", "Operand", "Options", "Problem", "Shape"]

Shape = tuple[int, ...]


class Options(NamedTuple):
    """The keywords of one call, in hashable form."""

    mode: str = "full"
    axes: int | Shape | None = None
    boundary: Any = "zero"
    fill_value: complex = 0.0
    center: int | tuple[int | None, ...] | None = None
    nan_policy: str = "propagate"
    dtype: Any = None
    rtol: float | None = None
    correlate: bool = False
    max_lag: int | tuple[int | None, ...] | None = None


class Operand(NamedTuple):
    """The shape and dtype of an input; `weak` marks Python lists and scalars."""

    shape: Shape
    dtype: DType
    weak: bool = False


class Axis(NamedTuple):
    """One convolved axis, of y[n] = sum_k h[k] x_ext[n - dilation*k].

    Wanted are n in [start, stop), every `stride`-th from `start` on.
    """

    axis: int
    size: int
    taps: int
    start: int
    stop: int
    edges: Edges = (ZERO, ZERO)
    stride: int = 1
    dilation: int = 1

    @property
    def length(self) -> int:
        """The number of results on this axis."""
        return -(-(self.stop - self.start) // self.stride)

    @property
    def reach_back(self) -> int:
        """How far before an output the first sample lies that it depends on."""
        return self.dilation * (self.taps - 1)

    @property
    def is_periodic(self) -> bool:
        """Whether the extended signal repeats with the period `size`."""
        return self.edges[0].rule == self.edges[1].rule == "wrap"

    @property
    def is_pointwise(self) -> bool:
        """Whether each output is one sample times the one tap, as on a batch axis."""
        return self.taps == self.stride == 1 and self.start == 0 and self.stop == self.size

    def met_by(self, tap: int) -> tuple[slice, slice]:
        """Return the samples that a tap of the reversed kernel meets, and the outputs it does for.

        Outputs are counted from 0; samples beyond the signal are left out.

        >>> Axis(0, 5, 3, 1, 6, stride=2).met_by(0)
        (slice(1, 5, 2), slice(1, 3, None))
        """
        place = self.start - self.reach_back + self.dilation * tap
        first = max(0, -(place // self.stride))
        last = max(first, min(self.length, -((place - self.size) // self.stride)))
        low = place + self.stride * first
        return slice(low, low + self.stride * (last - first), self.stride), slice(first, last)

    def clip(self, start: int, stop: int) -> tuple[int, int]:
        """Return the part of extended positions [start, stop) that may be non-zero."""
        low = max(start, 0) if self.edges[0].is_zero else start
        high = min(stop, self.size) if self.edges[1].is_zero else stop
        return low, max(low, high)

    def support(self, start: int, stop: int) -> tuple[int, int]:
        """Return the extended samples that outputs [start, stop) depend on."""
        return self.clip(start - self.reach_back, stop)

    def reach(self, start: int, stop: int) -> tuple[int, int]:
        """Return the wanted outputs that extended samples [start, stop) contribute to."""
        return max(start, self.start), min(stop + self.reach_back, self.stop)


@dataclass(frozen=True, slots=True)
class Problem:
    """Everything that decides the numbers of a convolution, except the samples."""

    mode: str
    signal_shape: Shape
    kernel_shape: Shape
    result_shape: Shape
    convolved: Shape
    axes: tuple[Axis, ...]
    dtypes: DTypes
    kernel_expanded: Shape
    kernel_order: Shape
    kernel_kept: tuple[tuple[int, int], ...]
    correlate: bool
    nan_policy: str
    edges: tuple[Edges, ...]
    rtol: float | None
    bits: IntegerBits | None
    options: Options = field(compare=False)
    structure: Structure | None = None
    """What the kernel's values allow, once they are known."""

    order: Shape = field(init=False, compare=False, repr=False)
    """The array axes in canonical order: batch axes, then convolved axes."""
    batch: Shape = field(init=False, compare=False, repr=False)
    """The shape of the batch axes of the result."""

    def __post_init__(self) -> None:
        convolved = tuple(axis.axis for axis in self.axes)
        batch = tuple(i for i in range(len(self.result_shape)) if i not in convolved)
        object.__setattr__(self, "order", batch + convolved)
        object.__setattr__(self, "batch", tuple(self.result_shape[i] for i in batch))

    @property
    def is_trivial(self) -> bool:
        """Whether the result is empty, or each result a single product."""
        return not self.axes or 0 in self.result_shape

    @property
    def has_absent_edges(self) -> bool:
        """Whether samples do not exist beyond some side of a convolved axis."""
        return any(edge.rule == "absent" for pair in self.edges for edge in pair)

    @property
    def is_lone(self) -> bool:
        """Whether one floating signal meets one kernel, with zeros around it."""
        same = self.dtypes.compute == self.dtypes.result and self.dtypes.compute.kind in "fc"
        alone = prod(self.batch) == prod(self.kernel_batch) == 1 and self.rtol is None
        zero = all(edge.is_zero for axis in self.axes for edge in axis.edges)
        return same and alone and zero and not (self.is_trivial or self.has_absent_edges)

    @property
    def taps(self) -> Shape:
        """The kernel's length on each convolved axis."""
        return tuple(axis.taps for axis in self.axes)

    @property
    def lengths(self) -> Shape:
        """The number of results on each convolved axis."""
        return tuple(axis.length for axis in self.axes)

    @property
    def kernel_batch(self) -> Shape:
        """The kernel's own batch shape: 1 where one kernel serves the whole axis."""
        ndim = len(self.axes)
        kept = (self.kernel_kept[i] for i in self.order[: -ndim or None])
        return tuple(stop - start for start, stop in kept)

    def with_axes(self, axes: tuple[Axis, ...]) -> Problem:
        """Return the same problem with other ranges or edges on the convolved axes."""
        shape = list(self.result_shape)
        for axis in axes:
            shape[axis.axis] = axis.length
        return replace(self, axes=axes, result_shape=tuple(shape))

    def computed_in(self, dtype: DType) -> Problem:
        """Return the same problem with another dtype of computation."""
        return replace(self, dtypes=self.dtypes._replace(compute=dtype))

    def with_bits(self, bits: IntegerBits) -> Problem:
        """Return the same problem for integers whose magnitudes are known."""
        return self if self.bits == bits else replace(self, bits=bits)

    def with_structure(self, structure: Structure | None) -> Problem:
        """Return the same problem for a kernel whose values are known."""
        return self if self.structure == structure else replace(self, structure=structure)

    def differences(self, other: Problem) -> list[str]:
        """Return what the two do not share, other than how they are computed."""
        told = {
            "shapes": ("signal_shape", "kernel_shape"),
            "mode": ("mode",),
            "operation": ("correlate",),
            "nan_policy": ("nan_policy",),
            "rtol": ("rtol",),
            "axes, boundary, center or max_lag": (
                "convolved",
                "axes",
                "edges",
                "result_shape",
                "kernel_kept",
            ),
        }
        found = [
            name
            for name, fields in told.items()
            if any(getattr(self, f) != getattr(other, f) for f in fields)
        ]
        return found if self.dtypes.result == other.dtypes.result else [*found, "dtype"]

    def signal_view(self, signal: Array) -> Array:
        """Return `signal` in canonical layout, batch axes broadcast to the result's."""
        view = signal.transpose(self.order)
        shape = self.batch + view.shape[len(self.batch) :]
        return view if view.shape == shape else np.broadcast_to(view, shape)

    def kernel_view(self, kernel: Array) -> Array:
        """Return `kernel` in canonical layout, as the taps of a true convolution.

        Only the taps that meet a sample for some wanted output are kept.
        """
        view = kernel.transpose(self.kernel_order).reshape(self.kernel_expanded)
        if self.correlate:
            view = np.conj(np.flip(view, self.convolved))
        # With an ellipsis an object without dimensions stays an array.
        kept: tuple[Any, ...] = (*(slice(*bounds) for bounds in self.kernel_kept), ...)
        taps: Array = view[kept]
        return taps.transpose(self.order)

    def total_of(self, kernel: Array) -> Array:
        """Return the sum of a kernel's taps along convolved axes, to broadcast with results."""
        taps = kernel.transpose(self.kernel_order).reshape(self.kernel_expanded)
        total: Array = taps.sum(axis=self.convolved, keepdims=True)
        return total

    def result_view(self, out: Array) -> Array:
        """Return `out` in canonical layout."""
        return out.transpose(self.order)
