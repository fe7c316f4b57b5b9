"""NIfTI volumes: units, scaling, header and affine."""

import gzip
from pathlib import Path
from typing import Any

import nibabel
import numpy as np
import pytest

from sigconv.errors import SourceError
from sigconv.files import describe, load, volumes
from sigconv.files.description import Layout
from sigconv.files.volumes import create
from tests.files.helpers import opened

pytestmark = pytest.mark.extras

AFFINE = np.array([[-2.0, 0.1, 0, 40], [0, 1.5, 0.2, -30], [0, 0, 3, 7], [0, 0, 0, 1]])


def saved(path: Path, values: np.ndarray, **header: Any) -> Path:
    image = nibabel.Nifti1Image(values, AFFINE)
    image.header.set_xyzt_units(header.get("unit", "mm"), "sec")
    image.header["descrip"] = b"made for a test"
    nibabel.save(image, path)
    return path


@pytest.fixture
def voxels() -> np.ndarray:
    return np.random.default_rng(0).integers(-500, 500, (7, 6, 5, 2)).astype(np.int16)


@pytest.mark.parametrize("name", ["a.nii", "a.nii.gz"])
def test_time_is_a_batch_axis(tmp_path: Path, voxels: np.ndarray, name: str) -> None:
    about = describe(saved(tmp_path / name, voxels))
    assert (about.kind, about.shape, about.axes) == ("volume", (7, 6, 5, 2), (0, 1, 2))
    assert about.axis_names == ("x", "y", "z", "time")
    assert (str(about.dtype), str(about.working)) == ("int16", "float32")
    np.testing.assert_array_equal(load(about), voxels)


@pytest.mark.parametrize(
    ("unit", "factor"), [("mm", 1), ("micron", 1e-3), ("meter", 1e3), ("unknown", 1)]
)
def test_spacing_is_in_millimetres(
    tmp_path: Path, voxels: np.ndarray, unit: str, factor: float
) -> None:
    about = describe(saved(tmp_path / "a.nii", voxels, unit=unit))
    zooms = np.sqrt((AFFINE[:3, :3] ** 2).sum(axis=0))
    assert about.spacing is not None
    np.testing.assert_allclose(about.spacing, zooms * factor, rtol=1e-6)


@pytest.mark.parametrize("name", ["a.nii", "a.nii.gz"])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_slope_and_intercept_are_applied(
    tmp_path: Path, voxels: np.ndarray, name: str, dtype: str
) -> None:
    content = bytearray(saved(tmp_path / "stored.nii", voxels).read_bytes())
    content[112:120] = np.array([0.3, -17.0], "<f4").tobytes()
    (tmp_path / name).write_bytes(gzip.compress(content) if name.endswith("gz") else content)
    about = describe(tmp_path / name)
    assert about.scaling is not None
    slope, intercept = about.scaling
    assert (slope, intercept) == pytest.approx((0.3, -17.0))
    values = load(about, np.dtype(dtype))
    assert values.dtype == dtype
    np.testing.assert_array_equal(values, (voxels * slope + intercept).astype(dtype))


@pytest.mark.parametrize("dtype", ["<f8", ">i2", "u1", "<f4", "c8"])
def test_stored_types_are_read(tmp_path: Path, dtype: str) -> None:
    values = np.arange(24).reshape(2, 3, 4).astype(dtype)
    image = nibabel.Nifti1Image(values, AFFINE, dtype=np.dtype(dtype))
    image.header.set_data_dtype(np.dtype(dtype))
    nibabel.save(image, tmp_path / "a.nii")
    about = describe(tmp_path / "a.nii")
    np.testing.assert_array_equal(load(about), values)


@pytest.mark.parametrize("name", ["b.nii", "b.nii.gz"])
def test_header_and_affine_are_kept(tmp_path: Path, voxels: np.ndarray, name: str) -> None:
    about = describe(saved(tmp_path / "a.nii.gz", voxels))
    layout = Layout(about.shape, np.dtype("f4"), (0, 0, 0), about)
    with create(tmp_path / name, layout) as out:
        out[...] = voxels / 4
    before, after = opened(tmp_path / "a.nii.gz"), opened(tmp_path / name)
    np.testing.assert_array_equal(after.affine, before.affine)
    assert after.get_data_dtype() == np.float32
    np.testing.assert_array_equal(after.dataobj, (voxels / 4).astype("f4"))
    kept = set(before.header) - {"datatype", "bitpix", "scl_slope", "scl_inter", "vox_offset"}
    for field in kept:
        np.testing.assert_array_equal(after.header[field], before.header[field], err_msg=field)


def test_result_that_starts_elsewhere_keeps_its_place(tmp_path: Path, voxels: np.ndarray) -> None:
    about = describe(saved(tmp_path / "a.nii", voxels))
    layout = Layout((9, 6, 3, 2), np.dtype("f4"), (-1, 0, 2), about)
    with create(tmp_path / "b.nii", layout) as out:
        out[...] = 0
    affine = opened(tmp_path / "b.nii").affine
    # Voxel (1, 0, 0) of the result is voxel (0, 0, 2) of the source.
    np.testing.assert_allclose(affine @ [1, 0, 0, 1], AFFINE @ [0, 0, 2, 1], rtol=1e-6)


def test_nifti_2_stays_nifti_2(tmp_path: Path, voxels: np.ndarray) -> None:
    nibabel.save(nibabel.Nifti2Image(voxels, AFFINE), tmp_path / "a.nii")
    about = describe(tmp_path / "a.nii")
    assert about.format == "NIfTI-2"
    layout = Layout(about.shape, np.dtype("f4"), (0, 0, 0), about)
    with create(tmp_path / "b.nii", layout) as out:
        out[...] = 1
    assert describe(tmp_path / "b.nii").format == "NIfTI-2"


