"""The contract of all streams: chunks in, as many results out, and a tail at the end."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np
import numpy.typing as npt

from sigconv.core.arguments import filled_edge
from sigconv.core.boundary import Edges
from sigconv.core.dtypes import (
    Array,
    DType,
    DTypes,
    as_dtype,
    as_numeric,
    is_weak,
    resolve_dtypes,
)
from sigconv.dispatch import check_target
from sigconv.errors import DTypeError, ShapeError, StreamError
from sigconv.streaming.aligned import Wanted, aligned_results
from sigconv.streaming.arguments import Arguments, whole
from sigconv.streaming.chunks import Chunks, check_worst_case
from sigconv.streaming.losses import Losses
from sigconv.streaming.plan import StreamPlan
from sigconv.streaming.running import Running, Swap
from sigconv.streaming.snapshot import FORMAT, check_state, computed_by
from sigconv.streaming.turns import Turns

__all__ = ["Stream"]


class Stream(ABC):
    """Convolution of a signal that comes in chunks of any length.

    Subclasses know what a chunk and a kernel are, and what precedes and follows a signal.
    """

    _edges: Edges

    def __init__(self, kernel: Array, arguments: Arguments, *, weak: bool) -> None:
        self._arguments, self._weak = arguments, weak
        self._given = self._kernel = kernel
        self._running: Running | None = None
        self._chunks = Chunks()
        self._early: list[Swap] = []
        self._losses = Losses()
        self._size = 0
        self._turns = Turns()

    # ------------------------------------------------------------------ what subclasses know

    @abstractmethod
    def _as_kernel(self, kernel: npt.ArrayLike) -> Array:
        """Return a kernel as an array of its own, or say what is wrong with its shape."""

    @abstractmethod
    def _taps_of(self, kernel: Array) -> int:
        """Return how many taps a kernel has along time."""

    @abstractmethod
    def _time_axis(self, shape: tuple[int, ...]) -> int:
        """Return the axis of time of chunks of a shape, or say why there are none."""

    @abstractmethod
    def _sums_of(self, kernel: Array) -> Iterable[Array]:
        """Yield the taps of a kernel that meet in one result."""

    @abstractmethod
    def _start(self, chunks: Chunks, size: int, plan: StreamPlan | None) -> Running:
        """Plan and allocate all for chunks of `size` samples."""

    @abstractmethod
    def _result_shape(self, shape: tuple[int, ...]) -> tuple[int, ...]:
        """Return the shape of the results of a chunk."""

    @abstractmethod
    def _about(self) -> dict[str, Any]:
        """Return what streams have in common that may go on from each other's state."""

    # ------------------------------------------------------------------ what everyone may do

    @property
    def latency(self) -> int:
        """The samples by which results are late."""
        return self._arguments.latency

    @property
    def tail(self) -> int:
        """The results that `flush` gives after some samples: taps - 1 + latency."""
        kernels = [self._kernel, *(swap.taps for swap in self._early)]
        if self._running is not None:
            kernels = self._running.kernels
        return max(map(self._taps_of, kernels)) - 1 + self._arguments.latency

    @property
    def plan(self) -> StreamPlan:
        """How it is computed, once that is decided: by the constructor, or by the first chunk."""
        if self._running is None:
            raise StreamError(
                "the plan depends on what comes. Pass block_size, dtype and batch_shape, or "
                "process a chunk first."
            )
        return self._running.plan

    def process(self, chunk: npt.ArrayLike, out: Array | None = None) -> Array:
        """Return as many results as the chunk has samples, in `out` if given.

        Parameters
        ----------
        chunk : array_like
            The next samples, any number of them.
        out : ndarray, optional
            Where to write: an array of the shape and dtype of the result, which may be `chunk`.

        Returns
        -------
        ndarray
            The results of the full convolution, `latency` samples late.

        Raises
        ------
        ShapeError, DTypeError, IntegerOverflowError
            A chunk of another shape or kind than those before it; the stream is as before.
        StreamError
            The stream has ended, is at work in another thread, or was interrupted.
        """
        with self._turns:
            self._turns.check()
            known = self._chunks
            x = chunk if type(chunk) is np.ndarray else known.as_array(chunk)
            dtypes = known.dtypes if known.fit(x) else self._admitted(x)
            assert dtypes is not None
            result = check_target(out, self._result_shape(x.shape), dtypes.result)
            if x.size:
                self._settle(x, dtypes)
                if out is not None and out is not chunk and np.may_share_memory(x, out):
                    x = x.copy()
                self._take(x, result)
            return result

    def flush(self) -> Array:
        """Return the last results, `tail` of them, and end the stream; none if nothing came."""
        with self._turns:
            self._turns.check()
            given, known = self._arguments, self._chunks
            dtypes = known.dtypes
            if dtypes is None:
                usual = np.dtype(float) if self._kernel.dtype.kind in "biu" else self._kernel.dtype
                dtypes = DTypes(usual, given.dtype or usual)
            shape = self._result_shape(known.shape(self.tail if self._size else 0))
            result = np.empty(shape, dtypes.result)
            with self._turns.working(), np.errstate(all="ignore"):
                if result.size:
                    assert self._running is not None
                    self._running.finish(self._arranged(result))
                self._turns.is_ended = True
            return result

    def reset(self) -> None:
        """Forget the past, and the end; the kernel stays, the newest if one was taking over."""
        with self._turns:
            with self._turns.working():
                if self._running is not None:
                    self._running.forget()
                    self._kernel = self._running.taps
                elif self._early:
                    self._kernel = self._early[-1].taps
                self._early, self._size = [], 0
            self._turns.begin()

    def swap(self, kernel: npt.ArrayLike, fade: int = 0) -> None:
        """Let another kernel take over from the next sample on.

        Parameters
        ----------
        kernel : array_like
            The taps, at most `max_taps` of them along time.
        fade : int
            Over so many samples results go from y_old, those of the kernel so far, to y_new, those
            of the new one: y = (1 - w) y_old + w y_new with w = sin^2(pi (m+1/2) / (2 fade)) for
            m = 0, 1, ... Both have all of the past behind them. A swap during a fade waits for its
            end; of several only the latest comes.

        Raises
        ------
        ShapeError
            More than `max_taps` taps, or another number of dimensions.
        DTypeError
            Taps that would change the dtype of results.
        """
        with self._turns:
            self._turns.check()
            count = whole("fade", fade, 0)
            taps = self._as_kernel(kernel)
            most = self._arguments.taps
            if self._taps_of(taps) > most:
                raise ShapeError(
                    f"a kernel has at most max_taps={most} taps along time; got "
                    f"{self._taps_of(taps)}. Make the stream with a larger max_taps."
                )
            weak = is_weak(kernel)
            self._check_swap(taps, count, weak=weak)
            swap = Swap(taps, count)
            if self._running is not None:
                with self._turns.working():
                    self._running.swap(swap)
                    self._kernel, self._weak = self._running.newest, weak
            elif count or self._early:
                self._early = [*self._early[:1], swap]
            else:
                self._kernel, self._weak = taps, weak

    def state(self) -> dict[str, Any]:
        """Return all that a stream of the same kind needs to go on from here, bit for bit.

        It pickles, and holds arrays of its own, the plan, and the FFT wisdom behind it.
        """
        with self._turns:
            self._turns.check_whole()
            running, known = self._running, self._chunks
            return {
                "format": FORMAT,
                "about": self._about(),
                "computed_by": computed_by(),
                "kernels": (self._given, self._kernel),
                "weak": self._weak,
                "early": [tuple(swap) for swap in self._early],
                "size": self._size,
                "lost": self._losses.lost,
                "is_ended": self._turns.is_ended,
                "dtypes": known.dtypes and tuple(dtype.str for dtype in known.dtypes),
                "known": [dtype.str for dtype in known.known],
                "others": known.others,
                "axis": known.axis,
                "plan": running and running.plan,
                "running": running and running.state(),
            }

    def restore(self, state: dict[str, Any]) -> None:
        """Go on from the `state` of a stream with the same arguments.

        Raises
        ------
        StreamError
            It is of a stream with another kernel or other arguments, which are named, or what
            computed it is not to be had here.
        """
        with self._turns:
            check_state(state, self._about(), (self._given, self._kernel))
            self._arguments.check_others(state["others"])
            chunks, running = self._expected(), None
            if state["plan"] is not None:
                dtypes = DTypes(*map(np.dtype, state["dtypes"]))
                known = frozenset(map(np.dtype, state["known"]))
                chunks = Chunks(state["axis"], state["others"], dtypes, known)
                plan = state["plan"]
                running = self._start(chunks, plan.block_size, plan)
                running.restore(state["running"])
            self._chunks, self._running = chunks, running
            self._early = [Swap(*swap) for swap in state["early"]]
            self._kernel, self._weak = state["kernels"][1], state["weak"]
            self._size, self._losses = state["size"], Losses(state["lost"])
            self._turns.begin()
            self._turns.is_ended = state["is_ended"]

    def run(
        self, chunks: Iterable[npt.ArrayLike], mode: str = "full", center: int | None = None
    ) -> Iterator[Array]:
        """Process chunks and flush: the results together are those of `convolve`, in its `mode`.

        Parameters
        ----------
        chunks : iterable of array_like
            The signal, as from `soundfile.blocks`.
        mode : {"full", "same", "valid"}
            Which results: `latency` is made up for.
        center : int, optional
            In ``same``, the tap that lies on the output sample; (taps-1)//2 by default.

        Yields
        ------
        ndarray
            Results, in order, of a stream that is new or has been reset.
        """
        wanted = Wanted(self._taps_of(self._kernel), self.latency, mode, center).check()
        axis = self._arguments.axis or 0
        return aligned_results(map(self.process, chunks), self.flush, wanted, axis)

    def prepare(self, shape: tuple[int, ...], dtype: npt.DTypeLike) -> None:
        """Plan and allocate for chunks of this shape and dtype, as the first one would."""
        with self._turns:
            self._turns.check()
            chunk = np.zeros(shape, as_dtype(dtype))
            dtypes = self._admitted(chunk)
            if chunk.size:
                self._settle(chunk, dtypes)

    def __reduce_ex__(self, protocol: Any) -> Any:
        raise StreamError(
            "a stream is not copied or pickled itself. Make another one with the same arguments, "
            "and let it restore(stream.state())."
        )

    # ------------------------------------------------------------------ how it is done

    def _admitted(self, chunk: Array) -> DTypes:
        """Return what a chunk unlike those before it is convolved in, or say why it cannot be."""
        as_numeric(chunk, "chunk")
        self._time_axis(chunk.shape)
        dtypes = self._resolve(chunk.dtype, self._kernel, weak=self._weak)
        self._chunks.check(chunk.shape, dtypes, chunk.dtype)
        for swap in self._early:
            follows = self._resolve(chunk.dtype, swap.taps, weak=self._weak)
            if follows != dtypes:
                raise DTypeError(
                    f"chunks of {chunk.dtype} give {dtypes.result} with the first kernel and "
                    f"{follows.result} with the one that follows it. Make the stream with "
                    f"dtype={follows.result.name!r}."
                )
        return dtypes if self._chunks.dtypes is None else self._chunks.dtypes

    def _resolve(self, dtype: DType, kernel: Array, *, weak: bool) -> DTypes:
        """Return what chunks of `dtype` are convolved in, or say why they cannot be."""
        given = self._arguments
        dtypes = resolve_dtypes(dtype, kernel.dtype, weak=weak, requested=given.dtype)
        for edge in self._edges:
            filled_edge(edge, dtypes)
        if dtypes.is_integer:
            for taps in self._sums_of(kernel):
                check_worst_case(dtype, taps, dtypes, self._edges, given.fill_value)
        return dtypes

    def _settle(self, chunk: Array, dtypes: DTypes) -> None:
        """Know a chunk, and plan and allocate for it if it is the first."""
        if self._running is None:
            axis = self._time_axis(chunk.shape)
            others = chunk.shape[:axis] + chunk.shape[axis + 1 :]
            size = self._arguments.block_size or chunk.shape[axis]
            self._open(Chunks(axis, others, dtypes), size)
        if chunk.dtype not in self._chunks.known:
            self._chunks.known |= {chunk.dtype}

    def _open(self, chunks: Chunks, size: int) -> None:
        running = self._start(chunks, size, None)
        for swap in self._early:
            running.swap(swap)
        self._running, self._chunks, self._early = running, chunks, []

    def _open_if_known(self) -> None:
        """Plan and allocate all before the first chunk, if it is known what comes."""
        given = self._arguments
        self._chunks = chunks = self._expected()
        if chunks.others is None or 0 in chunks.others:
            return
        self._time_axis(chunks.shape(0))
        if given.block_size is not None and given.dtype is not None:
            dtypes = self._resolve(given.dtype, self._kernel, weak=self._weak)
            self._open(Chunks(chunks.axis, chunks.others, dtypes), given.block_size)

    def _expected(self) -> Chunks:
        """Return what is known of chunks before there are any."""
        batch = self._arguments.batch_shape
        if batch is None:
            return Chunks()
        return Chunks(self._arguments.axis_of((0,) * (len(batch) + 1)), batch)

    def _check_swap(self, taps: Array, fade: int, *, weak: bool) -> None:
        """Raise DTypeError where a new kernel would change the dtype of results, or cannot fade."""
        known = self._chunks.known or {self._arguments.dtype or np.dtype(np.float32)}
        for dtype in known:
            before = self._chunks.dtypes or self._resolve(dtype, self._kernel, weak=self._weak)
            after = self._resolve(dtype, taps, weak=weak)
            # A kernel that takes over before the first sample may bring another dtype.
            if after != before and (fade or self._early or self._running is not None):
                raise DTypeError(
                    f"this stream gives {before.result}; a kernel of {taps.dtype} would make it "
                    f"{after.result}. Convert the kernel, or make the stream with "
                    f"dtype={after.result.name!r}."
                )
            if fade and before.is_exact:
                raise DTypeError(
                    f"a fade mixes results by weights between 0 and 1, and {before.result} is "
                    "exact. Swap without a fade, or make the stream with dtype=float."
                )

    def _take(self, chunk: Array, result: Array) -> None:
        size = chunk.shape[self._chunks.axis]
        if self._arguments.block_size is None:
            self._adapt(size)
        assert self._running is not None
        with self._turns.working(), np.errstate(all="ignore"):
            self._running.take(self._arranged(chunk), self._arranged(result))
            self._size += size

    def _adapt(self, size: int) -> None:
        """Plan anew where chunks of other lengths have lost more time than that takes."""
        assert self._running is not None
        usual = self._losses.count(self._running.plan, size)
        if usual is not None:
            made = self._start(self._chunks, usual, None)
            made.restore(self._running.state())
            self._running, self._losses = made, Losses()

    def _arranged(self, array: Array) -> Array:
        """Return the array with time where the body has it."""
        assert self._running is not None
        time = self._running.body.past.axis
        axis = self._chunks.axis
        return array if time == axis else np.moveaxis(array, axis, time)

    def __repr__(self) -> str:
        taps = self._taps_of(self._kernel)
        state = "ended" if self._turns.is_ended else f"after {self._size} samples"
        return f"<{type(self).__name__} of {taps} taps, latency {self._arguments.latency}, {state}>"
