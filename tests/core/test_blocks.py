"""Grids cut outputs, or inputs, into blocks exactly once."""

from math import prod

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sigconv.core.arguments import make_problem
from sigconv.core.blocks import BlockGrid, batch_cuts, cut, input_range, largest_step
from sigconv.core.boundary import RULES, Edge
from sigconv.core.problem import Axis, Operand, Options
from sigconv.core.shapes import MODES, mode_range

F8 = np.dtype(float)


@st.composite
def one_axis(draw, number=0):
    """Draw an axis of any mode, size, kernel and edges."""
    size, taps = draw(st.integers(1, 9)), draw(st.integers(1, 9))
    mode = draw(st.sampled_from(MODES))
    center = draw(st.integers(0, taps - 1)) if mode == "same" else None
    edges = Edge(draw(st.sampled_from(RULES))), Edge(draw(st.sampled_from(RULES)))
    return Axis(number, size, taps, *mode_range(mode, size, taps, center), edges)


@st.composite
def grids(draw, *, by_input):
    """Draw a grid over up to two batch axes and one or two convolved axes."""
    axes = tuple(draw(one_axis(i)) for i in range(draw(st.integers(1, 2))))
    ranges = [input_range(axis) if by_input else (axis.start, axis.stop) for axis in axes]
    cuts = tuple(cut(a, b, draw(st.integers(1, 12))) for a, b in ranges)
    lengths = draw(st.lists(st.integers(0, 3), max_size=2))
    batches = tuple(cut(0, n, draw(st.integers(1, 3))) for n in lengths)
    return BlockGrid(axes, batches, cuts, by_input=by_input)


def needed(axis, outputs):
    """Return the extended samples that outputs are sums over, zeros outside left out."""
    found = {n - k for n in outputs for k in range(axis.taps)}
    if axis.edges[0].is_zero:
        found = {p for p in found if p >= 0}
    if axis.edges[1].is_zero:
        found = {p for p in found if p < axis.size}
    return sorted(found)


def marked(grid, origin, ranges):
    """Count how often the blocks' boxes cover each element of the batch and of `origin`."""
    shape = [edges[-1] for edges in grid.batch_cuts] + [b - a for a, b in origin]
    counts = np.zeros(shape, int)
    for block in grid:
        box = [slice(a - o, b - o) for (a, b), (o, _) in zip(ranges(block), origin, strict=True)]
        counts[(*block.batch, *box)] += 1
    return counts


@given(start=st.integers(-20, 20), length=st.integers(0, 30), step=st.integers(1, 40))
def test_cut_tiles_the_range_with_pieces_of_one_step(start, length, step):
    edges = cut(start, start + length, step)
    assert edges[0] == start
    assert edges[-1] == start + length
    lengths = np.diff(edges)
    assert all(lengths[:-1] == step)
    assert all((lengths > 0) & (lengths <= step))
    assert largest_step(edges) == max(lengths, default=0) == min(step, length)


@given(grid=grids(by_input=False))
def test_by_output_blocks_write_every_output_exactly_once(grid):
    origin = [(axis.start, axis.stop) for axis in grid.axes]
    assert (marked(grid, origin, lambda block: block.write) == 1).all()


@given(grid=grids(by_input=False))
def test_by_output_the_support_is_what_the_outputs_depend_on(grid):
    for block in grid:
        for axis, write, support in zip(grid.axes, block.write, block.support, strict=True):
            assert list(range(*support)) == needed(axis, range(*write))


@given(grid=grids(by_input=True))
def test_by_input_blocks_read_every_sample_exactly_once(grid):
    origin = [input_range(axis) for axis in grid.axes]
    assert (marked(grid, origin, lambda block: block.support) == 1).all()


@given(grid=grids(by_input=True))
def test_by_input_a_block_writes_the_wanted_outputs_that_its_samples_reach(grid):
    for block in grid:
        for axis, write, support in zip(grid.axes, block.write, block.support, strict=True):
            reached = {p + k for p in range(*support) for k in range(axis.taps)}
            wanted = sorted(reached & set(range(axis.start, axis.stop)))
            assert list(range(*write)) == wanted


@given(axis=one_axis())
def test_the_input_range_is_what_all_wanted_outputs_depend_on(axis):
    assert list(range(*input_range(axis))) == needed(axis, range(axis.start, axis.stop))


@given(axis=one_axis())
def test_only_zero_edges_clip(axis):
    before, after = axis.edges
    low, high = axis.clip(-5, axis.size + 5)
    assert low == (0 if before.is_zero else -5)
    assert high == (axis.size if after.is_zero else axis.size + 5)
    # Nothing but zeros: an empty range, not a negative one.
    zero = Axis(0, axis.size, axis.taps, axis.start, axis.stop)
    for region in ((-9, -4), (axis.size + 2, axis.size + 6)):
        start, stop = zero.clip(*region)
        assert start == stop


@given(grid=grids(by_input=False))
def test_blocks_are_numbered_in_row_major_order(grid):
    positions = list(np.ndindex(*grid.shape))
    assert len(grid) == prod(grid.shape) == len(positions)
    assert [grid.unravel(i) for i in range(len(grid))] == positions
    assert list(grid) == [grid.at(p) for p in positions] == [grid[i] for i in range(len(grid))]


@pytest.mark.parametrize("index", [-1, 6, 100])
def test_an_index_outside_the_grid_is_an_index_error(index):
    grid = BlockGrid((Axis(0, 6, 1, 0, 6),), ((0, 1, 2),), ((0, 2, 4, 6),))
    with pytest.raises(IndexError, match=f"block {index} of 6"):
        grid[index]


@given(shape=st.lists(st.integers(0, 5), max_size=3), count=st.integers(0, 200))
def test_batch_cuts_tile_the_batch_in_pieces_of_at_most_count(shape, count):
    operands = Operand((*shape, 8), F8), Operand((3,), F8)
    problem = make_problem(*operands, Options(axes=-1))
    cuts = batch_cuts(problem, count)
    assert [edges[0] for edges in cuts] == [0] * len(shape)
    assert [edges[-1] for edges in cuts] == shape
    assert prod(largest_step(edges) for edges in cuts) <= max(1, count)
    if count >= prod(shape) > 0:
        assert all(len(edges) == 2 for edges in cuts)


def test_batch_cuts_fill_the_last_axes_first():
    operands = Operand((4, 3, 5, 8), F8), Operand((3,), F8)
    problem = make_problem(*operands, Options(axes=-1))
    assert batch_cuts(problem, 5) == (cut(0, 4, 1), cut(0, 3, 1), (0, 5))
    assert batch_cuts(problem, 11) == (cut(0, 4, 1), cut(0, 3, 2), (0, 5))
    assert batch_cuts(problem, 30) == (cut(0, 4, 2), (0, 3), (0, 5))
