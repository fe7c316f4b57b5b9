"""Elements are brought to another dtype and another step as NumPy does it."""

import ctypes
from itertools import product

import numpy as np
import pytest

from sigconv.engines.compiled import has_numba, is_moved, mover

pytestmark = pytest.mark.skipif(not has_numba(), reason="numba is not installed")
RNG = np.random.default_rng(5)
NAMES = ["bool", "i1", "u1", "i2", "u2", "i4", "u4", "i8", "u8", "f4", "f8", "c8", "c16"]
PAIRS = [pair for pair in product(map(np.dtype, NAMES), repeat=2) if is_moved(*pair)]


def drawn(source, target):
    """Numbers of both signs and all sizes; whole ones that fit for whole numbers."""
    if source.kind == "b":
        # NumPy takes any byte but 0 for True.
        return RNG.choice(np.array([0, 1, 2, 128, 255], np.uint8), 100).view(bool)
    if source.kind in "iu":
        info = np.iinfo(source)
        ends = np.array([info.min, info.max, 0, 1], source)
        return np.concatenate([ends, RNG.integers(info.min, info.max, 96, source)])
    if target.kind in "iu":
        info = np.iinfo(target)
        low, high = max(info.min, -(2**24)), min(info.max, 2**24)
        return RNG.integers(low, high, 100).astype(source)
    x = np.exp(RNG.uniform(-200, 200, 100)) * RNG.choice([-1, 1], 100)
    x[:5] = np.nan, np.inf, -np.inf, -0.0, 1e-310
    with np.errstate(all="ignore"):
        return x.astype(source) * (1 if source.kind == "f" else 1 - 2j)


def moved(source, target, counts):
    from sigconv.loops.moves import address_of

    whole = ctypes.c_int64
    call = ctypes.CFUNCTYPE(whole, *(ctypes.c_void_p,) * 2, *(whole,) * 3)
    return call(address_of(source.dtype, target.dtype))(
        target.ctypes.data, source.ctypes.data, *counts
    )


@pytest.mark.parametrize(("source", "target"), PAIRS, ids=lambda dtype: dtype.name)
def test_elements_are_rounded_as_numpy_rounds_them(source, target):
    x = drawn(source, target)
    y = np.empty(x.shape, target)
    moved(x, y, (x.size, 1, 1))
    with np.errstate(all="ignore"):
        expected = (x.view("u1") != 0 if source.kind == "b" else x).astype(target)
        np.testing.assert_array_equal(y, expected)


@pytest.mark.parametrize(("to", "step"), [(1, 3), (3, 1), (2, -2), (-1, 1), (1, 0)])
def test_elements_may_lie_apart_on_either_side(to, step):
    x, y = RNG.integers(0, 99, 60).astype("u1"), np.zeros(60, "f4")
    expected = y.copy()
    where, taken = 30 + to * np.arange(9), 30 + step * np.arange(9)
    expected[where] = x[taken]
    moved(x[30:], y[30:], (9, to, step))
    np.testing.assert_array_equal(y, expected)


def test_complex_numbers_have_no_way_to_real_ones_nor_have_halves_to_anything():
    pairs = [("c8", "f4"), ("f2", "f4"), (">f4", "f4"), ("f4", ">f4"), ("f4", "f2"), ("g", "f8")]
    for source, target in pairs:
        assert mover(np.dtype(source), np.dtype(target)) is None
