"""Prepared kernels that are symmetric keep real spectra: half the memory, the same numbers."""

from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np
import pytest

import sigconv as sc
from sigconv.engines import ENGINES, Plan, compiled, prepare
from sigconv.engines.compiled import has_numba
from sigconv.fft import is_native
from sigconv.planning import READY
from sigconv.testing import naive_convolve
from tests.engines.signals import normal

pytestmark = pytest.mark.skipif(
    not (has_numba() and is_native(np.dtype("f4"))), reason="no compiled loop runs FFTW"
)
RNG = np.random.default_rng(7)


drawn = partial(normal, RNG)


def symmetric(shape, dtype):
    """A kernel with h[c + k] = conj(h[c - k]) and no other structure."""
    h = drawn(shape, dtype)
    return h + h[(slice(None, None, -1),) * len(shape)].conj()


def prepared(x, h, mode, method, **keywords) -> tuple[Plan, Any]:
    """The kernel, ready for many signals, by plane after plane or tile after tile."""
    compiled.load(x.dtype, "planes")
    problem = sc.plan(x, h, mode, method=method, **keywords).problem
    plans = ENGINES[method].candidates(problem, READY)
    loops = {"fft": "compiled planes", "overlap-save": "numba"}
    plan = next(plan for plan in plans if plan.loop == loops[method])
    plan = replace(plan, effort="measure")
    return plan, prepare(plan, problem.kernel_view(h))


def applied(plan, ready, x, workers=1):
    from sigconv.dispatch import apply_prepared

    out = np.empty(plan.problem.result_shape, plan.problem.dtypes.result)
    apply_prepared(ready, x, ready.kernel, out, workers)
    return out


@pytest.mark.parametrize("dtype", ["f4", "f8", "c8", "c16"])
@pytest.mark.parametrize("boundary", ["zero", "symmetric", "wrap"])
@pytest.mark.parametrize("mode", ["full", "same", "valid"])
@pytest.mark.parametrize("method", ["fft", "overlap-save"])
@pytest.mark.parametrize(("shape", "taps"), [((70, 81), (7, 3)), ((24, 27, 29), (3, 5, 7))])
def test_numbers_are_those_of_the_definition(shape, taps, method, mode, boundary, dtype):
    x, h = drawn(shape, dtype), symmetric(taps, dtype)
    plan, ready = prepared(x, h, mode, method, boundary=boundary)
    expected = naive_convolve(x.astype("c16"), h.astype("c16"), mode, boundary=boundary)
    tolerance = plan.error_bound * np.linalg.norm(h) * np.linalg.norm(x)
    for workers in (1, 2):
        y = applied(plan, ready, x, workers)
        np.testing.assert_allclose(y, expected, rtol=0, atol=float(tolerance))


@pytest.mark.parametrize("method", ["fft", "overlap-save"])
def test_a_symmetric_kernel_takes_half_the_memory(method):
    x = drawn((80, 90, 70), "f4")
    one, other = (
        prepared(x, h, "same", method)[1]
        for h in (symmetric((5, 7, 3), "f4"), drawn((5, 7, 3), "f4"))
    )
    assert one.centre == (2, 3, 1)
    assert other.centre is None
    assert one.spectra.nbytes * 2 == other.spectra.nbytes


def test_what_is_not_symmetric_about_a_tap_stays_complex():
    x, h = drawn((60, 70), "f8"), symmetric((6, 6), "f8")
    assert prepared(x, h, "same", "overlap-save")[1].centre is None
    # The first outputs of `full` would lie before the transform.
    assert prepared(x, symmetric((7, 5), "f8"), "full", "fft")[1].centre is None
    plan, _ = prepared(x, symmetric((7, 5), "f8"), "same", "fft")
    single: Any = prepare(replace(plan, effort="estimate"), symmetric((7, 5), "f8"))
    assert single.centre is None


def test_kernels_of_a_batch_are_all_symmetric_or_none():
    x = drawn((3, 60, 70), "f8")
    h = np.stack([symmetric((5, 5), "f8") for _ in range(3)])
    for odd in (False, True):
        h[1, 0, 0] += odd
        plan, ready = prepared(x, h, "same", "overlap-save", axes=(1, 2))
        assert (ready.centre is None) == odd
        expected = naive_convolve(x, h, "same", axes=(1, 2))
        np.testing.assert_allclose(applied(plan, ready, x), expected, atol=1e-12)


def test_nan_reaches_the_outputs_under_the_kernel():
    x, h = drawn((60, 70), "f8"), symmetric((5, 7), "f8")
    x[20, 30] = np.nan
    for method in ("fft", "overlap-save"):
        plan, ready = prepared(x, h, "same", method)
        y = applied(plan, ready, x)
        marked = np.zeros(x.shape, bool)
        marked[18:23, 27:34] = True
        np.testing.assert_array_equal(np.isnan(y), marked)
