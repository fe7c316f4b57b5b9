"""StreamMatrixConvolver: each output is the sum over inputs of their convolutions."""

import pickle
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import sigconv as sc
from sigconv.errors import IntegerOverflowError, ShapeError
from sigconv.testing import samples, tolerance
from tests.streaming.streams import choose_any, late, through


def by_pairs(x, kernels, **keywords):
    """Return sums of single convolutions, of signals (frames, inputs)."""
    outputs, inputs, _ = kernels.shape
    return np.stack(
        [
            sum(sc.convolve(x[:, i], kernels[o, i], **keywords) for i in range(inputs))
            for o in range(outputs)
        ],
        axis=1,
    )


@settings(max_examples=40)
@given(
    data=st.data(),
    outputs=st.integers(1, 3),
    inputs=st.integers(1, 3),
    taps=st.integers(1, 300),
    latency=st.sampled_from([0, 50]),
    dtype=st.sampled_from(["float32", "float64", "complex128", "int16"]),
    axis=st.sampled_from([0, -1]),
)
def test_outputs_are_sums_over_inputs(data, outputs, inputs, taps, latency, dtype, axis):
    kernels = data.draw(samples((outputs, inputs, taps), dtype)).copy()
    silent = data.draw(st.sets(st.tuples(st.integers(0, outputs - 1), st.integers(0, inputs - 1))))
    for pair in silent:
        kernels[pair] = 0
    x = data.draw(samples((900, inputs), dtype))
    rule = data.draw(st.sampled_from(["zero", "edge", "constant"]))
    keywords = {"boundary": rule, "fill_value": 2.0 * (rule == "constant")}
    with pytest.MonkeyPatch.context() as patch:
        choose_any(patch, data.draw(st.integers(0, 99)))
        stream = sc.StreamMatrixConvolver(kernels, axis=axis, latency=latency, **keywords)
        y = through(stream, x if axis == 0 else x.T, [64, 1, 0, 200], axis)
    expected = late(by_pairs(x, kernels, **keywords), latency)
    y = y if axis == 0 else y.T
    assert y.shape == expected.shape
    atol = 0 if dtype == "int16" else 3 * inputs * tolerance(x, kernels, y.dtype)
    np.testing.assert_allclose(y, expected, rtol=0, atol=atol)


def test_a_kernel_of_zeros_costs_nothing_and_still_meets_infinity():
    kernels = np.zeros((2, 2, 5))
    kernels[0, 0] = kernels[1, 1] = 1.0
    stream: Any = sc.StreamMatrixConvolver(kernels)
    x = np.ones((10, 2))
    x[3, 0] = np.inf
    y = through(stream, x, [4])
    assert len(stream._running._filter._connections.table) == 2
    assert np.isinf(y[3:8, 0]).all()
    assert np.isnan(y[3:8, 1]).all(), "0 * inf"
    assert np.isfinite(y[:3]).all()
    assert np.isfinite(y[8:]).all()


def test_swap_fade_and_state_are_those_of_every_stream():
    rng = np.random.default_rng(0)
    first, second = rng.standard_normal((2, 3, 2, 700))
    x = rng.standard_normal((2000, 2))
    stream = sc.StreamMatrixConvolver(first)
    y = [stream.process(x[:1000])]
    stream.swap(second, fade=100)
    y.append(stream.process(x[1000:1040]))
    twin = sc.StreamMatrixConvolver(first)
    twin.restore(pickle.loads(pickle.dumps(stream.state())))
    y.append(twin.process(x[1040:]))
    np.testing.assert_array_equal(y[-1], stream.process(x[1040:]))
    old, new = (by_pairs(x, kernels)[:2000] for kernels in (first, second))
    w = np.sin(np.pi * (np.arange(100) + 0.5) / 200) ** 2
    w = np.concatenate([np.zeros(1000), w, np.ones(900)])[:, np.newaxis]
    np.testing.assert_allclose(np.concatenate(y), (1 - w) * old + w * new, atol=1e-10)


