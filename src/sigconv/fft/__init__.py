"""The FFT backend: exclusive transforms with their own scratch, by pyFFTW or scipy.fft."""

from sigconv.fft.backend import backend_version, current_backend, is_native, set_fft_backend
from sigconv.fft.patience import LONG_BYTES, Abandoned, abandonable
from sigconv.fft.planes import ColumnSpec, PlaneSpec, padded
from sigconv.fft.pool import borrow_transform, clear_transforms
from sigconv.fft.transform import Transform, TransformSpec

__all__ = [
    "LONG_BYTES",
    "Abandoned",
    "ColumnSpec",
    "PlaneSpec",
    "Transform",
    "TransformSpec",
    "abandonable",
    "backend_version",
    "borrow_transform",
    "clear_transforms",
    "current_backend",
    "is_native",
    "padded",
    "set_fft_backend",
]
