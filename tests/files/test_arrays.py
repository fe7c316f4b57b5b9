"""NumPy files: mapped, checked against their size, never unpickled."""

from pathlib import Path

import numpy as np
import pytest

from sigconv.errors import SourceError
from sigconv.files import describe, load
from sigconv.files.arrays import create
from sigconv.files.description import Layout


@pytest.mark.parametrize(
    ("dtype", "working"),
    [
        ("u1", "float32"), ("i8", "float32"), ("?", "float32"), ("f2", "float16"),
        ("f4", "float32"), (">f8", "float64"), ("c8", "complex64"),
    ],
)  # fmt: skip
def test_arrays_are_computed_in_their_precision_and_integers_in_float32(
    tmp_path: Path, dtype: str, working: str
) -> None:
    np.save(tmp_path / "a.npy", np.ones((3, 4), dtype))
    about = describe(tmp_path / "a.npy")
    assert (about.kind, about.shape, about.axes) == ("array", (3, 4), (0, 1))
    assert about.dtype == np.dtype(dtype)
    assert str(about.working) == working
    assert about.default_mode == "same"


def test_array_is_mapped_read_only(tmp_path: Path) -> None:
    np.save(tmp_path / "a.npy", np.arange(6.0))
    array = load(describe(tmp_path / "a.npy"))
    assert isinstance(array, np.memmap)
    assert not array.flags.writeable


@pytest.mark.parametrize("shape", [(0,), (3, 0), ()])
def test_arrays_with_nothing_to_map_are_read(tmp_path: Path, shape: tuple[int, ...]) -> None:
    np.save(tmp_path / "a.npy", np.ones(shape))
    assert load(describe(tmp_path / "a.npy")).shape == shape


@pytest.mark.parametrize("cut", [0, 5, 60, 127, 128, 150, 167])
def test_truncated_array_is_refused(tmp_path: Path, cut: int) -> None:
    path = tmp_path / "a.npy"
    np.save(path, np.arange(5.0))
    path.write_bytes(path.read_bytes()[:cut])
    with pytest.raises(SourceError, match=r"a\.npy"):
        describe(path)


def test_truncation_names_both_sizes(tmp_path: Path) -> None:
    path = tmp_path / "a.npy"
    np.save(path, np.arange(5.0))
    path.write_bytes(path.read_bytes()[:150])
    with pytest.raises(SourceError, match=r"promises 168 bytes .* the file has 150"):
        describe(path)


def test_pickles_are_refused_unread(tmp_path: Path) -> None:
    np.save(tmp_path / "a.npy", np.array([{"a": 1}], dtype=object), allow_pickle=True)
    with pytest.raises(SourceError, match="pickled objects"):
        describe(tmp_path / "a.npy")


@pytest.mark.parametrize("array", [np.array(["a"]), np.zeros(2, "M8[s]"), np.zeros(2, "i4,f4")])
def test_arrays_of_no_numbers_are_refused(tmp_path: Path, array: np.ndarray) -> None:
    np.save(tmp_path / "a.npy", array)
    with pytest.raises(SourceError, match="not numbers"):
        describe(tmp_path / "a.npy")


@pytest.mark.parametrize("content", [b"hello, this is text\n", b"\x93NUMPY\x09\x00", b"PK\3\4"])
def test_other_content_is_refused(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "a.npy").write_bytes(content)
    with pytest.raises(SourceError, match=r"not a readable \.npy file"):
        describe(tmp_path / "a.npy")


@pytest.mark.parametrize("shape", [(4, 3), (0, 3)])
def test_created_array_holds_what_was_filled_in(tmp_path: Path, shape: tuple[int, ...]) -> None:
    np.save(tmp_path / "a.npy", np.zeros(1))
    source = describe(tmp_path / "a.npy")
    layout = Layout(shape, np.dtype(np.float32), (0, 0), source)
    with create(tmp_path / "b.npy", layout) as out:
        out[...] = 7
    written = np.load(tmp_path / "b.npy")
    assert written.dtype == np.float32
    np.testing.assert_array_equal(written, np.full(shape, 7))
