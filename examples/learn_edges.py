"""Learn an edge detector from an image and its edges, by gradient descent.

You learn what training a layer is: `layers.conv`, an error, the derivative of the error by the
weights (`layers.conv_weight_grad`), and a small step against it. Needs `sigconv[plot]`.
"""

import argparse
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure

from sigconv.layers import conv, conv_weight_grad, squared_error, squared_error_grad

RATE, STEPS = 0.03, 30
EDGES = np.array([[[[1.0, -1.0]]]])  # weights are (out, in, rows, columns)


def learn(image, wanted, weight):
    """Return the weights and the errors, before each step and after the last."""
    weights, errors = [weight], []
    for _ in range(STEPS):
        made = conv(image, weight)
        errors.append(squared_error(made, wanted))
        grad = made.size * squared_error_grad(made, wanted)  # of the sum of squares, not the mean
        weight = weight - RATE * conv_weight_grad(grad, image, weight.shape)
        weights.append(weight)
    return np.array(weights)[:, 0, 0, 0], [*errors, squared_error(conv(image, weight), wanted)]


def draw(path, images, wanted, weights):
    """Save what the kernels make of the image, and the way of the weights down the error."""
    figure = Figure(figsize=(11, 6.8), layout="constrained")
    above, below = figure.subfigures(2, 1, height_ratios=(1, 1.5))
    for axes, title in zip(above.subplots(1, 4, width_ratios=(8, 7, 7, 7)), images, strict=True):
        axes.imshow(images[title][0, 0], cmap="RdBu_r", vmin=-4, vmax=4)
        for column, value in enumerate(images[title][0, 0, 2].round(1) + 0):
            axes.text(column, 2, value, ha="center", va="center", fontsize=8)
        axes.set(title=title, xticks=[], yticks=[])
    steps, bowl = below.subplots(1, 2)
    steps.plot(weights, "o-", ms=3, label=["left weight", "right weight"])
    steps.hlines([1, -1], 0, STEPS, colors="black", linestyles="dotted")
    steps.set(title="the weights", xlabel="step")
    steps.legend()
    side = np.linspace(-2.2, 2.2, 45)
    kernels = np.stack(np.meshgrid(side, side), axis=-1).reshape(-1, 1, 1, 2)
    errors = ((conv(images["image"], kernels) - wanted) ** 2).sum(axis=(0, 2, 3))
    bowl.contour(side, side, errors.reshape(45, 45), 2.0 ** np.arange(-2, 10), colors="grey")
    bowl.plot(*weights.T, "ko-", ms=3, lw=0.8)
    bowl.set(title="sum of squares", xlabel="left weight", ylabel="right weight", aspect="equal")
    figure.savefig(path, dpi=110, bbox_inches="tight")


def main(output):
    """Learn the kernel from one image, check it and its derivative, and draw both."""
    image = np.ones((1, 1, 6, 8))
    image[..., 2:6] = 0
    wanted = conv(image, EDGES)
    assert (wanted[0, 0] == [0, 1, 0, 0, 0, -1, 0]).all()
    assert not conv(image.swapaxes(2, 3), EDGES).any()  # none lies across: horizontal edges
    start = np.random.default_rng(5).standard_normal(EDGES.shape)
    weights, errors = learn(image, wanted, start)
    for step in range(0, STEPS + 1, 5):
        print(f"step {step:2}: weights {weights[step].round(3)}, error {errors[step]:.2g}")
    assert abs(weights[-1] - (1, -1)).max() < 0.05
    assert errors[-1] < 1e-3 * errors[0]
    # The sum of squares is a bowl of curvature 60 along (1, 1), and 12 along (1, -1).
    sums = weights.sum(axis=1)
    assert np.allclose(sums[1:], (1 - 60 * RATE) * sums[:-1])
    output.mkdir(parents=True, exist_ok=True)
    images = {"image": image, "edges, wanted": wanted, "by the first kernel": conv(image, start)}
    images["by the learned kernel"] = conv(image, weights[-1].reshape(EDGES.shape))
    draw(output / "learning.png", images, wanted, weights)
    print(f"wrote learning.png in {output}")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--output", type=Path, default=Path("example-output"))
    main(parser.parse_args().output)
