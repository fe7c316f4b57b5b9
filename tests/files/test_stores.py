"""HDF5 datasets and Zarr arrays: their numbers, their neighbours, and what of them is missing."""

import json
import os
from importlib import import_module
from pathlib import Path
from typing import Any

import h5py
import nibabel
import numpy as np
import pytest
import zarr

import sigconv
from sigconv.errors import (
    BudgetError,
    DTypeError,
    OptionError,
    OutputExistsError,
    SourceError,
    TargetError,
)
from sigconv.files import (
    atomic,
    convolve_file,
    delay_of_files,
    describe,
    directories,
    load,
    preview_file,
)
from sigconv.testing import assert_close, tolerance
from tests.files.helpers import names_in, noise

pytestmark = pytest.mark.extras

H = np.ones((3, 3)) / 9
X = noise(40, 50)


def hdf5(path: Path, **datasets: Any) -> Path:
    with h5py.File(path, "w") as file:
        for name, values in datasets.items():
            file.create_dataset(name.replace("__", "/"), data=values)
    return path


def store(path: Path, values: np.ndarray = X, **options: Any) -> Path:
    made = zarr.create_array(
        str(path), shape=values.shape, dtype=values.dtype, **{"chunks": (16, 16)} | options
    )
    made[...] = values
    return path


def dataset(path: Path, name: str) -> np.ndarray:
    with h5py.File(path, "r") as file:
        return np.asarray(file[name][()])


def opened(path: Path) -> Any:
    return zarr.open(str(path), mode="r")


def stored(path: Path) -> np.ndarray:
    return np.asarray(opened(path)[...])


def close(y: np.ndarray, x: np.ndarray = X) -> None:
    dtype = np.dtype(np.float32)
    expected = sigconv.convolve(x, H, "same", dtype=dtype)
    assert y.dtype == dtype
    assert_close(y, expected, tolerance(x, H, dtype))


@pytest.mark.parametrize("target", ["out.h5", "out.h5:/a/b", "out.zarr", "out.npy", "out.tif"])
@pytest.mark.parametrize("source", ["in.h5:/raw", "in.h5", "in.zarr"])
def test_arrays_go_from_any_store_to_any(source: str, target: str, tmp_path: Path) -> None:
    if source == "in.zarr":
        store(tmp_path / source)
    else:
        hdf5(tmp_path / "in.h5", raw=X)
    record = convolve_file(tmp_path / source, H, tmp_path / target)
    assert record.target.shape == (40, 50)
    close(load(describe(tmp_path / target)))
    assert len(names_in(tmp_path)) == 2


@pytest.mark.parametrize("name", ["x.npy", "x.zarr", "x.h5:/k"])
def test_kernels_lie_in_stores_too(name: str, tmp_path: Path) -> None:
    np.save(tmp_path / "h.npy", H)
    convolve_file(tmp_path / "h.npy", "[[1]]", tmp_path / name, dtype="float64")
    np.save(tmp_path / "in.npy", X)
    convolve_file(tmp_path / "in.npy", str(tmp_path / name), tmp_path / "out.npy")
    close(np.load(tmp_path / "out.npy"))


def test_a_dataset_is_named_unless_it_is_the_only_one(tmp_path: Path) -> None:
    path = hdf5(tmp_path / "in.h5", a=X, group__b=X)
    with pytest.raises(SourceError, match=r"names no dataset; the file holds /a, /group/b.*:/name"):
        describe(path)
    with pytest.raises(SourceError, match=r"has no dataset /c; the file holds /a, /group/b"):
        describe(Path(f"{path}:/c"))
    with pytest.raises(SourceError, match="has no dataset /group;"):
        describe(Path(f"{path}:/group"))
    assert describe(Path(f"{path}:/group/b")).shape == (40, 50)


