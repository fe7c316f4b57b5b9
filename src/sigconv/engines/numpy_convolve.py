"""`np.convolve` for signals of one axis that end in zeros.

Its sums end where the samples do: products with samples that do not exist are not made, so that NaN
and infinity are right whatever the taps. It also is the fastest of what takes no loading.
"""

from __future__ import annotations

from math import prod
from typing import Literal

import numpy as np

from sigconv.core.dtypes import Array, DType
from sigconv.core.nonfinite import is_finite
from sigconv.core.problem import Axis, Problem
from sigconv.engines.base import Machine, dtype_key
from sigconv.engines.plan import Plan

__all__ = [
    "NumpyStep",
    "as_dtype",
    "is_plain",
    "numpy_seconds",
    "output_seconds",
    "suits_numpy",
    "tap_order",
    "taps_in_order",
]

# Products of np.convolve, which hears no Ctrl-C, and of a range that it has no mode for.
_MOST_PRODUCTS, _MOST_PART = 1 << 26, 1 << 16

# Taps up to which np.convolve has a loop for real floats.
_FEW_TAPS, _FEW_PRODUCT = 11, 2.0e-10

Mode = Literal["full", "same", "valid"]


def suits_numpy(problem: Problem) -> bool:
    """Tell whether `np.convolve` computes `problem`, without much that is not asked for."""
    if len(problem.axes) != 1 or prod(problem.batch) > 1:
        return False
    (axis,) = problem.axes
    if not (axis.edges[0].is_zero and axis.edges[1].is_zero):
        return False
    return axis.taps * axis.size <= (_MOST_PART if _numpy_mode(axis)[1] else _MOST_PRODUCTS)


def numpy_seconds(problem: Problem, machine: Machine) -> float:
    """Return what `np.convolve` is predicted to take."""
    (axis,) = problem.axes
    mode, _ = _numpy_mode(axis)
    taps = min(axis.size, axis.taps)
    outputs = axis.size + axis.taps - 1 if mode == "full" else axis.length
    return machine.call / 20 + outputs * output_seconds(problem, machine, taps)


def output_seconds(problem: Problem, machine: Machine, taps: int) -> float:
    """Return what an output of so many taps is predicted to take."""
    key = dtype_key(problem.dtypes.compute)
    if key in ("f4", "f8") and taps <= _FEW_TAPS:
        return taps * _FEW_PRODUCT
    each, product = machine.convolve.get(key, (0.0, 1.5e-9))
    return each + taps * product


def _numpy_mode(axis: Axis) -> tuple[Mode, slice | None]:
    """Return the mode of `np.convolve`, and the part of its result where that is not all."""
    n, k = axis.size, axis.taps
    wanted = axis.start, axis.stop
    if wanted == (0, n + k - 1):
        return "full", None
    if wanted == (min(n, k) - 1, max(n, k)):
        return "valid", None
    if wanted == ((k - 1) // 2, (k - 1) // 2 + n) and k <= n:
        return "same", None
    return "full", slice(*wanted)


def tap_order(problem: Problem) -> Array:
    """Return where each tap of a true convolution lies in the flat kernel of the call."""
    places = np.arange(prod(problem.kernel_shape)).reshape(problem.kernel_shape)
    return np.ascontiguousarray(problem.kernel_view(places).reshape(-1))


def taps_in_order(kernel: Array, order: Array, dtype: DType, *, conj: bool) -> Array:
    """Return the taps of a call's `kernel` in an order, and conjugated if told so."""
    taps = kernel.take(order)
    return as_dtype(taps.conj() if conj else taps, dtype)


def as_dtype(array: Array, dtype: DType) -> Array:
    """Return `array` in a native dtype, itself where it has that; nothing warns."""
    if array.dtype == dtype:
        return array
    if array.dtype.kind in "biu" or dtype.kind in "iu":
        return array.astype(dtype)
    # Floats too large for a narrower dtype become infinite, without a word.
    with np.errstate(all="ignore"):
        return array.astype(dtype)


def is_plain(array: Array, dtype: DType) -> bool:
    """Tell whether an array of a native dtype lies in C order, without gaps."""
    return array.dtype == dtype and array.flags.c_contiguous and array.flags.aligned


class NumpyStep:
    """A plan whose loop is `np.convolve`."""

    def __init__(self, plan: Plan) -> None:
        problem = plan.problem
        (axis,) = problem.axes
        self._mode, self._part = _numpy_mode(axis)
        self._shape = problem.result_shape
        self._compute, self._result = problem.dtypes
        order = tap_order(problem)
        as_given = np.array_equal(order, np.arange(prod(problem.kernel_shape)))
        self._order = None if as_given else order
        self._conj = problem.correlate and problem.dtypes.is_complex

    def weights(self, kernel: Array) -> Array:
        """Return the taps of a true convolution."""
        flat = kernel.reshape(-1) if self._order is None else kernel.take(self._order)
        return as_dtype(flat.conj() if self._conj else flat, self._compute)

    def apply(
        self,
        signal: Array,
        weights: Array,
        out: Array | None = None,
        *,
        watch: bool = False,
        workers: int = 1,
    ) -> Array | None:
        """Return the result, or None where `watch` finds samples that are not finite."""
        del workers
        samples = as_dtype(signal.reshape(-1), self._compute)
        sums: Array = np.convolve(samples, weights, self._mode)
        if self._part is not None:
            sums = sums[self._part].copy()
        if watch and not is_finite(signal):
            return None
        if out is not None:
            out[...] = sums.reshape(self._shape)
            return out
        return as_dtype(sums.reshape(self._shape), self._result)
