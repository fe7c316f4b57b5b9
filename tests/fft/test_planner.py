"""pyFFTW's planner: locked, on scratch of its own, with wisdom that stays apart."""

import threading

import numpy as np
import pytest

from sigconv.fft import TransformSpec, fftw

pyfftw = pytest.importorskip("pyfftw")
library = fftw.library()

LENGTHS = (96, 128, 243, 256, 500, 1000, 1024)


@pytest.fixture(autouse=True)
def _wisdom(monkeypatch):
    """Start without wisdom, sigconv's or the caller's, and put both back."""
    callers = pyfftw.export_wisdom()
    monkeypatch.setattr(fftw, "_planner", fftw._Planner())
    pyfftw.forget_wisdom()
    yield
    pyfftw.forget_wisdom()
    pyfftw.import_wisdom(callers)


def spec(n, effort="estimate", dtype="f8"):
    return TransformSpec(1, (n,), np.dtype(dtype), effort)


def bits(n, effort="estimate"):
    """Return what a newly planned transform of length n gives for the same samples."""
    work = fftw.FftwTransform(spec(n, effort))
    work.samples[...] = np.random.default_rng(n).standard_normal(n)
    work.forward()
    forward = work.spectrum.copy()
    work.inverse()
    return np.concatenate([forward.ravel().view(float), work.samples.ravel()])


def lines(wisdom):
    """Return the entries of wisdom; their order says nothing."""
    return [sorted(part.splitlines()) for part in wisdom]


