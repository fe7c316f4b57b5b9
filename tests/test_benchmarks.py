"""The benchmarks compare what they say, count what they should, and write a page that holds."""

import re
from collections.abc import Callable, Iterable
from dataclasses import replace
from pathlib import Path
from typing import Literal

import numpy as np
import pytest

from benchmarks import __main__ as program
from benchmarks import timing
from benchmarks.core import CORE, ROWS, TINY, Row, Verdict, named_peers, verdicts
from benchmarks.features import Feature
from benchmarks.grid import Cell, grid, summary
from benchmarks.limits import direct_operations, limit_seconds, transform_operations
from benchmarks.measure import Measured, measure
from benchmarks.memory import Memory
from benchmarks.page import Results, page, table
from benchmarks.peers import PEERS, THREADS, Peer
from benchmarks.pictures import draw_all
from benchmarks.prepared import Prepared, time_prepared
from benchmarks.rates import Rates
from benchmarks.streams import StreamRow
from benchmarks.timing import Entry, Patience, Times, compare, ratio, time_in_turns
from benchmarks.work import Work, rank_one_factors

pytestmark = pytest.mark.extras  # Matplotlib and soundfile.

RATES = Rates(
    THREADS,
    {"float32": 200e9, "float64": 100e9},
    {"float32": 60e9, "float64": 40e9},
    ((1 << 20, 80e9), (1 << 27, 20e9)),
)
HASTE = Patience(rounds=1, seconds=1e-6)


# ------------------------------------------------------------------ what is compared

SMALL = {1: (300, 64), 2: (40, 9), 3: (14, 5)}


def shrunk(work: Work) -> Work:
    """The same work in small; widths stay even or odd."""
    most, widest = SMALL[work.ndim]
    taps = tuple(min(k, widest - (widest - k) % 2) for k in work.taps)
    return replace(work, shape=tuple(min(n, most) for n in work.shape), taps=taps)


SMALL_WORKS = sorted({shrunk(work) for work in (*(row.work for row in ROWS), *grid())}, key=str)


@pytest.mark.parametrize("work", SMALL_WORKS, ids=str)
def test_sigconv_its_methods_and_every_peer_agree(work: Work) -> None:
    measured = measure(work, PEERS.values(), HASTE, methods=True)
    assert measured.best() is not None
    assert {peer.name for peer in measured.peers} == {
        name for name, peer in PEERS.items() if peer.refusal(work) is None
    }
    assert measured.chosen in {times.name for times in measured.methods}


def test_a_peer_that_differs_is_noticed() -> None:
    x, h = np.arange(5.0), np.array([1.0, 2.0, 3.0])
    own = Entry("sigconv", lambda: np.convolve(x, h))
    compare([own, own], "alike")
    with pytest.raises(AssertionError, match=r"unlike: correlate differs"):
        compare([own, Entry("correlate", lambda: np.correlate(x, h, "full"))], "unlike")
    with pytest.raises(AssertionError, match=r"unlike: same gives the shape \(5,\)"):
        compare([own, Entry("same", lambda: np.convolve(x, h, "same"))], "unlike")
    with pytest.raises(AssertionError, match="differs by nan"):
        compare([own, Entry("lost", lambda: np.full(7, np.nan))], "unlike")


def test_arrays_are_the_same_each_time_and_of_the_dtype() -> None:
    work = Work((50, 40), (7, 5), "float32")
    (x, h), (again, _) = work.arrays(), work.arrays()
    assert np.array_equal(x, again)
    assert (x.shape, h.shape) == ((50, 40), (7, 5))
    assert x.dtype == h.dtype == np.float32


def test_factors_of_a_gaussian_multiply_to_it() -> None:
    _, h = Work((9, 9), (7, 5), "float64", is_gaussian=True).arrays()
    rows, columns = rank_one_factors(h)
    assert h.shape == (7, 5)
    assert np.allclose(np.outer(rows, columns), h, rtol=1e-14)


# ------------------------------------------------------------------ which rows

