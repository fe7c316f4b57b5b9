"""What float samples become in integer and lossy formats."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sigconv.files.encodings import Levels, choose_subtype, quantise, stored_dtype

INTEGERS = {"PCM_U8": 8, "PCM_S8": 8, "PCM_16": 16, "PCM_24": 24, "PCM_32": 32}


@pytest.mark.parametrize("subtype", ["PCM_S8", "PCM_16", "PCM_24"])
def test_every_stored_integer_survives_the_way_through_float32(subtype: str) -> None:
    bits = INTEGERS[subtype]
    full = 1 << (bits - 1)
    step = max(1, full // (1 << 15))
    stored = np.arange(-full, full, step)
    numbers, clipped = quantise((stored / full).astype(np.float32), subtype)
    width = numbers.dtype.itemsize * 8
    np.testing.assert_array_equal(numbers.astype(np.int64) >> (width - bits), stored)
    assert clipped == 0


@pytest.mark.parametrize("subtype", INTEGERS)
def test_full_scale_clips_to_the_largest_integer(subtype: str) -> None:
    numbers, clipped = quantise(np.array([1.0, -1.0, 1.5, -1.5], np.float32), subtype)
    width, full = numbers.dtype.itemsize * 8, 1 << (INTEGERS[subtype] - 1)
    unshifted = numbers.astype(np.int64) >> (width - INTEGERS[subtype])
    assert unshifted.tolist() == [full - 1, -full, full - 1, -full]
    assert clipped == 3


def test_integers_are_rounded_to_nearest() -> None:
    numbers, _ = quantise(np.array([0.4, 0.6, -0.4, -0.6]) / 32768, "PCM_16")
    assert numbers.tolist() == [0, 1, 0, -1]


def test_floats_pass_beyond_full_scale() -> None:
    samples = np.array([3.0, -7.0], np.float32)
    numbers, clipped = quantise(samples, "FLOAT")
    assert numbers is samples
    assert clipped == 0


def test_lossy_codecs_get_full_scale_at_most() -> None:
    numbers, clipped = quantise(np.array([0.5, 1.5, -2.0]), "VORBIS")
    assert numbers.tolist() == [0.5, 1.0, -1.0]
    assert clipped == 2


@given(st.floats(1.0, 1e6), st.sampled_from(sorted(INTEGERS)))
def test_the_safe_gain_keeps_the_peak_unclipped_and_wastes_little(
    peak: float, subtype: str
) -> None:
    levels = Levels()
    levels.add(np.array([0.1, -peak]))
    gain = 10 ** (levels.safe_gain_db / 20)
    assert quantise(np.array([peak * gain, -peak * gain]), subtype)[1] == 0
    assert peak * gain > 0.97


def test_levels_gather_over_blocks() -> None:
    levels = Levels()
    for block in ([[0.5, -0.75]], [[0.25, 0.1]], np.empty((0, 2))):
        levels.add(np.asarray(block))
    assert (levels.samples, levels.peak) == (4, 0.75)


def test_levels_keep_a_nan() -> None:
    levels = Levels()
    for block in ([1.0], [np.nan], [2.0]):
        levels.add(np.array(block))
    assert np.isnan(levels.peak)


@pytest.mark.parametrize(
    ("wanted", "available", "chosen"),
    [
        ("PCM_16", ("PCM_16", "FLOAT"), "PCM_16"),
        ("FLOAT", ("PCM_16", "PCM_24"), "PCM_24"),
        ("PCM_U8", ("PCM_S8", "PCM_16"), "PCM_S8"),
        ("ULAW", ("PCM_16",), "PCM_16"),
    ],
)
def test_nearest_encoding_is_chosen(wanted: str, available: tuple[str, ...], chosen: str) -> None:
    assert choose_subtype(wanted, available, "PCM_16") == chosen


def test_stored_dtypes() -> None:
    names = ("PCM_S8", "PCM_16", "PCM_24", "FLOAT", "DOUBLE", "VORBIS")
    assert [str(stored_dtype(name)) for name in names] == [
        "int8", "int16", "int32", "float32", "float64", "float32",
    ]  # fmt: skip
