"""From the arguments of a call to its `Problem`: all validation of what was asked for."""

from __future__ import annotations

from functools import lru_cache
from numbers import Number
from typing import Any

import numpy as np

from sigconv.core.boundary import ZERO, Edge, parse_boundary
from sigconv.core.dtypes import DTypes, resolve_dtypes
from sigconv.core.integers import IntegerBits
from sigconv.core.problem import Axis, Operand, Options, Problem, Shape
from sigconv.core.shapes import (
    check_mode,
    default_center,
    lag_range,
    mode_range,
    valid_is_swapped,
)
from sigconv.errors import BoundaryError, DTypeError, OptionError, ShapeError

__all__ = ["filled_edge", "make_problem", "normalise_axes"]

_LARGEST = 1 << 36

NAN_POLICIES = ("propagate", "omit", "raise")


@lru_cache(maxsize=1024)
def make_problem(signal: Operand, kernel: Operand, options: Options) -> Problem:
    """Validate the arguments of one call and describe what they ask for."""
    check_mode(options.mode)
    if options.nan_policy not in NAN_POLICIES:
        raise OptionError(
            f"nan_policy must be {' or '.join(map(repr, NAN_POLICIES))}; "
            f"got {options.nan_policy!r}."
        )
    dtypes = resolve_dtypes(signal.dtype, kernel.dtype, weak=kernel.weak, requested=options.dtype)
    _check_rtol(options.rtol, dtypes)
    named = normalise_axes(signal.shape, kernel.shape, options.axes)
    kernel_order, expanded = _expand_kernel(signal.shape, kernel.shape, named)
    edges = parse_boundary(options.boundary, len(named), options.fill_value)
    edges = tuple((filled_edge(a, dtypes), filled_edge(b, dtypes)) for a, b in edges)
    sizes = tuple(signal.shape[i] for i in named)
    taps = tuple(expanded[i] for i in named)
    if options.mode == "valid":
        valid_is_swapped(sizes, taps)
        # No sample outside takes part, also where the kernel covers the signal.
        edges = ((ZERO, ZERO),) * len(named)
    centers = _parse_center(options, taps)
    lags = _parse_max_lag(options.max_lag, len(taps))
    result = list(_broadcast(signal.shape, expanded, named))
    kept = [(0, n) for n in expanded]
    axes = []
    for i, n, k, c, lag, pair in zip(named, sizes, taps, centers, lags, edges, strict=True):
        wanted = lag_range(mode_range(options.mode, n, k, c), k, lag)
        axis, kept[i] = _trimmed(Axis(i, n, k, *wanted, pair))
        result[i] = axis.length
        axes.append(axis)
    if max(result, default=0) > _LARGEST:
        raise ShapeError(
            f"an axis holds at most 2**36 results; got {tuple(result)}. Convolve it in parts."
        )
    return Problem(
        mode=options.mode,
        signal_shape=signal.shape,
        kernel_shape=kernel.shape,
        result_shape=tuple(result),
        convolved=named,
        axes=tuple(axis for axis in axes if not axis.is_pointwise),
        dtypes=dtypes,
        kernel_expanded=expanded,
        kernel_order=kernel_order,
        kernel_kept=tuple(kept),
        correlate=options.correlate,
        nan_policy=options.nan_policy,
        rtol=None if dtypes.is_exact else options.rtol,
        bits=IntegerBits.of_dtypes(signal.dtype, kernel.dtype) if dtypes.is_integer else None,
        options=options,
        edges=tuple(edges),
    )


def _trimmed(axis: Axis) -> tuple[Axis, tuple[int, int]]:
    """Return the axis without the taps that meet no sample, and the range of taps kept."""
    if not axis.length:
        return axis, (0, axis.taps)
    low, high = axis.support(axis.start, axis.stop)
    first, last = max(0, axis.start - high + 1), min(axis.taps, axis.stop - low)
    kept = axis._replace(taps=last - first, start=axis.start - first, stop=axis.stop - first)
    return kept, (first, last)


def normalise_axes(signal: Shape, kernel: Shape, axes: int | Shape | None) -> Shape:
    """Return the convolved axes as non-negative integers, in the order given."""
    ndim = len(signal)
    if axes is None:
        if len(kernel) not in (0, ndim):
            hint = (
                " A single sample takes a single tap."
                if not ndim
                else " A 1-D kernel acts on one axis: pass axes=-1 for the last."
                if len(kernel) == 1
                else f" Pass axes with {len(kernel)} entries, or reshape the kernel."
            )
            raise ShapeError(
                "without axes, signal and kernel need the same number of dimensions; "
                f"got shapes {signal} and {kernel}.{hint}"
            )
        return tuple(range(ndim))
    given = axes if isinstance(axes, tuple) else (axes,)
    if not given:
        raise ShapeError("axes must name at least one axis; got (). Leave it out for all axes.")
    if not ndim:
        raise ShapeError(f"a signal without dimensions has no axes; got axes={axes!r}.")
    for axis in given:
        if not isinstance(axis, int | np.integer) or not -ndim <= axis < ndim:
            raise ShapeError(
                f"axes must be integers between {-ndim} and {ndim - 1} for a signal of shape "
                f"{signal}; got {axis!r}."
            )
    normalised = tuple(int(axis) % ndim for axis in given)
    if len(set(normalised)) != len(normalised):
        raise ShapeError(f"axes must differ from one another; got {given}.")
    return normalised


