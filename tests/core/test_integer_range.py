"""Integer results are exact or refused: never a wrong number."""

from math import prod

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sigconv import Convolver, circular_convolve, convolve
from sigconv.core.boundary import RULES
from sigconv.core.dtypes import resolve_dtypes
from sigconv.core.integers import check_integer_range
from sigconv.errors import DTypeError, IntegerOverflowError

INTEGERS = ("?", "u1", "i1", "u2", "i2", "u4", "i4", "u8", "i8")

# Weights that make up for absent samples are fractions.
EXACT_RULES = [rule for rule in RULES if rule != "absent"]


def limits(dtype):
    if np.dtype(dtype).kind == "b":
        return 0, 1
    info = np.iinfo(dtype)
    return int(info.min), int(info.max)


@st.composite
def integers(draw, dtype, max_size=5):
    """Draw a 1-D array with the limits of its dtype among small numbers."""
    low, high = limits(dtype)
    marks = [low, low + 1, low // 2, -1, 0, 1, *(high // n for n in range(1, 8))]
    values = st.sampled_from([v for v in marks if low <= v <= high]) | st.integers(low, high)
    shift = draw(st.integers(0, 40))
    drawn = draw(st.lists(values, min_size=1, max_size=max_size))
    return np.array([int(v / 2**shift) if shift % 2 else v for v in drawn], dtype)


def plain(array):
    """Return the elements as Python integers, without a bound."""
    return [int(v) for v in array.ravel()]


def exact(x, h, boundary, fill, walk):
    """Return the full convolution of the extended signal in Python integers."""
    x, h = plain(x), plain(h)

    def sample(p):
        index = walk(boundary[0] if p < 0 else boundary[1], len(x), p)
        if index is not None:
            return x[index]
        return fill if (boundary[0] if p < 0 else boundary[1]) == "constant" else 0

    return [sum(h[k] * sample(n - k) for k in range(len(h))) for n in range(len(x) + len(h) - 1)]


@given(st.data())
def test_inputs_are_refused_exactly_when_the_bound_does_not_fit(data):
    x = data.draw(st.sampled_from(INTEGERS).flatmap(integers))
    h = data.draw(st.sampled_from(INTEGERS).flatmap(integers))
    dtypes = resolve_dtypes(x.dtype, h.dtype)
    a, b = [abs(v) for v in plain(x)], [abs(v) for v in plain(h)]
    bound = min(max(a) * sum(b), max(b) * sum(a))
    largest = limits(dtypes.result)[1]
    if bound <= largest:
        check_integer_range(x, h, dtypes)
        return
    with pytest.raises(OverflowError) as caught:
        check_integer_range(x, h, dtypes)
    assert isinstance(caught.value, IntegerOverflowError)
    for fact in (bound, largest, dtypes.result, "x.astype(float)"):
        assert str(fact) in str(caught.value)


@pytest.mark.parametrize("shape", [(), (1,), (1, 1)])
def test_the_minimum_of_int64_has_a_magnitude(shape):
    x = np.full(shape, np.iinfo(np.int64).min)
    for one in (1, -1):
        h = np.full(shape, one)
        with pytest.raises(IntegerOverflowError, match=str(2**63)):
            check_integer_range(x, h, resolve_dtypes(x.dtype, h.dtype))
    check_integer_range(x, np.zeros(shape, int), resolve_dtypes(x.dtype, x.dtype))


def test_sums_beyond_64_bits_do_not_wrap():
    x, h = np.full(2, 2**63, np.uint64), np.ones(3, np.uint8)
    for a, b in ((x, h), (h, x)):
        with pytest.raises(IntegerOverflowError, match=str(2**64)):
            check_integer_range(a, b, resolve_dtypes(a.dtype, b.dtype))


def test_the_sharper_of_the_two_bounds_counts():
    spike = np.array([2**40, 0, 0, 0])
    wide = np.full(2**12, 2**20)
    # max|x| sum|h| = 2^72, but max|h| sum|x| = 2^60.
    for x, h in ((spike, wide), (wide, spike)):
        check_integer_range(x, h, resolve_dtypes(x.dtype, h.dtype))


@pytest.mark.parametrize("requested", ["u1", "i1", "u2", "i4"])
def test_a_requested_dtype_sets_the_limit(requested):
    largest = limits(requested)[1]
    dtypes = resolve_dtypes(np.dtype("u1"), np.dtype("u1"), requested=requested)
    one = np.array([1], "u1")
    check_integer_range(np.array([min(largest, 255)], "u1"), one, dtypes)
    h = np.full(largest // 100 + 1, 100, "u1")
    with pytest.raises(IntegerOverflowError, match=str(dtypes.result)):
        check_integer_range(np.ones_like(h), h, dtypes)


def test_negative_numbers_have_no_unsigned_result():
    dtypes = resolve_dtypes(np.dtype("i8"), np.dtype("i8"), requested="u8")
    one, minus = np.array([1]), np.array([-1])
    check_integer_range(one, one, dtypes)
    for a, b in ((one, minus), (minus, one)):
        with pytest.raises(DTypeError, match="Ask for a signed dtype"):
            check_integer_range(a, b, dtypes)


def test_empty_inputs_always_fit():
    full, empty = np.array([2**62]), np.array([], int)
    check_integer_range(full, empty, resolve_dtypes(full.dtype, empty.dtype))
    check_integer_range(empty, full, resolve_dtypes(full.dtype, empty.dtype))


@given(st.data())
def test_convolve_is_exact_or_raises_under_every_boundary(source_index, data):
    x = data.draw(st.sampled_from(("u1", "u8", "i8")).flatmap(integers))
    taps = st.lists(st.integers(0, 2), min_size=1, max_size=6).map(lambda h: np.array(h, "u1"))
    h = data.draw(taps | st.sampled_from(("i1", "i8")).flatmap(integers))
    rule = st.sampled_from(EXACT_RULES)
    boundary = data.draw(st.tuples(rule, rule))
    fill = 0
    if "constant" in boundary:
        low, high = limits(resolve_dtypes(x.dtype, h.dtype).result)
        fill = data.draw(st.sampled_from([0, 1, 2**53 + 1, high // 3, low, high]))
    try:
        y = convolve(x, h, boundary=[boundary], fill_value=fill)
    except OverflowError:
        return
    assert plain(y) == exact(x, h, boundary, fill, source_index)


@pytest.mark.parametrize("rule", ["edge", "reflect", "symmetric", "wrap"])
def test_a_repeated_sample_counts_once_for_every_tap(rule):
    with pytest.raises(IntegerOverflowError):
        convolve(np.array([2**62]), np.array([1, 1, 1]), "same", boundary=rule)


@pytest.mark.parametrize("boundary", [("constant", "zero"), ("zero", "constant")])
def test_the_fill_value_counts_on_either_side(boundary):
    x, h = np.array([1]), np.ones(5, int)
    with pytest.raises(IntegerOverflowError):
        convolve(x, h, "same", boundary=[boundary], fill_value=2**62)


@pytest.mark.parametrize(
    ("dtype", "fill"),
    [("i8", 2**53 + 1), ("i8", -(2**53) - 1), ("i8", 2**62 - 1), ("u8", 2**64 - 1)],
)
def test_an_integer_fill_value_is_not_rounded(dtype, fill):
    x, h = np.array([0, 0], dtype), np.array([1, 0, 0], dtype)
    y = convolve(x, h, "same", boundary="constant", fill_value=fill)
    assert plain(y) == [0, fill]


@given(st.data())
def test_circular_convolve_is_exact_or_raises_when_inputs_fold(data):
    x = data.draw(integers("i8"))
    h = data.draw(integers("i1"))
    period = data.draw(st.integers(1, 4))
    expected = [0] * period
    for n, a in enumerate(plain(x)):
        for k, b in enumerate(plain(h)):
            expected[(n + k) % period] += a * b
    try:
        y = circular_convolve(x, h, shape=period)
    except OverflowError:
        return
    assert plain(y) == expected


@pytest.mark.parametrize("signal", ["u8", "i8", "u1", "i1"])
@pytest.mark.parametrize("kernel", ["u8", "i8", "u1", "i1"])
@pytest.mark.parametrize("requested", [None, "u8", "i8", "u2"])
def test_circular_convolve_folds_every_pair_of_integers(signal, kernel, requested):
    x, h = np.array([1, 2, 3, 4], signal), np.array([1, 0, 2], kernel)
    found = circular_convolve(x, h, shape=2, dtype=requested)
    assert found.dtype == resolve_dtypes(x.dtype, h.dtype, requested=requested).result
    assert plain(found) == [12, 18]


def test_folded_negative_numbers_have_no_unsigned_result():
    for x, h in (([1, -1, 2], [1]), ([1], [1, -1, 2])):
        with pytest.raises(DTypeError, match="Ask for a signed dtype"):
            circular_convolve(np.array(x), np.array(h), shape=2, dtype="u8")


def test_an_adjoint_of_negative_numbers_has_no_unsigned_result():
    one, minus = np.array([1, 0, 0, 0]), np.array([-1, 0, 0, 0])
    for h, y in (([1, 2], minus), ([1, -2], one)):
        with pytest.raises(DTypeError, match="Ask for a signed dtype"):
            Convolver(np.array(h), (3,), dtype="u8").adjoint(y)


@pytest.mark.parametrize("rule", ["zero", "constant"])
def test_the_adjoint_of_a_filled_boundary_has_the_bound_of_the_convolution(rule):
    # sum|y| sum|h| = 2^66, but max|y| sum|h| = 2^56.
    h, y = np.full(4, 2**24), np.full(2**10, 2**30)
    found = Convolver(h, (2**10 - 3,), boundary=rule).adjoint(y)
    assert plain(found) == [2**56] * (2**10 - 3)


@pytest.mark.parametrize("rule", EXACT_RULES)
@pytest.mark.parametrize("size", [1, 2, 3])
def test_the_adjoint_is_exact_or_raises(rule, size, source_index):
    h = np.array([1, 2, 1])
    op = Convolver(h, (size,), boundary=rule)
    matrix = [[int(v) for v in convolve(row, h, boundary=rule)] for row in np.eye(size, dtype=int)]
    for power in range(55, 63):
        y = np.full(prod(op.result_shape), 2**power)
        expected = [sum(a * b for a, b in zip(row, plain(y), strict=True)) for row in matrix]
        try:
            found = op.adjoint(y)
        except OverflowError:
            continue
        assert plain(found) == expected
