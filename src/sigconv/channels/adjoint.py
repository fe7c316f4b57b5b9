"""The adjoint of sums over channels, as sums over channels: one for each phase of the stride.

With a stride s, samples whose positions leave the same remainder meet the same taps. Each phase is
a sum over the results with those taps alone, so no product with an inserted zero is made.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product
from math import gcd
from typing import NamedTuple

from sigconv.channels.problem import ChannelProblem
from sigconv.core.boundary import ZERO
from sigconv.core.dtypes import Array
from sigconv.core.problem import Axis

__all__ = ["Phase", "phases_of", "region_of", "transposed"]


class Phase(NamedTuple):
    """A part of the adjoint's result: where it lies, and the problem that it is the result of.

    `taps` are those of the transposed weights, in the order in which they are to be taken; without
    a problem the part is zero.
    """

    place: tuple[slice, ...]
    taps: tuple[slice, ...]
    problem: ChannelProblem | None


class _Part(NamedTuple):
    place: slice
    taps: slice
    axis: Axis


def region_of(problem: ChannelProblem) -> tuple[tuple[int, int], ...]:
    """Return the extended positions, of each axis, that a sample or its copies lie at."""
    return tuple(
        axis.clip(min(first, 0), max(first + extent, axis.size))
        for axis, first, extent in zip(problem.axes, problem.firsts, problem.extents, strict=True)
    )


def phases_of(problem: ChannelProblem) -> Iterator[Phase]:
    """Yield the parts of the adjoint of `problem`, for the positions of `region_of`."""
    parts = [
        list(_parts(axis, first, bounds))
        for axis, first, bounds in zip(
            problem.axes, problem.firsts, region_of(problem), strict=True
        )
    ]
    for met in product(*parts):
        axes = tuple(part.axis for part in met)
        place, taps = tuple(part.place for part in met), tuple(part.taps for part in met)
        own = None
        if all(axis.taps for axis in axes):
            own = ChannelProblem(
                problem.batch,
                problem.outputs,
                problem.inputs,
                problem.groups,
                axes,
                problem.dtypes,
            )
        yield Phase(place, taps, own)


def _parts(axis: Axis, first: int, bounds: tuple[int, int]) -> Iterator[_Part]:
    """Yield the phases of one axis.

    The sample at position p meets result q = (p - first - dilation*k) / stride where that is whole:
    every `each`-th tap from some k on.
    """
    low, high = bounds
    common = gcd(axis.stride, axis.dilation)
    each, dilation = axis.stride // common, axis.dilation // common
    for begin in range(low, min(low + axis.stride, high)):
        remainder = (begin - first) % axis.stride
        place = slice(begin - low, high - low, axis.stride)
        count = len(range(begin, high, axis.stride))
        met = range(0)
        if remainder % common == 0:
            # dilation k = remainder modulo the stride, both without what divides them.
            first_met = remainder // common * pow(dilation, -1, each) % each
            met = range(first_met, axis.taps, each)
        if not met:
            yield _Part(place, slice(0, 0), axis._replace(taps=0, start=0, stop=count))
            continue
        # The taps turn round, as in every adjoint: those of later samples come first.
        taps = slice(met[-1], met[0] - 1 if met[0] else None, -each)
        # Result a + shift - dilation*t for tap number t: a true convolution.
        shift = (begin - first - axis.dilation * met[0]) // axis.stride
        results = Axis(
            axis.axis,
            axis.length,
            len(met),
            shift,
            shift + count,
            (ZERO, ZERO),
            1,
            dilation,
        )
        yield _Part(place, taps, results)


def transposed(weight: Array, groups: int) -> Array:
    """Return weights (outputs, inputs of a group, *taps) with the two kinds of channels swapped."""
    if groups == 1:
        return weight.swapaxes(0, 1)
    outputs, inputs, *taps = weight.shape
    parts = weight.reshape(groups, outputs // groups, inputs, *taps).swapaxes(1, 2)
    return parts.reshape(groups * inputs, outputs // groups, *taps)
