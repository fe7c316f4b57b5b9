"""What a prepared call allocates: its result, and nothing where `out` is given."""

import tracemalloc

import numpy as np
import pytest

import sigconv as sc
from sigconv.engines import compiled
from sigconv.engines.compiled import has_numba

# A few objects of Python's per block.
_SMALL = 256 << 10

CASES = [
    ((1_000_000,), (9,), "direct", "float64"),
    ((1_000_000,), (1000,), "overlap-save", "float64"),
    ((1_000_000,), (1000,), "overlap-save", "float32"),
    ((2, 500_000), (1, 300), "overlap-save", "float32"),
    ((500_000,), (400_000,), "fft", "float64"),
    ((3_000_000,), (1_000_000,), "overlap-save", "complex64"),
    ((1024, 1024), (3, 3), "direct", "float32"),
    ((1024, 1024), (7, 7), "direct", "float32"),
    ((1024, 1024), (31, 31), "overlap-save", "float32"),
    ((96, 96, 96), (5, 5, 5), "direct", "float32"),
    ((200_000,), (3000,), "overlap-save", "int64"),
    ((96, 96, 96), (33, 33, 33), "fft", "float32"),
]


def traced(call):
    """The most memory held during a call beyond what was held before."""
    tracemalloc.start()
    try:
        call()
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


@pytest.mark.skipif(not has_numba(), reason="numba is not installed")
@pytest.mark.parametrize(("shape", "taps", "method", "dtype"), CASES)
def test_prepared_calls_allocate_their_result_alone(shape, taps, method, dtype):
    # Loops that are not loaded yet are not planned with.
    if dtype != "int64":
        compiled.load(np.dtype(dtype))
    x, h = np.ones(shape, dtype), np.ones(taps, dtype)
    axes = 1 if taps[0] == 1 else None
    op = sc.Convolver(h, shape, "same", axes=axes, method=method, workers=2)
    out = np.empty(op.result_shape, dtype)
    # In one of a few calls each worker has had its share, and its scratch with it.
    assert min(traced(lambda: op(x, out=out)) for _ in range(6)) < _SMALL
    assert out.nbytes <= min(traced(lambda: op(x)) for _ in range(3)) < out.nbytes + _SMALL
