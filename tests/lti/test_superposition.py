"""The table of weighted, shifted responses and the flip-and-slide table, which are one."""

from decimal import Decimal
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sigconv import convolve
from sigconv.errors import BudgetError, DTypeError, IntegerOverflowError, OptionError, ShapeError
from sigconv.lti.superposition import superpose

NUMBERS = st.one_of(
    st.lists(st.integers(-(10**6), 10**6), min_size=1, max_size=20),
    st.lists(st.fractions(max_denominator=50), min_size=1, max_size=12),
)


def test_letters_sum_to_the_convolution_of_three_by_three() -> None:
    table = superpose("abc", "ijk")
    assert table.rows.tolist() == [
        ["ai", "aj", "ak", "", ""],
        ["", "bi", "bj", "bk", ""],
        ["", "", "ci", "cj", "ck"],
    ]
    assert table.total.tolist() == ["ai", "aj+bi", "ak+bj+ci", "bk+cj", "ck"]


def test_321_times_112_without_carries() -> None:
    table = superpose([3, 2, 1], [1, 1, 2])
    assert table.rows.tolist() == [[3, 3, 6, 0, 0], [0, 2, 2, 4, 0], [0, 0, 1, 1, 2]]
    assert table.total.tolist() == [3, 5, 9, 5, 2]
    assert sum(digit * 10 ** (4 - n) for n, digit in enumerate(table.total)) == 321 * 112


def test_the_sliding_window_meets_the_products_of_the_rows() -> None:
    table = superpose([3, 2, 1], [1, 1, 2])
    window = table.window(2)
    assert window.pairs == ((0, 2), (1, 1), (2, 0))
    assert window.kernel.tolist() == [2, 1, 1]
    assert window.products.tolist() == [6, 2, 1]
    assert window.total == 9
    assert [w.kernel.tolist() for w in table.windows] == [
        [1, 0, 0],
        [1, 1, 0],
        [2, 1, 1],
        [0, 2, 1],
        [0, 0, 2],
    ]


@given(NUMBERS, NUMBERS)
def test_exact_rows_and_windows_both_sum_to_the_convolution(x: list, h: list) -> None:
    table = superpose(x, h)
    expected = convolve(x, h)
    assert table.total.dtype == expected.dtype
    assert table.total.tolist() == expected.tolist()
    assert table.rows.sum(axis=0).tolist() == expected.tolist()
    for window in table.windows:
        assert window.total == sum(x[m] * h[k] for m, k in window.pairs)
        assert {m + k for m, k in window.pairs} == {window.n}
        assert (table.signal * window.kernel == window.products).all()


@given(NUMBERS, NUMBERS)
def test_each_row_is_the_kernel_weighted_and_shifted(x: list, h: list) -> None:
    for m, row in enumerate(superpose(x, h).rows):
        assert row.tolist() == [0] * m + [x[m] * tap for tap in h] + [0] * (len(x) - 1 - m)


@pytest.mark.parametrize("dtype", ["f2", "f4", "f8", "c8", "c16", "u1", "i2", "?"])
def test_element_types_are_those_of_convolve(dtype: str) -> None:
    x, h = np.array([1, 0, 3], dtype), np.array([1, 1], dtype)
    table = superpose(x, h)
    assert table.rows.dtype == table.total.dtype == convolve(x, h).dtype
    np.testing.assert_array_equal(table.rows.sum(axis=0), table.total)


def test_a_list_of_taps_does_not_widen_a_signal() -> None:
    assert superpose(np.ones(2, np.float32), [0.5]).rows.dtype == np.float32


def test_decimals_stay_decimals() -> None:
    total = superpose([Decimal("0.1")], [Decimal("0.2"), 1]).total
    assert total.tolist() == [Decimal("0.02"), Decimal("0.1")]


def test_an_infinite_sample_stays_in_its_row() -> None:
    table = superpose([1.0, np.inf], [1.0, 0.0])
    np.testing.assert_array_equal(table.rows, [[1, 0, 0], [0, np.inf, np.nan]])
    np.testing.assert_array_equal(table.total, convolve([1.0, np.inf], [1.0, 0.0]))


def test_integers_that_may_not_fit_are_refused() -> None:
    with pytest.raises(IntegerOverflowError, match="fit"):
        superpose([2**62, 1], [2, 1])


def test_the_printed_table_has_the_sum_below_a_rule() -> None:
    assert str(superpose("ab", "ijk")).splitlines() == [
        "x = a, b",
        "h = i, j, k",
        "",
        "n           |  0      1      2   3",
        "------------+---------------------",
        "x[0] h[n]   | ai     aj     ak",
        "x[1] h[n-1] |        bi     bj  bk",
        "------------+---------------------",
        "(x * h)[n]  | ai  aj+bi  ak+bj  bk",
    ]


def test_names_are_set_with_spaces() -> None:
    table = superpose(["x0", "x1"], ["h0", "h1"])
    assert table.total.tolist() == ["x0 h0", "x0 h1 + x1 h0", "x1 h1"]
    assert str(table).splitlines()[-1].split("|")[0].strip() == "(x * h)[n]"


def test_labels_name_the_inputs_in_print() -> None:
    table = superpose([100, 100], [1, 2], labels=("deposit", "growth"))
    assert "deposit[1] growth[n-1]" in str(table)
    assert "(deposit * growth)[n]" in str(table)
    assert "growth[2-m]" in table.slide()
    assert str(table.window(1)) == (
        "(deposit * growth)[1] = deposit[0] growth[1] + deposit[1] growth[0] = 100·2 + 100·1 = 300"
    )


