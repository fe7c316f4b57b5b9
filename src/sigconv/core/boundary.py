"""How a signal continues beyond its edges, as index maps and as a few slices.

Each side extends the original signal alone, without end, so that a kernel may be longer
than the signal. The vocabulary is that of `numpy.pad`.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

from sigconv.errors import BoundaryError

__all__ = ["ALIASES", "RULES", "ZERO", "Edge", "Edges", "Segment", "parse_boundary", "segments"]

RULES = ("zero", "constant", "edge", "reflect", "symmetric", "wrap", "absent")

ALIASES = {
    "nearest": "edge",
    "mirror": "reflect",
    "grid-wrap": "wrap",
    "grid-constant": "constant",
    "grid-mirror": "symmetric",
}


class Edge(NamedTuple):
    """The rule that continues one side, with the value that ``constant`` fills in."""

    rule: str
    fill: complex = 0.0

    @property
    def is_zero(self) -> bool:
        """Whether samples beyond this side add nothing to the sum of any output."""
        return self.rule in ("zero", "absent")

    def __str__(self) -> str:
        return f"constant({self.fill:g})" if self.rule == "constant" else self.rule


ZERO = Edge("zero")

Edges = tuple[Edge, Edge]


class Segment(NamedTuple):
    """A stretch [start, stop) of the extended signal that is one slice of the source.

    Position p holds source sample first + step*(p - start). A `step` of 0 repeats the sample
    `first`; a `first` of -1 means that `edge` supplies the value and no sample is read.
    """

    start: int
    stop: int
    first: int
    step: int
    edge: Edge = ZERO

    @property
    def is_filled(self) -> bool:
        """Whether the value comes from the edge's rule instead of the source."""
        return self.first < 0

    @property
    def source(self) -> tuple[int, int]:
        """The range [low, high) of source samples that the stretch reads."""
        last = self.first + self.step * (self.stop - self.start - 1)
        return min(self.first, last), max(self.first, last) + 1


def parse_boundary(boundary: object, ndim: int, fill_value: complex = 0.0) -> tuple[Edges, ...]:
    """Return the (before, after) edges of each of `ndim` convolved axes.

    A string serves every axis; a sequence has one entry per axis, each a string or a
    (before, after) pair of strings.
    """
    if isinstance(boundary, str):
        entries: Sequence[Any] = [boundary] * ndim
    elif isinstance(boundary, Sequence):
        entries = boundary
    else:
        raise BoundaryError(
            f"boundary must be a string or a sequence of one entry per axis; got {boundary!r}."
        )
    if ndim == 1 and len(entries) == 2 and all(isinstance(entry, str) for entry in entries):
        before, after = entries
        raise BoundaryError(
            "a boundary sequence has one entry per convolved axis (1), not one per side; got "
            f"{boundary!r}. Write the pair as [({before!r}, {after!r})]."
        )
    if len(entries) != ndim:
        raise BoundaryError(
            f"a boundary sequence has one entry per convolved axis ({ndim}); got {len(entries)}: "
            f"{boundary!r}. Sides go in pairs, as in [('zero', 'edge')] for one axis."
        )
    pairs = tuple(_parse_entry(entry, fill_value) for entry in entries)
    # A string is meant for every axis, also where there are none.
    named = (_parse_entry(boundary, fill_value),) if isinstance(boundary, str) else pairs
    if fill_value != 0 and not any(edge.rule == "constant" for pair in named for edge in pair):
        raise BoundaryError(
            f"fill_value belongs to boundary='constant'; got fill_value={fill_value!r} with "
            f"boundary={boundary!r}. Use boundary='constant', or leave fill_value out."
        )
    return pairs


def _parse_entry(entry: object, fill_value: complex) -> Edges:
    if isinstance(entry, str):
        edge = _parse_rule(entry, fill_value)
        return edge, edge
    if isinstance(entry, Sequence) and len(entry) == 2:
        return _parse_rule(entry[0], fill_value), _parse_rule(entry[1], fill_value)
    raise BoundaryError(
        f"each boundary entry is a string or a (before, after) pair of strings; got {entry!r}."
    )


def _parse_rule(name: object, fill_value: complex) -> Edge:
    rule = ALIASES.get(name, name) if isinstance(name, str) else None
    if rule not in RULES:
        raise BoundaryError(
            f"boundary must be one of {', '.join(RULES)} (or ndimage's {', '.join(ALIASES)}); "
            f"got {name!r}."
        )
    return Edge(rule, fill_value) if rule == "constant" else Edge(rule)


def segments(edges: Edges, size: int, start: int, stop: int) -> Iterator[Segment]:
    """Yield the stretches that make up [start, stop) of a signal of `size` samples.

    >>> [s.source for s in segments((Edge("reflect"), Edge("edge")), 4, -2, 6)]
    [(1, 3), (0, 4), (3, 4)]
    """
    before, after = edges
    yield from _beyond(before, size, start, min(stop, 0), 0)
    low, high = max(start, 0), min(stop, size)
    if low < high:
        yield Segment(low, high, low, 1)
    yield from _beyond(after, size, max(start, size), stop, size - 1)


def _beyond(edge: Edge, size: int, start: int, stop: int, nearest: int) -> Iterator[Segment]:
    """Yield the stretches of [start, stop), all on the side whose last sample is `nearest`."""
    if start >= stop:
        return
    if edge.rule in ("zero", "constant", "absent"):
        yield Segment(start, stop, -1, 0, edge)
    elif edge.rule == "edge" or size == 1:
        yield Segment(start, stop, nearest, 0)
    else:
        yield from _periodic(edge.rule, size, start, stop)


def _periodic(rule: str, size: int, start: int, stop: int) -> Iterator[Segment]:
    # One period climbs 0..N-1 and, when mirrored, falls back: from N-2 to 1 (reflect, the edge
    # sample shared) or from N-1 to 0 (symmetric, the edge sample repeated).
    period = {"wrap": size, "reflect": 2 * size - 2, "symmetric": 2 * size}[rule]
    position = start
    while position < stop:
        phase = position % period
        if phase < size:
            length, first, step = size - phase, phase, 1
        else:
            top = 2 * size - 2 if rule == "reflect" else 2 * size - 1
            length, first, step = period - phase, top - phase, -1
        end = min(stop, position + length)
        yield Segment(position, end, first, step)
        position = end
