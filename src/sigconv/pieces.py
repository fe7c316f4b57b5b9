"""Convolving what does not fit in memory: one axis, piece after piece, in order."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise
from math import prod
from typing import Any, Protocol, runtime_checkable

import numpy as np
import numpy.typing as npt

from sigconv.core.arguments import make_problem
from sigconv.core.blocks import cut
from sigconv.core.dtypes import Array, as_numeric, is_weak
from sigconv.core.gather import Source
from sigconv.core.options import options_from
from sigconv.core.problem import Axis, Operand
from sigconv.dispatch import choose_plan
from sigconv.engines import ENGINES, Plan, Prepared, prepare
from sigconv.engines.workers import resolve_workers
from sigconv.errors import DTypeError, ShapeError
from sigconv.missing import check_weights, edge_ratio, light_share
from sigconv.planning import looked_at, make_plan, needs_a_look
from sigconv.sections import compute_section, without_parts

__all__ = ["USUAL_PIECE", "Pieces", "Unending", "convolve_pieces"]

USUAL_PIECE = 1 << 19
"""Results along the axis that a piece has at least, unless told otherwise."""


def convolve_pieces(
    source: Source,
    kernel: npt.ArrayLike,
    mode: str = "full",
    *,
    axis: int = 0,
    boundary: Any = "zero",
    fill_value: complex = 0.0,
    center: int | None = None,
    method: str | Plan = "auto",
    dtype: npt.DTypeLike | None = None,
    workers: int | None = None,
    piece: int | None = None,
) -> Pieces:
    """Convolve along one axis and return the result in consecutive pieces, in order.

    Parameters
    ----------
    source : array or reader
        Anything with `shape`, `dtype` and ``source[slices]``, read in increasing order with an
        overlap of taps-1 samples; other parts only where the boundary refers to them. Or an
        `Unending` reader, whose length nobody knows yet.
    kernel : array_like
        1-D taps, or an array of the source's dimensions.
    axis : int
        The axis to convolve, along which the pieces follow one another.
    mode, boundary, fill_value, center, dtype, workers
        As in `convolve`.
    method : str or Plan
        As in `convolve`, except that ``auto`` considers only methods that work block by block.
    piece : int, optional
        Results a piece has at most along `axis`, rounded up to whole transforms of the plan;
        2**19 by default.

    Returns
    -------
    Pieces
        Iterates over arrays whose concatenation is the convolution; `shape`, `dtype` and
        `plan` tell about the whole.

    Raises
    ------
    ShapeError, ModeError, BoundaryError, MethodError
        As in `convolve`; ShapeError also for an `axis` or a `piece` that is no integer.
    DTypeError
        Integer computation, whose range cannot be checked ahead, and whatever `convolve` refuses.

    Examples
    --------
    >>> import numpy as np
    >>> pieces = convolve_pieces(np.array([3.0, 2.0, 1.0]), [1, 1, 2], method="direct")
    >>> pieces.shape, np.concatenate(list(pieces))
    ((5,), array([3., 5., 9., 5., 2.]))
    """
    if not hasattr(source, "shape") or not hasattr(source, "dtype"):
        source = as_numeric(source, "source")
    if not isinstance(axis, int | np.integer):
        raise ShapeError(f"pieces follow one another along one axis, an integer; got {axis!r}.")
    if piece is not None and not (isinstance(piece, int | np.integer) and piece > 0):
        raise ShapeError(f"piece is a positive number of results; got {piece!r}.")
    options = options_from(
        mode,
        axes=axis,
        boundary=boundary,
        fill_value=fill_value,
        center=center,
        dtype=dtype,
    )
    taps = as_numeric(kernel, "kernel")
    operands = Operand(source.shape, source.dtype), Operand(taps.shape, taps.dtype, is_weak(kernel))
    problem = make_problem(*operands, options)
    if problem.dtypes.is_exact:
        raise DTypeError(
            "pieces of integers cannot be checked for overflow ahead; got "
            f"{source.dtype} and {taps.dtype}. Pass dtype=float."
        )
    check_weights(problem, taps)
    if not problem.axes:
        position = axis % len(source.shape)
        size = problem.result_shape[position]
        problem = problem.with_axes((Axis(position, size, 1, 0, size),))
    if needs_a_look(problem, method):
        problem = looked_at(problem, problem.kernel_view(taps))
    if method == "auto":
        able = [n for n, e in ENGINES.items() if e.blockwise and not e.refusal(problem)]
        plan = min((make_plan(problem, name) for name in able), key=_first_seconds)
    else:
        plan = choose_plan(problem, method)
    if plan is not method:
        plan = without_parts(plan)
    return Pieces(source, taps, plan, workers, piece)


def _first_seconds(plan: Plan) -> float:
    return plan.cost.first


@runtime_checkable
class Unending(Protocol):
    """A reader whose length along the axis of the pieces is not known; its `shape` says more."""

    def reaches(self, stop: int, keep: int) -> int | None:
        """Read up to sample `stop`, and hold what comes from `keep` on.

        Returned is the length, once the end has been met.
        """


class Pieces:
    """The pieces of a convolution, computed one at a time while they are iterated over."""

    def __init__(
        self, source: Source, kernel: Array, plan: Plan, workers: int | None, piece: int | None
    ) -> None:
        self.plan = plan
        self.shape = plan.problem.result_shape
        self.dtype = plan.problem.dtypes.result
        self._source = _Transposed(source, plan.problem.order)
        self._kernel = kernel
        self._workers = resolve_workers(workers)
        self._growing = source if isinstance(source, Unending) else None
        step = plan.hop[0] if plan.hop else 1
        wanted = USUAL_PIECE if piece is None else piece
        self._piece = step * max(1, -(-wanted // max(step, 1)))

    @property
    def piece_bytes(self) -> int:
        """The bytes of the samples that one piece needs."""
        problem = self.plan.problem
        samples = self._piece + problem.taps[0] - 1
        return prod(problem.batch) * samples * problem.dtypes.compute.itemsize

    def __iter__(self) -> Iterator[Array]:
        if not all(self.shape):
            return
        problem = self.plan.problem
        prepared = prepare(self.plan, problem.kernel_view(self._kernel))
        for axis, start, stop in self._spans():
            inside = axis.taps - 1 <= start and stop <= axis.size
            if inside or not problem.has_absent_edges:
                yield self._compute(prepared, axis, start, stop)
            else:
                yield self._compute_at_edge(prepared, axis, start, stop)

    def _spans(self) -> Iterator[tuple[Axis, int, int]]:
        """Yield the axis, as long as it is known to be, and the results of each piece."""
        (axis,) = self.plan.problem.axes
        start = axis.start
        if self._growing is not None:
            reach = axis.taps - 1
            while True:
                # The extension before the first sample refers to so many, and so do the last ones.
                known = start + self._piece + reach
                size = self._growing.reaches(known, start - 2 * reach)
                if size is not None:
                    break
                yield axis._replace(size=known), start, start + self._piece
                start += self._piece
            axis = self._ended(axis, size)
        if axis.size:
            for low, high in pairwise(cut(start, axis.stop, self._piece)):
                yield axis, low, high

    def _ended(self, axis: Axis, size: int) -> Axis:
        """Return the axis of a reader that turned out to have `size` samples."""
        if self.plan.problem.mode == "valid" and size < axis.taps:
            raise ShapeError(
                f"mode='valid' needs as many samples as taps; got {size} samples and {axis.taps} "
                "taps. Use mode='full'."
            )
        return axis._replace(size=size, stop=axis.stop - axis.size + size)

    def _compute_at_edge(self, prepared: Prepared, axis: Axis, start: int, stop: int) -> Array:
        """Return results [start, stop), in which existing samples carry all the weight."""
        problem = self.plan.problem
        ratio = edge_ratio(problem.with_axes((axis,)), self._kernel, start, stop)
        if ((ratio < light_share(self.plan)) & (ratio > 0)).any():
            direct = make_plan(problem, "direct")
            prepared = prepare(direct, problem.kernel_view(self._kernel))
        result = self._compute(prepared, axis, start, stop)
        with np.errstate(all="ignore"):
            # Nothing present is 0/0.
            result /= ratio.astype(problem.dtypes.real)
        return result

    def _compute(self, prepared: Prepared, axis: Axis, start: int, stop: int) -> Array:
        """Return results [start, stop): the samples that they need are a signal of their own."""
        problem = self.plan.problem
        axes = (axis._replace(start=start, stop=stop),)
        result = np.empty(problem.with_axes(axes).result_shape, self.dtype)
        target, workers = problem.result_view(result), self._workers
        compute_section(prepared, self._source, axes, target, workers=workers, longest=self._piece)
        return result


class _Transposed:
    """A source seen in canonical layout."""

    def __init__(self, source: Source, order: tuple[int, ...]) -> None:
        self._source = source
        self._order = order
        self.shape = tuple(source.shape[i] for i in order)
        self.dtype = source.dtype

    def __getitem__(self, key: tuple[slice, ...]) -> Array:
        own: list[slice] = [slice(None)] * len(self._order)
        for axis, part in zip(self._order, key, strict=True):
            own[axis] = part
        return self._source[tuple(own)].transpose(self._order)
