"""The machine in force: as `sigconv calibrate` measured it on this computer, or as shipped.

A calibration is a file in the user's cache directory, with FFTW's wisdom beside the speeds. Its
name and its contents tell the processor and the versions that it belongs to. Whatever is wrong
with a file, it is as if there were none.
"""

from __future__ import annotations

import os
import sys
from dataclasses import asdict, fields, replace
from functools import cache
from math import inf
from pathlib import Path
from typing import Any, NamedTuple
from zlib import crc32

from sigconv.engines import Machine, Plan
from sigconv.errors import MethodError, OptionError, TargetError
from sigconv.fft import backend_version, fftw
from sigconv.planning import processor
from sigconv.planning.machine import MACHINE

__all__ = [
    "Calibration",
    "cache_directory",
    "calibration_path",
    "check_wisdom",
    "clear_calibration",
    "current_machine",
    "is_wanted",
    "ready_machine",
    "store_calibration",
    "stored_calibration",
    "wisdom_name",
]

SCHEMA = 1
"""Is increased when files of before would be misunderstood."""

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


@cache
def current_machine() -> Machine:
    """Return the machine by which plans are chosen, found out once in a process."""
    found = stored_calibration()
    if found is None:
        return MACHINE
    fftw.use_calibrated(found.wisdom)
    return found.machine


@cache
def ready_machine() -> Machine:
    """Return the same with its compiled loops loaded: for plans that will be used many times."""
    return replace(current_machine(), cold_loop=0.0, compile_loop=0.0)


def check_wisdom(plan: Plan) -> None:
    """Raise MethodError where a plan goes by wisdom that is not at hand: bits would differ."""
    here = current_machine().wisdom_name
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
    try:
        path = calibration_path()
        path.parent.mkdir(parents=True, exist_ok=True)
        _write(path, _as_bytes(calibration))
    except (OSError, RuntimeError) as error:
        reason = getattr(error, "strerror", None) or error
        raise TargetError(
            f"the calibration cannot be written: {reason}. Set SIGCONV_CACHE to a directory that "
            "is writable."
        ) from error
    return path


def clear_calibration() -> Path | None:
    """Remove the calibration of this processor and these versions, and return where it was."""
    try:
        path = calibration_path()
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


def _write(path: Path, content: bytes) -> None:
    from tempfile import mkstemp

    descriptor, name = mkstemp(dir=path.parent, prefix=".machine-")
    temporary = Path(name)
    try:
        with os.fdopen(descriptor, "wb") as file:
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


def _machine_of(found: dict[str, Any]) -> Machine:
    """Return the machine with these fields, which are checked."""
    found = {
        **found,
        "fft_samples": tuple(found["fft_samples"]),
        "fft": {key: tuple(rates) for key, rates in found["fft"].items()},
        "convolve": {key: tuple(rates) for key, rates in found["convolve"].items()},
        "wisdom": {(key, n, count): rate for key, n, count, rate in found["wisdom"]},
    }
    machine = Machine(**found)
    for field in fields(Machine):
        value, shipped = getattr(machine, field.name), getattr(MACHINE, field.name)
        if field.name != "wisdom" and isinstance(value, dict) and value.keys() != shipped.keys():
            raise ValueError(f"{field.name} is for other dtypes")
        if isinstance(value, str) and isinstance(shipped, str):
            continue
        if not all(0 <= number < inf for number in _numbers(value)):
            raise ValueError(f"{field.name} is no speed")
    if any(len(rates) != len(machine.fft_samples) for rates in machine.fft.values()):
        raise ValueError("fft has other lengths")
    return machine


def _numbers(value: Any) -> list[float]:
    """Return the numbers in a field of a machine."""
    if isinstance(value, dict):
        value = tuple(value.values())
    if isinstance(value, tuple):
        return [number for part in value for number in _numbers(part)]
    return [value]