def _expand_kernel(signal: Shape, kernel: Shape, axes: Shape) -> tuple[Shape, Shape]:
    """Return the transpose and the reshape that give the kernel the signal's dimensions."""
    ndim = len(signal)
    if len(kernel) == ndim:
        return tuple(range(ndim)), kernel
    if len(kernel) not in (0, len(axes)):
        raise ShapeError(
            f"with axes={axes}, the kernel needs {len(axes)} dimensions (one per axis) or "
            f"{ndim} (the signal's); got shape {kernel}."
        )
    expanded = [1] * ndim
    for position, axis in enumerate(axes):
        expanded[axis] = kernel[position] if kernel else 1
    order = tuple(int(i) for i in np.argsort(axes)) if kernel else ()
    return order, tuple(expanded)


def _broadcast(signal: Shape, kernel: Shape, axes: Shape) -> Shape:
    shape = []
    for axis, (n, k) in enumerate(zip(signal, kernel, strict=True)):
        if axis not in axes and n != k and 1 not in (n, k):
            raise ShapeError(
                f"axes that are not convolved must broadcast; axis {axis} has lengths {n} and "
                f"{k} (shapes {signal} and {kernel}). Name it in axes, or make it 1 in one input."
            )
        shape.append(k if n == 1 else n)
    return tuple(shape)


def _check_rtol(rtol: Any, dtypes: DTypes) -> None:
    if rtol is None:
        return
    if not isinstance(rtol, float | int) or isinstance(rtol, bool) or not 0 < rtol < 1:
        raise OptionError(f"rtol must lie between 0 and 1; got {rtol!r}.")
    if not dtypes.is_exact and rtol < float(np.finfo(dtypes.result).eps):
        raise OptionError(
            f"rtol={rtol:g} is finer than {dtypes.result} resolves "
            f"({np.finfo(dtypes.result).eps:.2g}). Ask for a wider dtype, or a larger rtol."
        )


def filled_edge(edge: Edge, dtypes: DTypes) -> Edge:
    """Return the edge with its fill as a number of the result's kind."""
    if edge.rule != "constant":
        return edge
    fill = edge.fill
    _check_number(fill)
    if dtypes.result.kind == "O":
        if fill.imag or not _is_whole(fill):
            raise DTypeError(
                f"fill_value={edge.fill!r} is no integer, but the numbers are exact objects. "
                "Pass an integer, or pad the signal yourself."
            )
        # Integers and decimals take no float beside them.
        return edge._replace(fill=int(fill.real))
    if fill.imag and not dtypes.is_complex:
        raise DTypeError(
            f"fill_value={edge.fill!r} is complex, but the result is {dtypes.result}. "
            "Pass a real fill_value, or dtype=complex."
        )
    if dtypes.compute.kind == "u" and fill.real < 0:
        raise DTypeError(
            f"fill_value={edge.fill!r} is negative, but the result is {dtypes.result}. "
            "Pass dtype=int, or a fill_value of at least 0."
        )
    if dtypes.is_integer and not (_is_whole(fill) and _fits(fill, dtypes)):
        raise DTypeError(
            f"fill_value={edge.fill!r} is no integer of {dtypes.compute}, but the result is "
            f"{dtypes.result}. Pass an integer fill_value that fits, or dtype=float."
        )
    return edge


def _check_number(fill: complex) -> None:
    try:
        if isinstance(fill, Number):
            complex(fill)
            return
    except OverflowError:
        pass
    raise BoundaryError(f"fill_value must be a number, at most 1e308; got {fill!r:.80}.")


def _is_whole(fill: complex) -> bool:
    return bool(np.isfinite(complex(fill))) and fill.real == int(fill.real)


def _fits(fill: complex, dtypes: DTypes) -> bool:
    info = np.iinfo(dtypes.compute)
    return bool(info.min <= int(fill.real) <= info.max)


def _parse_max_lag(max_lag: Any, count: int) -> tuple[int | None, ...]:
    """Return the largest lag on each convolved axis, None for all of them."""
    given = max_lag if isinstance(max_lag, tuple) else (max_lag,) * count
    if len(given) != count:
        raise ShapeError(
            f"max_lag has one entry per convolved axis ({count}); got {len(given)}: {max_lag!r}."
        )
    if any(lag is not None and lag < 0 for lag in given):
        raise ShapeError(f"max_lag must not be negative; got {max_lag!r}.")
    return given


def _parse_center(options: Options, taps: Shape) -> tuple[int | None, ...]:
    """Return the centre of each axis as the index of a true convolution's kernel."""
    center = options.center
    if center is None:
        return (None,) * len(taps)
    if options.mode != "same":
        raise ShapeError(
            f"center belongs to mode='same'; got center={center!r} with mode={options.mode!r}. "
            "Leave it out, or use mode='same'."
        )
    given = center if isinstance(center, tuple) else (center,) * len(taps)
    if len(given) != len(taps):
        raise ShapeError(
            f"center has one entry per convolved axis ({len(taps)}); got {len(given)}: {center!r}."
        )
    for c, k in zip(given, taps, strict=True):
        if c is not None and not (isinstance(c, int | np.integer) and 0 <= c < max(k, 1)):
            raise ShapeError(
                f"center must lie between 0 and taps-1 on every axis; got {center!r} for a kernel "
                f"of {taps} taps."
            )
    if not options.correlate:
        return tuple(None if c is None else int(c) for c in given)
    # The template t is the kernel h[k] = conj(t[K-1-k]): index c becomes K-1-c.
    return tuple(
        default_center(k) if c is None else k - 1 - int(c) for c, k in zip(given, taps, strict=True)
    )
