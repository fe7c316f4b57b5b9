"""Numbers with a unit that suits them."""

from __future__ import annotations

__all__ = ["format_bytes", "format_seconds"]


def format_seconds(seconds: float) -> str:
    """Return a duration with a unit that suits it.

    >>> format_seconds(0.00123), format_seconds(12)
    ('1.23 ms', '12 s')
    """
    for unit, scale in (("s", 1.0), ("ms", 1e-3)):
        if seconds >= scale:
            return f"{seconds / scale:.3g} {unit}"
    return f"{seconds / 1e-6:.3g} us"


def format_bytes(count: float) -> str:
    """Return a size with a binary unit.

    >>> format_bytes(512), format_bytes(3 << 20)
    ('512 B', '3 MiB')
    """
    for unit, scale in (("GiB", 1 << 30), ("MiB", 1 << 20), ("KiB", 1 << 10)):
        if count >= scale:
            return f"{count / scale:.3g} {unit}"
    return f"{count:.0f} B"
