"""Convolution at another rate: decimation, interpolation, and rational factors."""

from __future__ import annotations

from collections.abc import Iterator
from math import gcd, prod
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from sigconv.channels import ChannelProblem, check_sums, edges_of, forward
from sigconv.core.boundary import Edges
from sigconv.core.dtypes import Array, DTypes, as_numeric, is_weak, resolve_dtypes
from sigconv.core.nonfinite import is_finite
from sigconv.core.problem import Axis
from sigconv.errors import OptionError, ShapeError

__all__ = ["resample_conv"]

# Phases that are computed together, as channels: neighbours, which meet nearly the same samples.
_TOGETHER = 8


def resample_conv(
    signal: npt.ArrayLike,
    kernel: npt.ArrayLike,
    up: int = 1,
    down: int = 1,
    *,
    axis: int = -1,
    boundary: Any = "zero",
    method: str = "auto",
    workers: int | None = None,
) -> Array:
    """Return every `down`-th sample of the convolution with a signal that has zeros inserted.

    y[m] = sum_j kernel[down*m - up*j] signal[j]: between two samples of the signal `up` - 1 zeros
    are inserted, the result is convolved with the kernel, and of that every `down`-th sample is
    kept. Nothing is multiplied by an inserted zero, and nothing is computed that is not kept.

    Parameters
    ----------
    signal : array_like
        The samples, along `axis`; each line of other axes is a signal of its own.
    kernel : array_like, 1-D
        The taps, at `up` times the signal's rate; for interpolation a low-pass filter with a gain
        of `up`.
    up, down : int
        By how much the rate is raised, then lowered.
    axis : int
        The axis of the signal that is resampled.
    boundary : str or sequence
        How the signal continues: ``"zero"``, ``"edge"``, ``"reflect"``, ``"symmetric"`` or
        ``"wrap"``.
    method, workers
        As for `sigconv.layers.conv`.

    Returns
    -------
    ndarray
        ceil(((n - 1) up + taps) / down) samples along `axis`, of the dtype that `convolve` gives.

    Raises
    ------
    ShapeError
        Where the kernel is not 1-D or empty, or `axis` does not exist.
    OptionError
        Where `up` or `down` is not a positive integer.

    See Also
    --------
    convolve : The same at one rate.

    Notes
    -----
    The definition is that of `scipy.signal.upfirdn`. The kernel's phases are convolved with the
    signal itself: y[m] takes the taps that leave the same remainder by `up` as down*m does.

    Examples
    --------
    Linear interpolation, and the mean of two neighbours at half the rate:

    >>> resample_conv([1, 3, 7], [1, 2, 1], up=2)
    array([ 1,  2,  4,  6, 10, 14,  7])
    >>> resample_conv([1, 3, 7, 9, 5], [1, 1], down=2)
    array([ 1, 10, 14])
    """
    x, h = as_numeric(signal, "signal"), as_numeric(kernel, "kernel")
    rates = tuple(_rate(value, name) for value, name in ((up, "up"), (down, "down")))
    if h.ndim != 1 or not h.size:
        raise ShapeError(f"kernel must be 1-D and have a tap; got shape {h.shape}.")
    if not (hasattr(axis, "__index__") and -x.ndim <= axis < x.ndim):
        raise ShapeError(f"axis must be one of the signal's {x.ndim}; got {axis!r}.")
    dtypes = resolve_dtypes(x.dtype, h.dtype, weak=is_weak(kernel))
    (edges,) = edges_of(boundary, 1)
    lines = np.moveaxis(x, axis, -1)
    if not lines.shape[-1] and not all(edge.is_zero for edge in edges):
        raise ShapeError("a signal without samples continues by boundary='zero' alone.")
    check_sums(lines, h[None], dtypes)
    count = -(-((lines.shape[-1] - 1) * rates[0] + h.size) // rates[1]) if lines.shape[-1] else 0
    flat = lines.reshape(prod(lines.shape[:-1]), 1, lines.shape[-1])
    phases = _Phases(rates[0], rates[1], h.size, count)
    out = np.empty((len(flat), phases.cycles, phases.period), dtypes.result)
    # Taps that pad a phase to the length of its neighbours would turn NaN beside it into NaN.
    exact = dtypes.compute.kind not in "fc" or (is_finite(flat) and is_finite(h))
    for part in phases.parts(_TOGETHER if exact else 1):
        place = out[..., part.first : part.last].swapaxes(1, 2)
        if not part.meets_taps:
            place[...] = 0
            continue
        weights = part.weights(h)
        problem = part.problem(flat, edges, dtypes, phases.cycles)
        forward(problem, flat, weights, out=place, method=method, workers=workers)
    result = out.reshape(*lines.shape[:-1], -1)[..., :count]
    return np.moveaxis(result, -1, axis)


def _rate(value: Any, name: str) -> int:
    if not hasattr(value, "__index__") or isinstance(value, bool | np.bool_) or value < 1:
        raise OptionError(f"{name} must be a positive integer; got {value!r}.")
    return int(value)


class _Part(NamedTuple):
    """Outputs m = period*t + j for j in [first, last): channels of one sum with a stride.

    Output j meets the taps starts[j - first] + up*i for i >= 0 at the samples
    step*t + places[j - first] - i.
    """

    first: int
    last: int
    starts: tuple[int, ...]
    places: tuple[int, ...]
    up: int
    step: int
    taps: int

    @property
    def meets_taps(self) -> bool:
        """Whether any of the outputs is more than an empty sum."""
        return min(self.starts) < self.taps

    @property
    def _length(self) -> int:
        """Taps of the longest of the phases."""
        return -(-(self.taps - min(self.starts)) // self.up)

    @property
    def _reach(self) -> int:
        return self._length + self.places[-1] - self.places[0]

    def weights(self, kernel: Array) -> Array:
        """Return the taps of each phase as weights (outputs, 1, taps), in order of the samples."""
        made = np.zeros((len(self.starts), 1, self._reach), kernel.dtype)
        if kernel.dtype.kind == "O":
            made[...] = 0
        for row, start, place in zip(made[:, 0], self.starts, self.places, strict=True):
            own = kernel[start :: self.up]
            # Tap i lies i before the sample of tap 0.
            last = place - self.places[0] + self._length
            row[last - len(own) : last] = own[::-1]
        return made

    def problem(self, x: Array, edges: Edges, dtypes: DTypes, cycles: int) -> ChannelProblem:
        """Return the sum over so many cycles."""
        start = self.places[-1]
        stop = start + self.step * (cycles - 1) + 1 if cycles else start
        axis = Axis(0, x.shape[2], self._reach, start, stop, edges, self.step)
        return ChannelProblem(len(x), 1, len(self.starts), 1, (axis,), dtypes)


class _Phases(NamedTuple):
    """The rates, the taps, and how many outputs there are."""

    up: int
    down: int
    taps: int
    results: int

    @property
    def period(self) -> int:
        """After how many outputs the same taps come again."""
        return self.up // gcd(self.up, self.down)

    @property
    def cycles(self) -> int:
        """How often they come."""
        return -(-self.results // self.period)

    def parts(self, together: int) -> Iterator[_Part]:
        """Yield so many phases at a time."""
        step = self.down // gcd(self.up, self.down)
        for first in range(0, self.period, together):
            last = min(first + together, self.period)
            pairs = [divmod(j * self.down, self.up) for j in range(first, last)]
            places, starts = zip(*pairs, strict=True)
            yield _Part(first, last, starts, places, self.up, step, self.taps)
