"""Draw a convolution layer with the products of one window, and what its keywords do.

``python docs/draw_layers.py`` writes docs/images/layer.png and docs/images/layer-positions.png.
"""

from pathlib import Path

import numpy as np
from matplotlib.figure import Figure

from sigconv import layers

IMAGES = Path(__file__).parent / "images"
BLUE, ORANGE, GREY, LIT = "#2166ac", "#c2571a", "#999999", "#fdd9b5"
STRIDE, PADDING, SIDE = 2, 1, 3
WINDOW = 1, 2  # the output whose products are written out
SIZE, TAPS = 7, 3
NAMES = {"fontfamily": "monospace", "fontweight": "bold", "fontsize": 10}
POSITIONS = {
    "the layer alone": {},
    "padding=1": {"padding": 1},
    "padding=1, stride=2": {"padding": 1, "stride": 2},
    "dilation=2": {"dilation": 2},
    "padding=2, stride=2, dilation=2": {"padding": 2, "stride": 2, "dilation": 2},
}


def signed(text):
    """Return text with true minus signs."""
    return f"{text}".replace("-", "−")


def draw_grid(axes, values, corner, *, colours="white", width=1.0):
    """Draw a matrix below and to the right of a corner, each entry on its colour."""
    colours = np.broadcast_to(np.asarray(colours, object), values.shape)
    for (row, column), value in np.ndenumerate(values):
        left, top = corner[0] + width * column, corner[1] + row
        sides = [left, left + width, left + width, left], [top, top, top + 1, top + 1]
        axes.fill(*sides, facecolor=colours[row, column], edgecolor=GREY, linewidth=0.8)
        place = left + width / 2, top + 0.53
        axes.text(*place, signed(value), ha="center", va="center", fontsize=9)


def draw_layer():
    """Draw 5 x 5 x 3 padded to 7 x 7 x 3, two filters, and the 3 x 3 x 2 that come out."""
    rng = np.random.default_rng(4)
    x, weight = rng.integers(0, 3, (1, 3, 5, 5)), rng.integers(-1, 2, (2, 3, SIDE, SIDE))
    bias = np.array([1, 0])
    y = layers.conv(x, weight, bias, stride=STRIDE, padding=PADDING)[0]
    padded = np.pad(x[0], ((0, 0), (PADDING, PADDING), (PADDING, PADDING)))
    window = tuple(slice(STRIDE * q, STRIDE * q + SIDE) for q in WINDOW)
    under, marked = np.full((7, 7), "#e8e8e8", object), np.full((3, 3), "white", object)
    under[PADDING:-PADDING, PADDING:-PADDING] = "white"
    under[window] = marked[WINDOW] = LIT
    figure = Figure(figsize=(12, 8), facecolor="white")
    axes = figure.add_axes((0.01, 0.01, 0.98, 0.98))
    axes.set(xlim=(-0.2, 39.2), ylim=(26, -0.4), aspect="equal")
    axes.axis("off")
    bold = {"ha": "center", "fontweight": "bold", "color": BLUE}
    for channel, top in enumerate((0.8, 9.4, 18)):
        axes.text(3.5, top - 0.3, f"x, channel {channel}, padded", **bold)
        draw_grid(axes, padded[channel], (0, top), colours=under)
        for out, (left, middle) in enumerate(((8.5, 18.5), (13, 26.5))):
            axes.text(left + 1.5, top + 1.7, f"weight[{out}, {channel}]", **bold)
            draw_grid(axes, weight[out, channel], (left, top + 2))
            seen = padded[(channel, *window)]
            pairs = zip(seen.flat, weight[out, channel].flat, strict=True)
            products = np.array([f"{a}·{b}" for a, b in pairs]).reshape(SIDE, SIDE)
            axes.text(middle + 3.3, top + 1.7, f"window · weight[{out}, {channel}]", **bold)
            draw_grid(axes, products, (middle, top + 2), colours=LIT, width=2.2)
            total = signed((seen * weight[out, channel]).sum())
            axes.text(middle + 6.6, top + 5.7, f"sum {total}", ha="right", va="center")
    for out, middle in enumerate((18.5, 26.5)):
        sums = [(padded[(c, *window)] * weight[out, c]).sum() for c in range(3)]
        whole = " + ".join(f"({n})" if n < 0 else f"{n}" for n in sums)
        text = f"{whole} + bias {bias[out]} = {y[(out, *WINDOW)]}"
        axes.text(middle + 6.6, 25, signed(text), ha="right", va="center", color=ORANGE)
        axes.text(36.5, 2.5 + 8.6 * out, f"y, channel {out}", **bold)
        draw_grid(axes, y[out], (35, 2.8 + 8.6 * out), colours=marked)
    figure.savefig(IMAGES / "layer.png", dpi=110)


