"""Measured speeds of one machine, by ``python -m benchmarks.shipped``; do not edit."""

from __future__ import annotations

from dataclasses import replace

from sigconv.engines.base import Machine

__all__ = ["MACHINE", "READY"]

# Length, and picoseconds per sample and log2 of the length for f4, f8, c8 and c16.
_FFT = (
    (1024, 113, 89, 81, 155),
    (1280, 103, 95, 81, 158),
    (1536, 122, 82, 135, 188),
    (2048, 114, 83, 77, 152),
    (2560, 96, 85, 105, 164),
    (3072, 123, 97, 124, 196),
    (4096, 115, 84, 104, 200),
    (5120, 105, 97, 116, 217),
    (6144, 95, 117, 121, 277),
    (8192, 110, 127, 143, 253),
    (10240, 110, 97, 120, 208),
    (12288, 111, 123, 136, 287),
    (16384, 108, 144, 159, 246),
    (20480, 112, 109, 127, 215),
    (24576, 120, 110, 170, 243),
    (32768, 113, 136, 164, 240),
    (40960, 116, 115, 127, 220),
    (49152, 109, 119, 170, 252),
    (65536, 127, 135, 152, 253),
    (81920, 109, 134, 133, 271),
    (98304, 116, 141, 164, 335),
    (131072, 109, 184, 169, 431),
    (163840, 110, 169, 191, 346),
    (196608, 119, 208, 205, 534),
    (262144, 130, 260, 298, 549),
    (327680, 121, 245, 208, 381),
    (393216, 132, 283, 387, 544),
    (524288, 167, 317, 932, 1101),
    (655360, 159, 311, 435, 531),
    (786432, 208, 311, 499, 677),
    (1048576, 321, 469, 1036, 1225),
    (1310720, 275, 524, 591, 1127),
    (1572864, 297, 541, 627, 2718),
    (2097152, 357, 688, 1389, 2518),
    (2621440, 390, 582, 655, 2131),
    (3145728, 380, 1051, 765, 2032),
    (4194304, 478, 1075, 3093, 2585),
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
        "f4": 1.01e-10,
        "f8": 1.27e-10,
        "c8": 1.41e-10,
        "c16": 3.12e-10,
    },
    # The same for complex columns in place.
    fft_columns={
        "c8": 1.75e-10,
        "c16": 2.35e-10,
    },
    # Seconds per tap and output, by the compiled loop.
    multiply_add={
        "f4": 3.37e-11,
        "f8": 5.69e-11,
        "c8": 1.5e-10,
        "c16": 3.65e-10,
        "i8": 1.1e-10,
        "u8": 1.11e-10,
    },
    # The same by NumPy slices.
    slice_add={
        "f4": 5.71e-10,
        "f8": 1.25e-09,
        "c8": 1.51e-09,
        "c16": 2.26e-09,
        "i8": 1.17e-09,
        "u8": 1.15e-09,
    },
    # np.convolve: seconds per output, and per tap and output.
    convolve={
        "f4": (1.22e-08, 1.62e-11),
        "f8": (4.37e-09, 6.17e-11),
        "c8": (1.46e-08, 6.27e-11),
        "c16": (1.57e-08, 1.71e-10),
        "i8": (5.75e-10, 3.52e-10),
        "u8": (5.76e-10, 3.51e-10),
    },
    # Seconds per bin of a spectrum multiplied, in single precision.
    multiply=3.91e-10,
    # Per byte read or written in a copy.
    copy=3.37e-11,
    # Per call.
    call=1.95e-05,
    # Per block.
    block=4.76e-05,
    # To import numba and load a first loop.
    cold_loop=0.629,
    # To compile a loop.
    compile_loop=2.43,
    # To wake a thread.
    thread=2.19e-05,
    # Half of a core's second-level cache.
    cache_bytes=1048576,
)

READY = replace(MACHINE, cold_loop=0.0, compile_loop=0.0)
"""The same with its compiled loops loaded: for plans that will be used many times."""
