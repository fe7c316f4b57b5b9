"""Outputs that are either whole or not there: built beside the target, renamed at the end."""

from __future__ import annotations

import os
import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from sigconv.errors import OutputExistsError, SigconvError, TargetError
from sigconv.files.directories import is_array, remove, swap, sync, sync_tree
from sigconv.files.locations import full_suffix, joined, split

__all__ = ["check_target", "replacing"]


def check_target(target: Path, *, inputs: tuple[Path, ...] = (), force: bool = False) -> None:
    """Refuse a target that exists, that is one of the inputs, or that has no directory.

    Parameters
    ----------
    target : Path
        Where the output shall lie.
    inputs : tuple of Path
        Files that are read; none of them may be the target, whatever its name.
    force : bool
        Whether an existing file may be replaced.

    Raises
    ------
    OutputExistsError
        The target is an input, or it exists and `force` is false.
    TargetError
        The target is a directory, or its directory does not exist.
    """
    try:
        _check_target(target, inputs, force)
    except SigconvError:
        raise
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        raise TargetError(
            f"{str(target)!r} cannot be written: {reason}. Name another output."
        ) from error


def _check_target(target: Path, inputs: tuple[Path, ...], force: bool) -> None:
    target = split(target)[0]
    if "\0" in str(target):
        raise ValueError("no file has a name with a NUL character")
    parent = target.parent
    if not parent.is_dir():
        problem = "is not a directory" if parent.exists() else "does not exist"
        raise TargetError(
            f"{target}: its directory {parent} {problem}. Create it, or name another output."
        )
    if _is_directory(target):
        _check_directory(target, inputs)
    elif target.is_dir():
        raise TargetError(f"{target} is a directory. Name a file in it.")
    for path in inputs:
        if _same(target, split(path)[0]):
            raise OutputExistsError(
                f"{target} is the input {path} itself, which is never overwritten. "
                "Name another output."
            )
    if os.path.lexists(target) and not force:
        raise _exists(target)


def _check_directory(target: Path, inputs: tuple[Path, ...]) -> None:
    """Refuse to put an array in the place of anything else, or of what holds an input."""
    if os.path.lexists(target) and not is_array(target):
        raise TargetError(
            f"{target} is no array of Zarr, and is not replaced. Name another output, or remove it."
        )
    own = target.resolve()
    for path in inputs:
        file = split(path)[0].resolve()
        if file != own and (own in file.parents or file in own.parents):
            raise TargetError(
                f"{target} and the input {path} lie inside one another. Name another output."
            )


def _same(target: Path, path: Path) -> bool:
    # A file that is not there, or whose name no file can have, is not the target.
    with suppress(OSError, ValueError):
        return target.samefile(path)
    return False


@contextmanager
def replacing(
    target: Path, *, inputs: tuple[Path, ...] = (), force: bool = False
) -> Iterator[Path]:
    """Yield a temporary path beside `target` that becomes `target` when the block ends well.

    The temporary file has a hidden name and the target's suffix. It is flushed to the disk and
    renamed when the block is left normally, and removed when an exception, an interruption
    included, leaves the block: then an older target is untouched. Where the target is a place in an
    HDF5 file, the temporary file is a copy of it; where it is a directory, so is the temporary one.

    Parameters
    ----------
    target, inputs, force
        As in `check_target`, which runs before the block, and once more at the rename.

    Yields
    ------
    Path
        An empty file or directory to overwrite, or the place in a copy.

    Raises
    ------
    TargetError
        Also for any OSError that leaves the block, such as that of a full disk.
    """
    check_target(target, inputs=inputs, force=force)
    file, inner = split(target)
    before, moved = _state(file), False
    temporary = file.parent / f".sigconv-{secrets.token_hex(8)}{full_suffix(target)}"
    try:
        _create(temporary, file)
        yield joined(temporary, inner)
        if _is_directory(file):
            sync_tree(temporary)
            _move_directory(temporary, file, force)
        else:
            sync(temporary)
            if _is_copied(file) and _state(file) != before:
                raise TargetError(
                    f"{file} has been changed meanwhile by another program. Try again."
                )
            _move(temporary, file, force)
        moved = True
    except SigconvError:
        raise
    except OSError as error:
        raise TargetError(
            f"{target}: writing failed ({error.strerror or error}). Check the space on its disk."
        ) from error
    finally:
        _clear(temporary, moved=moved)
    _sync_directory(file.parent)


def _state(file: Path) -> tuple[int, ...]:
    """Return what changes when a file is written or replaced."""
    with suppress(OSError, ValueError):
        status = file.stat()
        return status.st_ino, status.st_mtime_ns, status.st_size
    return ()


def _clear(temporary: Path, *, moved: bool) -> None:
    """Remove what is left, also when one is interrupted while that is an older directory."""
    try:
        remove(temporary)
    except BaseException as error:
        if moved:
            error.add_note("the output was written")
        remove(temporary)
        raise


def _is_directory(file: Path) -> bool:
    return full_suffix(file) == ".zarr"


def _is_copied(file: Path) -> bool:
    """Tell whether an older target is written on, and what else it holds stays."""
    return full_suffix(file) in (".h5", ".hdf5")


def _create(temporary: Path, target: Path) -> None:
    try:
        if _is_directory(target):
            temporary.mkdir()
            return
        os.close(os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o666))
        if _is_copied(target) and target.exists():
            # Its other datasets stay.
            shutil.copyfile(target, temporary)
    except OSError as error:
        raise TargetError(
            f"{target} cannot be written: {error.strerror}. Name an output in a directory that "
            "is writable."
        ) from error


def _sync_directory(directory: Path) -> None:
    # Not every system lets a directory be opened or synchronised; the file is whole regardless.
    with suppress(OSError):
        sync(directory)


def _move(temporary: Path, target: Path, force: bool) -> None:
    if target.is_dir():
        raise TargetError(f"{target} has become a directory. Name a file in it.")
    if force:
        if target.exists():
            shutil.copymode(target, temporary)
        temporary.replace(target)
        return
    try:
        # Unlike a rename, a link fails when somebody made the target in the meantime.
        os.link(temporary, target)
    except FileExistsError:
        raise _exists(target) from None
    except OSError:
        if os.path.lexists(target):
            raise _exists(target) from None
        temporary.replace(target)


def _move_directory(temporary: Path, target: Path, force: bool) -> None:
    if force and target.is_dir():
        swap(temporary, target)
        return
    try:
        # Onto a directory with something in it, there is no rename.
        temporary.rename(target)
    except OSError:
        if os.path.lexists(target):
            raise _exists(target) from None
        raise


def _exists(target: Path) -> OutputExistsError:
    return OutputExistsError(
        f"{target} exists already. Pass --force (force=True) to replace it, or name another output."
    )
