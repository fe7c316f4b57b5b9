"""What the command says: a file's description, and what was done to it."""

from __future__ import annotations

from math import prod

from sigconv.core.units import format_bytes
from sigconv.files import Description, Record

__all__ = ["clip_warning", "describe_file", "speed", "summarise"]


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
    return "\n".join(f"{name:<12} {value}" for name, value in facts)


def summarise(record: Record) -> str:
    """Return the line that tells what was written and how fast."""
    source, target = record.source, record.target
    stored = f"{target.format} {target.encoding}" if target.kind == "audio" else target.encoding
    return (
        f"{target.path}: {_shape(target.shape)} {stored} from {_shape(source.shape)} * "
        f"{_shape(record.kernel_shape)}, mode {record.mode}, in {record.seconds:.2f} s "
        f"({speed(record)}; {record.method})"
    )


def speed(record: Record) -> str:
    """Return how fast it went: in MB/s, and for audio in multiples of real time."""
    rate = _rate(record.bytes_per_second)
    if record.times_real_time is None:
        return rate
    return f"{record.times_real_time:.0f} times real time, {rate}"


def clip_warning(record: Record) -> str:
    """Return the line that tells how much was clipped and the gain that avoids it."""
    total = prod(record.target.shape)
    factor = 10 ** (record.safe_gain_db / 20)
    return (
        f"sigconv: warning: {record.clipped} of {total} samples of {record.target.path} were "
        f"clipped; a gain of {record.safe_gain_db:.1f} dB avoids it (multiply the kernel by "
        f"{factor:.4g})."
    )


def _shape(shape: tuple[int, ...]) -> str:
    return " x ".join(map(str, shape)) or "a single value"


def _rate(count: float) -> str:
    # Sizes are binary, as memory is bought; rates decimal, as disks and networks state theirs.
    for unit, scale in (("GB", 1e9), ("MB", 1e6), ("kB", 1e3)):
        if count >= scale:
            return f"{count / scale:.3g} {unit}/s"
    return f"{count:.0f} B/s"
