"""Time against size: a picture for each number of axes, a panel for each width of the kernel."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from math import nan
from pathlib import Path
from typing import Any

from benchmarks.grid import Cell
from benchmarks.limits import limit_seconds
from benchmarks.measure import Measured
from benchmarks.rates import Rates
from benchmarks.work import format_taps
from sigconv.core.units import format_seconds
from sigconv.plots.style import BLUE, GREY, new_figure

__all__ = ["draw_all"]

# What is usual: recordings are measured in float64, images and volumes in float32.
_DTYPES = {1: "float64", 2: "float32", 3: "float32"}

_COLOURS = {
    "numpy.convolve": "#7a5195",
    "scipy.signal.convolve": "#1b9e77",
    "scipy.signal.convolve2d": "#a6761d",
    "scipy.signal.fftconvolve": "#66a61e",
    "scipy.signal.oaconvolve": "#c2571a",
    "scipy.ndimage.convolve": "#e6ab02",
    "cv2.filter2D": "#d62f6b",
    "ducc0.fft": "#6b4c3b",
    "torch.nn.functional": "#e7298a",
}


def draw_all(cells: Sequence[Cell], rates: Rates, folder: Path) -> dict[int, Path]:
    """Write bench-1d.png and so on into `folder`, and return their paths by number of axes."""
    by_axes: dict[int, list[Measured]] = defaultdict(list)
    for cell in cells:
        by_axes[cell.measured.work.ndim].append(cell.measured)
    folder.mkdir(parents=True, exist_ok=True)
    paths = {ndim: folder / f"bench-{ndim}d.png" for ndim in by_axes}
    for ndim, path in paths.items():
        _draw(by_axes[ndim], rates).savefig(path)
    return paths


def _draw(measured: Sequence[Measured], rates: Rates) -> Any:
    ndim = measured[0].work.ndim
    shown = [one for one in measured if one.work.dtype == _DTYPES[ndim]]
    names = _best_names(shown)
    panels: dict[tuple[int, ...], list[Measured]] = defaultdict(list)
    for one in sorted(shown, key=lambda one: one.work.samples):
        panels[one.work.taps].append(one)
    figure = new_figure(3.1 * len(panels) + 0.6, 3.9)
    every_axes = figure.subplots(1, len(panels), sharey=True, squeeze=False)[0]
    for axes, (taps, ones) in zip(every_axes, panels.items(), strict=True):
        sizes = [one.work.samples for one in ones]
        limits = [limit_seconds(one.work, rates) for one in ones]
        axes.plot(sizes, limits, ":", color=GREY, lw=1.3, label="limit of the machine")
        for name in names:
            seconds = [_seconds(one, name) for one in ones]
            axes.plot(sizes, seconds, "o-", color=_COLOURS[name], ms=3.5, lw=1.2, label=name)
        own = [one.own.median for one in ones]
        axes.plot(sizes, own, "o-", color=BLUE, ms=5, lw=2.4, label="sigconv", zorder=5)
        axes.set_title(f"{format_taps(taps)} taps", loc="left", fontsize=10.5)
        _style(axes)
    every_axes[0].set_ylabel("time of one call")
    figure.supxlabel(f"samples of the signal ({_DTYPES[ndim]}, mode same)", fontsize=10)
    handles, labels = every_axes[0].get_legend_handles_labels()
    figure.legend(
        handles[::-1],
        labels[::-1],
        loc="outside upper left",
        ncols=min(len(labels), 2 + len(panels)),
        frameon=False,
        fontsize=9,
    )
    return figure


def _best_names(measured: Sequence[Measured]) -> list[str]:
    """Return the peers that are the best one somewhere."""
    best = (one.best() for one in measured)
    return sorted({peer.name for peer in best if peer is not None})


def _seconds(one: Measured, name: str) -> float:
    """Return the peer's time with its better number of threads, NaN where it has none."""
    peer = one.best([name])
    return nan if peer is None else peer.median


def _style(axes: Any) -> None:
    axes.set(xscale="log", yscale="log")
    axes.yaxis.set_major_formatter(lambda seconds, _: format_seconds(seconds))
    axes.grid(color="#dddddd", lw=0.6)
    axes.tick_params(labelsize=9, which="both", length=0)
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)