def test_a_group_of_zarr_needs_the_name_of_an_array(tmp_path: Path) -> None:
    group = zarr.open_group(str(tmp_path / "in.zarr"), mode="w")
    group.create_array("0", shape=(4, 5), dtype="f4")[...] = 1
    assert describe(tmp_path / "in.zarr").shape == (4, 5)
    group.create_array("deep/1", shape=(2, 3), dtype="f4")[...] = 1
    with pytest.raises(SourceError, match=r"group of 2 arrays \(0, deep/1\).*in\.zarr/0"):
        describe(tmp_path / "in.zarr")
    assert describe(tmp_path / "in.zarr" / "deep" / "1").shape == (2, 3)
    with pytest.raises(SourceError, match="not a readable Zarr array"):
        describe(tmp_path / "in.zarr" / "2")


def test_what_is_no_store_is_refused(tmp_path: Path) -> None:
    (tmp_path / "in.zarr").mkdir()
    with pytest.raises(SourceError, match="no directory of Zarr"):
        describe(tmp_path / "in.zarr")
    with pytest.raises(SourceError, match="no such directory"):
        describe(tmp_path / "other.zarr")
    (tmp_path / "in.h5").write_bytes(b"\x89HDF\r\n\x1a\n" + bytes(500))
    with pytest.raises(SourceError, match="not a readable HDF5 file"):
        describe(tmp_path / "in.h5")
    hdf5(tmp_path / "text.h5", words="text")
    with pytest.raises(SourceError, match="not numbers"):
        describe(tmp_path / "text.h5")


@pytest.mark.parametrize("version", [2, 3])
def test_a_chunk_that_is_missing_is_no_zeros(version: int, tmp_path: Path) -> None:
    path = store(tmp_path / "in.zarr", zarr_format=version)
    chunk = path / ("1.2" if version == 2 else "c/1/2")
    chunk.unlink()
    with pytest.raises(SourceError, match=r"1 of its 12 chunks are not stored.*missing_chunks"):
        convolve_file(path, H, tmp_path / "out.zarr")
    with pytest.raises(SourceError, match="1 of its 12 chunks"):
        preview_file(path, H, tmp_path / "out.zarr")
    with pytest.raises(SourceError, match="1 of its 12 chunks"):
        load(describe(path))
    assert names_in(tmp_path) == ["in.zarr"]
    convolve_file(path, H, tmp_path / "out.zarr", missing_chunks="fill")
    x = X.copy()
    x[16:32, 32:48] = 0
    close(stored(tmp_path / "out.zarr"), x)
    with pytest.raises(OptionError, match="refuse, fill"):
        convolve_file(path, H, tmp_path / "out.zarr", missing_chunks="zeros")


def test_a_shard_that_is_missing_is_told(tmp_path: Path) -> None:
    path = store(tmp_path / "in.zarr", shards=(32, 32))
    assert describe(path).unstored == ""
    convolve_file(path, H, tmp_path / "out.zarr")
    assert opened(tmp_path / "out.zarr").shards == (32, 32)
    close(stored(tmp_path / "out.zarr"))
    (path / "c/1/0").unlink()
    assert describe(path).unstored == "1 of its 4 shards are not stored"


def test_chunks_of_hdf5_that_were_never_written_are_no_zeros(tmp_path: Path) -> None:
    with h5py.File(tmp_path / "in.h5", "w") as file:
        made = file.create_dataset("x", (40, 50), "f4", chunks=(10, 10))
        made[:20] = 1
        file.create_dataset("y", (40, 50), "f4")
        file.create_dataset("compact", data=np.float32(2))
    for name, said in [("x", "10 of its 20 chunks are not stored"), ("y", "none of its samples")]:
        with pytest.raises(SourceError, match=said):
            convolve_file(f"{tmp_path}/in.h5:/{name}", H, tmp_path / "out.npy")
    assert describe(Path(f"{tmp_path}/in.h5:/compact")).unstored == ""
    convolve_file(f"{tmp_path}/in.h5:/x", H, tmp_path / "out.npy", missing_chunks="fill")
    assert np.load(tmp_path / "out.npy")[30:].max() == 0


def test_own_outputs_store_every_chunk_of_zeros(tmp_path: Path) -> None:
    np.save(tmp_path / "in.npy", np.zeros((30, 30), np.float32))
    convolve_file(tmp_path / "in.npy", H, tmp_path / "out.zarr")
    convolve_file(tmp_path / "out.zarr", H, tmp_path / "again.zarr")
    assert describe(tmp_path / "again.zarr").unstored == ""


