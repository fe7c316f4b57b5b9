"""Missing samples: NaN under ``omit``, and everything outside under the boundary ``absent``.

Where samples do not exist, the weights of the others make up for them:
y = (sum over present of h x) (sum h) / (sum over present of h). Both sums are convolutions, of
the signal with zeros in its gaps and of ones with zeros in its gaps, so every engine serves.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from sigconv.core.arguments import make_problem
from sigconv.core.blocks import Range, boxes_around, input_range
from sigconv.core.boundary import parse_boundary
from sigconv.core.dtypes import Array
from sigconv.core.nonfinite import first_nonfinite, has_nan, is_finite
from sigconv.core.problem import Operand, Problem
from sigconv.core.window_sums import window_sums
from sigconv.engines import Plan
from sigconv.errors import NonFiniteError, OptionError

__all__ = [
    "Forward",
    "check_finite",
    "check_weights",
    "edge_ratio",
    "is_watched",
    "is_weighted",
    "light_share",
    "renormalised",
    "weight_ratio",
]

Crop = tuple[slice, ...]
Box = tuple[Range, ...]
Forward = Callable[[Problem, Array, Array, str | None], Array]
"""Compute a problem for a signal and a kernel, by a method if one is named."""


def light_share(plan: Plan) -> float:
    """Return the share of its weight below which an output is summed directly.

    An FFT's error is relative to the whole kernel; a thousandth of it stays at most. Weights that
    are no product of 1-D kernels, though the rounded taps are one, may be summed by an FFT too.
    """
    if plan.method == "separable":
        return 1e-6
    return max(1e-6, 1e3 * plan.error_bound) if plan.nfft else 0.0


def is_watched(problem: Problem, out: Array | None) -> bool:
    """Tell whether the engines look for samples that are not finite, block by block.

    A scan ahead would read the signal twice. It is needed where samples exist that no block reads,
    and, under ``raise``, where the caller's array must stay as it is.
    """
    if problem.nan_policy == "propagate" or problem.has_absent_edges or problem.is_trivial:
        return False
    if problem.dtypes.compute.kind not in "fc":
        return False
    if problem.nan_policy == "omit":
        return True
    read = (input_range(axis) for axis in problem.axes)
    whole = all(a <= 0 and b >= x.size for (a, b), x in zip(read, problem.axes, strict=True))
    return out is None and whole


def check_finite(problem: Problem, **arrays: Array) -> None:
    """Raise NonFiniteError under ``nan_policy="raise"``, with the first position."""
    if problem.nan_policy != "raise":
        return
    for name, array in arrays.items():
        if not is_finite(array):
            index = first_nonfinite(array)
            raise NonFiniteError(
                f"nan_policy='raise' allows finite numbers only; the {name} holds {array[index]} "
                f"at {index}. Replace it, or use nan_policy='omit' or 'propagate'."
            )


def is_weighted(problem: Problem, signal: Array) -> bool:
    """Tell whether weights have to make up for samples that do not exist."""
    if problem.has_absent_edges:
        return True
    return problem.nan_policy == "omit" and has_nan(signal)


def check_weights(problem: Problem, kernel: Array) -> None:
    """Raise OptionError unless the taps are weights: none negative, and some positive."""
    if problem.nan_policy != "omit" and not problem.has_absent_edges:
        return
    if 0 in problem.result_shape:
        return
    what = "boundary='absent'" if problem.has_absent_edges else "nan_policy='omit'"
    weights = kernel.dtype.kind != "c" and bool((kernel >= 0).all()) and is_finite(kernel)
    if not weights or not _total(problem, kernel).all():
        raise OptionError(
            f"{what} shares out the weight of missing samples, and needs finite taps >= 0 with a "
            "positive sum. Use nan_policy='propagate' and another boundary, or a smoothing kernel."
        )
    if problem.dtypes.is_exact:
        raise OptionError(
            f"{what} divides by weights, and the result is {problem.dtypes.result}. "
            "Pass dtype=float."
        )


def renormalised(
    problem: Problem, signal: Array, kernel: Array, forward: Forward, light: float
) -> Array:
    """Return the convolution in which the present samples carry all the weight.

    Outputs that have less than the share `light` of it are summed directly.
    """
    omit = problem.nan_policy == "omit"
    present = ~np.isnan(signal) if omit else np.ones(signal.shape, bool)
    filled = np.where(present, signal, signal.dtype.type(0)) if omit else signal
    sums = forward(problem, filled, kernel, None)
    ratio = weight_ratio(problem, present, kernel, forward)
    few = ratio < max(light, np.finfo(ratio.dtype).eps)
    if few.any():
        nothing = _counts(problem, present, kernel, forward) == 0
        for box in _boxes(problem, few & ~nothing):
            where = tuple(slice(*bounds) for bounds in box)
            part = _restricted(problem, box)
            sums[where] = forward(part, filled, kernel, "direct")
            ratio[where] = weight_ratio(problem, present, kernel, forward, box)
        ratio = np.where(nothing, np.nan, ratio)
    with np.errstate(all="ignore"):
        result: Array = sums / ratio.astype(problem.dtypes.real)
        return result


def weight_ratio(
    problem: Problem, present: Array, kernel: Array, forward: Forward, box: Box | None = None
) -> Array:
    """Return the share of the kernel's weight that lies on existing samples, per output.

    A `box` of outputs, one range per axis of the result, is summed directly.
    """
    real = problem.dtypes.real if problem.dtypes.real.itemsize > 8 else np.dtype(np.float64)
    weights = kernel.astype(real)
    sums = _presence_sums(problem, present, weights, forward, box)
    share: Array = sums / _total(problem, weights)
    return share


def _boxes(problem: Problem, marks: Array) -> Iterator[Box]:
    """Yield boxes of outputs that hold all marks, whole along the batch axes."""
    view = problem.result_view(marks)
    batch = tuple(range(view.ndim - len(problem.axes)))
    anywhere: Array = np.any(view, axis=batch)
    for bounds in boxes_around(anywhere, (0,) * len(problem.axes)):
        box = [(0, n) for n in problem.result_shape]
        for axis, part in zip(problem.axes, bounds, strict=True):
            box[axis.axis] = part
        yield tuple(box)


def _restricted(problem: Problem, box: Box) -> Problem:
    """Return the problem of the outputs in a box."""
    axes = (
        axis._replace(
            start=axis.start + box[axis.axis][0],
            stop=axis.start + box[axis.axis][1],
        )
        for axis in problem.axes
    )
    return problem.with_axes(tuple(axes))


def edge_ratio(problem: Problem, kernel: Array, start: int, stop: int) -> Array:
    """Return the share of the weight on existing samples for outputs of a single convolved axis.

    [start, stop) are positions of the one axis of `problem`; the result has the dimensions of
    the kernel in the signal's layout, and broadcasts with the outputs. Only samples outside are
    missing, so each weight is a sum over a run of taps: from the first tap, to the last, or,
    where a kernel reaches beyond both ends, over as many as there are samples.
    """
    (axis,) = problem.axes
    position = axis.axis
    taps = kernel.transpose(problem.kernel_order).reshape(problem.kernel_expanded)
    h = np.moveaxis(taps, position, -1).astype(np.result_type(kernel, np.float64))
    count, size = h.shape[-1], axis.size
    # Positions count from the first tap kept; weights count them all.
    n = np.arange(start, stop) + problem.kernel_kept[position][0]
    before, after = (edge.rule == "absent" for edge in axis.edges)
    last = np.minimum(n, count - 1) if before else np.full(n.shape, count - 1)
    first = np.maximum(n - size + 1, 0) if after else np.zeros_like(n)
    whole = np.cumsum(h, axis=-1)
    rest = np.cumsum(h[..., ::-1], axis=-1)[..., ::-1]
    share = np.where(first == 0, whole[..., last], rest[..., first])
    between = (first > 0) & (last < count - 1)
    if between.any():
        share[..., between] = window_sums(h, (size,))[..., first[between]]
    return np.moveaxis(share / whole[..., -1:], -1, position)


def _counts(problem: Problem, present: Array, kernel: Array, forward: Forward) -> Array:
    """Return how many taps with weight lie on existing samples, per output."""
    taps = (kernel > 0).astype(float)
    counts: Array = np.rint(_presence_sums(problem, present, taps, forward))
    return counts


def _total(problem: Problem, kernel: Array) -> Array:
    """Return the sum of the taps, with the dimensions of the result."""
    full = kernel.transpose(problem.kernel_order).reshape(problem.kernel_expanded)
    total: Array = full.sum(axis=problem.convolved, keepdims=True)
    return total


def _presence(problem: Problem, present: Array, kernel: Array) -> tuple[Problem, Crop]:
    """Return the problem for ones where samples exist, and the part of its result to keep.

    Samples exist inside, and outside unless they are absent: what zero and constant put there
    keeps its weight. Where a kernel covers the signal in ``valid``, the same holds; that mode
    has no outside, so its positions are cut from ``full``.
    """
    options, named = problem.options, problem.convolved
    outside = {"zero": "constant", "absent": "zero"}
    sizes = [problem.signal_shape[i] for i in named]
    taps = [problem.kernel_expanded[i] for i in named]
    swapped = problem.mode == "valid" and any(n < k for n, k in zip(sizes, taps, strict=True))
    parsed = parse_boundary("zero" if swapped else options.boundary, len(named), 0)
    edges = tuple(
        (outside.get(before.rule, before.rule), outside.get(after.rule, after.rule))
        for before, after in parsed
    )
    changed = options._replace(
        mode="full" if swapped else problem.mode,
        boundary=edges,
        fill_value=1.0 if any("constant" in pair for pair in edges) else 0.0,
        nan_policy="propagate",
        dtype=kernel.dtype,
    )
    operands = Operand(present.shape, kernel.dtype), Operand(kernel.shape, kernel.dtype)
    crop: list[Any] = [slice(None)] * len(problem.result_shape)
    if swapped:
        for i, n, k in zip(named, sizes, taps, strict=True):
            crop[i] = slice(n - 1, k)
    return make_problem(*operands, changed), tuple(crop)


def _presence_sums(
    problem: Problem, present: Array, kernel: Array, forward: Forward, box: Box | None = None
) -> Array:
    part, crop = _presence(problem, present, kernel)
    ones = present.astype(kernel.dtype)
    if box is None:
        return forward(part, ones, kernel, None)[crop]
    starts = [piece.start or 0 for piece in crop]
    wanted = tuple((a + s, b + s) for (a, b), s in zip(box, starts, strict=True))
    taken = {axis.axis for axis in part.axes}
    rest = tuple(slice(None) if i in taken else slice(*b) for i, b in enumerate(wanted))
    return forward(_restricted(part, wanted), ones, kernel, "direct")[rest]
