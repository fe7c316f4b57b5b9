"""The least time in which a machine can do a work, from its measured rates."""

from __future__ import annotations

from itertools import product
from math import prod

from scipy.fft import next_fast_len

from benchmarks.rates import Rates, fft_operations
from benchmarks.work import Work

__all__ = ["direct_operations", "limit_seconds", "transform_operations"]


def limit_seconds(work: Work, rates: Rates) -> float:
    """Return the larger of the cheapest algorithm's arithmetic and the traffic.

    The algorithms are the direct sum at the rate of multiply-adds (axis by axis for a kernel of
    rank one), and FFTs at the rate of transforms in cache; the traffic is inputs and result at the
    bandwidth of a copy of that size.
    """
    arithmetic = min(
        direct_operations(work) / rates.multiply_add[work.dtype],
        transform_operations(work) / rates.fft[work.dtype],
    )
    return max(arithmetic, work.nbytes / rates.traffic(work.nbytes))


def direct_operations(work: Work) -> float:
    """A multiplication and an addition for every product."""
    return 2.0 * (work.products_by_axis if work.is_gaussian else work.products)


def transform_operations(work: Work) -> float:
    """The fewest operations by blocks of any size, not counting the kernel's own transform.

    A block of N samples takes 2.5 N log2(N) operations each way and 3 N for the product of its
    N/2 complex bins, and gives N-K+1 results on each axis. One block of everything may be shorter:
    results p..q-1 of the full convolution need max(q, S+K-1-p) samples.
    """
    extents = zip(work.starts, work.results, work.shape, work.taps, strict=True)
    choices = [_block_lengths(*extent) for extent in extents]
    return min(
        prod(count for _, count in blocks) * _block_operations(prod(n for n, _ in blocks))
        for blocks in product(*choices)
    )


def _block_lengths(start: int, results: int, size: int, taps: int) -> list[tuple[int, float]]:
    """Return lengths of a block on one axis, each with how many blocks that takes."""
    whole = max(start + results, size + taps - 1 - start)
    lengths = [(next_fast_len(whole, real=True), 1.0)]
    nfft = 1 << taps.bit_length()
    while nfft < whole:
        lengths.append((nfft, max(1.0, results / (nfft - taps + 1))))
        nfft *= 2
    return lengths


def _block_operations(samples: int) -> float:
    return 2 * fft_operations(samples) + 3.0 * samples
