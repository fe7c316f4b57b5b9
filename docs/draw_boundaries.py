"""Draw what each boundary puts beyond the edges of a small signal.

``python docs/draw_boundaries.py`` writes docs/images/boundaries.png.
"""

from pathlib import Path

import numpy as np
from matplotlib.figure import Figure

import sigconv as sc

SIGNAL = np.array([3.0, 5.0, 4.0, 2.0])
LETTERS = np.array(list("abcd"))
BEYOND = 6
RULES = {
    "zero": "nothing is there",
    "constant": "a value of your choice, here fill_value=1",
    "edge": "the outermost sample goes on",
    "reflect": "mirrored at the outermost sample",
    "symmetric": "mirrored beyond the outermost sample",
    "wrap": "periodic",
}
FILLS = {"zero": 0.0, "constant": 1.0}
INSIDE, OUTSIDE = "#2166ac", "#c2571a"


def extend(rule):
    """Return the signal with BEYOND samples on either side, and the letters of all."""
    # A unit impulse amid zeros: its full convolution is the extended signal.
    impulse = sc.kernels.delta(2 * BEYOND + 1)
    fill = FILLS.get(rule)
    samples = sc.convolve(SIGNAL, impulse, boundary=rule, fill_value=fill or 0.0)
    if fill is None:
        return samples, np.pad(LETTERS, BEYOND, mode=rule)
    return samples, np.pad(LETTERS, BEYOND, constant_values=f"{fill:g}")


def main():
    """Draw one panel per rule."""
    figure = Figure(figsize=(10, 6.2), layout="constrained", facecolor="white")
    positions = np.arange(-BEYOND, len(SIGNAL) + BEYOND)
    inside = (positions >= 0) & (positions < len(SIGNAL))
    panels = figure.subplots(3, 2, sharex=True, sharey=True)
    for axes, (rule, meaning) in zip(panels.flat, RULES.items(), strict=True):
        samples, letters = extend(rule)
        axes.axvspan(-0.5, len(SIGNAL) - 0.5, color=INSIDE, alpha=0.08)
        axes.bar(positions, samples, 0.62, color=np.where(inside, INSIDE, OUTSIDE))
        for position, sample, letter in zip(positions, samples, letters, strict=True):
            axes.text(position, sample + 0.15, letter, ha="center", va="bottom", fontsize=11)
        axes.set_title(rule, loc="left", fontweight="bold", fontfamily="monospace")
        axes.set_title(meaning, loc="right", fontsize=10)
        axes.set(ylim=(0, 6.4), xlim=(positions[0] - 0.6, positions[-1] + 0.6), yticks=[])
        axes.set_xticks(positions)
        for side in ("left", "right", "top"):
            axes.spines[side].set_visible(False)
    figure.supxlabel("index n; the signal is a b c d at 0 to 3, everything else is made up")
    figure.savefig(Path(__file__).parent / "images" / "boundaries.png", dpi=110)


if __name__ == "__main__":
    main()
