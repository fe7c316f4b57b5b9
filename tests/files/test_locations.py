"""Paths into files: where the file ends and the place in it begins."""

from pathlib import Path

import pytest

from sigconv.files.locations import full_suffix, joined, name_of, split


@pytest.mark.parametrize(
    ("path", "file", "inner", "suffix"),
    [
        ("a.npy", "a.npy", "", ".npy"),
        ("scan.h5", "scan.h5", "", ".h5"),
        ("dir/scan.H5:/x", "dir/scan.H5", "x", ".h5"),
        ("scan.hdf5:x/y", "scan.hdf5", "x/y", ".hdf5"),
        ("old.h5.npy", "old.h5.npy", "", ".npy"),
        ("a:b.npy", "a:b.npy", "", ".npy"),
        ("cells.zarr", "cells.zarr", "", ".zarr"),
        ("dir/cells.zarr/0/1", "dir/cells.zarr", "0/1", ".zarr"),
        ("brain.nii.gz", "brain.nii.gz", "", ".nii.gz"),
    ],
)
def test_a_path_has_a_file_and_a_place_in_it(path: str, file: str, inner: str, suffix: str) -> None:
    assert split(Path(path)) == (Path(file), inner)
    assert full_suffix(Path(path)) == suffix
    assert split(joined(Path(file), inner)) == (Path(file), inner)


def test_outputs_are_called_as_inputs() -> None:
    assert name_of(Path("a/b.wav")) == "b.wav"
    assert name_of(Path("a/b.h5:/x/y")) == "b.h5:/x/y"
    assert name_of(Path("a/b.zarr/0")) == "b.zarr"
