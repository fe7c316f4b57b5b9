"""Time sigconv beside its peers: ``python -m benchmarks``; ``--quick`` for the core rows alone.

A whole run prints every section and writes docs/benchmarks.md with its pictures.
"""

from __future__ import annotations

import argparse
import re
import sys
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import NamedTuple, TypeVar

import sigconv as sc
from benchmarks.core import ROWS, TINY, named_peers, verdicts
from benchmarks.features import cases, measure_case
from benchmarks.files import file_rows
from benchmarks.grid import grid, measure_cell
from benchmarks.host import load_loops, machine, today, versions
from benchmarks.layers import layer_rows
from benchmarks.measure import measure
from benchmarks.memory import memory_rows
from benchmarks.page import (
    Results,
    core_section,
    features_section,
    files_section,
    grid_section,
    layers_section,
    memory_section,
    page,
    peers_section,
    prepared_section,
    streams_section,
)
from benchmarks.peers import PEERS, THREADS
from benchmarks.pictures import draw_all
from benchmarks.prepared import time_prepared
from benchmarks.rates import measure_rates
from benchmarks.streams import stream_rows
from benchmarks.timing import Patience

DOCS = Path(__file__).parents[1] / "docs"

T = TypeVar("T")


class Request(NamedTuple):
    """What to time and how long."""

    patience: Patience
    only: re.Pattern[str]
    quick: bool

    def each(self, items: Iterable[T], title: Callable[[T], str] = str) -> Iterator[T]:
        """Yield the items whose title is asked for, and tell the terminal which is next."""
        for item in items:
            if self.only.search(title(item)):
                if sys.stderr.isatty():
                    print(f"{title(item):<78.78}", end="\r", file=sys.stderr, flush=True)
                yield item


def _core(results: Results, request: Request) -> list[str]:
    for row in request.each(ROWS, lambda row: str(row.work)):
        peers = named_peers(row) if request.quick else PEERS.values()
        measured = measure(row.work, peers, request.patience)
        results.measured.append(measured)
        results.verdicts += verdicts(row, measured, results.rates)
    return core_section(results.verdicts)


def _prepared(results: Results, request: Request) -> list[str]:
    for row in request.each(TINY, lambda row: str(row.work)):
        results.prepared.append(time_prepared(row.work, results.rates, request.patience))
    return prepared_section(results.prepared)


def _grid(results: Results, request: Request) -> list[str]:
    results.cells += (measure_cell(work, request.patience) for work in request.each(grid()))
    return grid_section(results.cells, {})


def _memory(results: Results, _request: Request) -> list[str]:
    results.memory += memory_rows()
    return memory_section(results.memory)


def _peers(results: Results, _request: Request) -> list[str]:
    return peers_section(results.measured)


def _features(results: Results, request: Request) -> list[str]:
    for case in request.each(cases(), lambda case: case.title):
        results.features.append(measure_case(case, request.patience))
    return features_section(results.features)


def _files(results: Results, request: Request) -> list[str]:
    results.files += file_rows(request.patience.rounds)
    return files_section(results.files)


def _streams(results: Results, request: Request) -> list[str]:
    rows = stream_rows(request.patience.rounds)
    results.streams += request.each(rows, lambda row: row.title)
    return streams_section(results.streams)


def _layers(results: Results, request: Request) -> list[str]:
    results.layers += request.each(layer_rows(request.patience), lambda row: row.title)
    return layers_section(results.layers)


SECTIONS = {
    "core": _core,
    "prepared": _prepared,
    "grid": _grid,
    "memory": _memory,
    "peers": _peers,
    "features": _features,
    "streams": _streams,
    "layers": _layers,
    "files": _files,
}
QUICK = ("core", "prepared")


def main(arguments: list[str] | None = None) -> None:
    """Run the sections that are asked for, print each, and write the page of a whole run."""
    options = _parser().parse_args(arguments)
    names = options.sections or (QUICK if options.quick else tuple(SECTIONS))
    patience = Patience(options.rounds, options.seconds)
    request = Request(patience, re.compile(options.only), options.quick)
    # Peers have nothing to load; what loading costs is the subject of benchmarks.cold.
    load_loops()
    results = Results(machine(), versions(), today(), measure_rates(THREADS))
    print(f"{results.machine}\n{results.versions}\n{results.rates}", flush=True)
    with sc.set_workers(THREADS):
        for name in names:
            print("", *SECTIONS[name](results, request), sep="\n", flush=True)
    is_whole = tuple(names) == tuple(SECTIONS) and not options.only
    if options.output or is_whole:
        write(results, options.output or DOCS)


def write(results: Results, folder: Path) -> None:
    """Write the page and its pictures."""
    pictures = draw_all(results.cells, results.rates, folder / "images")
    links = {ndim: path.relative_to(folder).as_posix() for ndim, path in pictures.items()}
    folder.joinpath("benchmarks.md").write_text(page(results, links), encoding="utf-8")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="the core rows, beside named peers")
    parser.add_argument("--sections", nargs="+", choices=SECTIONS, help="some sections alone")
    parser.add_argument("--only", default="", metavar="REGEX", help="rows with such a title alone")
    parser.add_argument("--rounds", type=int, default=5, help="for every row (default 5)")
    parser.add_argument(
        "--seconds", type=float, default=0.3, help="for every call in all rounds, at least"
    )
    parser.add_argument(
        "--output", type=Path, help="write benchmarks.md and images/ there (default: docs/)"
    )
    return parser


if __name__ == "__main__":
    main()
