"""What a layer refuses, with the rule, the values and what to do instead."""

from decimal import Decimal
from fractions import Fraction
from typing import Any

import numpy as np
import pytest

from sigconv.errors import BoundaryError, DTypeError, MethodError, OptionError, ShapeError
from sigconv.layers import (
    conv,
    conv_bias_grad,
    conv_input_grad,
    conv_output_shape,
    conv_transpose,
    conv_weight_grad,
)
from tests.layers.cases import METHODS

X = np.ones((2, 4, 9, 8))
WEIGHT = np.ones((6, 4, 3, 2))
GRAD = np.ones((2, 6, 7, 7))
HOSTILE = [
    True,
    np.True_,
    1.0,
    np.float32(1),
    -1,
    "1",
    "one",
    b"1",
    None,
    float("nan"),
    1j,
    {1, 2},
    Fraction(1),
    ...,
    np.array([True, False]),
    np.array(1.0),
    [1, 1.5],
    [1, True],
    [1, "2"],
    [1, None],
    [[1], [2]],
    [np.array([1, 2]), np.array([1])],
    ["same", "valid"],
    [],
]
PAIRS = np.array([[1, 1], [1, 1]])


def ask_all(**options):
    """Yield the call of each function with these options."""
    yield lambda: conv(X, WEIGHT, **options)
    yield lambda: conv_transpose(GRAD, WEIGHT, **options)
    yield lambda: conv_input_grad(GRAD, WEIGHT, X.shape, **options)
    yield lambda: conv_weight_grad(GRAD, X, WEIGHT.shape, **options)


@pytest.mark.parametrize("value", [*HOSTILE, PAIRS, 0, [0, 1]], ids=repr)
@pytest.mark.parametrize("name", ["stride", "dilation"])
def test_steps_are_whole_and_at_least_one(name, value):
    for call in ask_all(**{name: value}):
        with pytest.raises((OptionError, ShapeError), match=rf"(?s)^{name} .*; got .*\.$"):
            call()


@pytest.mark.parametrize("value", [*HOSTILE, PAIRS, 0, [1], (1, 1), np.array([1])], ids=repr)
def test_groups_are_one_whole_number(value):
    for call in ask_all(groups=value):
        with pytest.raises(
            OptionError, match=r"(?s)^groups is an integer of at least 1.*; got .*\.$"
        ):
            call()


@pytest.mark.parametrize("value", [*HOSTILE, -PAIRS, [[1, 2, 3], 0], [(1,), 0]], ids=repr)
def test_padding_is_whole_and_not_negative(value):
    for call in ask_all(padding=value):
        with pytest.raises((OptionError, ShapeError), match=r"(?s)padding .*; got .*\."):
            call()


@pytest.mark.parametrize("value", [*HOSTILE, PAIRS], ids=repr)
def test_output_padding_is_whole_and_not_negative(value):
    with pytest.raises((OptionError, ShapeError), match=r"(?s)^output_padding .*; got .*\.$"):
        conv_transpose(GRAD, WEIGHT, stride=3, output_padding=value)


@pytest.mark.parametrize("value", [None, 0, 1, "no", "False", np.array([True]), []], ids=repr)
def test_flip_is_true_or_false(value):
    for call in ask_all(flip=value):
        with pytest.raises(OptionError, match=r"flip is True or False; got"):
            call()


@pytest.mark.parametrize("value", [None, 1, "NCHW", ["channels_first"], np.array(["a", "b"])])
def test_layout_is_one_of_two(value):
    for call in (*ask_all(layout=value), lambda: conv_bias_grad(GRAD, layout=value)):
        with pytest.raises(OptionError, match="layout must be 'channels_first' or 'channels_last'"):
            call()


@pytest.mark.parametrize("value", [None, 1, "mirrored", ["zero"], [("zero",), "edge"], [0, 0]])
def test_boundary_is_a_rule_or_one_per_axis(value):
    for call in ask_all(boundary=value, padding=1):
        with pytest.raises(BoundaryError, match=r"boundary.*; got"):
            call()


@pytest.mark.parametrize(
    ("value", "remedy"),
    [
        ("absent", "use 'zero', 'edge', 'reflect', 'symmetric' or 'wrap'"),
        ([("zero", "absent"), "zero"], "use 'zero'"),
        ("constant", r"np\.pad\(x, widths, constant_values=value\)"),
        (["edge", ("constant", "edge")], r"np\.pad"),
    ],
)
def test_boundaries_that_a_layer_has_not_are_told_what_to_do(value, remedy):
    for call in ask_all(boundary=value):
        with pytest.raises(BoundaryError, match=remedy):
            call()


