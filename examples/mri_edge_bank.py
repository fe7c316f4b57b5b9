"""Look at an MRI slice through a bank of edge kernels, as the first layer of a network does.

You learn what output channels, ReLU and pooling make of an image. Needs `sigconv[plot,volume]`.
"""

import argparse
from pathlib import Path

import nibabel
import numpy as np
from matplotlib import colormaps
from matplotlib.figure import Figure
from scipy import ndimage

from sigconv.kernels import laplacian, sobel
from sigconv.layers import conv, max_pool, relu

RING = [0, 0, 0, 1, 2, 2, 2, 1], [0, 1, 2, 2, 2, 1, 0, 0]  # around the middle of 3 x 3, in order
POOL, WHITE = 3, 800


def bank():
    """Return kernels (3, 3) by name: rises towards eight directions, and spots."""
    kernels = {"bright spots": -laplacian(dtype="f4"), "dark spots": laplacian(dtype="f4")}
    right = -sobel(1, dtype="f4")  # the sign: layers do not flip
    for k in range(8):
        kernels[f"rises to {45 * k}°"] = turned = right.copy()
        turned[RING] = np.roll(right[RING], k)
    return kernels


def coloured(rises):
    """Return the direction of the strongest of eight rises as a colour, as light as it is steep."""
    colours = colormaps["hsv"](rises.argmax(axis=0) / 8)[..., :3]
    return colours * np.minimum(rises.max(axis=0) / WHITE, 1)[..., None]


def draw(path, titles, fine, coarse):
    """Save pictures, each above what pooling leaves of it."""
    figure = Figure(figsize=(14, 10.2), layout="constrained")
    panels = figure.subplots(4, 6).reshape(2, 2, 6).swapaxes(1, 2).reshape(12, 2)
    for axes, title, *pictures in zip(panels, titles, fine, coarse, strict=True):
        for panel, name, picture in zip(axes, (title, "pooled"), pictures, strict=True):
            panel.imshow(picture, cmap="gray", origin="lower", vmin=0, vmax=WHITE)
            panel.set(title=name, xticks=[], yticks=[])
    figure.savefig(path, dpi=110)


def main(output):
    """Run the bank, check each channel against SciPy and NumPy, and draw all."""
    scan = Path(nibabel.__file__).parent / "tests/data/example4d.nii.gz"
    image = nibabel.load(scan).get_fdata(dtype="f4")[40:88, 28:76, 15, 0].T
    kernels = bank()
    weight = np.stack(list(kernels.values()))[:, None]  # (10 out, 1 in, 3, 3)
    found = conv(image[None, None], weight, padding="same", boundary="symmetric")
    lit = relu(found)
    pooled = max_pool(lit, POOL)
    print(f"slice {image.shape}, weights {weight.shape}: {found.shape}, pooled {pooled.shape}")
    for response, kernel in zip(found[0], kernels.values(), strict=True):
        assert np.allclose(response, ndimage.correlate(image, kernel), atol=1e-2)
    up, right = ndimage.sobel(image, 0), ndimage.sobel(image, 1)
    assert np.array_equal(lit[:, 2:6] - lit[:, 6:], found[:, 2:6])  # two ReLUs keep a signed answer
    blocks = lit.reshape(1, 10, 48 // POOL, POOL, 48 // POOL, POOL)
    assert np.array_equal(pooled, blocks.max(axis=(3, 5)))
    steep = np.hypot(right, up) > WHITE / 4
    turn = found[0, 2:].argmax(axis=0) - np.arctan2(up, right) / (np.pi / 4)
    near = np.mean(abs((turn[steep] + 4) % 8 - 4) < 30 / 45)
    print(f"the strongest of eight is within 30° of {near:.1%} of {steep.sum()} steep rises")
    assert near > 0.95
    fine = [image, coloured(lit[0, 2:]), *lit[0]]
    coarse = [max_pool(image[None, None], POOL)[0, 0], coloured(pooled[0, 2:]), *pooled[0]]
    output.mkdir(parents=True, exist_ok=True)
    draw(output / "bank.png", ["slice", "red 0°, cyan 180°", *kernels], fine, coarse)
    print(f"wrote bank.png in {output}")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--output", type=Path, default=Path("example-output"))
    main(parser.parse_args().output)
