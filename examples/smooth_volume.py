"""Smooth a series of MRI volumes by a Gaussian given in millimetres.

You learn to take the voxel size from a NIfTI header, so that smoothing is equally wide in every
direction although voxels are not cubes; to keep time out of it with `axes=(0, 1, 2)`; and that the
symmetric boundary keeps the mean of every volume. Needs `sigconv[plot,volume]`.
"""

import argparse
from pathlib import Path

import nibabel
import numpy as np
from matplotlib.figure import Figure
from scipy.ndimage import gaussian_filter

import sigconv as sc

SCAN = Path(nibabel.__file__).parent / "tests" / "data" / "example4d.nii.gz"
FWHM = 8.0  # mm: full width at half maximum, as MRI software states it


def width(kernel, spacing):
    """Return the standard deviation of the weights along each axis, in mm."""
    sums = [kernel.sum(axis=tuple({0, 1, 2} - {axis})) for axis in range(3)]
    places = [
        step * (np.arange(len(w)) - len(w) // 2) for w, step in zip(sums, spacing, strict=True)
    ]
    return np.array([np.sqrt((w * x**2).sum()) for w, x in zip(sums, places, strict=True)])


def draw(path, before, after, spacing):
    """Save a slice from above and one from the side, in mm, before and after."""
    figure = Figure(figsize=(9.5, 6), layout="constrained")
    axes = figure.subplots(2, 2, sharex="row", sharey="row", height_ratios=(192, 90))
    x, z = before.shape[0] // 2, before.shape[2] // 2
    for column, (volume, name) in enumerate(
        ((before, "as measured"), (after, f"smoothed, FWHM {FWHM:g} mm"))
    ):
        for row, (view, names) in enumerate(((volume[:, :, z], "xy"), (volume[x], "yz"))):
            size = [n * spacing["xyz".index(a)] for n, a in zip(view.shape, names, strict=True)]
            image = axes[row, column].imshow(
                view.T, cmap="gray", origin="lower", extent=(0, size[0], 0, size[1]), vmax=700
            )
            axes[row, column].set(xlabel=f"{names[0]} (mm)", ylabel=f"{names[1]} (mm)")
        axes[0, column].set_title(name)
    figure.colorbar(image, ax=axes, label="intensity")
    figure.savefig(path, dpi=110)


def main(output):
    """Smooth, check against SciPy and the law of the mean, and save volumes and picture."""
    scan = nibabel.load(SCAN)
    series = scan.get_fdata(dtype=np.float32)
    spacing = scan.header.get_zooms()[:3]
    sigma = FWHM / np.sqrt(8 * np.log(2))
    kernel = sc.kernels.gaussian(sigma, spacing=spacing, dtype=np.float32)
    smooth = sc.convolve(series, kernel, "same", axes=(0, 1, 2), boundary="symmetric")
    first = sc.convolve(series[..., 0], kernel, "same", boundary="symmetric")

    peer = gaussian_filter(series, [*(sigma / np.array(spacing)), 0], mode="reflect")
    means = [volumes.mean(axis=(0, 1, 2), dtype=float) for volumes in (series, smooth)]
    drift = abs(means[1] / means[0] - 1).max()
    print(f"{series.shape} voxels of {' x '.join(f'{step:.3g}' for step in spacing)} mm")
    print(f"kernel {kernel.shape}, standard deviation {width(kernel, spacing).round(2)} mm")
    print(f"mean changed by {drift:.1e}; farthest from SciPy {abs(smooth - peer).max():.1e}")
    assert np.allclose(width(kernel, spacing), sigma, rtol=0.01)
    assert np.allclose(smooth, peer, rtol=0, atol=1e-5 * series.max())
    assert drift < 1e-6
    assert np.allclose(smooth[..., 0], first, rtol=0, atol=1e-5 * series.max())

    output.mkdir(parents=True, exist_ok=True)
    nibabel.save(nibabel.Nifti1Image(smooth, scan.affine), output / "smooth-volumes.nii.gz")
    draw(output / "smooth-volumes.png", series[..., 0], smooth[..., 0], spacing)
    print(f"wrote smooth-volumes.nii.gz and smooth-volumes.png in {output}")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--output", type=Path, default=Path("example-output"))
    main(parser.parse_args().output)
