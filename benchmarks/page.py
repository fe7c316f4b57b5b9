"""The results as Markdown: the tables that the program prints and the page that it writes."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from itertools import groupby

from benchmarks.core import Verdict
from benchmarks.features import Feature
from benchmarks.grid import AUTO_SHARE, AUTO_WITHIN, LEAST_MEAN, LEAST_RATIO, Cell, summary
from benchmarks.layers import LayerRow
from benchmarks.measure import Measured
from benchmarks.memory import MOST_BYTES, Memory
from benchmarks.prepared import MOST_BEYOND, Prepared
from benchmarks.rates import Rates
from benchmarks.streams import StreamRow
from benchmarks.timing import Ratio, Times
from sigconv.core.units import format_seconds

__all__ = [
    "Results",
    "core_section",
    "features_section",
    "files_section",
    "grid_section",
    "layers_section",
    "memory_section",
    "page",
    "peers_section",
    "prepared_section",
    "streams_section",
    "table",
]

Lines = list[str]


@dataclass
class Results:
    """Everything that one run found out."""

    machine: str
    versions: str
    date: str
    rates: Rates
    verdicts: list[Verdict] = field(default_factory=list)
    measured: list[Measured] = field(default_factory=list)
    prepared: list[Prepared] = field(default_factory=list)
    cells: list[Cell] = field(default_factory=list)
    memory: list[Memory] = field(default_factory=list)
    features: list[Feature] = field(default_factory=list)
    files: list[str] = field(default_factory=list)
    streams: list[StreamRow] = field(default_factory=list)
    layers: list[LayerRow] = field(default_factory=list)


def page(results: Results, pictures: dict[int, str]) -> str:
    """Return the whole page; `pictures` has a path for each number of axes."""
    sections = [_head(results), core_section(results.verdicts)]
    sections.append(prepared_section(results.prepared))
    # A run of some sections has no others.
    if results.cells:
        sections.append(grid_section(results.cells, pictures))
    sections += [memory_section(results.memory), peers_section(results.measured)]
    if results.features:
        sections.append(features_section(results.features))
    if results.streams:
        sections.append(streams_section(results.streams))
    if results.layers:
        sections.append(layers_section(results.layers))
    if results.files:
        sections.append(files_section(results.files))
    return "\n".join(line for section in sections for line in [*section, ""]).rstrip() + "\n"


def _head(results: Results) -> Lines:
    return [
        "# Benchmarks",
        "",
        "sigconv beside its peers: the same arrays, in one run, the calls taking turns in every "
        "round, after their results have been compared. This page is written by",
        "",
        "    make bench",
        "",
        "and `make bench-quick` prints the first two tables in two minutes. A ratio is the peer's "
        "time over sigconv's, so above 1 sigconv is faster; it is the median over the rounds, with "
        f"the least and the most. sigconv has {results.rates.threads} workers. Peers that use "
        f"threads run with 1 and with {results.rates.threads}, and the better counts. Targets that "
        "are not reached are marked **short**.",
        "",
        "sigconv's compiled loops are loaded before anything is timed, and no calibration is used. "
        "A process loads them once its calls have lost enough time without: what first calls take "
        "beside SciPy's is what `python -m benchmarks.cold` prints.",
        "",
        f"- {results.date}; {results.machine}",
        f"- {results.versions}",
        f"- {results.rates}",
    ]


# ------------------------------------------------------------------ sections


def core_section(verdicts: Sequence[Verdict]) -> Lines:
    """Every target, met or short."""
    rows = [
        (
            str(verdict.work),
            format_seconds(verdict.own.median),
            _name(verdict.peer),
            *_ratio(verdict.ratio),
            f"{verdict.target.least:g}",
            _met(verdict.is_met),
            "" if verdict.share is None else f"{verdict.share:.0%}",
        )
        for verdict in verdicts
    ]
    met = sum(verdict.is_met for verdict in verdicts)
    return [
        "## Targets",
        "",
        f"{met} of {len(rows)} are met. *Best peer* is the best of those that the target names. "
        "*Of the limit* is the least time that the machine allows over sigconv's time. It is the "
        "larger of arithmetic and traffic: the products at the rate of multiply-adds, or FFTs (two "
        "transforms of 2.5 n log2 n operations a block) at the rate of transforms in cache, "
        "whichever is less, beside inputs and result at the bandwidth of a copy.",
        "",
        *table(
            (
                "signal and kernel",
                "sigconv",
                "best peer",
                "ratio",
                "least to most",
                "target",
                "",
                "of the limit",
            ),
            rows,
        ),
    ]


def prepared_section(prepared: Sequence[Prepared]) -> Lines:
    """What a prepared call adds to its work."""
    rows = [
        (
            str(row.work),
            f"{1e6 * row.call:.2f}",
            f"{1e6 * row.inside:.2f}",
            f"{1e6 * row.beyond:.2f}",
            _met(row.beyond <= MOST_BEYOND),
        )
        for row in prepared
    ]
    return [
        "## Small prepared calls",
        "",
        "Microseconds of a `Convolver` called with `out=`. *The work* in it is `np.convolve` for "
        "one axis, and the products at the rate of multiply-adds for two. The target is at most "
        f"{1e6 * MOST_BEYOND:g} beyond the work.",
        "",
        *table(("signal and kernel", "call", "the work", "beyond", ""), rows),
    ]


def grid_section(cells: Sequence[Cell], pictures: dict[int, str]) -> Lines:
    """The grid in figures, in pictures, and cell by cell."""
    if not cells:
        return []
    found = summary(cells)
    figures = [
        ("least ratio", _figures(found.least), f"{LEAST_RATIO:g}", found.least >= LEAST_RATIO),
        ("geometric mean", _figures(found.mean), f"{LEAST_MEAN:g}", found.mean >= LEAST_MEAN),
        (f"cells below {LEAST_RATIO:g}", str(found.behind), "0", not found.behind),
        (
            f"`auto` within {AUTO_WITHIN:g} of the fastest method",
            f"{found.auto_within:.0%}",
            f"{AUTO_SHARE:.0%}",
            found.auto_within >= AUTO_SHARE,
        ),
    ]
    rows = [
        (
            str(cell.measured.work),
            format_seconds(cell.measured.own.median),
            _name(cell.peer),
            *_ratio(cell.ratio),
            f"{cell.auto:.2f}",
            cell.measured.chosen,
            cell.method.name,
        )
        for cell in cells
    ]
    return [
        "## A grid",
        "",
        f"{found.cells} cells, mode same, beside the best of all peers (`numpy.convolve` from 10^5 "
        "samples on: below, a call of sigconv may go to it and pays only its own time).",
        "",
        *table(("", "measured", "target", ""), [(*row[:-1], _met(row[-1])) for row in figures]),
        "",
        *(
            f"![Time against size, {ndim} {'axis' if ndim == 1 else 'axes'}]({path})\n"
            for ndim, path in pictures.items()
        ),
        "*auto* is the time of `auto` over that of the *fastest* method; *chosen* is what it took.",
        "",
        *table(
            (
                "signal and kernel",
                "sigconv",
                "best peer",
                "ratio",
                "least to most",
                "auto",
                "chosen",
                "fastest",
            ),
            rows,
        ),
    ]


def memory_section(memory: Sequence[Memory]) -> Lines:
    """Bytes a worker."""
    rows = [
        (
            f"{row.taps} taps, {row.dtype}",
            f"`{row.method}`",
            f"{row.planned / 1e6:.1f}",
            "" if row.measured is None else f"{row.measured / 1e6:.1f}",
            _met(row.is_met),
        )
        for row in memory
    ]
    return [
        "## Memory",
        "",
        "MB for each worker beyond signal, kernel and result, for 10^7 samples: what the plan "
        "says, and for the widest kernel how far a process grew in the call. The target is at most "
        f"{MOST_BYTES / 1e6:g}.",
        "",
        *table(("kernel", "method", "planned", "measured", ""), rows),
    ]


def peers_section(measured: Sequence[Measured]) -> Lines:
    """Every peer's ratio in every core row."""
    names = list(dict.fromkeys(peer.name for row in measured for peer in row.peers))
    rows = []
    for row in measured:
        by_name = {
            name: " / ".join(_figures(peer.median / row.own.median) for peer in peers)
            for name, peers in groupby(row.peers, key=lambda peer: peer.name)
        }
        rows.append((str(row.work), *(by_name.get(name, "") for name in names)))
    return [
        "## Every peer",
        "",
        "Ratios with 1 / with 2 threads; one figure where a peer has no threads. `ducc0.fft` is a "
        "convolution by one transform of everything, written on it for this comparison, and "
        "`scipy.ndimage.convolve1d` for one pass along each axis, as in `gaussian_filter`.",
        "",
        *table(("signal and kernel", *(f"`{name}`" for name in names)), rows),
    ]


