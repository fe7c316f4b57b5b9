"""The tables of the compiled loops, exhaustively over small axes."""

from itertools import product
from math import prod

import pytest

from sigconv.channels.driving import Boxes
from sigconv.core.problem import Axis
from sigconv.loops.channel_tables import AxisTable, boxes_of, three_axes

AXES = [
    Axis(0, 40, taps, d * (taps - 1), d * (taps - 1) + s * (length - 1) + 1, stride=s, dilation=d)
    for taps, s, d, length in product(range(1, 6), range(1, 6), range(1, 5), (1, 2, 7))
]


def read(axis):
    """The phases and the taps that the loops are told, as pairs."""
    numbers = AxisTable(axis).numbers(1).tolist()
    pairs = list(zip(numbers[11::2], numbers[12::2], strict=True))
    return pairs[: numbers[10]], pairs[numbers[10] :]


@pytest.mark.parametrize("axis", AXES, ids=lambda a: f"{a.taps}/{a.stride}/{a.dilation}/{a.length}")
def test_every_tap_of_every_output_finds_its_sample_in_its_phase(axis):
    phases, taps = read(axis)
    for k, (phase, place) in enumerate(taps):
        first, span = phases[phase]
        assert place <= span
        for q in range(axis.length):
            assert first + axis.stride * (q + place) == axis.stride * q + axis.dilation * k


@pytest.mark.parametrize("axis", AXES, ids=lambda a: f"{a.taps}/{a.stride}/{a.dilation}/{a.length}")
def test_no_phase_is_kept_that_no_tap_meets_and_none_is_longer_than_its_taps(axis):
    phases, taps = read(axis)
    met = {
        axis.stride * q + axis.dilation * k for q in range(axis.length) for k in range(axis.taps)
    }
    kept = {first + axis.stride * i for first, span in phases for i in range(axis.length + span)}
    assert met <= kept
    assert {phase for phase, _ in taps} == set(range(len(phases)))
    # Between the taps of a phase lie samples that no output meets, unless outputs are many.
    assert len(kept - met) <= sum(span for _, span in phases)
    if axis.length > axis.dilation:
        assert kept == met


@pytest.mark.parametrize("lengths", [(1, 1, 1_000_000), (1, 300, 300), (70, 70, 70), (1, 1, 1)])
@pytest.mark.parametrize("channels", [1, 16, 500])
@pytest.mark.parametrize("stride", [1, 3])
def test_boxes_fit_the_cache_and_cover_all_outputs(lengths, channels, stride):
    axes = tuple(
        Axis(j, stride * n + 2, 3, 2, 2 + stride * (n - 1) + 1, stride=stride)
        for j, n in enumerate(lengths)
    )
    tables = tuple(map(AxisTable, axes))
    for products in (1, 10**9):
        boxes = boxes_of(tables, channels, products, 1)
        assert all(0 < box <= n for box, n in zip(boxes, lengths, strict=True))
        copied = channels * prod(t.packed(n) for t, n in zip(tables, boxes, strict=True))
        # Rows are not cut below what fills some vectors.
        assert copied <= 1 << 16 or (boxes[:2] == [1, 1] and boxes[2] <= 256)
    assert len(Boxes.of(axes, channels, 10**9, 1).lengths) == 3


def test_missing_axes_come_first_and_have_one_output():
    row = Axis(0, 9, 3, 2, 9)
    depth, column, last = three_axes((row,))
    assert depth == column
    assert (depth.length, depth.taps, last) == (1, 1, row)
