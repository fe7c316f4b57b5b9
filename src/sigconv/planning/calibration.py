"""The machine in force: as `sigconv calibrate` measured it on this computer, or as shipped.

A calibration is a file in the user's cache directory, with FFTW's wisdom beside the speeds. Its
name and its contents tell the processor and the versions that it belongs to. Whatever is wrong
with a file, it is as if there were none.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, fields, replace
from functools import cache, lru_cache
from itertools import pairwise
from math import inf
from pathlib import Path
from secrets import token_hex
from typing import Any, NamedTuple
from zlib import crc32

from sigconv.engines import Machine, Plan
from sigconv.errors import MethodError, OptionError, TargetError
from sigconv.fft import backend_version, current_backend, fftw
from sigconv.planning import processor
from sigconv.planning.machine import MACHINE

__all__ = [
    "Calibration",
    "cache_directory",
    "calibration_path",
    "check_target",
    "check_wisdom",
    "clear_calibration",
    "current_machine",
    "is_wanted",
    "ready_machine",
    "store_calibration",
    "stored_calibration",
    "wisdom_name",
]

SCHEMA = 3
"""Is increased when files of before would be misunderstood."""

_UNFINISHED = ".machine-"
"""How the names of files that are not whole yet begin."""

_MOST_BYTES = 4 << 20

# What reading a file may end in, whatever is in it.
_UNREADABLE = (
    AttributeError,
    ImportError,
    LookupError,
    OSError,
    RuntimeError,
    TypeError,
    ValueError,
)


class Calibration(NamedTuple):
    """A measured machine, and the FFTW wisdom for transforms that it lists."""

    machine: Machine
    wisdom: fftw.Wisdom | None = None


def current_machine() -> Machine:
    """Return the machine by which plans are chosen, found out once for each FFT backend."""
    return _machine(current_backend())


def ready_machine() -> Machine:
    """Return the same with its compiled loops loaded: for plans that will be used many times."""
    return _ready(current_machine())


@cache
def _machine(backend: str) -> Machine:
    found = stored_calibration()
    if found is None:
        return MACHINE
    if backend == "pyfftw":
        fftw.use_calibrated(found.wisdom)
    return found.machine


@lru_cache(maxsize=4)
def _ready(machine: Machine) -> Machine:
    return replace(machine, cold_loop=0.0, compile_loop=0.0)


def check_wisdom(plan: Plan) -> None:
    """Raise MethodError where a plan goes by wisdom that is not at hand: bits would differ."""
    here = current_machine().wisdom_name if current_backend() == "pyfftw" else ""
    if plan.wisdom and plan.wisdom != here:
        raise MethodError(
            f"the plan goes by FFTW wisdom {plan.wisdom} of a calibration; in force is "
            f"{here or 'none'}, by which the last bits would differ. Make a new plan, or bring "
            "the calibration here: see sigconv calibrate --show."
        )


def cache_directory() -> Path:
    """Return the directory of calibrations: ``SIGCONV_CACHE``, or the system's for caches."""
    if chosen := os.environ.get("SIGCONV_CACHE"):
        return Path(chosen)
    home = {"win32": "AppData/Local", "darwin": "Library/Caches"}.get(sys.platform, ".cache")
    named = os.environ.get("LOCALAPPDATA" if sys.platform == "win32" else "XDG_CACHE_HOME")
    # The XDG specification has relative paths ignored.
    where = Path(named) if named and Path(named).is_absolute() else Path("~", home).expanduser()
    return where / "sigconv"


def calibration_path() -> Path:
    """Return where the calibration of this processor and these versions lies, or would lie."""
    return cache_directory() / f"{_stem()}-{_short(backend_version())}.json"


def stored_calibration() -> Calibration | None:
    """Return the calibration that is stored for this processor and these versions, if any.

    Raises
    ------
    OptionError
        ``SIGCONV_CALIBRATION`` is neither ``on`` nor ``off``.
    """
    if not is_wanted():
        return None
    try:
        # Without a file of this processor, no library is loaded for its version.
        if not any(cache_directory().glob(f"{_stem()}-*.json")):
            return None
        with calibration_path().open("rb") as file:
            return _read(file.read(_MOST_BYTES))
    except _UNREADABLE:
        return None


def store_calibration(calibration: Calibration) -> Path:
    """Write a calibration, whole or not at all, and return where.

    Raises
    ------
    TargetError
        The cache directory cannot be made or written to.
    """
    with _writing():
        path = calibration_path()
        path.parent.mkdir(parents=True, exist_ok=True)
        _write(path, _as_bytes(calibration))
    return path


def check_target() -> None:
    """Raise TargetError where a calibration cannot be written, before one is measured."""
    with _writing():
        directory = cache_directory()
        directory.mkdir(parents=True, exist_ok=True)
        probe = _temporary(directory)
        probe.open("xb").close()
        probe.unlink()


def clear_calibration() -> Path | None:
    """Remove the calibration of this processor and these versions, and return where it was.

    What interrupted processes have left of theirs is removed as well.
    """
    try:
        path = calibration_path()
        for left in path.parent.glob(f"{_UNFINISHED}*"):
            left.unlink(missing_ok=True)
        path.unlink()
    except FileNotFoundError:
        return None
    except (OSError, RuntimeError) as error:
        reason = getattr(error, "strerror", None) or error
        raise TargetError(f"the calibration cannot be removed: {reason}.") from error
    return path


