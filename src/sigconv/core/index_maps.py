"""Where each position of an extended axis comes from, as one index a position."""

from __future__ import annotations

import numpy as np

from sigconv.core.boundary import segments
from sigconv.core.dtypes import Array
from sigconv.core.problem import Axis

__all__ = ["FILL", "NO_SAMPLE", "index_map"]

NO_SAMPLE, FILL = -1, -2
"""What stands in an index map for a sample that adds nothing, and for the constant."""


def index_map(axis: Axis) -> Array:
    """Return the sample that lies at each position of the extension, or what stands for it.

    The extension is all that the outputs of the axis take.

    >>> from sigconv.core.boundary import Edge
    >>> index_map(Axis(0, 4, 3, 1, 5, (Edge("zero"), Edge("reflect"))))
    array([-1,  0,  1,  2,  3,  2])
    """
    first = axis.start - axis.reach_back
    index = np.empty(axis.stop - first, np.intp)
    for part in segments(axis.edges, axis.size, first, axis.stop):
        place = slice(part.start - first, part.stop - first)
        if part.is_filled:
            index[place] = NO_SAMPLE if part.edge.is_zero else FILL
        else:
            index[place] = part.first + part.step * np.arange(part.stop - part.start)
    return index
