"""Find edges in a slice of an MRI scan, under every boundary.

You learn what Sobel and Laplacian kernels answer to; that a kernel can be smoothed beforehand,
because convolution is associative; and that the boundary changes only a rim of the picture, half a
kernel wide, where a careless choice makes up edges. Needs `pip install "sigconv[plot,volume]"`.
"""

import argparse
from pathlib import Path

import nibabel
import numpy as np
from matplotlib.figure import Figure
from nibabel.testing import data_path
from scipy import ndimage

import sigconv as sc
from sigconv.kernels import box, delta, gaussian, laplacian, sobel

BOUNDARIES = ("zero", "constant", "edge", "reflect", "symmetric", "wrap")


def slopes(image, smoothing, mode="same", **boundary):
    """Steepness of the smoothed image in every pixel: the length of its gradient."""
    kernels = [sc.convolve(smoothing, sobel(axis) / 8) for axis in (0, 1)]
    return np.hypot(*(sc.convolve(image, kernel, mode, **boundary) for kernel in kernels))


def check_by_hand():
    """Vertical edges of a drawn square, and what averaging and sharpening do to noise."""
    drawn = np.ones((6, 8), int)
    drawn[:, 2:6] = 0
    edges = sc.correlate(drawn, [[1, -1]], "valid")
    assert (edges == [0, 1, 0, 0, 0, -1, 0]).all()
    assert not sc.correlate(drawn.T, [[1, -1]], "valid").any()
    noise = np.random.default_rng(1).standard_normal((500, 500))
    for kernel, expected in ((box(3, ndim=2), 1 / 3), (gaussian(1, ndim=2), 0.2821)):
        assert np.isclose(sc.convolve(noise, kernel, "valid").std(), expected, rtol=0.02)
    sharpening = 2 * delta(3, ndim=2) - box(3, ndim=2)
    assert sc.convolve(noise, sharpening, "valid").std() > 1.7


def draw(path, rows):
    """Save a grid of titled pictures, each with its range of values and the frame of the slice."""
    figure = Figure(figsize=(2.2 * len(rows[0]), 2.4 * len(rows)), layout="constrained")
    for panel, (title, image, scale) in zip(
        figure.subplots(len(rows), len(rows[0])).flat, sum(rows, []), strict=True
    ):
        panel.imshow(image.T, origin="lower", **scale)
        panel.set_title(title, fontsize=10)
        panel.set_axis_off()
    figure.savefig(path, dpi=110)


def main(output):
    """Check the facts, find the edges, compare the boundaries and draw them."""
    check_by_hand()
    scan = nibabel.load(Path(data_path) / "example4d.nii.gz")
    image = np.asarray(scan.dataobj)[40:88, 28:76, 15, 0].astype(float)
    curvature = sc.convolve(image, laplacian(), "same", boundary="symmetric")
    assert np.allclose(curvature, ndimage.laplace(image), atol=1e-9)
    sharp = slopes(image, delta(ndim=2), boundary="symmetric")
    peer = np.hypot(ndimage.sobel(image, 0), ndimage.sobel(image, 1)) / 8
    assert np.allclose(sharp, peer, atol=1e-9)

    smoothing = gaussian(1.5, ndim=2)
    inside = slopes(image, smoothing, "valid")
    rim = (len(image) - len(inside)) // 2
    grey, heat = {"cmap": "gray", "vmin": 0, "vmax": 700}, {"cmap": "magma", "vmin": 0, "vmax": 60}
    extended, found = [], []
    for boundary in BOUNDARIES:
        rule = {"boundary": boundary} | ({"fill_value": 350} if boundary == "constant" else {})
        around = sc.convolve(image, delta(2 * 12 + 1, ndim=2), boundary=boundary)
