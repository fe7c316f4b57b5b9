"""What the command says: a file's description, and what was done to it."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from math import isfinite, prod
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from sigconv.core.units import format_bytes, format_seconds
from sigconv.engines import Plan
from sigconv.files import DelayRecord, Description, Preview, Record
from sigconv.files.locations import split
from sigconv.streaming import StreamPlan

__all__ = [
    "FEW_TAPS",
    "delay_facts",
    "describe_delay",
    "describe_file",
    "describe_kernel",
    "describe_preview",
    "kernel_facts",
    "preview_facts",
    "record_facts",
    "speed",
    "summarise",
    "warnings",
]

# Samples that are printed as 0.00.
_NO_DELAY = 0.005

FEW_TAPS = 100
"""Taps that are printed without being asked for."""


def describe_file(about: Description) -> str:
    """Return what a file holds, one fact a line."""
    facts = [
        ("file", str(about.path)),
        ("format", f"{about.format}, {about.encoding}"),
        ("shape", f"{_shape(about.shape)} ({', '.join(about.axis_names)})"),
    ]
    if about.rate is not None and about.seconds is not None:
        facts += [("rate", f"{about.rate:g} Hz"), ("duration", f"{about.seconds:.3f} s")]
    if about.spacing is not None:
        facts.append(("spacing", f"{' x '.join(f'{step:g}' for step in about.spacing)} mm"))
    if about.scaling is not None:
        facts.append(("scaling", "stored value * {:g} + {:g}".format(*about.scaling)))
    convolved = ", ".join(about.axis_names[axis] for axis in about.axes)
    facts += [
        ("convolved", f"{convolved} (mode {about.default_mode} unless --mode says otherwise)"),
        ("computed in", f"{about.working}, {format_bytes(about.nbytes)}"),
    ]
    facts += [("note", note) for note in about.notes]
    if about.unstored:
        facts.append(("note", f"{about.unstored}, and would read as a fill value"))
    return _table(facts)


def _table(facts: list[tuple[str, str]]) -> str:
    return "\n".join(f"{name:<12} {value}" for name, value in facts)


def summarise(record: Record) -> str:
    """Return the line that tells what was written and how fast."""
    source, target = record.source, record.target
    return (
        f"{target.path}: {_shape(target.shape)} {_stored(target)} from {_shape(source.shape)} * "
        f"{_shape(record.kernel_shape)}, mode {record.mode}, in {record.seconds:.2f} s "
        f"({speed(record)}; {record.method})"
    )


def speed(record: Record) -> str:
    """Return how fast it went: in MB/s, and for audio in multiples of real time."""
    rate = _rate(record.bytes_per_second)
    if record.times_real_time is None:
        return rate
    return f"{record.times_real_time:.0f} times real time, {rate}"


def warnings(record: Record) -> Iterator[str]:
    """Yield what a user should know of the output, a line each."""
    target = record.target
    if record.clipped:
        yield (
            f"{record.clipped} of {prod(target.shape)} samples of {target.path} were clipped; "
            f"--gain {record.gain_db + record.safe_gain_db:.1f}dB avoids it."
        )
    if record.is_converted:
        yield (
            f"{target.path} stores {target.encoding}: {target.format} is not written with "
            f"{record.source.encoding}, as the input has it."
        )
    if target.format == "RF64" and target.path.suffix.lower() == ".wav":
        yield f"{target.path} is RF64: WAV holds at most 4 GB."


def record_facts(record: Record) -> dict[str, Any]:
    """Return what was done, in numbers and strings that JSON knows."""
    source, target = record.source, record.target
    facts = _job_facts(source, target, record.kernel_shape, record.mode, record.plan)
    return facts | {
        "seconds": record.seconds,
        "times_real_time": record.times_real_time,
        "clipped": record.clipped,
        # JSON has no numbers for these.
        "peak": record.peak if record.peak is None or isfinite(record.peak) else str(record.peak),
        "safe_gain_db": record.safe_gain_db,
        "sha256": {
            str(path): record.digests.get(str(path)) or _digest(path)
            for path in (source.path, target.path)
        },
    }


def preview_facts(preview: Preview) -> dict[str, Any]:
    """Return what would be done, in numbers and strings that JSON knows."""
    source, target = preview.source, preview.target
    return _job_facts(source, target, preview.kernel_shape, preview.mode, preview.plan)


def describe_preview(preview: Preview) -> str:
    """Return what would be written, and the plan."""
    source, target = preview.source, preview.target
    return (
        f"would write {target.path}: {_shape(target.shape)} {_stored(target)} from "
        f"{_shape(source.shape)} * {_shape(preview.kernel_shape)}, mode {preview.mode}\n"
        f"{preview.plan}"
    )


def _job_facts(
    source: Description,
    target: Description,
    kernel: tuple[int, ...],
    mode: str,
    plan: Plan | StreamPlan,
) -> dict[str, Any]:
    return {
        "source": str(source.path),
        "source_shape": source.shape,
        "kernel_shape": kernel,
        "mode": mode,
        "target": str(target.path),
        "target_shape": target.shape,
        "format": target.format,
        "encoding": target.encoding,
        "rate": target.rate,
        "spacing": target.spacing,
        "plan": {
            "method": plan.method,
            "loop": plan.loop,
            "nfft": plan.nfft,
            "hop": plan.hop,
            "seconds": plan.cost.seconds,
            "scratch": plan.cost.nbytes,
            "error_bound": plan.error_bound,
        },
    }


def _digest(path: Path) -> str:
    """Return the SHA-256 of a file; of a directory, that of its files' digests and names."""
    file = split(path)[0]
    if not file.is_dir():
        return _digest_of(file)
    inside = sorted(one for one in file.rglob("*") if one.is_file())
    lines = (f"{_digest_of(one)}  {one.relative_to(file).as_posix()}\n" for one in inside)
    return hashlib.sha256("".join(lines).encode()).hexdigest()


