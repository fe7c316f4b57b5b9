"""The integers of sums over channels: which sample each output and tap meet, and the adjoint's."""

from collections import Counter
from itertools import product

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sigconv.channels.adjoint import phases_of, region_of, transposed
from sigconv.channels.problem import ChannelProblem
from sigconv.core.boundary import ZERO, Edge
from sigconv.core.dtypes import DTypes
from sigconv.core.index_maps import NO_SAMPLE, index_map
from sigconv.core.problem import Axis
from tests.layers.cases import RULES, extension

FLOATS = DTypes(np.dtype(float), np.dtype(float))
EDGES = [
    (ZERO, ZERO),
    (Edge("wrap"), Edge("wrap")),
    (ZERO, Edge("edge")),
    (Edge("reflect"), ZERO),
]


def axis_of(size, taps, stride, dilation, padding, edges=(ZERO, ZERO)):
    """An axis as a layer makes it, or None where the kernel reaches too far."""
    before, after = padding
    reach = dilation * (taps - 1)
    start, free = reach - before, size + before + after - reach
    if free < 1:
        return None
    return Axis(0, size, taps, start, start + free, edges, stride, dilation)


def small_axes(edges=(ZERO, ZERO)):
    """Yield every axis of a few samples, taps, steps and sides, which may leave samples out."""
    paddings = [(0, 0), (1, 0), (0, 2), (3, 3), (-1, -1)]
    sizes = product(range(1, 6), range(1, 5), range(1, 5), range(1, 5), paddings)
    for size, taps, stride, dilation, padding in sizes:
        axis = axis_of(size, taps, stride, dilation, padding, edges)
        if axis is not None:
            yield axis


def problem_of(*axes):
    numbered = tuple(axis._replace(axis=i) for i, axis in enumerate(axes))
    return ChannelProblem(2, 4, 6, 2, numbered, FLOATS)


def met_forward(axis):
    """Every (position, tap, output) of the forward sum, with taps in the order of positions."""
    first = axis.start - axis.dilation * (axis.taps - 1)
    return Counter(
        (first + axis.stride * q + axis.dilation * k, k, q)
        for q in range(len(range(axis.start, axis.stop, axis.stride)))
        for k in range(axis.taps)
    )


def met_backward(axis, phase, low):
    """Every (position, tap, output) of a phase: a sum over outputs, where these exist."""
    place, taps = phase.place[0], phase.taps[0]
    if phase.problem is None:
        return
    own = phase.problem.axes[0]
    kept = range(axis.taps)[taps]
    first = own.start - own.dilation * (own.taps - 1)
    assert len(kept) == own.taps
    assert own.size == axis.length
    for a, position in enumerate(range(low + place.start, low + place.stop, place.step)):
        for t, k in enumerate(kept):
            q = first + own.stride * a + own.dilation * t
            if 0 <= q < own.size:
                yield position, k, q


@pytest.mark.parametrize("edges", EDGES, ids=lambda pair: f"{pair[0]}-{pair[1]}")
def test_phases_meet_each_pair_of_the_forward_sum_once(edges):
    for axis in small_axes(edges):
        problem = problem_of(axis)
        ((low, high),) = region_of(problem)
        backward = Counter(
            met for phase in phases_of(problem) for met in met_backward(axis, phase, low)
        )
        forward = met_forward(axis)
        assert backward == {met: n for met, n in forward.items() if low <= met[0] < high}
        beyond = {met[0] for met in forward if not low <= met[0] < high}
        # Left out is what lies beyond an edge with zeros, and nothing else.
        assert all(edges[0].is_zero if p < 0 else edges[1].is_zero for p in beyond)
        assert all(p < 0 or p >= axis.size for p in beyond)
        assert not low or not edges[0].is_zero
        assert high == axis.size or not edges[1].is_zero


def test_phases_cover_each_position_once():
    for edges in EDGES:
        for axis in small_axes(edges):
            problem = problem_of(axis)
            ((low, high),) = region_of(problem)
            assert low <= 0
            assert high >= axis.size
            covered = Counter(
                p for phase in phases_of(problem) for p in range(high - low)[phase.place[0]]
            )
            assert covered == Counter(range(high - low))


