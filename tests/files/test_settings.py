"""How files are convolved: each setting does what the function of the same keyword does."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile

import sigconv as sc
from sigconv.errors import (
    BudgetError,
    KernelError,
    NonFiniteError,
    OptionError,
    ShapeError,
)
from sigconv.files import Settings, Sides, convolve_file, describe, plan_file, preview_file
from sigconv.testing import assert_close, tolerance
from tests.files.helpers import RATE, names_in, noise

pytestmark = pytest.mark.extras


def convolved(source: Path, kernel: Any, **settings: Any) -> Any:
    target = source.with_name(f"out{source.suffix}")
    convolve_file(source, kernel, target, force=True, **settings)
    if source.suffix == ".npy":
        return np.load(target)
    return soundfile.read(target, dtype="float32", always_2d=True)[0]


def read(wav: Path) -> Any:
    return soundfile.read(wav, dtype="float32", always_2d=True)[0]


@pytest.mark.parametrize("mode", ["full", "same", "valid"])
@pytest.mark.parametrize("taps", [6, 7])
def test_correlation_of_recordings_is_that_of_arrays(wav: Path, mode: str, taps: int) -> None:
    h = noise(taps, 1, seed=5)
    y = convolved(wav, h, operation="correlate", mode=mode)
    x = read(wav)
    assert_close(y, sc.correlate(x, h, mode, axes=0), tolerance(x, h, np.float32))


@pytest.mark.parametrize("mode", ["full", "same", "valid"])
@pytest.mark.parametrize("center", [None, 0, (1, 3)])
@pytest.mark.parametrize("operation", ["convolve", "correlate"])
def test_center_and_operation_of_arrays(npy: Path, mode: str, center: Any, operation: str) -> None:
    h = noise(4, 5, seed=5)
    if mode != "same" and center is not None:
        with pytest.raises(ShapeError, match="center"):
            convolved(npy, h, operation=operation, mode=mode, center=center)
        return
    y = convolved(npy, h, operation=operation, mode=mode, center=center)
    x = np.load(npy)
    expected = getattr(sc, operation)(x, h, mode, center=center)
    assert_close(y, expected, tolerance(x, h, np.float32))


def test_complex_templates_are_conjugated(npy: Path) -> None:
    h = (noise(3, 4) + 1j * noise(3, 4, seed=1)).astype("c8")
    y = convolved(npy, h, operation="correlate", dtype="complex64")
    x = np.load(npy)
    assert_close(y, sc.correlate(x.astype("c8"), h, "same"), tolerance(x, h, np.complex64))


@pytest.mark.parametrize("operation", ["convolve", "correlate"])
@pytest.mark.parametrize("mode", ["full", "same"])
@pytest.mark.parametrize(
    ("axes", "kernel"), [((0,), (5,)), ((-1,), (5,)), ((0, 1), (3, 4)), ((2, 0), (2, 5))]
)
def test_axes_are_taken_in_their_order(
    npy: Path, axes: tuple[int, ...], kernel: tuple[int, ...], mode: str, operation: str
) -> None:
    np.save(npy, noise(8, 9, 10))
    h = noise(*kernel)
    y = convolved(npy, h, axes=axes, mode=mode, operation=operation)
    x = np.load(npy)
    expected = getattr(sc, operation)(x, h, mode, axes=axes)
    assert_close(y, expected, tolerance(x, h, np.float32))


def test_centres_and_spacing_are_in_the_order_of_the_axes(npy: Path) -> None:
    np.save(npy, noise(8, 9, 10))
    h, x = noise(2, 5), np.load(npy)
    y = convolved(npy, h, axes=(2, 0), center=(1, 0))
    expected = sc.convolve(x, h, "same", axes=(2, 0), center=(1, 0))
    assert_close(y, expected, tolerance(x, h, np.float32))
    plan = plan_file(npy, "gaussian:sigma=3mm", axes=(2, 0), spacing=(3.0, 1.0))
    taps = sc.kernels.gaussian(3.0, spacing=(3.0, 1.0)).shape
    assert plan.problem.kernel_shape == taps


def test_there_is_no_time_across_channels(wav: Path) -> None:
    with pytest.raises(KernelError, match="--rate"):
        convolved(wav, "gaussian:sigma=1ms", axes=(1,))
    convolved(wav, "gaussian:sigma=1", axes=(1,), mode="same")


def test_channels_can_be_an_axis(wav: Path) -> None:
    h = np.array([[0.5, 0.5], [0.25, -0.25]], np.float32)
    y = convolved(wav, h, axes=(0, 1), mode="same")
    x = read(wav)
    assert_close(y, sc.convolve(x, h, "same"), tolerance(x, h, np.float32))


@pytest.mark.parametrize("axes", [(2,), (0, 0), (-3,), ()])
def test_axes_that_are_not_there_are_refused(npy: Path, axes: tuple[int, ...]) -> None:
    with pytest.raises(ShapeError, match="ax"):
        convolved(npy, noise(3), axes=axes)
    assert names_in(npy.parent) == ["in.npy"]


def test_two_sides_are_those_of_every_axis(npy: Path) -> None:
    h = noise(5, 5)
    y = convolved(npy, h, boundary=Sides("edge", "zero"))
    x = np.load(npy)
    expected = sc.convolve(x, h, "same", boundary=[("edge", "zero")] * 2)
    assert_close(y, expected, tolerance(x, h, np.float32))


def test_fill_value_lies_beyond_the_edges(wav: Path) -> None:
    y = convolved(wav, [1.0, 1.0], boundary="constant", fill_value=0.5)
    x = read(wav)
    np.testing.assert_allclose(y[0], x[0] + 0.5, atol=1e-6)
    np.testing.assert_allclose(y[-1], x[-1] + 0.5, atol=1e-6)


@pytest.mark.parametrize("suffix", [".wav", ".npy"])
def test_missing_samples_are_left_out_or_refused(tmp_path: Path, suffix: str) -> None:
    x = noise(300, 2)
    x[17, 1] = np.nan
    path = tmp_path / f"in{suffix}"
    if suffix == ".wav":
        soundfile.write(path, x, RATE, "FLOAT")
    else:
        np.save(path, x)
    h = np.ones(5, np.float32) / 5
    y = convolved(path, h, nan_policy="omit", mode="same", axes=(0,))
    assert_close(y, sc.convolve(x, h, "same", axes=0, nan_policy="omit"), 1e-5)
    with pytest.raises(NonFiniteError, match="17"):
        convolved(path, h, nan_policy="raise", mode="same", axes=(0,))


@pytest.mark.parametrize(
    ("how", "expected"), [("none", 4.0), ("peak", 1.0), ("energy", 4 / np.sqrt(20))]
)
def test_kernels_are_normalised_before_the_gain(npy: Path, how: str, expected: float) -> None:
    np.save(npy, np.array([1.0]))
    y = convolved(npy, [2.0, 4.0], normalize=how, mode="full")
    assert y.max() == pytest.approx(expected)
    louder = convolved(npy, [2.0, 4.0], normalize=how, mode="full", gain_db=20.0)
    np.testing.assert_allclose(louder, 10 * y)


def test_channels_keep_their_balance(wav: Path) -> None:
    h = np.array([[3.0, 6.0], [4.0, 8.0]], np.float32)
    y = convolved(wav, h, normalize="energy")
    x = read(wav)
    assert_close(y, sc.convolve(x, h / 10, axes=0), tolerance(x, h, np.float32))


@pytest.mark.parametrize("tap", [1e-45, 1e-42, 1e38])
@pytest.mark.parametrize("how", ["peak", "energy"])
def test_smallest_and_largest_kernels_are_normalised(npy: Path, how: str, tap: float) -> None:
    np.save(npy, np.array([1.0], np.float32))
    y = convolved(npy, [tap, tap], normalize=how, mode="full")
    np.testing.assert_allclose(y, np.sqrt(0.5) if how == "energy" else 1.0, rtol=1e-6)
    with pytest.raises(OptionError, match="leaves nothing"):
        convolved(npy, [1.0], gain_db=-2000.0)


def test_kernel_of_zeros_has_no_norm(npy: Path) -> None:
    with pytest.raises(OptionError, match="zero"):
        convolved(npy, [[0.0]], normalize="peak")


def test_resampled_kernels_keep_their_gain(wav: Path) -> None:
    h = sc.kernels.lowpass(500, 401, fs=4 * RATE)
    soundfile.write(wav.with_name("h.wav"), h, 4 * RATE, "DOUBLE")
    x = np.sin(2 * np.pi * 100 * np.arange(20_000) / RATE)
    soundfile.write(wav, x, RATE, "FLOAT")
    y = convolved(wav, wav.with_name("h.wav"), resample=True, mode="same")
    # A low-pass filter leaves a low tone as it is.
    assert np.abs(y[2000:-2000, 0]).max() == pytest.approx(1, abs=0.01)
    assert len(y) == len(x)


def test_rate_and_spacing_give_units_to_arrays(npy: Path) -> None:
    np.save(npy, noise(500))
    y = convolved(npy, "lowpass:1kHz,101", rate=8000.0)
    h = sc.kernels.lowpass(1000, 101, fs=8000, dtype=np.float32)
    x = np.load(npy)
    assert_close(y, sc.convolve(x, h, "same"), tolerance(x, h, np.float32))
    np.save(npy, noise(30, 40))
    y = convolved(npy, "gaussian:sigma=2mm", spacing=(1.0, 2.0))
    h = sc.kernels.gaussian(2.0, spacing=(1.0, 2.0), dtype=np.float32)
    assert_close(y, sc.convolve(np.load(npy), h, "same"), 1e-5)


def test_rate_of_a_recording_is_not_another(wav: Path) -> None:
    with pytest.raises(OptionError, match=r"8000 Hz.*44100 Hz"):
        convolved(wav, [1.0], rate=44_100.0)
    for bad in (0.0, -1.0, float("nan")):
        with pytest.raises(OptionError, match="rate"):
            convolved(wav, [1.0], rate=bad)
    with pytest.raises(OptionError, match="spacing"):
        convolved(wav, [1.0], spacing=(1.0, 1.0))


def test_subtype_is_what_is_stored(wav: Path) -> None:
    convolve_file(wav, [0.25], wav.with_name("out.wav"), subtype="PCM_24")
    assert soundfile.info(wav.with_name("out.wav")).subtype == "PCM_24"
    with pytest.raises(OptionError, match=r"no FLAC is written with subtype 'FLOAT'.*PCM_16"):
        convolve_file(wav, [0.25], wav.with_name("out.flac"), subtype="FLOAT")
    assert names_in(wav.parent) == ["in.wav", "out.wav"]


@pytest.mark.parametrize("subtype", ["ALAC_24", "IMA_ADPCM", "GSM610", "MPEG_LAYER_III", "PCM_12"])
def test_subtypes_that_lose_frames_or_samples_are_refused(wav: Path, subtype: str) -> None:
    for suffix in (".wav", ".caf"):
        with pytest.raises(OptionError, match=r"Subtypes: .*PCM_24"):
            convolve_file(wav, [0.25], wav.with_name(f"out{suffix}"), subtype=subtype)


def test_every_subtype_keeps_the_samples(wav: Path) -> None:
    x = read(wav)
    for suffix in (".wav", ".flac", ".aiff", ".caf", ".au", ".ogg", ".rf64"):
        target = wav.with_name(f"out{suffix}")
        with pytest.raises(OptionError) as refused:
            convolve_file(wav, [0.1], target, subtype="none")
        subtypes = str(refused.value).rstrip(".").partition("Subtypes: ")[2].split(", ")
        for subtype in subtypes:
            convolve_file(wav, [0.1], target, subtype=subtype, force=True)
            y = soundfile.read(target, dtype="float32")[0]
            assert y.shape == x.shape
            coarse = {"VORBIS": 0.5, "ULAW": 0.03, "ALAW": 0.03, "PCM_U8": 0.01, "PCM_S8": 0.01}
            np.testing.assert_allclose(y, x / 10, atol=coarse.get(subtype, 1e-4))


def test_what_audio_has_is_refused_elsewhere(npy: Path) -> None:
    for setting in ({"subtype": "PCM_24"}, {"dither": True}):
        with pytest.raises(OptionError, match="audio"):
            convolved(npy, [[1.0]], **setting)


def test_dither_makes_the_error_independent_of_the_samples(tmp_path: Path) -> None:
    # A tone of a third of a step is lost without dither, and kept in the mean with it.
    n = np.arange(200_000)
    tone = np.sin(2 * np.pi * 0.01 * n)
    soundfile.write(tmp_path / "in.wav", tone / 3 / 32768, RATE, "FLOAT")
    for dither, kept in ((False, 0.0), (True, 1 / 3)):
        keywords: dict[str, Any] = {"subtype": "PCM_16", "dither": dither, "force": True}
        convolve_file(tmp_path / "in.wav", [1.0], tmp_path / "out.wav", **keywords)
        steps = soundfile.read(tmp_path / "out.wav", dtype="int16")[0].astype(float)
        assert 2 * np.mean(steps * tone) == pytest.approx(kept, abs=0.01)
        error = steps - tone / 3
        if dither:
            # Three uniform errors of one step: 3/12.
            assert np.var(error) == pytest.approx(0.25, rel=0.02)
    first = (tmp_path / "out.wav").read_bytes()
    convolve_file(tmp_path / "in.wav", [1.0], tmp_path / "out.wav", **keywords)
    assert (tmp_path / "out.wav").read_bytes() == first


def test_memory_that_is_allowed_is_enough_or_nothing_begins(npy: Path, wav: Path) -> None:
    with pytest.raises(BudgetError, match=r"need .*KiB, more than the 1 KiB"):
        convolved(wav, noise(500), max_memory=1024)
    y = convolved(wav, noise(500), max_memory=4 << 20)
    np.testing.assert_allclose(y, convolved(wav, noise(500)), atol=1e-4)
    x = noise(100, 100)
    tif = npy.with_name("in.tif")
    import tifffile

    tifffile.imwrite(tif, x)
    with pytest.raises(BudgetError, match="samples and the kernel need"):
        convolve_file(tif, np.ones((3, 3)), npy.with_name("out.tif"), max_memory=10_000)
    assert not npy.with_name("out.tif").exists()


def test_preview_writes_nothing_and_tells_the_target(wav: Path, npy: Path) -> None:
    seen = preview_file(wav, noise(100), wav.with_name("out.flac"))
    assert seen.target.shape == (20_099, 2)
    assert seen.target.format == "FLAC"
    record = convolve_file(wav, noise(100), wav.with_name("out.flac"))
    assert (record.target, record.plan.method) == (seen.target, seen.plan.method)
    with pytest.raises(BudgetError):
        preview_file(wav, noise(100), wav.with_name("b.wav"), max_memory=1)
    with pytest.raises(sc.errors.DTypeError):
        preview_file(wav, noise(100), wav.with_name("b.wav"), dtype="complex64")
    np.save(npy.with_name("line.npy"), noise(30))
    with pytest.raises(OptionError, match="2 axes"):
        preview_file(npy.with_name("line.npy"), noise(3), npy.with_name("b.tif"))
    seen = preview_file(npy, noise(3, 3), npy.with_name("b.npy"), mode="valid")
    assert seen.target.shape == (28, 38)
    assert "b.npy" not in names_in(npy.parent)


def test_settings_are_named(npy: Path) -> None:
    with pytest.raises(TypeError, match="no setting is called 'mod'"):
        convolve_file(npy, [[1.0]], npy.with_name("out.npy"), mod="same")
    with pytest.raises(OptionError, match="operation must be one of convolve, correlate"):
        Settings(operation="subtract")
    with pytest.raises(OptionError, match="normalize"):
        Settings(normalize="loud")
    settings = Settings(mode="valid", boundary="edge")
    record = convolve_file(npy, noise(3, 3), npy.with_name("out.npy"), settings, mode="same")
    assert record.mode == "same"
    assert plan_file(npy, (3, 3), settings).problem.mode == "valid"


def test_spacing_follows_the_axes(tmp_path: Path) -> None:
    import nibabel

    affine = np.diag([1.0, 2.0, 3.0, 1.0])
    nibabel.save(nibabel.Nifti1Image(noise(10, 11, 12), affine), tmp_path / "in.nii")
    about = describe(tmp_path / "in.nii")
    assert about.spacing == (1.0, 2.0, 3.0)
    plan = plan_file(tmp_path / "in.nii", "gaussian:sigma=2mm", axes=(0, 2))
    assert plan.problem.taps == sc.kernels.gaussian(2.0, spacing=(1.0, 3.0)).shape
