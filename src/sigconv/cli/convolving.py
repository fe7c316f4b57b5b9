"""The commands that convolve files: `convolve` and `correlate`."""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import click

from sigconv.cli.batch import run_each, targets_of
from sigconv.cli.ends import END, incoming, is_pipe, outgoing
from sigconv.cli.group import sigconv
from sigconv.cli.options import Options, debug_option, file_options
from sigconv.cli.progress import FORMS, reporting

__all__ = ["convolve_command", "correlate_command"]


def _outputs(command: Callable[..., None]) -> Callable[..., None]:
    """Add the inputs, the outputs, and what is said of them."""
    parameters = (
        click.argument(
            "sources",
            metavar="INPUT...",
            nargs=-1,
            required=True,
            type=END,
        ),
        click.option(
            "-k", "--kernel", required=True, metavar="KERNEL", help="What to convolve with."
        ),
        click.option(
            "-o",
            "--output",
            metavar="OUT",
            type=END,
            help="The file to write; its suffix names the format.",
        ),
        click.option(
            "--outdir",
            metavar="DIR",
            type=click.Path(path_type=Path),
            help="The directory for outputs, each called as its input.",
        ),
        file_options,
        click.option("--force", is_flag=True, help="Replace outputs that exist."),
        click.option(
            "--dry-run", is_flag=True, help="Check all and show the plan, and write nothing."
        ),
        click.option(
            "--progress",
            type=click.Choice(FORMS),
            default="auto",
            show_default=True,
            help="A bar where stderr is a terminal, JSON lines on stderr, or nothing.",
        ),
        click.option("--json", "as_json", is_flag=True, help="Print what was done as JSON."),
        click.option("-q", "--quiet", is_flag=True, help="Say nothing but errors and warnings."),
        debug_option,
    )
    for parameter in reversed(parameters):
        command = parameter(command)
    return command


@sigconv.command("convolve")
@_outputs
def convolve_command(**arguments: Any) -> None:
    """Convolve each INPUT with KERNEL and write OUT, or a file of its name in DIR.

    Audio (.wav .flac .ogg .aiff .caf .au .rf64) is convolved along time in constant memory, and
    keeps its encoding; arrays (.npy .h5:/dataset .zarr) along every axis; .nii volumes (x, y, z)
    and .tif images (z, y, x) along space, with their headers kept. OUT is renamed into place when
    it is whole.

    - is a pipe of audio: WAV or AU as INPUT, and as OUT a WAV stream, or AU after AU. What is said
    goes to stderr then.
    """
    _run("convolve", **arguments)


@sigconv.command("correlate")
@_outputs
def correlate_command(**arguments: Any) -> None:
    """Correlate each INPUT with the template KERNEL and write OUT, or a file of its name in DIR.

    As convolve, with the kernel conjugated and not flipped: the results are largest where the input
    looks like the template. In mode full they begin at the lag 1 - taps.
    """
    _run("correlate", **arguments)


def _run(
    operation: str,
    *,
    sources: tuple[Path, ...],
    output: Path | None,
    outdir: Path | None,
    options: Options,
    dry_run: bool,
    **others: Any,
) -> None:
    settings = options.settings(operation=operation)
    work = _Preview(settings, **others) if dry_run else _Work(settings, **others)
    run_each(targets_of(sources, output, outdir), work)


class _Work:
    """What is done to each input."""

    def __init__(
        self,
        settings: Any,
        *,
        kernel: str,
        force: bool,
        progress: str,
        as_json: bool,
        quiet: bool,
    ) -> None:
        self._settings, self._kernel, self._force = settings, kernel, force
        self._progress = "none" if quiet and progress == "auto" else progress
        self._as_json, self._quiet = as_json, quiet

    def __call__(self, source: Path, target: Path) -> None:
        """Convolve a file and say what was done."""
        from sigconv.cli import report
        from sigconv.files import convolve_file

        with reporting(source.name, self._progress) as progress:
            record = convolve_file(
                incoming(source),
                self._kernel,
                outgoing(target),
                self._settings,
                force=self._force,
                progress=progress,
            )
        say = partial(click.echo, err=is_pipe(target))
        for note in record.source.notes:
            click.echo(f"sigconv: warning: {source}: {note}", err=True)
        for warning in report.warnings(record):
            click.echo(f"sigconv: warning: {warning}", err=True)
        if self._as_json:
            say(json.dumps(report.record_facts(record)))
        elif not self._quiet:
            say(report.summarise(record))


class _Preview(_Work):
    """What would be done to each input."""

    def __call__(self, source: Path, target: Path) -> None:
        """Check all that is checked before the output is begun, and show the plan."""
        from sigconv.cli import report
        from sigconv.files import preview_file

        ends = incoming(source), self._kernel, outgoing(target)
        preview = preview_file(*ends, self._settings, force=self._force)
        say = partial(click.echo, err=is_pipe(target))
        if self._as_json:
            say(json.dumps(report.preview_facts(preview)))
        else:
            say(report.describe_preview(preview))
