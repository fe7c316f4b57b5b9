"""A convolution as the sum of shifted, weighted responses, drawn one above another."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from sigconv.errors import DTypeError, ShapeError
from sigconv.lti.superposition import Superposition
from sigconv.lti.tables import lagged, selected, texts
from sigconv.plots.style import BLUE, GREY, ORANGE, new_figure

__all__ = ["draw_superposition"]

Array = npt.NDArray[Any]

_FEW = 30
"""Outputs up to which each has a tick."""


def draw_superposition(table: Superposition) -> Any:
    """Return a figure of the responses to each sample as stems, their sum below them.

    Parameters
    ----------
    table : Superposition
        From `sigconv.lti.superpose`, of real numbers. Its `labels` name the panels.

    Returns
    -------
    matplotlib.figure.Figure
        A panel for each row, all with one scale of n and one of amplitudes, then one for the sum.
        Of more than 12 rows the first and the last five are drawn.

    Raises
    ------
    DTypeError
        A table of symbols or of complex numbers.
    ShapeError
        An empty table.
    """
    rows, total = _real(table.rows), _real(table.total)
    if not len(total):
        raise ShapeError("there is nothing to draw: one of the inputs is empty.")
    x, h = table.labels
    shown = selected(range(len(rows)))
    limits, sum_limits = _limits(rows[[m for m in shown if m is not None]]), _limits(total)
    # One scale of amplitudes throughout, unless the sum is much larger or smaller.
    ratio = min(max(np.ptp(sum_limits) / np.ptp(limits), 0.8), 3.0)
    heights = [*(0.3 if m is None else 1.0 for m in shown), ratio]
    figure = new_figure(7.5, 0.9 * sum(heights) + 0.7)
    panels = figure.subplots(len(heights), 1, sharex=True, squeeze=False, height_ratios=heights)
    panels = panels[:, 0]
    weights = texts(table.signal)
    for panel, m in zip(panels, shown, strict=False):
        if m is None:
            _mark_gap(panel, len(rows) - len(shown) + 1)
            continue
        taps = np.arange(m, m + len(table.kernel))
        name = f"{x}[{m}] {h}[{lagged('n', m)}]\n{x}[{m}] = {weights[m].strip()}"
        _draw_stems(panel, taps, rows[m, taps], BLUE)
        _dress(panel, limits, name, BLUE)
        panel.spines.bottom.set_visible(False)
        panel.tick_params(axis="x", bottom=False)
    _draw_stems(panels[-1], np.arange(len(total)), total, ORANGE)
    _dress(panels[-1], sum_limits, f"sum:\n({x} * {h})[n]", ORANGE)
    panels[-1].set_xlim(-0.6, len(total) - 0.4)
    panels[-1].set_xlabel("n (samples)")
    if len(total) <= _FEW:
        panels[-1].set_xticks(range(len(total)))
    return figure


def _real(values: Array) -> Array:
    if values.dtype.kind in "Uc":
        kind = "symbols" if values.dtype.kind == "U" else "complex numbers"
        raise DTypeError(
            f"stems have real heights; this table holds {kind}. "
            "Superpose numbers, or the real and the imaginary part."
        )
    return values.astype(np.float64)


def _limits(values: Array) -> tuple[float, float]:
    """The finite values and 0, with room around them."""
    finite = values[np.isfinite(values)]
    low, high = float(finite.min(initial=0.0)), float(finite.max(initial=0.0))
    room = 0.1 * (high - low) or 1.0
    return low - room, high + room


def _draw_stems(panel: Any, places: Array, values: Array, colour: str) -> None:
    panel.axhline(0, color=GREY, linewidth=0.8, zorder=1)
    panel.vlines(places, 0, values, color=colour, linewidth=2, zorder=2)
    panel.plot(places, values, "o", color=colour, markersize=4.5, zorder=3)


def _dress(panel: Any, limits: tuple[float, float], name: str, colour: str) -> None:
    panel.set_ylim(*limits)
    panel.set_ylabel(name, color=colour, rotation=0, ha="right", va="center", labelpad=12)
    panel.spines[["top", "right"]].set_visible(False)
    panel.locator_params(axis="y", nbins=3)
    panel.grid(axis="x", alpha=0.25)


def _mark_gap(panel: Any, count: int) -> None:
    """An empty panel that tells how many rows are left out."""
    panel.spines[:].set_visible(False)
    panel.tick_params(left=False, bottom=False, labelleft=False)
    text = f"... {count} more rows ..."
    panel.text(0.5, 0.5, text, transform=panel.transAxes, ha="center", va="center", color=GREY)
