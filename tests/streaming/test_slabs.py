"""Kernels of more dimensions along one axis of images and volumes, slab by slab."""

import pickle
import tracemalloc

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import sigconv as sc
from sigconv.core.index import along
from sigconv.errors import ShapeError
from sigconv.testing import naive_convolve, samples, tolerance
from tests.streaming.streams import late, through

RULES = ("zero", "edge", "symmetric", "reflect", "absent")


def same_but_time(x, h, time, center=None, **keywords):
    """Convolve in full along time and in mode same along the other axes, by the definition."""
    y = naive_convolve(x, h, "full", **keywords)
    for axis in range(x.ndim):
        if axis != time:
            taps = h.shape[axis]
            c = (taps - 1) // 2 if center is None else center[axis]
            y = y[along(axis, slice(c, c + x.shape[axis]))]
    return y


@given(
    data=st.data(),
    ndim=st.integers(2, 3),
    time=st.integers(0, 2),
    latency=st.sampled_from([0, 7]),
    dtype=st.sampled_from(["float64", "float32", "int16", "complex128"]),
)
def test_slabs_give_the_convolution(data, ndim, time, latency, dtype):
    time %= ndim
    shape = tuple(data.draw(st.integers(1, 12 if ndim == 2 else 6)) for _ in range(ndim))
    taps = tuple(data.draw(st.integers(1, 5)) for _ in range(ndim))
    rules = st.sampled_from(RULES[:-1] if dtype in ("int16", "complex128") else RULES)
    boundary = [(data.draw(rules), data.draw(rules)) for _ in range(ndim)]
    if latency < taps[time] - 1:
        boundary[time] = ("edge", boundary[time][1])
    x, h = data.draw(samples(shape, dtype)), data.draw(samples(taps, dtype))
    if any("absent" in pair for pair in boundary):
        h = np.abs(h) + 1
    center = data.draw(st.none() | st.tuples(*(st.integers(0, k - 1) for k in taps)))
    stream = sc.StreamConvolver(
        h, axis=time - ndim, latency=latency, boundary=boundary, center=center
    )
    sizes = data.draw(st.lists(st.integers(0, 5), min_size=1, max_size=3).filter(any))
    y = through(stream, x, sizes, time)
    expected = late(same_but_time(x, h, time, center, boundary=boundary), latency, time)
    assert y.shape == expected.shape
    atol = 0 if dtype == "int16" else 4 * tolerance(x, h, y.dtype)
    np.testing.assert_allclose(y, expected, rtol=0, atol=atol)


def test_a_volume_goes_in_the_memory_of_a_few_slabs():
    kernel = np.ones((5, 7, 7)) / 245
    stream = sc.StreamConvolver(kernel, axis=0)
    rng = np.random.default_rng(0)
    for _ in range(3):
        stream.process(rng.standard_normal((4, 128, 128)))
    tracemalloc.start()
    for _ in range(40):
        stream.process(rng.standard_normal((4, 128, 128)))
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 6 * 4 * 128 * 128 * 8


def test_a_new_kernel_and_a_state_go_with_slabs():
    rng = np.random.default_rng(1)
    x, h, g = rng.standard_normal((40, 9)), rng.standard_normal((3, 3)), rng.standard_normal((6, 3))
    stream = sc.StreamConvolver(h, axis=0, max_taps=6)
    y = [stream.process(x[:11])]
    stream.swap(g, fade=4)
    y.append(stream.process(x[11:13]))
    twin = sc.StreamConvolver(h, axis=0, max_taps=6)
    twin.restore(pickle.loads(pickle.dumps(stream.state())))
    y.append(twin.process(x[13:]))
    np.testing.assert_array_equal(y[-1], stream.process(x[13:]))
    old, new = (same_but_time(x, k, 0)[:40] for k in (h, g))
    w = np.sin(np.pi * (np.arange(4) + 0.5) / 8) ** 2
    w = np.concatenate([np.zeros(11), w, np.ones(25)])[:, np.newaxis]
    np.testing.assert_allclose(np.concatenate(y), (1 - w) * old + w * new, atol=1e-12)


def test_chunks_have_the_dimensions_of_the_kernel():
    stream = sc.StreamConvolver(np.ones((3, 3)), axis=0)
    with pytest.raises(ShapeError, match="chunks of 2 dimensions"):
        stream.process(np.ones((4, 4, 4)))
    with pytest.raises(ShapeError, match="no axis 2"):
        sc.StreamConvolver(np.ones((3, 3)), axis=2)
