"""Those who share the work of a stream."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from time import sleep
from weakref import ref

from sigconv.core.dtypes import Array
from sigconv.engines.crew import Pool

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
        # Who has called a helper, and which one has come. In a dictionary either is settled in one
        # step: two helpers at one post would share what belongs to one.
        self._who: dict[str, object] = {}

    def call(self, station: Station, caller: object) -> bool:
        """Want a helper at a station; tell whether the caller is to wake one, who will `help`."""
        self.wanted = station.known
        at = self.at
        if at is not None and at is not station:
            at.dismiss()
        return self._who.setdefault("called", caller) is caller

    def give_up(self, caller: object) -> None:
        """Take back the call of a helper, who was perhaps not woken."""
        if self._who.get("called") is caller:
            self._who.pop("called", None)

    def help(self) -> None:
        """Help where a helper is wanted, until nothing comes any more."""
        me = object()
        if self._who.setdefault("come", me) is not me:
            return
        try:
            while (station := self.wanted()) is not None and station is not self.at:
                station.open()
                self.at = station
                station.help(self.number)
        finally:
            self.at = None
            self._who.clear()


def _nobody() -> None:
    return None


class _State:
    """Who helps in this process: whoever stays awake keeps nobody else waiting."""

    def __init__(self) -> None:
        self.pool = Pool()
        self.posts: dict[int, _Post] = {}


_state = _State()


def _renew_after_fork() -> None:
    global _state
    _state = _State()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_renew_after_fork)


class _Call:
    """A call for helpers, which is given up unless they have been woken."""

    def __init__(self, count: int) -> None:
        posts = _state.posts
        self._posts = [posts.setdefault(n, _Post(n)) for n in range(1, count + 1)]

    def wake(self, station: Station) -> None:
        """Let helpers come to a station as soon as they are free."""
        is_sure = False
        try:
            woken = [post.help for post in self._posts if post.call(station, self)]
            is_sure = not woken or _state.pool.call(woken, len(_state.posts))
        finally:
            if not is_sure:
                for post in self._posts:
                    post.give_up(self)


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
                    _Call(helpers).wake(self)
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

    def open(self) -> None:
        """Let helpers come."""
        self._board[self._leave] = 0

    def help(self, number: int) -> None:
        """Take pieces as a helper, until none has come for a while."""
        self._loops[number](self._board, _PATIENCE)

    def dismiss(self) -> None:
        """Let helpers leave."""
        self._board[self._leave] = 1
