"""The direct engine's inner loops: the same numbers from each."""

from dataclasses import replace

import numpy as np
import pytest

import sigconv as sc
from sigconv.engines import ENGINES
from sigconv.engines.compiled import has_numba
from sigconv.engines.direct_kernel import DirectKernel
from sigconv.errors import NonFiniteError
from sigconv.testing import naive_convolve

DTYPES = ("float32", "float64", "complex64", "complex128", "int64", "uint64")
RNG = np.random.default_rng(9)


def loops(shape, taps, dtype):
    """One plan per inner loop."""
    plan = sc.plan(shape, taps, dtype=dtype, method="direct")
    names = ["numpy", *(["numba"] if has_numba() else [])]
    if len(shape) == 1:
        names.append("np.convolve")
    whole = replace(plan.grid, cuts=tuple((a.start, a.stop) for a in plan.problem.axes))
    return {
        name: replace(plan, loop=name, grid=whole if name == "np.convolve" else plan.grid)
        for name in names
    }


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize(
    ("shape", "taps"),
    [
        ((50,), (11,)),
        ((9, 3000), (3, 5)),
        ((4, 5, 6), (2, 3, 8)),
    ],
)
def test_every_loop_gives_the_definition(dtype, shape, taps):
    x = RNG.integers(0, 50, shape).astype(dtype)
    h = RNG.integers(0, 50, taps).astype(dtype)
    expected = naive_convolve(x, h)
    for name, plan in loops(shape, taps, dtype).items():
        # Whole numbers this small are exact in every dtype.
        np.testing.assert_array_equal(sc.convolve(x, h, method=plan), expected, err_msg=name)


@pytest.mark.parametrize("taps", range(1, 26))
def test_any_number_of_taps_is_summed_once(taps):
    x = RNG.integers(-9, 9, 5000).astype(float)
    h = RNG.integers(-9, 9, max(taps, 2)).astype(float)
    for name, plan in loops((5000,), h.shape, "float64").items():
        np.testing.assert_array_equal(
            sc.convolve(x, h, method=plan), np.convolve(x, h), err_msg=name
        )


@pytest.mark.skipif(not has_numba(), reason="numba is not installed")
def test_compiled_loop_runs_when_the_plan_says_so(monkeypatch):
    from sigconv.loops import sums

    def refuse(*arguments):
        raise RuntimeError("compiled loop")

    monkeypatch.setattr(sums, "sum_taps", refuse)
    plans = loops((100,), (3,), "float64")
    with pytest.raises(RuntimeError, match="compiled loop"):
        sc.convolve(np.ones(100), np.ones(3), method=plans["numba"])
    sc.convolve(np.ones(100), np.ones(3), method=plans["numpy"])


def test_without_numba_large_work_goes_to_numpy_slices(monkeypatch):
    from sigconv.engines import compiled

    monkeypatch.setattr(compiled, "has_numba", lambda: False)
    plans = list(ENGINES["direct"].candidates(sc.plan((10**6,), (9,)).problem, _machine()))
    assert {plan.loop for plan in plans} == {"numpy", "np.convolve"}


def _machine():
    from sigconv.planning import MACHINE

    return MACHINE


@pytest.mark.parametrize("dtype", ["float32", "float64", "complex64"])
@pytest.mark.parametrize("axes", [(0,), (1,), (0, 1), (2, 0), (0, 1, 2)])
@pytest.mark.parametrize("order", ["C", "F"])
def test_rows_may_lie_along_any_axis(order, axes, dtype):
    x = np.asarray(RNG.integers(-9, 9, (21, 18, 35)).astype(dtype), order=order)
    h = RNG.integers(-9, 9, (3, 4, 2)[: len(axes)]).astype(dtype)
    expected = naive_convolve(x, h, axes=axes, boundary="edge")
    for loop in ["numpy", *(["numba"] if has_numba() else [])]:
        plan = sc.plan(x, h, axes=axes, boundary="edge", method="direct")
        y = sc.convolve(x, h, axes=axes, boundary="edge", method=replace(plan, loop=loop))
        np.testing.assert_array_equal(y, expected, err_msg=loop)


def test_blocks_take_signals_that_lie_side_by_side_together():
    plan = sc.plan((100_000, 1200), (16,), axes=0, method="direct")
    (batch,), (rows,) = plan.grid.batch_cuts, plan.grid.cuts
    assert max(np.diff(batch)) == 512
    assert max(np.diff(rows)) * 512 <= 1 << 20


@pytest.mark.skipif(not has_numba(), reason="numba is not installed")
@pytest.mark.parametrize("dtype", DTYPES)
def test_zero_taps_are_skipped_and_nothing_else(dtype):
    h = np.zeros((9, 7), dtype)
    h[[0, 4, 8], [6, 1, 0]] = 3, 5, 7
    x = RNG.integers(0, 50, (40, 300)).astype(dtype)
    plan = loops(x.shape, h.shape, dtype)["numba"]
    prepared = ENGINES["direct"].prepare(plan, h)
    assert isinstance(prepared, DirectKernel)
    assert prepared.lists[()].kept is not None
    assert len(prepared.lists[()].kept) == 3
    np.testing.assert_array_equal(sc.convolve(x, h, method=plan), naive_convolve(x, h))
    none = sc.convolve(x, np.zeros_like(h), method=plan)
    np.testing.assert_array_equal(none, 0)


@pytest.mark.skipif(not has_numba(), reason="numba is not installed")
@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_skipped_taps_have_products_with_nan_and_infinity(value):
    h = np.zeros((5, 5))
    h[2, 2], h[0, 4] = 1, -2
    x = RNG.standard_normal((30, 40))
    x[7, 9] = value
    plan = loops(x.shape, h.shape, "float64")["numba"]
    y = sc.convolve(x, h, method=plan)
    np.testing.assert_allclose(y, naive_convolve(x, h), atol=1e-14)
    assert np.isnan(y[7:12, 9:14]).sum() == (25 if np.isnan(value) else 23)
    with pytest.raises(NonFiniteError, match=r"at \(7, 9\)"):
        sc.convolve(x, h, method="direct", nan_policy="raise")