def test_every_way_to_write_a_number_is_taken():
    expected = conv(X, WEIGHT, stride=2, padding=1, groups=1, dilation=1)
    for two in (np.int8(2), np.array(2), [2, 2], (2, np.int64(2)), np.array([2, 2])):
        found = conv(X, WEIGHT, stride=two, padding=np.array(1), groups=1)
        np.testing.assert_array_equal(found, expected)
    for one in ([1, (1, 1)], [[1, 1], [1, 1]], np.ones((2, 2), int), (np.array([1, 1]), 1)):
        found = conv(X, WEIGHT, stride=2, padding=one)
        np.testing.assert_array_equal(found, expected)


# ------------------------------------------------------------------------- shapes


@pytest.mark.parametrize(
    ("call", "rule"),
    [
        (lambda: conv(np.ones(5), WEIGHT), r"x needs 3 to 5 axes.*\(5,\).*x\[None, None\]"),
        (lambda: conv(np.ones((1,) * 6), WEIGHT), r"x needs 3 to 5 axes"),
        (lambda: conv(3.0, 2.0), r"x needs 3 to 5 axes"),
        (lambda: conv_transpose(np.ones((5, 5)), WEIGHT), r"x needs 3 to 5 axes"),
        (lambda: conv_bias_grad(np.ones((5, 5))), r"grad needs 3 to 5 axes.*\(5, 5\)"),
        (lambda: conv(X, WEIGHT[0]), r"weight needs 4 axes, as x has.*\(4, 3, 2\)"),
        (lambda: conv_transpose(GRAD, WEIGHT[0]), r"weight needs 4 axes, as x has"),
        (lambda: conv(X, WEIGHT[..., :0]), r"at least one tap on each axis.*\(6, 4, 3, 0\)"),
        (lambda: conv_transpose(GRAD, WEIGHT[..., :0]), r"at least one tap on each axis"),
        (lambda: conv(X[0], WEIGHT), r"weight needs 3 axes.*a batch of one: x\[None\]"),
        (lambda: conv(X, WEIGHT[0, 0]), r"weight needs 4 axes.*weight\[None, None\]"),
        (
            lambda: conv(np.moveaxis(X, 1, -1), WEIGHT),
            r"got 9 channels.*\(2, 9, 8, 4\), channels_first\).*need layout='channels_last'",
        ),
        (lambda: conv(X[:, :3], WEIGHT), r"as many channels as weight.shape\[1\] times.*got 3"),
        (lambda: conv(X, WEIGHT, groups=2), r"4 channels.*\(6, 4, 3, 2\) and groups=2"),
        (
            lambda: conv(X, WEIGHT, layout="channels_last"),
            r"got 8 channels.*\(2, 4, 9, 8\), channels_last",
        ),
        (lambda: conv(X, WEIGHT[:5, :2], groups=2), r"groups must divide the output.*groups=2"),
        (lambda: conv_transpose(X, WEIGHT), r"takes as many channels as weight.shape\[0\]; got 4"),
        (
            lambda: conv_transpose(GRAD[:, :5], WEIGHT[:5], groups=2),
            r"groups must divide the output channels",
        ),
        (lambda: conv(X, WEIGHT, dilation=5), r"reaches over 11 samples.* 9 and 0 .*Pad more"),
        (lambda: conv(X[..., :0], WEIGHT), r"reaches over 2 samples.*axis 1 of space has 0"),
        (
            lambda: conv(X[..., :0], WEIGHT, padding=1, boundary="edge"),
            r"without samples continues by boundary='zero'",
        ),
        (lambda: conv_transpose(GRAD[..., :0], WEIGHT), r"at least one sample on each axis"),
        (
            lambda: conv_transpose(np.ones((1, 1, 1)), np.ones((1, 1, 2)), padding=[(1, 2)]),
            r"padding \(1, 2\) leaves nothing of axis 0",
        ),
        (lambda: conv_transpose(GRAD, WEIGHT, padding=9), r"leaves nothing of axis 0.*Pad less"),
        (lambda: conv(X, WEIGHT, [1, 2]), r"bias has one number for each channel.*\(6\).*\(2,\)"),
        (lambda: conv(X, WEIGHT, 1), r"bias has one number for each channel.*\(6\).*\(\)"),
        (lambda: conv(X, WEIGHT, np.ones((6, 1))), r"bias has one number.*\(6\).*\(6, 1\)"),
        (lambda: conv_transpose(GRAD, WEIGHT, np.ones(6)), r"bias has one number.*\(4\).*\(6,\)"),
        (
            lambda: conv_input_grad(X, WEIGHT, X.shape),
            r"grad has the shape of the layer's result, \(2, 6, 7, 7\).*got \(2, 4, 9, 8\)",
        ),
        (
            lambda: conv_weight_grad(GRAD, X, (6, 4, 3, 3)),
            r"grad has the shape.*\(2, 6, 7, 6\).*weights of \(6, 4, 3, 3\).*got \(2, 6, 7, 7\)",
        ),
        (
            lambda: conv_weight_grad(GRAD[0], X, WEIGHT.shape),
            r"grad has the shape",
        ),
        (lambda: conv_output_shape((5,), (1, 1, 3)), r"x needs 3 to 5 axes"),
        (lambda: conv_output_shape((1, 1, 5), (1, 1, 0)), r"at least one tap"),
        (lambda: conv_output_shape((1, 1, 5), (1, 1, 6)), r"reaches over 6 samples"),
        (lambda: conv_output_shape((1, 1, 5), (1, 3, 3)), r"as many channels"),
    ],
)
def test_shapes_that_do_not_fit_are_told_why(call, rule):
    with pytest.raises(ShapeError, match=rf"(?s){rule}"):
        call()


