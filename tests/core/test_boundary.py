"""Each side continues the original signal alone, without end."""

import re
from itertools import product

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sigconv.core.boundary import ALIASES, RULES, ZERO, Edge, parse_boundary, segments
from sigconv.errors import BoundaryError

SIZES = range(1, 7)
MAPPED = ("edge", "reflect", "symmetric", "wrap")
EDGES = {rule: Edge(rule, 7 if rule == "constant" else 0) for rule in RULES}


def positions(parts):
    """Return what each position holds: a sample, or the edge that fills it in."""
    found = []
    for part in parts:
        count = range(part.stop - part.start)
        found += [part.edge if part.is_filled else part.first + part.step * i for i in count]
    return found


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("rules", list(product(RULES, RULES)), ids="-".join)
def test_segments_hold_the_infinite_extension_of_each_side(rules, size, source_index):
    before, after = (EDGES[rule] for rule in rules)
    pad = 5 * size + 3
    expected = []
    for p in range(-pad, size + pad):
        edge = before if p < 0 else after
        index = source_index(edge.rule, size, p)
        expected.append(edge if index is None else index)
    assert positions(segments((before, after), size, -pad, size + pad)) == expected


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("rule", MAPPED)
def test_segments_continue_as_numpy_pad_does(rule, size):
    x = np.arange(size)
    for before, after in product(range(size + 1), repeat=2):
        found = positions(segments((Edge(rule), Edge(rule)), size, -before, size + after))
        if rule == "reflect" and size in (before, after) and size > 1:
            continue  # Longer than one reflection: numpy.pad works in chunks.
        assert found == np.pad(x, (before, after), rule).tolist()


@pytest.mark.parametrize(
    ("rule", "expected"),
    [
        ("edge", "aaaa abcd dddd"),
        ("reflect", "cdcb abcd cbab"),
        ("symmetric", "dcba abcd dcba"),
        ("wrap", "abcd abcd abcd"),
    ],
)
def test_the_rules_by_example(rule, expected):
    found = positions(segments((Edge(rule), Edge(rule)), 4, -4, 8))
    assert "".join("abcd"[i] for i in found) == expected.replace(" ", "")


@given(
    size=st.integers(1, 50),
    start=st.integers(-500, 500),
    length=st.integers(0, 300),
    rules=st.tuples(st.sampled_from(RULES), st.sampled_from(RULES)),
)
def test_segments_tile_the_region_in_order_within_the_source(size, start, length, rules):
    stop = start + length
    parts = list(segments((EDGES[rules[0]], EDGES[rules[1]]), size, start, stop))
    assert [p.start for p in parts] == [start, *(p.stop for p in parts)][: len(parts)]
    assert (parts[-1].stop if parts else start) == stop
    for part in parts:
        assert part.start < part.stop
        if not part.is_filled:
            assert part.step in (-1, 0, 1)
            low, high = part.source
            read = part.first + part.step * np.arange(part.stop - part.start)
            assert (low, high) == (read.min(), read.max() + 1)
            assert 0 <= low < high <= size


@pytest.mark.parametrize("rules", list(product(RULES, RULES)), ids="-".join)
def test_any_window_is_a_part_of_the_whole_extension(rules):
    edges, size = (EDGES[rules[0]], EDGES[rules[1]]), 3
    whole = positions(segments(edges, size, -10, 14))
    for start, stop in product(range(-10, 15), repeat=2):
        expected = whole[start + 10 : max(stop, start) + 10]
        assert positions(segments(edges, size, start, stop)) == expected


def test_the_signal_itself_is_one_segment_with_step_1():
    for size in SIZES:
        (part,) = segments((EDGES["wrap"], EDGES["reflect"]), size, 0, size)
        assert (part.first, part.step, part.source) == (0, 1, (0, size))


def test_a_string_serves_both_sides_of_every_axis():
    for rule in set(RULES) - {"constant"}:
        assert parse_boundary(rule, 3) == ((Edge(rule), Edge(rule)),) * 3


@pytest.mark.parametrize(("alias", "rule"), ALIASES.items())
def test_ndimage_names_are_aliases(alias, rule):
    assert parse_boundary(alias, 1) == parse_boundary(rule, 1)
    assert parse_boundary([(alias, "zero")], 1) == parse_boundary([(rule, "zero")], 1)


