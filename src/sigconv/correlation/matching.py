"""Finding a template whatever its gain and offset: normalized_correlation."""

from __future__ import annotations

from numbers import Real
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from sigconv.core.arguments import make_problem, normalise_axes
from sigconv.core.blocks import Range
from sigconv.core.boundary import Edge, parse_boundary
from sigconv.core.dtypes import Array, DType, as_dtype, as_numeric, is_weak, resolve_dtypes
from sigconv.core.gather import gather_region
from sigconv.core.options import options_from
from sigconv.core.problem import Axis, Operand, Options
from sigconv.core.shapes import mode_range
from sigconv.correlation.deviations import (
    TOLERANCE,
    Levelled,
    WindowCall,
    centred,
    deviations_of,
    largest_of,
    masked_deviations_of,
)
from sigconv.correlation.masked import Marked, masked_coefficients
from sigconv.engines.workers import resolve_workers
from sigconv.errors import DTypeError, ModeError, OptionError, ShapeError

__all__ = ["normalized_correlation"]

# Where an FFT is not enough: relative to the samples of the window, half the digits to spare.
_RTOL = 1e-10

# Marks beyond the edges, where they are no copies. What is absent has none, in corners too.
_MARKS = {"zero": Edge("constant", 1.0), "constant": Edge("constant", 1.0)}


def normalized_correlation(
    signal: npt.ArrayLike,
    template: npt.ArrayLike,
    mode: str = "valid",
    *,
    axes: int | tuple[int, ...] | None = None,
    boundary: Any = "zero",
    fill_value: complex = 0.0,
    center: int | tuple[int | None, ...] | None = None,
    mask: npt.ArrayLike | None = None,
    signal_mask: npt.ArrayLike | None = None,
    min_overlap: float = 0.3,
    dtype: npt.DTypeLike | None = None,
    workers: int | None = None,
) -> Array:
    """Correlate a template with every window of a signal, means and scales taken out.

    The result is Pearson's correlation coefficient of the template t with each window w of its
    size: sum (w - mean w)(t - mean t) / sqrt(sum (w - mean w)^2 sum (t - mean t)^2).

    Parameters
    ----------
    signal : array_like
        Real samples, of any number of dimensions.
    template : array_like
        Real samples to look for: as many dimensions as the signal (axes that are not convolved
        broadcast), or one dimension per entry of `axes`.
    mode : {"valid", "same", "full"}
        Which windows: the N-K+1 that lie inside the signal; the N whose index `center` lies on
        a sample; all N+K-1 that touch the signal.
    axes : int or tuple of int, optional
        The axes of a window; all by default. The others are batch axes.
    boundary, fill_value
        As in `convolve`, for the samples of windows that reach beyond the signal. They count as
        data, zeros too, and copies count where their originals do; under ``absent`` there are
        none, and windows at the edges are compared over the samples that they have.
    center : int or tuple of int, optional
        In ``same``, the template index that lies on the output sample. K//2 by default.
    mask : array_like of bool, optional
        Which template samples count, in the template's shape; all by default. A single sample
        is constant.
    signal_mask : array_like of bool, optional
        Which samples of the signal exist, in the signal's shape; all by default. What lies under
        the others does not matter, NaN included. Each window is compared with the template over
        the pairs of samples of which both count; means and scales are those of these samples.
    min_overlap : float, optional
        The share of the template's counted samples that must meet samples that exist, from 0
        to 1. Windows with fewer give 0: two pairs, whatever they hold, correlate perfectly.
        Without a `signal_mask` or the boundary ``absent`` every window has them all.
    dtype : dtype, optional
        The floating dtype of the result; by default that of the inputs, float64 for integers.
    workers : int, optional
        As in `convolve`.

    Returns
    -------
    ndarray
        The coefficients, in [-1, 1], in the order of `correlate`: 1 where the window is the
        template times a positive gain plus an offset, -1 for a negative gain, 0 where window or
        template is constant or too few pairs count, but NaN wherever a sample of a pair is not
        finite.

    Raises
    ------
    ShapeError
        Shapes that do not fit, a template longer than the signal in ``valid``, a mask of another
        shape than the array that it is for.
    DTypeError
        Complex or non-numeric input, a mask that is not boolean, a `dtype` that is not floating.
    OptionError
        A mask that leaves no sample of the template, a `min_overlap` outside [0, 1].
    ModeError, BoundaryError
        As in `convolve`.

    See Also
    --------
    correlate : The sum of products as it stands.
    correlation_lags : The offset of each window, for a mode and a centre.

    Notes
    -----
    After Lewis, "Fast normalized cross-correlation" (1995), computed in float64 or wider: the
    numerator by `correlate` with the template less its mean, the deviations of the windows from
    sums of squares, or, where 99.99 % of one would cancel, by merging those of neighbours, which
    cancels nothing. Errors are near 1e-15 times the ratio of the largest distance from the
    signal's median to the window's standard deviation, and at most 1e-10 from sums; where an
    FFT might err by more than 1e-6, sums are taken directly. A window counts as constant when its
    standard deviation is no more than the rounding of its mean in the signal's own precision.

    Under a mask, sums of squares come from FFTs where those cannot err by more than 1e-6, and
    the others from boxes that make up the mask, as exact as without one. That takes longer, as
    does a mask of many separate pieces.

    With a mask of the signal, six correlations give the counts, sums, squares and products of
    the pairs (Padfield, "Masked object registration in the Fourier domain", 2012). Windows in
    which their errors might reach 1e-6 are computed again from samples levelled nearby, and the
    rest of them by the definition, window by window.

    There is no `max_lag`: cut the signal to the windows that are wanted. There is no `out`
    either: the surface is computed in float64 whatever its dtype, so that none would be saved.

    Examples
    --------
    The ramp is found twice, and once upside down; the plateau is like nothing:

    >>> x = [0, 1, 2, 7, 7, 7, 20, 30, 40, 30, 20]
    >>> normalized_correlation(x, [1, 2, 3]).round(2)
    array([ 1.  ,  0.93,  0.87,  0.  ,  0.87,  1.  ,  1.  ,  0.  , -1.  ])

    A damaged sample, marked, leaves 1 2 . 4 as good as the whole:

    >>> x = [9, 1, 2, 8, 4, 9]
    >>> normalized_correlation(x, [1, 2, 3, 4], signal_mask=[s != 8 for s in x]).round(2)
    array([-0.8 ,  1.  ,  0.91])
    """
    x, t = as_numeric(signal, "signal"), as_numeric(template, "template")
    result = _result_dtype(x, t, is_weak(template), dtype)
    working = np.result_type(result, np.float64)
    options = options_from(
        mode,
        axes=axes,
        boundary=boundary,
        fill_value=fill_value,
        center=center,
        dtype=working,
        correlate=True,
    )
    _check_problem(Operand(x.shape, x.dtype), Operand(t.shape, t.dtype), options)
    _check_overlap(min_overlap)
    counted = _check_mask(mask, t.shape, "template")
    if counted.size and not counted.any():
        raise OptionError(
            "the mask leaves no sample of the template. Mark with True those that count."
        )
    inside = _check_mask(signal_mask, x.shape, "signal")
    named = normalise_axes(x.shape, t.shape, options.axes)
    call = WindowCall(len(named), working, resolve_workers(workers))
    own_eps = _own_eps(x.dtype), _own_eps(t.dtype)
    x, t, counted, inside = (_trailing(array, named, x.ndim) for array in (x, t, counted, inside))
    extension = _Extension.of(call, x, t, options)
    extended, marks = extension.samples(call, x), extension.marks(call, inside)
    shape = np.broadcast_shapes(call.batch(x), call.batch(t)) + tuple(
        n - k + 1 if n and k else 0
        for n, k in zip(call.sizes(extended), call.sizes(t), strict=True)
    )
    surface = np.empty(shape, working)
    if surface.size and not marks.all():
        windows = Marked.of(call, extended, marks, own_eps[0])
        pattern = Marked.of(call, t, counted, own_eps[1])
        surface = masked_coefficients(call, windows, pattern, min_overlap)
    elif surface.size:
        levelled = Levelled.of(call, x, extended, own_eps[0])
        unit = _unit_template(call, t.astype(working), counted, own_eps[1])
        surface = _coefficients(call, levelled, unit, counted)
    last = range(surface.ndim - call.ndim, surface.ndim)
    return np.moveaxis(surface.astype(result, copy=False), last, named)


