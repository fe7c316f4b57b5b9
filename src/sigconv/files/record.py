"""What was done from file to file, and what would be."""

from __future__ import annotations

from dataclasses import dataclass, field

from sigconv.engines import Plan
from sigconv.files.description import Description
from sigconv.streaming import StreamPlan

__all__ = ["Preview", "Record"]


@dataclass(frozen=True, slots=True)
class Record:
    """What `convolve_file` did.

    Attributes
    ----------
    source, target : Description
        The files.
    kernel_shape : tuple of int
        The taps.
    mode, method : str
        The output size, and the engine that ran.
    plan : Plan or StreamPlan
        The plan that was followed; ``str(plan)`` is a table.
    seconds : float
        From the first sample read to the renamed output; the kernel is made before that.
    clipped : int
        Samples beyond what the target stores, cut off at full scale.
    peak : float or None
        The loudest sample of audio, 1 being full scale.
    safe_gain_db : float
        The largest gain, in tenths of a dB, that keeps the peak within full scale, beyond
    gain_db : float
        the gain that was asked for.
    is_converted : bool
        Whether samples are stored otherwise than the source's, which nobody asked for: the format
        does not take them.
    digests : dict
        The SHA-256 of what went through pipes, by their names.
    """

    source: Description
    target: Description
    kernel_shape: tuple[int, ...]
    mode: str
    method: str
    plan: Plan | StreamPlan
    seconds: float
    clipped: int = 0
    peak: float | None = None
    safe_gain_db: float = 0.0
    gain_db: float = 0.0
    is_converted: bool = False
    digests: dict[str, str] = field(default_factory=dict)

    @property
    def times_real_time(self) -> float | None:
        """How many seconds of audio went through in a second."""
        return None if self.source.seconds is None else self.source.seconds / self.seconds

    @property
    def bytes_per_second(self) -> float:
        """The source's samples in the working dtype, by the time taken."""
        return self.source.nbytes / self.seconds


@dataclass(frozen=True, slots=True)
class Preview:
    """What `convolve_file` would do: the target that it would write, by which plan."""

    source: Description
    target: Description
    kernel_shape: tuple[int, ...]
    mode: str
    plan: Plan | StreamPlan
