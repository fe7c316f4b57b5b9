"""What convolves, in which dtype it computes, and what the result is."""

from decimal import Decimal
from fractions import Fraction
from itertools import product

import numpy as np
import pytest

from sigconv.core.dtypes import as_numeric, is_weak, resolve_dtypes
from sigconv.errors import DTypeError

UNSIGNED = ("u1", "u2", "u4", "u8")
SIGNED = ("i1", "i2", "i4", "i8")
FLOATS = ("f2", "f4", "f8", "g")
COMPLEX = ("F", "D", "G")
ALL = ("?", *UNSIGNED, *SIGNED, *FLOATS, *COMPLEX)
PAIRS = list(product(ALL, ALL))

d = np.dtype


def expected_result(signal, kernel):
    """Return the contract's dtype for a pair of dtypes, as two rules."""
    if signal.kind in "biu" and kernel.kind in "biu":
        unsigned = "u" in (signal.kind, kernel.kind) and "i" not in (signal.kind, kernel.kind)
        return d("u8" if unsigned else "i8")
    return np.promote_types(signal, kernel)


@pytest.mark.parametrize(("signal", "kernel"), PAIRS)
def test_promotion_of_every_pair(signal, kernel):
    for s, k in product((d(signal), d(signal).newbyteorder()), (d(kernel),)):
        found = resolve_dtypes(s, k)
        assert found.result == expected_result(d(signal), d(kernel))
        assert found.result.isnative
        assert found.compute == (d("f4") if found.result == d("f2") else found.result)


@pytest.mark.parametrize(
    ("signal", "kernel", "result"),
    [
        ("?", "?", "i8"),
        ("u1", "u1", "u8"),
        ("u8", "?", "u8"),
        ("u8", "i1", "i8"),
        ("u1", "i2", "i8"),
        ("u1", "f2", "f2"),
        ("i4", "f4", "f8"),
        ("f2", "f2", "f2"),
        ("f2", "F", "F"),
        ("g", "F", "G"),
    ],
)
def test_promotion_by_example(signal, kernel, result):
    assert resolve_dtypes(d(signal), d(kernel)).result == d(result)


def test_float16_computes_in_float32():
    found = resolve_dtypes(d("f2"), d("f2"))
    assert (found.compute, found.result) == (d("f4"), d("f2"))
    assert found.real == d("f4")


@pytest.mark.parametrize("requested", UNSIGNED + SIGNED)
def test_requested_integers_accumulate_in_64_bits(requested):
    found = resolve_dtypes(d("u1"), d("u1"), requested=requested)
    assert found.result == d(requested)
    assert found.compute == d("u8" if requested in UNSIGNED else "i8")
    assert found.is_exact
    assert not found.is_complex


@pytest.mark.parametrize(
    ("dtype", "real"), [("f4", "f4"), ("g", "g"), ("F", "f4"), ("D", "f8"), ("G", "g")]
)
def test_real_is_the_real_dtype_of_the_same_precision(dtype, real):
    found = resolve_dtypes(d(dtype), d(dtype))
    assert found.real == d(real)
    assert found.is_complex == (dtype in COMPLEX)
    assert not found.is_exact


@pytest.mark.parametrize("signal", FLOATS)
@pytest.mark.parametrize("kernel", ["?", "i8", "f8"])
def test_weak_real_kernel_never_widens_a_floating_signal(signal, kernel):
    for order in (d(signal), d(signal).newbyteorder()):
        found = resolve_dtypes(order, d(kernel), weak=True).result
        assert found == d(signal)
        assert found.isnative


@pytest.mark.parametrize(
    ("signal", "result"),
    [("f2", "F"), ("f4", "F"), ("f8", "D"), ("g", "G"), ("F", "F"), ("D", "D"), ("G", "G")],
)
def test_weak_complex_kernel_keeps_the_precision_of_the_signal(signal, result):
    assert resolve_dtypes(d(signal), d("D"), weak=True).result == d(result)


def test_weak_kernel_promotes_an_integer_signal_as_an_array_does():
    for signal, kernel in product(("?", *UNSIGNED, *SIGNED), ("i8", "f8", "D")):
        weak = resolve_dtypes(d(signal), d(kernel), weak=True)
        assert weak == resolve_dtypes(d(signal), d(kernel))


