"""What a prepared call takes beyond its work, where the work is next to nothing."""

from __future__ import annotations

from functools import partial
from typing import NamedTuple

import numpy as np

import sigconv as sc
from benchmarks.limits import direct_operations
from benchmarks.rates import Rates
from benchmarks.timing import Entry, Patience, compare, time_in_turns
from benchmarks.work import Work

__all__ = ["MOST_BEYOND", "Prepared", "time_prepared"]

MOST_BEYOND = 6e-6
"""Seconds that a prepared call may take beyond the work."""


class Prepared(NamedTuple):
    """Seconds of one prepared call that writes into `out`, and of the work in it."""

    work: Work
    call: float
    inside: float

    @property
    def beyond(self) -> float:
        return self.call - self.inside


def time_prepared(work: Work, rates: Rates, patience: Patience) -> Prepared:
    """Time a `Convolver`; the work in it is ``np.convolve``, or the products at one thread's rate.

    (NumPy has no convolution of two axes to subtract.)
    """
    x, h = work.arrays()
    prepared = sc.Convolver(h, x.shape, work.mode)
    own = Entry("sigconv.Convolver", partial(prepared, x, np.empty(work.results, x.dtype)))
    if work.ndim > 1:
        (times,) = time_in_turns([own], patience)
        rate = rates.multiply_add[work.dtype] / rates.threads
        return Prepared(work, times.median, direct_operations(work) / rate)
    entries = [own, Entry("numpy.convolve", partial(np.convolve, x, h, work.mode))]
    compare(entries, str(work))
    times, bare = time_in_turns(entries, patience)
    return Prepared(work, times.median, bare.median)
