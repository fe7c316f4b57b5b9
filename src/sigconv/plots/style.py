"""What every picture shares: size, resolution, colours and letter sizes."""

from __future__ import annotations

from typing import Any

from sigconv.core.optional import require

__all__ = ["BLUE", "GREY", "ORANGE", "new_figure"]

BLUE, ORANGE, GREY = "#2166ac", "#c2571a", "#555555"

DPI = 120


def new_figure(width: float, height: float) -> Any:
    """Return an empty figure of `width` times `height` inches with room left for its titles."""
    figure = require("matplotlib.figure", "plot").Figure(
        figsize=(width, height), dpi=DPI, layout="constrained", facecolor="white"
    )
    figure.get_layout_engine().set(w_pad=0.08, h_pad=0.08, hspace=0.06, wspace=0.04)
    return figure
