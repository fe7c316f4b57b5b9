"""Transforms are lent to one borrower at a time and kept, within bounds, for the next."""

import threading
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from sigconv.fft import (
    TransformSpec,
    borrow_transform,
    clear_transforms,
    current_backend,
    pool,
    set_fft_backend,
)

pytestmark = pytest.mark.usefixtures("fresh_transforms")


def spec(n=16, count=1):
    return TransformSpec(count, (n,), np.dtype(np.float64))


def test_two_borrows_at_once_are_distinct_transforms(backend):
    with borrow_transform(spec()) as one, borrow_transform(spec()) as other:
        assert one is not other
        for a in (one.samples, one.spectrum):
            for b in (other.samples, other.spectrum):
                assert not np.shares_memory(a, b)


def test_a_returned_transform_is_lent_again(backend):
    with borrow_transform(spec()) as first:
        pass
    with borrow_transform(spec()) as second:
        assert second is first


def test_every_transform_of_a_spec_is_lent_again(backend):
    with borrow_transform(spec()) as one, borrow_transform(spec()) as other:
        pass
    with borrow_transform(spec()) as again, borrow_transform(spec()) as also:
        assert {id(again), id(also)} == {id(one), id(other)}


def test_a_transform_is_returned_after_an_error(backend):
    with pytest.raises(KeyError), borrow_transform(spec()) as first:
        raise KeyError
    with borrow_transform(spec()) as second:
        assert second is first


@pytest.mark.parametrize(
    "other",
    [
        spec(15),
        spec(count=2),
        TransformSpec(1, (4, 4), np.dtype("f8")),
        TransformSpec(1, (16,), np.dtype("f4")),
        TransformSpec(1, (16,), np.dtype("D")),
        TransformSpec(1, (16,), np.dtype("f8"), "measure"),
    ],
)
def test_another_spec_gets_another_transform(backend, other):
    with borrow_transform(spec()) as first:
        pass
    with borrow_transform(other) as second:
        assert second is not first
        assert second.spec == other


def test_another_backend_gets_another_transform(backend):
    with borrow_transform(spec()) as first:
        pass
    set_fft_backend("scipy" if backend == "pyfftw" else "auto")
    with borrow_transform(spec()) as second:
        assert (second is first) == (current_backend() == backend)


def test_lent_transforms_are_not_idle():
    assert pool.idle_bytes() == 0
    with borrow_transform(spec(100)):
        assert pool.idle_bytes() == 0
    assert pool.idle_bytes() == spec(100).nbytes
    with borrow_transform(spec(100)):
        assert pool.idle_bytes() == 0


def test_clearing_forgets_the_idle_and_keeps_none_that_was_lent_before():
    with borrow_transform(spec()) as first:
        clear_transforms()
        assert pool.idle_bytes() == 0
    assert pool.idle_bytes() == 0
    with borrow_transform(spec()) as second:
        assert second is not first


def test_idle_scratch_stays_within_its_bound(monkeypatch):
    monkeypatch.setattr(pool, "IDLE_BYTES", 5 * spec(20).nbytes)
    for n in (*range(1, 60), *range(59, 0, -1)):
        with borrow_transform(spec(n)), borrow_transform(spec(n)):
            pass
        assert pool.idle_bytes() <= pool.IDLE_BYTES


def test_the_one_that_has_been_idle_longest_is_forgotten_first(monkeypatch):
    sizes = (16, 17, 18)
    monkeypatch.setattr(pool, "IDLE_BYTES", sum(spec(n).nbytes for n in sizes))
    made = {}
    for n in (*sizes, 16):
        with borrow_transform(spec(n)) as made[n]:
            pass
    with borrow_transform(spec(15)):
        pass
    for n, kept in ((16, True), (18, True), (17, False)):
        with borrow_transform(spec(n)) as again:
            assert (again is made[n]) == kept


def test_a_spec_counts_as_used_when_any_of_its_transforms_is(monkeypatch):
    monkeypatch.setattr(pool, "IDLE_BYTES", 2 * spec(16).nbytes + spec(17).nbytes)
    with borrow_transform(spec(16)) as one, borrow_transform(spec(16)) as other:
        pass
    with borrow_transform(spec(17)) as older:
        pass
    with borrow_transform(spec(16)):
        pass
    with borrow_transform(spec(15)):
        pass
    with borrow_transform(spec(16)) as again, borrow_transform(spec(16)) as also:
        assert {id(again), id(also)} == {id(one), id(other)}
    with borrow_transform(spec(17)) as again:
        assert again is not older


def test_a_transform_larger_than_the_bound_is_not_kept(monkeypatch):
    monkeypatch.setattr(pool, "IDLE_BYTES", 2 * spec(16).nbytes)
    with borrow_transform(spec(16)) as small:
        pass
    with borrow_transform(spec(1000)):
        pass
    assert pool.idle_bytes() == spec(16).nbytes
    with borrow_transform(spec(16)) as again:
        assert again is small


def test_no_two_threads_hold_one_transform(backend):
    held: set[int] = set()
    lock, start = threading.Lock(), threading.Barrier(8)

    def borrow(seed):
        rng = np.random.default_rng(seed)
        start.wait()
        for n in rng.integers(8, 11, 300):
            with borrow_transform(spec(int(n))) as work:
                with lock:
                    assert id(work) not in held
                    held.add(id(work))
                value = rng.standard_normal()
                work.samples[...] = value
                work.forward()
                assert work.spectrum[0, 0] == pytest.approx(value * n)
                with lock:
                    held.remove(id(work))

    with ThreadPoolExecutor(8) as threads:
        list(threads.map(borrow, range(8)))
    assert not held
    assert pool.idle_bytes() <= 8 * 3 * spec(10).nbytes
