"""Regions of the extended signal, and the exact transpose of reading them."""

from itertools import product

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sigconv.core.blocks import Block
from sigconv.core.boundary import RULES, Edge
from sigconv.core.gather import Tile, gather, gather_region, scatter_add
from sigconv.core.problem import Axis

I8 = np.dtype(np.int64)
FILL = 7


def axis(number, size, before="zero", after=None):
    """Return an axis with one tap: only its size and edges matter here."""
    names = before, before if after is None else after
    edges = [Edge(name, FILL) if name == "constant" else Edge(name) for name in names]
    return Axis(number, size, 1, 0, size, (edges[0], edges[1]))


def signal(*shape):
    """Return samples that differ from one another, from 0 and from the fill."""
    return (10 + np.arange(np.prod(shape))).reshape(shape)


def extended(x, axes, region, walk):
    """Return the region sample by sample: zero beats constant, and both beat the maps."""
    nbatch = x.ndim - len(axes)
    found = np.empty(x.shape[:nbatch] + tuple(b - a for a, b in region), x.dtype)
    for index in np.ndindex(*found.shape[nbatch:]):
        source, outside = [], set()
        for i, ax, (start, _) in zip(index, axes, region, strict=True):
            rule = ax.edges[0 if start + i < 0 else 1].rule
            sample = walk(rule, ax.size, start + i)
            source.append(0 if sample is None else sample)
            if sample is None:
                outside.add(rule)
        value = x[(..., *source)]
        found[(..., *index)] = 0 if outside & {"zero", "absent"} else FILL if outside else value
    return found


rules = st.sampled_from(RULES)