def _digest_of(file: Path) -> str:
    with file.open("rb") as opened:
        return hashlib.file_digest(opened, "sha256").hexdigest()


def kernel_facts(spec: str, taps: npt.NDArray[Any], output: Path | None) -> dict[str, Any]:
    """Return what a specification makes."""
    facts: dict[str, Any] = {
        "kernel": spec,
        "shape": taps.shape,
        "sum": float(taps.sum()),
        "energy": float(np.square(taps).sum()),
    }
    return facts if output is None else facts | {"file": str(output)}


def describe_kernel(facts: dict[str, Any]) -> str:
    """Return what a specification makes, one fact a line."""
    shown = facts | {"shape": _shape(facts["shape"])}
    return _table([(k, f"{v:.6g}" if isinstance(v, float) else str(v)) for k, v in shown.items()])


def delay_facts(found: DelayRecord) -> dict[str, Any]:
    """Return a delay in numbers and strings that JSON knows."""
    rate = found.signal.rate
    return {
        "signal": str(found.signal.path),
        "reference": str(found.reference.path),
        "delay_seconds": None if rate is None else found.delay,
        "delay_samples": found.samples,
        "rate": rate,
        "confidence": found.confidence if isfinite(found.confidence) else None,
    }


def describe_delay(found: DelayRecord) -> str:
    """Return a delay and how sure it is."""
    samples = f"{found.samples:.2f} samples"
    if abs(found.samples) < _NO_DELAY:
        samples, verb = "0.00 samples", "coincides with"
    else:
        verb = "lags" if found.samples > 0 else "leads"
    if found.signal.rate is not None and abs(found.samples) >= _NO_DELAY:
        sign = "-" if found.delay < 0 else ""
        samples = f"{sign}{format_seconds(abs(found.delay))} ({samples})"
    said = f"{found.signal.path} {verb} {found.reference.path}"
    return _table([("delay", f"{samples}: {said}"), ("confidence", f"{found.confidence:.3g}")])


def _stored(target: Description) -> str:
    return f"{target.format} {target.encoding}" if target.kind == "audio" else target.encoding


def _shape(shape: tuple[int, ...]) -> str:
    return " x ".join(map(str, shape)) or "a single value"


def _rate(count: float) -> str:
    # Sizes are binary, as memory is bought; rates decimal, as disks and networks state theirs.
    for unit, scale in (("GB", 1e9), ("MB", 1e6), ("kB", 1e3)):
        if count >= scale:
            return f"{count / scale:.3g} {unit}/s"
    return f"{count:.0f} B/s"
