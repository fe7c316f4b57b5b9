"""Progress on stderr: a bar where that is a terminal, or lines for programs."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from time import monotonic

__all__ = ["FORMS", "reporting"]

FORMS = ("auto", "json", "none")

Report = Callable[[int, int | None], None]

# Seconds between lines.
_EVERY = 0.2


@contextmanager
def reporting(title: str, form: str) -> Iterator[Report | None]:
    """Yield what to call with (bytes done, bytes in all or None), or None if nobody looks."""
    if form == "json":
        yield _lines(title)
        return
    if form == "none" or not sys.stderr.isatty():
        yield None
        return
    try:
        from rich.console import Console
        from rich.progress import (
            BarColumn,
            Progress,
            TaskProgressColumn,
            TextColumn,
            TimeRemainingColumn,
            TransferSpeedColumn,
        )
    except ImportError:
        yield None
        return
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        TaskProgressColumn(),
        TransferSpeedColumn(),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task(title, total=None)

        def report(done: int, total: int | None) -> None:
            bar.update(task, completed=done, total=total)

        yield report


def _lines(title: str) -> Report:
    began, last = monotonic(), -_EVERY

    def report(done: int, total: int | None) -> None:
        nonlocal last
        elapsed = monotonic() - began
        if elapsed - last < _EVERY and (total is None or done < total):
            return
        last = elapsed
        line = {"file": title, "done": done, "total": total, "seconds": round(elapsed, 3)}
        print(json.dumps(line), file=sys.stderr, flush=True)

    return report
