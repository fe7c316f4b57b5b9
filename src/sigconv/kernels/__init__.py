"""Kernels to convolve with: smoothing, derivatives, FIR filters, and their short text form.

Conventions, the same for every kernel here:

* Kernels are meant for convolution, y[n] = sum_k h[k] x[n-k], which flips them. Signs are such that
  ``convolve(signal, kernel)`` gives what the name says: `sobel` is positive where values rise.
* Per-axis values, sizes and spacings are in array-axis order: a volume indexed ``[z, y, x]`` takes
  ``(z, y, x)``.
* Smoothing kernels and `lowpass` sum to 1, derivatives and `log` to 0.
* The default element type is float64; ``dtype=np.float32`` keeps a float32 signal in float32.

`parse` makes the same kernels from text such as ``"gaussian:sigma=2x1x1mm"``.
"""

from __future__ import annotations

from sigconv.kernels.derivatives import laplacian, log, prewitt, sobel
from sigconv.kernels.filters import bandpass, highpass, lowpass
from sigconv.kernels.smoothing import box, delta, gaussian
from sigconv.kernels.specification import is_spec, parse

__all__ = [
    "bandpass",
    "box",
    "delta",
    "gaussian",
    "highpass",
    "is_spec",
    "laplacian",
    "log",
    "lowpass",
    "parse",
    "prewitt",
    "sobel",
]
