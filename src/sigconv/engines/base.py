"""What an engine is: plans for a machine, and kernels prepared for a plan."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from typing import Any, Protocol

from sigconv.core.dtypes import Array, DType
from sigconv.core.gather import Tile
from sigconv.core.problem import Problem
from sigconv.engines.plan import Plan

__all__ = ["Engine", "Machine", "NonFiniteSamples", "Prepared", "dtype_key"]


class NonFiniteSamples(Exception):  # noqa: N818
    """Stops a watched computation: a block holds NaN or infinity."""


@dataclass(frozen=True, slots=True)
class Machine:
    """Measured speeds, in seconds; the keys are the kind and size of a dtype, as ``"f4"``.

    `fft` is per sample and per log2 of the length, one way, for transforms of `fft_samples`
    samples, in groups that fill `cache_bytes`; between the powers of two among them it is
    interpolated. `fft_nd` is the same for two axes and more, whatever the size, once every axis
    is long. `fft_columns` is for complex columns in place, `fft_rows` for rows of arrays, where an
    axis has one of `axis_lengths`.
    `multiply_add` is per tap and output of the compiled loop, `slice_add` the same for NumPy
    slices. `convolve` is for `np.convolve`, per output and per product. `cold_loop` is to import
    numba and start its compiler, `compile_loop` to compile one loop where none is cached on disk.
    """

    name: str
    measured: str
    fft_samples: tuple[int, ...]
    fft: dict[str, tuple[float, ...]] = field(hash=False)
    fft_nd: dict[str, float] = field(hash=False)
    axis_lengths: tuple[int, ...]
    fft_columns: dict[str, tuple[float, ...]] = field(hash=False)
    fft_rows: dict[str, tuple[float, ...]] = field(hash=False)
    multiply_add: dict[str, float] = field(hash=False)
    slice_add: dict[str, float] = field(hash=False)
    convolve: dict[str, tuple[float, float]] = field(hash=False)
    multiply: float
    copy: float
    call: float
    block: float
    cold_loop: float
    compile_loop: float
    thread: float
    cache_bytes: int
    wisdom: dict[tuple[str, int, int], float] = field(default_factory=dict, hash=False)
    """The rate, as in `fft`, by dtype, length and number of transforms at once, of those that
    FFTW plans by the wisdom of a calibration."""
    wisdom_name: str = ""


class Prepared(Protocol):
    """A kernel made ready for one plan: immutable, and shared by all workers."""

    plan: Plan

    def workspace(self) -> AbstractContextManager[Any]:
        """Lend the scratch that one worker needs."""

    def apply(self, tile: Tile, out: Array, work: Any, *, watch: bool = False) -> None:
        """Write (or, by input, add) the outputs of one block into `out`.

        `work` is what `workspace` lends, or the number of workers where `plan.shares_blocks`.
        With `watch`, samples that are not finite raise NonFiniteSamples instead.
        """


class Engine(Protocol):
    """One algorithm."""

    name: str
    blockwise: bool
    """Whether memory stays that of a few blocks, however long the signal is."""

    def refusal(self, problem: Problem) -> str | None:
        """Say why `problem` cannot be computed this way, or return None."""

    def candidates(self, problem: Problem, machine: Machine) -> Iterator[Plan]:
        """Yield plans for `problem`, each with its cost, the cheapest first."""

    def prepare(self, plan: Plan, kernel: Array) -> Prepared:
        """Make the kernel, in canonical layout, ready for `plan`."""


def dtype_key(dtype: DType) -> str:
    """Return the key of `dtype` in a machine's tables, as ``"f4"``."""
    return f"{dtype.kind}{dtype.itemsize}"
