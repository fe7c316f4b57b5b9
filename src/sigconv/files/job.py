"""Everything that is settled before an output is begun: the source, the taps, and the target."""

from __future__ import annotations

from dataclasses import dataclass, replace
from math import isfinite, prod
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from sigconv.convolution import plan
from sigconv.core.shapes import check_mode, default_center, mode_range
from sigconv.core.units import format_bytes
from sigconv.engines import Plan
from sigconv.engines.workers import resolve_workers
from sigconv.errors import BudgetError, NonFiniteError, OptionError, ShapeError
from sigconv.files.atomic import check_target
from sigconv.files.description import Description, DType
from sigconv.files.formats import (
    FORMATS,
    Format,
    check_stored,
    describe,
    format_of,
    target_format,
)
from sigconv.files.kernel import kernel_path, load_kernel
from sigconv.files.locations import full_suffix
from sigconv.files.pipes import Pipe, describe_pipe
from sigconv.files.settings import Settings, adjusted, result_dtype
from sigconv.files.stream_headers import Stream
from sigconv.pieces import USUAL_PIECE
from sigconv.streaming import StreamPlan

__all__ = ["HELD_PIECES", "Job", "settle", "taps_for"]

PIPED_PIECE = 1 << 15
"""Results of a piece of what comes through a pipe, so that they go on soon."""

HELD_PIECES = 6
"""How many pieces of audio are in memory: read and read ahead, joined, computed, and encoded."""

Array = npt.NDArray[Any]
Kernel = str | Path | npt.ArrayLike


