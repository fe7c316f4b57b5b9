"""The arguments that the filters of `sigconv.compat.ndimage` share."""

from __future__ import annotations

import warnings
from collections.abc import Iterable
from typing import Any

import numpy as np

from sigconv.compat.inputs import ArgumentError, AxisError, as_integer, as_numbers, as_real
from sigconv.core.boundary import ZERO, Edge
from sigconv.core.dtypes import Array, DType
from sigconv.errors import BoundaryError, DTypeError, ShapeError

__all__ = [
    "as_axis",
    "as_image",
    "check_output",
    "edge_for",
    "named_axes",
    "output_for",
    "per_axis",
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


def as_image(value: Any) -> Array:
    """Return `value` as an array of numbers of fixed width."""
    is_objects = isinstance(value, np.ndarray) and value.dtype.kind == "O"
    array = value if is_objects else as_numbers(value, "input")
    if array.dtype.kind == "O":
        raise ArgumentError(
            "input must hold numbers of fixed width; got Python objects. "
            "Convert it with x.astype(float)."
        )
    return array


def as_axis(axis: Any, ndim: int) -> int:
    """Return `axis` as a non-negative integer."""
    index = as_integer(axis, "axis")
    if not -ndim <= index < ndim:
        where = f"between {-ndim} and {ndim - 1}" if ndim else "in an input with dimensions"
        raise AxisError(f"axes lie {where}; got {index} for an input of {ndim} dimensions.")
    return index % ndim


def named_axes(axes: Any, ndim: int) -> tuple[int, ...]:
    """Return `axes` as different non-negative integers, in the order given."""
    if axes is None:
        return tuple(range(ndim))
    is_single = np.isscalar(axes)
    if not is_single and not isinstance(axes, Iterable):
        raise ShapeError(f"axes takes an integer or a sequence of them; got {axes!r}.")
    try:
        given = (axes,) if is_single else tuple(axes)
        named = tuple(as_axis(axis, ndim) for axis in given)
    except TypeError:
        raise DTypeError(f"axes takes an integer or a sequence of them; got {axes!r}.") from None
    if len(set(named)) != len(named):
        raise ShapeError(f"axes must differ from one another; got {axes!r}.")
    return named


def per_axis(name: str, value: Any, count: int) -> list[Any]:
    """Return one entry per filtered axis: `value` for each, or the sequence that it is."""
    if isinstance(value, str) or not np.iterable(value):
        return [value] * count
    entries = list(value)
    if len(entries) != count:
        raise ArgumentError(
            f"{name} has one entry per filtered axis ({count}); got {len(entries)}. "
            "A single value serves every axis."
        )
    return entries


def edge_for(mode: Any, cval: Any, image: Array, weights: DType | None = None) -> Edge:
    """Return how the image continues beyond its edges, for ndimage's `mode` and `cval`.

    `cval` is checked where it is not used too, as by SciPy.
    """
    if not isinstance(mode, str) or mode not in _BOUNDARIES:
        raise ArgumentError(f"mode must be one of {', '.join(_BOUNDARIES)}; got {mode!r}.")
    fill = _fill(cval, image, weights)
    rule = _BOUNDARIES[mode]
    if rule != "constant":
        return Edge(rule)
    return Edge(rule, fill) if fill else ZERO


def _fill(cval: Any, image: Array, weights: DType | None) -> complex:
    """Return `cval` as a value that the image may have."""
    if not np.iscomplexobj(cval):
        return as_real(cval, "cval")
    if image.dtype.kind != "c":
        error = BoundaryError if weights is not None and weights.kind == "c" else DTypeError
        raise error(f"cval must be real where the input is; got {cval!r}. Use cval.real.")
    if np.ndim(cval):
        raise DTypeError(f"cval must be one number; got {cval!r}.")
    return complex(cval)


def output_for(output: Any, image: Array, *, is_complex: bool = False) -> Array:
    """Return the array to write to: `output` itself, or a new one of the dtype that it names."""
    if output is None:
        dtype = image.dtype.newbyteorder("=")
        return np.empty(image.shape, np.promote_types(dtype, np.complex64) if is_complex else dtype)
    if isinstance(output, type | np.dtype | str):
        dtype = _named_dtype(output)
        kinds = "c" if is_complex else "iufc"
        if isinstance(output, str) and dtype.kind not in kinds:
            raise ArgumentError(f"the output of these inputs cannot have dtype {output!r}.")
        if is_complex and dtype.kind != "c":
            warnings.warn(f"the output is complex, not {dtype}", stacklevel=3)
            dtype = np.promote_types(dtype, np.complex64)
        return np.empty(image.shape, dtype)
    array = np.asarray(output)
    if array.shape != image.shape:
        raise ArgumentError(f"output needs the input's shape {image.shape}; got {array.shape}.")
    if is_complex and array.dtype.kind != "c":
        raise ArgumentError(
            f"output must be complex where the input or the weights are; got {array.dtype}."
        )
    return array


def check_output(output: Array, *, is_complex: bool) -> None:
    """Raise ArgumentError unless sums of this kind can be stored in `output`."""
    if output.dtype.kind not in ("c" if is_complex else "biuf"):
        kind = "complex" if is_complex else "a real number or an integer"
        raise ArgumentError(
            f"the dtype of output must be {kind} for these inputs; got {output.dtype}."
        )


def _named_dtype(output: Any) -> DType:
    try:
        dtype: DType = np.dtype(output)
    except TypeError:
        raise DTypeError(
            f"output must be an array or a dtype, such as 'float32'; got {output!r}."
        ) from None
    return dtype
