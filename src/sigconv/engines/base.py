"""What an engine is, and what it hands over: plans with their cost, and prepared kernels."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from typing import Any, NamedTuple, Protocol

from sigconv.core.blocks import BlockGrid
from sigconv.core.dtypes import Array, DType
from sigconv.core.gather import Tile
from sigconv.core.problem import Problem

__all__ = ["Candidate", "Cost", "Engine", "Machine", "Plan", "Prepared"]


@dataclass(frozen=True, slots=True)
class Machine:
    """Measured speeds, in seconds; the keys are the kind and size of a dtype, as ``"f4"``.

    `fft` is per sample and per log2 of the length, one way, for transforms of `fft_samples`
    samples (between them it is interpolated). `multiply_add` is per tap and
    output of the compiled loop, `slice_add` the same for NumPy slices.
    """

    name: str
    measured: str
    fft_samples: tuple[int, ...]
    fft: dict[str, tuple[float, ...]] = field(hash=False)
    multiply_add: dict[str, float] = field(hash=False)
    slice_add: dict[str, float] = field(hash=False)
    copy: float
    call: float
    block: float
    cold_loop: float
    thread: float
    cache_bytes: int


class Cost(NamedTuple):
    """What a plan is predicted to take: seconds on one worker, and extra bytes per worker."""

    seconds: float
    nbytes: int


class Candidate(NamedTuple):
    """One line of a plan's table: what an engine would cost, or why it refuses."""

    method: str
    cost: Cost | None = None
    refusal: str | None = None


@dataclass(frozen=True, slots=True)
class Plan:
    """How one convolution will be computed; the result depends on nothing else.

    Print it for a table. Pass it as ``method=`` to compute in the same way again.

    Attributes
    ----------
    problem : Problem
        What is computed.
    method : str
        The engine: ``direct``, ``fft``, ``overlap-save`` or ``overlap-add``.
    grid : BlockGrid
        The blocks that the work is cut into.
    cost : Cost
        Predicted seconds on one worker and bytes of scratch per worker.
    nfft, hop : tuple of int
        FFT length and advance of a block on each convolved axis (empty for ``direct``).
    group : int
        Transforms per call of the FFT library.
    effort : str
        How hard the FFT library plans: ``estimate`` or ``measure``.
    loop : str
        The inner loop of ``direct``: ``numba``, ``numpy`` or ``np.convolve``.
    candidates : tuple of Candidate
        Every engine that was considered.
    """

    problem: Problem
    method: str
    grid: BlockGrid
    cost: Cost
    nfft: tuple[int, ...] = ()
    hop: tuple[int, ...] = ()
    group: int = 1
    effort: str = "estimate"
    loop: str = ""
    candidates: tuple[Candidate, ...] = field(default=(), compare=False)

    def __str__(self) -> str:
        from sigconv.engines.table import format_plan

        return format_plan(self)


class Prepared(Protocol):
    """A kernel made ready for one plan: immutable, and shared by all workers."""

    plan: Plan

    def workspace(self) -> AbstractContextManager[Any]:
        """Lend the scratch that one worker needs."""

    def apply(self, tile: Tile, out: Array, work: Any) -> None:
        """Write (or, by input, add) the outputs of one block into `out`."""


class Engine(Protocol):
    """One algorithm."""

    name: str

    def refusal(self, problem: Problem) -> str | None:
        """Say why `problem` cannot be computed this way, or return None."""

    def candidates(self, problem: Problem, machine: Machine) -> Iterator[Plan]:
        """Yield plans for `problem`, each with its cost."""

    def prepare(self, plan: Plan, kernel: Array) -> Prepared:
        """Make the kernel, in canonical layout, ready for `plan`."""


def dtype_key(dtype: DType) -> str:
    """Return the key of `dtype` in a machine's tables, as ``"f4"``."""
    return f"{dtype.kind}{dtype.itemsize}"
