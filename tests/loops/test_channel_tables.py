"""Axes by phases of their stride, as the compiled loops over channels read them."""

from itertools import product

from sigconv.core.problem import Axis
from sigconv.loops.channel_tables import AxisTable

HEAD = 11


def steps():
    return product(range(1, 8), range(1, 8), range(1, 8))


def read(table, block=5):
    """The phases and the taps of a table, as pairs."""
    numbers = table.numbers(block).tolist()
    pairs = list(zip(numbers[HEAD::2], numbers[HEAD + 1 :: 2], strict=True))
    return pairs[: numbers[10]], pairs[numbers[10] :]


def test_a_tap_lies_in_its_phase_at_the_position_of_its_sample():
    for taps, stride, dilation in steps():
        phases, found = read(AxisTable(Axis(0, 9, taps, 0, 9, stride=stride, dilation=dilation)))
        assert len(found) == taps
        for k, (phase, place) in enumerate(found):
            assert phases[phase][0] + stride * place == dilation * k


def test_phases_are_the_remainders_of_taps_and_as_long_as_their_last_tap_needs():
    for taps, stride, dilation in steps():
        table = AxisTable(Axis(0, 9, taps, 0, 9, stride=stride, dilation=dilation))
        phases, found = read(table)
        remainders = [first % stride for first, _ in phases]
        assert sorted(remainders) == sorted({dilation * k % stride for k in range(taps)})
        for p, (_, span) in enumerate(phases):
            assert span == max(place for phase, place in found if phase == p)
        assert table.phases == len(phases)
        assert table.span == max(span for _, span in phases)
        assert table.packed(7) == sum(7 + span for _, span in phases)