@pytest.mark.parametrize("crossed", [False, True])
def test_as_many_kernels_as_channels_and_long_chunks(crossed):
    rng = np.random.default_rng(2)
    kernels = np.zeros((2, 2, 300))
    for output in range(2):
        kernels[output, output ^ crossed] = rng.standard_normal(300)
    x = rng.standard_normal((60_000, 2))
    y = through(sc.StreamMatrixConvolver(kernels), x, [32_768])
    np.testing.assert_allclose(y, by_pairs(x, kernels), atol=1e-11)


def test_absent_edges_weigh_each_kernel_by_itself():
    rng = np.random.default_rng(1)
    kernels, x = np.abs(rng.standard_normal((2, 2, 20))) + 0.1, rng.standard_normal((90, 2))
    y = through(sc.StreamMatrixConvolver(kernels, boundary="absent"), x, [7])
    np.testing.assert_allclose(y, by_pairs(x, kernels, boundary="absent"), atol=1e-12)


@pytest.mark.parametrize("dtype", ["f8", "i4"])
@pytest.mark.parametrize("axis", [0, -1])
def test_a_filter_for_each_channel(axis, dtype):
    rng = np.random.default_rng(3)
    x, h = (rng.standard_normal((n, 3)) * 9 for n in (40_000, 700))
    x, h = (array.astype(dtype) for array in (x, h))
    if axis == -1:
        x, h = x.T, h.T
    for kernel in (h, h[:, :1] if axis == 0 else h[:1]):
        stream = sc.StreamConvolver(kernel, axis=axis, axes=axis, max_taps=700)
        y = through(stream, x, [30_000, 64], axis)
        np.testing.assert_allclose(y, sc.convolve(x, kernel, axes=axis), rtol=0, atol=1e-9)
    correlator = sc.StreamCorrelator(h, axis=axis, axes=axis)
    expected = sc.correlate(x, h, axes=axis)
    np.testing.assert_allclose(through(correlator, x, [64], axis), expected, rtol=0, atol=1e-9)


def test_channels_do_not_add_up_to_an_overflow():
    kernel = np.full((1, 3), 1 << 47)
    stream = sc.StreamConvolver(kernel, axis=0, axes=0)
    np.testing.assert_array_equal(stream.process(np.ones((2, 3), "i2")), np.full((2, 3), 1 << 47))


def test_axes_are_that_of_time_or_all():
    wrong: Any = (1, (0, 1), 0.5)
    for axes in wrong:
        with pytest.raises(ShapeError, match="along time alone"):
            sc.StreamConvolver(np.ones((5, 2)), axis=0, axes=axes)
    with pytest.raises(ShapeError, match="a filter for each channel"):
        sc.StreamConvolver(np.ones((5, 2)), axis=0, axes=0).process(np.ones((4, 3)))
    sc.StreamConvolver(np.ones((5, 2)), axis=0, axes=0, batch_shape=(2,)).process(np.ones((4, 2)))
    with pytest.raises(ShapeError, match="a filter for each channel"):
        sc.StreamConvolver(np.ones((5, 2)), axis=0, axes=0, batch_shape=(3,))


def test_shapes_are_told():
    stream = sc.StreamMatrixConvolver(np.ones((3, 2, 4)))
    with pytest.raises(ShapeError, match=r"shape \(frames, 2\); got \(5, 3\)"):
        stream.process(np.ones((5, 3)))
    with pytest.raises(ShapeError, match="3 outputs and 2 inputs"):
        stream.swap(np.ones((2, 2, 4)))
    with pytest.raises(ShapeError, match=r"\(outputs, inputs, taps\)"):
        sc.StreamMatrixConvolver(np.ones((2, 4)))
    with pytest.raises(IntegerOverflowError, match="whatever comes"):
        sc.StreamMatrixConvolver(np.full((1, 3, 1), 1 << 47)).process(np.ones((2, 3), "i2"))