def _result_dtype(x: Array, t: Array, weak: bool, dtype: npt.DTypeLike | None) -> DType:
    """Return the floating dtype of the result, or say why there is none."""
    for name, array in (("signal", x), ("template", t)):
        if array.dtype.kind not in "biuf":
            raise DTypeError(
                f"normalized_correlation takes real numbers; the {name} is {array.dtype}. "
                "Convert exact numbers with x.astype(float); of complex ones, pass abs(x) or "
                "the parts."
            )
    wanted = resolve_dtypes(x.dtype, t.dtype, weak=weak).result if dtype is None else dtype
    result = as_dtype(wanted).newbyteorder("=")
    if dtype is None and result.kind != "f":
        return np.dtype(np.float64)
    if result.kind != "f":
        raise DTypeError(
            f"coefficients lie between -1 and 1, and dtype={result} cannot hold them. "
            "Ask for a floating dtype."
        )
    return result


def _check_problem(signal: Operand, template: Operand, options: Options) -> None:
    """Refuse shapes and keywords that do not fit, in the words of this page."""
    try:
        make_problem(signal, template, options)
    except (ModeError, ShapeError) as error:
        raise type(error)(str(error).replace("kernel", "template")) from None


def _check_overlap(min_overlap: float) -> None:
    real = isinstance(min_overlap, Real) and not isinstance(min_overlap, bool)
    if not real or not 0 <= min_overlap <= 1:
        raise OptionError(
            "min_overlap is a share of the template's counted samples, from 0 to 1; got "
            f"{min_overlap!r}. Divide a number of samples by that of the template."
        )


