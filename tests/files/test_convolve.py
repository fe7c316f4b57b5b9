"""Files in, files out: the same numbers as `sigconv.convolve` gives for the arrays."""

from pathlib import Path

import nibabel
import numpy as np
import pytest
import soundfile
import tifffile

import sigconv
from sigconv import kernels
from sigconv.files import convolve_file, plan_file, plan_shape
from sigconv.testing import assert_close, tolerance
from tests.files.helpers import RATE, noise, opened

pytestmark = pytest.mark.extras

MODES = ["full", "same", "valid"]
BOUNDARIES = ["zero", "edge", "reflect", "symmetric", "wrap"]


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("boundary", BOUNDARIES)
def test_recording_gives_what_its_array_gives(wav: Path, mode: str, boundary: str) -> None:
    x, h = soundfile.read(wav, dtype="float32")[0], noise(301, 1, seed=1)
    record = convolve_file(wav, h, wav.with_name("out.wav"), mode=mode, boundary=boundary)
    expected = sigconv.convolve(x, h, mode, axes=0, boundary=boundary)
    y, rate = soundfile.read(wav.with_name("out.wav"), dtype="float32")
    assert rate == RATE
    assert record.target.encoding == "FLOAT"
    assert_close(y, expected, tolerance(x, h, np.float32))


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("boundary", BOUNDARIES)
def test_array_gives_what_it_gives_in_memory(npy: Path, mode: str, boundary: str) -> None:
    x, h = np.load(npy), noise(5, 4, seed=1)
    convolve_file(npy, h, npy.with_name("out.npy"), mode=mode, boundary=boundary)
    y = np.load(npy.with_name("out.npy"))
    assert y.dtype == np.float32
    assert_close(y, sigconv.convolve(x, h, mode, boundary=boundary), tolerance(x, h, y.dtype))


def test_audio_defaults_to_full_and_arrays_to_same(wav: Path, npy: Path) -> None:
    sound = convolve_file(wav, "[1, 2, 1]", wav.with_name("out.wav"))
    array = convolve_file(npy, "[[1, 2, 1]]", npy.with_name("out.npy"))
    assert (sound.mode, sound.target.shape) == ("full", (20_002, 2))
    assert (array.mode, array.target.shape) == ("same", (30, 40))


def test_stereo_kernel_filters_each_channel_with_its_own(wav: Path) -> None:
    h = noise(50, 2, seed=2)
    soundfile.write(wav.with_name("h.wav"), h, RATE, "FLOAT")
    convolve_file(wav, wav.with_name("h.wav"), wav.with_name("out.wav"))
    x = soundfile.read(wav, dtype="float32")[0]
    y = soundfile.read(wav.with_name("out.wav"), dtype="float32")[0]
    for channel in range(2):
        expected = sigconv.convolve(x[:, channel], h[:, channel])
        assert_close(y[:, channel], expected, tolerance(x, h, np.float32))


@pytest.mark.parametrize("channels", [1, 6])
def test_any_number_of_channels(tmp_path: Path, channels: int) -> None:
    soundfile.write(tmp_path / "in.wav", noise(500, channels), RATE, "FLOAT")
    record = convolve_file(tmp_path / "in.wav", "[0.5, 0.5]", tmp_path / "out.wav")
    assert record.target.shape == (501, channels)


@pytest.mark.parametrize(
    ("suffix", "subtype"),
    [
        ("wav", "PCM_16"),
        ("wav", "PCM_24"),
        ("flac", "PCM_16"),
        ("aiff", "PCM_S8"),
        ("wav", "PCM_U8"),
    ],
)
def test_identity_keeps_integer_audio_bit_for_bit(
    tmp_path: Path, suffix: str, subtype: str
) -> None:
    source, target = tmp_path / f"in.{suffix}", tmp_path / f"out.{suffix}"
    soundfile.write(source, np.clip(0.4 * noise(3000, 2), -1, 1), RATE, subtype)
    record = convolve_file(source, "[1]", target, method="direct")
    assert record.target.encoding == subtype
    assert record.clipped == 0
    np.testing.assert_array_equal(
        soundfile.read(target, dtype="int32")[0], soundfile.read(source, dtype="int32")[0]
    )


