"""The engines of sums over channels, where each of them alone could go wrong."""

import threading
import warnings
from typing import Any

import numpy as np
import pytest
from threadpoolctl import threadpool_info

from sigconv.channels import compute
from sigconv.channels.engines import SUMS
from sigconv.engines.compiled import has_numba
from sigconv.fft import current_backend, set_fft_backend
from sigconv.layers import conv, conv_input_grad, conv_weight_grad

DIRECT = ["direct"] * has_numba()


def numbers(seed, shape, dtype="f4"):
    return np.random.default_rng(seed).standard_normal(shape).astype(dtype)


@pytest.mark.parametrize(("size", "taps"), [(3, 31), (20, 63), (20, 255), (14, 31)])
def test_depthwise_kernels_reach_beyond_the_image(size, taps):
    """Some of their taps meet no sample for any output."""
    x, weight = numbers(1, (1, 4, size, size)), numbers(2, (4, 1, taps, taps))
    options: dict[str, Any] = {"padding": taps // 2, "groups": 4}
    expected = conv(x.astype(float), weight.astype(float), method="taps", **options)
    for method in ("fft", "auto", *DIRECT):
        found = conv(x, weight, method=method, **options)
        np.testing.assert_allclose(found, expected, rtol=0, atol=2e-5 * np.abs(expected).max())


def test_adjoint_of_kernels_that_reach_beyond_the_image_by_fft():
    grad, weight = numbers(1, (1, 1, 1, 2, 1)), numbers(2, (1, 1, 7, 7, 5))
    options: dict[str, Any] = {"padding": [(0, 0), (3, 3), (0, 0)]}
    expected = conv_input_grad(grad, weight, (1, 1, 7, 2, 5), method="taps", **options)
    found = conv_input_grad(grad, weight, (1, 1, 7, 2, 5), method="fft", **options)
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-5)


def test_half_precision_is_rounded_once_with_the_bias():
    """1 + 2**-12 rounds to 1, and 1 - 1 + 2**-12 is 2**-12."""
    x = np.full((1, 2, 40), 2.0**-12, "f2")
    x[:, 1] = 1
    weight, bias = np.ones((1, 2, 1), "f2"), np.array([-1], "f2")
    for method in ("gemm", "fft", "taps", *DIRECT):
        found = conv(x, weight, bias, method=method)
        np.testing.assert_allclose(found, 2.0**-12, rtol=0.01, err_msg=method)


def test_overflow_in_a_worker_gives_no_warning():
    x, weight = np.full((6, 4, 60), 300, "f2"), np.full((4, 2, 9), 300, "f2")
    grad = np.full((6, 4, 52), 300, "f2")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for workers in (1, 2, 4):
            assert np.isinf(_shared(conv, x, weight, groups=2, workers=workers)).all()
            found = _shared(conv_weight_grad, grad, x, weight.shape, groups=2, workers=workers)
            assert np.isinf(found).all()


def _shared(function, *arguments, **options):
    """Let workers share what is too short for it."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(compute, "_ALONE", 0.0)
        return function(*arguments, method="fft", **options)


def test_calls_at_once_leave_the_threads_of_blas_as_they_were():
    before = _blas_threads()
    x, weight = numbers(1, (2, 4, 30, 30)), numbers(2, (8, 4, 3, 3))
    expected = conv(x, weight, method="gemm")
    found: list[np.ndarray] = []

    def call():
        found.extend(conv(x, weight, method="gemm") for _ in range(5))

    for _ in range(4):
        threads = [threading.Thread(target=call) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert _blas_threads() == before
    assert all(np.array_equal(y, expected) for y in found)


def _blas_threads():
    return [pool["num_threads"] for pool in threadpool_info() if pool["user_api"] == "blas"]


def test_blas_is_limited_until_the_last_of_several_calls_has_ended():
    from threadpoolctl import threadpool_limits

    from sigconv.channels.gemm import _lone_threads

    with threadpool_limits(limits=3, user_api="blas"):
        before = _blas_threads()
        with _lone_threads:
            with _lone_threads:
                # Other libraries may have a BLAS of their own.
                assert 1 in _blas_threads()
            assert 1 in _blas_threads()
        assert _blas_threads() == before


def test_an_engine_is_chosen_for_the_transforms_that_there_are_now(monkeypatch):
    asked = []

    def seconds(problem, machine):
        asked.append(current_backend())
        return 1.0

    engines = tuple(engine._replace(seconds=seconds) for engine in SUMS)
    monkeypatch.setattr(compute, "SUMS", engines)
    x, weight = numbers(1, (1, 1, 9)), numbers(2, (1, 1, 3))
    before = set_fft_backend("scipy")
    try:
        conv(x, weight)
        set_fft_backend("auto")
        conv(x, weight)
    finally:
        set_fft_backend(before)
    assert set(asked) == {"scipy", current_backend()}