@dataclass(frozen=True, slots=True)
class Job:
    """One convolution from file to file, as keywords of `sigconv.convolve`.

    Attributes
    ----------
    source : Description
        The input, with the axes, the rate and the spacing that the settings give it.
    target : Path
        The output.
    inputs : tuple of Path
        Every file that is read.
    form : Format
        The format of the target.
    taps : ndarray
        The kernel of a true convolution: a template is conjugated and reversed.
    mode : str
        The output size.
    center : tuple of int or None
        For each convolved axis, the tap that lies on the output sample.
    dtype : numpy.dtype
        That of computation and result.
    settings : Settings
        All others.
    incoming : (Pipe, Stream), optional
        Where the source comes from, behind its header, if it is a pipe.
    outgoing : Pipe, optional
        Where the results go, if that is a pipe.
    """

    source: Description
    target: Path
    inputs: tuple[Path, ...]
    form: Format
    taps: Array
    mode: str
    center: tuple[int, ...] | None
    dtype: DType
    settings: Settings
    incoming: tuple[Pipe, Stream] | None = None
    outgoing: Pipe | None = None

    @property
    def is_endless(self) -> bool:
        """Whether nobody knows the length of the source."""
        return self.incoming is not None and self.incoming[1].promised is None

    @property
    def digests(self) -> dict[str, str]:
        """The SHA-256 of what has gone through pipes so far."""
        pipes = [self.incoming[0]] if self.incoming else []
        pipes += [self.outgoing] if self.outgoing else []
        return {pipe.name: pipe.digest.hexdigest() for pipe in pipes}

    def plan_of(self, source: Array | tuple[int, ...]) -> Plan:
        """Return the plan to convolve all samples at once."""
        keywords = self.named(self.settings.method)
        del keywords["workers"]
        return plan(source, self.taps, self.mode, **keywords)

    @property
    def keywords(self) -> dict[str, Any]:
        """The keywords that the plan depends on, beside axes and method."""
        settings = self.settings
        return {
            "boundary": settings.edges(len(self.source.axes)),
            "fill_value": settings.fill_value,
            "center": self.center,
            "dtype": self.dtype,
        }

    @property
    def counts(self) -> tuple[int, ...]:
        """The number of taps on each convolved axis."""
        return _counts(self.taps, self.source)

    @property
    def origin(self) -> tuple[int, ...]:
        """For each axis, the index of the source on which the first result lies.

        The full position n lies on the source sample n - c, c being the centre of ``same``.
        """
        origin = [0] * len(self.source.shape)
        if self.mode == "same":
            return tuple(origin)
        centers = _centers(self.settings.operation, None, self.counts)
        for axis, count, c in zip(self.source.axes, self.counts, centers, strict=True):
            origin[axis] = mode_range(self.mode, self.source.shape[axis], count)[0] - c
        return tuple(origin)

    @property
    def source_bytes(self) -> int:
        """The bytes that reading all samples takes: none where they are mapped as they are."""
        source = self.source
        is_mapped = source.format == "npy" or full_suffix(source.path) == ".nii"
        held = 0 if is_mapped else prod(source.shape) * source.dtype.itemsize
        scaled = 0 if source.scaling is None else prod(source.shape) * self.dtype.itemsize
        return held + scaled + source.chunk_bytes

    @property
    def piece(self) -> int | None:
        """The results of a piece of audio for which the memory allows, None for the usual ones."""
        most, usual = self.settings.max_memory, PIPED_PIECE if self.incoming else None
        if most is None:
            return usual
        frame = self.source.shape[1] * self.dtype.itemsize * HELD_PIECES
        return min(usual or USUAL_PIECE, max(1, most // (2 * frame)))

    def named(self, method: str | Plan) -> dict[str, Any]:
        """Return all keywords of `sigconv.convolve`, for one method."""
        settings = self.settings
        return self.keywords | {
            "axes": self.source.axes or None,
            "method": method,
            "nan_policy": settings.nan_policy,
            "workers": settings.workers,
        }

    def check_budget(self, what: str, nbytes: int, plan: Plan | StreamPlan | None = None) -> None:
        """Raise BudgetError where samples and scratch take more than is allowed."""
        most = self.settings.max_memory
        if most is None:
            return
        if plan is not None:
            shared = resolve_workers(self.settings.workers) if isinstance(plan, Plan) else 1
            nbytes += plan.cost.nbytes * shared
        nbytes += self.taps.nbytes
        if nbytes > most:
            raise BudgetError(
                f"{self.source.path}: {what} and the kernel need {format_bytes(nbytes)}, more than "
                f"the {format_bytes(most)} that are allowed. Allow more, with --max-memory "
                "(max_memory=), or convolve a part."
            )


def settle(
    source: str | Path | Pipe,
    kernel: Kernel,
    target: str | Path | Pipe,
    settings: Settings,
    *,
    force: bool,
) -> Job:
    """Check all that can be checked before the output is begun, and return what is to be done."""
    _check_raw(source, target, settings)
    form = _form_of(source, target)
    outgoing = target if isinstance(target, Pipe) else None
    target = Path(target.name if isinstance(target, Pipe) else target)
    files = (None if isinstance(source, Pipe) else Path(source), kernel_path(kernel))
    inputs = tuple(path for path in files if path is not None)
    if outgoing is None:
        check_target(target, inputs=inputs, force=force)
    if form.kind != "audio" and (settings.subtype is not None or settings.dither):
        raise OptionError(
            f"{target}: subtype and dither are for audio; {form.name} files have the dtype of the "
            "results. Leave them out."
        )
    incoming = None
    if isinstance(source, Pipe):
        about, stream = describe_pipe(source, settings)
        incoming = source, stream
    else:
        about = describe(source)
        check_stored(about, fill=settings.missing_chunks == "fill")
    about = adjusted(about, settings)
    dtype = result_dtype(about, settings.dtype)
    mode = check_mode(settings.mode or about.default_mode)
    taps, center = taps_for(about, kernel, mode, dtype, settings)
    ends = about, target, inputs, form
    return Job(*ends, taps, mode, center, dtype, settings, incoming, outgoing)


def _form_of(source: str | Path | Pipe, target: str | Path | Pipe) -> Format:
    """Return the format of the target; what goes through a pipe is audio."""
    audio = FORMATS[0]
    own = audio if isinstance(source, Pipe) else format_of(Path(source))
    if not isinstance(target, Pipe):
        return target_format(Path(target), own.kind)
    if own is not audio:
        raise OptionError(f"{source}: only audio goes to a pipe. Name an output file.")
    return audio


def _check_raw(source: object, target: object, settings: Settings) -> None:
    pipes = [isinstance(end, Pipe) for end in (source, target)]
    if settings.raw is not None and not any(pipes):
        raise OptionError(
            f"raw={settings.raw!r} tells what a pipe carries, and neither input nor output is one. "
            "Leave it out, or name the pipe by -."
        )
    if settings.channels is not None and not (settings.raw and pipes[0]):
        raise OptionError(
            f"channels={settings.channels} is for raw samples from a pipe. Leave it out."
        )


def taps_for(
    about: Description, kernel: Kernel, mode: str, dtype: DType, settings: Settings
) -> tuple[Array, tuple[int, ...] | None]:
    """Return the taps of a true convolution, and which of them lies on the output sample."""
    # Across channels there is no time.
    timed = about.kind != "audio" or about.axes == (0,)
    known = about if timed else replace(about, rate=None)
    taps = load_kernel(
        kernel,
        known,
        dtype,
        resample=settings.resample,
        max_memory=settings.max_memory,
        fill=settings.missing_chunks == "fill",
    )
    axes = tuple(range(taps.ndim)) if taps.ndim == len(about.axes) else about.axes
    taps = _amplified(_normalised(taps, settings.normalize, axes), settings.gain_db)
    if settings.operation == "correlate":
        taps = np.conj(np.flip(taps, axes))
    if mode == "same":
        return taps, _centers(settings.operation, settings.center, _counts(taps, about))
    center = settings.center
    return taps, (center,) * len(axes) if isinstance(center, int) else center


def _counts(taps: Array, about: Description) -> tuple[int, ...]:
    if taps.ndim == len(about.axes):
        return taps.shape
    return tuple(taps.shape[axis] for axis in about.axes)


def _centers(
    operation: str, center: int | tuple[int, ...] | None, counts: tuple[int, ...]
) -> tuple[int, ...]:
    """Return the centres of a true convolution: those of a template are counted from its end."""
    if center is None:
        given = tuple(k // 2 if operation == "correlate" else default_center(k) for k in counts)
    else:
        given = (center,) * len(counts) if isinstance(center, int) else tuple(center)
    if len(given) != len(counts):
        raise ShapeError(
            f"center is one integer, or one for each of the {len(counts)} convolved axes; got "
            f"{len(given)}."
        )
    for c, k in zip(given, counts, strict=True):
        if not 0 <= c < k:
            raise ShapeError(f"center is a tap, 0 to {k - 1}; got {c} for {k} taps.")
    if operation == "correlate":
        return tuple(k - 1 - c for c, k in zip(given, counts, strict=True))
    return given


def _normalised(taps: Array, how: str, axes: tuple[int, ...]) -> Array:
    """Return taps whose largest magnitude, or sum of squares over `axes`, is 1."""
    if how == "none":
        return taps
    if taps.dtype.kind not in "fc":
        raise OptionError(
            f"normalize={how!r} needs a floating dtype; got {taps.dtype}. Ask for dtype float64."
        )
    wide = taps.astype(np.result_type(taps, np.float64))
    largest = float(np.abs(wide).max())
    if not isfinite(largest):
        raise NonFiniteError(f"normalize={how!r} needs a finite kernel; its largest is {largest}.")
    if not largest:
        raise OptionError(f"normalize={how!r} needs a kernel that is not zero everywhere.")
    # In two steps, since 1/largest may overflow.
    wide /= largest
    if how == "energy":
        # Of kernels side by side the loudest counts, so that they keep their balance.
        wide /= float(np.sqrt(np.square(np.abs(wide)).sum(axis=axes).max()))
    scaled: Array = wide.astype(taps.dtype)
    return scaled


def _amplified(taps: Array, gain_db: float) -> Array:
    try:
        decibels = float(gain_db)
    except (TypeError, ValueError):
        decibels = float("nan")
    if not isfinite(decibels):
        raise OptionError(
            f"gain_db must be a finite number of decibels; got {gain_db!r}. Give for example -6."
        )
    if not decibels:
        return taps
    if taps.dtype.kind not in "fc":
        raise OptionError(
            f"gain_db needs a floating dtype; got gain_db={gain_db:g} with dtype {taps.dtype}. "
            "Ask for dtype float64, or multiply the result."
        )
    with np.errstate(over="ignore", invalid="ignore"):
        amplified: Array = taps * np.power(10.0, decibels / 20).astype(taps.dtype)
    if np.isfinite(taps).all() and not np.isfinite(amplified).all():
        raise OptionError(
            f"gain_db must keep the kernel within {taps.dtype}; got {gain_db:g}. "
            "Give a smaller gain."
        )
    if taps.any() and not amplified.any():
        raise OptionError(
            f"gain_db={gain_db:g} leaves nothing of the kernel in {taps.dtype}. Give a larger gain."
        )
    return amplified
