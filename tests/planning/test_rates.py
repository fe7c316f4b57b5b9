"""Measuring a machine: what is measured is what plans then cost."""

import os
import sys
from collections.abc import Callable
from dataclasses import replace
from itertools import pairwise
from math import inf, log2
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import sigconv as sc
from benchmarks.shipped import source_of
from sigconv.engines import ENGINES, prepare
from sigconv.engines.base import dtype_key
from sigconv.engines.compiled import has_numba
from sigconv.engines.costs import transform_cost
from sigconv.engines.transformed import block_transform
from sigconv.fft import TransformSpec, fftw, is_native
from sigconv.planning import MACHINE, loops, machine, make_plan, measuring, rates
from sigconv.planning.calibration import Calibration, store_calibration, stored_calibration
from sigconv.planning.rates import DTYPES, LENGTHS, best_seconds, silent

F4, F8 = np.dtype("f4"), np.dtype("f8")


@pytest.fixture
def few(monkeypatch):
    """Few lengths and dtypes, and no new processes."""
    monkeypatch.setattr(rates, "LENGTHS", (1024, 1280))
    monkeypatch.setattr(rates, "_BLOCKS", ((16, 16), (8, 8, 8)))
    monkeypatch.setattr(rates, "AXIS_LENGTHS", (16,))
    monkeypatch.setattr(loops, "loop_for", lambda dtype: "numpy")


@pytest.fixture
def one_second(monkeypatch):
    """Whatever is measured takes a second."""
    monkeypatch.setattr(rates, "best_seconds", lambda call, seconds: 1.0)
    monkeypatch.setattr(loops, "best_seconds", lambda call, seconds: 1.0)


@pytest.mark.parametrize(
    ("took", "seconds", "best", "calls"),
    [
        ([3.0, 1.0, 2.0], 5.5, 1.0, 3),
        ([1.0, 3.0, 2.0, 0.5, 9.0], 6.2, 0.5, 4),
        ([1.0, 1.0, 1.0], 0.5, 1.0, 3),  # three times at least
        ([8.0], 0.5, 8.0, 1),  # a long call once
    ],
)
def test_the_shortest_try_counts(monkeypatch, took, seconds, best, calls):
    clock, durations, made = [0.0], iter(took), []

    def call():
        clock[0] += next(durations)
        made.append(clock[0])

    monkeypatch.setattr(rates, "perf_counter", lambda: clock[0])
    assert best_seconds(call, seconds) == best
    assert len(made) == calls


