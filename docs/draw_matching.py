"""Draw a template in an uneven image, its correlation, and its normalised correlation.

``python docs/draw_matching.py`` writes docs/images/matching.png.
"""

from pathlib import Path

import numpy as np
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

import sigconv as sc

FACE = """
..#######..
.#.......#.
#..#...#..#
#.........#
#..#...#..#
#...###...#
.#.......#.
..#######..
"""
PLACES = {(12, 14): 1.0, (60, 30): 0.5, (34, 100): -0.8}
FOUND, INVERTED, WRONG = "#4da6ff", "#ffd24d", "#ff7f2a"


def draw_image(template):
    """Return an image that is bright in one corner, with the template at every place."""
    rows, columns = np.mgrid[0:100, 0:150]
    image = 0.15 * np.random.default_rng(4).standard_normal(rows.shape)
    image += 2.5 * np.exp(-((rows - 84) ** 2 + (columns - 130) ** 2) / 900)
    for (row, column), gain in PLACES.items():
        image[row : row + template.shape[0], column : column + template.shape[1]] += gain * template
    return image


def frame(axes, place, shape, colour, text):
    """Frame the window at a place."""
    row, column = place
    axes.add_patch(Rectangle((column - 0.5, row - 0.5), *shape[::-1], fill=False, ec=colour, lw=2))
    axes.text(column + shape[1] / 2, row - 2, text, color=colour, ha="center", fontsize=11)


def ring(axes, place, colour, text):
    """Ring an entry of a surface and write its value, on the side that has room."""
    row, column = place
    axes.plot(column, row, "o", mfc="none", mec=colour, ms=18, mew=1.8)
    left = column > 60
    where = column - 8 if left else column + 8
    axes.text(where, row, text, color=colour, ha="right" if left else "left", va="center")


def main():
    """Draw the template, the image and both surfaces."""
    lines = FACE.split()
    template = np.kron([[float(c == "#") for c in line] for line in lines], np.ones((2, 2)))
    image = draw_image(template)
    sums = sc.correlate(image, template, "valid")
    surface = sc.normalized_correlation(image, template)
    brightest = np.unravel_index(sums.argmax(), sums.shape)

    figure = Figure(figsize=(14, 3.5), layout="constrained", facecolor="white")
    left, middle, right = figure.subplots(1, 3, width_ratios=(1, 1.12, 1.12))
    left.imshow(image, cmap="gray", vmin=-1, vmax=2.2)
    # Beside the image and at its scale.
    first = left.inset_axes((-44, 20, *template.shape[::-1]), transform=left.transData)
    first.imshow(template, cmap="gray", aspect="auto")
    first.set_title("template", fontsize=11)
    first.set(xticks=[], yticks=[])
    for place, gain in PLACES.items():
        frame(left, place, template.shape, FOUND if gain > 0 else INVERTED, f"gain {gain:g}")
    frame(left, brightest, template.shape, WRONG, "bright")
    left.set(title="image", xlabel="column", ylabel="row")
    shown = middle.imshow(sums, cmap="gray")
    figure.colorbar(shown, ax=middle, shrink=0.7)
    ring(middle, brightest, WRONG, f"{sums[brightest]:.0f}")
    for place, gain in PLACES.items():
        ring(middle, place, FOUND if gain > 0 else INVERTED, f"{sums[place]:.0f}")
    middle.set_title("correlate: highest where it is bright")
    shown = right.imshow(surface, cmap="RdBu_r", vmin=-1, vmax=1)
    figure.colorbar(shown, ax=right, shrink=0.7)
    for place in (*PLACES, brightest):
        ring(right, place, WRONG if place == brightest else "black", f"{surface[place]:.2f}")
    right.set_title("normalized_correlation: ±1 where it fits")
    for axes in (middle, right):
        axes.set(xlabel="first column of the window", ylabel="first row")
    figure.savefig(Path(__file__).parent / "images" / "matching.png", dpi=110)


if __name__ == "__main__":
    main()