@st.composite
def regions(draw, max_ndim=3, reach=12):
    """Draw a signal with up to one batch axis, its axes and a region to read."""
    ndim = draw(st.integers(1, max_ndim))
    nbatch = draw(st.integers(0, 1))
    shape = [draw(st.integers(1, 4)) for _ in range(nbatch + ndim)]
    reach = max(2, reach // ndim)
    axes, region = [], []
    for i, size in enumerate(shape[nbatch:]):
        axes.append(axis(i, size, draw(rules), draw(rules)))
        start = draw(st.integers(-reach, size + reach))
        region.append((start, start + draw(st.integers(0, reach))))
    return signal(*shape), tuple(axes), tuple(region)


def whole(x, axes):
    return tuple(slice(0, n) for n in x.shape[: x.ndim - len(axes)])


@given(drawn=regions())
def test_a_region_is_the_extended_signal(drawn, source_index):
    x, axes, region = drawn
    found = gather_region(x, axes, whole(x, axes), region, I8)
    np.testing.assert_array_equal(found, extended(x, axes, region, source_index))


@pytest.mark.parametrize("rule", ["edge", "reflect", "symmetric", "wrap"])
@pytest.mark.parametrize("shape", [(5,), (3, 4), (2, 3, 4)])
def test_a_region_continues_as_numpy_pad_does(rule, shape):
    x = signal(*shape)
    axes = tuple(axis(i, n, rule) for i, n in enumerate(shape))
    pads = [(n - 1, n // 2) for n in shape]
    region = tuple((-b, n + a) for n, (b, a) in zip(shape, pads, strict=True))
    np.testing.assert_array_equal(gather_region(x, axes, (), region, I8), np.pad(x, pads, rule))


@pytest.mark.parametrize(("first", "second"), list(product(RULES, RULES)))
def test_in_corners_zero_beats_constant_beats_the_maps(first, second):
    x = signal(2, 2)
    axes = axis(0, 2, first), axis(1, 2, second)
    (corner,) = gather_region(x, axes, (), ((-1, 0), (-1, 0)), I8).ravel()
    if {"zero", "absent"} & {first, second}:
        assert corner == 0
    elif "constant" in (first, second):
        assert corner == FILL
    else:
        assert corner in x


@pytest.mark.parametrize("size", [1, 2, 3])
@pytest.mark.parametrize("pair", list(product(RULES, RULES)), ids="-".join)
def test_many_repetitions_of_a_short_signal(size, pair, source_index):
    x, axes = signal(2, size), (axis(0, size, *pair),)
    for region in ((-150, 150), (-300, -7), (5, 301), (-2, 200), (-200, 1)):
        found = gather_region(x, axes, (slice(0, 2),), (region,), I8)
        np.testing.assert_array_equal(found, extended(x, axes, (region,), source_index))


def test_many_repetitions_on_two_axes(source_index):
    x = signal(2, 3)
    axes = axis(0, 2, "reflect", "constant"), axis(1, 3, "wrap", "symmetric")
    region = (-25, 20), (-30, 33)
    found = gather_region(x, axes, (), region, I8)
    np.testing.assert_array_equal(found, extended(x, axes, region, source_index))


@given(drawn=regions(), data=st.data())
def test_a_region_inside_the_signal_is_a_view(drawn, data):
    x, axes, _ = drawn
    region = []
    for ax in axes:
        start = data.draw(st.integers(0, ax.size - 1))
        region.append((start, data.draw(st.integers(start + 1, ax.size))))
    found = gather_region(x, axes, whole(x, axes), tuple(region), np.dtype(np.float32))
    box = tuple(slice(*bounds) for bounds in region)
    assert np.shares_memory(found, x)
    assert found.dtype == x.dtype
    np.testing.assert_array_equal(found, x[(..., *box)])


def test_a_region_beyond_the_signal_is_an_array_of_the_asked_dtype():
    x = signal(4).astype(np.uint8)
    found = gather_region(x, (axis(0, 4, "edge"),), (), ((-1, 4),), np.dtype(np.float32))
    assert found.dtype == np.float32
    assert not np.shares_memory(found, x)


@pytest.mark.parametrize("rule", RULES)
def test_a_region_can_be_written_without_harm_to_the_signal_only_if_it_is_no_view(rule):
    x = signal(3)
    found = gather_region(x, (axis(0, 3, rule),), (), ((-2, 5),), I8)
    found[...] = 0
    np.testing.assert_array_equal(x, signal(3))


def test_a_batch_is_cut_by_its_slices():
    x = signal(4, 3, 5)
    batch = slice(1, 3), slice(0, 2)
    found = gather_region(x, (axis(2, 5, "wrap"),), batch, ((-1, 6),), I8)
    expected = np.pad(x, ((0, 0), (0, 0), (1, 1)), "wrap")[1:3, 0:2]
    np.testing.assert_array_equal(found, expected)


def test_without_convolved_axes_the_tile_is_a_view_of_the_batch():
    x = signal(4, 3)
    found = gather_region(x, (), (slice(1, 3), slice(0, 3)), (), np.dtype(float))
    assert np.shares_memory(found, x)
    np.testing.assert_array_equal(found, x[1:3])


def test_the_tile_of_a_block_holds_its_support():
    x, axes = signal(6), (axis(0, 6, "symmetric"),)
    block = Block((), ((0, 3),), ((-2, 3),))
    tile = gather(x, axes, block, I8)
    assert tile.block == block
    np.testing.assert_array_equal(tile.data, [11, 10, 10, 11, 12])


@pytest.mark.parametrize("rule", ["zero", "edge", "symmetric", "wrap", "constant"])
@pytest.mark.parametrize("write", [(0, 4), (3, 8), (5, 9), (2, 4), (0, 9)])
def test_a_placed_tile_is_a_view_of_the_source_that_continues_as_the_block_does(rule, write):
    edge = Edge(rule, 7)
    x, ax = signal(2, 7), Axis(1, 7, 3, 0, 9, (edge, edge))
    block = Block((slice(1, 2),), (write,), (ax.support(*write),))
    tile = gather(x, (ax,), block, I8)
    data, (placed,), _ = tile.placed((3,))
    assert np.shares_memory(data, x)
    found = gather_region(
        data, (placed,), (slice(0, 1),), (placed.support(placed.start, placed.stop),), I8
    )
    np.testing.assert_array_equal(found, tile.data)
    gathered = Tile(block, tile.data)
    data, (inside,), _ = gathered.placed((3,))
    assert data is gathered.data
    assert inside.length == write[1] - write[0]
    assert inside.start == write[0] - block.support[0][0]


@pytest.mark.parametrize("fill", [2**53 + 1, -(2**62) - 1])
def test_an_integer_fill_is_not_rounded(fill):
    edge = Edge("constant", fill)
    ax = Axis(0, 2, 1, 0, 2, (edge, edge))
    found = gather_region(signal(2), (ax,), (), ((-1, 2),), I8)
    assert [int(v) for v in found] == [fill, 10, 11]


@pytest.mark.parametrize(
    ("fill", "dtype", "expected"),
    [
        (np.longdouble(1) / 3, "g", np.longdouble(1) / 3),
        (2 + 3j, "D", 2 + 3j),
        (4 + 0j, "f8", 4.0),
        (np.nan, "f4", np.nan),
    ],
)
def test_a_fill_keeps_its_precision_and_its_imaginary_part(fill, dtype, expected):
    edge = Edge("constant", fill)
    ax = Axis(0, 2, 1, 0, 2, (edge, edge))
    found = gather_region(np.zeros(2, dtype), (ax,), (), ((-1, 2),), np.dtype(dtype))
    np.testing.assert_array_equal(found, np.array([expected, 0, 0], dtype))


class Boxes:
    """A source that gives boxes of slices and nothing else, as a reader of a file does."""

    def __init__(self, array):
        self._array = array
        self.shape, self.dtype = array.shape, array.dtype

    def __getitem__(self, key):
        assert len(key) == len(self.shape)
        for part, size in zip(key, self.shape, strict=True):
            assert isinstance(part, slice)
            assert part.step in (None, 1)
            assert 0 <= part.start < part.stop <= size
        return self._array[key]


@given(drawn=regions(reach=40))
def test_a_source_is_asked_for_boxes_inside_it_only(drawn):
    x, axes, region = drawn
    found = gather_region(Boxes(x), axes, whole(x, axes), region, I8)
    np.testing.assert_array_equal(found, gather_region(x, axes, whole(x, axes), region, I8))


def linear(axes):
    """Return the axes with a fill of 0: the linear part of the map."""
    return tuple(ax._replace(edges=tuple(e._replace(fill=0) for e in ax.edges)) for ax in axes)


@given(drawn=regions(reach=24), seed=st.integers(0, 2**32 - 1))
def test_scatter_add_is_the_exact_adjoint_of_gather_region(drawn, seed):
    x, axes, region = drawn
    gathered = gather_region(x, linear(axes), whole(x, axes), region, I8)
    y = np.random.default_rng(seed).integers(-1000, 1000, gathered.shape)
    scattered = np.zeros_like(x)
    scatter_add(y, axes, region, scattered)
    assert (gathered * y).sum() == (x * scattered).sum()


@pytest.mark.parametrize("size", [1, 2, 3, 5])
@pytest.mark.parametrize("pair", list(product(RULES, RULES)), ids="-".join)
def test_scatter_add_counts_how_often_each_sample_was_read(size, pair, source_index):
    ax, region = axis(0, size, *pair), (-31, 29)
    out = np.zeros(size, int)
    scatter_add(np.ones(60, int), (ax,), (region,), out)
    read = [source_index(pair[0] if p < 0 else pair[1], size, p) for p in range(*region)]
    assert out.tolist() == [read.count(i) for i in range(size)]


@pytest.mark.parametrize("rule", ["zero", "constant"])
def test_scatter_add_gives_nothing_from_beyond_a_filled_side(rule):
    out = np.zeros(3, int)
    scatter_add(np.ones(4, int), (axis(0, 3, rule),), ((-4, 0),), out)
    scatter_add(np.ones(4, int), (axis(0, 3, rule),), ((3, 7),), out)
    assert not out.any()


def test_scatter_add_adds_to_what_is_there():
    out = np.array([100, 200])
    scatter_add(np.array([1, 2, 3, 4]), (axis(0, 2, "edge"),), ((-1, 3),), out)
    assert out.tolist() == [103, 207]
