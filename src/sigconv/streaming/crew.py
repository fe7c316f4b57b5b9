"""Those who share the work of a stream."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from time import sleep
from weakref import ref

from sigconv.core.dtypes import Array
from sigconv.engines.crew import call_helpers

__all__ = ["SHARED", "Station"]

Loop = Callable[[Array, int], None]

SHARED = 1 << 16
"""Samples to transform that are worth being taken by one more thread."""

# Looks for the next work, a fraction of a millisecond: to wake a thread takes tens of microseconds,
# of the caller too.
_PATIENCE = 10_000

# Between looks at whether all is done, once looking without a pause has not helped.
_NAP = 5e-5


class _Post:
    """The place of one helper, who has scratch of its own number at every station.

    The helper stays awake at the station where it helped last, in its compiled loop, where it needs
    nothing of Python; wanted at another one, it is told to leave.
    """

    def __init__(self, number: int) -> None:
        self.number = number
        # No more than known: the end of a stream frees it at once.
        self.wanted: Callable[[], Station | None] = _nobody
        self.at: Station | None = None
        # Two helpers at one post would share what belongs to one. In a dictionary the place is
        # taken in one step.
        self._helper: dict[str, object] = {}

    def call(self, station: Station) -> bool:
        """Want a helper at a station; tell whether one is to be woken, who is to `help`."""
        self.wanted = station.known
        at, me = self.at, object()
        if at is not None and at is not station:
            at.dismiss()
        return self._helper.setdefault("here", me) is me

    def help(self) -> None:
        """Help where a helper is wanted, until nothing comes any more."""
        try:
            while (station := self.wanted()) is not None and station is not self.at:
                self.at = station
                station.help(self.number)
        finally:
            self.at = None
            self._helper.clear()


def _nobody() -> None:
    return None


_posts: list[_Post] = []


def _posts_for(count: int) -> list[_Post]:
    while len(_posts) < count:
        _posts.append(_Post(len(_posts) + 1))
    return _posts[:count]


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_posts.clear)


class Station:
    """A compiled loop that does the same work again and again, shared by pieces.

    Parameters
    ----------
    loops : list of callable
        The loop, for the caller and for each helper with scratch of its own.
    """

    def __init__(self, loops: Sequence[Loop]) -> None:
        from sigconv.loops import boards, counting

        self._loops = loops
        self.known = ref(self)
        self._board = boards.new_board()
        self._publish, self._withdraw = boards.publish, boards.withdraw
        self._leave = boards.LEAVE
        self._are_done = counting.are_done

    def do(self, orders: tuple[int, ...], target: Array, pieces: int, size: int) -> None:
        """Do some work, whose results go to the rows of `target`.

        `size` is how many samples are transformed: little work is not shared.
        """
        board, ended = self._board, False
        helpers = min(len(self._loops), pieces, 1 + size // SHARED) - 1
        try:
            try:
                self._publish(board, pieces, orders, target)
                if helpers:
                    woken = [post.help for post in _posts_for(helpers) if post.call(self)]
                    if woken:
                        call_helpers(woken)
                self._loops[0](board, 0)
                while not self._are_done(board, pieces):
                    sleep(_NAP)
                ended = True
            finally:
                # Nobody writes after an interrupted call either.
                if not ended:
                    self._withdraw(board)
        finally:
            # A second Ctrl-C may have come before that.
            if not ended:
                self._withdraw(board)

    def help(self, number: int) -> None:
        """Take pieces as a helper, until none has come for a while."""
        self._board[self._leave] = 0
        self._loops[number](self._board, _PATIENCE)

    def dismiss(self) -> None:
        """Let helpers leave."""
        self._board[self._leave] = 1
