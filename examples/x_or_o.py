"""Tell drawn X from O, whatever their place, size, angle and stroke, by a small network.

You learn to join layers, and to train them by their own derivatives. Needs `sigconv[plot]`.
"""

import argparse
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure

from sigconv import layers

SIDE, STEPS, BATCH, RATE = 20, 400, 32, 0.6
ENDS = (-3, 3), (-3, 3), (0, np.pi), (3.5, 6), (0.4, 1.4), (1, 1.4)  # of what letters differ in


def letters(rng, count):
    """Return grey images (count, 1, SIDE, SIDE) of letters, and 1 for each X, 0 for each O."""
    is_x, pixels = rng.integers(0, 2, (count, 1, 1)), np.arange(SIDE) - (SIDE - 1) / 2
    right, down, angle, size, stroke, slim = (rng.uniform(*ends, is_x.shape) for ends in ENDS)
    z = (pixels - right + 1j * (pixels[:, None] - down)) * np.exp(1j * angle)
    a, b = abs(z.real), abs(z.imag) * slim
    bars = np.hypot([a, b], np.maximum([b - size, a - size], 0)).min(axis=0)
    away = np.where(is_x, bars, abs(np.hypot(a, b) - size))  # from the middle of a stroke
    images = np.clip(stroke + 0.5 - away, 0, 1) + rng.normal(0, 0.1, away.shape)
    return images[:, None].astype("f4"), is_x[:, 0].astype("f4")


def run(images, is_x, weights):
    """Return how surely images are an X, the mean error, and its derivatives by all weights."""
    found = layers.conv(images, *weights[:2])
    pooled, places = layers.max_pool(layers.relu(found), 4, return_indices=True)
    flat = pooled.reshape(len(images), -1)
    score = layers.dense(flat, *weights[2:])
    sure = layers.sigmoid(score)
    grad = layers.sigmoid_grad(layers.squared_error_grad(sure, is_x), score)  # and all the way back
    grad, *last = layers.dense_grad(grad, flat, weights[2])
    grad = layers.max_pool_grad(grad.reshape(pooled.shape), places, found.shape)
    grad = layers.relu_grad(grad, found)
    first = layers.conv_weight_grad(grad, images, weights[0].shape), layers.conv_bias_grad(grad)
    return sure, layers.squared_error(sure, is_x), (*first, *last)


def draw(path, errors, pictures):
    """Save the errors, kernels (blue is below 0), and letters from the least to the most sure."""
    figure = Figure(figsize=(12, 7.6), layout="constrained")
    grid = figure.add_gridspec(4, 8)
    figure.add_subplot(grid[0, :], title="mean squared error, step by step").semilogy(errors)
    for k, (title, picture) in enumerate(pictures):
        panel = figure.add_subplot(grid[1 + k // 8, k % 8], title=title, xticks=[], yticks=[])
        panel.imshow(picture, "RdBu_r" if k < 8 else "gray", vmin=-(k < 8), vmax=1)
    figure.savefig(path, dpi=110)


def main(output):
    """Train on letters, test on others, and draw what was learned."""
    rng, errors, shapes = np.random.default_rng(0), [], ((8, 1, 5, 5), (8,), (1, 8 * 4 * 4), (1,))
    weights = [rng.normal(0, 0.2, shape).astype("f4") for shape in shapes]
    for _ in range(STEPS):
        _, error, slopes = run(*letters(rng, BATCH), weights)
        errors.append(error)
        weights = [weight - RATE * slope for weight, slope in zip(weights, slopes, strict=True)]
    print(f"mean squared error {np.mean(errors[:20]):.3f}, at last {np.mean(errors[-20:]):.3f}")
    images, is_x = letters(np.random.default_rng(1), 2000)
    sure = run(images, is_x, weights)[0][:, 0]
    right = np.mean((sure > 0.5) == is_x[:, 0])
    print(f"{right:.2%} of {len(images)} new letters are told")
    assert right > 0.95
    pictures = [(f"kernel {k}", kernel[0]) for k, kernel in enumerate(weights[0])]
    pictures += [(f"{sure[k]:.1%} X", images[k, 0]) for k in abs(sure - 0.5).argsort()[::125]]
    output.mkdir(parents=True, exist_ok=True)
    draw(output / "letters.png", errors, pictures)
    print(f"wrote letters.png in {output}")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--output", type=Path, default=Path("example-output"))
    main(parser.parse_args().output)
