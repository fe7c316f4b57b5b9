"""What a call asks for: axes, batches and result shapes, and the errors."""

from itertools import permutations, product
from typing import Any

import numpy as np
import pytest
from scipy import signal as scipy_signal

from sigconv.core.arguments import make_problem, normalise_axes
from sigconv.core.boundary import RULES
from sigconv.core.problem import Operand, Options
from sigconv.core.shapes import MODES
from sigconv.errors import ModeError, OptionError, ShapeError

F8 = np.dtype(float)


def problem(signal, kernel, mode="full", *, dtypes=(F8, F8), **options):
    x, h = Operand(signal, np.dtype(dtypes[0])), Operand(kernel, np.dtype(dtypes[1]))
    return make_problem(x, h, Options(mode, **options))


@pytest.mark.parametrize("ndim", range(5))
def test_axes_default_to_all(ndim):
    assert normalise_axes((3,) * ndim, (2,) * ndim, None) == tuple(range(ndim))
    assert normalise_axes((3,) * ndim, (), None) == tuple(range(ndim))


def test_axes_are_counted_from_either_end_and_keep_their_order():
    shape = (3, 4, 5)
    for axis in range(3):
        assert normalise_axes(shape, (2,), axis) == (axis,)
        assert normalise_axes(shape, (2,), axis - 3) == (axis,)
    from_numpy: Any = np.argsort([2, 0, 1])
    assert normalise_axes(shape, shape, tuple(from_numpy)) == (1, 2, 0)
    assert all(type(a) is int for a in normalise_axes(shape, shape, tuple(from_numpy)))
    for order in permutations(range(3)):
        assert normalise_axes(shape, shape, order) == order
        assert normalise_axes(shape, shape, tuple(a - 3 for a in order)) == order


@pytest.mark.parametrize("axes", [3, -4, (0, 3), (0, 1.0), ("x",), (None,)])
def test_an_axis_that_is_not_there_is_an_error_with_the_range(axes):
    with pytest.raises(ShapeError, match=r"between -3 and 2 .* shape \(3, 4, 5\)"):
        normalise_axes((3, 4, 5), (2,), axes)


@pytest.mark.parametrize("axes", [(0, 0), (1, -2), (0, 1, 0)])
def test_axes_must_differ(axes):
    with pytest.raises(ShapeError, match="differ from one another"):
        normalise_axes((3, 4, 5), (2,), axes)


def test_axes_must_name_one():
    with pytest.raises(ShapeError, match=r"at least one axis; got \(\)"):
        normalise_axes((3, 4), (2, 2), ())


@pytest.mark.parametrize("axes", [1.5, "0"])
def test_axes_of_another_type_are_an_error_with_the_rule(axes):
    with pytest.raises(ShapeError, match="axes must be integers"):
        normalise_axes((3, 4), (2,), axes)


def test_a_1d_kernel_on_a_2d_signal_is_answered_with_axes_minus_1():
    with pytest.raises(ShapeError, match=r"\(3, 4\) and \(2,\)\..*axes=-1") as caught:
        problem((3, 4), (2,))
    assert isinstance(caught.value, ValueError)


@pytest.mark.parametrize(
    ("signal", "kernel"), [((3,), (2, 2)), ((3, 4, 5), (2, 2)), ((3, 4), (2, 2, 2))]
)
def test_dimensions_that_differ_are_an_error_with_both_shapes(signal, kernel):
    with pytest.raises(ShapeError) as caught:
        problem(signal, kernel)
    assert f"{signal} and {kernel}" in str(caught.value)


@pytest.mark.parametrize("kernel", [(2,), (2, 2, 2, 2)])
def test_with_axes_a_kernel_of_other_dimensions_is_an_error(kernel):
    with pytest.raises(ShapeError, match=r"needs 2 dimensions \(one per axis\) or 3"):
        problem((3, 4, 5), kernel, axes=(0, 1))


def test_a_kernel_with_one_dimension_per_axis_meets_them_in_the_order_of_axes():
    for axes in permutations(range(3), 2):
        found = problem((10, 20, 30), (3, 5), axes=axes)
        taps = dict(zip(axes, (3, 5), strict=True))
        assert {a.axis: a.taps for a in found.axes} == taps
        expected = [n + taps.get(i, 1) - 1 for i, n in enumerate((10, 20, 30))]
        assert found.result_shape == tuple(expected)


def test_a_kernel_with_the_signals_dimensions_meets_them_in_array_order():
    for axes in permutations(range(3)):
        found = problem((10, 20, 30), (3, 5, 7), axes=axes)
        assert found.result_shape == (12, 24, 36)
        assert {a.axis: a.taps for a in found.axes} == {0: 3, 1: 5, 2: 7}


