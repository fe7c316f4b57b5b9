"""Slices of a volume before and after a convolution, with their difference."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from sigconv.plots.style import new_figure

__all__ = ["draw_smoothing"]

Array = npt.NDArray[Any]


def draw_smoothing(
    before: Array,
    after: Array,
    spacing: tuple[float, float, float],
    *,
    slices: tuple[int, ...] | None = None,
    name: str = "smoothed",
) -> Any:
    """Return a figure with a row of slices before, one after and one of the difference.

    Parameters
    ----------
    before, after : ndarray
        Volumes of the same shape (x, y, z).
    spacing : tuple of float
        Millimetres per sample on x, y and z.
    slices : tuple of int, optional
        The z indices to show. Default: four, evenly spread over the middle of the volume.
    name : str
        The title of the second row.

    Returns
    -------
    matplotlib.figure.Figure
        The figure; the two upper rows share one grey scale.
    """
    depth = before.shape[2]
    if slices is None:
        slices = tuple(int(z) for z in np.linspace(0.2, 0.8, 4) * (depth - 1))
    difference = after.astype(np.float64) - before
    rows = (("original", before), (name, after), ("after − before", difference))
    width, height = before.shape[0] * spacing[0], before.shape[1] * spacing[1]
    figure = new_figure(2.6 * len(slices) + 1.8, 2.6 * 3 * height / width + 0.9)
    axes = figure.subplots(3, len(slices), sharex=True, sharey=True, squeeze=False)
    top = float(np.percentile(before, 99.5))
    most = float(np.percentile(np.abs(difference), 99.5)) or 1.0
    scales = (
        {"cmap": "gray", "vmin": 0.0, "vmax": top},
        {"cmap": "gray", "vmin": 0.0, "vmax": top},
        {"cmap": "RdBu_r", "vmin": -most, "vmax": most},
    )
    for row, (title, volume) in enumerate(rows):
        for column, z in enumerate(slices):
            image = axes[row, column].imshow(
                volume[:, :, z].T,
                origin="lower",
                extent=(0, width, 0, height),
                interpolation="nearest",
                **scales[row],
            )
        axes[row, 0].set_ylabel(f"{title}\n\ny (mm)")
        bar = figure.colorbar(image, ax=axes[row, :], pad=0.01, aspect=18)
        bar.set_label("intensity" if row < 2 else "change of intensity")
    for column, z in enumerate(slices):
        axes[0, column].set_title(f"slice {z}, z = {z * spacing[2]:.0f} mm", fontsize=10)
        axes[2, column].set_xlabel("x (mm)")
    return figure