TARGETS = {
    ((10**6,), 8): (3.0,),
    ((10**6,), 64): (2.5,),
    ((10**6,), 1000): (3.0,),
    ((10**7,), 1000): (3.5,),
    ((10**7,), 48_000): (4.5,),
    ((1024, 1024), 3): (1.1, 15.0),
    ((1024, 1024), 7): (1.1, 15.0),
    ((1024, 1024), 31): (2.5,),
    ((2048, 2048), 63): (2.5,),
    ((128,) * 3, 3): (5.0,),
    ((128,) * 3, 5): (5.0,),
    ((128,) * 3, 17): (2.0,),
    ((256,) * 3, 15): (2.0,),
    ((256,) * 3, 33): (2.0,),
}


def leasts(row: Row) -> tuple[float, ...]:
    return tuple(target.least for target in row.targets)


def test_core_rows_are_those_of_the_targets() -> None:
    plain = [row for row in CORE if not row.work.is_gaussian]
    assert {(row.work.shape, row.work.taps[0]): leasts(row) for row in plain} == TARGETS
    (gaussian,) = (row for row in CORE if row.work.is_gaussian)
    assert (gaussian.work.shape, gaussian.work.taps) == ((1024, 1024), (31, 31))
    assert leasts(gaussian) == (1.1, 10.0)
    assert {row.work.shape for row in TINY} == {(10,), (100,), (1000,), (12, 15), (40, 40)}
    assert {leasts(row) for row in TINY} == {(1.0, 1.0)}


def test_named_peers_compute_the_rows_that_name_them() -> None:
    for row in ROWS:
        names = {name for target in row.targets for name in target.against}
        assert names == {peer.name for peer in named_peers(row)}
        refusals = {peer.refusal(row.work) for peer in named_peers(row)}
        assert refusals <= {None, "cv2 is not installed"}


def test_grid_has_60_cells_within_its_ranges() -> None:
    works = list(grid())
    assert len(set(works)) == len(works) == 60
    assert {10**2, 10**4, 10**6, 10**7} <= {work.samples for work in works}
    assert all(10**2 <= work.samples <= 10**7 for work in works)
    widths = {max(work.taps) for work in works}
    assert (min(widths), max(widths)) == (3, 100_000)
    assert all(k <= n for work in works for k, n in zip(work.taps, work.shape, strict=True))
    assert [sum(work.dtype == name for work in works) for name in ("float32", "float64")] == [
        30,
        30,
    ]
    assert {work.ndim for work in works} == {1, 2, 3}
    assert all(
        any(peer.refusal(work) is None for peer in PEERS.values() if peer.package == "scipy")
        for work in works
    )


# ------------------------------------------------------------------ timing


