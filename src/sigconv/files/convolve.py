"""Convolve file to file: what a recording, an array, a volume or an image becomes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from math import isfinite
from pathlib import Path
from time import perf_counter
from typing import Any

import numpy as np
import numpy.typing as npt

from sigconv.convolution import convolve, plan
from sigconv.core.dtypes import as_dtype
from sigconv.core.shapes import check_mode, default_center, mode_range
from sigconv.engines import Plan
from sigconv.errors import DTypeError, OptionError
from sigconv.files.atomic import check_target, replacing
from sigconv.files.description import Description, DType, Layout
from sigconv.files.formats import Format, describe, format_of, load, target_format
from sigconv.files.kernel import kernel_path, load_kernel
from sigconv.pieces import convolve_pieces

__all__ = ["Record", "convolve_file", "plan_file", "plan_shape"]

Array = npt.NDArray[Any]
Kernel = str | Path | npt.ArrayLike
Progress = Callable[[int, int], None]


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
    plan : Plan
        The plan that was followed; ``str(plan)`` is a table.
    seconds : float
        From the first sample read to the renamed output; the kernel is made before that.
    clipped : int
        Samples beyond what the target stores, cut off at full scale.
    peak : float or None
        The loudest sample of audio, 1 being full scale.
    safe_gain_db : float
        The largest gain, in tenths of a dB, that keeps the peak within full scale.
    """

    source: Description
    target: Description
    kernel_shape: tuple[int, ...]
    mode: str
    method: str
    plan: Plan
    seconds: float
    clipped: int = 0
    peak: float | None = None
    safe_gain_db: float = 0.0

    @property
    def times_real_time(self) -> float | None:
        """How many seconds of audio went through in a second."""
        return None if self.source.seconds is None else self.source.seconds / self.seconds

    @property
    def bytes_per_second(self) -> float:
        """The source's samples in the working dtype, by the time taken."""
        return self.source.nbytes / self.seconds


@dataclass(frozen=True, slots=True)
class _Job:
    """Everything that is settled before the output is begun."""

    source: Description
    target: Path
    form: Format
    taps: Array
    mode: str
    dtype: DType
    keywords: dict[str, Any]
    progress: Progress


def convolve_file(
    source: str | Path,
    kernel: Kernel,
    target: str | Path,
    *,
    mode: str | None = None,
    boundary: Any = "zero",
    method: str = "auto",
    dtype: npt.DTypeLike | None = None,
    workers: int | None = None,
    gain_db: float = 0.0,
    force: bool = False,
    progress: Progress | None = None,
) -> Record:
    """Convolve the samples of a file and write the result to another file.

    Audio is convolved along time, channel by channel, in constant memory; volumes and images
    along their spatial axes; arrays along every axis. The header and the affine of a volume are
    kept. The target is written beside its final place and renamed when it is whole.

    Parameters
    ----------
    source : path-like
        A file whose suffix is in `sigconv.files.FORMATS`.
    kernel : str, path-like or array_like
        As in `load_kernel`: a file, a JSON array, a specification, or the taps.
    target : path-like
        The output; its suffix names the format.
    mode : {"full", "same", "valid"}, optional
        Default: ``full`` for audio, whose tail is heard; ``same`` for everything else.
    boundary, method, workers
        As in `sigconv.convolve`.
    dtype : dtype, optional
        The dtype of computation and result. Default: the source's precision, integers in float32.
    gain_db : float
        A gain that the kernel is multiplied by, in decibels.
    force : bool
        Whether an existing target may be replaced.
    progress : callable, optional
        Called with the bytes of results done and their total, as blocks are finished.

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
    SigconvError
        Whatever `sigconv.convolve` refuses.
    """
    source, target = Path(source), Path(target)
    form = target_format(target, format_of(source).kind)
    inputs = tuple(path for path in (source, kernel_path(kernel)) if path is not None)
    check_target(target, inputs=inputs, force=force)
    about = describe(source)
    result_dtype = _result_dtype(about, dtype)
    job = _Job(
        source=about,
        target=target,
        form=form,
        taps=_amplified(load_kernel(kernel, about, result_dtype), gain_db),
        mode=check_mode(mode or about.default_mode),
        dtype=result_dtype,
        keywords={"boundary": boundary, "method": method, "workers": workers},
        progress=progress or _ignore,
    )
    began = perf_counter()
    run = _convolve_audio if form.kind == "audio" else _convolve_array
    with replacing(target, inputs=inputs, force=force) as temporary:
        outcome = run(job, temporary)
    return Record(
        source=about,
        kernel_shape=job.taps.shape,
        mode=job.mode,
        seconds=perf_counter() - began,
        **outcome,
    )


