"""Kernels of a stream of floating samples: first taps at once, the others in stages."""

from __future__ import annotations

from math import frexp

import numpy as np

from sigconv.convolution import convolve
from sigconv.core.dtypes import Array
from sigconv.core.nonfinite import clean, is_finite, nonfinite_sums
from sigconv.engines.nonfinite import count_products
from sigconv.streaming.heads import FirstTaps
from sigconv.streaming.layout import Stage
from sigconv.streaming.partitioned import PartitionedPast
from sigconv.streaming.stages import StageFilter
from sigconv.streaming.steps import (
    Connections,
)

__all__ = ["PartitionedFilter"]

# Within these powers of two taps stay as they are; others are scaled to the nearer one, so that
# products with usual samples are no denormal numbers, and transforms do not overflow.
_PLAIN = {"f": (-80, 60), "d": (-600, 500)}


class PartitionedFilter:
    """Kernels that are applied to a past.

    Parameters
    ----------
    past : PartitionedPast
        What has been heard.
    kernels : ndarray
        Taps in rows, no more than the layout has room for.
    connections : Connections
        Which of them leads from which input to which output.
    pairs : list of (output, input, kernel)
        The same with kernels of zeros, which NaN and infinity meet too.
    """

    def __init__(
        self,
        past: PartitionedPast,
        kernels: Array,
        connections: Connections,
        pairs: list[tuple[int, int, int]],
    ) -> None:
        way, self._past = past.way, past
        layout = way.layout
        self._kernels, self._pairs, self._connections = kernels, pairs, connections
        self._bad_taps = not is_finite(kernels)
        finite = clean(kernels) if self._bad_taps else kernels
        taps = np.zeros((len(kernels), layout.latency + layout.taps), way.dtype)
        with np.errstate(all="ignore"):
            exponent = _exponent(finite)
            target = taps[:, layout.latency : layout.latency + kernels.shape[1]]
            target[...] = finite * np.exp2(-exponent)
        factor = np.exp2(way.dtype.type(exponent).real)
        last = min(layout.head, layout.latency + kernels.shape[1])
        first = taps[:, layout.latency : last]
        self._head = (
            past.head_of(FirstTaps(first, layout.latency, factor), connections)
            if first.size
            else None
        )
        self._stages = [
            StageFilter(line, _taps_of(line.stage, taps), factor, connections)
            for line in past.lines
        ]
        self._sums = np.zeros((connections.outputs, past.past.room), way.dtype)

    def rebuild(self) -> None:
        """Make what is due next from the past alone."""
        for stage in self._stages:
            stage.rebuild()

    def outputs(self, start: int, stop: int, target: Array | None = None) -> Array:
        """Return the outputs of times [start, stop), up to which the past has heard, in rows.

        They are in `target` where they can be.
        """
        size, past, rows = stop - start, self._past, self._sums
        if target is not None and target.flags.c_contiguous and target.dtype == rows.dtype:
            rows = target.reshape(len(rows), size)
        sums, later = rows[:, :size], self._stages
        if self._head is not None:
            self._head.write(rows, start, stop)
        elif later and past.lines[0].stage.is_prompt:
            later[0].write(rows, start, stop)
            later = later[1:]
        else:
            sums[...] = 0
        for stage in later:
            stage.add(rows, start, stop)
        if size and not past.are_finite(rows, 0, size):
            self._sum_loud(sums, start - past.way.layout.latency)
        if self._bad_taps or past.past.raw is not None:
            self._stamp(sums, start - past.way.layout.latency)
        # Before the first result there is nothing, though something may precede the signal.
        sums[:, : max(0, past.way.layout.latency - start)] = 0
        return sums

    def _sum_loud(self, sums: Array, start: int) -> None:
        """Write results from index `start` on whose transforms have overflown."""
        stop, taps = start + sums.shape[1], self._kernels.shape[1]
        kernels = clean(self._kernels) if self._bad_taps else self._kernels
        sums[...] = 0
        for output, source, number in self._pairs:
            past = self._past.past
            low = start - taps + 1 - past.start
            samples = self._past.rows[source, low : stop - past.start]
            sums[output] += convolve(samples, kernels[number], "valid")

    def _stamp(self, sums: Array, start: int) -> None:
        """Add the products that are not finite to results from index `start` on."""
        stop, taps = start + sums.shape[1], self._kernels.shape[1]
        low, high = self._past.existing(start - taps + 1, stop)
        if not self._bad_taps:
            bad = self._past.bad_range(low, high)
            if bad is None:
                return
            low, high = bad
        if low >= high:
            return
        # Taps that lead from these samples to these results.
        first, last = max(0, start - high + 1), min(taps, stop - low)
        if first >= last:
            return
        for output, source, number in self._pairs:
            samples = self._past.row(source, low, high)
            kernel = self._kernels[number, first:last]
            if is_finite(samples) and is_finite(kernel):
                continue
            origin = low + first
            begin, end = max(start, origin), min(stop, high + last - 1)
            made = nonfinite_sums(
                samples, kernel, ((begin - origin, end - origin),), count_products
            )
            sums[output, begin - start : end - start] += made.astype(sums.dtype)


def _taps_of(stage: Stage, taps: Array) -> Array:
    return taps[:, stage.first : stage.first + stage.parts * stage.part]


def _exponent(taps: Array) -> int:
    """Return the power of two that taps are divided by, 0 for usual ones."""
    low, high = _PLAIN[taps.real.dtype.char]
    exponent = frexp(float(np.abs(taps).max(initial=0)))[1]
    return exponent - min(max(exponent, low), high)
