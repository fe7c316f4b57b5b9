"""Measured speeds of one machine: data, with where and when they come from."""

from __future__ import annotations

from sigconv.engines.base import Machine

__all__ = ["MACHINE"]

MACHINE = Machine(
    name="AMD EPYC (Zen 3, AVX2), 2 cores, 512 KiB L2 a core, 32 MiB L3",
    measured="2026-11-23, pyFFTW 0.15.1 (ESTIMATE), numba 0.68.1, NumPy 2.4.6",
    # Seconds per sample and log2 of the length.
    fft_samples=(1 << 12, 1 << 15, 1 << 18, 1 << 20, 1 << 22),
    fft={
        "f4": (1.2e-10, 1.4e-10, 1.5e-10, 2.2e-10, 4.5e-10),
        "f8": (1.4e-10, 2.0e-10, 2.6e-10, 4.3e-10, 7.2e-10),
        "c8": (2.2e-10, 2.8e-10, 3.2e-10, 5.0e-10, 9.0e-10),
        "c16": (2.8e-10, 4.0e-10, 5.2e-10, 8.6e-10, 1.4e-9),
    },
    fft_nd={"f4": 1.9e-10, "f8": 2.6e-10, "c8": 3.8e-10, "c16": 5.2e-10},
    # Seconds per tap and output.
    multiply_add={
        "f4": 4.5e-11,
        "f8": 8.5e-11,
        "c8": 2.7e-10,
        "c16": 5.5e-10,
        "i8": 2.1e-10,
        "u8": 2.1e-10,
    },
    slice_add={
        "f4": 2.5e-10,
        "f8": 5.8e-10,
        "c8": 5.8e-10,
        "c16": 1.3e-9,
        "i8": 6.0e-10,
        "u8": 6.0e-10,
    },
    # Seconds per bin of a spectrum multiplied, per byte copied, per call, per block, to load the
    # compiled loop, to wake a thread.
    multiply=8.0e-10,
    copy=9.0e-11,
    call=2.0e-5,
    block=2.5e-5,
    cold_loop=3.0e-3,
    thread=4.0e-5,
    cache_bytes=1 << 20,
)