def plan_as_a_caller(n):
    """Plan with pyFFTW directly, as other code in the process may."""
    samples, spectrum = (
        pyfftw.empty_aligned((1, n), "f8"),
        pyfftw.empty_aligned((1, n // 2 + 1), "D"),
    )
    for pair, direction in (((samples, spectrum), "FORWARD"), ((spectrum, samples), "BACKWARD")):
        pyfftw.FFTW(
            *pair,
            axes=(1,),
            direction=f"FFTW_{direction}",
            flags=("FFTW_MEASURE", "FFTW_DESTROY_INPUT"),
            planning_timelimit=1.0,
        )


@pytest.fixture
def planned(monkeypatch):
    """Record each plan's arguments, and whether another thread could have planned meanwhile."""
    calls = []
    real = library.FFTW

    def spy(source, target, **keywords):
        free = []

        def try_lock():
            free.append(fftw._planner.lock.acquire(blocking=False))

        other = threading.Thread(target=try_lock)
        other.start()
        other.join()
        calls.append((source, target, keywords, free[0]))
        return real(source, target, **keywords)

    monkeypatch.setattr(library, "FFTW", spy)
    return calls


@pytest.mark.parametrize("effort", ["estimate", "measure"])
def test_planning_holds_the_one_lock(planned, effort):
    fftw.FftwTransform(spec(64, effort))
    assert [free for *_, free in planned] == [False, False]


@pytest.mark.parametrize("effort", ["estimate", "measure"])
def test_the_lock_is_free_after_planning_and_after_a_failed_plan(monkeypatch, effort):
    def fail(*args, **keywords):
        raise RuntimeError("no plan")

    fftw.FftwTransform(spec(64, effort))
    monkeypatch.setattr(library, "FFTW", fail)
    with pytest.raises(RuntimeError, match="no plan"):
        fftw.FftwTransform(spec(64, effort))
    with fftw._planner.lock:
        other = threading.Thread(target=fftw.export_wisdom)
    other.start()
    other.join(60)
    assert not other.is_alive()


@pytest.mark.parametrize("effort", ["estimate", "measure"])
def test_planning_sees_only_scratch_of_its_own_and_one_thread(planned, effort):
    work = fftw.FftwTransform(spec(64, effort))
    (source, target, forward, _), (source_back, target_back, backward, _) = planned
    assert source is target_back is work.samples
    assert target is source_back is work.spectrum
    for keywords in (forward, backward):
        assert keywords["threads"] == 1
        assert 0 < keywords["planning_timelimit"] <= 1


def test_scratch_is_aligned_for_simd():
    work = fftw.FftwTransform(spec(1000))
    for array in (work.samples, work.spectrum):
        assert pyfftw.is_byte_aligned(array)


@pytest.mark.parametrize("n", LENGTHS)
def test_estimated_plans_repeat_bit_for_bit(n):
    first = bits(n)
    bits(n // 2)
    np.testing.assert_array_equal(bits(n), first)


@pytest.mark.parametrize("n", LENGTHS)
def test_measuring_does_not_change_later_estimated_results(n):
    before = bits(n)
    bits(n, "measure")
    np.testing.assert_array_equal(bits(n), before)


@pytest.mark.parametrize("n", LENGTHS)
def test_a_callers_own_wisdom_does_not_change_results(n):
    before = bits(n)
    plan_as_a_caller(n)
    np.testing.assert_array_equal(bits(n), before)


def test_measuring_gathers_wisdom_and_leaves_the_callers_untouched():
    plan_as_a_caller(500)
    callers = lines(pyfftw.export_wisdom())
    assert fftw.export_wisdom() is None
    fftw.FftwTransform(spec(96, "measure"))
    first = fftw.export_wisdom()
    assert first is not None
    assert lines(pyfftw.export_wisdom()) == callers
    fftw.FftwTransform(spec(128, "measure"))
    second = fftw.export_wisdom()
    assert second is not None
    assert all(set(a) <= set(b) for a, b in zip(lines(first), lines(second), strict=True))
    assert lines(second) != lines(first)
    assert lines(pyfftw.export_wisdom()) == callers


def test_a_failed_measurement_leaves_the_callers_wisdom(monkeypatch):
    def fail(*args, **keywords):
        raise RuntimeError("no plan")

    plan_as_a_caller(500)
    callers = lines(pyfftw.export_wisdom())
    monkeypatch.setattr(library, "FFTW", fail)
    with pytest.raises(RuntimeError):
        fftw.FftwTransform(spec(96, "measure"))
    assert lines(pyfftw.export_wisdom()) == callers


def test_imported_wisdom_replaces_measuring(monkeypatch):
    expected = bits(1000, "measure")
    wisdom = fftw.export_wisdom()
    assert wisdom is not None
    # FFTW refuses to plan what its wisdom does not hold.
    monkeypatch.setitem(fftw._FLAGS, "measure", "FFTW_WISDOM_ONLY")
    np.testing.assert_array_equal(bits(1000, "measure"), expected)
    monkeypatch.setattr(fftw, "_planner", fftw._Planner())
    with pytest.raises(RuntimeError, match="isdom"):
        bits(1000, "measure")
    fftw.import_wisdom(wisdom)
    np.testing.assert_array_equal(bits(1000, "measure"), expected)


def test_calibrated_wisdom_replaces_measuring_and_leaves_estimates_alone(monkeypatch):
    estimated, measured = bits(1000), bits(1000, "measure")
    wisdom = fftw.export_wisdom()
    monkeypatch.setattr(fftw, "_planner", fftw._Planner())
    fftw.use_calibrated(wisdom)
    np.testing.assert_array_equal(bits(1000), estimated)
    np.testing.assert_array_equal(bits(1000, "wisdom"), measured)
    monkeypatch.setitem(fftw._FLAGS, "measure", "FFTW_WISDOM_ONLY")
    np.testing.assert_array_equal(bits(1000, "measure"), measured)


def test_what_wisdom_does_not_hold_is_estimated():
    np.testing.assert_array_equal(bits(500, "wisdom"), bits(500))
    assert not fftw.is_wise(spec(500))


def test_planning_in_many_threads_gives_the_same_plans():
    expected = {n: bits(n) for n in LENGTHS}
    failures = []
    start = threading.Barrier(6)

    def plan():
        start.wait()
        for n in LENGTHS * 3:
            if not np.array_equal(bits(n), expected[n]):
                failures.append(n)
            fftw.FftwTransform(spec(n // 4, "measure"))

    threads = [threading.Thread(target=plan) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failures