def test_a_phase_has_as_many_results_as_positions():
    for axis in small_axes():
        problem = problem_of(axis)
        ((low, high),) = region_of(problem)
        for place, _, phase in phases_of(problem):
            if phase is not None:
                assert phase.axes[0].length == len(range(high - low)[place[0]])
                assert phase.axes[0].stride == 1


def test_phases_of_several_axes_are_all_pairs_of_theirs():
    axes = [axis for axis in small_axes() if (axis.size, axis.taps) in ((3, 2), (4, 3))]
    for one, other in product(axes[::7], axes[::11]):
        alone = [list(phases_of(problem_of(axis))) for axis in (one, other)]
        both = list(phases_of(problem_of(one, other)))
        assert len(both) == len(alone[0]) * len(alone[1])
        for phase, (a, b) in zip(both, product(*alone), strict=True):
            assert phase.place == a.place + b.place
            assert phase.taps == a.taps + b.taps
            assert (phase.problem is None) == (a.problem is None or b.problem is None)
            if phase.problem is not None:
                assert (phase.problem.inputs, phase.problem.outputs) == (6, 4)
                assert [axis.axis for axis in phase.problem.axes] == [0, 1]


def test_no_phase_is_made_of_taps_that_fall_between_outputs():
    """A stride that the dilation shares a factor with leaves positions that no tap meets."""
    problem = problem_of(axis_of(6, 2, 4, 2, (0, 0)))
    assert [phase.problem is not None for phase in phases_of(problem)] == [True, False, True, False]


@given(
    size=st.integers(1, 40),
    taps=st.integers(1, 7),
    stride=st.integers(1, 9),
    dilation=st.integers(1, 9),
    padding=st.tuples(st.integers(0, 50), st.integers(0, 50)),
)
def test_lengths_and_extents_are_counts(size, taps, stride, dilation, padding):
    axis = axis_of(size, taps, stride, dilation, padding)
    if axis is None:
        return
    problem = problem_of(axis)
    met = met_forward(axis)
    positions = [position for position, _, _ in met]
    assert axis.length == len({q for _, _, q in met})
    assert axis.reach_back == dilation * (taps - 1)
    assert problem.firsts == (min(positions),) == (-padding[0],)
    assert problem.extents == (max(positions) - min(positions) + 1,)
    assert problem.products == 2 * 6 * (4 // 2) * len(met)
    assert problem.result_shape == (2, 6, axis.length)
    assert axis.clip(-5, size + 5) == (0, size)


@given(
    size=st.integers(1, 9),
    taps=st.integers(1, 5),
    dilation=st.integers(1, 4),
    padding=st.tuples(st.integers(0, 20), st.integers(0, 20)),
    rules=st.tuples(st.sampled_from(RULES), st.sampled_from(RULES)),
)
def test_index_maps_of_dilated_axes_reach_over_all_taps(size, taps, dilation, padding, rules):
    axis = axis_of(size, taps, 1, dilation, padding, (Edge(rules[0]), Edge(rules[1])))
    if axis is None:
        return
    assert NO_SAMPLE == -1
    assert index_map(axis).tolist() == extension(size, padding, rules).tolist()


def test_transposed_weights_swap_channels_within_each_group():
    weight = np.arange(6 * 2 * 3).reshape(6, 2, 3)
    found = transposed(weight, 2)
    assert found.shape == (4, 3, 3)
    for group, i, o, k in product(range(2), range(2), range(3), range(3)):
        assert found[2 * group + i, o, k] == weight[3 * group + o, i, k]


def test_a_layer_with_one_input_channel_a_group_is_depthwise():
    axes = (axis_of(5, 2, 1, 1, (0, 0)),)
    assert ChannelProblem(1, 4, 8, 4, axes, FLOATS).is_depthwise
    assert not ChannelProblem(1, 4, 8, 2, axes, FLOATS).is_depthwise
    assert ChannelProblem(0, 4, 8, 4, axes, FLOATS).is_empty
    assert not ChannelProblem(1, 4, 8, 4, axes, FLOATS).is_empty
