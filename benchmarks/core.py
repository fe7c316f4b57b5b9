"""The core rows: what sigconv has to reach beside which peers, and what it reached."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import NamedTuple

from benchmarks.limits import limit_seconds
from benchmarks.measure import Measured
from benchmarks.peers import PEERS, Peer
from benchmarks.rates import Rates
from benchmarks.timing import Ratio, Times, ratio
from benchmarks.work import Work

__all__ = ["CORE", "ROWS", "TINY", "Row", "Target", "Verdict", "named_peers", "verdicts"]


class Target(NamedTuple):
    """The best of these peers takes at least so many times as long as sigconv."""

    against: tuple[str, ...]
    least: float


class Row(NamedTuple):
    """One work and its targets."""

    work: Work
    targets: tuple[Target, ...]


class Verdict(NamedTuple):
    """A target beside what was measured; `share` is of the speed that the machine allows.

    A tiny work has no share: what limits it is the cost of a call.
    """

    work: Work
    target: Target
    own: Times
    peer: Times
    ratio: Ratio
    share: float | None

    @property
    def is_met(self) -> bool:
        return self.ratio.median >= self.target.least


_OA, _FFT = "scipy.signal.oaconvolve", "scipy.signal.fftconvolve"
_NDIMAGE, _BY_AXIS = "scipy.ndimage.convolve", "scipy.ndimage.convolve1d"


def _signals() -> Iterator[Row]:
    for n, k, least, against in (
        (10**6, 8, 3.0, ("numpy.convolve", _OA)),
        (10**6, 64, 2.5, ("numpy.convolve", _OA)),
        (10**6, 1000, 3.0, (_OA,)),
        (10**7, 1000, 3.5, (_OA,)),
        (10**7, 48_000, 4.5, (_OA,)),
    ):
        yield Row(Work((n,), (k,), "float64", "full"), (Target(against, least),))


def _images() -> Iterator[Row]:
    shape = (1024, 1024)
    for k in (3, 7):
        targets = Target(("cv2.filter2D",), 1.1), Target((_NDIMAGE,), 15.0)
        yield Row(Work(shape, (k, k)), targets)
    yield Row(Work(shape, (31, 31)), (Target((_FFT,), 2.5),))
    yield Row(Work((2048, 2048), (63, 63)), (Target((_FFT,), 2.5),))
    targets = Target(("cv2.sepFilter2D",), 1.1), Target((_BY_AXIS,), 10.0)
    yield Row(Work(shape, (31, 31), is_gaussian=True), targets)


def _volumes() -> Iterator[Row]:
    for n, k, least, against in (
        (128, 3, 5.0, (_NDIMAGE, _FFT)),
        (128, 5, 5.0, (_NDIMAGE, _FFT)),
        (128, 17, 2.0, (_FFT,)),
        (256, 15, 2.0, (_FFT,)),
        (256, 33, 2.0, (_FFT,)),
    ):
        yield Row(Work((n,) * 3, (k,) * 3), (Target(against, least),))


def _tiny() -> Iterator[Row]:
    targets = Target(("scipy.signal.convolve",), 1.0), Target((_NDIMAGE,), 1.0)
    for n in (10, 100, 1000):
        for k in (3, 9):
            yield Row(Work((n,), (k,), "float64"), targets)
    for shape, k in (((12, 15), 3), ((40, 40), 3), ((40, 40), 5)):
        yield Row(Work(shape, (k, k), "float64"), targets)


CORE = (*_signals(), *_images(), *_volumes())
TINY = tuple(_tiny())
ROWS = CORE + TINY


def named_peers(row: Row) -> list[Peer]:
    """Return the peers that the row's targets name."""
    names = {name for target in row.targets for name in target.against}
    return [peer for name, peer in PEERS.items() if name in names]


def verdicts(row: Row, measured: Measured, rates: Rates) -> Iterable[Verdict]:
    """Yield the verdict on each target whose peers are installed."""
    own = measured.own
    share = None if row in TINY else limit_seconds(row.work, rates) / own.median
    for target in row.targets:
        if peer := measured.best(target.against):
            yield Verdict(row.work, target, own, peer, ratio(own, peer), share)
