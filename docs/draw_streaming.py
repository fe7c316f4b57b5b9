"""Draw how a stream shares out a long kernel, and when each part is worked on and heard.

``python docs/draw_streaming.py`` writes docs/images/streaming.png.
"""

from pathlib import Path

import numpy as np
from matplotlib.figure import Figure

import sigconv as sc

TAPS, CHUNK, RATE = 131072, 256, 48000
COLOURS = "#777777", "#2166ac", "#c2571a", "#1b7837"


def main():
    """Draw the taps, and below them the first blocks of each stage along time."""
    kernel = np.ones(TAPS, "f4")
    stream = sc.StreamConvolver(kernel, block_size=CHUNK, dtype="f4", batch_shape=())
    layout = stream.plan.way.layout
    figure = Figure(figsize=(10, 5.6), layout="constrained", facecolor="white")
    above, below = figure.subplots(2, 1, height_ratios=(1, 1.5))
    above.barh(0, layout.first_taps, left=0.9, color=COLOURS[0])
    names = [f"{layout.first_taps} taps\nsummed directly"]
    for stage, colour in zip(layout.stages, COLOURS[1:], strict=False):
        for part in range(stage.parts):
            left = stage.first + part * stage.part
            width = min(stage.part, TAPS - left)
            above.barh(0, width, left=left, color=colour, edgecolor="white", linewidth=0.6)
        names.append(f"{stage.parts} parts of\n{stage.part} taps")
    starts = [1, *(stage.first for stage in layout.stages), TAPS]
    for name, low, high in zip(names, starts[:-1], starts[1:], strict=True):
        above.text(np.sqrt(low * high), 0.55, name, ha="center", va="bottom", fontsize=10)
    above.set(xscale="log", xlim=(0.9, TAPS * 1.05), ylim=(-0.5, 1.5), yticks=[])
    above.set_xlabel("taps of the kernel, on a logarithmic scale")
    above.set_title(f"{TAPS} taps, chunks of {CHUNK}, no latency", loc="left", fontweight="bold")
    last = layout.stages[-1]
    for row, (stage, colour) in enumerate(zip(layout.stages, COLOURS[1:], strict=False)):
        name = f"parts of {stage.part} taps"
        below.text(3.05 * last.block, 3 * row + 0.8, name, color=colour, va="center", fontsize=11)
        count = max(1, 2 * last.block // stage.block)
        for block in range(count):
            start, due = block * stage.block, block * stage.block + stage.first
            shade = 0.9 if block % 2 else 0.6
            top = 3 * row
            below.barh(top, stage.block, left=start, color=colour, alpha=0.3 * shade)
            if stage.slack:
                below.barh(
                    top + 0.8, stage.slack, left=due - stage.slack, color=colour, alpha=shade,
                    hatch="//", edgecolor="white",
                )  # fmt: skip
            below.barh(top + 1.6, stage.block, left=due, color=colour, alpha=shade)
        for offset, what in ((0, "samples come"), (0.8, "worked on"), (1.6, "first due")):
            if offset != 0.8 or stage.slack:
                below.text(-150, 3 * row + offset, what, ha="right", va="center", fontsize=9)
    span = 4 * last.block
    ticks = np.arange(0, span + 1, last.block)
    below.set_xticks(ticks, [f"{tick / RATE * 1000:.0f} ms" for tick in ticks])
    below.set(xlim=(-0.16 * span, 1.02 * span), yticks=[])
    below.invert_yaxis()
    below.set_title("blocks of each stage along time, at 48 kHz", loc="left", fontweight="bold")
    for axes in (above, below):
        for side in ("left", "right", "top"):
            axes.spines[side].set_visible(False)
    figure.savefig(Path(__file__).parent / "images" / "streaming.png", dpi=110)


if __name__ == "__main__":
    main()
