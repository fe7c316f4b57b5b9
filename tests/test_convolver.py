"""Convolver: the same numbers as convolve, an exact adjoint, threads and pickles."""

import pickle
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import sigconv as sc
from sigconv.errors import DTypeError, IntegerOverflowError, ShapeError
from sigconv.testing import assert_close, cases, samples, tolerance

RNG = np.random.default_rng(3)
METHODS = ("auto", "direct", "fft", "overlap-save", "overlap-add")
DTYPES = ("float64", "complex128")


@given(case=cases(), method=st.sampled_from(METHODS))
def test_call_equals_convolve(case, method):
    op = sc.Convolver(case.kernel, case.signal.shape, method=method, **case.keywords)
    expected = sc.convolve(case.signal, case.kernel, method=method, **case.keywords)
    y = op(case.signal)
    assert y.dtype == expected.dtype
    assert op.result_shape == y.shape
    fill = case.keywords.get("fill_value", 0.0)
    assert_close(y, expected, tolerance(case.signal, case.kernel, y.dtype, fill_value=fill))


@given(case=cases(dtypes=DTYPES, min_size=1), method=st.sampled_from(METHODS), data=st.data())
def test_adjoint_passes_the_dot_test(case, method, data):
    case.keywords.pop("fill_value", None)
    op = sc.Convolver(case.kernel, case.signal.shape, method=method, **case.keywords)
    x = case.signal
    y = data.draw(samples(op.result_shape, "complex128"))
    back = op.adjoint(y)
    assert back.shape == x.shape
    forward = np.vdot(op(x), y)
    scale = np.abs(x).sum() * np.abs(case.kernel).sum() * np.abs(y).max()
    np.testing.assert_allclose(forward, np.vdot(x, back), rtol=0, atol=1e-12 * scale)


@given(case=cases(dtypes=("int32",), min_size=1), data=st.data())
def test_adjoint_of_integers_is_the_transposed_matrix(case, data):
    case.keywords.pop("fill_value", None)
    op = sc.Convolver(case.kernel, case.signal.shape, **case.keywords)
    y = data.draw(samples(op.result_shape, "int32"))
    unit = np.zeros(case.signal.shape, np.int32)
    index = data.draw(st.integers(0, unit.size - 1))
    unit.flat[index] = 1
    assert op.adjoint(y).flat[index] == (op(unit) * y.astype(np.int64)).sum()


def test_out_receives_the_result():
    op = sc.Convolver(np.ones(3), (10,), "same")
    out = np.empty(10)
    assert op(np.ones(10), out=out) is out
    np.testing.assert_array_equal(out, [2, *[3] * 8, 2])


def test_each_signal_dtype_gets_its_own_precision():
    op = sc.Convolver([0.25, 0.75], (100,))
    assert op(np.ones(100, np.float32)).dtype == np.float32
    assert op(np.ones(100, np.complex64)).dtype == np.complex64
    assert op(np.ones(100)).dtype == np.float64


def test_kernel_is_copied():
    kernel = np.ones(3)
    op = sc.Convolver(kernel, (5,), "same")
    kernel[:] = 100
    np.testing.assert_array_equal(op(np.ones(5)), [2, 3, 3, 3, 2])


def test_many_threads_share_one_convolver():
    op = sc.Convolver(RNG.standard_normal(500), (6000,), workers=1)
    signals = RNG.standard_normal((60, 6000))
    expected = [op(x) for x in signals]
    with ThreadPoolExecutor(8) as pool:
        results = list(pool.map(op, signals))
    np.testing.assert_array_equal(results, expected)


@pytest.mark.parametrize("method", METHODS)
def test_pickled_copy_gives_the_same_numbers(method):
    op = sc.Convolver(RNG.standard_normal((3, 4)), (30, 40), "same", boundary="wrap", method=method)
    copy = pickle.loads(pickle.dumps(op))
    x = RNG.standard_normal((30, 40))
    np.testing.assert_allclose(copy(x), op(x), atol=1e-13)
    np.testing.assert_allclose(copy.adjoint(x), op.adjoint(x), atol=1e-13)


def test_convolver_replays_a_plan():
    plan = sc.plan((300,), (20,), method="overlap-add")
    op = sc.Convolver(RNG.standard_normal(20), (300,), method=plan)
    assert op.plan.method == "overlap-add"


def test_wrong_shapes_are_refused():
    op = sc.Convolver(np.ones(3), (10,))
    with pytest.raises(ShapeError, match=r"shape \(10,\); got \(11,\)"):
        op(np.ones(11))
    with pytest.raises(ShapeError, match=r"shape \(12,\); got \(10,\)"):
        op.adjoint(np.ones(10))


def test_integer_overflow_is_refused_in_both_directions():
    op = sc.Convolver(np.array([2**40, 1]), (4,), dtype=np.int64)
    big = np.full(4, 2**40)
    with pytest.raises(IntegerOverflowError):
        op(big)
    with pytest.raises(IntegerOverflowError):
        op.adjoint(np.full(5, 2**40))


@pytest.mark.parametrize("shape", ["ab", None, (3.7,), (-3,), {3}])
def test_shapes_that_are_none_are_refused(shape):
    with pytest.raises(ValueError, match="signal"):
        sc.Convolver(np.ones(3), shape)


def test_adjoint_plans_for_the_dtype_that_it_meets():
    op = sc.Convolver([1] * 500, (200_000,))
    ones = np.ones(op.result_shape, int)
    assert op.adjoint(ones)[0] == 500
    floats = sc.Convolver(np.ones(5000, int), (10**5,)).adjoint(np.ones(104_999))
    np.testing.assert_allclose(floats, 5000)


@pytest.mark.parametrize("effort", ["estimate", "measure"])
def test_a_given_plan_is_replayed_as_it_is(effort):
    plan = replace(sc.plan((100_000,), (1000,), method="overlap-save"), effort=effort)
    assert plan.nfft[0] >= 4096
    op = sc.Convolver(RNG.standard_normal(1000), (100_000,), method=plan)
    assert op.plan == plan
    op(np.ones(100_000))
    assert {prepared.plan.effort for prepared in op._prepared.values()} == {effort}


@pytest.mark.parametrize("fill", [2.5, -1, 1j])
def test_integer_taps_take_a_fill_value_that_the_signals_hold(fill):
    h = np.array([1, 2, 3], np.uint8)
    dtype = {float: "f8", int: "i4", complex: "c16"}[type(fill)]
    x = np.arange(5).astype(dtype)
    keywords = {"boundary": "constant", "fill_value": fill}
    op = sc.Convolver(h, x.shape, "same", **keywords)
    np.testing.assert_array_equal(op(x), sc.convolve(x, h, "same", **keywords))
    with pytest.raises(DTypeError, match="fill_value"):
        op(np.arange(5, dtype=np.uint8))