def test_aliases_are_ndimages_unambiguous_names():
    assert ALIASES == {
        "nearest": "edge",
        "mirror": "reflect",
        "grid-wrap": "wrap",
        "grid-constant": "constant",
        "grid-mirror": "symmetric",
    }


@pytest.mark.parametrize("sequence", [list, tuple])
def test_a_sequence_has_one_entry_per_axis(sequence):
    edge, wrap = Edge("edge"), Edge("wrap")
    assert parse_boundary(sequence(["edge", "wrap"]), 2) == ((edge, edge), (wrap, wrap))
    assert parse_boundary(sequence(["edge"]), 1) == ((edge, edge),)


@pytest.mark.parametrize("pair", [list, tuple])
def test_an_entry_may_be_a_pair_of_before_and_after(pair):
    entry = pair(["zero", "edge"])
    assert parse_boundary([entry], 1) == ((ZERO, Edge("edge")),)
    assert parse_boundary([entry, "wrap"], 2)[0] == (ZERO, Edge("edge"))


def test_no_convolved_axis_takes_a_string_or_an_empty_sequence():
    assert parse_boundary("edge", 0) == parse_boundary([], 0) == ()


@pytest.mark.parametrize("flat", [("zero", "edge"), ["zero", "edge"]])
def test_a_flat_pair_on_one_axis_is_answered_with_how_to_write_it(flat):
    with pytest.raises(BoundaryError, match=re.escape("[('zero', 'edge')]")) as caught:
        parse_boundary(flat, 1)
    assert isinstance(caught.value, ValueError)


@pytest.mark.parametrize(("boundary", "ndim"), [(["edge"], 2), (["edge"] * 3, 2), ([], 1)])
def test_a_sequence_of_another_length_is_an_error_with_both_numbers(boundary, ndim):
    with pytest.raises(BoundaryError, match=rf"per convolved axis \({ndim}\); got {len(boundary)}"):
        parse_boundary(boundary, ndim)


@pytest.mark.parametrize("name", ["periodic", "", "Edge", "reflect_type", "same"])
@pytest.mark.parametrize("place", ["{}", "before", "after"])
def test_an_unknown_name_is_answered_with_every_name(name, place):
    boundary = {"before": [(name, "edge")], "after": [("edge", name)]}.get(place, name)
    with pytest.raises(BoundaryError) as caught:
        parse_boundary(boundary, 1)
    assert repr(name) in str(caught.value)
    assert all(known in str(caught.value) for known in (*RULES, *ALIASES))


@pytest.mark.parametrize("boundary", [None, 3, 1.5, {"edge": "edge"}, iter(["edge"])])
def test_what_is_neither_string_nor_sequence_is_an_error(boundary):
    with pytest.raises(BoundaryError, match="a string or a sequence"):
        parse_boundary(boundary, 1)


@pytest.mark.parametrize("entry", [None, 3, ("edge",), ("edge", "edge", "edge")])
def test_an_entry_is_a_string_or_a_pair(entry):
    with pytest.raises(BoundaryError, match=r"\(before, after\) pair"):
        parse_boundary([entry], 1)


@pytest.mark.parametrize("entry", [("edge", 3), (None, "edge"), (("edge",), "edge")])
def test_a_side_is_a_string(entry):
    with pytest.raises(BoundaryError, match="must be one of zero, constant"):
        parse_boundary([entry], 1)


def test_fill_value_goes_to_the_constant_sides():
    five = Edge("constant", 5)
    assert parse_boundary("constant", 2, 5) == ((five, five),) * 2
    found = parse_boundary([("constant", "edge"), "zero"], 2, 5)
    assert found == ((five, Edge("edge")), (ZERO, ZERO))


@pytest.mark.parametrize("boundary", ["edge", "zero", [("wrap", "zero")], ["edge"]])
@pytest.mark.parametrize("fill", [1, -0.5, 2j, np.nan])
def test_fill_value_without_constant_is_an_error(boundary, fill):
    with pytest.raises(BoundaryError, match="fill_value belongs to boundary='constant'"):
        parse_boundary(boundary, 1, fill)


def test_edges_print_as_their_rule_and_fill():
    assert [str(Edge("wrap")), str(Edge("constant", 2.5)), str(ZERO)] == [
        "wrap",
        "constant(2.5)",
        "zero",
    ]
    assert [edge.is_zero for edge in (ZERO, Edge("constant"), Edge("edge"))] == [True, False, False]
