"""Spectra of kernels that are symmetric about their middle tap: real, in half the memory.

H(f) = R(f) exp(-i 2 pi f c) with a real R for a kernel with h[c + k] = conj(h[c - k]). A kernel
that is prepared for many signals keeps R alone, and its outputs come c samples earlier.
"""

from __future__ import annotations

from math import pi

import numpy as np

from sigconv.core.dtypes import Array
from sigconv.engines.plan import Plan

__all__ = ["centre_of", "real_spectrum"]


def centre_of(plan: Plan, kernel: Array, leads: tuple[int, ...]) -> tuple[int, ...] | None:
    """Return the middle tap where all of a plan's kernels are symmetric about it, else None.

    The first outputs lie at `leads` in the transform, which the middle must not be beyond. To find
    the real parts takes longer than they save unless many signals are to come.
    """
    taps = plan.problem.taps
    centre = tuple(k // 2 for k in taps)
    if plan.effort != "measure" or any(k % 2 == 0 for k in taps):
        return None
    if any(lead < c for lead, c in zip(leads, centre, strict=True)):
        return None
    batch = kernel.ndim - len(taps)
    reverse = (slice(None),) * batch + (slice(None, None, -1),) * len(taps)
    return centre if np.array_equal(kernel, kernel[reverse].conj()) else None


def real_spectrum(
    whole: Array, nfft: tuple[int, ...], columns: tuple[int, int], centre: tuple[int, ...]
) -> Array:
    """Return the real parts of a spectrum about the centre, two in each complex number.

    `whole` has groups of columns as its last axes: groups, frequencies of the first axis, and a
    group's columns; `columns` are how many there are in all and in a group.
    """
    count, width = columns
    turns = [np.exp(2j * pi * c / n * np.arange(n)) for n, c in zip(nfft, centre, strict=True)]
    across = turns[-1][: count // int(np.prod(nfft[1:-1], dtype=int))]
    for turn in reversed(turns[1:-1]):
        across = np.multiply.outer(turn, across).ravel()
    groups = whole.shape[-3]
    across = np.pad(across, (0, groups * width - count)).reshape(groups, 1, width)
    first = turns[0][:, None]
    parts = np.empty(whole.shape, whole.real.dtype)
    for group in range(groups):
        # In single precision: rounding of the turns is that of the transform.
        turn = (first * across[group]).astype(whole.dtype)
        parts[..., group, :, :] = (whole[..., group, :, :] * turn).real
    packed: Array = parts.view(whole.dtype)
    return packed
