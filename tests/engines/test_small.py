"""Small sums in one step: the numbers of the definition, by every loop."""

import tracemalloc
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

import sigconv as sc
from sigconv import dispatch
from sigconv.engines import compiled
from sigconv.engines.compiled import has_numba
from sigconv.engines.numpy_convolve import suits_numpy
from sigconv.engines.small import make_step
from sigconv.testing import assert_close, cases, naive_convolve, tolerance

RNG = np.random.default_rng(33)
FLOATS = ("float32", "float64", "complex64", "complex128", "longdouble")
INTEGERS = ("bool", "int8", "uint8", "int32", "int64", "uint64")
LOOPS = ("numpy", "np.convolve", *(["numba"] if has_numba() else []))
loops = st.sampled_from(LOOPS)
NEEDS_NUMBA = pytest.mark.skipif(not has_numba(), reason="numba is not installed")


def step_for(x, h, loop, **keywords):
    """The step that computes a call by a loop, or None where it is no single step."""
    plan = sc.plan(x, h, method="direct", **keywords)
    problem = plan.problem
    if loop == "np.convolve" and not suits_numpy(problem):
        return None
    if loop == "numba" and problem.dtypes.compute.char in "gG":
        return None
    return make_step(replace(plan, loop=loop), None)


def run(step, x, h, **how):
    return step.apply(np.asarray(x), step.weights(np.asarray(h)), **how)


@given(case=cases(dtypes=FLOATS, min_size=1), loop=loops)
def test_floating_sums_are_the_definition(case, loop):
    x, h = case.signal, case.kernel
    step = step_for(x, h, loop, **case.keywords)
    assume(step is not None)
    y = run(step, x, h)
    fill = case.keywords.get("fill_value", 0.0)
    expected = naive_convolve(x, h, dtype=y.dtype, **case.keywords)
    assert_close(y, expected, tolerance(x, h, y.dtype, fill_value=fill))


@given(case=cases(dtypes=INTEGERS, min_size=1), loop=loops)
def test_integer_sums_are_exact(case, loop):
    x, h = case.signal, case.kernel
    try:
        step = step_for(x, h, loop, **case.keywords)
    except TypeError:
        # Negative numbers beside uint64.
        return
    assume(step is not None)
    y = run(step, x, h)
    np.testing.assert_array_equal(y, naive_convolve(x, h, dtype=y.dtype, **case.keywords))


@given(case=cases(dtypes=("complex64", "float64"), min_size=1), loop=loops)
def test_correlation_is_conjugated(case, loop):
    x, h = case.signal, case.kernel
    step = step_for(x, h, loop, operation="correlate", **case.keywords)
    assume(step is not None)
    y = run(step, x, h)
    fill = case.keywords.get("fill_value", 0.0)
    expected = naive_convolve(x, h, correlate=True, dtype=y.dtype, **case.keywords)
    assert_close(y, expected, tolerance(x, h, y.dtype, fill_value=fill))


@given(case=cases(dtypes=("float64", "complex128"), min_size=1), loop=loops, data=st.data())
def test_nan_and_infinity_reach_what_the_definition_gives_them_to(case, loop, data):
    x, h = case.signal, case.kernel
    bad = st.sampled_from([np.nan, np.inf, -np.inf, 0.0])
    for array in (x, h):
        if data.draw(st.booleans()):
            array.flat[data.draw(st.integers(0, array.size - 1))] = data.draw(bad)
    step = step_for(x, h, loop, **case.keywords)
    assume(step is not None)
    y = run(step, x, h)
    if y is None:
        # The blocks put right what taps do that are not finite.
        assert not np.isfinite(h).all()
        y = sc.convolve(x, h, **case.keywords)
    fill = case.keywords.get("fill_value", 0.0)
    expected = naive_convolve(x, h, **case.keywords)
    assert_close(y, expected.astype(y.dtype), tolerance(x, h, y.dtype, fill_value=fill))


@pytest.mark.parametrize("loop", [loop for loop in LOOPS if loop != "np.convolve"])
def test_in_corners_zero_beats_constant_and_constant_the_samples(loop):
    x, h = np.ones((2, 3)), np.ones((2, 2))
    for rows, columns, corner in [
        ("zero", "constant", 0),
        ("constant", "zero", 0),
        ("constant", "edge", 7),
        ("edge", "constant", 7),
        ("zero", "edge", 0),
        ("edge", "wrap", 1),
    ]:
        fill = 7 if "constant" in (rows, columns) else 0
        boundary = [rows, columns]
        step = step_for(x, h, loop, boundary=boundary, fill_value=fill)
        y = run(step, x, h)
        beside = [fill if rule == "constant" else rule != "zero" for rule in (rows, columns)]
        assert y[0, 0] == corner + sum(beside) + 1


