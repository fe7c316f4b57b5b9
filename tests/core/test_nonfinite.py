"""NaN and infinity reach exactly the outputs that the direct sum gives."""

from itertools import product

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sigconv.core import nonfinite
from sigconv.core.nonfinite import clean, is_finite, nonfinite_sums

VALUES = (np.nan, np.inf, -np.inf, 0.0, -0.0, 1.0, -2.0)
FLOATS = ("f2", "f4", "f8", "g")
COMPLEX = ("F", "D", "G")


@pytest.fixture(autouse=True)
def _quiet():
    # inf - inf and 0 * inf are the point here; callers run under the same state.
    with np.errstate(all="ignore"):
        yield


@pytest.fixture(params=["superposed", "counted"])
def path(request, monkeypatch):
    """Force one of the two ways; a threshold of -1 leaves only counting."""
    monkeypatch.setattr(nonfinite, "_FEW", 10**9 if request.param == "superposed" else -1)
    return request.param


def count(x, h):
    """Convolve zeros and ones by the definition."""
    assert x.dtype == h.dtype == bool
    total = np.zeros(tuple(n + k - 1 for n, k in zip(x.shape, h.shape, strict=True)))
    for index in np.ndindex(*h.shape):
        box = tuple(slice(i, i + n) for i, n in zip(index, x.shape, strict=True))
        total[box] += h[index] * x
    return total


def direct(x, h):
    """Return the direct sum where it is not finite, 0 elsewhere."""
    dtype = np.result_type(x, h)
    x, h = x.astype(dtype), h.astype(dtype)
    total = np.zeros(tuple(n + k - 1 for n, k in zip(x.shape, h.shape, strict=True)), dtype)
    for index in np.ndindex(*h.shape):
        box = tuple(slice(i, i + n) for i, n in zip(index, x.shape, strict=True))
        total[box] += h[index] * x
    return np.where(np.isfinite(total), 0, total)


def full(x, h):
    return tuple((0, n + k - 1) for n, k in zip(x.shape, h.shape, strict=True))


def test_short_arrays_of_every_value_in_every_order(path):
    for size, taps in product((1, 2), (1, 2)):
        for values in product(VALUES, repeat=size + taps):
            x, h = np.array(values[:size]), np.array(values[size:])
            found = nonfinite_sums(x, h, full(x, h), count)
            np.testing.assert_array_equal(found, direct(x, h), err_msg=f"{x} * {h}")


drawn = st.lists(st.sampled_from(VALUES), min_size=1, max_size=12).map(np.array)


@given(x=drawn, h=drawn, few=st.sampled_from([-1, 0, 2, 32]))
def test_longer_arrays_by_either_way(x, h, few):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(nonfinite, "_FEW", few)
        np.testing.assert_array_equal(nonfinite_sums(x, h, full(x, h), count), direct(x, h))


@given(seed=st.integers(0, 2**32 - 1), ndim=st.integers(1, 3), few=st.sampled_from([-1, 32]))
def test_arrays_of_more_dimensions(seed, ndim, few):
    rng = np.random.default_rng(seed)
    chances = [0.02, 0.02, 0.02, 0.2, 0.04, 0.4, 0.3]
    x = rng.choice(VALUES, rng.integers(1, 5, ndim), p=chances)
    h = rng.choice(VALUES, rng.integers(1, 4, ndim), p=chances)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(nonfinite, "_FEW", few)
        np.testing.assert_array_equal(nonfinite_sums(x, h, full(x, h), count), direct(x, h))


def test_offsets_select_the_wanted_outputs(path):
    x, h = np.array([[1.0, np.nan, 2.0], [0.0, 1.0, np.inf]]), np.array([[1.0, 0.0], [-1.0, 2.0]])
    expected = direct(x, h)
    for a, b in product(range(4), repeat=2):
        for c, e in product(range(5), repeat=2):
            found = nonfinite_sums(x, h, ((a, b), (c, e)), count)
            np.testing.assert_array_equal(found, expected[a:b, c:e])


def test_finite_arrays_have_no_such_sums(path):
    x, h = np.array([1.0, 0.0, -2.0]), np.array([3.0, 0.0])
    np.testing.assert_array_equal(nonfinite_sums(x, h, full(x, h), count), np.zeros(4))


@pytest.mark.parametrize("dtypes", list(product(COMPLEX, ("f4", "f8", "D"))), ids="-".join)
def test_complex_sums_are_not_finite_where_the_direct_sum_is_not(path, dtypes):
    parts = [complex(re, im) for re, im in product((np.nan, np.inf, 0.0, -2.0), repeat=2)]
    rng = np.random.default_rng(3)
    for _ in range(60):
        x = rng.choice([*parts, 1, 0, 2j], 4).astype(dtypes[0])
        h = rng.choice(VALUES, 3, p=[0.1, 0.1, 0.1, 0.3, 0.1, 0.2, 0.1]).astype(dtypes[1])
        for pair in ((x, h), (h, x)):
            found = nonfinite_sums(*pair, full(*pair), count)
            np.testing.assert_array_equal(np.isfinite(found), np.isfinite(direct(*pair)))
            assert not found[np.isfinite(found)].any()


@pytest.mark.parametrize("integer", ["?", "u1", "i1", "u4", "i4", "u8", "i8"])
@pytest.mark.parametrize("floating", FLOATS)
def test_integers_meet_non_finite_floats_with_their_sign(path, integer, floating):
    limits = [0, 1] if integer == "?" else [np.iinfo(integer).min, 0, 3, np.iinfo(integer).max]
    x = np.array(limits, integer)
    for h in ([np.nan, 1.0], [np.inf, 1.0], [-np.inf, 0.0], [np.inf, -np.inf], [0.0, np.inf]):
        taps = np.array(h, floating)
        for pair in ((x, taps), (taps, x)):
            found = nonfinite_sums(*pair, full(*pair), count)
            wide = [a.astype(np.longdouble) for a in pair]
            np.testing.assert_array_equal(found, direct(*wide).astype(found.dtype))


@pytest.mark.parametrize("dtype", FLOATS + COMPLEX)
def test_is_finite_sees_one_bad_element(dtype):
    array = np.zeros((3, 4), dtype)
    assert is_finite(array)
    for bad in (np.nan, np.inf, -np.inf):
        spoiled = array.copy()
        spoiled[1, 2] = bad
        assert not is_finite(spoiled)
    assert is_finite(array[:0])


def test_is_finite_is_not_misled_by_sums():
    assert is_finite(np.full(4, np.finfo(np.float64).max))
    assert is_finite(np.full(4000, 60000, np.float16))
    assert not is_finite(np.array([np.inf, -np.inf]))
    assert is_finite(np.array([2**63 - 1, 2**63 - 1]))
    assert is_finite(np.array([True]))


@pytest.mark.parametrize("dtype", [*FLOATS, *COMPLEX, ">f8"])
def test_clean_copies_with_zeros_for_what_is_not_finite(dtype):
    array = np.array([1, np.nan, -np.inf, 2, np.inf], dtype)
    found = clean(array)
    np.testing.assert_array_equal(found, [1, 0, 0, 2, 0])
    assert found.dtype == array.dtype.newbyteorder("=")
    assert not np.shares_memory(found, array)
    assert np.isnan(array[1])
