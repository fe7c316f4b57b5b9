"""Kernels from files, JSON arrays and specifications, made to fit what they are for."""

import json
import tracemalloc
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from sigconv import kernels
from sigconv.errors import BudgetError, DTypeError, KernelError, ShapeError, SourceError
from sigconv.files import Description, load_kernel
from sigconv.files.kernel import kernel_path


def array_of(ndim: int, dtype: str = "f4") -> Description:
    axes = tuple(range(ndim))
    names = tuple(f"axis {i}" for i in axes)
    return Description(
        Path("a.npy"), "array", "npy", dtype, (9,) * ndim, np.dtype(dtype), axes, names
    )


def sound_of(channels: int, rate: float = 1000.0) -> Description:
    return Description(
        Path("a.wav"), "audio", "WAV", "FLOAT", (99, channels), np.dtype("f4"), (0,),
        ("frames", "channels"), rate=rate,
    )  # fmt: skip


def volume_of(spacing: tuple[float, float, float]) -> Description:
    return Description(
        Path("a.nii"), "volume", "NIfTI-1", "int16", (9, 9, 9, 2), np.dtype("i2"), (0, 1, 2),
        ("x", "y", "z", "time"), spacing=spacing,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("text", "path"),
    [
        ("[1, 2]", None), (" [1]", None), ("box:3", None), ("laplacian", None),
        ("./box", Path("box")), ("room.wav", Path("room.wav")),
        ("c:/room.wav", Path("c:/room.wav")),
    ],
)  # fmt: skip
def test_a_kernel_is_a_path_unless_a_known_name_or_a_bracket_begins_it(
    text: str, path: Path | None
) -> None:
    assert kernel_path(text) == path


def test_json_array_takes_the_precision_of_the_source() -> None:
    taps = load_kernel("[[1, 2], [3, 4.5]]", array_of(2, "f4"))
    assert taps.dtype == np.float32
    np.testing.assert_array_equal(taps, [[1, 2], [3, 4.5]])


@pytest.mark.parametrize(
    "text", ["[1, 2", "[[1], [2, 3]]", '["a"]', "[null]", "[true]", "[{}]", "[" * 9999]
)
def test_json_of_no_numbers_is_refused(text: str) -> None:
    with pytest.raises(KernelError, match="Write for example"):
        load_kernel(text, array_of(1))


@pytest.mark.parametrize("text", ["[]", "[[]]"])
def test_empty_kernel_is_refused(text: str) -> None:
    with pytest.raises(KernelError, match="empty"):
        load_kernel(text, array_of(np.ndim(json.loads(text))))


def test_specification_has_as_many_axes_as_the_source() -> None:
    expected = kernels.gaussian(1.5, ndim=3).astype("f4")
    np.testing.assert_array_equal(load_kernel("gaussian:sigma=1.5", array_of(3)), expected)


def test_millimetres_come_from_the_volume() -> None:
    taps = load_kernel("gaussian:sigma=2mm", volume_of((1.0, 2.0, 4.0)))
    expected = kernels.gaussian(2.0, spacing=(1.0, 2.0, 4.0), ndim=3).astype("f4")
    np.testing.assert_array_equal(taps, expected)


def test_hertz_come_from_the_recording() -> None:
    taps = load_kernel("lowpass:cutoff=100Hz,taps=31", sound_of(2, 1000.0))
    np.testing.assert_array_equal(taps[:, 0], kernels.lowpass(100, 31, fs=1000).astype("f4"))


@pytest.mark.parametrize("text", ["gaussian:sigma=2mm", "gaussian:sigma=2ms", "box:0", "sobel"])
def test_specification_that_makes_no_kernel_is_refused(text: str) -> None:
    with pytest.raises(KernelError):
        load_kernel(text, array_of(1))


def test_unknown_name_lists_the_known_ones() -> None:
    with pytest.raises(KernelError, match=r"'gausian:sigma=2' is neither .* gaussian"):
        load_kernel("gausian:sigma=2", array_of(1))


def test_missing_kernel_file_is_an_input_error(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="no such file"):
        load_kernel(str(tmp_path / "k.npy"), array_of(1))


def test_kernel_file_is_read_and_cast(tmp_path: Path) -> None:
    np.save(tmp_path / "k.npy", np.array([1, 2, 3]))
    taps = load_kernel(tmp_path / "k.npy", array_of(1, "f8"))
    assert taps.dtype == np.float64
    np.testing.assert_array_equal(taps, [1, 2, 3])


def test_kernel_of_too_few_axes_is_refused() -> None:
    with pytest.raises(ShapeError, match=r"convolved on 2 axes .* has 1"):
        load_kernel("[1, 2, 1]", array_of(2))


@pytest.mark.parametrize("channels", [1, 2])
def test_audio_kernel_serves_all_channels_or_each(channels: int) -> None:
    taps = np.ones((5, channels))
    assert load_kernel(taps, sound_of(2)).shape == (5, channels)


