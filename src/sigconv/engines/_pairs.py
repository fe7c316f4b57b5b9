"""Compiled steps around transforms of two real blocks at once."""

from __future__ import annotations

from typing import Any

import numba
import numpy as np

__all__ = ["multiply", "try_pairs", "unweave", "weave"]


# Regrouping the sum lets it vectorise.
@numba.njit(nogil=True, cache=True, fastmath={"reassoc", "contract"})
def _energy(x: Any) -> Any:
    """Return the sum of squares, in float64 where squares of float32 would overflow."""
    total = 0.0
    for i in range(x.size):
        total += np.float64(x[i]) * np.float64(x[i])
    return total


@numba.njit(nogil=True, cache=True)
def weave(x: Any, starts: Any, out: Any, energies: Any) -> None:
    """Fill row g of `out` with the two blocks of `x` that begin at starts[g], element by element.

    They become real and imaginary parts. `energies` takes their sums of squares. A block that
    begins at -1 is zero.
    """
    n = out.shape[1] // 2
    for g in range(out.shape[0]):
        a, b, row = starts[g, 0], starts[g, 1], out[g]
        energies[g, :] = 0
        if a < 0:
            row[:] = 0
            continue
        first = x[a : a + n]
        energies[g, 0] = _energy(first)
        if b < 0:
            for i in range(n):
                row[2 * i] = first[i]
                row[2 * i + 1] = 0
            continue
        second = x[b : b + n]
        energies[g, 1] = _energy(second)
        for i in range(n):
            row[2 * i] = first[i]
            row[2 * i + 1] = second[i]


@numba.njit(nogil=True, cache=True, fastmath={"contract"})
def multiply(spectra: Any, kernel: Any) -> None:
    """Multiply each row of `spectra` by `kernel`, in place."""
    for g in range(spectra.shape[0]):
        row = spectra[g]
        for i in range(kernel.size):
            row[i] *= kernel[i]


@numba.njit(nogil=True, cache=True)
def unweave(rows: Any, lead: int, factor: Any, places: Any, out: Any) -> None:
    """Write real and imaginary parts of row g, from element `lead` on and times `factor`.

    `places` has, for each of the two, where in `out` to write and how many.
    """
    for g in range(rows.shape[0]):
        for part in range(2):
            place, count = places[g, part, 0], places[g, part, 1]
            y = out[place : place + count]
            row = rows[g, 2 * lead + part : 2 * (lead + count)]
            for i in range(count):
                y[i] = row[2 * i] * factor


def try_pairs(dtype: Any) -> None:
    """Run every step once, on real samples of `dtype`."""
    x, kernel = np.zeros(4, dtype), np.zeros(4, np.result_type(dtype, np.complex64))
    x.flags.writeable = kernel.flags.writeable = False
    rows = np.zeros((1, 4), kernel.dtype)
    weave(x, np.zeros((1, 2), np.int64), rows.view(dtype), np.empty((1, 2)))
    multiply(rows, kernel)
    places = np.zeros((1, 2, 2), np.int64)
    unweave(rows.view(dtype), 1, np.zeros((), dtype)[()], places, np.zeros(4, dtype))