@pytest.mark.parametrize("mode", MODES)
def test_axes_that_are_not_convolved_broadcast_in_every_mode(mode):
    sizes = ((4, 4), (1, 4), (4, 1), (1, 1), (0, 1), (1, 0))
    for n, k in sizes:
        found = problem((n, 9), (k, 3), mode, axes=1)
        assert found.result_shape[0] == np.broadcast_shapes((n,), (k,))[0]
        assert found.batch == found.result_shape[:1]


@pytest.mark.parametrize(("n", "k"), [(4, 3), (2, 4), (0, 2)])
def test_axes_that_cannot_broadcast_are_an_error_that_names_the_axis(n, k):
    with pytest.raises(ShapeError, match=rf"axis 0 has lengths {n} and {k}"):
        problem((n, 9), (k, 3), axes=1)


def covers(large, small):
    return all(a >= b for a, b in zip(large, small, strict=True))


@pytest.mark.parametrize("ndim", [1, 2])
@pytest.mark.parametrize("mode", MODES)
def test_result_shapes_are_scipys(mode, ndim):
    shapes = list(product(range(1, 5), repeat=ndim))
    for signal, kernel in product(shapes, shapes):
        if mode == "valid" and not covers(signal, kernel) and not covers(kernel, signal):
            with pytest.raises(ModeError):
                problem(signal, kernel, mode)
            continue
        expected = scipy_signal.convolve(np.ones(signal), np.ones(kernel), mode, "direct").shape
        for correlate in (False, True):
            found = problem(signal, kernel, mode, correlate=correlate)
            assert found.result_shape == expected


@pytest.mark.parametrize("rule", RULES)
def test_the_boundary_changes_no_shape(rule):
    for mode, signal, kernel in product(MODES, [(5, 6), (2, 1)], [(3, 3), (6, 7), (1, 1)]):
        if mode == "valid" and signal == (2, 1) and kernel == (1, 1):
            continue
        expected = problem(signal, kernel, mode).result_shape
        assert problem(signal, kernel, mode, boundary=rule).result_shape == expected


def test_mixed_valid_is_an_error_whatever_the_boundary():
    for rule in RULES:
        with pytest.raises(ModeError, match=r"got \(8, 3\) and \(4, 5\)\. Use mode='full'"):
            problem((8, 3), (4, 5), "valid", boundary=rule)


@pytest.mark.parametrize("mode", MODES)
def test_an_empty_axis_stays_empty(mode):
    assert problem((0,), (3,), mode).result_shape == (0,)
    assert problem((3,), (0,), mode).result_shape == (0,)
    assert problem((0, 9), (0, 3), mode).result_shape[0] == 0
    assert problem((0, 0), (0, 0), mode).result_shape == (0, 0)
    assert problem((4, 5), (0, 2), mode, boundary="wrap").result_shape[0] == 0
    assert problem((0,), (3,), mode).is_trivial


@pytest.mark.parametrize("mode", MODES)
def test_inputs_of_no_dimension_multiply(mode):
    found = problem((), (), mode)
    assert (found.result_shape, found.axes, found.batch, found.order) == ((), (), (), ())
    assert found.is_trivial


@pytest.mark.parametrize("mode", MODES)
def test_a_scalar_kernel_scales_a_signal_of_any_shape(mode):
    for shape, axes in (((3, 4), None), ((3, 4), 0), ((5,), None)):
        found = problem(shape, (), mode, axes=axes)
        assert found.result_shape == shape
        assert found.is_trivial


def test_only_axes_with_more_than_one_tap_are_convolved():
    found = problem((3, 4, 5), (2, 1, 3), "same")
    assert [axis.axis for axis in found.axes] == [0, 2]
    assert (found.batch, found.order) == ((4,), (1, 0, 2))
    assert (found.taps, found.lengths, found.convolved) == ((2, 3), (3, 5), (0, 1, 2))


@pytest.mark.parametrize("policy", ["omit_", "ignore", None])
def test_an_unknown_nan_policy_is_an_error_that_lists_the_known(policy):
    with pytest.raises(OptionError, match="must be 'propagate'"):
        problem((3,), (2,), nan_policy=policy)


def test_problems_of_equal_arguments_are_one_object():
    assert problem((3, 4), (2, 2), boundary="edge") is problem((3, 4), (2, 2), boundary="edge")
    assert problem((3, 4), (2, 2), boundary="edge") != problem((3, 4), (2, 2), boundary="wrap")


def test_other_ranges_give_other_result_shapes():
    found = problem((3, 9, 5), (4,), axes=1)
    (axis,) = found.axes
    part = found.with_axes((axis._replace(start=2, stop=6),))
    assert part.result_shape == (3, 4, 5)
    assert (part.batch, part.lengths) == (found.batch, (4,))