def _result_dtype(about: Description, wanted: npt.DTypeLike | None) -> DType:
    if wanted is None:
        return about.working
    dtype = as_dtype(wanted)
    if dtype.kind not in "biufc":
        raise DTypeError(f"dtype must be a number type; got {dtype}. Ask for float32 or float64.")
    return dtype


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
    return amplified


def _ignore(done: int, total: int) -> None:
    pass


def _convolve_audio(job: _Job, temporary: Path) -> dict[str, Any]:
    from sigconv.files.audio import check_working, target_description
    from sigconv.files.audio_streams import AudioSink, AudioSource

    check_working(job.dtype, job.target)
    with AudioSource(job.source, job.dtype) as source:
        pieces = convolve_pieces(source, job.taps, job.mode, axis=0, **job.keywords)
        frames, channels = pieces.shape
        target = target_description(job.source, job.target, (frames, channels), job.dtype)
        done, total = 0, frames * channels * job.dtype.itemsize
        with AudioSink(target, temporary) as sink:
            for piece in pieces:
                sink.write(piece)
                done += piece.nbytes
                job.progress(done, total)
    levels = sink.levels
    return {
        "target": target,
        "method": pieces.plan.method,
        "plan": pieces.plan,
        "clipped": levels.clipped,
        "peak": levels.peak,
        "safe_gain_db": levels.safe_gain_db,
    }


def _convolve_array(job: _Job, temporary: Path) -> dict[str, Any]:
    samples = load(job.source, job.dtype)
    axes = job.source.axes or None
    method, workers = (job.keywords[name] for name in ("method", "workers"))
    keywords = {"axes": axes, "dtype": job.dtype, "boundary": job.keywords["boundary"]}
    chosen = plan(samples, job.taps, job.mode, method=method, **keywords)
    layout = Layout(chosen.problem.result_shape, job.dtype, _origin(job), job.source)
    with job.form.codec.create(temporary, layout) as out:
        convolve(samples, job.taps, job.mode, method=chosen, workers=workers, out=out, **keywords)
        job.progress(out.nbytes, out.nbytes)
    target = Description(
        path=job.target,
        kind=job.form.kind,
        format=job.form.name,
        encoding=job.dtype.name,
        shape=layout.shape,
        dtype=job.dtype,
        axes=job.source.axes,
        axis_names=job.source.axis_names,
        spacing=job.source.spacing,
    )
    return {"target": target, "method": chosen.method, "plan": chosen}


def _origin(job: _Job) -> tuple[int, ...]:
    """Return, for each convolved axis, where in the source the first result lies.

    The full position n lies on the source sample n - c, c being the centre of ``same``.
    """
    axes = job.source.axes
    taps = job.taps.shape if job.taps.ndim == len(axes) else [job.taps.shape[i] for i in axes]
    return tuple(
        mode_range(job.mode, job.source.shape[axis], count)[0] - default_center(count)
        for axis, count in zip(axes, taps, strict=True)
    )


def plan_file(
    source: str | Path,
    kernel: Kernel | tuple[int, ...],
    *,
    mode: str | None = None,
    boundary: Any = "zero",
    method: str = "auto",
    dtype: npt.DTypeLike | None = None,
) -> Plan:
    """Return the plan that convolving the samples of a file would follow.

    Parameters
    ----------
    source : path-like
        A file; only its header is read.
    kernel : str, path-like, array_like or tuple of int
        As in `load_kernel`, or the shape of a kernel.
    mode, boundary, method, dtype
        As in `convolve_file`.

    Returns
    -------
    Plan
        ``print()`` shows it as a table.
    """
    return _plan(describe(source), kernel, mode, boundary=boundary, method=method, dtype=dtype)


def plan_shape(
    shape: tuple[int, ...],
    kernel: Kernel | tuple[int, ...],
    *,
    mode: str | None = None,
    boundary: Any = "zero",
    method: str = "auto",
    dtype: npt.DTypeLike | None = None,
) -> Plan:
    """Return the plan that convolving a float64 array of `shape` would follow.

    Parameters
    ----------
    shape : tuple of int
        The shape of the array.
    kernel, mode, boundary, method, dtype
        As in `plan_file`.
    """
    name = "x".join(map(str, shape))
    stored = np.dtype(np.float64)
    axes = tuple(range(len(shape)))
    names = tuple(f"axis {axis}" for axis in axes)
    about = Description(Path(name), "array", "shape", stored.name, shape, stored, axes, names)
    return _plan(about, kernel, mode, boundary=boundary, method=method, dtype=dtype)


def _plan(
    about: Description, kernel: Kernel | tuple[int, ...], mode: str | None, **keywords: Any
) -> Plan:
    dtype = _result_dtype(about, keywords.pop("dtype"))
    taps = kernel if isinstance(kernel, tuple) else load_kernel(kernel, about, dtype)
    mode = mode or about.default_mode
    return plan(about.shape, taps, mode, axes=about.axes or None, dtype=dtype, **keywords)
