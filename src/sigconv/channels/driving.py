"""What the compiled loops over channels are told: arrays by their steps, and one run a worker."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack
from functools import lru_cache, partial
from math import prod
from typing import Any, NamedTuple

import numpy as np

from sigconv.core.dtypes import Array, DType
from sigconv.core.problem import Axis
from sigconv.engines import compiled
from sigconv.engines.workers import run_counted
from sigconv.loops.channel_tables import AxisTable, boxes_of, three_axes
from sigconv.loops.scratch import borrow_scratch

__all__ = [
    "Boxes",
    "Lie",
    "Loop",
    "Steps",
    "Turn",
    "given_numbers",
    "readable",
    "run_loop",
    "turns_of",
    "writable",
]

_LINE = 64

# Products of one call without the GIL, after which Ctrl-C is heard.
_MOST_PRODUCTS = 1 << 31


class Lie(NamedTuple):
    """How an array (batch, channels, *space) lies in memory: its dtype, and bytes between elements.

    Missing axes of space come first.
    """

    dtype: DType
    strides: tuple[int, ...]

    @classmethod
    def of(cls, array: Array) -> Lie:
        """Return how an array lies."""
        missing = (0,) * (5 - array.ndim)
        return cls(array.dtype, array.strides[:2] + missing + array.strides[2:])


class Steps(NamedTuple):
    """The steps of an array in elements of `size` bytes, and what copies its elements.

    `move` is 0 where rows are read or written as they are.
    """

    steps: tuple[int, ...]
    size: int
    move: int

    @classmethod
    def to_read(cls, lie: Lie, dtype: DType, stride: int = 1) -> Steps:
        """Describe samples, of which every `stride`-th of a row is read."""
        return cls._of(lie, lie.dtype == dtype and stride == 1, lie.dtype, dtype)

    @classmethod
    def to_write(cls, lie: Lie, dtype: DType) -> Steps:
        """Describe outputs."""
        return cls._of(lie, lie.dtype == dtype, dtype, lie.dtype)

    @classmethod
    def _of(cls, lie: Lie, plain: bool, source: DType, target: DType) -> Steps:
        size = lie.dtype.itemsize
        steps = tuple(step // size for step in lie.strides)
        if plain and steps[-1] == 1:
            return cls(steps, size, 0)
        compiled.load_mover(source, target)
        move = compiled.mover(source, target)
        assert move is not None
        return cls(steps, size, move)

    def named(self, name: str) -> dict[str, int]:
        """Return the steps by the names that the loops have for them."""
        places = ("batch", "channel", "d", "h", "w")
        return {f"{name}_{p}": step for p, step in zip(places, self.steps, strict=True)}


class Boxes(NamedTuple):
    """The outputs that are taken together, on three axes."""

    tables: tuple[AxisTable, ...]
    lengths: tuple[int, ...]

    @classmethod
    def of(cls, axes: tuple[Axis, ...], channels: int, products: int, units: int) -> Boxes:
        """Cut the outputs of axes, as `boxes_of` does."""
        return _boxes(axes, channels, products, units)

    @property
    def axes(self) -> tuple[Axis, ...]:
        """The three axes."""
        return tuple(table.axis for table in self.tables)

    @property
    def per_signal(self) -> int:
        """How many there are for each signal."""
        pairs = zip(self.axes, self.lengths, strict=True)
        return prod(-(-axis.length // n) for axis, n in pairs)

    def copied(self, size: int) -> int:
        """Return how many elements of `size` bytes the copy of a channel for a box takes."""
        *others, (row, width) = zip(self.tables, self.lengths, strict=True)
        across = prod(table.packed(n) for table, n in others)
        elements = across * (width + row.span) * row.phases
        return (-(-elements * size // _LINE) | 1) * _LINE // size

    def lie_in(self, source: Steps) -> bool:
        """Tell whether all samples exist, and lie in rows as the loops take them."""
        whole = all(
            axis.stride == 1 and axis.start >= axis.reach_back and axis.stop <= axis.size
            for axis in self.axes
        )
        return whole and source.move == 0


@lru_cache(maxsize=1024)
def _boxes(axes: tuple[Axis, ...], channels: int, products: int, units: int) -> Boxes:
    tables = tuple(AxisTable(axis) for axis in three_axes(axes))
    return Boxes(tables, tuple(boxes_of(tables, channels, products, units)))


class Loop(NamedTuple):
    """A compiled loop: how it is called, the address of what does the work, and its dtype."""

    call: Callable[[Array], Any]
    walk: int
    dtype: DType


def readable(array: Array, dtype: DType) -> Array:
    """Return an array that the loops can read, itself if they can."""
    return array if _moves(array, array.dtype, dtype) else array.astype(dtype)


def writable(array: Array, dtype: DType) -> Array:
    """Return an array that the loops can write, itself if they can."""
    return array if _moves(array, dtype, array.dtype) else np.empty(array.shape, dtype)


def _moves(array: Array, source: DType, target: DType) -> bool:
    whole = all(step % array.itemsize == 0 for step in array.strides)
    moved = source == target or compiled.is_moved(source, target)
    return moved and whole and array.dtype.isnative and bool(array.flags.aligned)


def given_numbers(fields: dict[str, int], boxes: Boxes) -> Array:
    """Return the numbers that a loop reads, in their order, and those of the axes after them."""
    tables = [t.numbers(n) for t, n in zip(boxes.tables, boxes.lengths, strict=True)]
    place = len(fields)
    for name, numbers in zip(("place_d", "place_h", "place_w"), tables, strict=True):
        fields[name] = place
        place += len(numbers)
    return np.concatenate([np.array(list(fields.values()), np.int64), *tables])


class Turn(NamedTuple):
    """A part of a loop's work, which no Ctrl-C interrupts: pieces that are taken, and what is told.

    `told` are the last numbers that the loop reads.
    """

    first: int
    stop: int
    told: tuple[int, ...]


def turns_of(products: int, most: int) -> int:
    """Return how many turns work is done in, so that Ctrl-C is heard; of `most` at most."""
    return max(1, min(most, products // _MOST_PRODUCTS))


def run_loop(
    loop: Loop, arrays: list[Array], room: tuple[int, int], turns: list[Turn], workers: int
) -> None:
    """Let workers take pieces of a loop's work, one turn after the other.

    It is told the addresses of `arrays`, the first of which are its numbers, then of its counter
    and of scratch for so many elements and integers, and what is told of each turn.
    """
    elements, integers = -(-room[0] * loop.dtype.itemsize // _LINE) * _LINE, 8 * room[1]
    places = [_address(array) for array in arrays]
    count = max(1, min(workers, max(turn.stop - turn.first for turn in turns)))
    with ExitStack() as stack:
        lent = [stack.enter_context(borrow_scratch()) for _ in range(count)]
        memories = [scratch.array((elements + integers,), _BYTE) for scratch in lent]
        for first, stop, told in turns:
            # A new one for each turn: who is late for one takes no piece of the next.
            counter = np.array([first, 0, 0], np.int64)
            runs = []
            for memory in memories:
                begin = _address(memory)
                own = begin, begin + elements, *told, loop.walk
                given = np.array([*places, _address(counter), *own], np.int64)
                runs.append(partial(_run, loop.call, given, (arrays, counter, memory)))
            run_counted(runs, counter, stop - first)


_BYTE = np.dtype(np.uint8)


def _address(array: Array) -> int:
    return int(array.__array_interface__["data"][0])


def _run(call: Callable[[Array], Any], told: Array, kept: object) -> None:
    # What the addresses lead to lives as long as the run.
    call(told)
    del kept
