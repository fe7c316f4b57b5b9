"""One pass of a filter of `sigconv.compat.ndimage`, and how its sums are stored.

A pass is computed in double precision and stored in the dtype of the output, and the next pass
reads what was stored: on integer images each pass cuts the fractions, as in ndimage. Whole
numbers that single precision holds exactly are added in it: half the memory.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np

from sigconv.compat.arguments import check_output
from sigconv.compat.inputs import as_integer
from sigconv.core.boundary import Edge
from sigconv.core.dtypes import Array, DType
from sigconv.errors import ShapeError

__all__ = ["center_for", "copy_unfiltered", "largest_sum", "run_pass", "store", "sum_dtype"]

# Elements that are stored at a time: they stay in cache from the sum to the integer.
_SLAB = 1 << 15

# The largest whole numbers of which single and double precision hold all up to there.
_SINGLE, _DOUBLE = 2.0**24, 2.0**53


def run_pass(
    operation: Callable[..., Array],
    image: Array,
    weights: Array,
    output: Array,
    *,
    axes: tuple[int, ...],
    origins: Sequence[Any],
    edge: Edge,
) -> None:
    """Filter `image` along `axes` and store the result in `output`, which it may overlap.

    `weights` and `origins` have one dimension and one entry per axis; `edge` is how the image
    continues on each.
    """
    check_output(output, is_complex="c" in image.dtype.kind + weights.dtype.kind)
    center = tuple(map(center_for, weights.shape, origins))
    reach = slack = np.inf
    dtype = np.result_type(image.dtype, weights.dtype, np.float64)
    if output.dtype.kind in "biu":
        reach = largest_sum(image, float(np.abs(weights).sum()), edge.fill)
        is_whole = bool((weights == np.rint(weights)).all())
        dtype, slack = sum_dtype(image, reach, edge.fill, weights.size, is_whole=is_whole)
    # Direct, as in ndimage: zeros stay zeros, and sums of nothing negative are not negative.
    options = {"axes": axes, "center": center, "dtype": dtype, "method": "direct"}
    options |= {"boundary": edge.rule, "fill_value": edge.fill}
    if output.dtype == dtype:
        operation(image, weights, "same", out=output, **options)
    else:
        store(operation(image, weights, "same", **options), output, slack, reach)


def center_for(taps: int, origin: Any) -> int:
    """Return the index of the tap on the output sample."""
    center = taps // 2 + as_integer(origin, "origin")
    if not 0 <= center < taps:
        raise ShapeError(
            f"origin lies between {-(taps // 2)} and {(taps - 1) // 2} for {taps} weights; "
            f"got {origin}."
        )
    return center


def largest_sum(image: Array, weight: float, fill: complex) -> float:
    """Return what no finite sum exceeds, with weights whose magnitudes add up to `weight`."""
    if image.dtype.kind == "b" or not image.size:
        largest = 1.0
    elif image.dtype.kind in "iu" and image.dtype.itemsize <= 2:
        largest = -float(np.iinfo(image.dtype).min) or float(np.iinfo(image.dtype).max)
    else:
        finite = image if image.dtype.kind in "iu" else image[np.isfinite(image)]
        ends = (finite.max(), finite.min()) if finite.size else ()
        largest = max((abs(complex(end)) for end in ends), default=0.0)
    return max(largest, abs(fill) if np.isfinite(fill) else 0.0) * weight


def sum_dtype(
    image: Array, reach: float, fill: complex, taps: int, *, is_whole: bool
) -> tuple[DType, float]:
    """Return the dtype of sums for an integer output, and how far rounding may take them."""
    exact = is_whole and image.dtype.kind in "biu" and float(fill.real).is_integer()
    if exact and reach < _SINGLE:
        return np.dtype(np.float32), 0.0
    dtype = np.result_type(image.dtype, np.float64)
    if (exact and reach < _DOUBLE) or not np.isfinite(reach):
        return dtype, 0.0
    # K products and K-1 sums, each good to eps/2 of at most max|x| sum|h|.
    return dtype, min(taps * float(np.finfo(np.float64).eps) * reach, 1e-3)


def store(values: Array, output: Array, slack: float = 0.0, largest: float = np.inf) -> None:
    """Write `values` to `output`; in integers without their fractions, and the low bits.

    A value that is less than `slack` short of a whole number counts as that number. `largest`
    is what no finite value exceeds.
    """
    if output.dtype.kind not in "biu" or values.dtype.kind in "biu":
        output[...] = values
        return
    width = np.int32 if largest < 2.0**31 - 1 else np.int64
    with np.errstate(invalid="ignore"):
        for slab in _slabs(values.shape):
            part = values[slab]
            if slack:
                part = part + np.copysign(slack, part)
            whole = part.astype(width)
            if output.dtype == np.uint64 and width is np.int64:
                # Negative numbers wrap around, and what exceeds int64 fits.
                whole = np.where(part < 2.0**63, whole.view(np.uint64), part.astype(np.uint64))
            output[slab] = whole


def copy_unfiltered(image: Array, output: Array) -> None:
    """Write an image that no axis filters to `output`, as NumPy converts it."""
    with np.errstate(invalid="ignore"):
        output[...] = image


def _slabs(shape: tuple[int, ...]) -> Iterator[Any]:
    """Yield indices that cut the first axis into parts of so many elements."""
    if not shape:
        yield ()
        return
    rows = max(1, _SLAB // max(1, int(np.prod(shape[1:]))))
    for start in range(0, shape[0], rows):
        yield slice(start, start + rows)