@pytest.mark.parametrize("wrong", [1.0, True])
def test_what_equals_a_number_is_refused_after_the_number_was_taken(wrong):
    taken = {"stride": 1, "padding": (0, 0), "groups": 1}
    for call in ask_all(**taken):
        call()
    nothing = type(wrong)(0)
    for options in ({"stride": wrong}, {"padding": (0, nothing)}, {"groups": wrong}):
        for call in ask_all(**{**taken, **options}):
            with pytest.raises(OptionError, match=r"; got .*\."):
                call()


@pytest.mark.parametrize("shape", [None, "abc", (1, 4, -3, 2), (1, 4, 2.5, 2), (1, 4, True, 2)])
def test_shapes_are_tuples_of_integers(shape):
    calls = {
        "x_shape": lambda: conv_output_shape(shape, WEIGHT.shape),
        "input_shape": lambda: conv_input_grad(GRAD, WEIGHT, shape),
        "weight_shape": lambda: conv_weight_grad(GRAD, X, shape),
    }
    for name, call in calls.items():
        with pytest.raises(ShapeError, match=f"^{name} is a tuple of integers of at least 0; got"):
            call()
    with pytest.raises(ShapeError, match=r"^weight_shape is a tuple of integers of at .*; got"):
        conv_output_shape(X.shape, shape)


def test_shapes_may_be_lists_and_arrays():
    x_shape: Any = list(X.shape)
    weight_shape: Any = np.array(WEIGHT.shape)
    assert conv_output_shape(x_shape, weight_shape) == GRAD.shape
    assert conv_input_grad(GRAD, WEIGHT, x_shape).shape == X.shape
    assert conv_weight_grad(GRAD, X, weight_shape).shape == WEIGHT.shape
    with pytest.raises(OptionError, match="layout"):
        conv_output_shape(X.shape, WEIGHT.shape, layout="NCHW")


@pytest.mark.parametrize("amount", [2**60, 2**62, 10**30, [(0, 2**62)], [(2**62, 0)]])
@pytest.mark.parametrize("boundary", ["zero", "reflect"])
def test_more_samples_than_an_array_holds_are_refused_before_any_is_made(amount, boundary):
    x, weight = np.ones((1, 1, 5)), np.ones((1, 1, 3))
    for step in (1, 2**62):
        with pytest.raises(ShapeError, match=r"more than an array holds\. Pad less"):
            conv(x, weight, padding=amount, boundary=boundary, stride=step)
    with pytest.raises(ShapeError, match="more than an array holds"):
        conv_transpose(x, weight, stride=2**62, boundary=boundary)
    with pytest.raises(ShapeError, match="more than an array holds"):
        conv_output_shape(x.shape, weight.shape, padding=amount)


