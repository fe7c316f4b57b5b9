"""Ranges, centres and FFT lengths, exhaustively over small sizes."""

from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sigconv.core.shapes import (
    MODES,
    check_mode,
    default_center,
    fast_length,
    full_length,
    mode_range,
    valid_is_swapped,
)
from sigconv.errors import ModeError, ShapeError

SIZES = range(9)
NONEMPTY = range(1, 9)


def products(size, taps):
    """Return the (sample, tap) pairs of each position of the full convolution, enumerated."""
    pairs: dict[int, list[tuple[int, int]]] = {}
    for n, k in product(range(size), range(taps)):
        pairs.setdefault(n + k, []).append((n, k))
    return pairs


def test_full_mode_keeps_every_position_that_has_a_product():
    for size, taps in product(SIZES, SIZES):
        positions = sorted(products(size, taps))
        assert list(range(*mode_range("full", size, taps))) == positions
        assert full_length(size, taps) == len(positions)


def test_valid_mode_keeps_the_positions_where_one_input_covers_the_other():
    for size, taps in product(SIZES, SIZES):
        covered = [
            p for p, ps in sorted(products(size, taps).items()) if len(ps) == min(size, taps)
        ]
        assert list(range(*mode_range("valid", size, taps))) == covered


def test_valid_mode_has_a_length_of_n_minus_k_plus_1():
    for size, taps in product(NONEMPTY, NONEMPTY):
        start, stop = mode_range("valid", size, taps)
        assert stop - start == abs(size - taps) + 1


def test_same_mode_puts_the_center_tap_on_the_sample_of_each_output():
    for size, taps in product(NONEMPTY, NONEMPTY):
        pairs = products(size, taps)
        for center in range(taps):
            start, stop = mode_range("same", size, taps, center)
            assert stop - start == size
            assert all((n, center) in pairs[start + n] for n in range(size))


def test_same_mode_is_centred_in_full_mode_by_default():
    for size, taps in product(NONEMPTY, NONEMPTY):
        start, stop = mode_range("same", size, taps)
        before, after = start, full_length(size, taps) - stop
        assert before in (after, after - 1)
        assert start == default_center(taps)


@pytest.mark.parametrize("mode", MODES)
def test_an_empty_input_gives_an_empty_range(mode):
    for n in SIZES:
        assert mode_range(mode, n, 0) == mode_range(mode, 0, n) == (0, 0)
        assert full_length(n, 0) == full_length(0, n) == 0


def test_valid_swaps_exactly_where_the_kernel_is_larger_on_every_axis():
    for sizes in product(range(4), repeat=2):
        for taps in product(range(4), repeat=2):
            # An empty axis is empty in the result, and decides nothing.
            pairs = [(n, k) for n, k in zip(sizes, taps, strict=True) if n and k]
            signal_covers = all(n >= k for n, k in pairs)
            kernel_covers = all(k >= n for n, k in pairs)
            if signal_covers or kernel_covers:
                assert valid_is_swapped(sizes, taps) is not signal_covers
            else:
                with pytest.raises(ModeError):
                    valid_is_swapped(sizes, taps)


def test_mixed_valid_error_states_the_rule_the_values_and_the_remedy():
    message = (
        "mode='valid' needs one input at least as large as the other on every axis; "
        "got (8, 3) and (4, 5). Use mode='full', or transpose the kernel."
    )
    with pytest.raises(ModeError) as caught:
        valid_is_swapped((8, 3), (4, 5))
    assert str(caught.value) == message
    assert isinstance(caught.value, ValueError)


@pytest.mark.parametrize("mode", MODES)
def test_known_modes_pass_the_check(mode):
    assert check_mode(mode) == mode


@pytest.mark.parametrize("mode", ["Full", "", "circular", None, 3])
def test_unknown_mode_error_lists_the_modes(mode):
    with pytest.raises(ModeError) as caught:
        check_mode(mode)
    assert all(repr(name) in str(caught.value) for name in MODES)
    assert repr(mode) in str(caught.value)


@pytest.mark.parametrize(
    ("mode", "boundary"),
    [("reflect", "symmetric"), ("nearest", "nearest"), ("mirror", "mirror"), ("wrap", "wrap")],
)
def test_ndimage_mode_is_answered_with_mode_same_and_a_boundary(mode, boundary):
    with pytest.raises(ModeError, match=f"mode='same', boundary='{boundary}'"):
        check_mode(mode)


def is_smooth(n):
    for prime in (2, 3, 5, 7):
        while n % prime == 0:
            n //= prime
    return n == 1


def test_fast_length_is_the_next_7_smooth_number():
    expected = 5000  # 2^3 5^4
    for n in range(5000, 0, -1):
        expected = n if is_smooth(n) else expected
        assert fast_length(n) == expected


@given(st.integers(1, 2**40))
def test_fast_length_of_large_sizes_is_smooth_and_close(n):
    length = fast_length(n)
    assert n <= length
    assert is_smooth(length)
    # A power of two times 1, 5/4, 3/2 or 7/4 is never more than a quarter away.
    assert length <= max(n + n // 4, n + 1)


@given(st.tuples(*[st.integers(0, limit) for limit in (39, 24, 16, 13)]))
def test_fast_length_keeps_a_smooth_size(powers):
    a, b, c, d = powers
    n = 2**a * 3**b * 5**c * 7**d
    if n <= 2**40:
        assert fast_length(n) == n


@pytest.mark.parametrize("n", [0, -1, 2**40 + 1])
def test_fast_length_refuses_sizes_that_no_transform_has(n):
    with pytest.raises(ShapeError, match=r"between 1 and 2\*\*40"):
        fast_length(n)
