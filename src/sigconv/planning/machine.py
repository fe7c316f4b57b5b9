"""Measured speeds of one machine, by ``python -m benchmarks.shipped``; do not edit."""

from __future__ import annotations

from dataclasses import replace

from sigconv.engines.base import Machine

__all__ = ["MACHINE", "READY"]

# Length, and picoseconds per sample and log2 of the length for f4, f8, c8 and c16.
_FFT = (
    (1024, 114, 87, 80, 147),
    (1280, 100, 95, 79, 152),
    (1536, 122, 83, 128, 186),
    (2048, 104, 83, 76, 148),
    (2560, 96, 84, 105, 164),
    (3072, 113, 97, 121, 195),
    (4096, 106, 83, 102, 194),
    (5120, 104, 97, 115, 216),
    (6144, 95, 116, 118, 272),
    (8192, 106, 125, 141, 240),
    (10240, 106, 98, 119, 207),
    (12288, 110, 123, 136, 287),
    (16384, 104, 143, 157, 235),
    (20480, 104, 107, 128, 214),
    (24576, 120, 109, 165, 244),
    (32768, 113, 135, 155, 231),
    (40960, 109, 116, 127, 215),
    (49152, 109, 121, 165, 246),
    (65536, 117, 143, 147, 252),
    (81920, 104, 135, 126, 263),
    (98304, 112, 141, 158, 310),
    (131072, 109, 187, 158, 418),
    (163840, 104, 172, 188, 346),
    (196608, 116, 192, 203, 509),
    (262144, 122, 274, 289, 534),
    (327680, 114, 243, 211, 368),
    (393216, 126, 289, 385, 526),
    (524288, 162, 327, 776, 801),
    (655360, 145, 310, 367, 500),
    (786432, 198, 320, 453, 523),
    (1048576, 237, 363, 853, 812),
    (1310720, 223, 366, 495, 564),
    (1572864, 235, 357, 487, 587),
    (2097152, 265, 462, 891, 1035),
    (2621440, 286, 548, 468, 834),
    (3145728, 283, 695, 524, 861),
    (4194304, 318, 576, 1634, 1224),
)

MACHINE = Machine(
    name="Intel(R) Xeon(R) Processor (family 6, model 167), 2 processors",
    measured="2026-11-27, pyFFTW 0.15.1, fftw-3.3.5-sse2-avx, numba 0.68.1, NumPy 2.4.6",
    fft_samples=tuple(row[0] for row in _FFT),
    fft={
        key: tuple(row[i] * 1e-12 for row in _FFT)
        for i, key in enumerate(("f4", "f8", "c8", "c16"), start=1)
    },
    # Seconds per sample and log2 of the number of samples.
    fft_nd={
        "f4": 8.91e-11,
        "f8": 1.32e-10,
        "c8": 1.44e-10,
        "c16": 3.15e-10,
    },
    # The same for complex columns in place.
    fft_columns={
        "c8": 1.7e-10,
        "c16": 2.32e-10,
    },
    # Seconds per tap and output, by the compiled loop.
    multiply_add={
        "f4": 3.41e-11,
        "f8": 5.96e-11,
        "c8": 1.54e-10,
        "c16": 3.65e-10,
        "i8": 1.13e-10,
        "u8": 1.11e-10,
    },
    # The same by NumPy slices.
    slice_add={
        "f4": 6.56e-10,
        "f8": 1.42e-09,
        "c8": 1.33e-09,
        "c16": 2.71e-09,
        "i8": 1.13e-09,
        "u8": 1.26e-09,
    },
    # np.convolve: seconds per output, and per tap and output.
    convolve={
        "f4": (1.34e-08, 1.62e-11),
        "f8": (4.63e-09, 4.57e-11),
        "c8": (1.47e-08, 4.82e-11),
        "c16": (1.44e-08, 1.61e-10),
        "i8": (1.24e-10, 3.43e-10),
        "u8": (1.25e-10, 3.52e-10),
    },
    # Seconds per bin of a spectrum multiplied, in single precision.
    multiply=2e-10,
    # Per byte read or written in a copy.
    copy=3.37e-11,
    # Per call.
    call=2.47e-05,
    # Per block.
    block=3.97e-05,
    # To import numba and load a first loop.
    cold_loop=0.409,
    # To compile a loop.
    compile_loop=2.15,
    # To wake a thread.
    thread=8.89e-05,
    # Half of a core's second-level cache.
    cache_bytes=2097152,
)

READY = replace(MACHINE, cold_loop=0.0, compile_loop=0.0)
"""The same with its compiled loops loaded: for plans that will be used many times."""
