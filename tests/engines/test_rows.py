"""Sums along rows: any layout, any rim, one row at a time or two."""

import numpy as np
import pytest

import sigconv as sc
from sigconv.engines import compiled as loops
from sigconv.engines.compiled import has_numba
from sigconv.engines.rows import TapList, compiled_sums, row_axis, sliced_sums
from sigconv.testing import naive_convolve

RNG = np.random.default_rng(12)
compiled = pytest.mark.skipif(not has_numba(), reason="numba is not installed")


def whole(shape, dtype="float64"):
    """Whole numbers, whose sums are exact in every dtype."""
    return RNG.integers(-9, 9, shape).astype(dtype)


# Kernels of 64 taps and more take two rows at a time.
SHAPES = [
    ((40,), (7,)),
    ((5000,), (130,)),
    ((24, 300), (9, 9)),
    ((25, 30), (8, 9)),
    ((5, 60), (2, 40)),
    ((6, 7, 90), (3, 4, 9)),
    ((70, 3, 20), (64, 1, 2)),
    ((4, 5, 6), (6, 7, 9)),
    ((3, 4, 5, 20), (2, 3, 2, 6)),
]


@compiled
@pytest.mark.parametrize("dtype", ["float32", "float64", "complex64", "int64"])
@pytest.mark.parametrize(("shape", "taps"), SHAPES)
def test_samples_that_do_not_exist_add_nothing(shape, taps, dtype):
    x, h = whole(shape, dtype), whole(taps, dtype)
    full = np.empty(tuple(n + k - 1 for n, k in zip(shape, taps, strict=True)), dtype)
    assert compiled_sums(x, TapList.of(h), full, (0,) * x.ndim)
    np.testing.assert_array_equal(full, naive_convolve(x, h))
    shifts = tuple(k // 2 for k in taps)
    part = tuple(slice(s, s + n) for s, n in zip(shifts, shape, strict=True))
    same = np.empty(shape, dtype)
    compiled_sums(x, TapList.of(h), same, shifts)
    np.testing.assert_array_equal(same, full[part])


@compiled
@pytest.mark.parametrize("order", [(0, 1, 2), (2, 0, 1), (1, 0, 2)])
@pytest.mark.parametrize("taps", [(3, 2, 4), (9, 9, 1), (1, 8, 9)])
def test_rows_lie_along_whichever_axis_is_contiguous(taps, order):
    x = np.ascontiguousarray(whole((20, 21, 22)).transpose(order)).transpose(np.argsort(order))
    h = whole(taps)
    assert row_axis(x) == order[-1]
    out = np.empty(tuple(n + k - 1 for n, k in zip(x.shape, taps, strict=True)))
    compiled_sums(x, TapList.of(h), out, (0, 0, 0))
    np.testing.assert_array_equal(out, naive_convolve(x, h))


@compiled
def test_batches_strides_and_byte_order_do_not_matter():
    x, h = whole((4, 30, 40)), whole((9, 8))
    expected = naive_convolve(x, h, axes=(1, 2))
    for data in (x[:, ::-1], np.repeat(x, 2, axis=2)[..., ::2], np.broadcast_to(x[:1], x.shape)):
        out = np.empty((38, 47, 4)).transpose(2, 0, 1)[:, ::-1]
        compiled_sums(data, TapList.of(h), out, (0, 0))
        np.testing.assert_array_equal(out, naive_convolve(data, h, axes=(1, 2)))
    part = x[:, :, :]
    part.flags.writeable = False
    out = np.empty(expected.shape)
    compiled_sums(part, TapList.of(h), out, (0, 0))
    np.testing.assert_array_equal(out, expected)


@compiled
@pytest.mark.parametrize("taps", [(3, 3), (9, 9)])
@pytest.mark.parametrize("place", [(0, 0), (10, 30), (19, 59), (11, 30)])
@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_what_is_not_finite_is_told_and_reaches_its_outputs(value, place, taps):
    x, h = whole((20, 60)), 1 + np.abs(whole(taps))
    x[place] = value
    out = np.empty((20 + taps[0] - 1, 60 + taps[1] - 1))
    assert not compiled_sums(x, TapList.of(h), out, (0, 0))
    np.testing.assert_array_equal(out, naive_convolve(x, h))


@pytest.mark.parametrize(("shape", "taps"), SHAPES[:6])
def test_slices_give_the_same(shape, taps):
    x, h = whole(shape), whole(taps)
    expected = naive_convolve(x, h)
    data = np.pad(x, [(k - 1, k - 1) for k in taps])
    out = np.empty(expected.shape)
    sliced_sums(data, h, out)
    np.testing.assert_array_equal(out, expected)


@compiled
def test_rows_that_no_tap_reaches_are_zero():
    h = np.zeros((5, 5))
    h[0, 2] = 1.0
    taps = TapList.of(h, sparse=True)
    x = whole((6, 50))
    for _ in range(20):
        # What was freed is read by whoever reads what does not exist.
        del [np.full(n, np.nan) for n in (1, 2, 3, 4, 5, 6, 7, 8) * 50][:]
        out = np.empty((10, 54))
        assert compiled_sums(x, taps, out, (0, 0))
        np.testing.assert_array_equal(out, naive_convolve(x, h))


@compiled
@pytest.mark.parametrize("dtype", ["f4", "f8"])
@pytest.mark.parametrize("shapes", [((1, 300, 300), (7, 1, 9)), ((1, 24, 13), (9, 1, 5))])
def test_axes_of_one_sample_do_not_mix_up_the_order_in_memory(shapes, dtype):
    x, h = (np.asfortranarray(RNG.standard_normal(shape).astype(dtype)) for shape in shapes)
    loops.load(np.dtype(dtype))
    expected = sc.convolve(np.ascontiguousarray(x), h, method="fft")
    np.testing.assert_allclose(sc.convolve(x, h, method="direct"), expected, atol=1e-4)
