"""Where NaN and infinity go: the products that are not finite, and their sums.

A product h[k] x[n-k] exists for every tap of the kernel, zero taps included, and for every
existing sample. An output is not finite where any of its products is not. Engines compute
with zeros in place of NaN and infinity; the outputs concerned are put right afterwards.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from decimal import Decimal
from typing import Any

import numpy as np

from sigconv.core.blocks import Range
from sigconv.core.dtypes import Array

__all__ = ["clean", "first_nonfinite", "has_nan", "is_finite", "nonfinite_sums"]

# Up to this many non-finite samples, shifted copies of the kernel beat counting.
_FEW = 32

Count = Callable[[Array, Array], Array]


def is_finite(array: Array) -> bool:
    """Tell whether every element is finite."""
    if array.dtype.kind == "O":
        return all(item.is_finite() for item in array.flat if isinstance(item, Decimal))
    if array.dtype.kind not in "fc":
        return True
    # An overflowing sum needs the second look.
    with np.errstate(all="ignore"):
        return bool(np.isfinite(_probe(array))) or bool(np.isfinite(array).all())


def first_nonfinite(array: Array) -> tuple[int, ...]:
    """Return the index of the first element that is not finite, of which there is one."""
    if array.dtype.kind == "O":
        marks = [isinstance(item, Decimal) and not item.is_finite() for item in array.flat]
        flat = int(np.argmax(marks))
    else:
        flat = int(np.argmax(~np.isfinite(array)))
    return tuple(int(i) for i in np.unravel_index(flat, array.shape))


def has_nan(array: Array) -> bool:
    """Tell whether any element is NaN."""
    if array.dtype.kind not in "fc":
        return False
    with np.errstate(all="ignore"):
        return not np.isfinite(_probe(array)) and bool(np.isnan(array).any())


def _probe(array: Array) -> Any:
    """Return a number that is finite only if every element is: one pass at the memory's speed."""
    if array.dtype.char in "fdFD" and (array.flags.c_contiguous or array.flags.f_contiguous):
        flat = array.ravel("K").view(array.real.dtype)
        # Up to twice as fast as the pairwise sum, and accuracy is no matter.
        return np.einsum("i->", flat)
    return array.sum()


def clean(array: Array) -> Array:
    """Return a copy of `array` with zeros in place of NaN and infinity."""
    return np.where(np.isfinite(array), array, array.dtype.type(0))


def nonfinite_sums(
    samples: Array, kernel: Array, offsets: tuple[Range, ...], count: Count
) -> Array:
    """Return the sum of each output's non-finite products, 0 where it has none.

    Parameters
    ----------
    samples : array
        The existing samples of a block, convolved axes only.
    kernel : array
        The taps, as many dimensions.
    offsets : tuple of (start, stop)
        The wanted outputs on each axis, in positions of the full convolution of `samples`.
    count : callable
        ``count(a, b)`` is the full convolution of arrays of zeros and ones, rounded to whole
        numbers; used where there are many non-finite samples.
    """
    full = tuple(n + k - 1 for n, k in zip(samples.shape, kernel.shape, strict=True))
    window = tuple(slice(*bounds) for bounds in offsets)
    bad_samples, bad_taps = ~np.isfinite(samples), ~np.isfinite(kernel)
    few = np.count_nonzero(bad_samples) <= _FEW and np.count_nonzero(bad_taps) <= _FEW
    if few and samples.dtype.kind != "c" and kernel.dtype.kind != "c":
        return _superpose(samples, kernel, full)[window]
    return _classify(samples, kernel, full, count)[window]


def _superpose(samples: Array, kernel: Array, full: tuple[int, ...]) -> Array:
    """Add a shifted, weighted copy of the other input for each non-finite element."""
    sums = np.zeros(full, np.result_type(samples, kernel))
    # Non-finite times non-finite belongs to the first pass alone.
    finite_samples = np.where(np.isfinite(samples), samples, 0)
    existing = np.isfinite(samples)
    for index in np.argwhere(~np.isfinite(samples)):
        sums[_shifted(index, kernel.shape)] += samples[tuple(index)] * kernel
    for index in np.argwhere(~np.isfinite(kernel)):
        products = kernel[tuple(index)] * finite_samples
        sums[_shifted(index, samples.shape)] += np.where(existing, products, 0)
    return sums


def _shifted(index: Array, shape: tuple[int, ...]) -> tuple[slice, ...]:
    return tuple(slice(int(i), int(i) + n) for i, n in zip(index, shape, strict=True))


def _classify(samples: Array, kernel: Array, full: tuple[int, ...], count: Count) -> Array:
    """Count the NaN, +inf and -inf products of every output."""
    sums = np.zeros(full, np.result_type(samples, kernel))
    reached = dict.fromkeys(("nan", "+inf", "-inf"), np.zeros(full, bool))
    for outcome, x, h in _pairs(samples, kernel):
        if x.any() and h.any():
            reached[outcome] = reached[outcome] | (count(x, h) > 0)
    sums[reached["+inf"]] = np.inf
    sums[reached["-inf"]] = -np.inf
    sums[reached["nan"] | (reached["+inf"] & reached["-inf"])] = np.nan
    return sums


def _pairs(x: Array, h: Array) -> Iterator[tuple[str, Array, Array]]:
    """Yield (outcome, samples, taps): which samples times which taps give which outcome."""
    if x.dtype.kind == "c" or h.dtype.kind == "c":
        # Only where a complex result is not finite is specified.
        yield "nan", ~np.isfinite(x), np.ones(h.shape, bool)
        yield "nan", np.ones(x.shape, bool), ~np.isfinite(h)
        return
    yield "nan", np.isnan(x), np.ones(h.shape, bool)
    yield "nan", np.ones(x.shape, bool), np.isnan(h)
    yield "nan", np.isinf(x), h == 0
    yield "nan", x == 0, np.isinf(h)
    # Compared with 0, not multiplied by a sign: taps may be unsigned.
    positive = (x > 0, h > 0), (x < 0, h < 0)
    negative = (x > 0, h < 0), (x < 0, h > 0)
    for outcome, pairs in (("+inf", positive), ("-inf", negative)):
        for samples, taps in pairs:
            yield outcome, samples & np.isinf(x), taps
            yield outcome, samples, taps & np.isinf(h)