def test_the_slide_shows_the_flipped_kernel_move() -> None:
    assert superpose([3, 2, 1], [1, 2]).slide().splitlines() == [
        "m      | -1   0   1   2   3",
        "x[m]   |      3   2   1",
        "-------+-------------------",
        "h[0-m] |  2   1             | 3·1 = 3",
        "h[1-m] |      2   1         | 3·2 + 2·1 = 8",
        "h[2-m] |          2   1     | 2·2 + 1·1 = 5",
        "h[3-m] |              2   1 | 1·2 = 2",
    ]


def test_signs_fractions_and_complex_numbers_stand_in_brackets() -> None:
    assert str(superpose([-1], [2]).window(0)).endswith("= (-1)·2 = -2")
    assert str(superpose([Fraction(1, 2)], [4]).window(0)).endswith("= (1/2)·4 = 2")
    assert str(superpose([1j], [2.0]).window(0)).endswith("= (0+1j)·2 = 0+2j")
    assert str(superpose([2.0], [1e-9]).window(0)).endswith("= 2·1e-09 = 2e-09")


def test_decimal_points_align() -> None:
    lines = str(superpose([1, 0.25], [10.5, 1])).splitlines()
    assert lines[-4:] == [
        "x[0] h[n]   | 10.5    1",
        "x[1] h[n-1] |         2.625  0.25",
        "------------+---------------------",
        "(x * h)[n]  | 10.5    3.625  0.25",
    ]


def test_long_tables_are_abbreviated_and_kept_whole() -> None:
    table = superpose(np.arange(1, 101), np.arange(30))
    assert table.rows.shape == (100, 129)
    text = str(table)
    assert text.startswith("x = 1, 2, 3, 4, 5, ..., 96, 97, 98, 99, 100\n")
    assert "x[4] h[n-4]" in text
    assert "x[5] h[n-5]" not in text
    assert "x[95] h[n-95]" in text
    assert max(map(len, text.splitlines())) < 100
    assert len(table.slide().splitlines()) == 3 + 11
    assert " + ... + " in str(table.window(60))


def test_a_long_slide_keeps_to_the_signal() -> None:
    lines = superpose([1, 2, 3], np.arange(20)).slide().splitlines()
    assert lines[:2] == ["m       |  0   1   2", "x[m]    |  1   2   3"]
    assert lines[5] == "h[2-m]  |  2   1   0 | 1·2 + 2·1 + 3·0 = 4"


def test_negative_zeros_show_as_zeros() -> None:
    assert str(superpose([-0.0, 1.0], [1.0])).startswith("x = 0, 1\n")
    assert str(superpose([-0.0], [1j])).endswith("| 0+0j")


@pytest.mark.parametrize(("columns", "shown"), [(12, True), (13, False)])
def test_twelve_columns_are_shown_whole(columns: int, shown: bool) -> None:
    assert ("..." not in str(superpose(np.ones(3), np.ones(columns - 2)))) is shown


@pytest.mark.parametrize(("x", "h"), [([], [1]), ([1, 2], []), ("", "ab"), ("", "")])
def test_an_empty_input_gives_an_empty_table(x, h) -> None:
    table = superpose(x, h)
    assert table.rows.shape == (len(x), 0)
    assert table.total.shape == (0,)
    assert table.windows == ()
    assert str(table) == table.slide()
    assert "is empty" in str(table)


@pytest.mark.parametrize(("x", "h"), [("ab", [1, 2]), ([1, 2], "ab"), ("ab", []), ([1], ["a"])])
def test_numbers_do_not_meet_symbols(x, h) -> None:
    with pytest.raises(DTypeError, match="symbols meet symbols"):
        superpose(x, h)


@pytest.mark.parametrize("symbols", ["321", "a b", ["a+b"], ["2a"], ["a", 1], [""]])
def test_what_is_no_factor_is_no_symbol(symbols) -> None:
    with pytest.raises(DTypeError, match="begins with a letter"):
        superpose(symbols, "ab")


@pytest.mark.parametrize("x", [3, [[1, 2]], np.array([["a"]]), np.ones((2, 2))])
def test_inputs_have_one_dimension(x) -> None:
    h = np.array(["b"]) if np.asarray(x).dtype.kind == "U" else [1]
    with pytest.raises(ShapeError, match=r"1-D inputs; x has shape"):
        superpose(x, h)
    with pytest.raises(ShapeError, match=r"1-D inputs; h has shape"):
        superpose(h, x)


def test_arrays_of_text_are_symbols() -> None:
    assert superpose(np.array(["a", "b"]), np.array(["c"])).total.tolist() == ["ac", "bc"]


@pytest.mark.parametrize("n", [-1, 3, 1.5])
def test_windows_exist_for_outputs_alone(n) -> None:
    with pytest.raises(ShapeError, match=r"one of the 3 outputs"):
        superpose([1, 2], [1, 1]).window(n)


@pytest.mark.parametrize("labels", ["xh", ("x",), ("x", 1), 5])
def test_labels_are_two_names(labels) -> None:
    with pytest.raises(OptionError, match="two names"):
        superpose([1], [1], labels=labels)


def test_tables_too_large_to_hold_are_refused() -> None:
    with pytest.raises(BudgetError, match="convolve for the sum alone"):
        superpose(np.ones(10**5), [1.0])


def test_the_table_is_frozen_and_told_by_its_size() -> None:
    table = superpose("ab", "cde")
    assert repr(table) == "<Superposition of 2 responses of 3 taps, symbols>"
    with pytest.raises(AttributeError):
        table.total = table.rows  # type: ignore[misc]