def _check_mask(mask: npt.ArrayLike | None, shape: tuple[int, ...], name: str) -> Array:
    """Return which samples of an input count, as a boolean array of its shape."""
    if mask is None:
        return np.broadcast_to(True, shape)
    counted = np.asarray(mask)
    if counted.dtype.kind != "b":
        raise DTypeError(
            f"the mask of the {name} must be boolean; got {counted.dtype}. Pass mask > 0, or "
            "leave weights out."
        )
    if counted.shape != shape:
        raise ShapeError(f"the mask must have the {name}'s shape {shape}; got {counted.shape}.")
    return counted


def _trailing(array: Array, named: tuple[int, ...], ndim: int) -> Array:
    """Return `array` with `ndim` dimensions, the named axes last."""
    if array.ndim == ndim:
        return np.moveaxis(array, named, range(ndim - len(named), ndim))
    # A template of as many dimensions as axes are named, or of none.
    return array.reshape((1,) * (ndim - array.ndim) + array.shape)


def _own_eps(dtype: DType) -> float:
    """Return the spacing of numbers of `dtype` near 1; integers come as float64."""
    return float(np.finfo(dtype if dtype.kind == "f" else np.float64).eps)


class _Extension(NamedTuple):
    """The samples that the windows cover, those beyond the edges by the boundary's rule."""

    axes: tuple[Axis, ...]
    region: tuple[Range, ...]

    @classmethod
    def of(cls, call: WindowCall, x: Array, t: Array, options: Options) -> _Extension:
        sizes, taps = call.sizes(x), call.sizes(t)
        edges = parse_boundary(options.boundary, call.ndim, options.fill_value)
        if options.mode == "valid" and any(0 < n < k for n, k in zip(sizes, taps, strict=True)):
            raise ShapeError(
                "mode='valid' needs a template that fits into the signal; got windows of "
                f"{taps} for a signal of {sizes}. Use mode='full', or exchange the arguments."
            )
        center = options.center
        centers = center if isinstance(center, tuple) else (center,) * call.ndim
        region = []
        for n, k, c in zip(sizes, taps, centers, strict=True):
            start, stop = mode_range(options.mode, n, k, None if c is None else k - 1 - c)
            # Position m of the full convolution is the window from m-(K-1) to m.
            region.append((start - k + 1, stop) if start < stop else (0, 0))
        pairs = zip(sizes, edges, strict=True)
        return cls(tuple(Axis(i, n, 1, 0, n, e) for i, (n, e) in enumerate(pairs)), tuple(region))

    def samples(self, call: WindowCall, x: Array) -> Array:
        """Return the samples of the signal."""
        batch = tuple(slice(0, n) for n in call.batch(x))
        return gather_region(x, self.axes, batch, self.region, call.dtype)

    def marks(self, call: WindowCall, inside: Array) -> Array:
        """Return which of them count: zeros and constants do, and copies as their originals."""
        axes = []
        for axis in self.axes:
            before, after = (_MARKS.get(edge.rule, edge) for edge in axis.edges)
            axes.append(axis._replace(edges=(before, after)))
        return _Extension(tuple(axes), self.region).samples(
            call._replace(dtype=np.dtype(bool)), inside
        )


def _unit_template(call: WindowCall, template: Array, counted: Array, own_eps: float) -> Array:
    """Return the template less its mean, with norm 1; zeros if it is constant."""
    with np.errstate(all="ignore"):
        kept = np.where(counted, template, 0)
        kept = np.ldexp(kept, -np.frexp(largest_of(call, kept))[1])
        unit, mean = centred(call, kept, counted)
        norm = call.norm(unit)
        flat = norm <= np.sqrt(call.total(counted)) * own_eps * np.abs(mean)
        return np.where(flat, 0, unit / norm)


def _coefficients(call: WindowCall, windows: Levelled, unit: Array, counted: Array) -> Array:
    """Return the coefficient of every window with the template."""
    samples, masked = windows.samples, not counted.all()
    deviations = deviations_of(call, windows, call.sizes(unit))
    if masked:
        deviations = masked_deviations_of(call, windows, counted, deviations)
    quiet = (deviations > 0) & (deviations * TOLERANCE < call.fft_error(samples))
    if not quiet.any():
        surface = call.correlate(samples, unit)
    elif masked:
        # A sample that does not count may be the loudest of its window.
        surface = call.correlate(samples, unit, method="direct")
    else:
        surface = call.correlate(samples, unit, rtol=_RTOL)
    with np.errstate(all="ignore"):
        surface /= deviations
    defined = ~np.isnan(unit).any(axis=call.axes, keepdims=True)
    np.copyto(surface, 0, where=(deviations == 0) & defined)
    if windows.bad is not None:
        touched = call.correlate(windows.bad, counted) > 0.5
        np.copyto(surface, np.nan, where=touched)
    return np.clip(surface, -1, 1, out=surface)