def test_a_cut_chunk_is_corrupt(tmp_path: Path) -> None:
    cases: list[tuple[str, dict[str, Any]]] = [("a.zarr", {}), ("b.zarr", {"compressors": None})]
    for name, options in cases:
        path = store(tmp_path / name, **options)
        os.truncate(path / "c/0/1", 10)
        with pytest.raises(SourceError, match=r"cannot be decoded|promises 1024 bytes.*holds 10"):
            convolve_file(path, H, tmp_path / "out.zarr")
    assert names_in(tmp_path) == ["a.zarr", "b.zarr"]


@pytest.mark.parametrize("chunks", [None, (10, 10)])
def test_a_file_of_hdf5_that_is_cut_anywhere_is_refused(
    chunks: tuple[int, int] | None, tmp_path: Path
) -> None:
    path = tmp_path / "in.h5"
    with h5py.File(path, "w") as file:
        file.create_dataset("x", data=X, chunks=chunks)
    good = path.read_bytes()
    for part in range(64):
        path.write_bytes(good[: len(good) * part // 64])
        with pytest.raises(SourceError):
            convolve_file(path, H, tmp_path / "out.h5")
        assert names_in(tmp_path) == ["in.h5"]


def test_headers_with_a_flipped_byte_are_refused_or_read(tmp_path: Path) -> None:
    source = store(tmp_path / "in.zarr", zarr_format=3)
    header = source / "zarr.json"
    good = header.read_bytes()
    for place in range(0, len(good), 3):
        damaged = bytearray(good)
        damaged[place] ^= 0x01
        header.write_bytes(bytes(damaged))
        _refused_or_read(source)
    header.write_bytes(good)
    path = hdf5(tmp_path / "in.h5", x=X)
    good = path.read_bytes()
    end = good.index(X.tobytes()[:16])
    for place in range(min(end, 2000)):
        damaged = bytearray(good)
        damaged[place] ^= 0x80
        path.write_bytes(bytes(damaged))
        _refused_or_read(path)


def _refused_or_read(path: Path) -> None:
    target = path.parent / "out.npy"
    try:
        convolve_file(path, H, target)
    except (SourceError, DTypeError, sigconv.errors.ShapeError):
        assert not target.exists()
    else:
        target.unlink()


def test_other_datasets_of_the_target_stay(tmp_path: Path) -> None:
    hdf5(tmp_path / "in.h5", raw=X)
    out = hdf5(tmp_path / "out.h5", old=X, smooth=X)
    before = out.read_bytes()
    for name in ("new", "smooth"):
        with pytest.raises(OutputExistsError, match="--force"):
            convolve_file(tmp_path / "in.h5", H, f"{out}:/{name}")
    assert out.read_bytes() == before
    convolve_file(tmp_path / "in.h5", H, f"{out}:/smooth", force=True)
    convolve_file(tmp_path / "in.h5", H, f"{out}:/deep/new", force=True)
    np.testing.assert_array_equal(dataset(out, "old"), X)
    close(dataset(out, "smooth"))
    close(dataset(out, "deep/new"))
    with pytest.raises(TargetError, match="cannot be written as /old/new"):
        convolve_file(tmp_path / "in.h5", H, f"{out}:/old/new", force=True)
    np.testing.assert_array_equal(dataset(out, "old"), X)
    assert names_in(tmp_path) == ["in.h5", "out.h5"]


def test_the_input_is_never_the_output(tmp_path: Path) -> None:
    path = hdf5(tmp_path / "in.h5", raw=X)
    with pytest.raises(OutputExistsError, match="is the input"):
        convolve_file(f"{path}:/raw", H, f"{path}:/smooth", force=True)
    zarred = store(tmp_path / "in.zarr")
    (tmp_path / "link.zarr").symlink_to(zarred)
    for target in (zarred, tmp_path / "link.zarr"):
        with pytest.raises(OutputExistsError, match="is the input"):
            convolve_file(zarred, H, target, force=True)
    with pytest.raises(OutputExistsError, match="is the input"):
        convolve_file(zarred, H, zarred / "inside", force=True)


@pytest.mark.parametrize("in_one_step", [True, False])
def test_a_store_replaces_another_whole(
    in_one_step: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if not in_one_step:
        monkeypatch.setattr(directories, "_exchanged", lambda *paths: False)
    np.save(tmp_path / "in.npy", X)
    out = store(tmp_path / "out.zarr", noise(64, 64, seed=1))
    with pytest.raises(OutputExistsError):
        convolve_file(tmp_path / "in.npy", H, out)
    convolve_file(tmp_path / "in.npy", H, out, force=True)
    close(stored(out))
    assert names_in(tmp_path) == ["in.npy", "out.zarr"]


def test_a_directory_that_is_no_store_is_never_replaced(tmp_path: Path) -> None:
    np.save(tmp_path / "in.npy", X)
    (tmp_path / "out.zarr").mkdir()
    (tmp_path / "out.zarr" / "thesis.tex").write_text("all of it")
    zarr.open_group(str(tmp_path / "group.zarr"), mode="w").create_array(
        "0", shape=(4,), dtype="f4"
    )
    (tmp_path / "file.zarr").write_bytes(b"file")
    (tmp_path / "link.zarr").symlink_to("nowhere")
    for name in ("out.zarr", "group.zarr", "file.zarr", "link.zarr"):
        with pytest.raises(TargetError, match="is no array of Zarr, and is not replaced"):
            convolve_file(tmp_path / "in.npy", H, tmp_path / name, force=True)
    assert names_in(tmp_path / "out.zarr") == ["thesis.tex"]
    assert (tmp_path / "file.zarr").read_bytes() == b"file"


@pytest.mark.parametrize("failure", [OSError(28, "No space left"), KeyboardInterrupt()])
@pytest.mark.parametrize("name", ["out.zarr", "out.h5"])
def test_what_fails_half_way_leaves_the_old_store(
    name: str, failure: BaseException, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    np.save(tmp_path / "in.npy", X)
    convolve_file(tmp_path / "in.npy", "[[1]]", tmp_path / name)

    def fail(*arguments: Any, **keywords: Any) -> None:
        raise failure

    module = "sigconv.files.atomic." + ("sync_tree" if name == "out.zarr" else "sync")
    monkeypatch.setattr(module, fail)
    kind = TargetError if isinstance(failure, OSError) else KeyboardInterrupt
    with pytest.raises(kind):
        convolve_file(tmp_path / "in.npy", H, tmp_path / name, force=True)
    np.testing.assert_array_equal(load(describe(tmp_path / name)), X)
    assert names_in(tmp_path) == ["in.npy", name]


def test_what_cannot_be_exchanged_is_put_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(directories, "_exchanged", lambda *paths: False)
    target = store(tmp_path / "out.zarr")
    with pytest.raises(FileNotFoundError):
        directories.swap(tmp_path / "nothing.zarr", target)
    np.testing.assert_array_equal(stored(target), X)
    assert names_in(tmp_path) == ["out.zarr"]


def test_names_and_attributes_are_kept(tmp_path: Path) -> None:
    with h5py.File(tmp_path / "in.h5", "w") as file:
        made = file.create_dataset("raw", data=noise(3, 40, 50))
        made.attrs["unit"] = "mV"
        for axis, label in enumerate(("time", "y", "x")):
            made.dims[axis].label = label
    about = describe(tmp_path / "in.h5")
    assert about.axis_names == ("time", "y", "x")
    assert about.axes == (1, 2)
    convolve_file(tmp_path / "in.h5", H, tmp_path / "out.h5:/smooth")
    with h5py.File(tmp_path / "out.h5") as file:
        assert file["smooth"].attrs["unit"] == "mV"
        assert [dim.label for dim in file["smooth"].dims] == ["time", "y", "x"]
    store(
        tmp_path / "in.zarr",
        noise(3, 40, 50),
        chunks=(1, 16, 16),
        dimension_names=("c", "y", "x"),
        attributes={"unit": "mV"},
    )
    assert describe(tmp_path / "in.zarr").axes == (1, 2)
    convolve_file(tmp_path / "in.zarr", H, tmp_path / "out.zarr")
    made = opened(tmp_path / "out.zarr")
    assert made.attrs["unit"] == "mV"
    assert made.chunks == (1, 16, 16)
    assert made.metadata.dimension_names == ("c", "y", "x")


@pytest.mark.parametrize("name", ["out.h5", "out.zarr"])
def test_the_axes_of_a_volume_keep_their_names_in_a_store(name: str, tmp_path: Path) -> None:
    image = nibabel.Nifti1Image(noise(6, 7, 8, 2), np.eye(4))
    nibabel.save(image, tmp_path / "in.nii")
    convolve_file(tmp_path / "in.nii", "box:3", tmp_path / name)
    about = describe(tmp_path / name)
    assert about.axis_names == ("x", "y", "z", "time")
    assert about.axes == (0, 1, 2)


def test_names_of_xarray_in_version_2_are_those_of_axes(tmp_path: Path) -> None:
    attributes = {"_ARRAY_DIMENSIONS": ["time", "x"]}
    store(tmp_path / "in.zarr", zarr_format=2, attributes=attributes)
    assert describe(tmp_path / "in.zarr").axis_names == ("time", "x")


def test_budget_and_dtypes_are_checked_before_anything_is_read(tmp_path: Path) -> None:
    hdf5(tmp_path / "in.h5", raw=X)
    store(tmp_path / "in.zarr")
    for name in ("in.h5", "in.zarr"):
        with pytest.raises(BudgetError, match="more than the 4"):
            convolve_file(tmp_path / name, H, tmp_path / "out.npy", max_memory=4096)
    np.save(tmp_path / "in.npy", X.astype(np.longdouble))
    for name in ("out.h5", "out.zarr"):
        with pytest.raises(DTypeError, match=r"longdouble|float128"):
            convolve_file(tmp_path / "in.npy", H, tmp_path / name)
    assert names_in(tmp_path) == ["in.h5", "in.npy", "in.zarr"]


def test_a_bomb_of_hdf5_is_refused_by_its_numbers(tmp_path: Path) -> None:
    with h5py.File(tmp_path / "in.h5", "w") as file:
        made = file.create_dataset("x", (1 << 20, 4), "f8", chunks=(1 << 20, 4), compression="gzip")
        made.id.write_direct_chunk((0, 0), b"x" * 1000)
    with pytest.raises(SourceError, match="needs 33554432 bytes, the file holds 1000"):
        describe(tmp_path / "in.h5")


def test_virtual_datasets_are_read_when_one_says_so(tmp_path: Path) -> None:
    hdf5(tmp_path / "part.h5", x=X)
    layout = h5py.VirtualLayout((40, 50), "f4")
    layout[...] = h5py.VirtualSource(tmp_path / "part.h5", "x", (40, 50))
    with h5py.File(tmp_path / "in.h5", "w") as file:
        file.create_virtual_dataset("all", layout)
    with pytest.raises(SourceError, match="other files"):
        convolve_file(tmp_path / "in.h5", H, tmp_path / "out.npy")
    convolve_file(tmp_path / "in.h5", H, tmp_path / "out.npy", missing_chunks="fill")
    close(np.load(tmp_path / "out.npy"))


def test_delays_are_found_in_stores(tmp_path: Path) -> None:
    x = noise(4000)
    hdf5(tmp_path / "a.h5", x=np.roll(x, 7))
    store(tmp_path / "b.zarr", x, chunks=(1000,))
    assert round(delay_of_files(tmp_path / "a.h5", tmp_path / "b.zarr").samples) == 7


def test_zarr_of_another_writer_is_read(tmp_path: Path) -> None:
    # As the specification of version 2 has it, written byte by byte.
    path = tmp_path / "in.zarr"
    path.mkdir()
    header = {
        "zarr_format": 2, "shape": [4, 4], "chunks": [2, 4], "dtype": ">i2", "compressor": None,
        "fill_value": 0, "order": "F", "filters": None,
    }  # fmt: skip
    (path / ".zarray").write_text(json.dumps(header))
    x = np.arange(16, dtype=">i2").reshape(4, 4)
    for row in (0, 1):
        (path / f"{row}.0").write_bytes(x[2 * row : 2 * row + 2].tobytes(order="F"))
    np.testing.assert_array_equal(load(describe(path)), x)


def test_groups_and_links_of_the_target_are_not_replaced(tmp_path: Path) -> None:
    hdf5(tmp_path / "in.h5", raw=X)
    other = hdf5(tmp_path / "other.h5", p=X)
    out = hdf5(tmp_path / "out.h5", grp__a=X, old=X)
    with h5py.File(out, "r+") as file:
        file["soft"] = h5py.SoftLink("/old")
        file["ext"] = h5py.ExternalLink("other.h5", "/")
    before = out.read_bytes(), other.read_bytes()
    for name, said in [("grp", "group"), ("ext/p", "link"), ("soft", "link"), ("ext", "link")]:
        with pytest.raises(TargetError, match=rf"is a {said}"):
            convolve_file(tmp_path / "in.h5", H, f"{out}:/{name}", force=True)
    assert (out.read_bytes(), other.read_bytes()) == before
    with pytest.raises(SourceError, match=r"leads to another file.*other\.h5"):
        convolve_file(f"{out}:/ext/p", H, f"{other}:/p", force=True)
    assert (out.read_bytes(), other.read_bytes()) == before


def test_a_file_that_changes_meanwhile_is_not_replaced(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    hdf5(tmp_path / "in.h5", raw=X)
    out = hdf5(tmp_path / "out.h5", old=X)
    sync = directories.sync

    def sync_and_write(path: Path) -> None:
        sync(path)
        with h5py.File(out, "r+") as file:
            file[f"meanwhile {len(file)}"] = X

    monkeypatch.setattr(atomic, "sync", sync_and_write)
    for target in (f"{out}:/new", f"{out}"):
        before = h5py.File(out, "r")
        names = sorted(before)
        before.close()
        with pytest.raises(TargetError, match="changed meanwhile"):
            convolve_file(tmp_path / "in.h5", H, target, force=True)
        with h5py.File(out, "r") as file:
            assert len(file) == len(names) + 1


def test_inputs_inside_the_target_and_around_it_are_safe(tmp_path: Path) -> None:
    out = store(tmp_path / "out.zarr")
    inside = store(out / "in.zarr")
    hdf5(out / "in.h5", raw=X)
    np.save(tmp_path / "h.npy", H)
    for source, target in [(inside, out), (out / "in.h5", out), (out, inside / "new.zarr")]:
        with pytest.raises((TargetError, OutputExistsError)):
            convolve_file(source, H, target, force=True)
    np.testing.assert_array_equal(stored(inside), X)


def test_an_interruption_after_the_exchange_leaves_the_new_store_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    np.save(tmp_path / "in.npy", X)
    out = store(tmp_path / "out.zarr", noise(64, 64, seed=1))
    calls: list[Path] = []

    def interrupted(path: Path) -> None:
        calls.append(path)
        if len(calls) == 1:
            raise KeyboardInterrupt
        directories.remove(path)

    monkeypatch.setattr(atomic, "remove", interrupted)
    with pytest.raises(KeyboardInterrupt) as raised:
        convolve_file(tmp_path / "in.npy", H, out, force=True)
    assert raised.value.__notes__ == ["the output was written"]
    close(stored(out))
    assert names_in(tmp_path) == ["in.npy", "out.zarr"]


def test_what_a_shard_does_not_hold_is_told(tmp_path: Path) -> None:
    path = tmp_path / "in.zarr"
    made = zarr.create_array(
        str(path), shape=(50, 60), chunks=(10, 10), shards=(20, 20), dtype="f4"
    )
    made[...] = 1
    # The last shards reach beyond the array.
    assert describe(path).unstored == ""
    made[:10, :10] = 0
    assert describe(path).unstored == "1 of its 30 chunks are not stored"
    (path / "c/1/1").write_bytes(b"")
    with pytest.raises(SourceError, match="its file holds 0"):
        describe(path)
    small = zarr.create_array(
        str(tmp_path / "sparse.zarr"), shape=(2048, 4096), chunks=(256, 4096),
        shards=(2048, 4096), dtype="f4",
    )  # fmt: skip
    small[:256] = 1
    assert describe(tmp_path / "sparse.zarr").unstored == "7 of its 8 chunks are not stored"
    (path / "c/1/1").write_bytes(bytes(30))
    with pytest.raises(SourceError, match="needs an index of 64 bytes"):
        describe(path)


@pytest.mark.parametrize("version", [2, 3])
def test_bombs_of_zarr_are_refused_by_their_numbers(version: int, tmp_path: Path) -> None:
    path = store(tmp_path / "in.zarr", zarr_format=version)
    header = path / ("zarr.json" if version == 3 else ".zarray")
    text = header.read_text()
    facts = json.loads(text)
    facts["shape"] = [1 << 20, 1 << 20]
    if version == 3:
        facts["chunk_grid"]["configuration"]["chunk_shape"] = [1 << 20, 1 << 20]
    else:
        facts["chunks"] = [1 << 20, 1 << 20]
    header.write_text(json.dumps(facts))
    with pytest.raises(SourceError, match=r"promises 4398046511104 bytes, its file holds"):
        describe(path)
    facts["shape"] = [1 << 40, 16]
    text = json.dumps(facts).replace(str(1 << 20), "16")
    header.write_text(text)
    with pytest.raises(SourceError, match="chunks are not stored"):
        load(describe(path))


def test_a_chunk_counts_for_the_budget(tmp_path: Path) -> None:
    path = store(tmp_path / "in.zarr", chunks=(4000, 4000))
    with pytest.raises(BudgetError):
        convolve_file(path, H, tmp_path / "out.npy", max_memory=10 << 20)
    convolve_file(path, H, tmp_path / "out.npy")
    with h5py.File(tmp_path / "in.h5", "w") as file:
        made = file.create_dataset("x", (1 << 26,), "f8", chunks=(1 << 26,), compression="lzf")
        made.id.write_direct_chunk((0,), b"x" * 100)
    with pytest.raises(SourceError, match="needs 536870912 bytes, the file holds 100"):
        describe(tmp_path / "in.h5")


@pytest.mark.parametrize("names", [["x"], [1, 2], "xy", None])
def test_odd_names_of_axes_are_passed_over(names: Any, tmp_path: Path) -> None:
    store(tmp_path / "in.zarr", zarr_format=2, attributes={"_ARRAY_DIMENSIONS": names})
    assert describe(tmp_path / "in.zarr").axis_names == ("axis 0", "axis 1")


def test_constants_may_be_packed_without_end(tmp_path: Path) -> None:
    x = np.ones((1024, 1024), np.float32)
    codec = import_module("numcodecs").BZ2(level=9)
    store(tmp_path / "in.zarr", x, chunks=x.shape, compressors=codec, zarr_format=2)
    np.testing.assert_array_equal(load(describe(tmp_path / "in.zarr")), x)


def test_chunks_behind_a_link_are_stored(tmp_path: Path) -> None:
    path = store(tmp_path / "in.zarr")
    (path / "c").rename(tmp_path / "elsewhere")
    (path / "c").symlink_to(tmp_path / "elsewhere")
    assert describe(path).unstored == ""


def test_references_do_not_go_to_another_file(tmp_path: Path) -> None:
    with h5py.File(tmp_path / "in.h5", "w") as file:
        made = file.create_dataset("raw", data=X)
        pair = np.dtype([("what", h5py.ref_dtype), ("n", "i4")])
        made.attrs["one"] = made.ref
        made.attrs["many"] = np.array([made.ref, made.ref], h5py.ref_dtype)
        made.attrs["pairs"] = np.array([(made.ref, 1)], pair)
        made.attrs["unit"] = "mV"
    convolve_file(tmp_path / "in.h5", H, tmp_path / "out.h5")
    with h5py.File(tmp_path / "out.h5") as file:
        assert list(file["data"].attrs) == ["unit"]
