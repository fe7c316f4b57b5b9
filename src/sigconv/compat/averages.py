"""Averages over boxes of samples, for `sigconv.compat.ndimage`.

A window of K samples takes about log2(K) additions, and its sum holds no other sample: where
SciPy's running sum meets NaN or rounds, all that follows keeps it.
"""

from __future__ import annotations

from collections.abc import Iterator
from math import prod
from typing import Any

import numpy as np
import numpy.typing as npt

from sigconv.compat.arguments import (
    as_axis,
    as_image,
    check_output,
    edge_for,
    named_axes,
    output_for,
    per_axis,
)
from sigconv.compat.inputs import ArgumentError, as_integer, as_real
from sigconv.compat.passes import center_for, copy_unfiltered, largest_sum, store, sum_dtype
from sigconv.core.boundary import Edge
from sigconv.core.dtypes import Array, DType
from sigconv.core.gather import gather_region
from sigconv.core.index import along
from sigconv.core.problem import Axis
from sigconv.core.window_sums import window_sums

__all__ = ["uniform_filter", "uniform_filter1d"]

# Elements that are averaged at a time: they stay in cache from the samples to the output.
_PART = 1 << 17

# Lines side by side that make a run worth adding.
_RUN = 128


def uniform_filter1d(
    input: npt.ArrayLike,
    size: int,
    axis: int = -1,
    output: Any = None,
    mode: str = "reflect",
    cval: complex = 0.0,
    origin: int = 0,
) -> Array:
    """Average `size` samples along one axis as `scipy.ndimage.uniform_filter1d` does.

    The other parameters are those of `correlate1d`.

    Examples
    --------
    >>> uniform_filter1d([3, 6, 9, 30], 3)
    array([ 4,  6, 15, 23])
    """
    image = as_image(input)
    along = as_axis(axis, image.ndim)
    if as_real(size, "size") < 1:
        raise ArgumentError(f"size must be at least 1; got {size!r}.")
    target = output_for(output, image, is_complex=image.dtype.kind == "c")
    _average(image, as_integer(size, "size"), along, target, (mode, cval), origin)
    return target


def uniform_filter(
    input: npt.ArrayLike,
    size: int | tuple[int, ...] = 3,
    output: Any = None,
    mode: str | tuple[str, ...] = "reflect",
    cval: complex = 0.0,
    origin: int | tuple[int, ...] = 0,
    *,
    axes: int | tuple[int, ...] | None = None,
) -> Array:
    """Average boxes of samples, one axis after another, as `scipy.ndimage.uniform_filter` does.

    The parameters are those of `correlate`; `size`, `mode` and `origin` may have one entry per
    filtered axis.

    Examples
    --------
    >>> uniform_filter([[9.0, 0.0, 0.0]], (1, 3))
    array([[6., 3., 0.]])
    """
    image = source = as_image(input)
    target = output_for(output, image, is_complex=image.dtype.kind == "c")
    named = named_axes(axes, image.ndim)
    sizes = per_axis("size", size, len(named))
    origins = per_axis("origin", origin, len(named))
    modes = per_axis("mode", mode, len(named))
    for axis, width, shift, rule in zip(named, sizes, origins, modes, strict=True):
        if as_real(width, "size") > 1:
            _average(source, int(width), axis, target, (rule, cval), shift)
            source = target
    if source is image:
        copy_unfiltered(image, target)
    return target


def _average(
    image: Array, size: int, axis: int, output: Array, beyond: tuple[Any, Any], origin: Any
) -> None:
    """Average `size` samples along an axis and store the result in `output`.

    `beyond` is ndimage's mode and cval.
    """
    edge = edge_for(*beyond, image)
    check_output(output, is_complex=image.dtype.kind == "c")
    center = center_for(size, origin)
    if not image.size:
        return
    reach = slack = np.inf
    dtype = np.result_type(image.dtype, np.float64)
    if output.dtype.kind in "biu":
        reach = largest_sum(image, size, edge.fill)
        dtype, slack = sum_dtype(image, reach, edge.fill, size, is_whole=True)
    if image is not output and np.may_share_memory(image, output):
        image = image.copy()
    stop = image.shape[axis] + size - 1 - center
    for part in _parts(image.shape, axis):
        lines = _extended(image[part], axis, edge, -center, stop, dtype)
        averages = window_sums(lines, (size, *(1,) * (image.ndim - axis - 1)))
        averages /= size
        store(averages, output[part], slack / size, reach / size)


def _parts(shape: tuple[int, ...], axis: int) -> Iterator[Any]:
    """Yield indices that cut the image into parts of whole lines along `axis`."""
    cut = 0 if axis else len(shape) - 1
    if cut == axis:
        yield ...
        return
    step = max(_RUN if cut else 1, _PART * shape[cut] // prod(shape))
    for start in range(0, shape[cut], step):
        yield along(cut, slice(start, start + step))


def _extended(image: Array, axis: int, edge: Edge, start: int, stop: int, dtype: DType) -> Array:
    """Return the samples [start, stop) along an axis of the image continued by `edge`."""
    lines = image.swapaxes(axis, -1)
    size = image.shape[axis]
    line = Axis(0, size, 1, 0, size, (edge, edge))
    batch = tuple(slice(0, n) for n in lines.shape[:-1])
    extended = gather_region(lines, (line,), batch, ((start, stop),), dtype)
    return extended.swapaxes(axis, -1).astype(dtype, copy=False)