@pytest.mark.parametrize(
    ("options", "rule"),
    [
        ({"padding": (1, 2)}, r"per axis of space \(1\).*got \(1, 2\).*one entry: \[\(1, 2\)\]"),
        ({"padding": "full"}, r"'same' or 'valid'; got 'full'.*continues is the boundary"),
        ({"padding": -1}, r"integer of at least 0.*got -1.*To crop, slice the result"),
        ({"stride": (1, 2)}, r"one entry per axis of space \(1\); got \(1, 2\)"),
        ({"stride": "same"}, r"stride must be integers of at least 1; got 'same'"),
        ({"dilation": "2"}, r"dilation must be integers of at least 1; got '2'"),
        ({"boundary": ("zero", "edge")}, r"\[\('zero', 'edge'\)\]"),
    ],
)
def test_options_of_one_axis_say_how_they_are_written(options, rule):
    with pytest.raises(ValueError, match=rf"(?s){rule}"):
        conv(np.ones((1, 1, 5)), np.ones((1, 1, 3)), **options)


@pytest.mark.parametrize("extra", [2, 3, (0, 2)])
def test_output_padding_is_less_than_the_stride(extra):
    with pytest.raises(OptionError, match=r"output_padding is less than stride.*got .*stride=2"):
        conv_transpose(GRAD, WEIGHT, stride=2, output_padding=extra)


# ------------------------------------------------------------------------- numbers

MASKED = np.ma.masked_array(X, X > 2)
STRANGE = [
    (MASKED, r"masked array.*x\.filled\(0\)"),
    ("abc", r"must hold numbers.*x\.astype\(float\)"),
    (None, r"must hold numbers.*NoneType"),
    (object(), r"must hold numbers"),
    (np.array([["a"]]), r"must hold numbers.*x\.astype\(float\)"),
    (np.array([1], "M8[s]"), r"must hold numbers.*timedelta64"),
    (np.zeros(3, [("name", float)]), r"one field at a time"),
    ([[1, 2], [3]], "rectangular"),
    (np.array([[[1, None]]]), r"must hold numbers.*NoneType"),
    (np.array([[[Fraction(1), Decimal(1)]]]), "Fraction and Decimal"),
]


@pytest.mark.parametrize(("value", "rule"), STRANGE, ids=lambda value: type(value).__name__)
def test_what_are_no_numbers_are_refused_by_name(value, rule):
    calls = {
        "x": [lambda: conv(value, WEIGHT), lambda: conv_weight_grad(GRAD, value, WEIGHT.shape)],
        "weight": [lambda: conv(X, value), lambda: conv_input_grad(GRAD, value, X.shape)],
        "bias": [lambda: conv(X, WEIGHT, value), lambda: conv_transpose(GRAD, WEIGHT, value)],
        "grad": [
            lambda: conv_bias_grad(value),
            lambda: conv_input_grad(value, WEIGHT, X.shape),
            lambda: conv_weight_grad(value, X, WEIGHT.shape),
        ],
    }
    for name, every in calls.items():
        for call in every:
            if name == "bias" and value is None:
                continue
            with pytest.raises(DTypeError, match=rf"(?s)^{name} .*{rule}"):
                call()


def test_exact_numbers_do_not_meet_rounded_ones():
    fractions = np.full((2, 4, 9, 8), Fraction(1, 3))
    with pytest.raises(DTypeError, match=r"do not meet float64.*x\.astype\(float\)"):
        conv(fractions, WEIGHT)
    with pytest.raises(DTypeError, match="do not meet float64"):
        conv(fractions, WEIGHT.astype(int), np.ones(6))


@pytest.mark.skipif(len(METHODS) == 2, reason="every method is taken for the one there is")
def test_methods_that_do_not_exist_are_refused():
    for name in ("gem", "FFT", "", None, 3):
        for call in ask_all(method=name):
            with pytest.raises(MethodError, match=r"method must be one of auto, .*; got"):
                call()


@pytest.mark.skipif(len(METHODS) == 2, reason="the one method there is has no use for workers")
@pytest.mark.parametrize("workers", [0, -2, 1.5, "two", True])
def test_workers_are_a_positive_number_or_all(workers):
    for call in ask_all(workers=workers):
        with pytest.raises(OptionError, match="workers"):
            call()


def test_what_equals_an_integer_is_refused_after_the_integer_was_taken():
    x, weight = np.ones((1, 1, 8)), np.ones((1, 1, 3))
    conv(x, weight, stride=1, groups=1, flip=False)
    wrong: list[tuple[str, Any]] = [("stride", 1.0), ("stride", True), ("groups", 1.0), ("flip", 0)]
    for keyword, value in wrong:
        with pytest.raises(OptionError, match=keyword):
            conv(x, weight, **{keyword: value})


def test_an_error_about_a_list_of_keywords_tells_of_nothing_else():
    with pytest.raises(ShapeError) as told:
        conv(np.ones((1, 1, 8)), np.ones((1, 1, 3)), stride=[1, 1])
    assert told.value.__context__ is None
