"""One neuron as a logical gate: a weighted sum, a bias, and a sigmoid.

You learn what weights and a bias do (`layers.dense`, `layers.sigmoid`), that -30 with 20 and 20 is
AND, and why exclusive or, which no straight line cuts out, takes two layers. Needs `sigconv[plot]`.
"""

import argparse
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure

from sigconv.layers import dense, sigmoid

CORNERS = np.array([[0.0, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 1.0]])
GATES = {  # the weights of both inputs, and the bias
    "AND": ([20, 20], -30),
    "OR": ([20, 20], -10),
    "NAND": ([-20, -20], 30),
    "NOR": ([-20, -20], 10),
    "a, not b": ([20, -20], -10),
}
TRUTH = {
    "AND": [0, 0, 0, 1],
    "OR": [0, 1, 1, 1],
    "NAND": [1, 1, 1, 0],
    "NOR": [1, 0, 0, 0],
    "a, not b": [0, 0, 1, 0],
    "XOR": [0, 1, 1, 0],
}


def answer(gate, inputs):
    """Return what a gate makes of inputs (number, 2), between 0 and 1."""
    if gate == "XOR":  # OR and NAND, joined by AND
        return answer("AND", np.stack([answer("OR", inputs), answer("NAND", inputs)], axis=-1))
    weights, bias = GATES[gate]
    return sigmoid(dense(inputs, [weights], [bias]))[:, 0]


def draw(path):
    """Save the answers over the unit square, the corners, and the line where the answer is 1/2."""
    steps = np.linspace(-0.25, 1.25, 151)
    square = np.stack(np.meshgrid(steps, steps), axis=-1)
    figure = Figure(figsize=(11, 7), layout="constrained")
    for axes, gate in zip(figure.subplots(2, 3).flat, TRUTH, strict=True):
        values = answer(gate, square.reshape(-1, 2)).reshape(square.shape[:2])
        shown = axes.pcolormesh(steps, steps, values, cmap="Blues", vmin=0, vmax=1)
        axes.contour(steps, steps, values, [0.5], colors="black", linewidths=0.8)
        for corner, truth in zip(CORNERS, TRUTH[gate], strict=True):
            box = {"boxstyle": "circle", "facecolor": "white"}
            axes.text(*corner, truth, ha="center", va="center", fontweight="bold", bbox=box)
        title = gate if gate in GATES else f"{gate}: three neurons"
        axes.set(title=title, xlabel="a", ylabel="b", aspect="equal", xticks=[0, 1], yticks=[0, 1])
    figure.colorbar(shown, ax=figure.axes, label="answer", shrink=0.7)
    figure.savefig(path, dpi=110)


def main(output):
    """Ask every gate about the four corners, compare with the truth, and draw all between."""
    for gate, truth in TRUTH.items():
        found = answer(gate, CORNERS)
        print(f"{gate:<9}", *(f"{value:.4f}" for value in found))
        assert abs(found - truth).max() < 5e-5
    assert answer("AND", np.array([[0.75, 0.75]])) == 0.5  # 20 * 0.75 + 20 * 0.75 = 30
    output.mkdir(parents=True, exist_ok=True)
    draw(output / "gates.png")
    print(f"wrote gates.png in {output}")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--output", type=Path, default=Path("example-output"))
    main(parser.parse_args().output)