@pytest.mark.parametrize("size", range(1, 7))
@pytest.mark.parametrize("taps", range(1, 7))
def test_np_convolve_serves_every_range(size, taps):
    x, h = RNG.integers(-9, 9, size) + 0.0, RNG.integers(-9, 9, taps) + 0.0
    calls: list[dict[str, Any]] = [{"mode": "full"}, {"mode": "valid"}]
    calls += [{"mode": "same", "center": center} for center in range(taps)]
    for keywords in calls:
        step = step_for(x, h, "np.convolve", **keywords)
        if step is not None:
            np.testing.assert_array_equal(run(step, x, h), naive_convolve(x, h, **keywords))
    for lag in range(size + taps):
        y = sc.correlate(x, h, max_lag=lag)
        lags = sc.correlation_lags(size, taps)
        np.testing.assert_array_equal(y, naive_convolve(x, h, correlate=True)[abs(lags) <= lag])


@pytest.mark.parametrize("boundary", ["zero", "symmetric", "constant"])
@pytest.mark.parametrize("shapes", [((50,), (7,)), ((9, 11), (3, 4)), ((4, 5, 6), (2, 3, 2))])
def test_small_calls_never_reach_the_blocks(monkeypatch, shapes, boundary):
    x, h = (RNG.standard_normal(shape) for shape in shapes)

    def refuse(*arguments, **keywords):
        raise RuntimeError("blocks")

    monkeypatch.setattr(dispatch, "execute", refuse)
    sc.convolve(x, h, "same", boundary=boundary)
    sc.Convolver(h, x.shape, "same", boundary=boundary)(x)
    with pytest.raises(RuntimeError, match="blocks"):
        sc.convolve(np.ones((600, 600), order="F"), np.ones((9, 9)), method="direct")


@pytest.mark.parametrize("boundary", ["zero", "reflect"])
@pytest.mark.parametrize("shapes", [((300,), (11,)), ((300,), (12,)), ((20, 30), (5, 3))])
def test_a_plan_replays_with_the_bits_of_the_call(shapes, boundary):
    x, h = (RNG.standard_normal(shape) for shape in shapes)
    first = sc.convolve(x, h, "same", boundary=boundary)
    plan = sc.plan(x, h, "same", boundary=boundary)
    y = sc.convolve(x, h, "same", boundary=boundary, method=plan)
    np.testing.assert_array_equal(y, first)
    op = sc.Convolver(h, x.shape, "same", boundary=boundary, method=plan)
    np.testing.assert_array_equal(op(x), first)


@pytest.mark.parametrize("loop", LOOPS)
def test_layout_in_memory_changes_no_bit(loop):
    shape, taps = ((40,), (9,)) if loop == "np.convolve" else ((13, 17), (3, 5))
    x, h = RNG.standard_normal(shape), RNG.standard_normal(taps)
    step = step_for(x, h, loop, mode="same")
    expected = run(step, x, h)
    wide = np.empty(tuple(2 * n for n in shape))
    strided = wide[tuple(slice(None, None, 2) for _ in shape)]
    strided[...] = x
    frozen = x.copy()
    frozen.flags.writeable = False
    for other in (np.asfortranarray(x), strided, x.astype(">f8"), frozen):
        np.testing.assert_array_equal(run(step, other, h), expected)
        np.testing.assert_array_equal(run(step, x, np.asfortranarray(h)), expected)
    out = np.asfortranarray(np.empty(shape))
    assert run(step, x, h, out=out) is out
    np.testing.assert_array_equal(out, expected)


@pytest.mark.parametrize("loop", LOOPS)
def test_out_may_be_the_signal(loop):
    shape, taps = ((40,), (9,)) if loop == "np.convolve" else ((13, 17), (3, 5))
    x, h = RNG.standard_normal(shape), RNG.standard_normal(taps)
    step = step_for(x, h, loop, mode="same")
    expected = run(step, x, h)
    np.testing.assert_array_equal(run(step, x, h, out=x), expected)


@pytest.mark.parametrize("loop", [loop for loop in LOOPS if loop != "np.convolve"])
def test_taps_that_are_not_finite_leave_out_as_it_is(loop):
    x, h = np.ones((6, 7)), np.ones((3, 3))
    step = step_for(x, h, loop, mode="same")
    h[1, 1] = np.inf
    out = np.full((6, 7), 5.0)
    assert run(step, x, h, out=out) is None
    assert (out == 5).all()