def test_cut_volume_names_both_sizes(tmp_path: Path, voxels: np.ndarray) -> None:
    path = saved(tmp_path / "a.nii", voxels)
    path.write_bytes(path.read_bytes()[:-1])
    with pytest.raises(SourceError, match="promises 1192 bytes, the file has 1191"):
        describe(path)


def test_wrong_checksum_of_a_compressed_volume_is_noticed(
    tmp_path: Path, voxels: np.ndarray
) -> None:
    path = saved(tmp_path / "a.nii.gz", voxels)
    content = bytearray(path.read_bytes())
    content[-8] ^= 1
    path.write_bytes(content)
    with pytest.raises(SourceError, match="CRC"):
        load(describe(path))


def test_header_that_promises_more_than_compression_can_is_refused(
    tmp_path: Path, voxels: np.ndarray
) -> None:
    plain = bytearray(saved(tmp_path / "a.nii", voxels).read_bytes())
    plain[42:48] = np.array([30_000] * 3, "<i2").tobytes()
    (tmp_path / "b.nii.gz").write_bytes(gzip.compress(plain))
    with pytest.raises(SourceError, match="promises 108000000000352 bytes"):
        describe(tmp_path / "b.nii.gz")


def test_repaired_header_is_noted_and_not_printed(
    tmp_path: Path, voxels: np.ndarray, capfd: pytest.CaptureFixture[str]
) -> None:
    path = saved(tmp_path / "a.nii", voxels)
    content = bytearray(path.read_bytes())
    content[252:254] = b"\xff\x00"  # qform_code
    path.write_bytes(content)
    about = describe(path)
    assert about.notes == ("qform_code 255 not valid; setting to 0",)
    assert capfd.readouterr().err == ""


def test_colours_are_refused(tmp_path: Path) -> None:
    colours = np.zeros((2, 2, 2), [("R", "u1"), ("G", "u1"), ("B", "u1")])
    nibabel.save(nibabel.Nifti1Image(colours, AFFINE), tmp_path / "a.nii")
    with pytest.raises(SourceError, match="not numbers"):
        describe(tmp_path / "a.nii")


@pytest.mark.parametrize("name", ["a.nii", "a.nii.gz"])
@pytest.mark.parametrize("content", [b"no volume at all\n" * 40, b"\0" * 400, b"x"])
def test_other_content_is_refused(tmp_path: Path, name: str, content: bytes) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(SourceError, match=r"a\.nii"):
        describe(tmp_path / name)


@pytest.mark.parametrize("codes", [(1, 4), (0, 4), (1, 0), (0, 0)])
def test_result_that_starts_elsewhere_keeps_both_forms_and_their_codes(
    tmp_path: Path, voxels: np.ndarray, codes: tuple[int, int]
) -> None:
    image = nibabel.Nifti1Image(voxels, AFFINE)
    turned = np.array([[0.0, -2, 0, 9], [1.5, 0, 0, 8], [0, 0, 3, 7], [0, 0, 0, 1]])
    image.header.set_zooms((1.5, 2, 3, 1))
    image.set_sform(AFFINE, codes[1])
    image.set_qform(turned, codes[0])
    nibabel.save(image, tmp_path / "a.nii")
    about = describe(tmp_path / "a.nii")
    with create(tmp_path / "b.nii", Layout((9, 6, 3, 2), np.dtype("f4"), (-1, 0, 2), about)) as out:
        out[...] = 0
    before, after = opened(tmp_path / "a.nii").header, opened(tmp_path / "b.nii").header
    assert (int(after["qform_code"]), int(after["sform_code"])) == codes
    assert after.get_zooms() == before.get_zooms()
    for form in ("get_qform", "get_sform"):
        was, code = getattr(before, form)(coded=True)
        now, _ = getattr(after, form)(coded=True)
        if code:
            np.testing.assert_allclose(now @ [1, 0, 0, 1], was @ [0, 0, 2, 1], rtol=1e-6)
            np.testing.assert_array_equal(now[:3, :3], was[:3, :3])


def test_place_that_makes_no_sense_is_refused_before_the_work(
    tmp_path: Path, voxels: np.ndarray
) -> None:
    path = saved(tmp_path / "a.nii", voxels)
    content = bytearray(path.read_bytes())
    content[252:256] = np.array([1, 1], "<i2").tobytes()  # qform_code and sform_code
    content[256:268] = np.array([3, 3, 3], "<f4").tobytes()  # a quaternion of length above 1
    path.write_bytes(content)
    about = describe(path)
    layout = Layout((9, 6, 3, 2), np.dtype("f4"), (-1, 0, 2), about)
    with pytest.raises(SourceError, match=r"a\.nii"), create(tmp_path / "b.nii", layout):
        pytest.fail("the work began")


def test_a_bomb_behind_the_samples_is_not_unpacked_to_its_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = saved(tmp_path / "a.nii.gz", np.ones((4, 5, 6), np.float32))
    plain = gzip.decompress(path.read_bytes())
    path.write_bytes(gzip.compress(plain + bytes(1000)))
    np.testing.assert_array_equal(load(describe(path)), 1)
    monkeypatch.setattr(volumes, "_CHUNK", 500)
    monkeypatch.setattr(volumes, "_MOST_BEHIND", 900)
    with pytest.raises(SourceError, match="832 bytes promised, 1000 and more behind them"):
        load(describe(path))