@pytest.mark.parametrize("value", [[1, 2], (1.0, 2.0), 3, 2.5, 1j, True, []])
def test_python_lists_and_scalars_are_weak(value):
    assert is_weak(value)


@pytest.mark.parametrize("value", [np.float64(1), np.complex128(1), np.ones(2), np.int8(3)])
def test_numpy_values_are_not_weak(value):
    assert not is_weak(value)


@pytest.mark.parametrize(("signal", "kernel"), PAIRS)
def test_requested_dtype_holds_or_is_refused(signal, kernel):
    order = "biufc"
    needed = max(d(signal).kind, d(kernel).kind, key=order.index)
    for requested in ALL:
        fits = requested != "?" and (
            needed in "biu" or order.index(d(requested).kind) >= order.index(needed)
        )
        if fits:
            assert resolve_dtypes(d(signal), d(kernel), requested=requested).result == d(requested)
        else:
            with pytest.raises(DTypeError):
                resolve_dtypes(d(signal), d(kernel), requested=requested)


def test_requested_dtype_is_native():
    assert resolve_dtypes(d("f4"), d("f4"), requested=">f8").result == d("f8")
    assert resolve_dtypes(d("f4"), d("f4"), requested=">f8").result.isnative


@pytest.mark.parametrize(
    ("signal", "requested", "remedy"),
    [
        ("D", "f8", "Ask for a complex dtype"),
        ("f4", "i8", "Ask for a floating dtype"),
        ("u1", "?", "Ask for int64"),
        ("u1", "M8[s]", "must be a number type"),
        ("u1", "U3", "must be a number type"),
    ],
)
def test_requested_dtype_error_is_a_type_error_with_a_remedy(signal, requested, remedy):
    with pytest.raises(TypeError, match=remedy):
        resolve_dtypes(d(signal), d("u1"), requested=requested)


@pytest.mark.parametrize("dtype", ALL)
def test_arrays_of_numbers_are_taken_as_they_are(dtype):
    array = np.ones((2, 3), dtype)
    assert as_numeric(array, "signal") is array


def test_sequences_become_arrays():
    np.testing.assert_array_equal(as_numeric([[1, 2], [3, 4]], "signal"), [[1, 2], [3, 4]])
    assert as_numeric(2.5, "signal").shape == ()


@pytest.mark.parametrize(
    ("value", "kind"),
    [
        ([2**63 + 1, 1], "O"),
        (((2**63 + 1, -1), (True, 0)), "O"),
        (2**63 + 1, "u"),
        ([2**63 + 1, 2**63], "u"),
        ([2**63 + 1, 1.0], "f"),
        ([1e300, float("nan")], "f"),
        ([2**62, 1], "i"),
    ],
)
def test_sequences_of_integers_are_not_rounded(value, kind):
    array = as_numeric(value, "signal")
    assert array.dtype.kind == kind
    if kind != "f":
        assert array.tolist() == np.array(value, object).tolist()


@pytest.mark.parametrize(
    ("value", "remedy"),
    [
        (np.ma.masked_array([1.0, 2.0], [False, True]), r"x\.filled\("),
        (np.array([Fraction(1, 2), 1.0]), r"x\.astype\(float\)"),
        (np.array([Fraction(1, 2), Decimal(1)]), r"Fraction\(d\)"),
        (np.array([np.int64(1), None]), "got NoneType, int64"),
        (np.array([1, None]), r"x\.astype\(float\)"),
        (["1", "2"], r"x\.astype\(float\)"),
        (np.array([b"1"]), r"x\.astype\(float\)"),
        (np.array(["2020-01-01"], "M8[D]"), r"np\.timedelta64"),
        (np.array([3], "m8[s]"), r"np\.timedelta64"),
        (np.zeros(2, [("left", "f4"), ("right", "f4")]), r"x\['name'\]"),
        ([[1, 2], [3]], "rectangular"),
        (None, r"x\.astype\(float\)"),
    ],
)
def test_what_is_no_number_is_a_type_error_that_names_the_argument_and_the_remedy(value, remedy):
    with pytest.raises(TypeError, match=remedy) as caught:
        as_numeric(value, "the kernel")
    assert isinstance(caught.value, DTypeError)
    assert str(caught.value).startswith("the kernel ")
