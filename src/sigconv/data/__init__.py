"""Two real recordings under CC0 that the demo and the examples run on; see README.md here."""

from __future__ import annotations

from pathlib import Path

__all__ = ["path"]


def path(name: str) -> Path:
    """Return where the recording `name` lies.

    Parameters
    ----------
    name : {"guit_em9.flac", "perc_door.flac"}
        A file of this directory.

    Examples
    --------
    >>> path("perc_door.flac").name
    'perc_door.flac'
    """
    return Path(__file__).with_name(name)
