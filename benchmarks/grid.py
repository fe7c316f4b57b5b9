"""A grid of 60 cells over sizes, widths, axes and dtypes: where sigconv falls behind, if anywhere.

In each cell also `auto` beside the methods it chose from.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from math import exp, fsum, log
from typing import NamedTuple

from benchmarks.measure import Measured, measure
from benchmarks.peers import PEERS, Peer
from benchmarks.timing import Patience, Ratio, Times, ratio
from benchmarks.work import Work

__all__ = [
    "AUTO_SHARE",
    "AUTO_WITHIN",
    "LEAST_MEAN",
    "LEAST_RATIO",
    "Cell",
    "Summary",
    "grid",
    "measure_cell",
    "summary",
]

LEAST_RATIO, LEAST_MEAN = 0.9, 2.5
AUTO_WITHIN, AUTO_SHARE = 1.2, 0.9

# For each number of axes, the width of the kernel on each and the signals it meets: the length of
# an axis. In all 1e2 to 1e7 samples.
_SIZES: dict[int, dict[int, tuple[int, ...]]] = {
    1: {
        3: (10**2, 10**4, 10**6),
        31: (10**2, 10**3, 10**5, 10**7),
        1001: (10**4, 10**6, 10**7),
        100_000: (10**6, 10**7),
    },
    2: {3: (10, 100, 1000), 9: (32, 320, 3160), 31: (100, 1000, 3160)},
    3: {3: (10, 46, 215), 9: (22, 100, 215), 25: (46, 100, 215)},
}

# Below, a call of ours may end in np.convolve: there it is no peer.
_NUMPY_FROM = 10**5


class Cell(NamedTuple):
    """A work, its best peer, and what became of `auto`."""

    measured: Measured

    @property
    def peer(self) -> Times:
        """The best peer."""
        peer = self.measured.best()
        if peer is None:
            raise ValueError(f"no peer computes {self.measured.work}")
        return peer

    @property
    def ratio(self) -> Ratio:
        """The best peer's time over sigconv's."""
        return ratio(self.measured.own, self.peer)

    @property
    def method(self) -> Times:
        """The fastest of sigconv's own methods."""
        return min(self.measured.methods, key=lambda times: times.median)

    @property
    def auto(self) -> float:
        """The time of `auto` over that of the fastest method; below 1 only by chance."""
        return self.measured.own.median / self.method.median


class Summary(NamedTuple):
    """The grid in figures."""

    cells: int
    least: float
    mean: float
    behind: int
    auto_within: float


def grid() -> Iterator[Work]:
    """Yield the works of all cells."""
    for ndim, widths in _SIZES.items():
        for width, lengths in widths.items():
            for length in lengths:
                for dtype in ("float32", "float64"):
                    yield Work((length,) * ndim, (width,) * ndim, dtype)


def counted_peers(work: Work) -> list[Peer]:
    """Return the peers that count in this cell."""
    return [
        peer
        for peer in PEERS.values()
        if peer.name != "numpy.convolve" or work.samples >= _NUMPY_FROM
    ]


def measure_cell(work: Work, patience: Patience) -> Cell:
    """Time sigconv, its methods, and every peer that counts."""
    return Cell(measure(work, counted_peers(work), patience, methods=True))


def summary(cells: Sequence[Cell]) -> Summary:
    """Return the grid in figures."""
    ratios = [cell.ratio.median for cell in cells]
    right = sum(cell.auto <= AUTO_WITHIN for cell in cells)
    return Summary(
        len(cells),
        min(ratios),
        exp(fsum(map(log, ratios)) / len(ratios)),
        sum(each < LEAST_RATIO for each in ratios),
        right / len(cells),
    )
