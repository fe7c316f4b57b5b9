"""Find edges in a slice of an MRI scan, under every boundary.

You learn what Sobel and Laplacian kernels answer to, and that the boundary changes only a rim,
where a careless choice makes up edges. Needs `sigconv[plot,volume]`.
"""

import argparse
from pathlib import Path

import nibabel
import numpy as np
from matplotlib.figure import Figure
from scipy import ndimage

import sigconv as sc
from sigconv.kernels import box, delta, gaussian, laplacian, sobel


def slopes(image, sigma, mode="same", **boundary):
    """Rise per pixel of the smoothed image along x and y, and the steepness from both."""
    kernels = (sc.convolve(gaussian(sigma, ndim=2), sobel(i, spacing=1)) for i in (0, 1))
    x, y = (sc.convolve(image, kernel, mode, **boundary) for kernel in kernels)
    return x, y, np.hypot(x, y)


def check_small_cases():
    """Edges of a drawn bar, and noise under averaging and sharpening, as theory has them."""
    bar = np.pad(np.zeros((6, 4), int), ((0, 0), (2, 2)), constant_values=1)
    assert (sc.correlate(bar, [[1, -1]], "valid") == [0, 1, 0, 0, 0, -1, 0]).all()
    assert not sc.correlate(bar.T, [[1, -1]], "valid").any()
    assert (sc.convolve(bar, -laplacian(dtype=int), "valid")[:, 0] == 1).all()  # 4 - 3 ones
    noise = np.random.default_rng(1).standard_normal((500, 500))
    for kernel in (box(3, ndim=2), gaussian(1, ndim=2), 2 * delta(3, ndim=2) - box(3, ndim=2)):
        gain = np.sqrt((kernel**2).sum())  # 1/3 for the mean of 9 pixels, 1.91 for sharpening
        assert np.isclose(sc.convolve(noise, kernel, "valid").std(), gain, rtol=0.02)


def draw(path, panels):
    """Save pictures, column by column: each a title, values and what is black and white."""
    figure = Figure(figsize=(14, 8.4), layout="constrained")
    for axes, (title, image, low, high) in zip(figure.subplots(3, 6).T.flat, panels, strict=True):
        axes.imshow(image.T, cmap="gray", origin="lower", vmin=low, vmax=high)
        axes.set(title=title, xticks=[], yticks=[], xlabel=f"black {low}, white {high}")
    figure.savefig(path, dpi=110)


def main(output):
    """Find edges, compare them with SciPy's and under every boundary, and draw both."""
    check_small_cases()
    scan = Path(nibabel.__file__).parent / "tests/data/example4d.nii.gz"
    image = nibabel.load(scan).get_fdata()[40:88, 28:76, 15, 0]
    x, y, sharp = slopes(image, 0, boundary="symmetric")
    bends = sc.convolve(image, laplacian(), "same", boundary="symmetric")
    assert np.allclose(x, ndimage.sobel(image, 0) / 8)
    assert np.allclose(bends, ndimage.laplace(image))
    inside = slopes(image, 1.5, "valid")[2]
    rim = (len(image) - len(inside)) // 2
    top = [("slice", image, 0, 700), ("rise along x", x, -99, 99), ("rise along y", y, -99, 99)]
    top += [("steepness", sharp, 0, 99), ("Laplacian", bends, -400, 400)]
    top += [("steep, valid (smoothed)", inside, 0, 60)]
    panels, rules = [], ("zero", "constant", "edge", "reflect", "symmetric", "wrap")
    print(f"the steepest of {image.shape} pixels is {inside.max():.0f}, and with the rim of {rim}:")
    for name, first in zip(rules, top, strict=True):
        rule = {"boundary": name, "fill_value": 350 if name == "constant" else 0}
        found = slopes(image, 1.5, **rule)[2]
        print(f"  {name:<9} {found.max():.0f}")
        assert np.allclose(found[rim:-rim, rim:-rim], inside)
        assert all(abs(found - other[1]).max() > 1 for other in panels[2::3])
        assert (found.max() > 2 * inside.max()) == (name == "zero")
        extended = sc.convolve(image, delta(2 * rim + 1, ndim=2), **rule)
        panels += [first, (f"beyond: {name}", extended, 0, 700), (f"steep, {name}", found, 0, 60)]
    output.mkdir(parents=True, exist_ok=True)
    draw(output / "edges.png", panels)
    print(f"wrote edges.png in {output}")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="Find edges, under every boundary.")
    parser.add_argument("--output", type=Path, default=Path("example-output"))
    main(parser.parse_args().output)