@pytest.mark.parametrize("loop", LOOPS)
def test_watched_sums_leave_bad_samples_to_the_blocks(loop):
    shape, taps = ((40,), (9,)) if loop == "np.convolve" else ((13, 17), (3, 5))
    x, h = RNG.standard_normal(shape), RNG.standard_normal(taps)
    step = step_for(x, h, loop, mode="same")
    assert run(step, x, h, watch=True) is not None
    x.flat[7] = np.nan
    assert run(step, x, h, watch=True) is None
    assert run(step, x, h) is not None


@pytest.mark.parametrize("loop", LOOPS)
def test_nothing_stays_in_the_scratch(loop):
    shape, taps = ((40,), (9,)) if loop == "np.convolve" else ((13, 17), (3, 5))
    boundary = "zero" if loop == "np.convolve" else [("zero", "edge"), ("constant", "wrap")]
    x, h = RNG.standard_normal(shape), RNG.standard_normal(taps)
    step = step_for(x, h, loop, mode="same", boundary=boundary)
    expected = run(step, x, h)
    run(step, np.full(shape, np.nan), h)
    np.testing.assert_array_equal(run(step, x, h), expected)


@pytest.mark.parametrize("loop", LOOPS)
def test_threads_share_a_step(loop):
    shape, taps = ((400,), (9,)) if loop == "np.convolve" else ((33, 27), (3, 5))
    signals, h = RNG.standard_normal((200, *shape)), RNG.standard_normal(taps)
    step = step_for(signals[0], h, loop, mode="same")
    weights = step.weights(h)
    expected = [step.apply(x, weights) for x in signals]
    with ThreadPoolExecutor(8) as pool:
        results = list(pool.map(lambda x: step.apply(x, weights), signals))
    np.testing.assert_array_equal(results, expected)


def test_float_overflow_on_the_way_in_is_silent():
    x, h = np.array([[1e300, 1.0], [2.0, 3.0]]), np.ones((2, 2))
    y = sc.convolve(x, h, "same", dtype=np.float32, boundary="edge")
    assert y[0, 0] == np.inf
    assert sc.convolve([1e300, 1.0], [1.0, 1.0], dtype=np.float32)[0] == np.inf


def test_large_and_wasteful_sums_by_slices_are_left_to_the_blocks():
    for shape, taps, mode in [((1000, 1000), (3, 3), "full"), ((2, 2), (60, 60), "same")]:
        plan = sc.plan(shape, taps, mode, boundary="edge", method="direct")
        assert make_step(replace(plan, loop="numpy"), None) is None


@pytest.mark.parametrize("loop", LOOPS)
def test_several_kernels_are_left_to_the_blocks(loop):
    plan = sc.plan((20, 30), (20, 3), axes=1, method="direct")
    assert make_step(replace(plan, loop=loop), None) is None


@NEEDS_NUMBA
def test_prepared_call_with_out_allocates_nothing(monkeypatch):
    compiled.load(np.dtype(float))
    x, h = RNG.standard_normal((60, 60)), RNG.standard_normal((3, 3))
    op = sc.Convolver(h, x.shape, "same", boundary="symmetric")
    assert op.plan.loop == "numba"
    out = np.empty(x.shape)
    op(x, out=out)
    tracemalloc.start()
    try:
        op(x, out=out)
        before, _ = tracemalloc.get_traced_memory()
        tracemalloc.reset_peak()
        op(x, out=out)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak - before < 2048


@NEEDS_NUMBA
def test_convolver_follows_when_a_loop_is_loaded(monkeypatch):
    monkeypatch.setattr(compiled, "_state", compiled._State())
    op = sc.Convolver(RNG.standard_normal((3, 3)), (30, 30), "same")
    x = RNG.standard_normal((30, 30))
    cold, before = op(x), op.plan
    assert before.loop == "numpy"
    compiled.load(np.dtype(float))
    assert op.plan.loop == "numba"
    np.testing.assert_allclose(op(x), cold, atol=1e-12)
    # What names its plan keeps its bits.
    kept = sc.Convolver(op._kernel, (30, 30), "same", method=before)
    np.testing.assert_array_equal(kept(x), cold)


def test_plan_made_from_shapes_serves():
    plan = sc.plan((12, 15), (3, 3), "same", boundary="reflect")
    x, h = RNG.standard_normal((12, 15)), RNG.standard_normal((3, 3))
    y = sc.convolve(x, h, "same", boundary="reflect", method=plan)
    assert_close(y, naive_convolve(x, h, "same", boundary="reflect"), 1e-13)
