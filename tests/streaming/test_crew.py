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
from sigconv.engines import crew as engine_crew
from sigconv.streaming import crew

pytestmark = pytest.mark.skipif(not compiled.has_numba(), reason="boards are compiled")

if compiled.has_numba():
    import numba

    from sigconv.loops.boards import (
        LEAVE,
        ORDERS,
        claim,
        new_board,
        publish,
        target_row,
        withdraw,
    )
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

    @numba.njit(nogil=True)
    def withdraw_often(board, target, rounds):
        """Offer work and withdraw it."""
        for _ in range(rounds):
            publish(board, target.shape[0], (1,), target)
            withdraw(board)


class Waiting:
    """A pool whose threads are the test's to start."""

    def __init__(self):
        self.tasks = []

    def call(self, tasks, threads):
        self.tasks += tasks
        return True


@pytest.fixture
def own(monkeypatch):
    """Posts of this test's own, whom nobody wakes."""
    state = crew._State()
    monkeypatch.setattr(state, "pool", Waiting())
    monkeypatch.setattr(crew, "_state", state)
    return state


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


def test_a_helper_takes_pieces_without_being_woken_again(own, monkeypatch):
    woken = own.pool.tasks
    monkeypatch.setattr(crew, "_PATIENCE", 1 << 40)
    station = station_of(2, 100_000)
    station.do((1,), np.zeros((8, 1)), 8, 1 << 20)
    (help_,) = woken
    helper = threading.Thread(target=help_)
    helper.start()
    until(lambda: own.posts[1].at is station)
    # Where it is the only one who works, all is done nevertheless.
    target = np.zeros((8, 1))
    publish(station._board, 8, (5,), target)
    until(lambda: bool((target == 5).all()))
    station.do((1,), np.zeros((8, 1)), 8, 1 << 20)
    assert len(woken) == 1
    station.dismiss()
    helper.join(20)
    assert not helper.is_alive()
    assert own.posts[1].at is None


def test_a_post_has_one_helper(own):
    woken = own.pool.tasks
    for station in (station_of(2), station_of(2)):
        for _ in range(3):
            station.do((1,), np.zeros((2, 1)), 2, 1 << 20)
    # Who has been called comes late; nobody else is called to the same post.
    assert len(woken) == 1
    woken.pop()()
    station.do((1,), np.zeros((2, 1)), 2, 1 << 20)
    assert len(woken) == 1


def test_a_helper_who_is_wanted_elsewhere_goes_there(own, monkeypatch):
    woken = own.pool.tasks
    monkeypatch.setattr(crew, "_PATIENCE", 1 << 40)
    first, second = station_of(2), station_of(2)
    first.do((1,), np.zeros((2, 1)), 2, 1 << 20)
    helper = threading.Thread(target=woken.pop())
    helper.start()
    until(lambda: own.posts[1].at is first)
    second.do((1,), np.zeros((2, 1)), 2, 1 << 20)
    until(lambda: own.posts[1].at is second)
    second.dismiss()
    helper.join(20)
    assert not helper.is_alive()


def test_helpers_who_are_called_twice_are_one(own, monkeypatch):
    monkeypatch.setattr(crew, "_PATIENCE", 1 << 40)
    station = station_of(2)
    station.do((1,), np.zeros((2, 1)), 2, 1 << 20)
    (first,) = own.pool.tasks
    helper = threading.Thread(target=first)
    helper.start()
    until(lambda: own.posts[1].at is station)
    first()  # It returns at once: somebody else is there.
    station.dismiss()
    helper.join(20)
    assert not helper.is_alive()


@pytest.mark.parametrize("fails", [KeyboardInterrupt, None])
def test_a_call_that_nobody_heard_is_given_up(own, fails, monkeypatch):
    station = station_of(2)

    def interrupted(tasks, threads):
        if fails is None:
            return False
        raise fails

    with monkeypatch.context() as patch:
        patch.setattr(own.pool, "call", interrupted)
        if fails is None:
            station.do((1,), np.zeros((2, 1)), 2, 1 << 20)
        else:
            with pytest.raises(fails):
                station.do((1,), np.zeros((2, 1)), 2, 1 << 20)
    station.do((1,), np.zeros((2, 1)), 2, 1 << 20)
    assert len(own.pool.tasks) == 1


def test_each_helper_has_a_thread_while_others_stay_awake(monkeypatch):
    monkeypatch.setattr(crew, "_PATIENCE", 1 << 40)
    monkeypatch.setattr(crew, "_state", crew._State())
    two, three = station_of(2), station_of(3)
    two.do((1,), np.zeros((3, 1)), 3, 1 << 20)
    until(lambda: crew._state.posts[1].at is two)
    three.do((1,), np.zeros((3, 1)), 3, 1 << 20)
    until(lambda: all(post.at is three for post in crew._state.posts.values()))
    assert sorted(crew._state.posts) == [1, 2]
    monkeypatch.setattr(crew, "_PATIENCE", 0)
    three.dismiss()
    until(lambda: not any(post.at for post in crew._state.posts.values()))


def test_a_helper_that_cannot_step_aside_helps_nevertheless(monkeypatch):
    def refuse(processor):
        raise OSError

    monkeypatch.setattr(engine_crew, "_step_aside", refuse)
    came = threading.Event()
    assert engine_crew.Pool().call([came.set])
    assert came.wait(20)


def test_little_work_calls_nobody(own):
    station_of(2).do((1,), np.zeros((2, 1)), 2, crew.SHARED - 1)
    assert not own.posts


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


def test_work_that_is_withdrawn_again_and_again():
    board, target = new_board(), np.zeros((400, 1))
    arguments = board, 1 << 40, np.zeros(1), 0
    helper = threading.Thread(target=add_order, args=arguments, daemon=True)
    helper.start()

    owner = threading.Thread(target=withdraw_often, args=(board, target, 100_000), daemon=True)
    owner.start()
    owner.join(60)
    assert not owner.is_alive()
    board[LEAVE] = 1
    helper.join(20)
    assert not helper.is_alive()


@pytest.mark.parametrize("shape", [(3, 5), (1, 5)])
def test_rows_of_a_target_are_found_whatever_the_stride_of_one(shape):
    board, memory = new_board(), np.zeros((4, 40))
    target = memory[: shape[0], :5]
    if shape[0] == 1:
        target = np.lib.stride_tricks.as_strided(target, shape, (0, 8))
    publish(board, shape[0], (3,), target)
    add_order(board, 0, np.zeros(1), 0)
    assert (memory[: shape[0], 0] == 3).all()
    assert memory.sum() == 3 * shape[0]


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
