"""Several inputs by one command: where each output goes, and what becomes of failures."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import click

from sigconv.cli.ends import is_pipe
from sigconv.cli.failures import report_failure
from sigconv.files.atomic import check_target
from sigconv.files.locations import name_of

__all__ = ["run_each", "targets_of"]


def targets_of(
    sources: tuple[Path, ...], output: Path | None, outdir: Path | None
) -> list[tuple[Path, Path]]:
    """Return each input with its output: the one that is named, or one of its name in `outdir`."""
    if (output is None) == (outdir is None):
        given = "Both are given" if output is not None else "Missing option '-o' or '--outdir'"
        raise click.UsageError(
            f"{given}: name the output by -o OUT, or a directory by --outdir DIR."
        )
    if output is not None:
        if len(sources) > 1:
            raise click.UsageError(
                f"{len(sources)} inputs do not go into one output. Name a directory: --outdir DIR."
            )
        return [(sources[0], output)]
    assert outdir is not None
    if any(map(is_pipe, sources)):
        raise click.UsageError("stdin has no name that its output could have. Name it: -o OUT.")
    if not outdir.is_dir():
        problem = "is no directory" if outdir.exists() else "does not exist"
        raise click.UsageError(f"the directory {outdir} {problem}. Create it, or name another.")
    # Some disks do not tell capitals from small letters.
    names = [name_of(source).casefold() for source in sources]
    for source, name in zip(sources, names, strict=True):
        if names.count(name) > 1:
            raise click.UsageError(
                f"{names.count(name)} inputs are called {name_of(source)}, which is one output in "
                f"{outdir}. Convolve them one by one, with -o OUT."
            )
    pairs = [(source, outdir / name_of(source)) for source in sources]
    for _, target in pairs:
        # Each output but the first is written before an input that may be the same file is read.
        check_target(target, inputs=sources, force=True)
    return pairs


def run_each(pairs: list[tuple[Path, Path]], work: Callable[[Path, Path], None]) -> None:
    """Do the work on each pair; where one fails the rest goes on.

    The exit code is the first failure's. That of a single pair is raised as it is.
    """
    if len(pairs) == 1:
        work(*pairs[0])
        return
    context = click.get_current_context()
    debug, code = bool(context.find_root().meta.get("debug")), 0
    for source, target in pairs:
        try:
            work(source, target)
        except Exception as error:  # noqa: BLE001 - reported, as `run` does
            failed = report_failure(error, debug=debug)
            code = code or failed
    if code:
        raise click.exceptions.Exit(code)