def wisdom_name(wisdom: fftw.Wisdom | None) -> str:
    """Return a short name, different for different wisdom, and empty for none."""
    if wisdom is None:
        return ""
    from hashlib import sha256

    return sha256(b"\0".join(wisdom)).hexdigest()[:8]


def is_wanted() -> bool:
    """Tell whether a calibration is looked for."""
    text = os.environ.get("SIGCONV_CALIBRATION") or "on"
    if text not in ("on", "off"):
        raise OptionError(f"SIGCONV_CALIBRATION must be 'on' or 'off'; got {text!r}.")
    return text == "on"


def _stem() -> str:
    return f"machine-{SCHEMA}-{_short(processor.identity())}"


def _short(text: str) -> str:
    return f"{crc32(text.encode()):08x}"


@contextmanager
def _writing() -> Iterator[None]:
    """Turn what keeps a file from being written into TargetError."""
    try:
        yield
    except (OSError, RuntimeError) as error:
        reason = getattr(error, "strerror", None) or error
        raise TargetError(
            f"the calibration cannot be written: {reason}. Set SIGCONV_CACHE to a directory that "
            "is writable."
        ) from error


def _temporary(directory: Path) -> Path:
    return directory / f"{_UNFINISHED}{token_hex(8)}"


def _write(path: Path, content: bytes) -> None:
    temporary = _temporary(path.parent)
    try:
        # Unlike those of `tempfile`, it may be read by whom the umask lets.
        with temporary.open("xb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise


def _as_bytes(calibration: Calibration) -> bytes:
    import json
    from base64 import b64encode

    machine, wisdom = calibration
    content = {
        "belongs to": _owner(),
        "machine": {
            **asdict(machine),
            "wisdom": [[*key, rate] for key, rate in machine.wisdom.items()],
        },
        "wisdom": None if wisdom is None else [b64encode(part).decode() for part in wisdom],
    }
    return json.dumps({"content": content, "digest": _digest(content)}, indent=1).encode()


def _read(data: bytes) -> Calibration | None:
    """Return what a file holds, None where it is of another computer or other versions.

    What `_as_bytes` did not write raises an exception.
    """
    import json
    from base64 import b64decode

    file = json.loads(data)
    content = file["content"]
    if file["digest"] != _digest(content):
        raise ValueError("the file is damaged")
    if content["belongs to"] != _owner():
        return None
    wisdom = None
    if content["wisdom"] is not None:
        first, second, third = (b64decode(part) for part in content["wisdom"])
        wisdom = (first, second, third)
    machine = _machine_of(content["machine"])
    name = wisdom_name(wisdom)
    if machine.wisdom_name != name or (machine.wisdom and not name):
        raise ValueError("the wisdom is of another calibration")
    return Calibration(machine, wisdom)


def _owner() -> dict[str, Any]:
    return {"schema": SCHEMA, "processor": processor.identity(), "fft": backend_version()}


def _digest(content: dict[str, Any]) -> str:
    import json
    from hashlib import sha256

    return sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()


# The fields that are lengths, and the tables with a rate for each of them.
_TABLES = {"fft_samples": ("fft",), "axis_lengths": ("fft_columns", "fft_rows")}


def _machine_of(found: dict[str, Any]) -> Machine:
    """Return the machine with these fields, which are checked."""
    found = {
        **found,
        **{name: tuple(found[name]) for name in _TABLES},
        **{
            name: {key: tuple(rates) for key, rates in found[name].items()}
            for name in (*(name for names in _TABLES.values() for name in names), "convolve")
        },
        "wisdom": {(key, n, count): rate for key, n, count, rate in found["wisdom"]},
    }
    machine = Machine(**found)
    for field in fields(Machine):
        _check_field(field.name, getattr(machine, field.name), getattr(MACHINE, field.name))
    for name, names in _TABLES.items():
        lengths = getattr(machine, name)
        if not lengths or any(a >= b for a, b in pairwise(lengths)):
            raise ValueError(f"{name} do not ascend")
        for table in names:
            if any(len(rates) != len(lengths) for rates in getattr(machine, table).values()):
                raise ValueError(f"{table} has other lengths")
    for key, n, count in machine.wisdom:
        if key not in machine.fft or not _are_counts((n, count)):
            raise ValueError("wisdom is for no transforms")
    return machine


def _check_field(name: str, value: Any, shipped: Any) -> None:
    """Raise ValueError unless a field is of the kind of the shipped one."""
    if isinstance(shipped, str):
        fits = isinstance(value, str)
    elif name in (*_TABLES, "cache_bytes"):
        fits = _are_counts(value if isinstance(value, tuple) else (value,))
    else:
        fits = all(map(_is_speed, _numbers(value)))
        # The difference of two times of compiling may vanish.
        fits = fits or (name == "compile_loop" and type(value) is float and value == 0)
    if isinstance(shipped, dict) and name != "wisdom":
        fits = fits and value.keys() == shipped.keys()
    if name == "convolve":
        fits = fits and all(len(rates) == 2 for rates in value.values())
    if not fits:
        raise ValueError(f"{name} is no field of a machine")


def _are_counts(values: Iterable[Any]) -> bool:
    return all(type(value) is int and value >= 1 for value in values)


def _is_speed(value: Any) -> bool:
    return type(value) is float and 0 < value < inf


def _numbers(value: Any) -> list[Any]:
    """Return the numbers in a field of a machine."""
    if isinstance(value, dict):
        value = tuple(value.values())
    if isinstance(value, tuple):
        return [number for part in value for number in _numbers(part)]
    return [value]