def features_section(features: Sequence[Feature]) -> Lines:
    """Exact integers, gaps, templates."""
    rows = [(feature.title, f"`{feature.peer}`", *_ratio(feature.ratio)) for feature in features]
    return [
        "## More",
        "",
        *table(("signal and kernel", "peer", "ratio", "least to most"), rows),
    ]


def streams_section(rows: Sequence[StreamRow]) -> Lines:
    """Streams, and what was wanted of them."""
    header = "stream", "median (least to most)", "wanted", ""
    cells = ((row.title, row.figure, row.target, _met(row.is_met)) for row in rows)
    return ["## Streams", "", *table(header, cells)]


def layers_section(rows: Sequence[LayerRow]) -> Lines:
    """Layers beside PyTorch's, and what was wanted of them."""
    header = "layer, float32", "compared", "ratio", "least to most", "wanted", ""
    cells = (
        (
            row.title,
            row.kind,
            *_ratio(row.ratio),
            "" if row.wanted is None else f"{row.wanted:g}",
            "" if row.wanted is None else _met(row.is_met),
        )
        for row in rows
    )
    return ["## Layers", "", *table(header, cells)]


def files_section(files: Sequence[str]) -> Lines:
    """Whole processes."""
    return ["## File to file", "", *(f"- {line}" for line in files)]


# ------------------------------------------------------------------ cells


def table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> Lines:
    """Return a Markdown table that can be read as it stands."""
    body = [tuple(row) for row in rows]
    for row in body:
        if len(row) != len(header):
            raise ValueError(f"a row of {len(row)} cells under {len(header)} titles: {row}")
    widths = [max(map(len, column)) for column in zip(header, *body, strict=True)]

    def line(row: Sequence[str]) -> str:
        return f"| {' | '.join(map(str.ljust, row, widths))} |"

    return [line(header), f"|{'|'.join('-' * (width + 2) for width in widths)}|", *map(line, body)]


def _name(peer: Times) -> str:
    return f"`{peer.name}`" + (f", {peer.threads} threads" if peer.threads > 1 else "")


def _ratio(found: Ratio) -> tuple[str, str]:
    once = found.low == found.high
    spread = "timed once" if once else f"{_figures(found.low)} to {_figures(found.high)}"
    return _figures(found.median), spread


def _figures(number: float) -> str:
    """Return two figures, or all before the point."""
    return f"{number:.0f}" if number >= 10 else f"{number:.2g}"


def _met(is_met: bool) -> str:
    return "met" if is_met else "**short**"
