"""FFTW's own functions: plans that compiled loops run give the numbers of numpy.fft."""

import ctypes
from typing import Any

import numpy as np
import pytest

from sigconv.fft import ColumnSpec, PlaneSpec, TransformSpec, borrow_transform, fftw, is_native
from sigconv.fft.native import find_functions, find_plan
from sigconv.fft.planes import padded

pytestmark = pytest.mark.skipif(
    not is_native(np.dtype("f4")), reason="FFTW's functions are not shown"
)
RNG = np.random.default_rng(4)


def drawn(shape, dtype):
    parts = RNG.standard_normal((2, *shape))
    return (parts[0] + 1j * parts[1] if np.dtype(dtype).kind == "c" else parts[0]).astype(dtype)


def planned(source, target, axes, direction):
    with fftw.planning("estimate") as plan:
        return plan(source, target, axes, direction)


@pytest.mark.parametrize("dtype", ["f4", "f8", "c8", "c16"])
def test_a_loop_runs_plans_there_and_back(dtype):
    spec = TransformSpec(1, (12,), np.dtype(dtype), is_native=True)
    with borrow_transform(spec) as work:
        execute, forward, inverse, _ = (int(address) for address in work.calls)
        run = ctypes.CFUNCTYPE(None, ctypes.c_void_p)(execute)
        x = drawn((12,), dtype)
        work.samples[0] = x
        run(forward)
        tolerance = 50 * np.finfo(dtype).eps
        expected = np.fft.rfft(x) if spec.is_real else np.fft.fft(x)
        np.testing.assert_allclose(work.spectrum[0], expected, rtol=0, atol=tolerance)
        run(inverse)
        np.testing.assert_allclose(work.samples[0] / 12, x, rtol=0, atol=tolerance)


def test_a_plan_serves_other_arrays_too():
    spec = ColumnSpec(16, 8, np.dtype("c16"), is_native=True)
    other = fftw.empty_aligned((16, 8), "c16")
    other[...] = x = drawn((16, 8), "c16")
    with borrow_transform(spec) as work:
        *_, forward, _, execute_at = (int(address) for address in work.calls)
        run = ctypes.CFUNCTYPE(None, *(ctypes.c_void_p,) * 3)(execute_at)
        run(forward, other.ctypes.data, other.ctypes.data)
    np.testing.assert_allclose(other, np.fft.fft(x, axis=0), rtol=0, atol=1e-12)


def test_what_does_not_look_like_a_plan_is_not_taken_for_one():
    array = fftw.empty_aligned((8,), "c16")

    class Stranger:
        __slots__ = ("input_array", "others", "output_array")

    stranger: Any = Stranger()
    stranger.input_array = stranger.output_array = array
    assert find_plan(stranger) is None
    plan = planned(array, array, (0,), "FORWARD")
    assert find_plan(plan)


def test_dtypes_that_fftw_lacks_here_have_no_functions():
    assert not is_native(np.dtype("g"))
    assert not is_native(np.dtype("i8"))


def test_a_library_without_the_functions_shows_none(tmp_path):
    import math

    assert find_functions(math.__file__ if hasattr(math, "__file__") else "", np.dtype("d")) is None
    text = tmp_path / "no_library.so"
    text.write_text("no library")
    assert find_functions(str(text), np.dtype("d")) is None


@pytest.mark.parametrize(("columns", "dtype", "expected"), [
    (1, "c8", 8), (8, "c8", 8), (9, "c8", 24), (17, "c8", 24), (5, "c16", 12), (13, "c16", 20),
])  # fmt: skip
def test_columns_fill_an_odd_number_of_cache_lines(columns, dtype, expected):
    assert padded(columns, np.dtype(dtype)) == expected


def test_a_transform_tells_a_loop_its_addresses():
    specs = (
        (TransformSpec(1, (16,), np.dtype("f4"), is_native=True), 4),
        (ColumnSpec(16, 8, np.dtype("c8"), is_native=True), 4),
        (PlaneSpec(1, (8, 8), (4,), ((2, 6),), np.dtype("f4"), is_native=True), 6),
        (PlaneSpec(1, (8,), (), (), np.dtype("f4"), is_native=True), 6),
    )
    for spec, count in specs:
        with borrow_transform(spec) as work:
            calls = work.calls.tolist()
            assert len(calls) == count
            # Planes of one axis have nothing across.
            missing = 2 if isinstance(spec, PlaneSpec) and len(spec.nfft) == 1 else 0
            assert calls.count(0) == missing
