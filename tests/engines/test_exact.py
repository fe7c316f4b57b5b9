"""Python's own numbers: no width, no rounding."""

from decimal import Decimal, getcontext
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import sigconv as sc
from sigconv.errors import DTypeError, NonFiniteError, OptionError
from sigconv.testing import cases, naive_convolve

NUMBERS = st.sampled_from([int, Fraction, Decimal])


def objects(array, kind):
    """Return whole numbers as Python objects: half of them for kinds that have halves."""
    scale = 1 if kind is int else kind(1) / kind(2)
    flat = [kind(int(v)) * scale for v in array.ravel()]
    made = np.empty(len(flat), object)
    made[:] = flat
    return made.reshape(array.shape)


@given(case=cases(dtypes=("int16",), max_size=10), kind=NUMBERS)
def test_every_call_gives_the_definition(case, kind):
    x, h = objects(case.signal, kind), objects(case.kernel, kind)
    y = sc.convolve(x, h, **case.keywords)
    assert y.dtype == object
    expected = naive_convolve(case.signal, case.kernel, **case.keywords)
    if "fill_value" not in case.keywords:
        expected = expected if kind is int else expected / 4
        np.testing.assert_array_equal(y.astype(float), expected)
    assert y.shape == expected.shape


@given(case=cases(dtypes=("int16",), min_ndim=1, max_size=10))
def test_fill_values_are_integers_among_objects(case):
    x, h = objects(case.signal, int), objects(case.kernel, int)
    y = sc.convolve(x, h, **case.keywords)
    np.testing.assert_array_equal(y, naive_convolve(case.signal, case.kernel, **case.keywords))


def test_integers_have_no_bound():
    assert sc.convolve([10**40, 1], [10**40, -1]).tolist() == [10**80, 0, -1]


def test_fractions_stay_fractions():
    third = Fraction(1, 3)
    y = sc.convolve(np.array([third, third]), np.array([third, 2]))
    assert y.tolist() == [Fraction(1, 9), Fraction(7, 9), Fraction(2, 3)]


def test_decimals_keep_every_digit_whatever_the_context():
    big, small = Decimal(10) ** 40, Decimal(10) ** -40
    y = sc.convolve(np.array([big, small]), np.array([small, big]))
    assert Fraction(y[1]) == Fraction(10) ** 80 + Fraction(10) ** -80
    assert len(y[1].as_tuple().digits) > getcontext().prec


def test_correlation_and_circular_convolution_are_exact_too():
    x = np.array([Fraction(1, 2), Fraction(1, 3), Fraction(1, 6)])
    assert sc.correlate(x, x).tolist()[2] == sum(v * v for v in x)
    assert sc.circular_convolve(x, x).sum() == 1
    assert sc.circular_convolve([10**30] * 4, [1, 1], shape=2).tolist() == [4 * 10**30] * 2


def test_a_convolver_and_its_adjoint_take_objects():
    op = sc.Convolver([1, 2], (3,), dtype=object)
    x, y = np.array([10**20, 0, 1], object), np.array([1, 0, 10**20, 5], object)
    assert op(x).tolist() == [10**20, 2 * 10**20, 1, 2]
    assert (op(x) * y).sum() == (x * op.adjoint(y)).sum()


def test_integer_arrays_become_objects_on_request():
    y = sc.convolve(np.array([2**62, 2**62]), [4, 4], dtype=object)
    assert y.tolist() == [2**64, 2**65, 2**64]
    assert type(y[0]) is int


@pytest.mark.parametrize(
    ("x", "h", "remedy"),
    [
        ([Fraction(1, 2)], [0.5], r"x\.astype\(float\)"),
        ([10**30], np.ones(2), "do not meet float64"),
        ([Fraction(1, 2)], [Decimal(1)], r"Fraction\(d\)"),
    ],
)
def test_rounded_numbers_do_not_meet_exact_ones(x, h, remedy):
    for pair in ((x, h), (h, x)):
        with pytest.raises(DTypeError, match=remedy):
            sc.convolve(*pair)


def test_what_exact_numbers_cannot_do_is_an_error():
    x = np.array([Fraction(1, 2), Fraction(1, 3)])
    with pytest.raises(DTypeError, match="Pass an integer"):
        sc.convolve(x, x, boundary="constant", fill_value=0.5)
    with pytest.raises(OptionError, match="divides by weights"):
        sc.convolve(x, x, boundary="absent")
    with pytest.raises(DTypeError, match=r"x\.astype\('float64'\)"):
        sc.convolve(x, x, dtype=float)
    with pytest.raises(DTypeError, match="do not meet float64"):
        sc.convolve(np.ones(2), np.ones(2), dtype=object)


def test_numbers_without_dimensions_multiply():
    for x, h in ((10**30, 3), (Fraction(1, 3), 3), (Decimal("0.5"), 2)):
        assert sc.convolve(np.array(x, object), np.array(h, object)).item() == x * h


def test_decimals_that_are_not_finite_are_found_and_passed_on():
    x = np.array([Decimal(1), Decimal("NaN"), Decimal(2)])
    y = sc.convolve(x, np.array([Decimal(1), Decimal(1)]))
    assert [v.is_nan() for v in y] == [False, True, True, False]
    for item in ("NaN", "sNaN", "Infinity"):
        with pytest.raises(NonFiniteError, match=r"at \(1,\)"):
            sc.convolve(np.array([Decimal(1), Decimal(item)]), [1], nan_policy="raise")


def test_decimals_beyond_every_exponent_are_an_error():
    with pytest.raises(OverflowError, match="Fraction"):
        sc.convolve(np.array([Decimal("1e999999999999999999")]), np.array([Decimal(10)]))


def test_numpy_integers_among_objects_are_told_how_to_become_pythons():
    with pytest.raises(DTypeError, match=r"x\.tolist\(\)"):
        sc.convolve(np.array([np.int64(1)], object), [1])
