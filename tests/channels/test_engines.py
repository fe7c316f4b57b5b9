"""Which engine computes a sum over channels, in how much memory, and that it is this one."""

import tracemalloc

import numpy as np
import pytest

from sigconv.channels import compute
from sigconv.channels.engines import PRODUCTS, SUMS
from sigconv.engines import compiled
from sigconv.errors import MethodError
from sigconv.fft import current_backend
from sigconv.layers import conv, conv_input_grad, conv_plan, conv_weight_grad

METHODS = ("direct", "gemm", "fft", "taps")


def arrays(shape, weight_shape, dtype="f4", **options):
    rng = np.random.default_rng(0)
    x = rng.standard_normal(shape).astype(dtype)
    weight = rng.standard_normal(weight_shape).astype(dtype)
    return x, weight, conv(x, weight, method="taps", **options)


def serves(method):
    return method != "direct" or compiled.has_numba()


@pytest.fixture
def broken(monkeypatch):
    """Return what makes all engines raise but the one that is named."""

    def fail(*arguments, **keywords):
        raise AssertionError("another engine ran")

    def others(name):
        for table, engines in (("SUMS", SUMS), ("PRODUCTS", PRODUCTS)):
            kept = tuple(e if e.name == name else e._replace(write=fail) for e in engines)
            monkeypatch.setattr(compute, table, kept)
        return tuple(e if e.name == name else e._replace(write=fail) for e in SUMS)

    return others


@pytest.mark.parametrize("method", METHODS)
def test_the_engine_that_is_asked_for_is_the_one_that_runs(broken, method):
    x, weight, y = arrays((2, 3, 20, 30), (4, 3, 3, 5), padding=1)
    if not serves(method):
        with pytest.raises(MethodError, match="numba is not installed"):
            conv(x, weight, method=method)
        return
    broken(method)
    options = {"padding": 1, "method": method}
    np.testing.assert_allclose(conv(x, weight, **options), y, rtol=1e-4, atol=1e-4)
    assert conv_input_grad(y, weight, x.shape, **options).shape == x.shape
    assert conv_weight_grad(y, x, weight.shape, **options).shape == weight.shape


@pytest.mark.parametrize("method", METHODS)
def test_the_cheapest_engine_runs(monkeypatch, broken, method):
    x, weight, y = arrays((2, 3, 20, 30), (4, 3, 3, 5))
    if not serves(method):
        return
    compiled.load(np.dtype("f4"), "channels") if compiled.has_numba() else None
    engines = broken(method)
    cheap = tuple(
        e._replace(seconds=lambda *_, name=e.name: 1.0 + (name != method)) for e in engines
    )
    monkeypatch.setattr(compute, "SUMS", cheap)
    np.testing.assert_allclose(conv(x, weight), y, rtol=1e-4, atol=1e-4)


def test_without_its_loop_another_engine_serves_until_enough_is_lost(monkeypatch):
    if not compiled.has_numba():
        return
    x, weight, y = arrays((1, 2, 11, 13), (3, 2, 2, 2), "f8")
    told: list[tuple[str, float, float]] = []
    monkeypatch.setattr(compute, "load_seconds", lambda engine, *_: 5.0 * (engine.loop != ""))
    monkeypatch.setattr(compiled, "lose", lambda *given: told.append(given))
    plan = {e.name: e for e in SUMS}
    fast = plan["direct"]._replace(seconds=lambda *_: 1.0)
    slow = plan["gemm"]._replace(seconds=lambda *_: 3.0)
    monkeypatch.setattr(compute, "SUMS", (fast, slow))
    np.testing.assert_allclose(conv(x, weight), y)
    assert told == [("channels f8", 2.0, 5.0)]


@pytest.mark.parametrize(
    ("shape", "weight_shape", "options", "methods"),
    [
        ((4, 16, 64, 64), (32, 16, 3, 3), {"padding": 1}, ("direct", "gemm", "fft")),
        ((4, 16, 64, 64), (32, 16, 3, 3), {"padding": 1, "stride": 2}, ("direct", "gemm")),
        ((2, 8, 96, 96), (8, 8, 15, 15), {"padding": 7}, ("direct", "gemm", "fft")),
        ((4, 16, 96, 96), (16, 1, 31, 31), {"padding": 15, "groups": 16}, ("direct", "fft")),
        ((1, 4, 200_000), (8, 4, 501), {"padding": 250}, ("direct", "gemm", "fft")),
        ((1, 4, 32, 32, 32), (8, 4, 5, 5, 5), {"padding": 2}, ("direct", "gemm", "fft")),
        ((2, 128, 12, 12), (256, 128, 3, 3), {"padding": 1}, ("direct", "gemm")),
    ],
    ids=str,
)
def test_no_engine_takes_more_memory_beside_the_arrays_than_these(
    shape, weight_shape, options, methods
):
    x, weight, y = arrays(shape, weight_shape, **options)
    most = x.nbytes + weight.nbytes + y.nbytes
    calls = {
        y.nbytes: lambda m: conv(x, weight, method=m, workers=2, **options),
        x.nbytes: lambda m: conv_input_grad(y, weight, x.shape, method=m, workers=2, **options),
        weight.nbytes: lambda m: conv_weight_grad(
            y, x, weight.shape, method=m, workers=2, **options
        ),
    }
    # Of scipy.fft's own memory sigconv knows nothing.
    transforms = current_backend() == "pyfftw"
    for method in (m for m in methods if serves(m) and (m != "fft" or transforms)):
        for nbytes, call in calls.items():
            if "stride" in options and nbytes == x.nbytes and method == "fft":
                continue
            call(method)
            tracemalloc.start()
            call(method)
            peak = tracemalloc.get_traced_memory()[1]
            tracemalloc.stop()
            assert peak - nbytes <= most, (method, nbytes, (peak - nbytes) / most)


def test_a_plan_tells_what_each_engine_takes_or_why_it_does_not_serve():
    plan = conv_plan((8, 16, 128, 128), (32, 16, 3, 3), stride=2, dtype="f4")
    assert plan.method in plan.seconds
    assert set(plan.seconds) | set(plan.refusals) == set(METHODS)
    assert "fft" in plan.refusals
    assert set(plan.loading) <= {"direct"}
    lines = str(plan).splitlines()
    assert len(lines) == 1 + len(METHODS)
    assert [line for line in lines if line.startswith("-> ")] == [
        line for line in lines if f" {plan.method} " in line and line.startswith("-> ")
    ]
    exact = conv_plan((1, 1, 9), (1, 1, 3), dtype="O")
    assert (exact.method, set(exact.refusals)) == ("taps", {"direct", "gemm", "fft"})
    of_weights = conv_plan((1, 1, 9), (1, 1, 3), dtype="c8", of="weight_grad")
    assert "no real floating dtype" in of_weights.refusals["direct"]


def test_long_kernels_of_a_plain_layer_are_transformed_and_short_ones_are_not():
    long = conv_plan((8, 16, 128, 128), (16, 1, 31, 31), padding=15, groups=16)
    assert long.seconds["fft"] < long.seconds["gemm"]
    short = conv_plan((8, 16, 128, 128), (32, 16, 3, 3), padding=1)
    assert short.seconds["fft"] > short.seconds["gemm"]
