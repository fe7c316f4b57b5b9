"""Sums over channels described for the compiled loops: axes by phases, boxes of outputs, lines.

numba keeps what it compiled of `channels.py` and `products.py` while those files stay as they are:
after a change here that they depend on, touch them.
"""

from __future__ import annotations

from math import gcd, prod
from typing import NamedTuple

import numpy as np

from sigconv.core.dtypes import Array
from sigconv.core.problem import Axis

__all__ = ["RULES", "AxisTable", "boxes_of", "three_axes"]

RULES = {"zero": 0, "edge": 1, "reflect": 2, "symmetric": 3, "wrap": 4}
"""The numbers by which the loops know what continues an axis."""

# Elements that are copied for a box of outputs at most: they stay in the second-level cache.
_MOST_COPIED = 1 << 16

# Outputs along rows that are not cut any further.
_LEAST_WIDTH = 256

# Boxes for each worker, and products that are worth one.
_BOXES, _BOX_PRODUCTS = 8, 1 << 18


class AxisTable(NamedTuple):
    """One axis by phases of its stride: the taps whose positions leave the same remainder.

    With a stride s and a dilation d these are every s/gcd(s, d)-th tap, and each of the first taps
    begins a phase.
    """

    axis: Axis

    @property
    def phases(self) -> int:
        """How many phases taps meet."""
        return min(self._each, self.axis.taps)

    @property
    def span(self) -> int:
        """How many samples more than outputs a phase has at most, which is the first one."""
        return self._step * ((self.axis.taps - 1) // self._each)

    def packed(self, count: int) -> int:
        """Return how many samples `count` outputs meet."""
        return self.phases * count + self._step * (self.axis.taps - self.phases)

    @property
    def _each(self) -> int:
        """From one tap of a phase to its next."""
        return self.axis.stride // gcd(self.axis.stride, self.axis.dilation)

    @property
    def _step(self) -> int:
        """From the sample of a tap to that of the next of its phase, in samples of the phase."""
        return self.axis.dilation // gcd(self.axis.stride, self.axis.dilation)

    def numbers(self, block: int) -> Array:
        """Return what `samples.axis_at` reads, for blocks of so many outputs.

        After the numbers of the axis follow, for each phase, the position of its first sample from
        that of output 0 and tap 0, and how many samples more than outputs it has; and for each
        tap, its phase and the sample of it that output 0 meets.
        """
        axis, count = self.axis, self.phases
        rules = [RULES["zero" if edge.is_zero else edge.rule] for edge in axis.edges]
        first = axis.start - axis.reach_back
        blocks = -(-axis.length // block)
        head = [axis.size, first, axis.stride, *rules, axis.length, block, blocks]
        head += [self.span, axis.taps, count]
        taps = np.arange(axis.taps)
        starts = taps[:count]
        spans = (axis.taps - 1 - starts) // self._each * self._step
        phases = np.stack([axis.dilation * starts, spans], axis=1)
        places = np.stack([taps % self._each, taps // self._each * self._step], axis=1)
        return np.concatenate([np.array(head), phases.ravel(), places.ravel()]).astype(np.int64)


def three_axes(axes: tuple[Axis, ...]) -> tuple[Axis, Axis, Axis]:
    """Return three axes, the first of them of one sample and one tap where there are fewer."""
    missing = [Axis(0, 1, 1, 0, 1)] * (3 - len(axes))
    one, two, three = missing + list(axes)
    return one, two, three


def boxes_of(tables: tuple[AxisTable, ...], channels: int, products: int, units: int) -> list[int]:
    """Return the outputs of each axis that are taken together.

    What is copied for `channels` of them fits the cache. Of `units` of work that differ in batch or
    group anyway, each of `products`, enough boxes are made to share.
    """
    lengths = [table.axis.length for table in tables]
    wanted = min(-(-2 * _BOXES // units), max(1, products // _BOX_PRODUCTS))
    while True:
        copied = prod(t.packed(n) for t, n in zip(tables, lengths, strict=True))
        cuts = prod(-(-t.axis.length // n) for t, n in zip(tables, lengths, strict=True))
        if channels * copied <= _MOST_COPIED and cuts >= wanted:
            return lengths
        finer = [-(-n // 2) for n in lengths]
        # The axis is cut along which neighbours share the fewest samples.
        shares = {
            j: tables[j].packed(finer[j]) / tables[j].packed(lengths[j]) * lengths[j] / finer[j]
            for j in range(3)
            if lengths[j] > (_LEAST_WIDTH if j == 2 else 1)
        }
        if not shares:
            return lengths
        best = min(shares, key=shares.__getitem__)
        lengths[best] = finer[best]
