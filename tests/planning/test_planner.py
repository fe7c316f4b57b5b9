"""The planner: the cheapest engine that can, and a table that says why."""

import pickle

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

import sigconv as sc
from sigconv.core.units import format_bytes, format_seconds
from sigconv.engines import ENGINES
from sigconv.engines.base import dtype_key
from sigconv.errors import MethodError
from sigconv.planning import MACHINE, METHODS, make_plan, ready_machine, small_plan
from sigconv.testing import cases

ROUNDING = tuple(name for name in ENGINES if name not in ("separable", "exact"))


def problem(*shapes, **keywords):
    return sc.plan(*shapes, **keywords).problem


def test_every_engine_appears_among_the_candidates():
    plan = sc.plan((5000,), (50,))
    assert [candidate.method for candidate in plan.candidates] == list(ENGINES)


def test_auto_takes_the_cheapest_candidate():
    for shapes in [((100,), (3,)), ((10**6,), (10**3,)), ((200, 200), (50, 50))]:
        plan = sc.plan(*shapes)
        costs = {c.method: c.cost.first for c in plan.candidates if c.cost is not None}
        assert costs[plan.method] == min(costs.values())


def test_refusals_say_why():
    plan = sc.plan(np.ones(100, object), np.ones(3, int))
    assert plan.method == "exact"
    refused = {c.method: c.refusal for c in plan.candidates if c.refusal}
    assert set(refused) == set(ENGINES) - {"exact"}
    assert "Python objects have no transform" in str(plan)


def test_method_that_refuses_is_an_error_with_the_reason():
    with pytest.raises(MethodError, match=r"integers are exact.*method='auto'"):
        sc.convolve([1, 2], [3, 4], method="exact")


def test_unknown_method_lists_the_known_ones():
    with pytest.raises(MethodError) as caught:
        sc.plan((4,), (2,), method="magic")
    assert all(name in str(caught.value) for name in METHODS)


@pytest.mark.parametrize("method", ROUNDING)
def test_plans_pickle(method):
    plan = sc.plan((300, 200), (9, 7), "same", boundary="wrap", method=method)
    copy = pickle.loads(pickle.dumps(plan))
    assert copy == plan
    assert str(copy) == str(plan)


def test_scratch_of_overlap_methods_does_not_grow_with_the_signal():
    small, large = (sc.plan((n,), (1000,), method="overlap-save") for n in (10**6, 10**9))
    assert large.cost.nbytes <= 2 * small.cost.nbytes
    assert large.cost.nbytes < 32 << 20


@pytest.mark.parametrize("taps", [10, 1000, 100_000])
def test_overlap_scratch_stays_below_32_mib_a_worker(taps):
    for method in ("overlap-save", "overlap-add"):
        assert sc.plan((10**8,), (taps,), method=method).cost.nbytes < 32 << 20


def test_predicted_cost_grows_with_the_work():
    sizes = [10**3, 10**4, 10**5, 10**6, 10**7]
    for method in ROUNDING:
        seconds = [sc.plan((n,), (100,), method=method).cost.first for n in sizes]
        assert seconds == sorted(seconds)


@given(
    case=cases(dtypes=("float32", "complex128"), min_size=1),
    machine=st.sampled_from([MACHINE, ready_machine()]),
)
def test_small_plans_are_what_the_planner_would_choose(case, machine):
    made = sc.plan(case.signal, case.kernel, **case.keywords).problem
    small = small_plan(made, "auto", machine)
    assume(small is not None)
    assert small == make_plan(made, "auto", machine)


def test_larger_plans_are_left_to_the_planner():
    assert small_plan(problem((1000, 1000), (30, 30))) is None
    assert small_plan(problem((100,), (30,)), "fft") is None
    assert small_plan(problem((100,), (30,), rtol=1e-3)) is None


def test_a_slower_machine_changes_the_choice():
    from dataclasses import replace

    wanted = problem((10**6,), (100,))
    slow_fft = replace(
        MACHINE, fft={key: tuple(1000 * r for r in rates) for key, rates in MACHINE.fft.items()}
    )
    assert make_plan(wanted, machine=slow_fft).method == "direct"


def test_machine_has_every_computing_dtype():
    for name in ("float32", "float64", "complex64", "complex128"):
        assert dtype_key(np.dtype(name)) in MACHINE.fft
        assert dtype_key(np.dtype(name)) in MACHINE.multiply_add


def test_numbers_have_units_that_suit_them():
    assert format_seconds(2.5e-5) == "25 us"
    assert format_seconds(0.25) == "250 ms"
    assert format_seconds(90) == "90 s"
    assert format_bytes(1536) == "1.5 KiB"
    assert format_bytes(3 * 2**30) == "3 GiB"
