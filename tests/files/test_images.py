"""TIFF images and stacks: pages, samples, truncation."""

import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile

from sigconv.errors import DTypeError, OptionError, SourceError
from sigconv.files import Description, describe, load
from sigconv.files.description import Layout
from sigconv.files.images import create

pytestmark = pytest.mark.extras

GREY: dict[str, Any] = {"photometric": "minisblack"}
RGB: dict[str, Any] = {"photometric": "rgb"}
KINDS: dict[str, tuple[tuple[int, ...], dict[str, Any], tuple[int, ...], str]] = {
    "grey": ((9, 8), GREY, (0, 1), "y x"),
    "stack": ((4, 9, 8), GREY, (0, 1, 2), "z y x"),
    "narrow stack": ((3, 9, 3), GREY, (0, 1, 2), "z y x"),
    "rgb": ((9, 8, 3), RGB, (0, 1), "y x samples"),
    "rgba": ((9, 8, 4), RGB | {"extrasamples": ["unassalpha"]}, (0, 1), "y x samples"),
    "rgb stack": ((4, 9, 8, 3), RGB, (0, 1, 2), "z y x samples"),
    "planar rgb": ((3, 9, 8), RGB | {"planarconfig": "separate"}, (1, 2), "samples y x"),
    "compressed": ((4, 9, 8), GREY | {"compression": "zlib"}, (0, 1, 2), "z y x"),
    "big": ((4, 9, 8), GREY | {"bigtiff": True}, (0, 1, 2), "z y x"),
    "imagej": (
        (2, 3, 9, 8),
        {"imagej": True, "metadata": {"axes": "ZCYX"}},
        (0, 2, 3),
        "z channels y x",
    ),
}


@pytest.fixture(params=sorted(KINDS))
def image(request: pytest.FixtureRequest, tmp_path: Path) -> tuple[str, Path, np.ndarray]:
    shape, options, *_ = KINDS[request.param]
    values = np.random.default_rng(0).integers(0, 250, shape).astype(np.uint8)
    tifffile.imwrite(tmp_path / "a.tif", values, **options)
    return request.param, tmp_path / "a.tif", values


def test_space_is_convolved_and_samples_and_channels_are_not(
    image: tuple[str, Path, np.ndarray],
) -> None:
    kind, path, values = image
    about = describe(path)
    assert about.shape == values.shape
    assert about.axes == KINDS[kind][2]
    assert " ".join(about.axis_names) == KINDS[kind][3]
    assert str(about.working) == "float32"
    np.testing.assert_array_equal(load(about), values)


def test_created_image_has_the_axes_of_its_source(image: tuple[str, Path, np.ndarray]) -> None:
    _, path, values = image
    about = describe(path)
    with create(path.with_name("b.tif"), Layout(about.shape, about.working, (), about)) as out:
        out[...] = values / 2
    result = describe(path.with_name("b.tif"))
    assert (result.shape, result.axes, result.axis_names) == (
        about.shape, about.axes, about.axis_names,
    )  # fmt: skip
    written = load(result)
    assert written.dtype == np.float32
    np.testing.assert_array_equal(written, (values / 2).astype(np.float32))


@pytest.mark.parametrize("part", range(32))
def test_image_cut_anywhere_is_refused(image: tuple[str, Path, np.ndarray], part: int) -> None:
    _, path, _ = image
    content = path.read_bytes()
    path.write_bytes(content[: len(content) * part // 32])
    with pytest.raises(SourceError, match=r"a\.tif: "):
        load(describe(path))


def test_resolution_is_kept(tmp_path: Path) -> None:
    tifffile.imwrite(
        tmp_path / "a.tif", np.ones((4, 4), "u1"), resolution=(300, 150), resolutionunit="INCH"
    )
    about = describe(tmp_path / "a.tif")
    with create(tmp_path / "b.tif", Layout((4, 4), about.working, (0, 0), about)) as out:
        out[...] = 1
    with tifffile.TiffFile(tmp_path / "b.tif") as file:
        tags = file.pages.first.tags
        resolution = [tags[name].value for name in ("XResolution", "YResolution", "ResolutionUnit")]
    assert resolution == [(300, 1), (150, 1), 2]


def test_pages_of_unlike_shapes_are_refused(tmp_path: Path) -> None:
    with tifffile.TiffWriter(tmp_path / "a.tif") as writer:
        writer.write(np.ones((4, 4), "u1"), metadata=None)
        writer.write(np.ones((5, 5), "u1"), metadata=None)
    with pytest.raises(SourceError, match=r"2 images of unlike shapes \(\(4, 4\), \(5, 5\)\)"):
        describe(tmp_path / "a.tif")


def test_colour_indices_are_refused(tmp_path: Path) -> None:
    colours = np.zeros((3, 256), np.uint16)
    tifffile.imwrite(
        tmp_path / "a.tif", np.ones((4, 4), "u1"), photometric="palette", colormap=colours
    )
    with pytest.raises(SourceError, match="colour indices"):
        describe(tmp_path / "a.tif")


@pytest.mark.parametrize("content", [b"no image\n" * 9, b"II*\0", b"II*\0\xff\xff\xff\x7f"])
def test_other_content_is_refused(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "a.tif").write_bytes(content)
    with pytest.raises(SourceError, match=r"a\.tif: not a readable TIFF"):
        describe(tmp_path / "a.tif")


@pytest.mark.parametrize(
    ("shape", "dtype", "says"),
    [
        ((), "f4", "at least 2 axes; got shape ()"),
        ((9,), "f4", "at least 2 axes; got shape (9,)"),
        ((4, 0), "f4", "at least one sample; got shape (4, 0)"),
        ((4, 4), "g", "at most 8 bytes"),
        ((4, 4), "G", "at most 8 bytes"),
    ],
)
def test_what_no_tiff_holds_is_refused_before_the_work(
    tmp_path: Path, shape: tuple[int, ...], dtype: str, says: str
) -> None:
    names = tuple(f"axis {i}" for i in range(len(shape)))
    stored = np.dtype(dtype)
    about = Description(
        Path("a.npy"), "array", "npy", dtype, shape, stored, tuple(range(len(shape))), names
    )
    with (
        pytest.raises((OptionError, DTypeError), match=re.escape(says)),
        create(tmp_path / "b.tif", Layout(shape, stored, (0,) * len(shape), about)),
    ):
        pytest.fail("the work began")


@pytest.mark.parametrize("dtype", ["i8", "u8", "f2", "f8", "c8", "c16"])
def test_number_types_that_a_tiff_holds_come_back(tmp_path: Path, dtype: str) -> None:
    values = np.arange(12).reshape(3, 4).astype(dtype)
    about = Description(
        Path("a.npy"), "array", "npy", dtype, (3, 4), values.dtype, (0, 1), ("axis 0", "axis 1")
    )
    with create(tmp_path / "b.tif", Layout((3, 4), values.dtype, (0, 0), about)) as out:
        out[...] = values
    written = load(describe(tmp_path / "b.tif"))
    assert written.dtype == values.dtype
    np.testing.assert_array_equal(written, values)
