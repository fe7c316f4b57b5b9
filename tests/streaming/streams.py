"""Streams fed in chunks, and layouts that their plans are made to choose."""

import random
from itertools import pairwise

import numpy as np

from sigconv.core.index import along
from sigconv.engines import compiled
from sigconv.planning import current_machine
from sigconv.streaming import layout, planning

COMPILED = compiled.runs_transforms(np.dtype("f8"))


def chunks_of(x, sizes, axis=0):
    """Cut `x` into chunks of sizes that are taken in turn."""
    axis %= x.ndim
    edges = [0]
    while edges[-1] < x.shape[axis]:
        for size in sizes:
            edges.append(min(edges[-1] + size, x.shape[axis]))
    return [x[along(axis, slice(*pair))] for pair in pairwise(edges)]


def through(stream, x, sizes, axis=0):
    """Return all that a stream gives for a signal, the tail included."""
    parts = []
    for chunk in chunks_of(x, sizes, axis):
        parts.append(stream.process(chunk))
        assert parts[-1].shape[axis] == chunk.shape[axis]
    return np.concatenate([*parts, stream.flush()], axis=axis)


def late(y, latency, axis=0):
    """Return results behind so many zeros."""
    shape = list(y.shape)
    shape[axis] = latency
    return np.concatenate([np.zeros(shape, y.dtype), y], axis=axis)


def layouts(taps, latency, chunk, dtype="f8", channels=1):
    """Return every layout that is considered for a stream, without equal ones."""
    dtype = np.dtype(dtype)
    loops = ("pairs", "numba") if dtype.char == "f" else ("numba",)
    size = layout.Size(
        taps, latency, channels, channels, channels, dtype, loops if COMPILED else ()
    )
    costs = layout.Costs(size, chunk, current_machine(), 1e-9)
    found = {one[:4] + one[5:]: one for one in layout._candidates(costs)}
    return list(found.values())


def choose(monkeypatch, chosen):
    """Let plans have this layout."""
    monkeypatch.setattr(planning, "choose_layout", lambda *what: chosen)


def choose_any(monkeypatch, seed):
    """Let plans have any layout that is considered."""
    order = random.Random(seed)

    def drawn(size, chunk, machine, rate):
        costs = layout.Costs(size, chunk, machine, rate)
        return order.choice(list(layout._candidates(costs)))

    monkeypatch.setattr(planning, "choose_layout", drawn)
