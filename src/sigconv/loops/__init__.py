"""Compiled loops: sums in vector registers, passes, and FFTW without the GIL.

A loop is a function of addresses and tables; what depends on shapes is worked out before, by the
engines that run it. Modules here import numba, all but `sum_tables` and `scratch`: engines import
them when a loop is first used.
"""