def test_clipped_samples_are_counted_and_the_gain_avoids_them(tmp_path: Path) -> None:
    source, target = tmp_path / "in.wav", tmp_path / "out.wav"
    x = np.clip(0.4 * noise(3000, 2), -1, 1)
    soundfile.write(source, x, RATE, "PCM_16")
    stored = soundfile.read(source, dtype="float32")[0]
    record = convolve_file(source, "[3]", target)
    assert record.clipped == np.count_nonzero(
        (np.rint(stored * 3 * 32768) > 32767) | (stored * 3 < -1)
    )
    assert record.clipped > 0
    again = convolve_file(source, "[3]", target, gain_db=record.safe_gain_db, force=True)
    assert again.clipped == 0


def test_gain_scales_the_result(npy: Path) -> None:
    convolve_file(npy, "[[1]]", npy.with_name("out.npy"), gain_db=-20.0)
    np.testing.assert_allclose(np.load(npy.with_name("out.npy")), np.load(npy) / 10, rtol=1e-6)


@pytest.mark.parametrize(
    ("stored", "asked", "result"),
    [
        ("u2", None, "float32"), ("?", None, "float32"), ("f8", None, "float64"),
        (">f4", None, "float32"), ("c8", None, "complex64"), ("f2", None, "float16"),
        ("u1", "int64", "int64"), ("f4", "float64", "float64"), ("f4", "complex128", "complex128"),
    ],
)  # fmt: skip
def test_precision_is_the_sources_unless_asked_for(
    tmp_path: Path, stored: str, asked: str | None, result: str
) -> None:
    x = np.random.default_rng(0).integers(0, 2, (9, 8)).astype(stored)
    h = np.array([[1.0, 2.0], [3.0, 4.0]])
    np.save(tmp_path / "in.npy", x)
    convolve_file(tmp_path / "in.npy", h, tmp_path / "out.npy", dtype=asked)
    y = np.load(tmp_path / "out.npy")
    assert y.dtype == result
    np.testing.assert_allclose(y, sigconv.convolve(x.astype(complex), h, "same"), atol=1e-3)


def test_float64_audio_is_computed_and_stored_in_float64(wav: Path) -> None:
    h = noise(40, 1, seed=1).astype(np.float64)
    record = convolve_file(wav, h, wav.with_name("out.wav"), dtype="float64")
    x = soundfile.read(wav, dtype="float64")[0]
    assert record.target.encoding == "DOUBLE"
    y = soundfile.read(wav.with_name("out.wav"), dtype="float64")[0]
    assert_close(y, sigconv.convolve(x, h, axes=0), tolerance(x, h, np.float64))


@pytest.fixture
def nii(tmp_path: Path) -> Path:
    affine = np.diag([2.0, 1.0, 4.0, 1.0])
    affine[:3, 3] = 5, -6, 7
    values = np.random.default_rng(0).integers(0, 900, (12, 11, 10, 3)).astype(np.int16)
    nibabel.save(nibabel.Nifti1Image(values, affine), tmp_path / "in.nii.gz")
    return tmp_path / "in.nii.gz"


def test_volume_is_smoothed_in_millimetres_frame_by_frame(nii: Path) -> None:
    record = convolve_file(nii, "gaussian:sigma=3mm", nii.with_name("out.nii.gz"))
    before, after = opened(nii), opened(nii.with_name("out.nii.gz"))
    h = kernels.gaussian(3.0, spacing=(2.0, 1.0, 4.0), ndim=3, dtype=np.float32)
    assert record.kernel_shape == h.shape
    x = np.asarray(before.dataobj, np.float32)
    y = np.asarray(after.dataobj)
    for frame in range(3):
        expected = sigconv.convolve(x[..., frame], h, "same")
        assert_close(y[..., frame], expected, tolerance(x, h, np.float32))
    np.testing.assert_array_equal(after.affine, before.affine)
    assert after.get_data_dtype() == np.float32


