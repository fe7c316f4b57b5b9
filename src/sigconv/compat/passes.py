"""What the filters of `sigconv.compat.ndimage` share: arguments, one pass, and its output.

A pass is computed in double precision and stored in the dtype of the output, and the next pass
reads what was stored: on integer images each pass cuts the fractions, as in ndimage.
"""

from __future__ import annotations

import operator
import warnings
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from sigconv.core.dtypes import Array, as_numeric
from sigconv.errors import BoundaryError, DTypeError, ShapeError

__all__ = [
    "as_image",
    "check_fill",
    "named_axes",
    "output_for",
    "per_axis",
    "run_pass",
    "store",
]

_BOUNDARIES = {
    "reflect": "symmetric",
    "grid-mirror": "symmetric",
    "mirror": "reflect",
    "nearest": "edge",
    "wrap": "wrap",
    "grid-wrap": "wrap",
    "constant": "constant",
    "grid-constant": "constant",
}


def as_image(value: Any, name: str = "input") -> Array:
    """Return `value` as an array of numbers of fixed width."""
    is_objects = isinstance(value, np.ndarray) and value.dtype.kind == "O"
    array = value if is_objects else as_numeric(value, name)
    if array.dtype.kind == "O":
        raise RuntimeError(f"{name} must hold numbers of fixed width; got Python objects.")
    return array


def named_axes(axes: Any, ndim: int) -> tuple[int, ...]:
    """Return `axes` as different non-negative integers, in the order given."""
    if axes is None:
        return tuple(range(ndim))
    try:
        given = (axes,) if np.isscalar(axes) else tuple(axes)
    except TypeError:
        raise ShapeError(f"axes takes an integer or a sequence of them; got {axes!r}.") from None
    indices = [operator.index(axis) for axis in given]
    for axis in indices:
        if not -ndim <= axis < ndim:
            raise ShapeError(f"axes lie between {-ndim} and {ndim - 1}; got {axis}.")
    named = tuple(axis % ndim for axis in indices)
    if len(set(named)) != len(named):
        raise ShapeError(f"axes must differ from one another; got {axes!r}.")
    return named


def per_axis(name: str, value: Any, count: int) -> list[Any]:
    """Return one entry per filtered axis: `value` for each, or the sequence that it is."""
    if isinstance(value, str) or not np.iterable(value):
        return [value] * count
    entries = list(value)
    if len(entries) != count:
        raise RuntimeError(f"{name} has one entry per filtered axis ({count}); got {len(entries)}.")
    return entries


def check_fill(cval: Any, image: Array, weights: Array | None = None) -> None:
    """Raise unless `cval` is a value that the image may have."""
    if np.iscomplexobj(cval) and image.dtype.kind != "c":
        complex_weights = weights is not None and weights.dtype.kind == "c"
        error = BoundaryError if complex_weights else DTypeError
        raise error(f"cval must be real where the input is; got {cval!r}.")


def _boundary(mode: Any, cval: Any) -> dict[str, Any]:
    """Return sigconv's keywords for ndimage's `mode` and `cval`."""
    if not isinstance(mode, str) or mode not in _BOUNDARIES:
        raise RuntimeError(f"mode must be one of {', '.join(_BOUNDARIES)}; got {mode!r}.")
    rule = _BOUNDARIES[mode]
    if rule != "constant":
        return {"boundary": rule}
    return {"boundary": "constant", "fill_value": cval} if cval else {"boundary": "zero"}


def output_for(output: Any, image: Array, *, is_complex: bool = False) -> Array:
    """Return the array to write to: `output` itself, or a new one of the dtype that it names."""
    if output is None:
        dtype = image.dtype.newbyteorder("=")
        return np.empty(image.shape, np.promote_types(dtype, np.complex64) if is_complex else dtype)
    if isinstance(output, type | np.dtype | str):
        dtype = np.dtype(output)
        kinds = "c" if is_complex else "iufc"
        if isinstance(output, str) and dtype.kind not in kinds:
            raise RuntimeError(f"the output of these inputs cannot have dtype {output!r}.")
        if is_complex and dtype.kind != "c":
            warnings.warn(f"the output is complex, not {dtype}", stacklevel=3)
            dtype = np.promote_types(dtype, np.complex64)
        return np.empty(image.shape, dtype)
    array = np.asarray(output)
    if array.shape != image.shape:
        raise RuntimeError(f"output needs the shape {image.shape}; got {array.shape}.")
    if is_complex and array.dtype.kind != "c":
        raise RuntimeError(f"the output is complex; got an array of {array.dtype}.")
    return array


def run_pass(
    operation: Callable[..., Array],
    image: Array,
    weights: Array,
    output: Array,
    *,
    axes: tuple[int, ...],
    origins: Sequence[Any],
    mode: Any,
    cval: Any,
    divisor: int = 1,
) -> None:
    """Filter `image` along `axes` and store the result in `output`, which it may overlap.

    `weights` and `origins` have one dimension and one entry per axis. The sums are divided by
    `divisor`.
    """
    keywords = _boundary(mode, cval)
    dtype = np.result_type(image.dtype, weights.dtype, np.float64)
    center = tuple(map(_center, weights.shape, origins))
    # Direct, as in ndimage: zeros stay zeros, and sums of nothing negative are not negative.
    options = {"axes": axes, "center": center, "dtype": dtype, "method": "direct", **keywords}
    if divisor == 1 and output.dtype == dtype:
        operation(image, weights, "same", out=output, **options)
        return
    sums = operation(image, weights, "same", **options)
    fill = abs(keywords.get("fill_value", 0))
    slack = _rounding(image, weights, fill) if output.dtype.kind in "biu" else 0.0
    store(sums / divisor if divisor > 1 else sums, output, slack)


def store(values: Array, output: Array, slack: float = 0.0) -> None:
    """Write `values` to `output`; in integers without their fractions, and the low bits.

    A value that is less than `slack` short of a whole number counts as that number.
    """
    if output.dtype.kind not in "biu" or values.dtype.kind in "biu":
        output[...] = values
        return
    with np.errstate(invalid="ignore"):
        nudged = values + np.copysign(slack, values) if slack else values
        whole = nudged.astype(np.int64)
        if output.dtype == np.uint64:
            # Negative numbers wrap around, and what exceeds int64 fits.
            whole = np.where(nudged < 2.0**63, whole.view(np.uint64), nudged.astype(np.uint64))
        output[...] = whole


def _center(taps: int, origin: Any) -> int:
    """Return the index of the tap on the output sample."""
    center = taps // 2 + operator.index(origin)
    if not 0 <= center < taps:
        raise ShapeError(
            f"origin lies between {-(taps // 2)} and {(taps - 1) // 2} for {taps} weights; "
            f"got {origin}."
        )
    return center


def _rounding(image: Array, weights: Array, fill: float) -> float:
    """Return how far rounding may take a sum from its exact value, 1e-3 at most."""
    finite = image if image.dtype.kind in "biu" else image[np.isfinite(image)]
    largest = max(abs(complex(finite.max())), abs(complex(finite.min()))) if finite.size else 0.0
    # K products and K-1 sums, each good to eps/2 of at most max|x| sum|h|.
    error = weights.size * np.finfo(np.float64).eps * max(largest, fill) * np.abs(weights).sum()
    return min(float(error), 1e-3)