def test_flat_audio_kernel_serves_all_channels() -> None:
    assert load_kernel("[1, 2]", sound_of(2)).shape == (2, 1)


@pytest.mark.parametrize("shape", [(5, 3), (5, 2, 2)])
def test_audio_kernel_of_other_channels_is_refused(shape: tuple[int, ...]) -> None:
    with pytest.raises(ShapeError, match="needs 1 channel, which serves all, or 2"):
        load_kernel(np.ones(shape), sound_of(2))


def test_complex_kernel_for_a_real_source_is_refused() -> None:
    with pytest.raises(KernelError, match="complex64"):
        load_kernel(np.array([1, 1j]), array_of(1))
    assert load_kernel(np.array([1, 1j]), array_of(1), np.dtype("c8")).dtype == np.complex64


def test_kernel_that_overflows_the_precision_is_refused() -> None:
    with pytest.raises(KernelError, match="overflows float32"):
        load_kernel("[1e300]", array_of(1, "f4"))


def test_fractions_are_refused_for_integer_results() -> None:
    with pytest.raises(KernelError, match="do not fit int64"):
        load_kernel("[0.5]", array_of(1), np.dtype("i8"))


def test_masked_kernel_is_refused() -> None:
    with pytest.raises(DTypeError, match="kernel is a masked array"):
        load_kernel(np.ma.masked_array([1.0, 2.0], [True, False]), array_of(1))


@pytest.mark.parametrize("kernel", [[[1], [2, 3]], [None], [{}]])
def test_taps_that_are_no_array_of_numbers_are_refused(kernel: Any) -> None:
    with pytest.raises(DTypeError, match="kernel must"):
        load_kernel(kernel, array_of(1))


@pytest.mark.parametrize("text", ["", "  "])
def test_empty_text_is_named_as_such(text: str) -> None:
    with pytest.raises(KernelError, match="KERNEL is empty"):
        load_kernel(text, array_of(1))


@pytest.mark.parametrize("text", ["gausian" * 999, "gaus\0ian"])
def test_text_that_no_file_can_be_called_is_an_unknown_kernel(text: str) -> None:
    with pytest.raises(KernelError, match="is neither a file"):
        load_kernel(text, array_of(1))


def test_stereo_kernel_for_a_mono_recording_is_refused_in_its_own_words() -> None:
    with pytest.raises(ShapeError, match=r"has 1 channel, .* got shape \(5, 2\)") as caught:
        load_kernel(np.ones((5, 2)), sound_of(1))
    assert "or 1" not in str(caught.value)


def test_millimetres_without_a_voxel_size_speak_of_the_input() -> None:
    with pytest.raises(KernelError, match="does not tell") as caught:
        load_kernel("box:3mm", array_of(1))
    assert "None" not in str(caught.value)
    assert "in samples" in str(caught.value)


def test_number_of_values_is_compared_with_the_axes_of_the_input() -> None:
    with pytest.raises(KernelError, match=r"size=3x3 has 2 values, .* 1 axis") as caught:
        load_kernel("box:3x3", array_of(1))
    assert "ndim" not in str(caught.value)


@pytest.mark.parametrize("kernel", ["box:300x300", "gaussian:sigma=40", "delta:300x300"])
def test_a_kernel_beyond_the_budget_is_never_made(kernel: str) -> None:
    tracemalloc.start()
    with pytest.raises(BudgetError, match=r"kernel of shape \(3.*more than the 400 KiB"):
        load_kernel(kernel, array_of(2), max_memory=400 << 10)
    assert tracemalloc.get_traced_memory()[1] < 200 << 10
    tracemalloc.stop()
    assert load_kernel(kernel, array_of(2), max_memory=1 << 20).size > 50_000


def test_a_file_of_taps_beyond_the_budget_is_never_read(tmp_path: Path) -> None:
    np.save(tmp_path / "k.npy", np.ones((300, 300)))
    with pytest.raises(BudgetError, match=r"k\.npy, of shape \(300, 300\), needs 703 KiB"):
        load_kernel(tmp_path / "k.npy", array_of(2), max_memory=400 << 10)


def test_a_long_filter_beyond_the_budget_is_never_designed() -> None:
    with pytest.raises(BudgetError, match=r"shape \(100001,\)"):
        load_kernel("lowpass:0.1,100001", array_of(1), max_memory=1 << 19)


def test_a_recording_of_one_channel_is_a_kernel_of_one_axis(tmp_path: Path) -> None:
    soundfile = pytest.importorskip("soundfile", reason="pip install sigconv[audio]")
    soundfile.write(tmp_path / "k.wav", [0.5, 0.25], 8000, "FLOAT")
    assert load_kernel(tmp_path / "k.wav", array_of(1)).tolist() == [0.5, 0.25]
    assert load_kernel(tmp_path / "k.wav", sound_of(2, 8000.0)).shape == (2, 1)
