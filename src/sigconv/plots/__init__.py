"""Pictures of convolutions, drawn with matplotlib, of arrays and of tables.

A function returns a `matplotlib.figure.Figure`; ``figure.savefig("picture.png")`` writes it. No
window is opened and no global state of matplotlib is touched.
"""

from __future__ import annotations

from sigconv.plots.recordings import draw_filtering
from sigconv.plots.superposition import draw_superposition
from sigconv.plots.volumes import draw_smoothing

__all__ = ["draw_filtering", "draw_smoothing", "draw_superposition"]
