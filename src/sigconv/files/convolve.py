"""Convolve file to file: what a recording, an array, a volume or an image becomes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from math import prod
from pathlib import Path
from time import perf_counter
from typing import Any

import numpy as np
import numpy.typing as npt

from sigconv.convolution import convolve, plan
from sigconv.core.shapes import check_mode
from sigconv.engines import Plan
from sigconv.files.atomic import replacing
from sigconv.files.description import Description, Layout
from sigconv.files.formats import describe, load
from sigconv.files.job import Job, Kernel, settle, taps_for
from sigconv.files.pipes import Pipe
from sigconv.files.record import Preview, Record
from sigconv.files.settings import Settings, adjusted, result_dtype

__all__ = ["convolve_file", "plan_file", "plan_shape", "preview_file"]

Array = npt.NDArray[Any]
Progress = Callable[[int, int | None], None]


def convolve_file(
    source: str | Path | Pipe,
    kernel: Kernel,
    target: str | Path | Pipe,
    settings: Settings | None = None,
    *,
    force: bool = False,
    progress: Progress | None = None,
    **changes: Any,
) -> Record:
    """Convolve the samples of a file and write the result to another file.

    Audio is convolved along time, channel by channel, in constant memory; volumes and images
    along their spatial axes; arrays along every axis. The header and the affine of a volume are
    kept. The target is written beside its final place and renamed when it is whole.

    Parameters
    ----------
    source : path-like or Pipe
        A file whose suffix is in `sigconv.files.FORMATS`; or audio from a pipe, in WAV or AU, or as
        ``raw`` says.
    kernel : str, path-like or array_like
        As in `load_kernel`: a file, a JSON array, a specification, or the taps.
    target : path-like or Pipe
        The output; its suffix names the format. A pipe gets a stream of WAV, or of AU if the source
        is AU, or samples without a header as ``raw`` says.
    settings : Settings, optional
        How to convolve.
    force : bool
        Whether an existing target may be replaced.
    progress : callable, optional
        Called with the bytes of results done and their total, None where that is not known, as
        blocks are finished.
    **changes
        Single settings by name, as ``mode="same"`` or ``operation="correlate"``.

    Returns
    -------
    Record
        What was done, how fast, and how many samples were clipped.

    Raises
    ------
    SourceError
        A file that is missing, truncated, corrupt or not what its name says.
    OutputExistsError
        The target exists, or is an input.
    BudgetError
        It would take more memory than ``max_memory``.
    SigconvError
        Whatever `sigconv.convolve` refuses.
    """
    job = settle(source, kernel, target, Settings.of(settings, changes), force=force)
    began = perf_counter()
    if job.outgoing is not None:
        try:
            outcome = _convolve_audio(job, None, progress or _ignore)
        except BaseException as error:
            if job.outgoing.is_begun:
                error.add_note("the output was written in part")
            raise
    else:
        run = _convolve_audio if job.form.kind == "audio" else _convolve_array
        with replacing(job.target, inputs=job.inputs, force=force) as temporary:
            outcome = run(job, temporary, progress or _ignore)
    return Record(
        kernel_shape=job.taps.shape,
        mode=job.mode,
        gain_db=float(job.settings.gain_db),
        seconds=perf_counter() - began,
        **outcome,
    )


def preview_file(
    source: str | Path | Pipe,
    kernel: Kernel,
    target: str | Path | Pipe,
    settings: Settings | None = None,
    *,
    force: bool = False,
    **changes: Any,
) -> Preview:
    """Check all that `convolve_file` checks before it begins, and return what it would do.

    The parameters and the errors are those of `convolve_file`; nothing is written.
    """
    job = settle(source, kernel, target, Settings.of(settings, changes), force=force)
    if job.form.kind == "audio":
        from sigconv.files.audio_convolve import check_audio

        about, chosen = check_audio(job, _Unread(job.source.shape, job.dtype))[:2]
    else:
        about, chosen, _ = _checked_array(job, job.source.shape)
    return Preview(job.source, about, job.taps.shape, job.mode, chosen)


def _convolve_audio(job: Job, temporary: Path | None, progress: Progress) -> dict[str, Any]:
    # soundfile is imported when there is audio.
    from sigconv.files.audio_convolve import convolve_audio

    return convolve_audio(job, temporary, progress)


def _ignore(done: int, total: int | None) -> None:
    pass


@dataclass(frozen=True, slots=True)
class _Unread:
    """The shape and the dtype of samples that are not read."""

    shape: tuple[int, ...]
    dtype: np.dtype[Any]


def _target_of(job: Job, shape: tuple[int, ...]) -> Description:
    """Return what the target will be."""
    return Description(
        path=job.target,
        kind=job.form.kind,
        format=job.form.name,
        encoding=job.dtype.name,
        shape=shape,
        dtype=job.dtype,
        axes=job.source.axes,
        axis_names=job.source.axis_names,
        spacing=job.source.spacing,
    )


def _checked_array(job: Job, samples: Array | tuple[int, ...]) -> tuple[Description, Plan, Layout]:
    """Check all that can be checked of arrays; return the target and the way there."""
    chosen = job.plan_of(samples)
    layout = Layout(chosen.problem.result_shape, job.dtype, job.origin, job.source)
    if job.form.kind == "image":
        from sigconv.files.images import check_layout

        check_layout(layout)
    # Results in .npy files are mapped, others are made in memory.
    made = 0 if job.form.maps else prod(layout.shape) * job.dtype.itemsize
    job.check_budget("samples, results, scratch", job.source_bytes + made, chosen)
    return _target_of(job, layout.shape), chosen, layout


def _convolve_array(job: Job, temporary: Path, progress: Progress) -> dict[str, Any]:
    job.check_budget("samples", job.source_bytes)
    samples = load(job.source, job.dtype, fill=job.settings.missing_chunks == "fill")
    about, chosen, layout = _checked_array(job, samples)
    with job.form.codec.create(temporary, layout) as out:
        convolve(samples, job.taps, job.mode, out=out, **job.named(chosen))
        progress(out.nbytes, out.nbytes)
    return {"source": job.source, "target": about, "method": chosen.method, "plan": chosen}


def plan_file(
    source: str | Path,
    kernel: Kernel | tuple[int, ...],
    settings: Settings | None = None,
    **changes: Any,
) -> Plan:
    """Return the plan that convolving the samples of a file would follow.

    Parameters
    ----------
    source : path-like
        A file; only its header is read.
    kernel : str, path-like, array_like or tuple of int
        As in `load_kernel`, or the shape of a kernel.
    settings, **changes
        As in `convolve_file`.

    Returns
    -------
    Plan
        ``print()`` shows it as a table.
    """
    return _plan(describe(source), kernel, Settings.of(settings, changes))


def plan_shape(
    shape: tuple[int, ...],
    kernel: Kernel | tuple[int, ...],
    settings: Settings | None = None,
    **changes: Any,
) -> Plan:
    """Return the plan that convolving a float64 array of `shape` would follow.

    Parameters
    ----------
    shape : tuple of int
        The shape of the array.
    kernel, settings, **changes
        As in `plan_file`.
    """
    name = "x".join(map(str, shape))
    stored = np.dtype(np.float64)
    axes = tuple(range(len(shape)))
    names = tuple(f"axis {axis}" for axis in axes)
    about = Description(Path(name), "array", "shape", stored.name, shape, stored, axes, names)
    return _plan(about, kernel, Settings.of(settings, changes))


def _plan(about: Description, kernel: Kernel | tuple[int, ...], settings: Settings) -> Plan:
    about = adjusted(about, settings)
    dtype = result_dtype(about, settings.dtype)
    mode = check_mode(settings.mode or about.default_mode)
    taps, center = kernel, settings.center
    if not isinstance(kernel, tuple):
        taps, center = taps_for(about, kernel, mode, dtype, settings)
    return plan(
        about.shape,
        taps,
        mode,
        axes=about.axes or None,
        boundary=settings.edges(len(about.axes)),
        fill_value=settings.fill_value,
        center=center,
        method=settings.method,
        nan_policy=settings.nan_policy,
        dtype=dtype,
    )