def draw_steps(axes, title, keywords):
    """Draw samples below, outputs above, and which of them meet."""
    stride, dilation = keywords.get("stride", 1), keywords.get("dilation", 1)
    padding = keywords.get("padding", 0)
    count = layers.conv_output_shape((1, 1, SIZE), (1, 1, TAPS), **keywords)[-1]
    for q in range(count):
        met = stride * q - padding + dilation * np.arange(TAPS)
        colour, width = (ORANGE, 2) if q == 1 else (GREY, 0.8)
        axes.plot(
            [met, np.full(TAPS, met.mean())], [[0] * TAPS, [1] * TAPS], color=colour, lw=width
        )
        axes.plot(met.mean(), 1, "o", ms=9, color=ORANGE if q == 1 else BLUE)
    axes.plot(range(SIZE), [0] * SIZE, "o", ms=9, color="black", zorder=3)
    beyond = [*range(-padding, 0), *range(SIZE, SIZE + padding)]
    axes.plot(beyond, [0] * len(beyond), "o", ms=9, mfc="white", mec="black", zorder=3)
    axes.set_title(title, loc="left", **NAMES)
    sums = f"({SIZE} + {2 * padding} − {dilation}·{TAPS - 1} − 1) // {stride} + 1 = {count}"
    axes.set_title(sums, loc="right", fontsize=9)
    axes.set(xlim=(-2.5, SIZE + 1.5), ylim=(-0.25, 1.25), yticks=[0, 1])
    axes.set_yticklabels(["x", "y"])
    axes.set_xticks(range(SIZE))


def draw_transposed(axes):
    """Draw samples below, and the outputs above that each puts its kernel on."""
    shape = layers.conv_transpose(np.ones((1, 1, 4)), np.ones((1, 1, TAPS)), stride=2).shape
    for n in range(4):
        colour, width = (ORANGE, 2) if n == 1 else (GREY, 0.8)
        for p in 2 * n + np.arange(TAPS):
            axes.plot([2 * n + 1, p], [0, 1], color=colour, lw=width)
        axes.plot(2 * n + 1, 0, "o", ms=9, color=ORANGE if n == 1 else "black", zorder=3)
    axes.plot(range(shape[-1]), [1] * shape[-1], "o", ms=9, color=BLUE)
    axes.set_title("conv_transpose, stride=2", loc="left", **NAMES)
    axes.set_title(f"(4 − 1)·2 + {TAPS - 1} + 1 = {shape[-1]}", loc="right", fontsize=9)
    axes.set(xlim=(-1.5, 9.5), ylim=(-0.25, 1.25), yticks=[0, 1])
    axes.set_yticklabels(["x", "y"])
    axes.set_xticks(2 * np.arange(4) + 1, range(4))


def main():
    """Draw both pictures."""
    draw_layer()
    figure = Figure(figsize=(11, 6.6), layout="constrained", facecolor="white")
    figure.get_layout_engine().set(w_pad=0.2, h_pad=0.12)
    panels = figure.subplots(3, 2).T.flat
    for axes, (title, keywords) in zip(panels, POSITIONS.items(), strict=False):
        draw_steps(axes, title, keywords)
    draw_transposed(figure.axes[-1])
    for axes in figure.axes:
        for side in ("left", "right", "top", "bottom"):
            axes.spines[side].set_visible(False)
        axes.tick_params(length=0)
    figure.savefig(IMAGES / "layer-positions.png", dpi=110)


if __name__ == "__main__":
    main()
