"""An output is whole or not there, whatever happens while it is made."""

import os
from pathlib import Path

import pytest

from sigconv.errors import OutputExistsError, TargetError
from sigconv.files.atomic import check_target, replacing
from tests.files.helpers import names_in


def replace_and_fail(target: Path, failure: type[BaseException]) -> None:
    with replacing(target, force=True) as temporary:
        temporary.write_bytes(b"half")
        raise failure


def replace_while_another_writes(target: Path) -> None:
    with replacing(target) as temporary:
        temporary.write_bytes(b"new")
        target.write_bytes(b"somebody else's")


def test_target_appears_only_when_the_block_has_ended(tmp_path: Path) -> None:
    target = tmp_path / "a.npy"
    with replacing(target) as temporary:
        temporary.write_bytes(b"new")
        assert not target.exists()
    assert target.read_bytes() == b"new"
    assert names_in(tmp_path) == ["a.npy"]


def test_temporary_file_lies_beside_the_target_hidden_with_its_suffix(tmp_path: Path) -> None:
    with replacing(tmp_path / "brain.v2.nii.gz") as temporary:
        assert temporary.parent == tmp_path
        assert temporary.name.startswith(".")
        assert temporary.name.endswith(".nii.gz")


@pytest.mark.parametrize("failure", [ValueError, KeyboardInterrupt, SystemExit, MemoryError])
def test_any_exception_leaves_the_old_target_and_no_temporary_file(
    tmp_path: Path, failure: type[BaseException]
) -> None:
    target = tmp_path / "a.wav"
    target.write_bytes(b"old")
    with pytest.raises(failure):
        replace_and_fail(target, failure)
    assert target.read_bytes() == b"old"
    assert names_in(tmp_path) == ["a.wav"]


def test_failing_rename_leaves_the_old_target_and_no_temporary_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    target = tmp_path / "a.wav"
    target.write_bytes(b"old")

    def fail(self: Path, other: Path) -> Path:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "replace", fail)
    with pytest.raises(OSError, match="No space"), replacing(target, force=True) as temporary:
        temporary.write_bytes(b"new")
    assert target.read_bytes() == b"old"
    assert names_in(tmp_path) == ["a.wav"]


def test_failing_flush_to_disk_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(descriptor: int) -> None:
        raise OSError(5, "Input/output error")

    monkeypatch.setattr(os, "fsync", fail)
    with pytest.raises(OSError, match="Input/output"), replacing(tmp_path / "a.wav") as temporary:
        temporary.write_bytes(b"new")
    assert names_in(tmp_path) == []


def test_existing_target_is_refused_before_the_block_runs(tmp_path: Path) -> None:
    target = tmp_path / "a.npy"
    target.write_bytes(b"old")
    with pytest.raises(OutputExistsError, match="--force"), replacing(target):
        pytest.fail("the block must not run")
    assert target.read_bytes() == b"old"


@pytest.mark.parametrize("links", [True, False])
def test_target_that_appears_meanwhile_is_not_replaced(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, links: bool
) -> None:
    target = tmp_path / "a.npy"
    if not links:  # as on file systems that have no hard links

        def fail(*_: object) -> None:
            raise PermissionError(1, "Operation not permitted")

        monkeypatch.setattr(os, "link", fail)
    with pytest.raises(OutputExistsError):
        replace_while_another_writes(target)
    assert target.read_bytes() == b"somebody else's"
    assert names_in(tmp_path) == ["a.npy"]


def test_target_is_made_where_there_are_no_hard_links(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(os, "link", fail)
    with replacing(tmp_path / "a.npy") as temporary:
        temporary.write_bytes(b"new")
    assert (tmp_path / "a.npy").read_bytes() == b"new"
    assert names_in(tmp_path) == ["a.npy"]


def test_force_replaces_the_target_and_keeps_its_permissions(tmp_path: Path) -> None:
    target = tmp_path / "a.npy"
    target.write_bytes(b"old")
    target.chmod(0o600)
    with replacing(target, force=True) as temporary:
        temporary.write_bytes(b"new")
    assert target.read_bytes() == b"new"
    assert target.stat().st_mode & 0o777 == 0o600


def test_dangling_link_counts_as_an_existing_target(tmp_path: Path) -> None:
    target = tmp_path / "a.npy"
    target.symlink_to(tmp_path / "nowhere")
    with pytest.raises(OutputExistsError):
        check_target(target)


@pytest.mark.parametrize("link", ["symlink_to", "hardlink_to"])
def test_input_is_refused_as_target_under_any_name(tmp_path: Path, link: str) -> None:
    source = tmp_path / "in.wav"
    source.write_bytes(b"sound")
    target = tmp_path / "out.wav"
    getattr(target, link)(source)
    with pytest.raises(OutputExistsError, match="input"):
        check_target(target, inputs=(source,), force=True)


def test_missing_directory_of_the_target_is_named(tmp_path: Path) -> None:
    with pytest.raises(TargetError, match=r"nowhere does not exist\. Create it"):
        check_target(tmp_path / "nowhere" / "a.npy")


def test_file_as_directory_of_the_target_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(TargetError, match="not a directory"):
        check_target(tmp_path / "file" / "a.npy")


def test_directory_is_refused_as_target(tmp_path: Path) -> None:
    (tmp_path / "a.npy").mkdir()
    with pytest.raises(TargetError, match="is a directory"):
        check_target(tmp_path / "a.npy", force=True)


def test_directory_that_cannot_be_written_is_refused_before_the_block_runs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> int:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(os, "open", fail)
    with pytest.raises(TargetError, match="Permission denied"), replacing(tmp_path / "a.npy"):
        pytest.fail("the block must not run")
