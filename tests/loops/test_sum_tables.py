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
from sigconv.loops import sum_tables
from sigconv.loops.sum_tables import (
    SERVED,
    Access,
    Layout,
    SumTables,
    list_taps,
    scratch_elements,
    segments_served,
)
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
)
def test_pieces_cover_every_output_once(shape, size, workers, copied):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sum_tables, "_PIECE_PRODUCTS", 1)
        patch.setattr(sum_tables, "_LEAST_COLUMNS", 3)
        patch.setattr(sum_tables, "_MOST_COPIED", copied)
        pieces = SumTables.of(layouts_of(shape, [size] * len(shape)), Access(4), workers).pieces
    *others, columns = shape
    first, last = (others[0], others[-1]) if others else (1, 1)
    written = np.zeros((first, last, columns), int)
    for a, b, c, d, e, f in pieces:
        written[a:b, c:d, e:f] += 1
    if len(others) == 1:
        # Rows alone are cut where they are the first axis and the last.
        written = written[:1]
    assert (written == 1).all()


def test_rows_that_are_copied_stay_few():
    layouts = layouts_of((200, 200, 200), (5, 5, 5))
    elements = scratch_elements(layouts, Access(4), SumTables.of(layouts, Access(4)).pieces)
    whole = 204 * 204 * 204
    # Each piece copies the rows that its neighbours take as well.
    assert elements < 1.5 * (1 << 19) < whole / 10


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