def test_lengths_are_powers_of_two_and_a_quarter_and_a_half_more():
    powers = [1 << e for e in range(10, 22)]
    wanted = {*powers, *(p * 5 // 4 for p in powers), *(p * 3 // 2 for p in powers), 1 << 22}
    assert list(LENGTHS) == sorted(wanted)


# ------------------------------------------------------------------------------- cost model


@pytest.mark.parametrize("key", DTYPES)
def test_a_length_that_was_measured_costs_its_rate(key):
    for n, rate in zip(MACHINE.fft_samples, MACHINE.fft[key], strict=True):
        assert transform_cost(MACHINE, (n,), np.dtype(key)) == rate * n * log2(n)


def test_other_lengths_cost_what_the_powers_of_two_around_them_tell():
    flat = replace(MACHINE, fft={"f8": tuple(1.0 + (n & (n - 1) > 0) for n in LENGTHS)})
    assert transform_cost(flat, (5 << 10,), F8) == pytest.approx(2 * 5120 * log2(5120))
    for n in (98, 2100, 4608, 1 << 24):
        cost = transform_cost(flat, (n,), F8)
        assert n * log2(n) <= cost < 1.5 * n * log2(n)


def test_wisdom_counts_for_its_own_number_of_transforms():
    wise = replace(MACHINE, wisdom={("f8", 4096, 16): 1e-12})
    assert transform_cost(wise, (4096,), F8, 16) == 1e-12 * 4096 * 12
    for n, dtype, count in ((4096, F8, 15), (8192, F8, 16), (4096, F4, 16)):
        assert transform_cost(wise, (n,), dtype, count) == transform_cost(MACHINE, (n,), dtype)


def test_overlap_save_takes_the_length_that_was_measured_fastest():
    problem = sc.plan((10**6,), (1000,), dtype="c16").problem
    for fast in (5120, 6144, 8192, 10240):
        at = LENGTHS.index(fast)
        table = list(MACHINE.fft["c16"])
        table[at] /= 10
        other = replace(MACHINE, fft={**MACHINE.fft, "c16": tuple(table)})
        assert make_plan(problem, "overlap-save", other).nfft == (fast,)


@pytest.mark.parametrize("method", ["overlap-save", "overlap-add"])
@pytest.mark.parametrize(("size", "taps"), [(10**6, 1000), (10**6, 7), (5000, 900), (300, 100)])
def test_blocks_are_of_measured_lengths_and_long_enough(method, size, taps):
    problem = sc.plan((size,), (taps,), dtype="c8").problem
    plans = list(ENGINES[method].candidates(problem, MACHINE))
    lengths = sorted({plan.nfft[0] for plan in plans})
    assert all(n >= 2 * taps - 1 for n in lengths)
    # The shortest and the longest follow from the taps and the signal.
    between = [n for n in lengths[1:-1] if n >= LENGTHS[0]]
    assert between == [n for n in LENGTHS if lengths[0] < n < lengths[-1]]


# -------------------------------------------------------------------------------- measuring


def test_measured_transforms_cost_the_time_that_they_took(few, one_second):
    found = rates.measure_transforms(MACHINE, 0.0, silent)
    measured = replace(MACHINE, fft_samples=rates.LENGTHS, fft=found)
    for n in rates.LENGTHS:
        for key in DTYPES:
            count = rates._group(MACHINE, n, np.dtype(key).itemsize)
            assert transform_cost(measured, (n,), np.dtype(key)) == pytest.approx(1 / count)


def test_measured_blocks_of_several_axes_cost_the_time_that_they_took(monkeypatch, one_second):
    monkeypatch.setattr(rates, "_BLOCKS", ((24, 40),))
    measured = replace(MACHINE, fft_nd=rates.measure_transforms_nd(MACHINE, 0.0, silent))
    count = rates._group(MACHINE, 24 * 40, 4)
    assert transform_cost(measured, (24, 40), F4) == pytest.approx(1 / count)


def test_groups_are_those_of_the_plans():
    for taps in (64, 1000, 10_000):
        problem = sc.plan((10**7,), (taps,), dtype="f4").problem
        for plan in ENGINES["overlap-save"].candidates(problem, MACHINE):
            group = rates._group(MACHINE, plan.nfft[0], 4)
            # Compiled loops transform one window after the other.
            assert plan.group == (1 if plan.loop else group)
            assert block_transform(plan).count == plan.group


with_loops = pytest.mark.skipif(
    not (has_numba() and is_native(np.dtype("c8"))), reason="no compiled loop runs FFTW"
)


@pytest.mark.parametrize("loop", ["", pytest.param("pairs", marks=with_loops)])
def test_transform_of_a_plan_is_the_one_that_its_blocks_take(loop):
    problem = sc.plan((50_000,), (100,), dtype="f4").problem
    plans = ENGINES["overlap-save"].candidates(problem, MACHINE)
    plan = next(plan for plan in plans if plan.loop == loop)
    prepared: Any = prepare(plan, np.ones(100, "f4"))
    assert getattr(prepared, "loop", prepared).spec == block_transform(plan)


def test_a_measured_machine_is_whole_and_can_be_stored(few, monkeypatch, tmp_path):
    monkeypatch.setattr(loops, "measure_loading", lambda machine, progress: (0.25, 2.5))
    monkeypatch.setenv("SIGCONV_CACHE", str(tmp_path))
    monkeypatch.setenv("SIGCONV_CALIBRATION", "on")
    told: list[str] = []
    found = measuring.measure_machine(told.append, each=0.0, varying=0.0)
    assert "np.convolve" in told
    assert found.fft_samples == (1024, 1280)
    assert (found.cold_loop, found.compile_loop) == (0.25, 2.5)
    changed = ("fft", "fft_nd", "fft_columns", "slice_add", "convolve", "copy", "call", "thread")
    for field in changed:
        assert getattr(found, field) != getattr(MACHINE, field), field
    # It is checked when it is read: every figure is a number, and none is negative.
    store_calibration(Calibration(found))
    assert stored_calibration() == Calibration(found)


@pytest.mark.skipif(not has_numba(), reason="numba is not installed")
def test_sums_are_those_of_the_engine(monkeypatch):
    seen: list[str] = []

    def spy(name: str) -> Callable[..., Any]:
        real = getattr(loops, name)

        def call(*given: Any) -> Any:
            seen.append(name)
            return real(*given)

        return call

    monkeypatch.setattr(loops, "_SUMMED", ("f4",))
    for name in ("compiled_sums", "sliced_sums"):
        monkeypatch.setattr(loops, name, spy(name))
    by_loop, by_slices = loops.measure_sums(MACHINE, 0.0, silent)
    assert set(seen) == {"compiled_sums", "sliced_sums"}
    assert by_loop["f4"] < by_slices["f4"]
    assert by_loop["f8"] == MACHINE.multiply_add["f8"]


def test_convolve_is_a_cost_per_output_and_one_per_product(monkeypatch):
    def seconds(call, seconds):
        outputs = call().size
        return outputs * (3.0 + 2.0 * (outputs - 4095))

    monkeypatch.setattr(loops, "best_seconds", seconds)
    for each, product in loops.measure_convolve(0.0, silent).values():
        assert (each, product) == pytest.approx((3.0, 2.0))


def test_a_block_costs_the_same_however_many_there_are(monkeypatch):
    counted = []
    monkeypatch.setattr(loops, "_run", lambda plan: lambda: counted.append(len(plan.grid)))
    monkeypatch.setattr(loops, "best_seconds", lambda call, seconds: (call(), counted[-1] + 7.0)[1])
    call, block = loops.measure_block(MACHINE, 0.0)
    assert counted == [loops._BLOCKS, loops._BLOCKS, 1]
    assert block == pytest.approx(1 + 7 / loops._BLOCKS)
    assert call == pytest.approx(7 - 7 / loops._BLOCKS)


def test_threads_that_do_not_come_cost_what_was_known(monkeypatch):
    def alone(work, items, workers):
        for item in items:
            work(iter([item]))

    monkeypatch.setattr(loops, "run_shared", alone)
    monkeypatch.setattr(loops, "_PATIENCE", 0.001)
    assert loops.measure_thread(MACHINE, 0.0) == MACHINE.thread


def test_loading_costs_what_was_known_where_no_process_can_start(monkeypatch):
    monkeypatch.setattr(sys, "executable", "/nowhere/python")
    known = (MACHINE.cold_loop, MACHINE.compile_loop)
    assert loops.measure_loading(MACHINE, silent) == known


def test_the_second_level_cache_is_for_transforms(monkeypatch, tmp_path):
    for index, (level, size) in enumerate((("1", "32K"), ("2", "1024K"), ("3", "32768K"))):
        place = tmp_path / f"index{index}"
        place.mkdir()
        place.joinpath("level").write_text(level + "\n")
        place.joinpath("size").write_text(size + "\n")
    monkeypatch.setattr(loops, "_CACHES", tmp_path)
    assert loops.cache_bytes(7) == 1 << 20
    monkeypatch.setattr(loops, "_CACHES", tmp_path / "nowhere")
    monkeypatch.setattr(os, "sysconf", lambda name: 0)
    assert loops.cache_bytes(7) == 7


# ----------------------------------------------------------------------------------- wisdom


@pytest.fixture
def no_wisdom(monkeypatch):
    monkeypatch.setattr(fftw, "_planner", fftw._Planner())


with_fftw = pytest.mark.skipif(not fftw.is_available(), reason="pyfftw is not installed")
SPECS = [TransformSpec(2, (96,), F4, "wisdom"), TransformSpec(3, (80,), F8, "wisdom")]


@with_fftw
def test_wisdom_is_gathered_and_listed_where_it_gains(no_wisdom, monkeypatch):
    monkeypatch.setattr(measuring, "useful_blocks", lambda machine: SPECS)
    monkeypatch.setattr(
        rates, "measure_spec", lambda spec, seconds: 2.0 if spec.effort == "estimate" else 1.0
    )
    found = measuring.with_wisdom(MACHINE, inf, silent)
    assert found.machine.wisdom == {("f4", 96, 2): 1.0, ("f8", 80, 3): 1.0}
    assert found.machine.wisdom_name
    assert fftw.calibrated() is None
    fftw.use_calibrated(found.wisdom)
    assert all(map(fftw.is_wise, SPECS))
    monkeypatch.setattr(rates, "measure_spec", lambda spec, seconds: 1.0)
    assert measuring.with_wisdom(MACHINE, inf, silent).machine.wisdom == {}


@with_fftw
def test_the_search_for_wisdom_ends_in_time(no_wisdom, monkeypatch):
    monkeypatch.setattr(measuring, "useful_blocks", lambda machine: SPECS)
    now = iter([0.0, 5.0, 50.0])
    monkeypatch.setattr(measuring, "monotonic", lambda: next(now))
    told: list[str] = []
    measuring.with_wisdom(MACHINE, 10.0, told.append)
    assert told == ["FFTW's algorithms for 2 x 96 float32"]


def test_blocks_worth_a_search_are_those_of_long_signals():
    specs = measuring.useful_blocks(MACHINE)
    assert len(set(specs)) == len(specs) > 10
    for spec in specs:
        assert spec.effort == "wisdom"
        assert 1024 <= spec.nfft[0] <= 1 << 16
    assert {dtype_key(spec.dtype) for spec in specs} >= {"f4", "f8"}


# ---------------------------------------------------------------------------------- shipped


def test_shipped_machine_is_as_the_program_writes_it():
    assert source_of(MACHINE) == Path(machine.__file__).read_text(encoding="utf-8")


def test_shipped_table_has_every_length_in_order():
    assert MACHINE.fft_samples == LENGTHS
    assert all(a < b for a, b in pairwise(MACHINE.fft_samples))
    assert all(len(MACHINE.fft[key]) == len(LENGTHS) for key in DTYPES)


def test_columns_are_measured_as_wide_as_the_engine_takes_them(few, monkeypatch):
    seen = []

    def measure(spec, seconds):
        seen.append(spec)
        return 1.0

    monkeypatch.setattr(rates, "_measure", measure)
    rates.measure_columns(0.0, silent)
    assert [(spec.nfft, spec.dtype) for spec in seen] == [(16, "c8"), (16, "c16")]
    assert [spec.width for spec in seen] == [120, 60]
