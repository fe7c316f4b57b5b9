"""The whole signal with its extension, as an index that is made once and used for many signals.

`gather` reads a block through slices, one box after the other; for small signals that takes longer
than the sums. Here one box is copied, and single samples from beyond the edges are looked up.
"""

from __future__ import annotations

from math import prod
from typing import Any, NamedTuple

import numpy as np

from sigconv.core.dtypes import Array
from sigconv.core.index_maps import FILL, NO_SAMPLE, index_map
from sigconv.core.problem import Problem, Shape

__all__ = ["Extension", "extended_shape"]

# Samples beyond the edges at most: each has an index.
_MOST_BEYOND = 1 << 14


def extended_shape(problem: Problem) -> Shape:
    """Return the shape of outputs with the taps-1 samples before each, in canonical layout."""
    return problem.batch + tuple(axis.length + axis.taps - 1 for axis in problem.axes)


class Extension(NamedTuple):
    """Where the samples of an extension come from.

    `source` is copied to `target`, both boxes; samples `beyond` the edges are those `at` places
    of the flat signal. The rest is constant, as in `template`.
    """

    template: Array
    source: tuple[slice, ...]
    target: tuple[slice, ...]
    beyond: Array
    at: Array

    @classmethod
    def of(cls, problem: Problem) -> Extension | None:
        """Return the extension of the signal, in canonical layout, or None if it is too long."""
        nbatch = len(problem.batch)
        maps = [np.arange(n) for n in problem.batch] + [index_map(a) for a in problem.axes]
        grids = np.ix_(*maps)
        zero, filled = (_any(grid == mark for grid in grids) for mark in (NO_SAMPLE, FILL))
        # In corners zero beats constant, and both beat the index maps.
        template = np.zeros(extended_shape(problem), problem.dtypes.compute)
        fills = {e.fill for a in problem.axes for e in a.edges if e.rule == "constant"}
        for fill in fills:
            value = fill if problem.dtypes.is_complex else fill.real
            with np.errstate(all="ignore"):
                template[filled & ~zero] = template.dtype.type(value)
        source, target = list[slice](), list[slice]()
        for axis in problem.axes:
            first = axis.start - axis.taps + 1
            low = max(first, 0)
            high = max(min(axis.stop, axis.size), low)
            source.append(slice(low, high))
            target.append(slice(low - first, high - first))
        mapped = ~(zero | filled)
        mapped[(slice(None),) * nbatch + tuple(target)] = False
        beyond = np.flatnonzero(mapped)
        if len(beyond) > _MOST_BEYOND:
            return None
        strides = [prod(problem.signal_shape[i + 1 :]) for i in problem.order]
        places = sum(grid * stride for grid, stride in zip(grids, strides, strict=True))
        whole = (slice(None),) * nbatch
        at = np.broadcast_to(places, template.shape).reshape(-1)[beyond]
        return cls(template, (*whole, *source), (*whole, *target), beyond, at)


def _any(marks: Any) -> Array:
    found = False
    for mark in marks:
        found = found | mark
    return np.asarray(found)