@pytest.mark.parametrize(("mode", "first"), [("full", (-2, -1, 0)), ("valid", (2, 1, 0))])
def test_larger_and_smaller_volumes_keep_their_place(
    nii: Path, mode: str, first: tuple[int, ...]
) -> None:
    impulse = np.zeros((5, 3, 1))
    impulse[2, 1, 0] = 1
    convolve_file(nii, impulse, nii.with_name("out.nii"), mode=mode)
    before, after = opened(nii), opened(nii.with_name("out.nii"))
    np.testing.assert_allclose(after.affine @ [0, 0, 0, 1], before.affine @ [*first, 1])
    # A centred impulse moves nothing: the voxel at one place in space keeps its value.
    there = np.subtract((6, 5, 4), first)
    assert after.dataobj[tuple(there)][0] == pytest.approx(before.dataobj[6, 5, 4][0], abs=1e-3)


def test_colour_image_is_filtered_colour_by_colour(tmp_path: Path) -> None:
    image = np.random.default_rng(0).integers(0, 255, (20, 30, 3)).astype(np.uint8)
    tifffile.imwrite(tmp_path / "in.tif", image, photometric="rgb")
    convolve_file(tmp_path / "in.tif", "box:3x3", tmp_path / "out.tiff", boundary="edge")
    y, h = tifffile.imread(tmp_path / "out.tiff"), kernels.box((3, 3))
    x = image.astype(np.float32)
    expected = sigconv.convolve(x, h.astype(np.float32), "same", axes=(0, 1), boundary="edge")
    assert_close(y, expected, tolerance(x, h, np.float32))


def test_volume_and_image_may_become_plain_arrays(nii: Path, tmp_path: Path) -> None:
    convolve_file(nii, "box:1x1x1", tmp_path / "out.npy")
    np.testing.assert_allclose(np.load(tmp_path / "out.npy"), opened(nii).dataobj, atol=1e-2)


def test_kernel_longer_than_the_signal(wav: Path) -> None:
    h = noise(50_000, 1, seed=3)
    convolve_file(wav, h, wav.with_name("out.wav"))
    x = soundfile.read(wav, dtype="float32")[0]
    y = soundfile.read(wav.with_name("out.wav"), dtype="float32")[0]
    assert_close(y, sigconv.convolve(x, h, axes=0), tolerance(x, h, np.float32))


def test_recording_without_a_frame_gives_one_without_a_frame(tmp_path: Path) -> None:
    soundfile.write(tmp_path / "in.wav", np.empty((0, 2)), RATE, "PCM_16")
    convolve_file(tmp_path / "in.wav", "[1, 2]", tmp_path / "out.wav")
    assert soundfile.info(tmp_path / "out.wav").frames == 0


@pytest.mark.parametrize(("name", "kernel"), [("in.wav", "[1, 1]"), ("in.npy", "[[1, 1]]")])
@pytest.mark.usefixtures("wav", "npy")
def test_progress_ends_at_its_total(tmp_path: Path, name: str, kernel: str) -> None:
    source = tmp_path / name
    seen: list[tuple[int, int]] = []
    convolve_file(source, kernel, source.with_stem("out"), progress=lambda *s: seen.append(s))
    assert seen == sorted(seen)
    assert seen[-1][0] == seen[-1][1] > 0


def test_record_tells_the_engine_that_was_asked_for(wav: Path) -> None:
    for method in ("direct", "overlap-add"):
        record = convolve_file(wav, "[1, 2]", wav.with_name("out.wav"), method=method, force=True)
        assert record.method == method
    assert record.times_real_time == pytest.approx(2.5 / record.seconds)


def test_plan_of_a_file_is_the_one_that_runs(npy: Path) -> None:
    record = convolve_file(npy, "[[1, 2], [3, 4]]", npy.with_name("out.npy"))
    assert plan_file(npy, "[[1, 2], [3, 4]]") == record.plan
    assert plan_file(npy, (2, 2)) == record.plan


def test_plan_of_shapes_needs_no_file() -> None:
    assert plan_shape((50, 40), "gaussian:sigma=2").problem.result_shape == (50, 40)
    assert plan_shape((50,), (8,), mode="full", method="direct").method == "direct"
