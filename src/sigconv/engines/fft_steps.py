"""Short signals through FFTs in one step: what is described, planned and cut is made once.

Beside transforms of some thousand samples, blocks and tiles take longer than the work.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from math import prod
from typing import Any, NamedTuple

import numpy as np

from sigconv.core.dtypes import Array
from sigconv.core.index import fill_around
from sigconv.engines import compiled
from sigconv.engines.native_planes import MOST_AT_ONCE, NativePlaneTransforms, Planes
from sigconv.engines.numpy_convolve import is_plain, tap_order, taps_in_order
from sigconv.engines.plan import Plan
from sigconv.engines.planes import Layout
from sigconv.engines.spectral import ScaledTaps, plain_energies, room_of
from sigconv.engines.window_loops import Signals, WindowLoop
from sigconv.fft import TransformSpec, borrow_transform
from sigconv.loops.scratch import borrow_scratch

__all__ = ["FftStep", "PlaneStep", "WholeStep", "WindowStep", "fft_step"]


class _Ready(NamedTuple):
    """The spectrum of a kernel, and the factor of outputs."""

    spectrum: Array
    factor: Any


class FftStep(ABC):
    """One plain signal through FFTs; what is not plain or not finite is left to blocks."""

    def __init__(self, plan: Plan) -> None:
        problem = plan.problem
        self._plan = plan
        self._shape, self._signal_shape = problem.result_shape, problem.signal_shape
        self._dtype = problem.dtypes.compute
        self._order = tap_order(problem)
        self._conj = problem.correlate and problem.dtypes.is_complex

    def weights(self, kernel: Array) -> Any:
        """Return what `kernel`, as given to the call, becomes; None is left to the blocks."""
        with np.errstate(all="ignore"):
            return self._ready(taps_in_order(kernel, self._order, self._dtype, conj=self._conj))

    def apply(
        self,
        signal: Array,
        weights: Any,
        out: Array | None = None,
        *,
        watch: bool = False,
        workers: int = 1,
    ) -> Array | None:
        """Return the result, or None where the blocks have to compute it."""
        del workers
        same = signal.shape == self._signal_shape and is_plain(signal, self._dtype)
        if weights is None or not same:
            return None
        if out is not None and (
            watch or not is_plain(out, self._dtype) or np.may_share_memory(out, signal)
        ):
            return None
        result = np.empty(self._shape, self._dtype) if out is None else out
        return result if self._filter(signal, result, weights) else None

    def _ready(self, taps: Array) -> Any:
        """Return what flat taps become before they meet a signal."""
        return taps

    @abstractmethod
    def _filter(self, signal: Array, result: Array, weights: Any) -> bool:
        """Write the result, and tell whether all that came back is finite."""


class WindowStep(FftStep):
    """One axis, window after window, by a compiled loop around FFTW."""

    def __init__(self, plan: Plan) -> None:
        super().__init__(plan)
        self._loop = WindowLoop(plan)
        self._layout = self._loop.layout(plan.grid.at((0,) * len(plan.grid.shape)))
        self._rows = np.zeros((1, 3), np.int64)
        self._limits = _limits(plan)

    def _filter(self, signal: Array, result: Array, weights: Any) -> bool:
        from sigconv.loops.fft_windows import transform_taps

        x, y = _memory(signal), result.reshape(-1)
        spec = self._loop.spec
        with self._loop.workspace() as work, borrow_scratch() as room:
            spectra = room.array((1, *spec.bins), spec.spectrum_dtype)
            scratch = work.samples[0], work.spectrum[0]
            factor = transform_taps(work.calls, _memory(weights), scratch, spectra, self._limits)
            signals = Signals(x, y, self._rows, self._layout)
            return factor != 0 and self._loop.run(work, signals, spectra, factor)


class WholeStep(FftStep):
    """Any number of axes by one transform of the whole signal."""

    def __init__(self, plan: Plan) -> None:
        super().__init__(plan)
        self._spec = TransformSpec(1, plan.nfft, self._dtype, plan.effort)
        self._alone = (0,) * len(plan.problem.batch)
        block = plan.grid.at((0,) * len(plan.grid.shape))
        self._support = tuple(slice(*span) for span in block.support)
        self._place = tuple(slice(0, high - low) for low, high in block.support)
        self._outputs = tuple(
            slice(start - low, stop - low)
            for (start, stop), (low, _) in zip(block.write, block.support, strict=True)
        )

    def _ready(self, taps: Array) -> _Ready | None:
        scaled = ScaledTaps.of(self._plan, taps.reshape(self._plan.problem.taps))
        if scaled.bad or scaled.factor is None:
            return None
        return _Ready(self._spectrum(scaled.taps), scaled.factor)

    def _spectrum(self, taps: Array) -> Array:
        """Return the spectrum of finite taps, with 1/nfft folded in."""
        with borrow_transform(self._spec) as work:
            fill_around(work.samples[0], tuple(slice(0, k) for k in taps.shape), taps)
            work.forward()
            # The factor has the real dtype, so that it does not widen the spectrum.
            spectrum: Array = work.spectrum[0] * (self._dtype.type(1).real / prod(self._spec.nfft))
            return spectrum

    def _filter(self, signal: Array, result: Array, weights: Any) -> bool:
        problem = self._plan.problem
        x, y = problem.signal_view(signal)[self._alone], problem.result_view(result)[self._alone]
        with np.errstate(all="ignore"), borrow_transform(self._spec) as work:
            fill_around(work.samples[0], self._place, x[self._support])
            work.forward()
            spectrum = work.spectrum[0]
            spectrum *= weights.spectrum
            work.inverse()
            samples = work.samples[0]
            np.multiply(samples[self._outputs], weights.factor, out=y)
            # Of a real transform's bins, the first output has the real parts, the next both parts.
            return bool(np.isfinite(samples.reshape(-1)[:2]).all())


class PlaneStep(FftStep):
    """Two axes and more plane by plane, kernel and signal in one call of a compiled loop."""

    def __init__(self, plan: Plan) -> None:
        super().__init__(plan)
        problem, dtype = plan.problem, self._dtype
        compiled.load(dtype, "planes")
        self._planes = NativePlaneTransforms(plan)
        block = plan.grid.at((0,) * len(plan.grid.shape))
        layout = Layout.of(block)
        alone: tuple[Any, ...] = (0,) * len(problem.batch)
        support: tuple[Any, ...] = (*alone, *(slice(*span) for span in block.support))
        samples, outputs = np.empty(self._signal_shape, dtype), np.empty(self._shape, dtype)
        source = _placed(problem.signal_view(samples)[support], samples)
        target = _placed(problem.result_view(outputs)[alone], outputs)
        self._spec = self._planes.spec_of(layout)
        self._tiles = self._planes.tiles(source, target, layout, layout.leads)
        taps, bins = Planes.of(np.empty(problem.taps), 0), self._planes.kernel_spec.bins[-1]
        self._places = np.array(taps.place(0)), np.array((0, *taps.sizes, 0, 0, bins))
        self._limits = _limits(plan)

    def _filter(self, signal: Array, result: Array, weights: Any) -> bool:
        from sigconv.loops.fft_planes import convolve_once

        x, y = _memory(signal), result.reshape(-1)
        own = self._planes
        with (
            borrow_transform(own.kernel_spec) as kernel,
            own.lend(self._spec) as (planes, columns, between),
            borrow_scratch() as room,
        ):
            calls = kernel.calls, planes.calls, columns.calls
            scratch = *planes.by_rows, between, columns.columns
            taken = *kernel.by_rows[:2], own.room(self._plan.problem.taps[0], room)
            told: Any = self._tiles, scratch, (_memory(weights), *self._places), taken, self._limits
            return bool(convolve_once(calls, x, y, *told))


def _limits(plan: Plan) -> tuple[int, float, float, Any]:
    """Return what compiled loops are told of the scale of taps."""
    dtype = plan.problem.dtypes.compute
    return room_of(plan), *plain_energies(dtype), dtype.type(1).real / prod(plan.nfft)


def _memory(array: Array) -> Array:
    """Return a plain array's elements in a view that is read-only, as loops want samples."""
    flat = array.reshape(-1)
    flat.flags.writeable = False
    return flat


def _placed(view: Array, whole: Array) -> Planes:
    """Return where a view lies in the memory of an array."""
    return Planes.of(view, (view.ctypes.data - whole.ctypes.data) // whole.itemsize)


def fft_step(plan: Plan) -> FftStep | None:
    """Return the plan of transforms as one step, None where it takes more."""
    if len(plan.grid) != 1 or not plan.problem.is_lone or plan.loop == "parts":
        return None
    if plan.loop and not compiled.runs_transforms(plan.problem.dtypes.compute):
        return None
    if plan.loop in ("numba", "pairs") and len(plan.nfft) == 1:
        return WindowStep(plan)
    if plan.method != "fft":
        return None
    # Plans by measured transforms are for kernels whose spectra are kept, and whole.
    if plan.loop == "compiled planes" and plan.effort != "measure":
        return PlaneStep(plan) if prod(plan.nfft) <= MOST_AT_ONCE else None
    return None if plan.loop else WholeStep(plan)
