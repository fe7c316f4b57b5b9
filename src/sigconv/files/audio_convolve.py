"""Convolve audio piece by piece, from a file or a pipe to a file or a pipe."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, nullcontext
from dataclasses import replace
from math import prod
from pathlib import Path
from typing import Any

import numpy.typing as npt

from sigconv.convolution import convolve
from sigconv.engines import Plan
from sigconv.errors import BoundaryError, OptionError
from sigconv.files.audio import check_working, target_description
from sigconv.files.audio_streams import AudioSink, AudioSource
from sigconv.files.description import Description
from sigconv.files.encodings import stored_dtype, wanted_subtype
from sigconv.files.headers import narrow_to_wav
from sigconv.files.job import HELD_PIECES, Job
from sigconv.files.piped_audio import StreamedPieces
from sigconv.files.pipes import PipeFile, PipeSource, outgoing
from sigconv.pieces import Pieces, convolve_pieces
from sigconv.streaming import StreamPlan

__all__ = ["check_audio", "convolve_audio"]

Array = npt.NDArray[Any]
Progress = Callable[[int, int | None], None]


def check_audio(
    job: Job, source: Any
) -> tuple[Description, Plan | StreamPlan, Pieces | StreamedPieces | None]:
    """Check all that can be checked before audio is read; return the target and the way there.

    `source` has at least a shape and a dtype. Without pieces all samples are convolved at once.
    """
    check_working(job.dtype, job.target)
    settings = job.settings
    is_streamed = job.source.axes == (0,) and settings.nan_policy == "propagate"
    pieces: Pieces | StreamedPieces | None = None
    if is_streamed:
        pieces = cut = _pieces_of(job, source)
        chosen = cut.plan
    else:
        chosen = job.plan_of(job.source.shape)
    shape = chosen.problem.result_shape
    held = (prod(job.source.shape) + prod(shape)) * job.dtype.itemsize
    if job.incoming is not None:
        _check_unending(job, chosen, is_streamed=is_streamed)
    followed: Plan | StreamPlan = chosen
    if job.incoming is not None and job.settings.method == "auto":
        pieces = StreamedPieces(job, source, shape)
        followed = pieces.plan
    if pieces is not None:
        held = HELD_PIECES * pieces.piece_bytes
    job.check_budget("samples, results, scratch", held, followed)
    return _target_of(job, shape), followed, pieces


def _check_unending(job: Job, chosen: Plan, *, is_streamed: bool) -> None:
    if not is_streamed:
        raise OptionError(
            f"{job.source.path}: what comes through a pipe is convolved along time, with "
            f"nan_policy propagate; got axes {', '.join(map(str, job.source.axes))} and "
            f"nan_policy {job.settings.nan_policy}. Write it to a file first."
        )
    if any(edge.rule == "wrap" for axis in chosen.problem.axes for edge in axis.edges):
        raise BoundaryError(
            f"{job.source.path}: the end of a pipe is not known at its beginning, to which "
            "boundary 'wrap' refers. Write it to a file first, or use another boundary."
        )


def _pieces_of(job: Job, source: Any) -> Pieces:
    center = None if job.center is None else job.center[0]
    keywords = job.keywords | {"method": job.settings.method, "workers": job.settings.workers}
    if job.piece is not None:
        keywords["piece"] = job.piece
    return convolve_pieces(source, job.taps, job.mode, axis=0, **keywords | {"center": center})


def _target_of(job: Job, shape: tuple[int, ...]) -> Description:
    """Return what the target will be; of a length that is not known, RF64 in place of WAV."""
    frames, channels = shape
    if job.outgoing is not None:
        stream = outgoing(job.source, job.settings, job.dtype)
        return replace(
            job.source,
            path=job.target,
            format=stream.container,
            encoding=stream.subtype,
            shape=(frames, channels),
            dtype=stored_dtype(stream.subtype),
        )
    if job.is_endless:
        frames = 0
    subtype = job.settings.subtype
    about = target_description(job.source, job.target, (frames, channels), job.dtype, subtype)
    widened = job.is_endless and about.format in ("WAV", "WAVEX")
    return replace(about, format="RF64") if widened else about


def convolve_audio(job: Job, temporary: Path | None, progress: Progress) -> dict[str, Any]:
    """Convolve, and return what is to be recorded."""
    with _opened(job) as source:
        target, chosen, pieces = check_audio(job, source)
        results = _whole(job, source, chosen) if pieces is None else iter(pieces)
        total = None if job.is_endless else prod(target.shape) * job.dtype.itemsize
        frames = done = 0
        with AudioSink(target, _sink_of(job, temporary), dither=job.settings.dither) as sink:
            for piece in results:
                sink.write(piece)
                frames, done = frames + len(piece), done + piece.nbytes
                progress(done, total)
        heard = job.source
        if job.is_endless:
            heard = replace(heard, shape=(source.frames, heard.shape[1]))
    target = replace(target, shape=(frames, target.shape[1]))
    if job.is_endless and temporary is not None and target.format == "RF64":
        narrowed = target.path.suffix.lower() == ".wav" and narrow_to_wav(temporary)
        target = replace(target, format="WAVEX") if narrowed else target
    levels = sink.levels
    return {
        "source": heard,
        "target": target,
        "method": chosen.method,
        "plan": chosen,
        "clipped": levels.clipped,
        "peak": levels.peak,
        "safe_gain_db": levels.safe_gain_db,
        "is_converted": job.settings.subtype is None
        and job.settings.raw is None
        and target.encoding != wanted_subtype(job.source.encoding, job.dtype),
        "digests": job.digests,
    }


def _opened(job: Job) -> AbstractContextManager[Any]:
    if job.incoming is None:
        return AudioSource(job.source, job.dtype)
    return nullcontext(PipeSource(*job.incoming, job.dtype))


def _sink_of(job: Job, temporary: Path | None) -> Path | PipeFile:
    if job.outgoing is None:
        assert temporary is not None
        return temporary
    return PipeFile(job.outgoing, outgoing(job.source, job.settings, job.dtype))


def _whole(job: Job, source: Any, chosen: Plan | StreamPlan) -> Iterator[Array]:
    """Yield the results of all samples at once."""
    assert isinstance(chosen, Plan)
    yield convolve(source[:, :], job.taps, job.mode, **job.named(chosen))