class Clock:
    """Stands in for perf_counter; calls of it take the time that they are told to."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now

    def taking(self, seconds: float) -> Callable[[], None]:
        def call() -> None:
            self.now += seconds

        return call


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(timing, "perf_counter", clock)
    return clock


@pytest.mark.parametrize("seconds", [2e-6, 1e-3, 0.125])
def test_every_call_is_timed_in_every_round_and_long_enough(clock: Clock, seconds: float) -> None:
    entries = [Entry(name, clock.taking(seconds)) for name in "ab"]
    for times in time_in_turns(entries, Patience(5, 0.3)):
        assert times.seconds == pytest.approx([seconds] * 5)
    assert 2 * 0.3 <= clock.now < 2 * max(0.6, 7 * seconds)


def test_a_hopeless_call_is_timed_once(clock: Clock) -> None:
    entries = [Entry("own", clock.taking(0.0625)), Entry("hopeless", clock.taking(1.0))]
    own, hopeless = time_in_turns(entries, Patience(5, 0.3))
    assert (len(own.seconds), hopeless.seconds) == (5, (1.0,))
    assert ratio(own, hopeless) == (16.0, 16.0, 16.0)


def test_ratios_are_taken_round_by_round() -> None:
    own = Times("sigconv", 2, (1.0, 2.0, 4.0))
    assert ratio(own, Times("peer", 1, (3.0, 4.0, 4.0))) == (2.0, 1.0, 3.0)


def test_the_setting_of_threads_holds_while_a_peer_runs() -> None:
    from scipy import fft

    seen = []
    entry = Entry("peer", lambda: seen.append(fft.get_workers()), 2, fft.set_workers)
    time_in_turns([entry], HASTE)
    assert set(seen) == {2}
    assert fft.get_workers() == 1


# ------------------------------------------------------------------ the limit of the machine


@pytest.mark.parametrize("mode", ["full", "same"])
@pytest.mark.parametrize(("n", "k"), [(1, 1), (4, 1), (4, 2), (4, 3), (9, 8), (9, 9)])
def test_products_are_those_of_the_sum(n: int, k: int, mode: Literal["full", "same"]) -> None:
    # Of ones, a result is the number of products in it.
    per_axis = round(np.convolve(np.ones(n), np.ones(k), mode).sum())
    other = round(np.convolve(np.ones(5), np.ones(3), mode).sum())
    assert Work((n,), (k,), mode=mode).products == per_axis
    work = Work((n, 5), (k, 3), mode=mode)
    assert work.products == per_axis * other
    rows, columns = work.results
    assert work.products_by_axis == per_axis * columns + other * rows


def test_limits_by_hand() -> None:
    work = Work((100,), (2,), "float64", "full")
    assert direct_operations(work) == 400
    assert work.nbytes == 8 * (100 + 2 + 101)
    rates = Rates(1, {"float64": 1e9}, {"float64": 1.0}, ((1, 1e12),))
    assert limit_seconds(work, rates) == pytest.approx(400 / 1e9)
    assert limit_seconds(work, rates._replace(copy=((1, 1e6),))) == pytest.approx(1624 / 1e6)
    # 13 of 16 samples are results in one block of everything: 2 * 2.5 * 16 * 4 + 3 * 16.
    one_block = Work((13,), (4,), "float64", "full")
    assert transform_operations(one_block) == 368
    rates = Rates(1, {"float64": 1.0}, {"float64": 1e9}, ((1, 1e12),))
    assert limit_seconds(one_block, rates) == pytest.approx(368 / 1e9)


def test_transforms_of_long_signals_are_cut_into_blocks() -> None:
    long = Work((10**7,), (1001,))
    whole = 2 * 2.5 * 10**7 * np.log2(10**7)
    assert 0.4 * whole < transform_operations(long) < 0.8 * whole


def test_traffic_is_as_fast_as_a_copy_of_its_size() -> None:
    assert RATES.traffic(1000) == RATES.traffic(1 << 26) == 80e9
    assert RATES.traffic(1 << 28) == 20e9


# ------------------------------------------------------------------ the page


def canned(work: Work, own: float = 1e-3, peers: float = 2e-3) -> Measured:
    """Times of two rounds, the second twice as long for all."""

    def times(name: str, threads: int, seconds: float) -> Times:
        return Times(name, threads, (seconds, 2 * seconds))

    return Measured(
        work,
        times("sigconv", THREADS, own),
        tuple(
            times(peer.name, threads, peers / threads)
            for peer in PEERS.values()
            if peer.refusal(work) in (None, f"{peer.package} is not installed")
            for threads in peer.threads
        ),
        "direct",
        (times("direct", THREADS, own), times("fft", THREADS, own / 2)),
    )


@pytest.fixture(scope="module")
def results() -> Results:
    found = Results("a processor", "Python 3", "2026-01-01", RATES)
    for row in ROWS:
        found.measured.append(canned(row.work))
        found.verdicts += verdicts(row, found.measured[-1], RATES)
    found.prepared += [Prepared(row.work, 9e-6, 1e-6) for row in TINY]
    found.cells += [Cell(canned(work)) for work in grid()]
    found.memory += [Memory(1001, "float32", "overlap-save", 10**6, None)]
    found.memory += [Memory(100_000, "float64", "overlap-add", 10**6, 33_000_000)]
    peer = Times("numpy.convolve", 1, (1.0,))
    found.features += [Feature("some samples", peer.name, peer, ratio(peer, peer))]
    found.files += ["a line"]
    found.streams += [StreamRow("some chunks", "1.00", "2", False)]
    return found


def test_verdicts_take_the_best_named_peer(results: Results) -> None:
    first = results.verdicts[0]
    assert (first.peer.name, first.peer.threads) == ("scipy.signal.oaconvolve", 2)
    assert first.ratio == (1.0, 1.0, 1.0)
    assert not first.is_met
    assert replace_least(first, 1.0).is_met
    assert first.share == pytest.approx(limit_seconds(first.work, RATES) / 1.5e-3)
    assert {verdict.work for verdict in results.verdicts if verdict.share is None} == {
        row.work for row in TINY
    }


def replace_least(verdict: Verdict, least: float) -> Verdict:
    return verdict._replace(target=verdict.target._replace(least=least))


def test_summary_of_the_grid() -> None:
    small, large = Work((100,), (3,)), Work((10**6,), (3,))
    found = summary([Cell(canned(small, own=4e-3)), Cell(canned(large, own=0.25e-3))])
    # The best peer takes 1 ms with two threads; `fft` half of what `auto` takes.
    assert found == pytest.approx((2, 0.25, 1.0, 1, 0.0))


def test_page_has_whole_tables_and_links_its_pictures(results: Results, tmp_path: Path) -> None:
    program.write(results, tmp_path)
    text = tmp_path.joinpath("benchmarks.md").read_text(encoding="utf-8")
    tables = re.findall(r"(?:^\|.*\|\n)+", text, re.MULTILINE)
    assert len(tables) == 8
    for each in tables:
        header, rule, *rows = each.splitlines()
        assert re.fullmatch(r"(\|-+)+\|", rule)
        assert rows
        assert {line.count("|") for line in (rule, *rows)} == {header.count("|")}
    for verdict in results.verdicts:
        assert str(verdict.work) in text
    links = re.findall(r"!\[[^]]+\]\(([^)]+)\)", text)
    assert links == [f"images/bench-{ndim}d.png" for ndim in (1, 2, 3)]
    assert all(tmp_path.joinpath(link).stat().st_size > 10_000 for link in links)
    assert "a processor" in text
    assert "2026-01-01" in text


def test_what_falls_short_is_shown(results: Results) -> None:
    text = page(results, {})
    rows = [line for line in text.splitlines() if line.startswith("|")]
    short = [line for line in rows if "**short**" in line]
    expected = sum(not verdict.is_met for verdict in results.verdicts)
    # And every prepared call, the grid's mean and `auto`, one row of memory.
    assert len(short) == expected + len(TINY) + 2 + 1 + 1
    assert any("33.0" in line for line in short)


def test_a_row_of_another_length_is_no_table() -> None:
    assert table(("a", "bb"), [("ccc", "d")]) == ["| a   | bb |", "|-----|----|", "| ccc | d  |"]
    with pytest.raises(ValueError, match="a row of 1 cells under 2 titles"):
        table(("a", "b"), [("c",)])


def test_pictures_need_no_cells(tmp_path: Path) -> None:
    assert draw_all([], RATES, tmp_path) == {}


# ------------------------------------------------------------------ the program


def test_quick_prints_the_rows_of_the_targets_and_writes_nothing(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    asked: list[tuple[Work, set[str]]] = []

    def record(work: Work, peers: Iterable[Peer], patience: Patience) -> Measured:
        assert patience == Patience(5, 0.3)
        asked.append((work, {peer.name for peer in peers}))
        return canned(work)

    monkeypatch.setattr(program, "DOCS", tmp_path)
    monkeypatch.setattr(program, "measure_rates", lambda threads: RATES)
    monkeypatch.setattr(program, "measure", record)
    monkeypatch.setattr(program, "time_prepared", lambda work, *_: Prepared(work, 1e-6, 1e-6))
    program.main(["--quick"])
    assert asked == [(row.work, {peer.name for peer in named_peers(row)}) for row in ROWS]
    printed = capsys.readouterr().out
    assert all(str(row.work) in printed for row in ROWS)
    assert re.findall(r"^## (.+)$", printed, re.MULTILINE) == ["Targets", "Small prepared calls"]
    assert not list(tmp_path.iterdir())


def test_prepared_calls_are_compared_and_timed() -> None:
    for row in TINY:
        prepared = time_prepared(row.work, RATES, HASTE)
        assert prepared.call > 0
        assert prepared.inside > 0
