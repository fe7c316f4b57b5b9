"""Whose turn it is with a stream, and what it still can do."""

from __future__ import annotations

import threading
from types import TracebackType

from sigconv.errors import StreamError

__all__ = ["Turns"]


class Turns:
    """One thread at a time, from the first sample to the last: a context that raises otherwise.

    Attributes
    ----------
    is_ended : bool
        Whether the signal is over.
    is_broken : bool
        Whether work on samples was begun and not finished.
    """

    def __init__(self) -> None:
        # Whose turn it is. In a dictionary, it is taken in one step, which Ctrl-C does not divide.
        self._turn: dict[str, int] = {}
        self.begin()

    def begin(self) -> None:
        """Begin a signal."""
        self.is_ended = self.is_broken = False

    def __enter__(self) -> None:
        me = threading.get_ident()
        # Where this thread did not come to give it back, it still has it.
        if self._turn.setdefault("whose", me) != me:
            raise StreamError(
                "this stream is at work in another thread. Use one stream for each signal, or a "
                "lock around it."
            )

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._turn.clear()

    def working(self) -> _Working:
        """Return a context for what leaves the stream broken unless it comes to its end."""
        return _Working(self)

    def check_whole(self) -> None:
        """Raise StreamError after work that was not finished."""
        if self.is_broken:
            raise StreamError(
                "this stream was interrupted at work, and has lost its place. Call reset(), or "
                "restore() a state."
            )

    def check(self) -> None:
        """Raise StreamError unless samples may come."""
        self.check_whole()
        if self.is_ended:
            raise StreamError("this stream was ended by flush(). Call reset() for a new signal.")


class _Working:
    def __init__(self, turns: Turns) -> None:
        self._turns = turns

    def __enter__(self) -> None:
        self._turns.is_broken = True

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if exc_type is None:
            self._turns.is_broken = False
