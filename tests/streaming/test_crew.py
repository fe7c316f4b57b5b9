"""Whoever works on a stream, and the helpers who stay awake for the next chunk."""

import gc
import os
import subprocess
import sys
import threading
import weakref
from functools import partial
from time import monotonic, sleep

import numpy as np
import pytest

from sigconv.engines import compiled
from sigconv.streaming import crew

pytestmark = pytest.mark.skipif(not compiled.has_numba(), reason="boards are compiled")

if compiled.has_numba():
    import numba

    from sigconv.loops.boards import ORDERS, claim, new_board, publish, target_row, withdraw
    from sigconv.loops.counting import count_done
    from sigconv.loops.memory import address, read

    @numba.njit(nogil=True)
    def add_order(board, patience, like, busy):
        """Add the first order to the row of each piece, once `busy` loops have been run."""
        place = address(board)
        while True:
            piece = claim(place, patience)
            if piece < 0:
                break
            for i in range(busy):
                like[0] += i
            target_row(place, piece, like)[0] += read(place, ORDERS)
            count_done(place, 1)


@pytest.fixture
def posts(monkeypatch):
    """Posts of this test's own."""
    made = []
    monkeypatch.setattr(crew, "_posts", made)
    return made


def station_of(workers, busy=0):
    """Return a station whose loops add the first order to each row."""
    return crew.Station([partial(_loop, np.zeros(1), busy) for _ in range(workers)])


def _loop(like, busy, board, patience):
    add_order(board, patience, like, busy)


def until(condition):
    """Wait until a condition holds."""
    end = monotonic() + 20
    while not condition():
        assert monotonic() < end
        sleep(1e-3)


@pytest.mark.parametrize("workers", [1, 2, 3])
def test_each_piece_of_each_work_is_done_once_by_its_own_orders(workers):
    station = station_of(workers)
    rng = np.random.default_rng(workers)
    for order in range(1, 20_000):
        pieces = int(rng.integers(1, 6))
        # Rows that there are no pieces for are there for whoever takes one too many.
        target = np.zeros((20, 3))
        station.do((order,), target, pieces, 1 << 20)
        assert (target[:pieces, 0] == order).all()
        assert not target[pieces:].any()


def test_a_helper_takes_pieces_without_being_woken_again(posts, monkeypatch):
    woken = []
    monkeypatch.setattr(crew, "call_helpers", woken.extend)
    monkeypatch.setattr(crew, "_PATIENCE", 1 << 40)
    station = station_of(2, 100_000)
    station.do((1,), np.zeros((8, 1)), 8, 1 << 20)
    (help_,) = woken
    helper = threading.Thread(target=help_)
    helper.start()
    until(lambda: posts[0].at is station)
    # Where it is the only one who works, all is done nevertheless.
    target = np.zeros((8, 1))
    publish(station._board, 8, (5,), target)
    until(lambda: bool((target == 5).all()))
    station.do((1,), np.zeros((8, 1)), 8, 1 << 20)
    assert len(woken) == 1
    station.dismiss()
    helper.join(20)
    assert not helper.is_alive()
    assert posts[0].at is None


def test_a_post_has_one_helper(posts, monkeypatch):
    woken = []
    monkeypatch.setattr(crew, "call_helpers", woken.extend)
    for station in (station_of(2), station_of(2)):
        for _ in range(3):
            station.do((1,), np.zeros((2, 1)), 2, 1 << 20)
    # Who has been called comes late; nobody else is called to the same post.
    assert len(woken) == 1
    woken.pop()()
    station.do((1,), np.zeros((2, 1)), 2, 1 << 20)
    assert len(woken) == 1


def test_a_helper_who_is_wanted_elsewhere_goes_there(posts, monkeypatch):
    woken = []
    monkeypatch.setattr(crew, "call_helpers", woken.extend)
    monkeypatch.setattr(crew, "_PATIENCE", 1 << 40)
    first, second = station_of(2), station_of(2)
    first.do((1,), np.zeros((2, 1)), 2, 1 << 20)
    helper = threading.Thread(target=woken.pop())
    helper.start()
    until(lambda: posts[0].at is first)
    second.do((1,), np.zeros((2, 1)), 2, 1 << 20)
    until(lambda: posts[0].at is second)
    second.dismiss()
    helper.join(20)
    assert not helper.is_alive()


def test_little_work_calls_nobody(posts):
    station_of(2).do((1,), np.zeros((2, 1)), 2, crew.SHARED - 1)
    assert not posts


def test_nobody_writes_after_an_interrupted_call():
    def interrupted(board, patience):
        claim(address_of(board), patience)
        count_done(address_of(board), 1)
        raise KeyboardInterrupt

    station = crew.Station([interrupted])
    board = station._board
    target = np.zeros((4, 1))
    with pytest.raises(KeyboardInterrupt):
        station.do((1,), target, 4, 1)
    add_order(board, 0, np.zeros(1), 1)
    assert not target.any()


def address_of(board):
    """Return where a board lies."""
    return board.ctypes.data


def test_withdrawn_work_is_waited_for():
    board, target = new_board(), np.zeros((400, 1))
    publish(board, 400, (1,), target)
    helper = threading.Thread(target=add_order, args=(board, 0, np.zeros(1), 100_000))
    helper.start()
    until(target.any)
    withdraw(board)
    done = target.sum()
    helper.join()
    assert 0 < done == target.sum() < 400


def test_the_end_of_a_stream_frees_its_station():
    station = station_of(2)
    station.do((1,), np.zeros((8, 1)), 8, 1 << 20)
    gone = weakref.ref(station)
    gc.disable()
    try:
        del station
        until(lambda: gone() is None)
    finally:
        gc.enable()


FORK = """
import os, signal
import numpy as np
import sigconv as sc
from sigconv.streaming import crew

def shared():
    came = []
    both = crew.Station.help
    crew.Station.help = lambda self, number: (came.append(number), both(self, number))
    stream = sc.StreamConvolver(np.ones(5000), block_size=1 << 16, dtype=float, batch_shape=(),
                                workers=2)
    for _ in range(2000):
        stream.process(np.ones(1 << 16))
        if came:
            return True
    return False

assert shared()
child = os.fork()
if child == 0:
    signal.alarm(100)
    try:
        os._exit(0 if shared() else 1)
    finally:
        os._exit(2)
assert os.waitpid(child, 0)[1] == 0
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
@pytest.mark.skipif(not compiled.runs_transforms(np.dtype("f8")), reason="needs pyFFTW and numba")
def test_a_forked_child_has_helpers_too():
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", FORK], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
