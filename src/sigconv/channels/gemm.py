"""Sums over channels as products of matrices: the samples that a few outputs meet, as columns.

The whole matrix would have each sample as often as there are taps; here it is made for one box of
outputs after the other, in scratch that stays in the cache. BLAS takes one thread for each worker.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from functools import cache
from itertools import product
from math import prod
from typing import Any, NamedTuple

import numpy as np

from sigconv.channels.problem import ChannelProblem
from sigconv.core.dtypes import Array
from sigconv.core.gather import gather_region
from sigconv.core.index import leading
from sigconv.core.problem import Axis
from sigconv.engines.workers import run_shared

__all__ = ["multiply_columns", "sum_columns"]

# Elements of the columns for one box, and boxes for each worker where there are few signals.
_MOST_COLUMNS, _LEAST_COLUMNS, _LEAST_BOXES = 1 << 16, 1 << 12, 8

# Shares of the work, of which stretches of boxes have sums of weights of their own.
_SLABS, _BLOCK, _ROWS = 8, 128, 32


class _Box(NamedTuple):
    """A signal, a group, and a range of outputs on each axis."""

    n: int
    group: int
    spans: tuple[tuple[int, int], ...]

    @property
    def outputs(self) -> tuple[int, ...]:
        return tuple(stop - start for start, stop in self.spans)


class _Share(NamedTuple):
    """Output channels of a group, and the boxes whose products are added up for them in a slab."""

    slab: int
    outputs: slice
    boxes: list[_Box]


def sum_columns(
    problem: ChannelProblem,
    x: Array,
    weight: Array,
    bias: Array | None,
    out: Array,
    *,
    workers: int,
) -> None:
    """Write the result for a signal (batch, inputs, *space)."""
    dtype, groups = problem.dtypes.compute, problem.groups
    matrices = weight.astype(dtype, copy=False).reshape(groups, problem.outputs // groups, -1)
    shift = None if bias is None else bias.astype(dtype).reshape(groups, -1, 1)
    parts = out.reshape(problem.batch, groups, -1, *problem.result_shape[2:])

    def work(boxes: Iterator[_Box]) -> None:
        room = np.empty(0, dtype)
        for box in boxes:
            room = _room(problem, box, room)
            with np.errstate(all="ignore"):
                sums = matrices[box.group] @ _columns(problem, x, box, room)
                if shift is not None:
                    sums += shift[box.group]
                place = parts[box.n, box.group][(slice(None), *_slices(box))]
                place[...] = sums.reshape(place.shape)

    boxes = list(_boxes(problem))
    with _lone_threads:
        run_shared(work, boxes, workers)


def multiply_columns(
    problem: ChannelProblem, x: Array, grad: Array, out: Array, *, workers: int
) -> None:
    """Write the sums over the batch and all outputs of grad[..., q] conj(x[..., s*q + d*k])."""
    dtype = problem.dtypes.compute
    boxes = list(_boxes(problem))
    shares = list(_shares(problem, boxes))
    slabs = max(share.slab for share in shares) + 1
    whole = slabs == 1 and out.dtype == dtype and out.flags.c_contiguous
    sums = out[None] if whole else np.empty((slabs, *problem.weight_shape), dtype)
    sums[...] = 0
    flat = sums.reshape(*sums.shape[:2], -1)

    def work(taken: Iterator[_Share]) -> None:
        room = np.empty(0, dtype)
        for slab, outputs, own in taken:
            total = flat[slab, outputs]
            for box in own:
                room = _room(problem, box, room)
                columns = _columns(problem, x, box, room)
                errors = grad[box.n][leading((outputs, *_slices(box)))].astype(dtype, copy=False)
                rows = errors.reshape(len(errors), -1)
                with np.errstate(all="ignore"):
                    # A few rows at a time: the products take little memory beside their sums.
                    for r in range(0, len(rows), _ROWS):
                        total[r : r + _ROWS] += rows[r : r + _ROWS] @ columns.conj().T

    with _lone_threads:
        run_shared(work, shares, workers)
    if not whole:
        out[...] = sums[0] if slabs == 1 else sums.sum(axis=0)


def _shares(problem: ChannelProblem, boxes: list[_Box]) -> Iterator[_Share]:
    """Cut the work: by boxes while the sums take little memory, else by output channels."""
    each = problem.outputs // problem.groups
    room = prod(problem.signal_shape) + prod(problem.result_shape)
    slabs = min(_SLABS, max(1, room // (2 * prod(problem.weight_shape))), len(boxes))
    # Each block makes the columns anew, which takes as long as products with some dozen channels.
    blocks = max(1, min(each // _BLOCK, _SLABS // (slabs * problem.groups)))
    for slab in range(slabs):
        own = boxes[slab * len(boxes) // slabs : (slab + 1) * len(boxes) // slabs]
        for group in range(problem.groups):
            met = [box for box in own if box.group == group]
            for block in range(blocks):
                first, last = (group * each + each * b // blocks for b in (block, block + 1))
                yield _Share(slab, slice(first, last), met)


def _boxes(problem: ChannelProblem) -> Iterator[_Box]:
    """Yield the boxes of outputs, of which each has columns that fit the cache."""
    lengths, most = [axis.length for axis in problem.axes], _most_columns(problem)
    units = problem.batch * problem.groups
    while problem.taps_of_output * prod(lengths) > most or (
        units * _cuts(problem.axes, lengths) < _LEAST_BOXES
        and problem.taps_of_output * prod(lengths) > most // _LEAST_BOXES
    ):
        # The first axis whose outputs can be cut: the others stay whole rows.
        j = next((j for j, n in enumerate(lengths) if n > 1), None)
        if j is None:
            break
        lengths[j] = -(-lengths[j] // 2)
    spans = [
        [(start, min(axis.length, start + n)) for start in range(0, axis.length, n)]
        for axis, n in zip(problem.axes, lengths, strict=True)
    ]
    for n, group in product(range(problem.batch), range(problem.groups)):
        for met in product(*spans):
            yield _Box(n, group, met)


def _most_columns(problem: ChannelProblem) -> int:
    """Return how many elements of columns a worker makes at a time: few beside small arrays."""
    arrays = problem.signal_shape, problem.weight_shape, problem.result_shape
    return min(_MOST_COLUMNS, max(_LEAST_COLUMNS, sum(map(prod, arrays)) // 16))


def _cuts(axes: tuple[Axis, ...], lengths: list[int]) -> int:
    return prod(-(-axis.length // n) for axis, n in zip(axes, lengths, strict=True))


def _slices(box: _Box) -> tuple[slice, ...]:
    return tuple(slice(*span) for span in box.spans)


def _room(problem: ChannelProblem, box: _Box, room: Array) -> Array:
    """Return memory for the columns of a box, the same if it is large enough."""
    needed = problem.taps_of_output * prod(box.outputs)
    return room if room.size >= needed else np.empty(needed, room.dtype)


def _columns(problem: ChannelProblem, x: Array, box: _Box, room: Array) -> Array:
    """Return the samples that each output of a box meets, in the order of the weights."""
    count = problem.inputs // problem.groups
    lows = [
        first + axis.stride * start
        for axis, first, (start, _) in zip(problem.axes, problem.firsts, box.spans, strict=True)
    ]
    region = tuple(
        (low, low + axis.stride * (n - 1) + axis.reach_back + 1)
        for axis, low, n in zip(problem.axes, lows, box.outputs, strict=True)
    )
    batch = slice(box.n, box.n + 1), slice(box.group * count, (box.group + 1) * count)
    tile = gather_region(x, problem.axes, batch, region, problem.dtypes.compute)[0]
    steps = tile.strides[1:]
    taps = [step * axis.dilation for step, axis in zip(steps, problem.axes, strict=True)]
    along = [step * axis.stride for step, axis in zip(steps, problem.axes, strict=True)]
    kernel = tuple(axis.taps for axis in problem.axes)
    met = np.lib.stride_tricks.as_strided(
        tile,
        (count, *kernel, *box.outputs),
        (tile.strides[0], *taps, *along),
        writeable=False,
    )
    columns = room[: met.size].reshape(met.shape)
    with np.errstate(all="ignore"):
        columns[...] = met
    return columns.reshape(problem.taps_of_output, -1)


@cache
def _controller() -> Any:
    from threadpoolctl import ThreadpoolController

    return ThreadpoolController()


class _LoneThreads:
    """BLAS takes one thread for each worker: with more, the last bits would differ.

    The limit is the process's own: the first of several calls at once sets it, the last lifts it.
    """

    def __init__(self) -> None:
        # A signal handler may convolve while the lock is held.
        self._lock = threading.RLock()
        self._inside = 0
        self._limit: Any = None

    def __enter__(self) -> None:
        with self._lock:
            if not self._inside:
                self._limit = _controller().limit(limits=1, user_api="blas")
            self._inside += 1

    def __exit__(self, *_: object) -> None:
        with self._lock:
            self._inside -= 1
            if not self._inside:
                self.lift()

    def lift(self) -> None:
        """Restore what was before the first call."""
        limit, self._limit = self._limit, None
        if limit is not None:
            limit.restore_original_limits()


_lone_threads = _LoneThreads()


def _renew_after_fork() -> None:
    """Begin anew: whoever was inside is not in the child, nor who holds the lock."""
    global _lone_threads
    before, _lone_threads = _lone_threads, _LoneThreads()
    before.lift()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_renew_after_fork)
