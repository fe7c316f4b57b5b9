"""convolve_pieces: the pieces of a long signal join to the one-shot result."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import sigconv as sc
from sigconv.core.boundary import RULES
from sigconv.engines import compiled
from sigconv.engines.compiled import has_numba
from sigconv.errors import DTypeError, OptionError, ShapeError
from sigconv.fft import is_native
from sigconv.testing import samples, tolerance

METHODS = ("auto", "direct", "fft", "overlap-save", "overlap-add")


class Reader:
    """A source that records what is read, as a file would see it."""

    def __init__(self, array):
        self.array, self.shape, self.dtype = array, array.shape, array.dtype
        self.reads = []

    def __getitem__(self, key):
        assert all(part.step in (None, 1) for part in key)
        part = self.array[key]
        self.reads.append((key[0].start or 0, part.shape[0]))
        return part.copy()


@given(
    data=st.data(),
    n=st.integers(0, 3000),
    k=st.integers(1, 900),
    mode=st.sampled_from(["full", "same", "valid"]),
    rules=st.tuples(st.sampled_from(RULES), st.sampled_from(RULES)),
    method=st.sampled_from(METHODS),
    piece=st.integers(1, 2000),
)
def test_pieces_join_to_the_whole(data, n, k, mode, rules, method, piece):
    channels = data.draw(st.integers(1, 3))
    x = data.draw(samples((n, channels), "float64"))
    h = data.draw(st.sampled_from([samples((k,), "float64"), samples((k, channels), "float64")]))
    h = data.draw(h)
    if "absent" in rules:
        h = np.abs(h) + 0.1
    keywords = {"boundary": [rules], "method": method}
    pieces = sc.convolve_pieces(Reader(x), h, mode, piece=piece, **keywords)
    parts = list(pieces)
    expected = sc.convolve(x, h, mode, axes=0, **keywords)
    assert pieces.shape == expected.shape
    assert pieces.dtype == expected.dtype
    if expected.size:
        joined = np.concatenate(parts)
        atol = tolerance(x, h, expected.dtype) if x.size else 0
        if "absent" in rules:
            atol *= h.sum() / h.min()
        np.testing.assert_allclose(joined, expected, rtol=0, atol=atol)
    else:
        assert parts == []


@pytest.mark.parametrize("axis", [0, 1, -1])
def test_pieces_follow_one_another_along_the_axis(axis):
    x = np.random.default_rng(0).standard_normal((40, 5000))[:: 1 if axis else -1]
    h = np.ones(9)
    parts = list(sc.convolve_pieces(x, h, axis=axis, piece=700, method="overlap-save"))
    np.testing.assert_allclose(
        np.concatenate(parts, axis=axis), sc.convolve(x, h, axes=axis), atol=1e-11
    )


def test_source_is_read_in_order_with_the_overlap_of_the_kernel():
    reader = Reader(np.ones((400_000, 2), np.float32))
    pieces = sc.convolve_pieces(reader, np.ones(1000), dtype="float32", piece=20_000)
    sizes = [len(part) for part in pieces]
    assert sum(sizes) == 400_999
    assert len(sizes) > 2
    ends = [start + count for start, count in reader.reads]
    starts = [start for start, _ in reader.reads]
    assert starts == sorted(starts)
    assert all(end - start == 999 for end, start in zip(ends, starts[1:], strict=False))


def test_long_signals_are_held_one_piece_at_a_time():
    class Endless:
        shape, dtype = (2**33,), np.dtype(np.float32)

        def __getitem__(self, key):
            return np.ones(key[0].stop - key[0].start, np.float32)

    pieces = iter(sc.convolve_pieces(Endless(), np.ones(4), method="direct", dtype="float32"))
    np.testing.assert_array_equal(next(pieces)[:5], [1, 2, 3, 4, 4])
    np.testing.assert_array_equal(next(pieces)[:5], [4] * 5)


def test_one_tap_scales_the_pieces():
    x = np.arange(10.0)
    parts = list(sc.convolve_pieces(x, [2.0], piece=4))
    np.testing.assert_array_equal(np.concatenate(parts), 2 * x)


def test_nan_in_one_piece_reaches_the_next():
    x = np.ones(3000)
    x[1000] = np.nan
    for method in METHODS:
        pieces = sc.convolve_pieces(x, np.ones(300), "same", piece=100, method=method)
        y = np.concatenate(list(pieces))
        np.testing.assert_array_equal(np.isnan(y), np.isnan(sc.convolve(x, np.ones(300), "same")))


def test_integers_are_refused_because_their_range_is_unknown():
    with pytest.raises(DTypeError, match="dtype=float"):
        sc.convolve_pieces(np.arange(10), np.arange(3))


@pytest.mark.parametrize("keywords", [{"axis": None}, {"axis": (0,)}, {"piece": 0}, {"piece": "a"}])
def test_axes_and_pieces_that_are_no_numbers_are_refused(keywords):
    with pytest.raises(ShapeError):
        sc.convolve_pieces(np.ones(10), np.ones(3), **keywords)


def test_a_list_is_a_source():
    source: Any = [1.0, 2.0]
    parts = list(sc.convolve_pieces(source, [1.0, 1.0]))
    np.testing.assert_array_equal(np.concatenate(parts), [1, 3, 2])


def test_very_long_kernels_still_go_block_by_block():
    pieces = sc.convolve_pieces(np.ones(10**7, np.float32), np.ones(2 * 10**6, np.float32))
    assert pieces.plan.method != "fft"


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("rules", [("absent", "absent"), ("absent", "edge"), ("zero", "absent")])
@pytest.mark.parametrize("taps", [7, 64, 300])
def test_absent_edges_keep_the_mean_whatever_the_weights(taps, rules, method):
    x = 5 + np.random.default_rng(1).standard_normal(200)
    h = 10.0 ** -np.linspace(0, 12, taps)
    for kernel in (h, h[::-1]):
        keywords = {"boundary": [rules], "method": method}
        pieces = sc.convolve_pieces(x, kernel, "full", piece=30, **keywords)
        y = np.concatenate(list(pieces))
        expected = sc.convolve(x, kernel, "full", boundary=[rules], method="direct")
        np.testing.assert_allclose(y, expected, rtol=1e-7, atol=1e-12)


def test_absent_edges_need_weights():
    with pytest.raises(OptionError, match="taps >= 0"):
        sc.convolve_pieces(np.ones(10), [1.0, -1.0], boundary="absent")


@pytest.mark.skipif(
    not (has_numba() and is_native(np.dtype("f4"))), reason="no compiled loop runs FFTW"
)
def test_long_kernels_go_whole_since_pieces_are_short_beside_them():
    kernel = np.ones(10**6, np.complex64)
    source = np.broadcast_to(np.complex64(1), (1 << 25,))
    compiled.load(np.dtype("c8"), "parts")
    assert sc.plan(source.shape, kernel.shape, dtype="c8", method="overlap-save").parts > 1
    assert sc.convolve_pieces(source, kernel, method="overlap-save").plan.parts == 1


class Growing(Reader):
    """A source that comes bit by bit, and whose shape tells nothing of its length."""

    def __init__(self, array, planned):
        super().__init__(array)
        self.shape = (planned, *array.shape[1:])
        self.held = (0, 0)

    def reaches(self, stop, keep):
        length = len(self.array)
        self.held = (max(self.held[0], keep, 0), max(self.held[1], min(stop, length)))
        return length if stop > length else None

    def __getitem__(self, key):
        low, high = key[0].start, key[0].stop
        assert self.held[0] <= low <= high <= self.held[1]
        return super().__getitem__(key)


@given(
    data=st.data(),
    n=st.integers(0, 3000),
    k=st.integers(1, 900),
    mode=st.sampled_from(["full", "same", "valid"]),
    rules=st.tuples(*[st.sampled_from([rule for rule in RULES if rule != "wrap"])] * 2),
    piece=st.integers(1, 700),
    planned=st.sampled_from([1000, 1 << 22]),
)
def test_a_source_that_nobody_knows_the_length_of_gives_the_same(
    data, n, k, mode, rules, piece, planned
):
    x = data.draw(samples((n, 2), np.dtype("float32")))
    h = np.abs(data.draw(samples((k,), np.dtype("float32")))) + np.float32(0.1)
    keywords: dict[str, Any] = {"boundary": [rules]}
    if "constant" in rules:
        keywords["fill_value"] = 0.5
    pieces = sc.convolve_pieces(
        Growing(x, max(planned, k)), h[:, None], mode, axis=0, piece=piece, **keywords
    )
    if mode == "valid" and n < k:
        with pytest.raises(ShapeError, match="as many samples as taps"):
            list(pieces)
        return
    found = [np.empty((0, 2), "float32"), *pieces]
    expected = sc.convolve(x, h[:, None], mode, axes=0, **keywords)
    fill = keywords.get("fill_value", 0.0)
    atol = tolerance(x, h, np.dtype("float32"), fill_value=fill) * 4
    np.testing.assert_allclose(np.concatenate(found), expected, rtol=1e-5, atol=atol)
