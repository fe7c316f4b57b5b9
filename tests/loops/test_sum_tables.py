"""Direct sums as tables: pieces cover all outputs once; and the time that they should take."""

from itertools import product
from math import prod

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import sigconv as sc
from sigconv.core.boundary import Edge
from sigconv.core.problem import Axis
from sigconv.engines.sum_costs import _met, loop_seconds
from sigconv.loops import pieces as rules
from sigconv.loops.pieces import Access, Layout, Pieces
from sigconv.loops.sum_tables import SERVED, list_taps, segments_served
from sigconv.planning import MACHINE


def layouts_of(shape, taps):
    """C-ordered arrays, convolved along all axes to the shape of the signal."""
    axes = [
        Axis(i, n, k, k // 2, k // 2 + n) for i, (n, k) in enumerate(zip(shape, taps, strict=True))
    ]
    strides = [prod(shape[i + 1 :]) for i in range(len(shape))]
    return [Layout(axis, step, step) for axis, step in zip(axes, strides, strict=True)]


@given(
    shape=st.lists(st.integers(1, 40), min_size=1, max_size=4),
    size=st.integers(1, 6),
    workers=st.integers(1, 5),
    copied=st.sampled_from([8, 1 << 19]),
    loads=st.booleans(),
)
def test_pieces_cover_every_output_once(shape, size, workers, copied, loads):
    layouts = layouts_of(shape, [size] * len(shape))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(rules, "_PIECE_PRODUCTS", 1)
        patch.setattr(rules, "_LEAST_COLUMNS", 3)
        patch.setattr(rules, "_MOST_COPIED", copied)
        patch.setattr(rules, "_MOST_LOADED", copied)
        table = Pieces.of(layouts, Access(4, loads=loads), workers).table
    written = np.zeros(shape if len(shape) > 1 else (1, *shape), int)
    for piece in table:
        written[tuple(slice(*span) for span in piece.reshape(-1, 2))] += 1
    assert (written == 1).all()


def test_rows_that_are_copied_stay_few():
    elements = Pieces.of(layouts_of((200, 200, 200), (5, 5, 5)), Access(4)).elements
    whole = 204 * 204 * 204
    # Each piece copies the rows that its neighbours take as well.
    assert elements < 1.5 * (1 << 19) < whole / 10


@pytest.mark.parametrize(
    ("shape", "taps"),
    [
        ((1_000_000,), (9,)),
        ((2048, 2048), (3, 3)),
        ((100, 300, 700), (15, 1, 1)),
        ((16, 256, 64, 512), (9, 9, 1, 1)),
        ((64,) * 5, (3, 3, 3, 1, 1)),
        ((30, 40, 50, 60, 70), (5, 5, 5, 5, 1)),
        ((200, 200, 200), (31, 31, 31)),
    ],
)
def test_what_is_loaded_stays_in_the_cache_and_is_loaded_a_few_times(shape, taps):
    pieces = Pieces.of(layouts_of(shape, taps), Access(4, loads=True), 2)
    # 2 MB, or what a few outputs take; twice that where most would be loaded again and again.
    few = prod(min(n, 4) + k - 1 for n, k in zip(shape[:-1], taps[:-1], strict=True))
    assert pieces.elements < 2 * max(1 << 19, few * (128 + taps[-1]))
    boxes = {tuple(piece[:-2]) for piece in pieces.table}
    spans = np.array([*boxes]).reshape(len(boxes), -1, 2)
    rows = (spans[:, :, 1] - spans[:, :, 0] + np.array(taps[:-1] or [1]) - 1).prod(axis=1)
    once = prod(n + k - 1 for n, k in zip(shape[:-1], taps[:-1], strict=True))
    # Little beside the rows of products that are summed up.
    assert rows.sum() < max(5 * once, prod(shape[:-1]) * prod(taps) / 16)


def test_lines_serve_the_rows_that_their_samples_reach():
    for taps in range(1, 12):
        rows = [set[int]() for _ in range(taps + 3)]
        for output, tap in product(range(4), range(taps)):
            rows[output + tap].add(output)
        served = [SERVED[i] for i in segments_served(taps)]
        assert served == [(min(row), max(row)) for row in rows]
        # Lines of one segment follow one another.
        assert list(segments_served(taps)) == sorted(segments_served(taps))


def test_taps_are_listed_by_rows_or_one_by_one():
    np.testing.assert_array_equal(list_taps((2, 3), 1), [[0, 0, 0], [1, 0, 3]])
    np.testing.assert_array_equal(list_taps((4,), 2), [[0, 0, 0]])
    kept = np.array([1, 5])
    np.testing.assert_array_equal(list_taps((2, 3), 1, kept), [[0, 1, 0], [1, 2, 1]])
    np.testing.assert_array_equal(list_taps((6,), 2, kept), [[0, 2, 0], [0, 10, 1]])


@pytest.mark.parametrize("edge", ["zero", "edge"])
def test_products_that_meet_a_sample_are_counted(edge):
    edges = (Edge(edge), Edge(edge))
    for size, taps in product(range(1, 7), range(1, 9)):
        for start in range(size + taps - 1):
            for stop in range(start + 1, size + taps):
                axis = Axis(0, size, taps, start, stop, edges)
                pairs = product(range(start, stop), range(taps))
                expected = sum(edge == "edge" or 0 <= n - k < size for n, k in pairs)
                assert _met(axis) == expected


def test_more_work_is_predicted_to_take_longer():
    def seconds(shape, taps, mode="same", **keywords):
        problem = sc.plan(shape, taps, mode, method="direct", **keywords).problem
        return loop_seconds(problem, MACHINE)

    assert seconds((100, 100), (3, 3)) < seconds((100, 100), (9, 9)) < seconds((200, 200), (9, 9))
    assert seconds((30, 30, 30), (9, 9, 9)) < seconds((30, 30, 30), (9, 9, 9), boundary="edge")
    assert seconds((0, 5), (3, 3)) == 0
    # Rows share the samples that they load.
    assert seconds((512, 512), (9, 9)) < seconds((512 * 512,), (81,))
