"""A stream at work: what has been heard, the kernel in force, and the one that follows it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple, Protocol

import numpy as np

from sigconv.core.dtypes import Array
from sigconv.core.index import along
from sigconv.streaming.fades import Fade
from sigconv.streaming.past import Past
from sigconv.streaming.plan import StreamPlan

__all__ = ["Body", "Filter", "Running", "Swap"]


class Filter(Protocol):
    """A kernel that is applied to what has been heard."""

    def outputs(self, start: int, stop: int, target: Array | None = None) -> Array:
        """Return the outputs of times [start, stop), up to which has been heard.

        They are in `target` where they can be, else in memory that the next call overwrites.
        """

    def rebuild(self) -> None:
        """Make what is due next from the past alone."""


class Body(Protocol):
    """What has been heard, in arrays whose time is the axis `past.axis`."""

    past: Past

    def forget(self) -> None:
        """Begin anew."""

    def prepare(self, chunk: Array) -> bool:
        """Look at the next samples; tell whether what is due is to be made anew."""

    def hear(self, chunk: Array) -> None:
        """Take the next samples."""

    def end(self, size: int) -> bool:
        """Know that the signal has ended after `size` samples; tell as `prepare` does."""

    def hear_beyond(self, size: int, count: int) -> None:
        """Take `count` samples of what follows a signal of `size`."""

    def state(self) -> dict[str, Any]:
        """Return what `restore` takes."""

    def restore(self, state: dict[str, Any]) -> None:
        """Go on from a state."""


class Swap(NamedTuple):
    """A kernel that takes over within `fade` samples."""

    taps: Array
    fade: int


class _Incoming(NamedTuple):
    """A kernel that is taking over."""

    taps: Array
    filter: Filter
    fade: Fade


class Running:
    """A stream at work.

    Parameters
    ----------
    plan : StreamPlan
        How it is computed.
    body : Body
        What has been heard.
    make_filter : callable
        Makes a filter for `body` of the taps of a kernel.
    taps : ndarray
        The first kernel.
    """

    def __init__(
        self, plan: StreamPlan, body: Body, make_filter: Callable[[Array], Filter], taps: Array
    ) -> None:
        self.plan, self.body, self.taps = plan, body, taps
        self._make_filter = make_filter
        self._filter = make_filter(taps)
        self._incoming: _Incoming | None = None
        self._waiting: Swap | None = None

    @property
    def newest(self) -> Array:
        """The kernel that is in force when all that was asked for has been done."""
        if self._waiting is not None:
            return self._waiting.taps
        return self.taps if self._incoming is None else self._incoming.taps

    @property
    def kernels(self) -> list[Array]:
        """The kernel in force, and those that are to follow it."""
        incoming = [] if self._incoming is None else [self._incoming.taps]
        waiting = [] if self._waiting is None else [self._waiting.taps]
        return [self.taps, *incoming, *waiting]

    def take(self, chunk: Array, results: Array) -> None:
        """Convolve the next samples, time on the axis of the body's past."""
        axis, size = self.body.past.axis, chunk.shape[self.body.past.axis]
        start = 0
        while start < size:
            stop = start + self._longest(size - start)
            here = along(axis, slice(start, stop))
            part, target = chunk[here], results[here]
            if self.body.prepare(part):
                self._rebuild()
            time = self.body.past.time
            self.body.hear(part)
            self._write(time, target)
            start = stop

    def finish(self, results: Array) -> None:
        """Write what follows the last sample."""
        body = self.body
        size = body.past.time
        if body.end(size):
            self._rebuild()
        axis, start = body.past.axis, 0
        while start < results.shape[axis]:
            count = self._longest(results.shape[axis] - start)
            body.hear_beyond(size, count)
            self._write(size + start, results[along(axis, slice(start, start + count))])
            start += count

    def swap(self, swap: Swap) -> None:
        """Let another kernel take over from the next sample on, or after the fade in progress."""
        if self._incoming is not None:
            self._waiting = swap
            return
        made = self._make_filter(swap.taps)
        if swap.fade:
            fade = Fade(swap.fade, self.plan.dtypes.compute)
            self._incoming = _Incoming(swap.taps, made, fade)
        else:
            self.taps, self._filter = swap.taps, made

    def forget(self) -> None:
        """Forget the past, and with it what fades: the newest kernel stays."""
        self.taps = self.newest
        self._incoming = self._waiting = None
        self.body.forget()
        self._filter = self._make_filter(self.taps)

    def state(self) -> dict[str, Any]:
        """Return what `restore` takes."""
        incoming, waiting = self._incoming, self._waiting
        return {
            "body": self.body.state(),
            "taps": self.taps,
            "incoming": incoming and (incoming.taps, incoming.fade.count, incoming.fade.done),
            "waiting": waiting and tuple(waiting),
        }

    def restore(self, state: dict[str, Any]) -> None:
        """Go on from a state."""
        self.body.restore(state["body"])
        self.taps = state["taps"]
        self._filter = self._make_filter(self.taps)
        self._incoming = self._waiting = None
        if state["incoming"] is not None:
            taps, count, done = state["incoming"]
            fade = Fade(count, self.plan.dtypes.compute, done)
            self._incoming = _Incoming(taps, self._make_filter(taps), fade)
        if state["waiting"] is not None:
            self._waiting = Swap(*state["waiting"])

    def _longest(self, size: int) -> int:
        """Return how many of the next samples can be taken at once."""
        most = min(size, self.body.past.room)
        return most if self._incoming is None else min(most, self._incoming.fade.left)

    def _rebuild(self) -> None:
        self._filter.rebuild()
        if self._incoming is not None:
            self._incoming.filter.rebuild()

    def _write(self, time: int, target: Array) -> None:
        """Write the results of `time` on, up to which has been heard."""
        axis = self.body.past.axis
        stop = time + target.shape[axis]
        if self._incoming is None:
            made = self._filter.outputs(time, stop, target)
        else:
            made = self._faded(time, stop, axis)
        if not np.may_share_memory(made, target):
            np.copyto(target, made.reshape(target.shape), casting="unsafe")

    def _faded(self, time: int, stop: int, axis: int) -> Array:
        """Return outputs that go over from one kernel to the next."""
        assert self._incoming is not None
        taps, incoming, fade = self._incoming
        old, new = self._filter.outputs(time, stop), incoming.outputs(time, stop)
        made = fade.mix(old, new, axis - self.body.past.samples.ndim + old.ndim)
        if not fade.left:
            self.taps, self._filter, self._incoming = taps, incoming, None
            if self._waiting is not None:
                swap, self._waiting = self._waiting, None
                self.swap(swap)
        return made
