"""Audio that nobody knows the end of, convolved as it comes."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from sigconv.core.boundary import parse_boundary
from sigconv.core.dtypes import Array
from sigconv.files.job import PIPED_PIECE, Job
from sigconv.streaming import StreamConvolver, StreamMatrixConvolver, StreamPlan

__all__ = ["StreamedPieces"]


class StreamedPieces:
    """The results of a pipe, piece after piece, by a stream.

    Parameters
    ----------
    job : Job
        What is asked for.
    source : PipeSource
        The samples, of shape (frames, channels).
    shape : tuple of int
        That of the results, for as many frames as are planned for.
    """

    def __init__(self, job: Job, source: Any, shape: tuple[int, ...]) -> None:
        self.shape, self._job, self._source = shape, job, source
        self._piece = job.piece or PIPED_PIECE
        self._stream = _stream_of(job, source.shape[1])
        self._stream.prepare((self._piece, source.shape[1]), job.dtype)

    @property
    def plan(self) -> StreamPlan:
        """How the stream is computed."""
        return self._stream.plan

    @property
    def piece_bytes(self) -> int:
        """The bytes of the samples of one piece, in and out."""
        channels = max(self._source.shape[1], self.shape[1])
        return int(self._piece * channels * self._job.dtype.itemsize)

    def __iter__(self) -> Iterator[Array]:
        center = None if self._job.center is None else self._job.center[0]
        return self._stream.run(self._chunks(), self._job.mode, center)

    def _chunks(self) -> Iterator[Array]:
        start, source = 0, self._source
        while True:
            size = source.reaches(start + self._piece, start)
            stop = start + self._piece if size is None else min(size, start + self._piece)
            yield source[slice(start, stop), slice(0, source.shape[1])]
            if stop == size:
                return
            start = stop


def _stream_of(job: Job, channels: int) -> StreamConvolver | StreamMatrixConvolver:
    """Return the stream of a job, whose kernel may have channels of its own."""
    boundary, taps = job.keywords["boundary"], job.taps
    edges = parse_boundary(boundary, 1, job.settings.fill_value)
    # A mirror before the first sample shows as many of them as it has taps; it costs no results.
    mirrored = {"symmetric": len(taps) - 2, "reflect": len(taps) - 1}
    keywords: dict[str, Any] = {
        "axis": 0,
        "latency": max(0, mirrored.get(edges[0][0].rule, 0)),
        "dtype": job.dtype,
        "boundary": boundary,
        "fill_value": job.settings.fill_value,
        "workers": job.settings.workers,
    }
    if taps.ndim == 2 and taps.shape[1] == 1:
        taps = taps[:, 0]
    if taps.ndim == 1:
        return StreamConvolver(taps, **keywords)
    outputs = taps.shape[1]
    kernels = np.zeros((outputs, channels, len(taps)), taps.dtype)
    for output in range(outputs):
        kernels[output, output if channels > 1 else 0] = taps[:, output]
    return StreamMatrixConvolver(kernels, **keywords)
