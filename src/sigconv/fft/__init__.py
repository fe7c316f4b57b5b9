"""The FFT backend: exclusive transforms with their own scratch, by pyFFTW or scipy.fft."""

from sigconv.fft.backend import current_backend, set_fft_backend
from sigconv.fft.patience import Abandoned, abandonable
from sigconv.fft.pool import borrow_transform, clear_transforms
from sigconv.fft.transform import Transform, TransformSpec

__all__ = [
    "Abandoned",
    "Transform",
    "TransformSpec",
    "abandonable",
    "borrow_transform",
    "clear_transforms",
    "current_backend",
    "set_fft_backend",
]
