"""By how much time one recording lags another."""

from __future__ import annotations

from dataclasses import dataclass
from math import inf
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from sigconv.correlation.registration import estimate_delay
from sigconv.errors import OptionError, ShapeError
from sigconv.files.description import Description
from sigconv.files.formats import describe, load
from sigconv.files.settings import with_rate

__all__ = ["DelayRecord", "delay_of_files"]

Array = npt.NDArray[Any]


@dataclass(frozen=True, slots=True)
class DelayRecord:
    """What `delay_of_files` found.

    Attributes
    ----------
    signal, reference : Description
        The files.
    delay : float
        Positive where the signal lags the reference; in seconds, or in samples where the files
        tell no rate.
    confidence : float
        As in `sigconv.estimate_delay`.
    """

    signal: Description
    reference: Description
    delay: float
    confidence: float

    @property
    def samples(self) -> float:
        """The delay in samples of the files."""
        return self.delay if self.signal.rate is None else self.delay * self.signal.rate


def delay_of_files(
    signal: str | Path,
    reference: str | Path,
    *,
    max_delay: float | None = None,
    weighting: str | None = None,
    rate: float | None = None,
) -> DelayRecord:
    """Estimate by how much time the recording in one file lags that in another.

    Channels are averaged. Recordings start at the same instant.

    Parameters
    ----------
    signal, reference : path-like
        Audio files, or arrays of one axis.
    max_delay : float, optional
        The longest delay to look at, either way, in seconds.
    weighting : {None, "phat", "scot"}
        As in `sigconv.estimate_delay`.
    rate : float, optional
        Samples per second of arrays.

    Returns
    -------
    DelayRecord
        The delay in seconds; in samples where nothing tells the rate.

    Raises
    ------
    SourceError
        A file that is missing, truncated, corrupt or not what its name says.
    OptionError
        The rates differ, or `max_delay` is negative.
    """
    first, second = (_described(Path(path), rate) for path in (signal, reference))
    if first.rate != second.rate:
        raise OptionError(
            f"the rates differ: {_rate_of(first)}, {_rate_of(second)}. Convert one of them, or "
            "give the rate of arrays (rate=, --rate)."
        )
    lag = None
    if max_delay is not None:
        if first.rate is None:
            raise OptionError(
                "max_delay is a time, and these files tell no rate. Give one (rate=, --rate)."
            )
        if not 0 <= max_delay < inf:
            raise OptionError(f"max_delay is a time of 0 and more; got {max_delay!r}.")
        lag = round(max_delay * first.rate)
    fs = 1.0 if first.rate is None else first.rate
    found = estimate_delay(_mono(first), _mono(second), fs=fs, max_lag=lag, weighting=weighting)
    return DelayRecord(first, second, float(found.delay), float(found.confidence))


def _rate_of(about: Description) -> str:
    told = "tells none" if about.rate is None else f"has {about.rate:g} Hz"
    return f"{about.path} {told}"


def _described(path: Path, rate: float | None) -> Description:
    about = describe(path)
    if about.kind == "audio" or len(about.shape) == 1:
        return about if rate is None else with_rate(about, rate)
    raise ShapeError(
        f"{path} has {len(about.shape)} axes ({', '.join(about.axis_names)}). "
        "A delay is that of recordings, or of arrays of one axis."
    )


def _mono(about: Description) -> Array:
    samples = np.asarray(load(about))
    return samples if samples.ndim == 1 else samples.mean(axis=1)
