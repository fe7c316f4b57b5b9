"""One work timed: sigconv, every peer that can do it, and on request sigconv's own methods."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import partial
from typing import NamedTuple

import sigconv as sc
from benchmarks.peers import THREADS, Peer
from benchmarks.timing import Entry, Patience, Times, compare, time_in_turns
from benchmarks.work import Array, Work
from sigconv.errors import MethodError

__all__ = ["Measured", "measure"]

WORTH_TIMING = 20.0
"""Methods predicted to take this many times as long as the chosen one are not timed."""


class Measured(NamedTuple):
    """The times of one work, all from the same rounds; `chosen` is the method of `own`."""

    work: Work
    own: Times
    peers: tuple[Times, ...]
    chosen: str
    methods: tuple[Times, ...] = ()

    def best(self, among: Iterable[str] | None = None) -> Times | None:
        """Return the fastest peer, with whichever number of threads, or None without any."""
        names = None if among is None else set(among)
        peers = [peer for peer in self.peers if names is None or peer.name in names]
        return min(peers, key=lambda peer: peer.median, default=None)


def measure(
    work: Work, peers: Iterable[Peer], patience: Patience, *, methods: bool = False
) -> Measured:
    """Compare the results of all, then time them in turns."""
    x, h = work.arrays()
    own = Entry("sigconv", partial(sc.convolve, x, h, work.mode), THREADS)
    others = [
        Entry(peer.name, peer.call(work, x, h, threads), threads, peer.using)
        for peer in peers
        if peer.refusal(work) is None
        for threads in peer.threads
    ]
    plan = sc.plan(x, h, work.mode)
    by_method = list(_methods(plan, x, h)) if methods else []
    entries = [own, *others, *by_method]
    compare(entries, str(work))
    times = time_in_turns(entries, patience)
    first, rest = 1, 1 + len(others)
    peer_times, method_times = tuple(times[first:rest]), tuple(times[rest:])
    return Measured(work, times[0], peer_times, plan.method, method_times)


def _methods(plan: sc.Plan, x: Array, h: Array) -> Iterator[Entry]:
    """Yield calls by each method that can do this and has some prospect."""
    most = WORTH_TIMING * plan.cost.seconds
    for candidate in plan.candidates:
        if candidate.cost is None or candidate.cost.seconds > most:
            continue
        call = partial(sc.convolve, x, h, plan.problem.mode, method=candidate.method)
        try:
            call()
        except MethodError:
            # It depends on the taps, which the plan has not looked at.
            continue
        yield Entry(candidate.method, call, THREADS)
