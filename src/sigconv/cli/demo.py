"""``sigconv demo``: the main jobs on real input, with what they did and how fast."""

from __future__ import annotations

from pathlib import Path
from time import perf_counter

import click

from sigconv import data, plots
from sigconv.cli.report import speed
from sigconv.core.optional import require
from sigconv.files import Description, Record, convolve_file, describe, load

__all__ = ["run_demo"]

SMOOTHING = "gaussian:sigma=3mm"


def run_demo(output: Path) -> None:
    """Filter the recording, smooth the volume, draw both, and say where everything lies.

    Parameters
    ----------
    output : Path
        A directory, which is made; files of an earlier demo in it are replaced.
    """
    began = perf_counter()
    output.mkdir(parents=True, exist_ok=True)
    _filter_recording(output)
    _smooth_volume(output)
    click.echo(f"\nAll in {perf_counter() - began:.1f} s. Everything lies in {output.resolve()}")


def _filter_recording(output: Path) -> None:
    chord, slam = data.path("guit_em9.flac"), data.path("perc_door.flac")
    target = output / "chord-in-room.flac"
    click.echo("1. A guitar chord, heard through the room in which a door was slammed")
    # The first run finds the level, the second one writes what does not clip.
    gain = convolve_file(chord, slam, target, force=True).safe_gain_db
    record = convolve_file(chord, slam, target, gain_db=gain, force=True)
    _tell("kernel", f"{slam.name}: {record.kernel_shape[0]} taps for each channel")
    _tell("gain", f"{gain:.1f} dB, so that nothing clips")
    _report(record)
    before, response, after = (load(describe(path)) for path in (chord, slam, target))
    picture = target.with_suffix(".png")
    names = (
        "guitar chord\n(recording)",
        "∗ door slam\n(impulse response)",
        "= chord in the room\n(their convolution)",
    )
    figure = plots.draw_filtering(before, response, after, record.source.rate or 1.0, names)
    figure.savefig(picture)
    _tell("picture", str(picture))


def _smooth_volume(output: Path) -> None:
    package = Path(str(require("nibabel", "volume").__file__)).parent
    source = package / "tests" / "data" / "example4d.nii.gz"
    target = output / "smoothed-mri.nii.gz"
    click.echo("\n2. Two MRI volumes of a head, smoothed by 3 mm")
    record = convolve_file(source, SMOOTHING, target, boundary="edge", force=True)
    _tell(
        "kernel", f"{SMOOTHING}: {_times(record.kernel_shape)} taps for voxels of {_voxel(record)}"
    )
    _report(record)
    before, after = (load(describe(path))[..., 0] for path in (source, target))
    picture = output / "smoothed-mri.png"
    x, y, z = record.source.spacing or (1.0, 1.0, 1.0)
    figure = plots.draw_smoothing(before, after, (x, y, z), name="smoothed, σ = 3 mm")
    figure.savefig(picture)
    _tell("picture", str(picture))


def _report(record: Record) -> None:
    _tell("input", _file(record.source))
    _tell("output", _file(record.target))
    _tell("speed", f"{record.seconds:.2f} s: {speed(record)}")
    _tell("method", f"{record.method}, mode {record.mode}")


def _file(about: Description) -> str:
    length = f", {about.seconds:.1f} s at {about.rate:g} Hz" if about.seconds else ""
    return f"{about.path} ({about.format} {about.encoding}, {_times(about.shape)}{length})"


def _times(numbers: tuple[int, ...]) -> str:
    return " x ".join(map(str, numbers))


def _voxel(record: Record) -> str:
    return " x ".join(f"{step:.3g}" for step in record.source.spacing or ()) + " mm"


def _tell(name: str, value: str) -> None:
    click.echo(f"   {name:<8} {value}")
