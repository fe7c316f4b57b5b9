"""What the compiled loops over channels are told: arrays by their steps, and one run a worker."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack
from functools import partial
from math import prod
from typing import Any, NamedTuple

import numpy as np

from sigconv.core.dtypes import Array, DType
from sigconv.core.problem import Axis
from sigconv.engines import compiled
from sigconv.engines.workers import run_counted
from sigconv.loops.channel_tables import AxisTable, boxes_of, three_axes
from sigconv.loops.scratch import borrow_scratch

__all__ = ["Boxes", "Loop", "Steps", "readable", "run_loop", "three_dimensional"]

_LINE = 64


class Steps(NamedTuple):
    """An array of channels on three axes, its steps in elements, and what copies its elements.

    `move` is 0 where rows are read or written as they are.
    """

    array: Array
    steps: tuple[int, ...]
    move: int

    @classmethod
    def to_read(cls, array: Array, dtype: DType, stride: int = 1) -> Steps:
        """Describe samples, of which every `stride`-th of a row is read."""
        return cls._of(array, dtype, array.dtype, dtype, stride)

    @classmethod
    def to_write(cls, array: Array, dtype: DType) -> Steps:
        """Describe outputs."""
        return cls._of(array, dtype, dtype, array.dtype, 1)

    @classmethod
    def _of(cls, array: Array, dtype: DType, source: DType, target: DType, stride: int) -> Steps:
        array = three_dimensional(array)
        steps = tuple(step // array.itemsize for step in array.strides)
        apart = steps[-1] != 1 and array.shape[-1] > 1
        if array.dtype == dtype and stride == 1 and not apart:
            return cls(array, steps, 0)
        compiled.load_mover(source, target)
        move = compiled.mover(source, target)
        assert move is not None
        return cls(array, steps, move)

    def named(self, name: str) -> dict[str, int]:
        """Return the steps by the names that the loops have for them."""
        places = ("batch", "channel", "d", "h", "w")
        return {f"{name}_{p}": step for p, step in zip(places, self.steps, strict=True)}


class Boxes(NamedTuple):
    """The outputs that are taken together, on three axes."""

    tables: list[AxisTable]
    lengths: list[int]

    @classmethod
    def of(cls, axes: tuple[Axis, ...], channels: int, products: int, units: int) -> Boxes:
        """Cut the outputs of axes, as `boxes_of` does."""
        tables = [AxisTable.of(axis) for axis in three_axes(axes)]
        return cls(tables, boxes_of(tables, channels, products, units))

    @property
    def axes(self) -> list[Axis]:
        """The three axes."""
        return [table.axis for table in self.tables]

    @property
    def count(self) -> int:
        """How many there are for each signal."""
        pairs = zip(self.axes, self.lengths, strict=True)
        return prod(-(-axis.length // n) for axis, n in pairs)

    def copied(self, size: int) -> int:
        """Return how many elements of `size` bytes the copy of a channel for a box takes."""
        *others, (row, width) = zip(self.tables, self.lengths, strict=True)
        across = prod(table.packed(n) for table, n in others)
        elements = across * (width + row.span) * len(row.phases)
        return (-(-elements * size // _LINE) | 1) * _LINE // size

    def lie(self, source: Steps) -> bool:
        """Tell whether all samples exist, and lie in rows as the loops take them."""
        whole = all(
            axis.stride == 1 and axis.start >= axis.reach_back and axis.stop <= axis.size
            for axis in self.axes
        )
        return whole and source.move == 0


class Loop(NamedTuple):
    """A compiled loop: how it is called, the function that does the work, and its numbers' names."""

    call: Callable[[Array], Any]
    walk: int
    dtype: DType


def readable(array: Array, dtype: DType) -> Array:
    """Return an array that the loops can read, itself if they can."""
    moved = array.dtype == dtype or compiled.is_moved(array.dtype, dtype)
    whole = all(step % array.itemsize == 0 for step in array.strides)
    if moved and whole and array.flags.aligned and array.dtype.isnative:
        return array
    return array.astype(dtype)


def three_dimensional(array: Array) -> Array:
    """Return a view of (batch, channels, depth, height, width)."""
    return np.expand_dims(array, tuple(range(2, 7 - array.ndim)))


def run_loop(
    loop: Loop,
    fields: dict[str, int],
    boxes: Boxes,
    arrays: list[Array],
    room: tuple[int, int],
    sharing: tuple[int, int],
) -> None:
    """Let workers take pieces of a loop's work.

    `fields` are its numbers, in their order; `arrays` are named to it before the counter, and
    scratch for so many elements and integers after it. `sharing` is how many pieces there are, and
    how many workers at most.
    """
    tables = [t.numbers(n) for t, n in zip(boxes.tables, boxes.lengths, strict=True)]
    place = len(fields)
    for name, numbers in zip(("place_d", "place_h", "place_w"), tables, strict=True):
        fields[name] = place
        place += len(numbers)
    given = np.concatenate([np.array(list(fields.values()), np.int64), *tables])
    elements, integers = -(-room[0] * loop.dtype.itemsize // _LINE) * _LINE, 8 * room[1]
    pieces, workers = sharing
    counter = np.zeros(3, np.int64)
    with ExitStack() as stack:
        runs = []
        for _ in range(max(1, min(workers, pieces))):
            scratch = stack.enter_context(borrow_scratch())
            memory = scratch.array((elements + integers,), np.dtype(np.uint8))
            begin = memory.ctypes.data
            places = [given.ctypes.data, *(array.ctypes.data for array in arrays)]
            ends = [counter.ctypes.data, begin, begin + elements, loop.walk]
            told = np.array([*places, *ends], np.int64)
            runs.append(partial(_run, loop.call, told, (given, *arrays, counter, memory)))
        run_counted(runs, counter, pieces)


def _run(call: Callable[[Array], Any], told: Array, kept: tuple[Array, ...]) -> None:
    # What the addresses lead to lives as long as the run.
    call(told)
    del kept
