"""Where the wanted outputs lie, which taps they need, and the views that engines see."""

from itertools import permutations, product

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sigconv.core.arguments import make_problem
from sigconv.core.boundary import Edge
from sigconv.core.problem import Axis, Operand, Options
from sigconv.core.shapes import MODES, mode_range
from sigconv.errors import BoundaryError, DTypeError, ShapeError

F8 = np.dtype(float)


def problem(signal, kernel, mode="full", *, dtypes=(F8, F8), **options):
    x, h = Operand(signal, np.dtype(dtypes[0])), Operand(kernel, np.dtype(dtypes[1]))
    return make_problem(x, h, Options(mode, **options))


@pytest.mark.parametrize(("taps", "default"), [(1, 0), (2, 0), (3, 1), (4, 1), (5, 2)])
def test_the_default_center_of_convolve_is_half_of_k_minus_1(taps, default):
    given = problem((9,), (taps,), "same", center=default)
    assert problem((9,), (taps,), "same").axes == given.axes


@pytest.mark.parametrize("taps", range(1, 6))
def test_the_default_center_of_correlate_is_half_of_k(taps):
    given = problem((9,), (taps,), "same", center=taps // 2, correlate=True)
    assert problem((9,), (taps,), "same", correlate=True).axes == given.axes


def test_the_center_of_correlate_counts_from_the_other_end_of_the_flipped_kernel():
    for taps in range(1, 6):
        for c in range(taps):
            convolved = problem((9,), (taps,), "same", center=taps - 1 - c, boundary="edge")
            correlated = problem((9,), (taps,), "same", center=c, boundary="edge", correlate=True)
            assert convolved.axes == correlated.axes


def test_a_center_serves_every_axis_or_has_one_entry_per_axis():
    shapes = (9, 9), (3, 5)
    assert problem(*shapes, "same", center=1).axes == problem(*shapes, "same", center=(1, 1)).axes
    assert [a.start for a in problem(*shapes, "same", center=(2, 4)).axes] == [2, 4]
    assert [a.start for a in problem(*shapes, "same", center=(None, 0)).axes] == [1, 0]
    swapped = problem(*shapes, "same", axes=(1, 0), center=(4, 2))
    assert {a.axis: a.start for a in swapped.axes} == {0: 2, 1: 4}


@pytest.mark.parametrize("center", [-1, 3, (3,), (0, 0), 1.5, "1", (0.5,)])
def test_a_center_that_is_no_kernel_index_is_a_shape_error(center):
    with pytest.raises(ShapeError, match="center"):
        problem((9,), (3,), "same", center=center)


@pytest.mark.parametrize("mode", ["full", "valid"])
def test_a_center_outside_same_is_an_error_that_names_both(mode):
    with pytest.raises(ShapeError, match=f"center=0 with mode='{mode}'"):
        problem((9,), (3,), mode, center=0)


def taps_that_meet_a_sample(axis):
    kept = set()
    for n, k in product(range(axis.start, axis.stop), range(axis.taps)):
        beyond = axis.edges[0] if n - k < 0 else axis.edges[1]
        if 0 <= n - k < axis.size or not beyond.is_zero:
            kept.add(k)
    return sorted(kept)


@pytest.mark.parametrize(
    "rules", [("zero", "zero"), ("zero", "edge"), ("wrap", "zero"), ("edge", "edge")]
)
@pytest.mark.parametrize("mode", MODES)
def test_only_taps_that_meet_a_sample_are_kept(mode, rules):
    for size, taps in product(range(1, 6), range(1, 12)):
        for center in range(taps) if mode == "same" else (None,):
            found = problem((size,), (taps,), mode, boundary=(rules,), center=center)
            swapped = mode == "valid" and taps > size
            edges = (Edge("zero"),) * 2 if swapped else (Edge(rules[0]), Edge(rules[1]))
            whole = Axis(0, size, taps, *mode_range(mode, size, taps, center), edges)
            assert list(range(*found.kernel_kept[0])) == taps_that_meet_a_sample(whole)


@pytest.mark.parametrize("rule", ["zero", "edge", "wrap"])
def test_valid_mode_reads_no_sample_outside_even_when_it_swaps(rule):
    for size, taps in product(range(1, 7), repeat=2):
        for axis in problem((size,), (taps,), "valid", boundary=rule).axes:
            assert axis.support(axis.start, axis.stop) == (0, size)


def test_outputs_keep_their_samples_when_taps_are_left_out():
    # y[n] = sum_k h[k] x[n-k]: without the first f taps, n moves f towards the start.
    for size, taps in product(range(2, 6), range(2, 12)):
        for center in range(taps):
            found = problem((size,), (taps,), "same", center=center)
            first, last = found.kernel_kept[0]
            for axis in found.axes:
                assert (axis.taps, axis.start, axis.length) == (last - first, center - first, size)


@st.composite
def views(draw):
    """Draw a problem with its arrays."""
    ndim = draw(st.integers(0, 3))
    shape = tuple(draw(st.integers(1, 4)) for _ in range(ndim))
    order = draw(st.permutations(range(ndim)))
    axes = tuple(order[: draw(st.integers(1, ndim))]) if ndim else None
    full = axes is None or draw(st.booleans())
    dimensions = ndim if axes is None or full else len(axes)
    taps = tuple(draw(st.integers(1, 6)) for _ in range(dimensions))
    if axes is not None and full:
        taps = tuple(
            k if i in axes else draw(st.sampled_from([1, shape[i]])) for i, k in enumerate(taps)
        )
    mode = draw(st.sampled_from(["full", "same"]))
    found = problem(shape, taps, mode, axes=axes, correlate=draw(st.booleans()))
    return found, np.arange(np.prod(shape)).reshape(shape), np.ones(taps)


@given(drawn=views())
def test_views_are_batch_axes_then_convolved_axes(drawn):
    found, x, h = drawn
    sizes = tuple(axis.size for axis in found.axes)
    out = np.empty(found.result_shape)
    assert found.signal_view(x).shape == found.batch + sizes
    assert found.kernel_view(h).shape == found.kernel_batch + found.taps
    assert found.result_view(out).shape == found.batch + found.lengths
    assert np.shares_memory(found.signal_view(x), x)
    assert np.shares_memory(found.result_view(out), out)


def test_a_kernel_axis_cut_to_one_tap_is_one_kernel_for_the_whole_batch():
    # One sample meets one tap in `same`: the axis is a batch axis of length 1.
    found = problem((1, 9), (5, 3), "same")
    assert found.kernel_view(np.ones((5, 3))).shape == (1, 3)
    assert found.kernel_batch == (1,)


def test_the_kernel_view_of_convolve_is_the_kernel_in_the_order_of_axes():
    h = np.arange(6.0).reshape(2, 3)
    for axes in permutations(range(3), 2):
        view = problem((9, 9, 9), h.shape, axes=axes).kernel_view(h)
        np.testing.assert_array_equal(view, h[None])


def test_the_kernel_view_of_correlate_is_conjugated_and_flipped_on_convolved_axes():
    h = np.arange(6.0).reshape(2, 3) + 1j
    found = problem((2, 9), h.shape, axes=1, correlate=True, dtypes=("D", "D"))
    np.testing.assert_array_equal(found.kernel_view(h), np.conj(h[:, ::-1]))
    found = problem((9, 9), h.shape, correlate=True, dtypes=("D", "D"))
    np.testing.assert_array_equal(found.kernel_view(h), np.conj(h[::-1, ::-1]))


def test_the_kernel_view_of_a_long_kernel_has_the_taps_that_are_kept():
    h = np.arange(9.0)
    np.testing.assert_array_equal(
        problem((2,), (9,), "same", center=3).kernel_view(h), [2.0, 3.0, 4.0]
    )
    np.testing.assert_array_equal(
        problem((2,), (9,), "same", center=3, correlate=True).kernel_view(h), [4.0, 3.0, 2.0]
    )


@pytest.mark.parametrize(
    ("fill", "dtypes", "remedy"),
    [
        (1j, ("f8", "f8"), "dtype=complex"),
        (-1, ("u1", "u1"), "dtype=int"),
        (0.5, ("i8", "i8"), "dtype=float"),
        (np.nan, ("i8", "u1"), "dtype=float"),
        (np.inf, ("u1", "u1"), "dtype=float"),
    ],
)
def test_a_fill_value_that_the_result_cannot_hold_is_a_type_error(fill, dtypes, remedy):
    with pytest.raises(DTypeError, match=remedy) as caught:
        problem((3,), (2,), boundary="constant", fill_value=fill, dtypes=dtypes)
    assert isinstance(caught.value, TypeError)
    assert repr(fill) in str(caught.value)


@pytest.mark.parametrize(
    "fill", ["3", None, (1, 2), "x", 10**400], ids=["3", "None", "pair", "x", "huge"]
)
def test_a_fill_value_that_is_no_number_is_an_error(fill):
    with pytest.raises(BoundaryError, match="fill_value must be a number"):
        problem((3,), (2,), boundary="constant", fill_value=fill)


@pytest.mark.parametrize(
    ("fill", "dtypes"),
    [
        (2, ("u1", "u1")),
        (-2.0, ("i1", "i1")),
        (np.nan, ("f4", "u1")),
        (1j, ("F", "f4")),
        (2 + 0j, ("f4", "f4")),
    ],
)
def test_a_fill_value_that_the_result_can_hold_is_kept(fill, dtypes):
    (axis,) = problem((3,), (2,), boundary="constant", fill_value=fill, dtypes=dtypes).axes
    assert axis.edges[0] == axis.edges[1]
    np.testing.assert_array_equal(axis.edges[0].fill, fill)
